"""Archives that users download themselves, since their licence or their home asks for it."""

import errno
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

from benchmarks.datasets.categories import CategorySet
from benchmarks.datasets.download import DownloadError, Patience, Remote, Report, digest, fetch
from benchmarks.datasets.mvtec import HOME_PAGE, HOMES, MVTEC
from benchmarks.datasets.unpack import unpack_tree
from benchmarks.locks import waited


@dataclass(frozen=True)
class Archive:
    """An archive of folders: where it is to be had, and its folder under the data root.

    ``remote`` has no address of its own; ``page`` is for people, who accept the licence there.
    """

    entry: CategorySet
    folder: str
    remote: Remote
    page: str

    def __str__(self) -> str:
        name, algorithm = self.remote.name, self.remote.algorithm().name
        about = f"{self.megabytes:.0f} MB, {algorithm} {self.remote.checksum}"
        return f"{self.entry.title}: {name} ({about}; {self.entry.licence}), {self.page}"

    @property
    def megabytes(self) -> float:
        """Size of the archive."""
        return self.remote.size / 1e6


def install(archive: Archive, path: Path, root: Path, tell: Callable[[str], None]) -> None:
    """Check an archive and unpack the categories that are not there yet; it is kept.

    Each category appears whole or not at all; of several processes one unpacks, and the others wait
    for it. Raises DownloadError, in one line.
    """
    tell(f"{path}: checking {archive.megabytes:.0f} MB")
    check(archive.remote, path)
    home = root / archive.folder
    tell(f"{path}: unpacking to {home}")
    try:
        root.mkdir(parents=True, exist_ok=True)
        with waited(root / f"{archive.folder}.lock"):
            lacking = [name for name in archive.entry.categories if not (home / name).exists()]
            if lacking:
                _unpack(archive, path, home, lacking)
    except ValueError as fault:
        raise DownloadError(str(fault)) from fault
    except OSError as fault:
        more = f"; free {archive.megabytes * 2:.0f} MB" if fault.errno == errno.ENOSPC else ""
        raise DownloadError(f"{home}: {fault}{more} and run again") from fault


def _unpack(archive: Archive, path: Path, home: Path, categories: Sequence[str]) -> None:
    part = home.with_name(f"{home.name}.part")
    try:
        shutil.rmtree(part, ignore_errors=True)
        unpack_tree(path, part)
        home.mkdir(exist_ok=True)
        for category in categories:
            # The folders of the official archive lie at its top, repacked ones in a folder.
            found = next(part.glob(f"{category}/train"), None) or next(
                part.glob(f"*/{category}/train"), None
            )
            if found is None:
                raise DownloadError(f"{path}: no category {category}; get it from {archive.page}")
            found.parent.rename(home / category)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def check(remote: Remote, path: Path) -> None:
    """Raises DownloadError, in one line, where the file is not the one that is expected."""
    if not path.is_file():
        raise DownloadError(f"{path}: no such file; give the downloaded archive with --from")
    got = digest(remote, path)
    if got != remote.checksum:
        name = remote.algorithm().name
        wrong = f"{name} mismatch: expected {remote.checksum}, got {got}"
        raise DownloadError(f"{path}: {wrong}; it is another file or broken: download it again")


def bring(
    archive: Archive, url: str, root: Path, report: Report, patience: Patience | None
) -> Path:
    """Download the archive from the address given; returns where it lies. Raises DownloadError."""
    fetch(replace(archive.remote, urls=(url,)), root, report, patience)
    return root / archive.remote.name


ARCHIVES = {
    "mvtec": Archive(
        MVTEC,
        HOMES[0],
        Remote(
            "mvtec_anomaly_detection.tar.xz",
            (),
            "cf4313b13603bec67abb49ca959488f7eedce2a9f7795ec54446c649ac98cd3d",
            5264982680,
            algorithm=sha256,
        ),
        HOME_PAGE,
    ),
}
