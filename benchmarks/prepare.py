"""``python -m benchmarks.prepare``: which data are there, and the download of those asked for.

Exit codes: 0 done, 3 internal error, 4 usage or network, 130 stopped by Ctrl-C.
"""

import argparse
import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from benchmarks.datasets.base import Dataset, ExposureSet, data_root
from benchmarks.datasets.digits import DIGITS
from benchmarks.datasets.download import DownloadError, Patience, Report, fetch
from benchmarks.datasets.exposures import CIFAR100, EMNIST
from benchmarks.datasets.mirrors import DOWNLOADS, Download
from benchmarks.datasets.mnist import FASHION_MNIST, MNIST
from benchmarks.datasets.photos import PHOTOS

LISTED = (FASHION_MNIST, MNIST, DIGITS, CIFAR100, EMNIST, PHOTOS)


def main(
    argv: Sequence[str] | None = None,
    downloads: Mapping[str, Download] = DOWNLOADS,
    patience: Patience | None = None,
) -> int:
    """Run the command line; returns the exit code."""
    try:
        arguments = _arguments(argv, downloads)
    except SystemExit as stop:
        return 4 if stop.code else 0
    root = data_root(arguments.data_root)
    try:
        if arguments.list or not arguments.names:
            _show(root, downloads)
            return 0
        done = [_prepare(downloads[name], root, patience) for name in arguments.names]
        return 0 if all(done) else 4
    except KeyboardInterrupt:
        print("prepare: stopped; the same command resumes", file=sys.stderr)
        return 130
    except Exception:  # noqa: BLE001 - the door: what is not a DownloadError is our fault
        traceback.print_exc()
        return 3


def _arguments(argv: Sequence[str] | None, downloads: Mapping[str, Download]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.prepare", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(downloads))
    parser.add_argument("--list", action="store_true", help="only show what is there (default)")
    where = "default: $FCDD_DATA, else the user's cache"
    parser.add_argument("--data-root", type=Path, metavar="DIR", help=where)
    arguments = parser.parse_args(argv)
    for name in arguments.names:
        if name not in downloads:
            parser.error(f"nothing to download for {name!r}; choose from {', '.join(downloads)}")
    return arguments


def _show(root: Path, downloads: Mapping[str, Download]) -> None:
    print(f"data root: {root}")
    for entry in LISTED:
        state = _state(entry, root, downloads.get(entry.name))
        print(f"{entry.name:10}{entry.title:16}{state}  [licence: {entry.licence}]")


def _state(entry: Dataset | ExposureSet, root: Path, download: Download | None) -> str:
    files = entry.find(root)
    if files is None:
        size = f"{download.megabytes:.1f} MB, " if download else ""
        return f"missing  {size}get it: {entry.remedy}"
    size = f"{sum(path.stat().st_size for path in files) / 1e6:.1f} MB"
    try:
        rows = f", {entry.count(root):,} images" if isinstance(entry, ExposureSet) else ""
    except ValueError as fault:
        return f"damaged  {fault}"
    return f"present  {size}{rows}, {files[0].parent}"


def _prepare(download: Download, root: Path, patience: Patience | None) -> bool:
    """Bring one entry, unless it is there; False, with the reason on stderr, if that failed."""
    title = download.entry.title
    if (files := download.entry.find(root)) is not None:
        print(f"{title}: already in {files[0].parent}")
        return True
    folder = root / download.folder
    print(f"{title}: {download.megabytes:.1f} MB to {folder} (licence: {download.entry.licence})")
    try:
        with _reporting() as report:
            for remote in download.files:
                fetch(remote, folder, report, patience)
    except DownloadError as fault:
        print(f"prepare: {fault}", file=sys.stderr)
        return False
    print(f"{title}: ready")
    return True


@contextmanager
def _reporting() -> Iterator[Report]:
    """A bar on a terminal; elsewhere a line for every tenth of a file."""
    if not sys.stdout.isatty():
        tenths: dict[str, int] = {}

        def line(name: str, received: int, total: int) -> None:
            if (tenth := 10 * received // total) > tenths.get(name, 0):
                tenths[name] = tenth
                print(f"{name}: {received / 1e6:.1f} of {total / 1e6:.1f} MB", flush=True)

        yield line
        return
    columns = TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn()
    with Progress(*columns) as progress:
        bars = {}

        def bar(name: str, received: int, total: int) -> None:
            if name not in bars:
                bars[name] = progress.add_task(name, total=total)
            progress.update(bars[name], completed=received)

        yield bar


if __name__ == "__main__":
    sys.exit(main())
