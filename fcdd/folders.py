"""Folders of one's own images, in three layouts.

a category as in MVTec AD:        normal and anomalous images:    normal images only:
    train/good/...                    normal/...                      ....png
    test/good/..., test/<defect>/...  anomalous/...  (optional)
    ground_truth/<defect>/...         masks/...      (optional)

The mask of ``x.jpg`` is ``x_mask.png`` or ``x.png`` in the folder of masks, or ``x_mask.png`` next
to it; all anomalies of a folder have one, or none has.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from baselines.pictures import EXTENSIONS

Files = tuple[Path, ...]
MASK = "_mask"
LAYOUTS = (
    "expected train/good/ (as MVTec AD), or normal/ with optional anomalous/ and masks/, or "
    "pictures of normal things and no folders"
)


class FolderError(ValueError):
    """A folder that is not laid out as needed; one line names it and the remedy."""


@dataclass(frozen=True)
class Folder:
    """Pictures: normal ones, anomalies, each with its kind and, if `masks` is not empty, its mask;
    and the name of the layout they were found in."""

    normals: Files
    anomalies: Files
    kinds: tuple[str, ...]
    masks: Files
    layout: str


def folder_to_train(folder: Path) -> Folder:
    """What there is to train on. Raises FolderError on another layout, or no normal pictures."""
    if (folder / "train" / "good").is_dir():  # what is to be tested on is not trained on
        return Folder(needed(folder / "train" / "good"), (), (), (), "train/good")
    if (folder / "normal").is_dir():
        return _sorted_apart(folder)
    found = _given(folder)
    if not found and (category := next(folder.glob("*/train/good"), None)):
        raise FolderError(f"{folder}: categories; name one of them, such as {category.parents[1]}")
    if not found or any(pictures(path) for path in folder.iterdir() if path.is_dir()):
        raise FolderError(f"{folder}: {_met(folder)}; {LAYOUTS}")
    return Folder(found, (), (), (), "pictures")


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


def _sorted_apart(folder: Path) -> Folder:
    normals = needed(folder / "normal")
    anomalies = needed(folder / "anomalous") if (folder / "anomalous").exists() else ()
    masks = masks_of(anomalies, folder / "masks")
    return Folder(normals, anomalies, ("anomalous",) * len(anomalies), masks, "normal")


def _category(folder: Path) -> Folder:
    normals = needed(folder / "test" / "good")
    anomalies: list[Path] = []
    kinds: list[str] = []
    masks: list[Path] = []
    for own in sorted((folder / "test").iterdir()):
        if own.is_dir() and own.name != "good":
            found = needed(own)
            anomalies += found
            kinds += [own.name] * len(found)
            masks += masks_of(found, folder / "ground_truth" / own.name)
    if not anomalies:
        raise FolderError(f"{folder / 'test'}: no folder of a defect beside good/; add one")
    if masks and len(masks) < len(anomalies):
        raise FolderError(f"{folder / 'ground_truth'}: masks of some defects only; add the others")
    return Folder(normals, tuple(anomalies), tuple(kinds), tuple(masks), "test")


def masks_of(images: Files, folder: Path) -> Files:
    """The mask of each picture, or none at all. Raises FolderError where only some have one, and on
    masks that belong to no picture."""
    theirs = {path.stem: path for path in _all_pictures(folder)}
    parents = {image.parent for image in images}
    beside = {p.with_suffix(""): p for parent in parents for p in _all_pictures(parent)}

    def own(image: Path) -> Path | None:
        name = image.stem + MASK
        return theirs.get(name) or theirs.get(image.stem) or beside.get(image.with_name(name))

    found = [own(image) for image in images]
    if spare := sorted(set(theirs.values()) - set(found)):
        raise FolderError(f"{spare[0]}: a mask without an image; name it after its image")
    masks = tuple(mask for mask in found if mask is not None)
    if masks and len(masks) < len(images):
        bare = images[found.index(None)]
        raise FolderError(
            f"{bare}: no mask, while others have one; add {folder / bare.stem}{MASK}.png"
        )
    return masks


def pictures(folder: Path) -> Files:
    """The pictures in a folder, sub-folders apart, by name; masks and hidden files are left out."""
    found = _all_pictures(folder)
    stems = {path.stem for path in found}
    return tuple(
        path
        for path in found
        if not (path.stem.endswith(MASK) and path.stem.removesuffix(MASK) in stems)
    )


def _all_pictures(folder: Path) -> Files:
    if not folder.is_dir():
        return ()
    files = (path for path in sorted(folder.iterdir()) if path.is_file())
    return tuple(p for p in files if p.suffix.lower() in EXTENSIONS and p.name[0] != ".")


def needed(folder: Path) -> Files:
    """The pictures in a folder; FolderError where there are none."""
    found = _given(folder)
    if not found:
        raise FolderError(f"{folder}: no pictures; their names end in {', '.join(EXTENSIONS)}")
    return found


def _given(folder: Path) -> Files:
    if not folder.is_dir():
        what = "is a file" if folder.is_file() else "no such folder"
        raise FolderError(f"{folder}: {what}; name a folder of pictures")
    return pictures(folder)


def _met(folder: Path) -> str:
    """What stands in a folder, in words."""
    inside = sorted(path.name + "/" * path.is_dir() for path in folder.iterdir())
    return (
        f"found {', '.join(inside[:4])}{', ...' * (len(inside) > 4)}" if inside else "it is empty"
    )


def named(images: Sequence[Path]) -> list[tuple[Path, Path]]:
    """Every picture in the files and folders given, folders searched through, each with the name
    that its results go by. Raises FolderError where there is none."""
    found: dict[Path, Path] = {}
    for given in images:
        if given.is_dir():
            prefix = Path(given.resolve().name) if len(images) > 1 else Path()
            for folder in (given, *sorted(given.rglob("*/"))):
                found |= {p: prefix / p.relative_to(given) for p in _all_pictures(folder)}
        elif given.is_file():
            found[given] = Path(given.name)
        else:
            raise FolderError(f"{given}: no such file; check the path")
    if not found:
        told = ", ".join(str(path) for path in images)
        raise FolderError(f"{told}: no pictures; their names end in {', '.join(EXTENSIONS)}")
    return list(found.items())
