"""Where results go, and what is checked of it before any work is done."""

import os
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from baselines.pictures import EXTENSIONS
from fcdd.walking import Files, FolderError

COLUMNS = ("file", "score", "label", "threshold", "error")
SCALE = ("offset", "step")  # of a 16-bit map: score = offset + step * value
RAW = ("npy", "tiff")
ENDINGS = (".png", *(f".{raw}" for raw in RAW))  # of heatmaps and of maps


@dataclass(frozen=True)
class Output:
    """Where results go: the folder, whether heatmaps are drawn, in which form raw maps are kept
    (None: not), and the colour scale of the heatmaps (None: each picture's own range)."""

    folder: Path
    heatmaps: bool = True
    raw: str | None = None
    scale: tuple[float, float] | None = None

    @property
    def sheet(self) -> Path:
        """The file of scores."""
        return self.folder / "scores.csv"

    def columns(self) -> tuple[str, ...]:
        """The columns of ``scores.csv``."""
        return (*COLUMNS, *SCALE) if self.raw == "tiff" else COLUMNS

    def written(self) -> tuple[str, ...]:
        """What this run writes in the folder."""
        return ("scores.csv", *("heatmaps/",) * self.heatmaps, *("maps/",) * bool(self.raw))

    def results(self) -> Files:
        """All that any run writes: the sheet and the folders of heatmaps and maps."""
        return (self.sheet, self.folder / "heatmaps", self.folder / "maps")

    def check(self) -> None:
        """Raises OSError where nothing can be written, and FolderError where files have the names
        of results, but no run of ours has written them; makes nothing."""
        if not self.folder.is_dir() and self.folder.exists():
            raise NotADirectoryError(f"--out {self.folder}: a file; name a folder to write to")
        _has_room(self.folder, f"--out {self.folder}")
        if not self._is_ours() and (there := [p for p in self.results() if os.path.lexists(p)]):
            raise FolderError(
                f"--out {self.folder}: {there[0].name} in it is of no earlier run, as far as "
                f"{self.sheet.name} tells; name another folder, so that nothing is lost"
            )

    def _is_ours(self) -> bool:
        """Whether an earlier run has written here; one that was killed at once left it empty."""
        if not self.sheet.is_file():
            return False
        with self.sheet.open("rb") as sheet:
            first = sheet.readline()
        return not first or first.startswith(",".join(COLUMNS).encode())

    @property
    def drawn(self) -> bool:
        """Whether anything is made of score maps."""
        return self.heatmaps or self.raw is not None

    def heatmap(self, name: Path) -> Path:
        """Where the heatmap of that name goes."""
        return self.folder / "heatmaps" / f"{name}.png"

    def map(self, name: Path, raw: str) -> Path:
        """Where the raw map of that name goes."""
        return self.folder / "maps" / f"{name}.{raw}"

    def renew(self, names: Iterable[Path]) -> Files:
        """Remove what earlier runs wrote under these names; returns what else they did."""
        for name in names:
            for path in (self.heatmap(name), *(self.map(name, raw) for raw in RAW)):
                path.unlink(missing_ok=True)
        there = [path for place in self.results() for path in sorted(place.rglob("*"))]
        return tuple(path for path in there if path.is_file())


def file_is_writable(path: Path, option: str) -> None:
    """Raises OSError, before hours of work, where no file `path`, which `option` names, can be
    written; makes nothing."""
    if path.is_dir():
        raise IsADirectoryError(f"{option} {path}: a folder; name a file")
    _has_room(path.parent, f"{option} {path}")


def picture_is_writable(path: Path, option: str) -> None:
    """As `file_is_writable`, of a picture. Raises ValueError where its ending says no such file."""
    if path.suffix.lower() not in EXTENSIONS:
        raise ValueError(f"{option} {path}: no ending of a picture; name it {path.stem}.png")
    file_is_writable(path, option)


def _has_room(folder: Path, asked: str) -> None:
    """Raises OSError where the folder is not there and cannot be made, or takes no files."""
    there = next(place for place in (folder, *folder.parents) if os.path.lexists(place))
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        raise OSError(
            f"{asked}: no file can be made in {there} ({error.strerror}); name another place"
        ) from error
