"""Where ImageNet weights lie, and which they are; needs no torch."""

from collections.abc import Iterator
from pathlib import Path

from baselines.weights import FOLDER, Published, local_weights, own_folder
from benchmarks.datasets.base import DataMissing, content_revision, prepare_command
from benchmarks.witnesses import looked


def find_weights(published: Published, root: Path) -> Path:
    """The file: under the data root, in ``$FCDD_WEIGHTS``, or fetched before; else DataMissing."""
    if given := own_folder():
        looked(given)
    found = published.found(looked(root / "weights")) or local_weights(published)
    if found is None:
        places = [root / "weights", Path(f"${FOLDER}")]
        raise DataMissing(f"weights {published.name}", places, prepare_command(published.name))
    return found


def weights_revision(published: Published, root: Path) -> str:
    """The content of the file; raises DataMissing."""
    return content_revision([find_weights(published, root)], _pieces)


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(2**20):
            yield piece
