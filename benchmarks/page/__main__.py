"""One page over several result folders: ``python -m benchmarks.page results/fmnist --out FILE``.

Exit codes: 0 written, 3 internal error, 4 usage or rows that cannot be read, 130 interrupted, 143
terminated.
"""

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path

from baselines.door import OK, Parser, entered
from benchmarks.page.write import write
from benchmarks.scale import SCALE_HELP, SCALES


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    parser = Parser(prog="python -m benchmarks.page", description=__doc__)
    parser.add_argument("folders", type=Path, nargs="+", help="output folders of runs")
    parser.add_argument(
        "--out", type=Path, default=Path("index.html"), metavar="FILE", help="default: index.html"
    )
    parser.add_argument(
        "--galleries", type=int, default=2, metavar="N", help="normals per data set (default 2)"
    )
    parser.add_argument("--scale", choices=SCALES, default=SCALES[0], help=SCALE_HELP)
    logging.basicConfig(format="%(levelname)s: %(message)s")
    return entered(parser, argv, page)


def page(options: argparse.Namespace) -> int:
    """Write the page; raises OSError or ValueError for what cannot be read or written."""
    path = write(options.folders, options.out, options.galleries, options.scale)
    print(f"{path} ({path.stat().st_size / 1e6:.1f} MB)")
    return OK


if __name__ == "__main__":
    raise SystemExit(main())
