"""The arguments of ``python -m fcdd``."""

import argparse
from pathlib import Path
from textwrap import fill
from typing import Any

from baselines.door import Parser, positive
from fcdd.defaults import NETS, RECIPE, SYNTHETIC
from fcdd.outputs import RAW

WIDTH = 96  # of a description, in characters: it stands as it is, as the text below it does
FOLDERS = """\
FOLDER is one of
  a category as in MVTec AD      train/good/, test/good/, test/<defect>/, ground_truth/<defect>/
  normal and anomalous pictures  normal/, anomalous/ and masks/ (x_mask.png or x.png for x.jpg)
  pictures of normal things      (fit only)
Folders in these belong to them, but for pictures of normal things, where there must be none.

"""
CODES = """\
exit codes
  0 all done   2 some pictures could not be read   3 internal error   4 bad request or data
  130 interrupted, 143 terminated
"""

WEIGHTS = (
    "ImageNet weights of the net (default: looked for in weights/ of $FCDD_DATA and in "
    "$FCDD_WEIGHTS, under their published name, else fetched)"
)


def parser() -> Parser:
    """The command line."""
    p = Parser(
        prog="python -m fcdd",
        description=fill(
            "Find anomalies in pictures of your own, and show where they are, with FCDD (Liznerski "
            "et al. 2021): fit on normal pictures, predict others, evaluate on some.",
            WIDTH,
        ),
        epilog=FOLDERS + CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verbs = p.add_subparsers(dest="verb", required=True, metavar="{fit,predict,evaluate}")
    _fit(verbs.add_parser("fit", help="train on a folder; writes a model", **_shape(FOLDERS)))
    _predict(
        verbs.add_parser("predict", help="scores, labels and heatmaps of pictures", **_shape())
    )
    _evaluate(
        verbs.add_parser("evaluate", help="AUROC, AP and AU-PRO on a folder", **_shape(FOLDERS))
    )
    return p


def _shape(about: str = "") -> dict[str, Any]:
    return {"epilog": about + CODES, "formatter_class": argparse.RawDescriptionHelpFormatter}


def _fit(p: argparse.ArgumentParser) -> None:
    p.description = fill(
        "Train on the normal pictures of FOLDER, against synthetic anomalies, and known ones with "
        "their masks where there is anomalous/. Some normal pictures are held back to set the "
        "threshold. Of an MVTec AD category only train/good/ is used.",
        WIDTH,
    )
    p.add_argument("folder", type=Path, metavar="FOLDER")
    p.add_argument("--out", type=Path, required=True, metavar="MODEL", help="the file to write")
    p.add_argument(
        "--net",
        choices=NETS,
        default=next(iter(NETS)),
        help="pretrained on ImageNet, or scratch (default: %(default)s)",
    )
    p.add_argument("--weights", type=Path, metavar="FILE", help=WEIGHTS)
    p.add_argument(
        "--size",
        type=positive,
        metavar="PIXELS",
        help="side that pictures are resized to (default: "
        f"{', '.join(f'{eye.size} for {net}' for net, eye in NETS.items())})",
    )
    p.add_argument(
        "--epochs",
        type=positive,
        metavar="N",
        help=f"passes over the normal pictures (default: {RECIPE.epochs})",
    )
    p.add_argument("--seed", type=int, default=0, metavar="N", help="of all draws (default: 0)")
    p.add_argument(
        "--fpr",
        "--contamination",
        type=share,
        default=0.05,
        metavar="RATE",
        help="false-positive rate to set the threshold at (default: 0.05)",
    )
    p.add_argument(
        "--hold-back",
        type=share,
        default=0.2,
        metavar="SHARE",
        help="share of the normal pictures that the threshold is set on (default: 0.2)",
    )
    p.add_argument(
        "--synthetic",
        choices=SYNTHETIC,
        default=next(iter(SYNTHETIC)),
        help="kinds of synthetic anomalies to train against (default: %(default)s)",
    )
    p.add_argument(
        "--channels",
        type=int,
        choices=(1, 3),
        help="read all as grey or as colour, where grey and colour pictures are mixed",
    )
    p.add_argument(
        "--preview", type=Path, metavar="FILE", help="write a picture of what the net will see"
    )
    _device(p)


def _predict(p: argparse.ArgumentParser) -> None:
    p.description = fill(
        "Write scores.csv (file, score, label: 1 = anomaly, threshold), heatmaps/ and, if asked "
        "for, maps/ to OUT, at the resolution of each picture, under its path in IMAGES. Pictures "
        "that cannot be read are named and the others done.",
        WIDTH,
    )
    p.add_argument("model", type=Path, metavar="MODEL")
    p.add_argument(
        "images",
        type=Path,
        nargs="+",
        metavar="IMAGES",
        help="files, or folders with all in them, masks apart",
    )
    p.add_argument("--out", type=Path, required=True, metavar="OUT", help="the folder to write to")
    p.add_argument(
        "--heatmaps",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="lay heatmaps over the pictures (default: yes)",
    )
    p.add_argument(
        "--scale",
        choices=("model", "image"),
        default="model",
        help="colours of heatmaps: one scale for all, from the normal pictures held back when "
        "fitting; or each picture's own least to greatest value (default: model)",
    )
    p.add_argument(
        "--raw",
        choices=RAW,
        help="write score maps as float32 arrays, or as 16-bit pictures (score = offset + step * "
        "value, both in scores.csv)",
    )
    _device(p)


def _evaluate(p: argparse.ArgumentParser) -> None:
    p.description = fill(
        "Measure a model on test/ (MVTec AD) or on normal/ and anomalous/: image AUROC and AP, "
        "and, with masks, pixel AUROC, AP and AU-PRO at the masks' own resolution.",
        WIDTH,
    )
    p.add_argument("model", type=Path, metavar="MODEL")
    p.add_argument("folder", type=Path, metavar="FOLDER")
    p.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help="write these, those of each kind of anomaly, and counts, as .csv or .json",
    )
    _device(p)


def _device(p: argparse.ArgumentParser) -> None:
    p.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1 ... (default: auto)")


def share(text: str) -> float:
    """A number in (0, 0.5]."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 < value <= 0.5:
        raise argparse.ArgumentTypeError(f"expected a share in (0, 0.5], got {text!r}")
    return value
