"""Folders of one's own images, in three layouts.

a category as in MVTec AD:        normal and anomalous images:    normal images only:
    train/good/...                    normal/...                      ....png
    test/good/..., test/<defect>/...  anomalous/...  (optional)
    ground_truth/<defect>/...         masks/...      (optional)

What stands in folders in these belongs to them. `fcdd.pairing` says which mask is whose; all
anomalies of a folder have one, or none has.
"""

from dataclasses import dataclass
from pathlib import Path

from baselines.pictures import EXTENSIONS
from fcdd.pairing import masks_of
from fcdd.walking import Files, FolderError, Found, walk

LAYOUTS = (
    "expected train/good/ (as MVTec AD), or normal/ with optional anomalous/ and masks/, or "
    "pictures of normal things and no folders"
)


@dataclass(frozen=True)
class Folder:
    """Pictures: normal ones, anomalies, each with its kind and, if `masks` is not empty, its mask;
    the name of the layout they were found in; and what was left out."""

    normals: Files
    anomalies: Files
    kinds: tuple[str, ...]
    masks: Files
    layout: str
    left_out: Files = ()


def folder_to_train(folder: Path) -> Folder:
    """What there is to train on. Raises FolderError on another layout, or no normal pictures."""
    if (folder / "train" / "good").is_dir():  # what is to be tested on is not trained on
        return _normals_only(needed(folder / "train" / "good"), "train/good")
    if (folder / "normal").is_dir():
        return _sorted_apart(folder)
    found = _given(folder)
    here = [path for path in found.pictures if path.parent == folder]
    if not here and (category := min(folder.glob("*/train/good"), default=None)):
        such = category.parents[1]
        raise FolderError(f"{folder} holds categories; name one of them, such as {such}")
    if not here or len(here) < len(found.pictures):  # of what is deeper nobody says it is normal
        raise FolderError(f"{folder}: {_met(folder)}; {LAYOUTS}")
    return _normals_only(found, "pictures")


def folder_to_test(folder: Path) -> Folder:
    """What there is to test with. Raises FolderError on another layout, or where normal or
    anomalous pictures are missing."""
    if (folder / "test").is_dir():
        return _category(folder)
    if not (folder / "normal").is_dir():
        _given(folder)
        raise FolderError(
            f"{folder}: {_met(folder)}; expected test/good/ and test/<defect>/ (as MVTec AD), or "
            "normal/ and anomalous/"
        )
    found = _sorted_apart(folder)
    if not found.anomalies:
        raise FolderError(f"{folder / 'anomalous'}: no anomalies; measuring needs both kinds")
    return found


def _normals_only(found: Found, layout: str) -> Folder:
    return Folder(found.pictures, (), (), (), layout, found.left_out)


def _sorted_apart(folder: Path) -> Folder:
    normals, known, truth = needed(folder / "normal"), folder / "anomalous", walk(folder / "masks")
    anomalies = needed(known) if known.exists() else walk(known)
    kinds = ("anomalous",) * len(anomalies.pictures)
    masks = masks_of(anomalies, truth)
    left_out = (*normals.left_out, *anomalies.others, *truth.others)
    return Folder(normals.pictures, anomalies.pictures, kinds, masks, "normal", left_out)


def _category(folder: Path) -> Folder:
    normals = needed(folder / "test" / "good")
    anomalies: list[Path] = []
    kinds: list[str] = []
    masks: list[Path] = []
    left_out = [*normals.left_out]
    for own in sorted((folder / "test").iterdir()):
        if own.is_dir() and own.name != "good" and own.name[0] != ".":
            found, truth = needed(own), walk(folder / "ground_truth" / own.name)
            anomalies += found.pictures
            kinds += [own.name] * len(found.pictures)
            masks += masks_of(found, truth)
            left_out += [*found.others, *truth.others]
    if not anomalies:
        raise FolderError(f"{folder / 'test'}: no folder of a defect beside good/; add one")
    if masks and len(masks) < len(anomalies):
        raise FolderError(f"{folder / 'ground_truth'}: masks of some defects only; add the others")
    return Folder(
        normals.pictures, tuple(anomalies), tuple(kinds), tuple(masks), "test", tuple(left_out)
    )


def needed(folder: Path) -> Found:
    """What there is in a folder; FolderError where there are no pictures."""
    found = _given(folder)
    if not found.pictures:
        raise FolderError(f"{folder}: no pictures; their names end in {', '.join(EXTENSIONS)}")
    return found


def _given(folder: Path) -> Found:
    if not folder.is_dir():
        what = "is a file" if folder.is_file() else "no such folder"
        raise FolderError(f"{folder}: {what}; name a folder of pictures")
    return walk(folder)


def _met(folder: Path) -> str:
    """What stands in a folder, in words."""
    inside = sorted(path.name + "/" * path.is_dir() for path in folder.iterdir())
    return (
        f"found {', '.join(inside[:4])}{', ...' * (len(inside) > 4)}" if inside else "it is empty"
    )
