"""Masks of other sizes than the maps: the same as enlarging first, in less memory."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from torch.nn.functional import interpolate

from baselines.metrics import measure_pixels, pixel_metrics
from baselines.pixels import nearest
from benchmarks.pixels import STORED, measure_maps, stored
from benchmarks.speed import drawn_maps, drawn_masks
from benchmarks.task import Task

ROOT = Path(__file__).parents[1]
MVTEC_SIZES = (700, 800, 840, 850, 900, 1000, 1024)


def enlarged(maps, size):
    """As torch does it; float64, whose places are exact."""
    return interpolate(torch.from_numpy(maps)[:, None].double(), size, mode="nearest")[:, 0].numpy()


@st.composite
def cases(draw):
    """Masks of one size and maps of another, larger, smaller or mixed; few levels, so ties."""
    n = draw(st.integers(1, 3))
    masks = draw(arrays(bool, (n, draw(st.integers(2, 13)), draw(st.integers(2, 13)))))
    masks.flat[:2] = True, False
    shape = (n, draw(st.integers(1, 7)), draw(st.integers(1, 7)))
    levels = draw(st.sampled_from([1, 4, 1000]))
    return masks, draw(arrays(np.int64, shape, elements=st.integers(0, levels))) / 8


@given(cases())
@settings(max_examples=200, deadline=None)
def test_counting_equals_enlarging_first(case):
    masks, maps = case
    slow = pixel_metrics(masks, enlarged(maps, masks.shape[1:]))
    assert pixel_metrics(masks, maps) == pytest.approx(slow, abs=1e-12)
    assert pixel_metrics(list(masks), maps.astype(np.float32)) == pytest.approx(slow, abs=1e-12)


def test_masks_of_many_sizes_read_one_at_a_time():
    rng = np.random.default_rng(0)
    sizes = [(8, 8), (20, 31), (8, 9), (5, 40)]
    masks = [rng.random(size) < 0.2 for size in sizes]
    maps = rng.integers(0, 50, (4, 8, 8)).astype(np.float32)
    pairs = zip(maps, masks, strict=True)
    flat = [enlarged(one[None], mask.shape)[0].ravel() for one, mask in pairs]
    whole = pixel_metrics(
        np.concatenate([mask.ravel() for mask in masks])[None, None],
        np.concatenate(flat)[None, None],
    )

    asked = []

    class Read:
        def __len__(self):
            return len(masks)

        def __getitem__(self, index):
            asked.append(index)
            return masks[index]

    ours, protocol = measure_pixels(Read(), maps)
    assert ours["pixel_auroc"] == pytest.approx(whole["pixel_auroc"], abs=1e-12)
    assert ours["pixel_ap"] == pytest.approx(whole["pixel_ap"], abs=1e-12)
    assert asked == [0, 1, 2, 3]
    assert protocol["mask_sizes"] == ["5x40", "8x8", "8x9", "20x31"]
    assert protocol["map_size"] == "8x8" and protocol["interpolation"] == "nearest"
    assert protocol["anomalous_pixels"] == sum(mask.sum() for mask in masks)
    assert protocol["normal_pixels"] == sum((~mask).sum() for mask in masks)


def test_regions_never_join_across_images():
    masks = np.zeros((2, 4, 4), dtype=bool)
    masks[0, 3, 1] = masks[1, 0, 1] = masks[1, 3, 3] = True
    assert measure_pixels(masks, np.zeros(masks.shape))[1]["regions"] == 3
    assert measure_pixels(masks, np.zeros((2, 2, 2)))[1]["regions"] == 3


@pytest.mark.parametrize("model", [224, 240, 256])
@pytest.mark.parametrize("size", [*MVTEC_SIZES, 256, 100])
def test_places_are_torchs(model, size):
    ramp = torch.arange(model, dtype=torch.float64)[None, None]
    assert np.array_equal(nearest(model, size), interpolate(ramp, size).numpy()[0, 0])
    if model == 224 and size in MVTEC_SIZES:  # float32 too, in which FCDD's code enlarges
        assert np.array_equal(nearest(model, size), interpolate(ramp.float(), size).numpy()[0, 0])


class Smoothed:
    smoothing = 1.5


def task(masks, original=None):
    images = np.zeros((len(masks), 1, *masks.shape[1:]), np.uint8)
    labels = (masks if original is None else original).any((1, 2)).astype(int)
    return Task(images, labels, images, labels, masks, original_masks=original)


def test_a_task_with_original_masks_gives_both_resolutions():
    original = drawn_masks(4, 96)
    original[0] = False
    small = original[:, ::3, ::3]
    maps = drawn_maps(small)
    metrics, protocol = measure_maps(Smoothed(), task(small, original), maps)
    own, at_model = pixel_metrics(original, maps), pixel_metrics(small, maps)
    assert metrics == own | {f"{name}_model": value for name, value in at_model.items()}
    assert protocol["mask_sizes"] == ["96x96"] and protocol["map_size"] == "32x32"
    assert protocol["smoothing"] == 1.5 and protocol["connectivity"] == 8
    plain, protocol = measure_maps(Smoothed(), task(small), maps)
    assert plain == at_model and protocol["mask_sizes"] == ["32x32"]


def test_a_defect_that_vanishes_when_resized_breaks_nothing():
    original = np.zeros((2, 96, 96), bool)
    original[1, 1, 1] = True
    maps = drawn_maps(original[:, ::3, ::3])
    metrics, _ = measure_maps(Smoothed(), task(original[:, ::3, ::3], original), maps)
    assert set(metrics) == {"pixel_auroc", "pixel_ap", "au_pro", "au_pro_05"}


def test_maps_of_large_test_sets_are_not_stored():
    few = np.zeros((120, 32, 32), bool)
    assert set(stored(task(few), np.zeros(few.shape))) == {"maps", "masks"}
    many = np.zeros((83, 224, 224), bool)
    assert many.size > STORED and not stored(task(many), np.zeros(many.shape, np.float32))


def test_a_large_category_stays_under_3_gb():
    """The peak of a whole process: torch, images, masks, fit, scores, maps and metrics."""
    command = [sys.executable, "tests/large_category.py", "fcdd"]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    peak, row, sizes = json.loads(done.stdout)
    assert row["status"] == "done", row["reason"]
    assert row["pixel_protocol"]["mask_sizes"] == ["900x900"]
    assert row["pixel_protocol"]["map_size"] == "224x224"
    counted = row["pixel_protocol"]["normal_pixels"] + row["pixel_protocol"]["anomalous_pixels"]
    assert counted == 167 * 900 * 900
    assert {"pixel_auroc", "au_pro_05", "pixel_auroc_model"} <= set(row["metrics"])
    assert 0.3 < peak < 3, f"{peak:.2f} GiB"
    assert sum(sizes.values()) < 10e6
