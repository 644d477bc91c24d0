"""Previews: the pictures show the very batch that training begins with."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from baselines.anomalies import Exposure
from baselines.augment import Flip
from baselines.normalise import UnitRange
from baselines.preview import FRAME, GAP, RED, contact_sheet
from baselines.seen import first_batch, preview
from benchmarks.datasets.textures import load_category
from benchmarks.run import main
from benchmarks.suites import DETECTORS

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wood():
    return load_category("wood")


@pytest.fixture
def fcdd(wood):
    """FCDD as its recipe has it, against real defects with their masks."""
    defects = wood.test_labels == 1
    images, masks = (torch.from_numpy(a[defects]) for a in (wood.test, wood.test_masks))
    detector = DETECTORS["fcdd"].make("fast", "textures")
    return detector.set_params(anomalies=Exposure(images, "defects", masks), device="cpu", seed=3)


def test_what_is_shown_is_what_training_begins_with(fcdd, wood):
    fcdd.set_params(recipe=replace(fcdd.recipe, epochs=1, precision=torch.float32))
    met: list[torch.Tensor] = []

    def note(net: torch.nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        if net.training and not met:
            met.append(inputs[0][0].detach().clone())  # of the one net in the stack

    _, (images, labels, masks) = first_batch(fcdd, wood.train)
    hook = torch.nn.modules.module.register_module_forward_pre_hook(note)
    try:
        fcdd.fit(wood.train)
    finally:
        hook.remove()
    assert np.array_equal(met[0].numpy(), images)
    assert masks is not None and np.array_equal(masks.any(axis=(1, 2)), labels == 1)


def test_image_for_image_it_is_drawn_and_then_seen(fcdd, wood):
    fcdd.set_params(recipe=replace(fcdd.recipe, augment=(Flip(),), normalise=UnitRange()))
    drawn, seen = first_batch(fcdd, wood.train)
    flipped = [not np.array_equal(a, b) for a, b in zip(drawn[0], seen[0], strict=True)]
    assert 0 < sum(flipped) < len(flipped)
    for turned, a, b in zip(flipped, drawn[0], seen[0], strict=True):
        assert np.array_equal(a[..., ::-1] if turned else a, b)
    assert np.array_equal(drawn[1], seen[1])


def test_a_sheet_shows_images_frames_and_masks(wood):
    images, labels, masks = wood.test[40:80], wood.test_labels[40:80], wood.test_masks[40:80]
    sheet = np.asarray(contact_sheet(images, labels, masks, 70))
    enlarged = images.repeat(2, axis=2).repeat(2, axis=3).transpose(0, 2, 3, 1)
    for row in (0, 15, 20, 35):  # the first and the sixteenth of each kind, on the second line
        assert (sheet == RED).all(axis=2).any()
        assert count(sheet, enlarged[row]) == 1
    assert count(sheet, enlarged[16]) == 0  # the seventeenth normal image
    mask = np.repeat(masks[20, ..., None].repeat(2, axis=0).repeat(2, axis=1) * 255, 3, axis=2)
    assert count(sheet, mask.astype(np.uint8)) == 1
    assert sheet.shape[1] == 8 * (64 + 2 * FRAME + GAP) + GAP
    plain = np.asarray(contact_sheet(images[:20], labels[:20], None, 70))
    assert not (plain == RED).all(axis=2).any()


def count(sheet: np.ndarray, tile: np.ndarray) -> int:
    """How often a tile lies on a sheet, pixel for pixel."""
    h, w = tile.shape[:2]
    starts = np.argwhere((sheet[: 1 - h, : 1 - w] == tile[0, 0]).all(axis=2))
    return sum(np.array_equal(sheet[y : y + h, x : x + w], tile) for y, x in starts)


def test_floats_are_shown_from_their_least_to_their_greatest():
    images = np.linspace(-3, 7, 4 * 64, dtype=np.float32).reshape(4, 1, 8, 8)
    sheet = np.asarray(contact_sheet(images, np.zeros(4), None, 8))
    for image in np.rint((images + 3) * 25.5).astype(np.uint8):
        assert count(sheet, np.repeat(image[0, ..., None], 3, axis=2)) == 1
    with pytest.raises(ValueError, match="contact sheet"):
        contact_sheet(np.zeros((2, 2, 8, 8)), np.zeros(2), None, 8)


def test_large_and_oblong_images_keep_their_form(fcdd):
    image = np.zeros((2, 3, 300, 150), np.uint8)
    sheet = contact_sheet(image, np.array([0, 1]), None, 100)
    assert sheet.width == 8 * (50 + 2 * FRAME + GAP) + GAP


def test_a_preview_names_what_was_done(fcdd, wood):
    sheets = [preview(fcdd, wood.train), preview(fcdd, wood.train, title="wood")]
    assert sheets[1].height > sheets[0].height and sheets[0].width > 700


def test_a_run_previews_before_it_trains(tmp_path):
    out, folder = tmp_path / "out", tmp_path / "seen"
    asked = ["--suite", "quick", "--normal", "wood", "--detectors", "fcdd", "pca", "--out", out]
    done = run(*asked, "--dry-run", "--preview", folder)
    assert done.returncode == 0, done.stderr
    assert not out.exists()  # a dry run, but for the pictures that were asked for
    assert [path.name for path in folder.iterdir()] == ["textures-wood-fcdd-fast.png"]
    assert "1 previews of first batches" in done.stdout
    with Image.open(folder / "textures-wood-fcdd-fast.png") as picture:
        assert np.asarray(picture).std() > 20


def test_a_folder_that_cannot_be_written_is_named(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    asked = ["--suite", "quick", "--normal", "wood", "--detectors", "fcdd"]
    folder, out = tmp_path / "file" / "seen", tmp_path / "out"
    code = main([*asked, "--out", str(out), "--preview", str(folder), "--data-root", str(tmp_path)])
    told = capsys.readouterr().err.splitlines()
    assert code == 4 and len(told) == 1 and not out.exists()
    assert "--preview" in told[0] and "another folder" in told[0]


def run(*arguments: object) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "benchmarks.run", *map(str, arguments)]
    return subprocess.run(
        command, cwd=ROOT, env=os.environ, capture_output=True, text=True, timeout=300
    )
