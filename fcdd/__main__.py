"""``python -m fcdd``: fit on a folder of one's own pictures, predict others, evaluate.

Exit codes: 0 all done, 2 some pictures could not be read (the others are done), 3 internal error, 4
bad request or data, 130 interrupted, 143 terminated.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch

from baselines.deep import DeepDetector
from baselines.door import FAILED, OK, entered
from baselines.nets import Shape
from baselines.saved import available, load, save
from baselines.seen import preview
from baselines.several import several
from baselines.weights import WeightsMissing
from fcdd import console
from fcdd.arguments import parser
from fcdd.defaults import NETS, explaining_detector
from fcdd.detector import FCDD
from fcdd.fitting import Material, enough, fit, material
from fcdd.folders import folder_to_test, folder_to_train
from fcdd.measuring import measure, write
from fcdd.naming import named
from fcdd.outputs import Output, file_is_writable, picture_is_writable
from fcdd.predicting import predict
from fcdd.preparation import Preparation


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    console.printable()
    return entered(parser(), argv, lambda given: VERBS[given.verb](given))


def fit_folder(given: argparse.Namespace) -> int:
    """``fit``: a model from a folder."""
    available(given.device)
    file_is_writable(given.out, "--out")
    if given.preview:
        picture_is_writable(given.preview, "--preview")
    folder = folder_to_train(given.folder)
    console.left_out(folder.left_out)
    eye = NETS[given.net]
    size = given.size or eye.size
    detector = explaining_detector(
        eye, given.weights, given.synthetic, size, bool(folder.masks), given.epochs
    ).set_params(contamination=given.fpr, seed=given.seed, device=given.device)
    buildable(detector, (eye.channels or given.channels or 3, size, size))
    read = material(folder, size, given.channels, eye.channels, given.hold_back, given.seed)
    console.say(told(read, folder.layout))
    if given.preview:
        shown(detector, read, given.preview)
    with console.epochs_shown(detector.recipe.epochs):
        rate = fit(detector, read, given.fpr)
    save(detector, given.out)
    held_back = len(read.held_back)
    if rate > given.fpr:
        console.error(
            f"--fpr {given.fpr:g} takes {enough(given.fpr)} pictures held back, and there are "
            f"{held_back}; give more, or a larger --hold-back"
        )
    console.say(
        f"threshold {detector.threshold_:.4g}, for a false-positive rate of {rate:.3g}, set on "
        f"{held_back} normal pictures held back; model in {given.out}"
    )
    return OK


def buildable(detector: DeepDetector, shape: Shape) -> None:
    """Raises ValueError, before pictures are read, where the net has no weights or finds the
    pictures too small."""
    try:
        net = detector.net(shape)
        with torch.no_grad():
            net.eval()(torch.zeros(1, *shape))
    except WeightsMissing as error:
        raise WeightsMissing(f"{error}, or give --weights FILE or --net scratch") from error
    except RuntimeError as error:
        line = str(error).split("\n", 1)[0]
        raise ValueError(f"--size {shape[1]}: too small for this net ({line})") from error


def told(read: Material, layout: str) -> str:
    """What is trained on, in words."""
    known = int(read.labels.sum())
    masked = ", with masks" if read.masks is not None else ""
    known_anomalies = "1 known anomaly" if known == 1 else f"{known} known anomalies"
    anomalies = f" and {known_anomalies}{masked}" if known else ""
    size = " x ".join(str(side) for side in read.preparation.size)
    return (
        f"found {layout}: training on {read.normals} normal pictures{anomalies}, at {size} pixels; "
        f"{len(read.held_back)} normal ones are held back for the threshold"
    )


def shown(detector: DeepDetector, read: Material, path: Path) -> None:
    """Write the preview of the first batch."""
    masks = read.masks if read.labels.any() else None
    sheet = preview(detector, read.images, read.labels, masks, title="first batch of fit")
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(path)
    console.say(f"preview in {path}")


def predict_images(given: argparse.Namespace) -> int:
    """``predict``: scores, labels and heatmaps."""
    detector = load(given.model, given.device, [FCDD])
    preparation = Preparation.of(detector)
    scale = None if given.scale == "image" else preparation.scale
    to = Output(given.out, given.heatmaps, given.raw, scale)
    to.check()
    files, left_out = named(given.images, to.results())
    console.left_out(left_out)
    if others := to.renew(name for _, name in files):
        console.say(
            f"{given.out} keeps {len(others)} heatmaps and maps of other pictures from earlier "
            f"runs, such as {others[0].relative_to(given.out)}"
        )
    alarms = failed = 0
    with console.bar() as progress:
        task = progress.add_task("predicting", total=len(files))
        for line in predict(detector, preparation, files, to):
            progress.advance(task)
            alarms += line.get("label", 0)
            if line["error"]:
                failed += 1
                console.error(line["error"])
    console.say(
        f"{several(len(files) - failed, 'picture')}, {alarms} with a score above the threshold "
        f"{detector.threshold_:.4g}; {given.out}/{', '.join(to.written())}"
    )
    if failed:
        all_told = several(len(files), "picture")
        console.error(f"{failed} of {all_told} could not be read; the others are done")
    return FAILED if failed else OK


def evaluate_folder(given: argparse.Namespace) -> int:
    """``evaluate``: metrics of a model on a folder."""
    if given.out and given.out.suffix not in (".csv", ".json"):
        raise ValueError(f"--out {given.out}: name a .csv or a .json file")
    if given.out:
        file_is_writable(given.out, "--out")
    detector = load(given.model, given.device, [FCDD])
    folder = folder_to_test(given.folder)
    console.left_out(folder.left_out)
    found = measure(detector, Preparation.of(detector), folder)
    console.measures(found)
    if given.out:
        write(found, given.out)
    return OK


VERBS = {"fit": fit_folder, "predict": predict_images, "evaluate": evaluate_folder}

if __name__ == "__main__":
    raise SystemExit(main())
