"""``python -m benchmarks.store {verify,merge,gc}``: what is wrong in a folder of rows, several
folders as one, and what killed processes left. Needs no torch.

Exit codes: 0 fine, 2 something is wrong or was left out, 3 internal error, 4 usage, or files that
cannot be read or written, 130 interrupted, 143 terminated.
"""

import argparse
import logging
import time
from collections.abc import Sequence
from pathlib import Path

from baselines.door import OK, Parser, entered
from benchmarks.store import Store
from benchmarks.store_merge import merge
from benchmarks.store_tidy import remove, waste
from benchmarks.store_verify import set_aside, verify

WRONG = 2


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    logging.basicConfig(format="%(message)s", level=logging.WARNING)
    return entered(parser(), argv, lambda options: int(options.run(options)))


def parser() -> Parser:
    """The command line."""
    p = Parser(
        prog="python -m benchmarks.store",
        description="Verify, merge and tidy output folders of runs.",
        epilog="Exit codes: 0 fine, 2 something is wrong or was left out, 3 internal error, "
        "4 usage, or files that cannot be read or written, 130 interrupted, 143 terminated.",
    )
    commands = p.add_subparsers(required=True, metavar="{verify,merge,gc}")
    one = commands.add_parser("verify", help="read every row and artefact, and say what is wrong")
    one.add_argument("out", type=Path, metavar="OUT")
    one.add_argument(
        "--set-aside", action="store_true",
        help="move what is wrong to OUT/quarantine: the next run does those trials again",
    )  # fmt: skip
    one.set_defaults(run=_verify)
    one = commands.add_parser("merge", help="bring the rows of other folders into OUT")
    one.add_argument("out", type=Path, metavar="OUT")
    one.add_argument("sources", type=Path, nargs="+", metavar="SRC")
    one.set_defaults(run=_merge)
    one = commands.add_parser("gc", help="remove what killed processes left")
    one.add_argument("out", type=Path, metavar="OUT")
    one.add_argument(
        "--superseded", action="store_true",
        help="also rows whose trial was done again later under other values",
    )  # fmt: skip
    one.add_argument(
        "--failed", action="store_true",
        help="also rows of trials that failed, which the next run would do again if it is asked to",
    )  # fmt: skip
    one.add_argument("--dry-run", action="store_true", help="say what would go, remove nothing")
    one.set_defaults(run=_gc)
    return p


def _verify(options: argparse.Namespace) -> int:
    store = _existing(options.out)
    found = verify(store)
    counts = ", ".join(f"{count} {status}" for status, count in sorted(found.statuses.items()))
    print(f"{options.out}: {found.statuses.total()} rows ({counts or 'none'})")
    print(f"{found.checked} files of scores are whole, {found.bytes / 1e6:.1f} MB")
    for note in found.notes:
        print(f"note: {note}")
    for wrong in found.wrong:
        print(f"WRONG: {wrong.path}: {wrong.fault}")
    if options.set_aside:
        set_aside(store, found)
    remedy = "; --set-aside moves it away, and the next run does those trials again"
    told = remedy if found.wrong and not options.set_aside else ""
    print(f"{len(found.wrong) or 'nothing'} wrong{told}")
    return WRONG if found.wrong else OK


def _merge(options: argparse.Namespace) -> int:
    sources = [_existing(folder) for folder in options.sources]
    if options.out.resolve() in [folder.resolve() for folder in options.sources]:
        raise ValueError(f"{options.out} is both OUT and SRC; name the others only")
    merged = merge(Store(options.out), sources)
    counts = ", ".join(f"{count} {kind}" for kind, count in sorted(merged.counts.items()))
    print(f"{options.out}: rows {counts or 'none'}; {merged.runs} runs added to the record")
    for path, why in merged.left_out:
        print(f"LEFT OUT: {path}: {why}")
    return WRONG if merged.left_out else OK


def _gc(options: argparse.Namespace) -> int:
    store = _existing(options.out)
    began = time.time()
    for kind, files in waste(store, options.superseded, options.failed):
        if options.dry_run:
            for path in files:
                print(path)
            print(f"{kind}: {len(files)} would go")
        else:
            count, size = remove(store, files, began)
            print(f"{kind}: {count} removed, {size / 1e6:.1f} MB")
    return OK


def _existing(out: Path) -> Store:
    if not (out / "rows").is_dir():
        raise FileNotFoundError(f"{out}: no folder rows in it; name the output folder of a run")
    return Store(out)


if __name__ == "__main__":
    raise SystemExit(main())
