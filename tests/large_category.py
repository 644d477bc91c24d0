"""``python tests/large_category.py DETECTOR``: one trial on a category of the size of
MVTec-AD's largest; prints its peak of memory, its row and the sizes of its arrays as JSON."""

import json
import sys
from pathlib import Path

import numpy as np

from benchmarks.evaluate import run_trial
from benchmarks.machine import peak_memory
from benchmarks.speed import drawn_masks
from benchmarks.suites import DATASETS, DETECTORS
from benchmarks.task import Scenario, Task
from benchmarks.trial import Planned, Trial

TEST, NORMALS, TRAIN, ORIGINAL, MODEL = 167, 40, 4, 900, 224


class Large:
    """Drawn images; 167 test masks of 900 x 900, which the detectors see at 224 x 224."""

    def task(
        self, root: Path, normal: str, scenario: Scenario, seed: int, pictures: None = None
    ) -> Task:
        rng = np.random.default_rng(seed)
        original = drawn_masks(TEST, ORIGINAL)
        original[:NORMALS] = False
        at = np.arange(MODEL) * ORIGINAL // MODEL
        masks = original[:, at][:, :, at]
        shape = (TRAIN + TEST, 3, MODEL, MODEL)
        images = rng.integers(0, 200, shape, dtype=np.uint8)
        images[TRAIN:] += masks[:, None].astype(np.uint8) * 55
        return Task(
            train=images[:TRAIN],
            train_labels=np.zeros(TRAIN, np.int64),
            test=images[TRAIN:],
            test_labels=original.any((1, 2)).astype(np.int64),
            test_masks=masks,
            original_masks=original,
        )


if __name__ == "__main__":
    DATASETS["large"] = Large()  # type: ignore[assignment]
    exposure = ("photos", 64) if DETECTORS[sys.argv[1]].exposed else (None, None)
    trial = Trial(sys.argv[1], "large", "drawn", 0, "fast", *exposure)
    row, arrays = run_trial(Planned(trial, {"detector": "", "parameters": {}}, {}), Path(), "cpu")
    peak = peak_memory() / 2**30
    json.dump([peak, row, {name: array.nbytes for name, array in arrays.items()}], sys.stdout)
