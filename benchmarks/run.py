"""``python -m benchmarks.run``: sweep a suite, one row per trial, then every table and figure.

Exit codes: 0 all done, 1 kept for regressed scores, 2 some trials failed, 3 internal error, 4
usage, data missing (what is there has run) or a place that cannot be written, 130 interrupted, 143
terminated (finished rows are kept).
"""

import sys
from collections.abc import Sequence

from benchmarks.seal import Seal


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    arguments = sys.argv[1:] if argv is None else [*argv]
    seal = Seal(arguments)
    if (said := seal.said()) is not None:
        print(said, end="")
        return 0
    from benchmarks.sweep import main as sweep  # loads torch, which takes seconds

    return sweep(arguments, seal)


if __name__ == "__main__":
    raise SystemExit(main())
