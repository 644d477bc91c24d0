"""``python -m benchmarks.prepare``: which data are there, the download of those asked for, and the
unpacking of archives whose licence wants you to fetch them yourself.

Exit codes: 0 done, 3 internal error, 4 usage or network, 130 stopped by Ctrl-C, 143 by SIGTERM.
"""

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from baselines.door import OK, USAGE, Parser, entered
from baselines.weights import PUBLISHED, Published, read_weights
from benchmarks.datasets.archives import ARCHIVES, Archive, bring, install
from benchmarks.datasets.base import DataMissing, data_root
from benchmarks.datasets.cache import clear_cache
from benchmarks.datasets.download import DownloadError, Patience, Report, fetch
from benchmarks.datasets.mirrors import DOWNLOADS, Download
from benchmarks.present import shown
from benchmarks.pretrained import find_weights


def main(
    argv: Sequence[str] | None = None,
    downloads: Mapping[str, Download] = DOWNLOADS,
    patience: Patience | None = None,
    archives: Mapping[str, Archive] = ARCHIVES,
) -> int:
    """Run the command line; returns the exit code."""

    def work(arguments: argparse.Namespace) -> int:
        names = [] if arguments.list else arguments.names
        _consistent(arguments, names, [*downloads, *archives, *PUBLISHED], archives)
        root = data_root(arguments.data_root)
        if arguments.clear_cache:
            print(f"cache: {clear_cache(root) / 1e6:.1f} MB of decoded pictures removed")
        elif not names:
            print(*shown(root, downloads, archives), sep="\n")
        done = [
            _prepare(downloads[name], root, patience)
            if name in downloads
            else _weights(PUBLISHED[name], root)
            if name in PUBLISHED
            else _unpack(archives[name], arguments, root, patience)
            for name in names
        ]
        return OK if all(done) else USAGE

    parser = _parser([*downloads, *archives, *PUBLISHED], archives)
    return entered(parser, argv, work, interrupted="stopped; the same command resumes")


def _parser(known: Sequence[str], archives: Mapping[str, Archive]) -> Parser:
    parser = Parser(prog="python -m benchmarks.prepare", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(known))
    parser.add_argument("--list", action="store_true", help="only show what is there (default)")
    where = "default: $FCDD_DATA, else the user's cache"
    parser.add_argument("--data-root", type=Path, metavar="DIR", help=where)
    unpacked = f"the archive of {', '.join(archives)}, downloaded by you: checked and unpacked"
    parser.add_argument("--from", dest="archive", type=Path, metavar="ARCHIVE", help=unpacked)
    parser.add_argument("--url", help="an address to download that archive from")
    decoded = "remove decoded pictures; they are made again when needed"
    parser.add_argument("--clear-cache", action="store_true", help=decoded)
    return parser


def _consistent(
    arguments: argparse.Namespace,
    names: Sequence[str],
    known: Sequence[str],
    archives: Mapping[str, Archive],
) -> None:
    """Raises ValueError for a name that is none, and for options that do not go together."""
    for name in names:
        if name not in known:
            raise ValueError(f"nothing to download for {name!r}; choose from {', '.join(known)}")
    if (arguments.archive or arguments.url) and [name in archives for name in names] != [True]:
        raise ValueError(f"--from and --url: for one of {', '.join(archives)} alone")


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
        _told(fault)
        return False
    print(f"{title}: ready")
    return True


def _unpack(
    archive: Archive, arguments: argparse.Namespace, root: Path, patience: Patience | None
) -> bool:
    """Unpack an archive that the user has, or names an address of; False if that failed."""
    entry = archive.entry
    if len(entry.here(root)) == len(entry.categories):
        print(f"{entry.title}: already in {entry.home(root)}")
        return True
    if not (arguments.archive or arguments.url):
        how = "not fetched by itself; download it and give it with --from ARCHIVE"
        _told(f"{archive}: {how}")
        return False
    print(f"{entry.title}: licence {entry.licence}")
    try:
        path = arguments.archive
        if path is None:
            with _reporting() as report:
                path = bring(archive, arguments.url, root, report, patience)
        install(archive, path, root, print)
    except DownloadError as fault:
        _told(fault)
        return False
    print(f"{entry.title}: ready")
    return True


def _told(fault: object) -> None:
    print(f"benchmarks.prepare: {fault}", file=sys.stderr)


def _weights(published: Published, root: Path) -> bool:
    """Have torch's own loader fetch ImageNet weights, unless they are there; False if it fails."""
    try:
        print(f"{published.name}: already in {find_weights(published, root).parent}")
        return True
    except DataMissing:
        print(f"{published.name}: from {published.url} (licence: {published.licence})")
    try:
        read_weights(published, root=root)
    except ValueError as fault:
        _told(fault)
        return False
    print(f"{published.name}: ready")
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
    raise SystemExit(main())
