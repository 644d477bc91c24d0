"""Where ImageNet weights lie, and which they are; needs no torch."""

from collections.abc import Iterator
from pathlib import Path

from baselines.weights import FOLDER, Published, local_weights, own_folder
from benchmarks.datasets.base import DataMissing, content_revision, data_root, prepare_command
from benchmarks.witnesses import looked


def find_weights(published: Published, root: Path) -> Path:
    """The file, as `local_weights` finds it; else DataMissing."""
    for folder in (own_folder(), root / "weights"):
        if folder:
            looked(folder)
    found = local_weights(published, root)
    if found is None:
        places = [root / "weights", Path(f"${FOLDER}")]
        remedy = prepare_command(published.name, None if root == data_root() else root)
        raise DataMissing(f"weights {published.file}", places, remedy)
    return found


def weights_revision(published: Published, root: Path, user: str) -> str:
    """The content of the file; raises DataMissing, naming whose weights they are."""
    try:
        return content_revision([find_weights(published, root)], _pieces)
    except DataMissing as lack:
        raise DataMissing(f"{user}: {lack.title}", lack.places, lack.remedy) from None


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(2**20):
            yield piece
