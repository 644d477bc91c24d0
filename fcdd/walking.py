"""Folders searched through for pictures, and what of them is left out."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from baselines.pictures import EXTENSIONS, hidden
from baselines.several import several

Files = tuple[Path, ...]
MASK = "_mask"
TRUTHS = {"ground_truth": "test", "masks": "anomalous"}  # folders of masks, with these beside them


class FolderError(ValueError):
    """A folder that is not laid out as needed; one line names it and the remedy."""


@dataclass(frozen=True)
class Found:
    """What there is in the folder `home`: pictures, masks beside them or in folders of masks, and
    others, which are no pictures by their names, or links that lead nowhere."""

    home: Path
    pictures: Files
    masks: Files
    others: Files

    @property
    def left_out(self) -> Files:
        """What is no picture to look at."""
        return (*self.masks, *self.others)


def walk(home: Path, without: Iterable[Path] = ()) -> Found:
    """Search a folder and those in it, by name, a folder's own files first; nothing in one that is
    not there. Links to folders are followed, each folder is entered once; hidden files and folders,
    and what is `without`, are passed by. Raises FolderError on a folder that may not be read."""
    entered = {path.resolve() for path in without}
    shunned = {path.name for path in entered}
    pictures: list[Path] = []
    masks: list[Path] = []
    others: list[Path] = []

    def enter(folder: Path, truth: bool) -> None:
        if folder.resolve() in entered:
            return
        entered.add(folder.resolve())
        seen = [path for path in _inside(folder) if not hidden(path)]
        files = [path for path in seen if not path.is_dir()]
        files = [p for p in files if p.name not in shunned or p.resolve() not in entered]
        right = {path for path in files if _is_picture(path)}
        stems = {path.stem for path in right}
        for path in files:
            kind = masks if truth or _is_mask(path, stems) else pictures
            (kind if path in right else others).append(path)
        names = {path.name for path in seen}
        for path in seen:
            if path.is_dir():
                enter(path, truth or TRUTHS.get(path.name) in names)

    if home.is_dir():
        enter(home, truth=False)
    return Found(home, tuple(pictures), tuple(masks), tuple(others))


def _inside(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except PermissionError as error:
        raise FolderError(f"{folder}: {error.strerror}; make it a folder you may read") from error


def told(left_out: Files) -> str:
    """What was left out, in words."""
    kinds = Counter(map(_kind, left_out))
    parts = ", ".join(f"{kind} ({count})" for kind, count in kinds.most_common())
    return f"{several(len(left_out), 'file')} left out: {parts}"


def _kind(path: Path) -> str:
    if _is_picture(path):
        return "masks"
    if path.is_symlink() and not path.exists():
        return "broken links"
    return path.suffix.lower() or "names without an ending"


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in EXTENSIONS and path.is_file()


def _is_mask(path: Path, stems: set[str]) -> bool:
    return path.stem.endswith(MASK) and path.stem.removesuffix(MASK) in stems
