"""The plain loop does what it is compared for, and what is measured is written and read back."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from baselines.anomalies import Append, Replace
from baselines.augment import Crop, Flip, Jitter, Noise
from baselines.large import Window
from baselines.normalise import GlobalContrast, Standard, unit
from baselines.recipe import Recipe
from benchmarks import plain, speed
from benchmarks.speed_table import efficiency
from benchmarks.speed_training import Case, Ours, flops_of, is_timed, noise
from benchmarks.store import SCHEMA, Store
from benchmarks.suites import DETECTORS
from fcdd.nets import Net28, Net32

COLOUR, GREY = noise((6, 3, 32, 32), 0), noise((6, 1, 28, 28), 1)


@pytest.mark.parametrize("images", [COLOUR, GREY])
@pytest.mark.parametrize("normalise", [GlobalContrast(), Standard()])
def test_one_image_at_a_time_is_normalised_as_a_batch(images, normalise):
    measured = normalise.measure(images)
    steps = plain.transforms(Recipe(1, normalise=normalise), measured)
    found = []
    for image in images:
        for step in steps:
            image = step(image)
        found.append(image)
    expected = normalise(unit(images), measured)
    torch.testing.assert_close(torch.stack(found), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("images", [COLOUR, GREY])
def test_plain_augmentations_do_what_ours_do(images):
    picture = plain.to_picture(images[0])
    shown = np.asarray(picture)
    assert np.array_equal(shown.reshape(*shown.shape[:2], -1), images[0].permute(1, 2, 0))
    wide = np.pad(shown, [(2, 2), (2, 2), (0, 0)][: shown.ndim])
    side = shown.shape[0]
    cuts = [wide[y : y + side, x : x + side] for y in range(5) for x in range(5)]
    cropped = np.asarray(plain.crop(2, picture))
    assert any(np.array_equal(cropped, cut) for cut in cuts)
    flips = {np.asarray(plain.flip(picture)).tobytes() for _ in range(40)}
    assert flips == {shown.tobytes(), np.ascontiguousarray(shown[:, ::-1]).tobytes()}
    moved = np.asarray(plain.jitter(0.01, picture)).astype(int)
    assert moved.shape == shown.shape and 0 < np.abs(moved - shown).mean() < 8


def test_hue_turns_and_grey_stays():
    red = Image.new("RGB", (2, 2), (255, 0, 0))
    assert np.asarray(plain.turned(red, 1 / 3))[0, 0].argmax() == 1
    assert np.asarray(plain.turned(red, -1 / 3))[0, 0].argmax() == 2
    grey = Image.new("L", (2, 2), 7)
    assert plain.turned(grey, 0.3) is grey


@pytest.mark.parametrize("workers", [0, 2])
def test_half_of_the_plain_loop_is_replaced_and_the_other_half_seen_once(workers):
    images = torch.arange(200, dtype=torch.uint8).view(200, 1, 1, 1).expand(200, 1, 28, 28)
    others = torch.full((30, 1, 28, 28), 250, dtype=torch.uint8)
    recipe = Recipe(1, 50, placement=Replace(0.5))
    main, more = plain.loaders(recipe, images.contiguous(), others, torch.zeros(0), workers)
    assert more is None
    seen = [(x[:, 0, 0, 0].mul(255).round(), y) for x, y in main]
    values, labels = (torch.cat(part) for part in zip(*seen, strict=True))
    assert len(values) == 200 and 60 <= labels.sum() <= 140
    assert (values[labels == 1] == 250).all()
    own = values[labels == 0].tolist()
    assert len(own) == len(set(own)) and max(own) < 200


def test_anomalies_are_appended_from_a_loader_of_their_own():
    recipe = Recipe(1, 3, placement=Append())
    main, more = plain.loaders(recipe, GREY, COLOUR[:, :1], torch.zeros(0), 0)
    assert more is not None
    assert [y.tolist() for _, y in main] == [[0] * 3] * 2
    assert [y.tolist() for _, y in more] == [[1] * 3] * 2


def test_augmentations_without_a_plain_version_are_named():
    with pytest.raises(ValueError, match="no plain version of Window"):
        plain.transforms(Recipe(1, augment=(Window(24),)), torch.zeros(0))
    both = Recipe(1, augment=(Jitter(0.01), Noise(0.001), Crop(2), Flip()))
    assert len(plain.transforms(both, torch.zeros(0))) == 6


@pytest.mark.parametrize("net", [Net28(4)((1, 28, 28)), Net32(4)((3, 32, 32))])
def test_the_authors_net_is_ours_with_pooling_behind_the_activation(net):
    images = torch.rand(5, net[0].in_channels, *[28 if net[0].in_channels == 1 else 32] * 2)
    twin = plain.as_authors(net)
    kinds = [type(layer).__name__ for layer in twin]
    assert kinds.index("LeakyReLU") < kinds.index("MaxPool2d")
    torch.testing.assert_close(twin(images), net(images))


@pytest.mark.parametrize("detector", ["fcdd", "hsc", "deep_svdd", "autoencoder"])
def test_the_plain_loop_trains_every_kind(detector):
    case = Case(detector, "fmnist", "fast", batches=1)
    ours = Ours(case, "cpu")
    first = ours.detectors[0]
    first.set_params(recipe=replace(first.recipe, batch=16))
    net, images = ours.start()[0][0], ours.images[0][:16]
    others = ours.others if hasattr(first, "anomalies") else None
    assert plain.train_plainly(first, net, images, others, ours.device, 0) == 16


def test_what_is_timed():
    assert is_timed("fcdd", "cifar10", "paper") and is_timed("hsc", "fmnist", "fast")
    assert not is_timed("kde", "fmnist", "fast") and not is_timed("fcdd", "mvtec", "fast")


def test_operations_are_those_of_the_layers():
    """Forward, then back to the weights of both layers, and to the input of the second."""
    width = DETECTORS["fcdd"].make("fast", "fmnist").net.width
    first, second, tail = 784 * 25 * width, 196 * 25 * width**2, 49 * width
    expected = 2 * (2 * first + 3 * second + 3 * tail)
    assert flops_of(Ours(Case("fcdd", "fmnist", "fast", 1), "cpu")) == pytest.approx(expected)


def test_measurements_become_a_table(tmp_path, capsys):
    words = "--detectors fcdd --datasets fmnist --batches 1 --rounds 1 --workers 0 --nets 2"
    assert speed.main([*words.split(), "--device", "cpu", "--out", str(tmp_path)]) == 0
    (path,) = tmp_path.glob("*.csv")
    assert str(path) in capsys.readouterr().out
    table = pd.read_csv(path)
    assert table["measure"].tolist() == ["peak", "training", "together"]
    assert (table["command"] == table["command"][0]).all() and words in table["command"][0]
    assert table[["machine", "commit", "date", "torch"]].notna().all(axis=None)
    training = table.iloc[1]
    assert training["ratio"] > 0 and training["share_of_peak"] > 0


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ("--device tpu", "device tpu: torch knows none of that name; choose auto, cpu or cuda:N"),
        ("--device cuda:99", "choose auto, cpu or cuda:N"),
        ("--batches 0", "--batches: expected a whole number of at least 1"),
        ("--rounds 0", "--rounds: expected a whole number of at least 1"),
        ("--slots 0", "--slots: expected a whole number of at least 1"),
        ("--nets 0", "--nets: expected a whole number of at least 1"),
        ("--detectors kde", "nothing to measure: no net of these detectors"),
        ("--workers --nets", "nothing to measure: give --workers or --nets"),
        ("--out /dev/null/x", "output folder /dev/null/x is not writable"),
        ("training out", "a folder is for sweep alone"),
    ],
)
def test_what_cannot_be_measured_is_one_line_before_anything_is(asked, words, monkeypatch, capsys):
    monkeypatch.setattr(speed, "measured", None)
    monkeypatch.setattr(speed, "write", None)
    assert speed.main(asked.split()) == 4
    said = capsys.readouterr()
    assert words in said.err and len(said.err.splitlines()) == 1


def test_how_well_a_run_filled_its_slots(tmp_path, capsys):
    assert speed.main(["sweep", str(tmp_path)]) == 4
    assert "no finished trials" in capsys.readouterr().err
    store = Store(tmp_path)
    for k, (start, end) in enumerate([(0, 30), (0, 20), (20, 38)]):
        row = {"dataset": "digits", "detector": "hsc", "normal": str(k), "recipe": "fast"}
        row |= {"seed": 0, "digest": f"d{k}", "stem": f"s{k}", "status": "done", "metrics": {}}
        row |= {"schema": SCHEMA, "protocol": 1, "seconds": end - start - 1.0}
        row |= {"started": f"2026-01-01T00:00:{start:02}.000+00:00"}
        store.write(row | {"finished": f"2026-01-01T00:00:{end:02}.000+00:00"}, {})
    assert json.loads((tmp_path / "rows" / "s0.json").read_text())["seconds"] == 29
    told = efficiency(tmp_path, 2)
    assert "3 trials, 68 s inside them; 2 slots x 38 s: 0.89" in told
    assert "digits hsc fast: 19.0 s" in told
