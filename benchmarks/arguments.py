"""The arguments of ``python -m benchmarks.run``."""

import argparse
from pathlib import Path

from baselines.door import Parser, positive
from benchmarks.asked import LOCAL, USUAL
from benchmarks.datasets.base import data_root
from benchmarks.engines import ENGINES
from benchmarks.options import duration, exposure, setting, share, size
from benchmarks.plan import Request
from benchmarks.scenario import Scenario
from benchmarks.seal import OUT
from benchmarks.seeds import seeds
from benchmarks.suites import DETECTORS, RECIPES
from benchmarks.sweeps import SUITES
from benchmarks.trial import NO_EXPOSURE

EXITS = (
    "Exit codes: 0 all done, 1 kept for regressed scores, 2 some trials failed, 3 internal error, "
    "4 usage or data missing (what is there has run; of MVTec AD, only categories that are named "
    "count as missing), 130 interrupted, 143 terminated (finished rows are kept)."
)


def parser() -> Parser:
    """The command line."""
    p = Parser(
        prog="python -m benchmarks.run",
        allow_abbrev=False,  # so that `benchmarks.seal` finds --out as it stands
        description="Sweep a suite of one-class anomaly detectors; a rerun does what is missing. "
        "Without options: suite quick, every detector of it, recipe fast, seed 0.",
        epilog=EXITS,
    )
    p.add_argument("--suite", default="quick", metavar="NAME", help=f"{', '.join(SUITES)} (quick)")
    p.add_argument(
        "--detectors", nargs="+", default=[], metavar="NAME", help=f"of: {', '.join(DETECTORS)}"
    )
    p.add_argument(
        "--normal", nargs="+", default=[], metavar="NAME", help="classes or categories to be normal"
    )
    p.add_argument("--seeds", type=seeds, default=(0,), metavar="0-4", help="e.g. 0-4 or 0,3 (0)")
    p.add_argument("--recipe", choices=RECIPES, default="fast", help="ours, or the papers' (fast)")
    p.add_argument(
        "--exposure",
        type=exposure,
        metavar="NAME",
        help="anomalies to train against; none: only --real ones",
    )
    p.add_argument("--exposure-size", type=size, metavar="K", help="how many of them, or all")
    p.add_argument(
        "--labelled",
        type=share,
        default=USUAL.labelled,
        metavar="SHARE",
        help="known anomalies for Deep SAD, as a share of its training rows (%(default)s)",
    )
    p.add_argument(
        "--known-classes", type=positive, default=1, metavar="K", help="classes they come from (1)"
    )
    p.add_argument(
        "--pollution",
        type=share,
        default=0.0,
        metavar="SHARE",
        help="hidden anomalies among the unlabelled training rows (0)",
    )
    p.add_argument(
        "--real",
        type=positive,
        default=0,
        metavar="K",
        help="test images of each kind of defect to train with, with their masks",
    )
    p.add_argument(
        "--real-in-test",
        action=argparse.BooleanOptionalAction,
        help="whether those stay in the test set (default: in recipe paper, as its authors)",
    )
    places(p)
    engines(p)
    p.add_argument("--data-root", type=Path, metavar="DIR", help="default: $FCDD_DATA or a cache")
    p.add_argument("--out", type=Path, default=OUT, metavar="DIR", help="default: out")
    p.add_argument(
        "--preview",
        type=Path,
        metavar="DIR",
        help="first write pictures of what each net will see (with --dry-run: nothing else)",
    )
    p.add_argument("--dry-run", action="store_true", help="print the plan and stop")
    return p


def places(p: argparse.ArgumentParser) -> None:
    """Arguments on where trials run, and for how long."""
    p.add_argument(
        "--devices",
        "--device",
        default="auto",
        metavar="NAMES",
        help="auto (every GPU, or else the CPU), cpu, cuda (every GPU), cuda:0,2 ...",
    )
    p.add_argument(
        "--jobs-per-device",
        "--jobs",
        dest="jobs",
        type=positive,
        metavar="N",
        help="trials at once on each device (default: cores on a CPU, 1 on a GPU)",
    )
    p.add_argument(
        "--timeout",
        type=duration,
        metavar="2h",
        help="end a trial that takes longer (2h, 90m, 30s)",
    )
    p.add_argument(
        "--retry-failed",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="try failed trials again (the default), or let their rows stand",
    )
    p.add_argument(
        "--deterministic", action="store_true", help="operations that repeat themselves to the bit"
    )


def engines(p: argparse.ArgumentParser) -> None:
    """Arguments on engines that have devices of their own."""
    p.add_argument(
        "--engine",
        choices=(LOCAL, *ENGINES),
        default=LOCAL,
        help="what runs the trials: this machine",
    )
    p.add_argument(
        "--address", metavar="URL", help="of the engine's cluster (default: one is started)"
    )
    p.add_argument(
        "--engine-option",
        type=setting,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="the engine's own; may be given again and again",
    )


def request_of(arguments: argparse.Namespace) -> Request:
    """The request that the arguments make. With real anomalies the `paper` recipe does as FCDD's
    authors: these alone are trained against, and they stay in the test set."""
    as_authors = arguments.recipe == "paper" and arguments.real > 0
    stay = as_authors if arguments.real_in_test is None else arguments.real_in_test
    return Request(
        suite=arguments.suite,
        root=data_root(arguments.data_root),
        detectors=arguments.detectors,
        normals=arguments.normal,
        seeds=arguments.seeds,
        recipe=arguments.recipe,
        exposure=arguments.exposure or (NO_EXPOSURE if as_authors else None),
        exposure_size=arguments.exposure_size,
        scenario=Scenario(
            arguments.labelled,
            arguments.known_classes,
            arguments.pollution,
            arguments.real,
            held_out=not stay,
        ),
    )
