"""``--preview``: a picture of what each net will see, before anything is trained."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from PIL import Image

from baselines.deep import DeepDetector
from baselines.seen import preview
from benchmarks.build import build
from benchmarks.faults import Unwritable
from benchmarks.store import slug
from benchmarks.suites import DATASETS
from benchmarks.trial import Planned, Trial


def previews(
    planned: Sequence[Planned], root: Path, device: str, folder: Path
) -> Iterator[tuple[str, Path | None]]:
    """Write ``<dataset>-<normal>-<detector>-<recipe>.png`` for each deep detector and task, its
    first seed only; gives (what it is of, its path), or (a line with the reason, None) for one
    that breaks. Raises OSError in one line where the folder cannot be written."""
    done: set[Path] = set()
    for trial in (one.trial for one in planned):
        parts = (trial.dataset, slug(trial.normal), trial.detector, trial.recipe)
        path = folder / f"{'-'.join(parts)}.png"
        if path in done:
            continue
        done.add(path)
        try:
            sheet = _sheet(trial, root, device)
        except Exception as error:  # noqa: BLE001 - its trial will fail for it, in a row
            yield f"no preview of {title(trial)}: {type(error).__name__}: {error}", None
            continue
        if sheet is None:  # a shallow detector: no batch, no net
            continue
        try:
            folder.mkdir(parents=True, exist_ok=True)
            sheet.save(path)
        except OSError as error:
            raise Unwritable(
                f"--preview {folder} is not writable ({error.strerror}); name another folder"
            ) from None
        yield title(trial), path


def title(trial: Trial) -> str:
    """The trial in words."""
    against = f", exposure {trial.exposure}" if trial.exposure else ""
    names = f"{trial.dataset}, normal: {trial.normal}; {trial.detector}"
    return f"{names}, recipe {trial.recipe}, seed {trial.seed}{against}"


def _sheet(trial: Trial, root: Path, device: str) -> Image.Image | None:
    source = DATASETS[trial.dataset]
    task = source.task(root, trial.normal, trial.scenario, trial.seed, trial.pictures)
    detector = build(trial, task, root, device)
    if not isinstance(detector, DeepDetector):
        return None
    labels = task.train_labels if task.train_labels.any() else None
    return preview(detector, task.train, labels, task.train_masks, title(trial))
