"""One page over several result folders: ``python -m benchmarks.page results/fmnist --out FILE``."""

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.page.write import write


def main(argv: Sequence[str] | None = None) -> int:
    """Command line; 0 when the page is written, 4 with one line where that cannot be done."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.page", description=__doc__)
    parser.add_argument("folders", type=Path, nargs="+", help="output folders of runs")
    parser.add_argument(
        "--out", type=Path, default=Path("index.html"), metavar="FILE", help="default: index.html"
    )
    parser.add_argument(
        "--galleries", type=int, default=2, metavar="N", help="normals per data set (default 2)"
    )
    options = parser.parse_args(argv)
    logging.basicConfig(format="%(levelname)s: %(message)s")
    try:
        path = write(options.folders, options.out, options.galleries)
    except (OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 4
    print(f"{path} ({path.stat().st_size / 1e6:.1f} MB)")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
