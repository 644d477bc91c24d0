"""Folders of one's own pictures: what is taken in, what is left out and said to be, which mask is
whose, and what results are called."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from baselines.pictures import PictureError
from fcdd.folders import FolderError, folder_to_test, folder_to_train
from fcdd.naming import named
from fcdd.pairing import anomaly_mask, masks_of
from fcdd.walking import told, walk

DATA = os.environ.get("FCDD_TEST_DATA")


def laid(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(folder / name)
    return folder


def names(paths, home: Path) -> list[str]:
    return [path.relative_to(home).as_posix() for path in paths]


def test_what_stands_deeper_is_trained_on_too_and_the_rest_is_told(tmp_path):
    laid(tmp_path, "normal/b.png", "normal/a.jpg", "normal/day2/a.png", "normal/day1/in/a.png")
    laid(tmp_path, "normal/.cache/x.png", "normal/.x.png", "normal/day1/a.webp")
    laid(tmp_path, "normal/day2/a_mask.png")
    (tmp_path / "normal/gone.png").symlink_to("nowhere.png")
    (tmp_path / "normal/README").write_text("no picture")
    found = folder_to_train(tmp_path)
    expected = ["a.jpg", "b.png", "day1/in/a.png", "day2/a.png"]
    assert names(found.normals, tmp_path / "normal") == expected
    line = told(found.left_out)
    assert line.startswith("4 files left out: ")
    for part in ("masks (1)", ".webp (1)", "broken links (1)", "names without an ending (1)"):
        assert part in line


def test_pictures_alone_are_refused_with_folders_of_pictures(tmp_path):
    laid(tmp_path, "1.png", "2.png")
    assert len(folder_to_train(tmp_path).normals) == 2
    laid(tmp_path, "day1/in/3.png")
    with pytest.raises(FolderError, match=r"found 1.png, 2.png, day1/; expected"):
        folder_to_train(tmp_path)


def test_links_to_folders_are_followed_and_loops_end(tmp_path):
    laid(tmp_path, "elsewhere/x.png", "normal/1.png")
    (tmp_path / "normal/more").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "normal/again").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere/loop").symlink_to(tmp_path / "normal")
    found = walk(tmp_path / "normal")
    assert names(found.pictures, tmp_path / "normal") == ["1.png", "again/x.png"]
    assert [path for path, _ in named([tmp_path / "normal"])[0]] == list(found.pictures)


def test_what_is_predicted_are_pictures_alone(tmp_path):
    laid(tmp_path, "x.png", "x_mask.png", ".cache/000.png", "face_mask.png", "a/y.png")
    laid(tmp_path, "c/test/good/1.png", "c/ground_truth/hole/1_mask.png")
    laid(tmp_path, "s/anomalous/1.png", "s/masks/1.png", "masks/no_truth_here.png")
    found, left_out = named([tmp_path])
    assert [str(name) for _, name in found] == [
        "face_mask", "x", "a/y", "c/test/good/1", "masks/no_truth_here", "s/anomalous/1"
    ]  # fmt: skip
    assert told(left_out) == "3 files left out: masks (3)"
    assert len(named([tmp_path / "x_mask.png", tmp_path / "s/masks"])[0]) == 2, "asked for"


@pytest.mark.skipif(not DATA, reason="FCDD_TEST_DATA names no folder")
def test_a_category_of_mvtec_is_predicted_without_its_masks():
    home = Path(str(DATA), "mvtec_anomaly_detection/bottle")
    found, left_out = named([home])
    assert len(found) == len([*(home / "train").rglob("*.png"), *(home / "test").rglob("*.png")])
    assert told(left_out) == "63 files left out: masks (63)"
    assert len(folder_to_test(home).masks) == 63 and not folder_to_test(home).left_out


def test_results_of_equal_names_are_kept_apart(tmp_path):
    laid(tmp_path, "a/x.png", "b/x.png", "c.png")
    found, _ = named([tmp_path / "a", tmp_path / "b", tmp_path / "c.png"])
    assert [str(name) for _, name in found] == ["a/x", "b/x", "c"]
    laid(tmp_path, "y/a/good/0.png", "y/b/good/0.png", "y/b/good/1.png")
    found, _ = named([tmp_path / "y/a/good", tmp_path / "y/b/good"])
    assert [str(name) for _, name in found] == ["a/good/0", "b/good/0", "b/good/1"]
    found, _ = named([tmp_path / "a/x.png", tmp_path / "b/x.png", tmp_path / "a/../a/x.png"])
    assert [str(name) for _, name in found] == ["a/x", "b/x"], "and one that is given twice is one"


def test_endings_are_kept_where_names_need_them(tmp_path):
    laid(tmp_path, "x.png", "x.jpg", "x.png.bmp", "y.png")
    found, _ = named([tmp_path])
    assert sorted(str(name) for _, name in found) == ["x.jpg", "x.png", "x.png.bmp", "y"]
    laid(tmp_path, "up/Z.png", "up/z.jpg", "up/w.png")
    found, _ = named([tmp_path / "up"])
    assert [str(name) for _, name in found] == ["Z.png", "w", "z.jpg"], "one on some disks"


@pytest.mark.parametrize("ending", ["png", "npy", "tiff"])
def test_no_folder_of_results_has_the_name_of_a_result(tmp_path, ending):
    laid(tmp_path, f"x.{ending}/y.png", "x.jpg", "y.png", "y/z.png")
    found, _ = named([tmp_path])
    assert [str(name) for _, name in found] == ["x.jpg", "y", f"x.{ending}/y", "y/z"]


def test_a_folder_that_may_not_be_read_is_named(tmp_path, monkeypatch):
    laid(tmp_path, "shut/x.png")

    def shut(folder):
        raise PermissionError(13, "Permission denied", str(folder))

    monkeypatch.setattr(Path, "iterdir", shut)  # of root, no mode keeps anything
    with pytest.raises(FolderError, match=r"shut: Permission denied; make it a folder you may"):
        named([tmp_path / "shut"])


def test_results_are_no_pictures(tmp_path):
    laid(tmp_path, "sub/x.png", "heatmaps/x.png", "maps/x.tiff", "sub/maps/y.png")
    results = (tmp_path / "scores.csv", tmp_path / "heatmaps", tmp_path / "maps")
    results[0].write_text("file,score\n")
    found, left_out = named([tmp_path], results)
    assert [str(name) for _, name in found] == ["sub/x", "sub/maps/y"] and not left_out
    for given in (tmp_path / "heatmaps", tmp_path / "heatmaps/x.png"):
        with pytest.raises(FolderError, match="no pictures, results in"):
            named([given], results)


def test_masks_are_found_beside_and_below(tmp_path):
    truth = tmp_path / "masks"
    laid(tmp_path, "a/x.png", "a/y.jpg", "a/in/x.png")
    assert masks_of(walk(tmp_path / "a"), walk(truth)) == ()
    laid(tmp_path, "a/x_mask.png", "masks/y.png", "masks/in/x_mask.tif")
    found = masks_of(walk(tmp_path / "a"), walk(truth))
    assert names(found, tmp_path) == ["a/x_mask.png", "masks/y.png", "masks/in/x_mask.tif"]
    laid(tmp_path, "masks/z.png")
    with pytest.raises(FolderError, match=r"z.png: a mask without an image"):
        masks_of(walk(tmp_path / "a"), walk(truth))


def test_masks_beside_images_are_no_images(tmp_path):
    laid(
        tmp_path,
        "normal/1.png",
        "anomalous/x.png",
        "anomalous/x_mask.png",
        "anomalous/face_mask.png",
    )
    with pytest.raises(FolderError, match=r"face_mask.png: no mask"):
        folder_to_train(tmp_path)
    (tmp_path / "anomalous/face_mask.png").unlink()
    found = folder_to_test(tmp_path)
    assert [path.name for path in found.anomalies] == ["x.png"]
    assert [path.name for path in found.masks] == ["x_mask.png"]
    assert not found.left_out


@pytest.mark.parametrize(
    ("files", "words"),
    [
        (["anomalous/x.jpg", "masks/x.png"], "x.png: a mask of both"),
        (["masks/x.png", "masks/x.tif"], "x.png: two masks"),
        (["masks/x.png", "masks/x_mask.png"], "x.png: two masks"),
        (["masks/x.png", "anomalous/x_mask.png"], "x.png: two masks"),
    ],
)
def test_a_picture_and_its_mask_belong_to_each_other_alone(tmp_path, files, words):
    laid(tmp_path, "normal/1.png", "anomalous/x.png", *files)
    with pytest.raises(FolderError, match=words):
        folder_to_train(tmp_path)


def test_pictures_of_one_name_need_no_names_apart_where_there_are_no_masks(tmp_path):
    laid(tmp_path, "normal/1.png", "anomalous/x.png", "anomalous/x.jpg")
    assert len(folder_to_train(tmp_path).anomalies) == 2


def test_a_mask_marks_something_but_not_all(tmp_path):
    """Of a palette whose first colour is white all would be anomalous."""
    mask = np.zeros((8, 8), np.uint8)
    image = laid(tmp_path, "x.png") / "x.png"
    palette = Image.fromarray(mask).convert("P")
    palette.putpalette([255, 255, 255, 255, 0, 0])
    for name, saved in (("all", palette), ("empty", Image.fromarray(mask))):
        saved.save(tmp_path / f"{name}.png")
        with pytest.raises(PictureError, match=f"{name}.png: (an empty mask|every pixel)"):
            anomaly_mask(tmp_path / f"{name}.png", image)
    mask[2:5, 3] = 1
    Image.fromarray(mask).save(tmp_path / "some.png")
    assert np.array_equal(anomaly_mask(tmp_path / "some.png", image), mask > 0)
