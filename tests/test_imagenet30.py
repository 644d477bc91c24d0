"""ImageNet-30 in its three layouts, made of real JPEGs: listed, decoded, and run end to end."""

import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest
import scipy.io
from PIL import Image

from benchmarks.datasets import decoded, folders
from benchmarks.datasets.base import DataMissing
from benchmarks.datasets.decoded import SHORT_SIDE, decode, rows_of, short_side
from benchmarks.datasets.exclusion import excluded
from benchmarks.datasets.folders import IMAGENET1K, IMAGENET22K, folder_exposure
from benchmarks.datasets.imagenet30 import IMAGENET30, TARS, WNIDS
from benchmarks.datasets.mvtec import MVTEC
from benchmarks.datasets.places import Place, folder_places

REAL = Path(os.environ.get("FCDD_TEST_DATA") or "no-such-folder")
SAMPLES = sorted((REAL / "imagenet-samples").glob("*.JPEG"))
ROOT = Path(__file__).parent.parent
SIDE = 64  # of the made pictures: decoding is what takes long, and is the same
needs_samples = pytest.mark.skipif(not SAMPLES, reason="FCDD_TEST_DATA holds no imagenet-samples")


def jpeg(number: int, side: int = SIDE) -> bytes:
    """A crop of a real picture (or noise where there are none), another for each number."""
    rng = np.random.default_rng(number)
    if SAMPLES:
        image = Image.open(SAMPLES[number % len(SAMPLES)]).convert("RGB")
    else:
        image = Image.fromarray(rng.integers(0, 256, (256, 300, 3), dtype=np.uint8))
    width, height = side + int(rng.integers(1, side)), side
    left, top = rng.integers(0, image.width - width + 1), rng.integers(0, image.height - height + 1)
    written = io.BytesIO()
    image.crop((left, top, left + width, top + height)).save(written, "JPEG", quality=90)
    return written.getvalue()


def content(train: int, test: int) -> dict[str, dict[str, list[tuple[str, bytes]]]]:
    """Names and pictures of every class and split, named as ILSVRC names them."""
    found: dict[str, dict[str, list[tuple[str, bytes]]]] = {"train": {}, "val": {}}
    for k, wnid in enumerate(WNIDS.values()):
        own = [(f"{wnid}_{i}.JPEG", jpeg(k * 1000 + i)) for i in range(train)]
        found["train"][wnid] = sorted(own)
        # Validation pictures are numbered across classes.
        numbers = [i * len(WNIDS) + k + 1 for i in range(test)]
        val = [(f"ILSVRC2012_val_{n:08d}.JPEG", jpeg(10**6 + n)) for n in numbers]
        found["val"][wnid] = val
    return found


def write_folders(home: Path, pictures, train: str = "train", test: str = "val", names=None):
    for part, split in ((train, "train"), (test, "val")):
        for name, wnid in WNIDS.items():
            folder = home / part / (names(name) if names else wnid)
            folder.mkdir(parents=True)
            for file, data in pictures[split][wnid]:
                (folder / file).write_bytes(data)


def tar(files: list[tuple[str, bytes]]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, data in files:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return packed.getvalue()


def write_tars(home: Path, pictures) -> None:
    """As downloaded: classes that are not ours too, and numbers that are no order of ours."""
    home.mkdir(parents=True)
    wnids = ["n00000001", *reversed(WNIDS.values())]
    number = {wnid: k + 1 for k, wnid in enumerate(wnids)}
    outer = [(f"{w}.tar", tar(pictures["train"].get(w, [("x.JPEG", b"x")]))) for w in wnids]
    (home / TARS[0]).write_bytes(tar(outer))
    named = [(n, d, w) for w, own in pictures["val"].items() for n, d in own]
    named.append(("ILSVRC2012_val_99999999.JPEG", b"x", "n00000001"))
    named.sort()
    (home / TARS[1]).write_bytes(tar([(n, d) for n, d, _ in named]))
    truth = "".join(f"{number[w]}\n" for _, _, w in named).encode()
    table = np.zeros(len(wnids), dtype=[("ILSVRC2012_ID", "O"), ("WNID", "O"), ("words", "O")])
    for row, wnid in zip(table, wnids, strict=True):
        row["ILSVRC2012_ID"], row["WNID"], row["words"] = number[wnid], wnid, "some, words"
    meta = io.BytesIO()
    scipy.io.savemat(meta, {"synsets": table.reshape(-1, 1)})
    data = "ILSVRC2012_devkit_t12/data"
    with tarfile.open(home / TARS[2], "w:gz") as archive:
        files = (("ILSVRC2012_validation_ground_truth.txt", truth), ("meta.mat", meta.getvalue()))
        for name, body in files:
            info = tarfile.TarInfo(f"{data}/{name}")
            info.size = len(body)
            archive.addfile(info, io.BytesIO(body))


def spelled(name: str) -> str:
    return ("rotary dial telephone" if name == "dial telephone" else name).replace(" ", "_")


@pytest.fixture(scope="module")
def trees(tmp_path_factory) -> dict[str, Path]:
    root, pictures = tmp_path_factory.mktemp("trees"), content(4, 2)
    write_folders(root / "folders/imagenet", pictures)
    write_tars(root / "tars/imagenet", pictures)
    write_folders(
        root / "ss-ood/imagenet30", pictures, "one_class_train", "one_class_test", spelled
    )
    return {path.name: path for path in root.iterdir()}


def test_the_three_layouts_give_the_same_rows(trees):
    loaded = {name: IMAGENET30.load(root) for name, root in trees.items()}
    first = loaded["folders"]
    assert first.train.shape == (120, 3, 256, 256) and first.test.shape == (60, 3, 256, 256)
    assert first.train_labels.tolist() == np.repeat(np.arange(30), 4).tolist()
    for other in loaded.values():
        np.testing.assert_array_equal(other.train, first.train)
        np.testing.assert_array_equal(other.test, first.test)
        np.testing.assert_array_equal(other.test_labels, first.test_labels)
    assert IMAGENET30.revision(trees["folders"]) == IMAGENET30.revision(trees["tars"])
    assert "ILSVRC 2012 validation" in loaded["tars"].notes[0]
    assert "one_class_test of hendrycks/ss-ood" in loaded["ss-ood"].notes[0]


def test_rows_are_mapped_and_decoded_once(trees):
    root = trees["folders"]
    images = IMAGENET30.load(root)
    assert isinstance(images.train, np.memmap)
    entries = {path: path.stat().st_mtime_ns for path in (root / "cache").glob("*.npy")}
    assert len(entries) == 2
    IMAGENET30.load(root)
    assert {path: path.stat().st_mtime_ns for path in entries} == entries


def test_the_short_side_is_resized_and_the_centre_kept():
    ramp = np.tile(np.arange(200, dtype=np.uint8), (100, 1))
    image = short_side(Image.fromarray(ramp), (50, 50))
    assert image.size == (50, 50)
    row = np.asarray(image)[25].astype(int)
    assert abs(row.mean() - 99.5) < 1.5 and 95 <= row[-1] - row[0] <= 100
    for size in ((333, 500), (500, 333), (256, 256), (257, 256)):
        assert SHORT_SIDE.images(Image.new("RGB", size), (256, 256)).size == (256, 256)


def places(folder: Path, files: dict[str, bytes]) -> list[Place]:
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return [Place(folder / name, name, len(data)) for name, data in files.items()]


def test_linked_folders_are_entered_once_and_loops_end(trees, tmp_path):
    home, elsewhere = tmp_path / "some", tmp_path / "elsewhere"
    for folder in (home / "a", elsewhere / "deep", home / ".hidden"):
        folder.mkdir(parents=True)
        places(folder, {f"{folder.name}.jpg": b"1", ".part.jpg": b"2"})
    (home / "b").symlink_to(elsewhere)
    (home / "c").symlink_to(elsewhere)
    (elsewhere / "back").symlink_to(home)
    (elsewhere / "up").symlink_to(tmp_path)
    assert [p.name for p in folder_places(home, home)] == ["a/a.jpg", "b/deep/deep.jpg"]
    linked = tmp_path / "linked/imagenet"
    for path in (trees["folders"] / "imagenet").glob("*/*"):
        (linked / path.parent.name).mkdir(parents=True, exist_ok=True)
        (linked / path.parent.name / path.name).symlink_to(path)
    assert IMAGENET30.revision(linked.parent) == IMAGENET30.revision(trees["folders"])


def test_what_is_there_but_out_of_reach_is_named(tmp_path):
    (tmp_path / "gone.jpg").symlink_to(tmp_path / "nowhere.jpg")
    with pytest.raises(ValueError, match=r"gone.jpg: a link to nothing; mend or remove") as caught:
        folder_exposure(f"folder:{tmp_path}").count(tmp_path / "root")
    assert "\n" not in str(caught.value)


def test_what_cannot_be_used_is_named_and_counted(tmp_path, caplog):
    files = {f"{k}.JPEG": jpeg(k) for k in range(298)}
    files |= {"broken.JPEG": jpeg(1)[:900], "notes.txt": b"what is this?"}
    rows = rows_of(places(tmp_path, files), (3, 32, 32), tmp_path, "some")
    assert rows.images.shape == (298, 3, 32, 32)
    assert rows.kept.tolist() == list(range(298))
    assert len(rows.notes) == 1 and "2 of 300 files left out" in rows.notes[0]
    assert "broken.JPEG: cannot be read" in rows.notes[0]
    assert "notes.txt: its name is no picture's" in rows.notes[0]
    assert rows.notes[0] in caplog.text


@pytest.mark.parametrize("bad", [{"a.txt": b"a", "b.txt": b"b"}, {"a.jpg": b"a", "b.jpg": b"b"}])
def test_too_many_of_them_are_fatal_in_one_line(bad, tmp_path):
    files = bad | {f"{k}.JPEG": jpeg(k) for k in range(100)}
    with pytest.raises(ValueError, match=r"2 of 102 files left out: .*more than 1%") as caught:
        rows_of(places(tmp_path, files), (3, 32, 32), tmp_path, "some")
    assert "\n" not in str(caught.value)


def test_missing_pieces_are_named(trees, tmp_path):
    with pytest.raises(DataMissing, match=r"ImageNet-30 is missing: .*register at"):
        IMAGENET30.load(tmp_path)
    shutil.copytree(trees["folders"] / "imagenet", tmp_path / "imagenet")
    shutil.rmtree(tmp_path / "imagenet/val" / WNIDS["goblet"])
    with pytest.raises(DataMissing, match="ImageNet-30, class goblet is missing"):
        IMAGENET30.load(tmp_path)


@pytest.mark.parametrize("half", ["flat", "a class lacking", "the folder imagenet30"])
def test_a_half_layout_hides_no_whole_one(half, trees, tmp_path):
    home = tmp_path / ("imagenet30" if half == "the folder imagenet30" else "imagenet")
    shutil.copytree(trees["folders"] / "imagenet", home)
    if half == "a class lacking":
        shutil.rmtree(home / "train" / WNIDS["goblet"])
    else:
        for path in [*(home / "val").glob("*/*")]:
            path.rename(home / "val" / path.name)
        for wnid in WNIDS.values():
            (home / "val" / wnid).rmdir()
    lacking = "goblet" if half == "a class lacking" else "acorn"
    with pytest.raises(DataMissing, match=f"ImageNet-30, class {lacking} is missing"):
        IMAGENET30.load(tmp_path)
    assert IMAGENET30.find(tmp_path) is None
    (tmp_path / "imagenet").mkdir(exist_ok=True)
    for name in TARS:
        (tmp_path / "imagenet" / name).symlink_to(trees["tars"] / "imagenet" / name)
    assert IMAGENET30.revision(tmp_path) == IMAGENET30.revision(trees["tars"])


def test_a_class_without_pictures_is_named(trees, tmp_path):
    shutil.copytree(trees["folders"] / "imagenet", tmp_path / "imagenet")
    for path in (tmp_path / "imagenet/val" / WNIDS["goblet"]).iterdir():
        path.unlink()
    with pytest.raises(ValueError, match="no picture of class goblet to test; get it again"):
        IMAGENET30.revision(tmp_path)


@pytest.mark.parametrize("name", TARS)
def test_a_damaged_tar_is_named(name, trees, tmp_path):
    shutil.copytree(trees["tars"] / "imagenet", tmp_path / "imagenet")
    (tmp_path / "imagenet" / name).write_bytes(b"<html>log in</html>" * 100)
    with pytest.raises(ValueError, match=f"{re.escape(name)}: .*get it again") as caught:
        IMAGENET30.load(tmp_path)
    assert "\n" not in str(caught.value)


def test_the_thirty_classes_are_no_exposure(trees, tmp_path):
    assert excluded(["train", "n02787622", "x.JPEG"]) and excluded(["n02787622_11.JPEG"])
    assert excluded(["Grand Piano", "x.jpg"]) and excluded(["rotary_dial_telephone", "x.jpg"])
    for part in (
        "hot_dog",
        "strawberry.jpg",
        "barn.JPEG",
        "Hot-Dog 12.png",
        "barn_0012",
        "N02787622",
    ):
        assert excluded([part]) and excluded([part, "x.jpg"]), part
    for part in (
        "n01440764",
        "pianos",
        "tankard.jpg",
        "barn.owl",
        "hot",
        "0012.jpg",
        "volcano ash",
    ):
        assert not excluded([part, "x.JPEG"]), part
    with pytest.raises(ValueError, match="no pictures but those of ImageNet-30's classes"):
        IMAGENET1K.load(trees["folders"], (3, 64, 64), None, 0)
    home = tmp_path / "imagenet22k/fall11_whole_extracted"
    for wnid in ("n01440764", "n02787622", "n01494475"):
        (home / wnid).mkdir(parents=True)
        for k in range(3):
            (home / wnid / f"{wnid}_{k}.JPEG").write_bytes(jpeg(k))
    assert IMAGENET22K.count(tmp_path) == 6
    drawn = IMAGENET22K.load(tmp_path, (3, 64, 64), 4, 1)
    assert drawn.shape == (4, 3, 64, 64) and isinstance(drawn, np.memmap)
    np.testing.assert_array_equal(drawn, IMAGENET22K.load(tmp_path, (3, 64, 64), 4, 1))
    own = folder_exposure(f"folder:{home / 'n01494475'}")
    assert own.count(tmp_path) == 3
    assert own.load(tmp_path, (1, 28, 28), None, 0).shape == (3, 1, 28, 28)


def test_the_test_images_are_no_exposure_wherever_they_lie(trees, tmp_path):
    flat = tmp_path / "val"
    flat.mkdir()
    for path in (trees["folders"] / "imagenet/val").glob("*/*"):
        shutil.copy(path, flat)
    (flat / "ILSVRC2012_val_00049999.JPEG").write_bytes(jpeg(7))
    (flat / "ILSVRC2012_val_00000001.png").write_bytes(jpeg(8))
    exposure = folder_exposure(f"folder:{flat}")
    assert exposure.count(tmp_path) == 62  # no test set here, so no image of it
    for root in (trees["folders"], trees["tars"]):
        assert exposure.count(root) == 2
        assert exposure.revision(root) != exposure.revision(tmp_path)
    (flat / "ILSVRC2012_val_00049999.JPEG").unlink()
    (flat / "ILSVRC2012_val_00000001.png").unlink()
    twin = folder_exposure(f"folder:{shutil.copytree(flat, tmp_path / 'twin')}")
    with pytest.raises(ValueError, match=r"twin: no pictures but .* and of test sets") as caught:
        twin.load(trees["folders"], (3, 32, 32), None, 0)
    assert "\n" not in str(caught.value)


def test_a_folder_called_like_a_class_is_no_exposure(tmp_path):
    (tmp_path / "barn").mkdir()
    (tmp_path / "barn/1.jpg").write_bytes(jpeg(1))
    with pytest.raises(ValueError, match="no pictures but those of ImageNet-30's classes"):
        folder_exposure(f"folder:{tmp_path / 'barn'}").count(tmp_path)


@pytest.mark.skipif(MVTEC.find(REAL) is None, reason="FCDD_TEST_DATA holds no MVTec AD")
def test_the_pictures_of_mvtec_are_no_exposure(tmp_path):
    bottle = REAL / "mvtec_anomaly_detection/bottle/test/broken_large"
    shutil.copytree(bottle, tmp_path / "pictures")
    (tmp_path / "pictures/mine.JPEG").write_bytes(jpeg(1))
    assert folder_exposure(f"folder:{tmp_path / 'pictures'}").count(REAL) == 1


@pytest.fixture
def decodings(monkeypatch) -> list[Place]:
    """The pictures that are decoded."""
    found: list[Place] = []

    def counted(place: Place, shape: tuple[int, int, int]) -> np.ndarray:
        found.append(place)
        return decode(place, shape)

    monkeypatch.setattr(decoded, "decode", counted)
    return found


@pytest.mark.parametrize("sizes", [(1, 4, 16, 32, 40), (40, 32, 16, 4, 1)])
def test_fewer_pictures_are_some_of_more_and_each_is_decoded_once(sizes, tmp_path, decodings):
    forty = tmp_path / "forty"
    forty.mkdir()
    places(forty, {f"{k}.jpg": jpeg(k) for k in range(40)})
    exposure, whole = folder_exposure(f"folder:{forty}"), {}
    for seed in (0, 1, 2):
        drawn = {size: exposure.load(tmp_path, (3, 32, 32), size, seed) for size in sizes}
        whole[seed] = drawn[40]
        for size, rows in drawn.items():
            assert isinstance(rows, np.memmap) and len(rows) == size
            np.testing.assert_array_equal(rows, drawn[40][:size])
        assert len({row.tobytes() for row in drawn[40]}) == 40
    assert len(decodings) == 3 * 40
    assert not np.array_equal(whole[0][:16], whole[1][:16])
    np.testing.assert_array_equal(exposure.load(tmp_path, (3, 32, 32), None, 2), whole[0])
    assert len(decodings) == 3 * 40 and len([*(tmp_path / "cache").glob("*.npy")]) == 3
    (forty / "7.jpg").write_bytes(jpeg(77))
    folders._places.cache_clear()
    exposure.load(tmp_path, (3, 32, 32), 40, 0)
    assert len([*(tmp_path / "cache").glob("*.npy")]) == 3  # what was superseded is gone


def test_broken_pictures_stay_out_of_longer_and_shorter_lists(tmp_path, decodings):
    files = {f"{k}.jpg": jpeg(k) for k in range(300)}
    files |= {"3.jpg": b"broken", "150.jpg": b"broken"}
    given = places(tmp_path, files)
    for limit in (110, 300, 200, 110):
        rows = rows_of(given, (3, 16, 16), tmp_path, "some", limit)
        kept = [k for k in range(limit) if k not in (3, 150)]
        assert rows.kept.tolist() == kept and len(rows.images) == len(kept)
        expected = [decode(given[k], (3, 16, 16)) for k in (kept[0], kept[-1])]
        np.testing.assert_array_equal(rows.images[[0, -1]], expected)
    assert len(decodings) == 300 + 1  # the broken one of the first list is tried again


@needs_samples
def test_real_pictures_carry_the_wnids_of_their_classes():
    named = {p.stem.split("_", 1)[0]: p.stem.split("_", 1)[1] for p in SAMPLES}
    shared = [name for name, wnid in WNIDS.items() if wnid in named]
    assert len(shared) >= 10
    assert all(named[WNIDS[name]] == name.replace(" ", "_") for name in shared)


@needs_samples
@pytest.mark.parametrize("layout", ["folders", "tars", "ss-ood"])
def test_a_layout_runs_end_to_end(layout, trees, tmp_path):
    exposure = f"folder:{SAMPLES[0].parent}"
    command = [sys.executable, "-m", "benchmarks.run", "--suite", "imagenet30", "--detectors"]
    command += ["hsc" if layout == "tars" else "fcdd", "--normal", "banjo", "--jobs", "1"]
    command += ["--exposure", exposure, "--data-root", str(trees[layout])]
    done = subprocess.run(
        [*command, "--out", str(tmp_path)], capture_output=True, text=True, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr[-2000:]
    (row,) = (json.loads(path.read_text()) for path in (tmp_path / "rows").glob("*.json"))
    assert row["n_test"] == 60 and row["n_anomalies"] == 58 and row["exposure"] == exposure
    assert any("test set: " in note for note in row["protocol_notes"])
