"""ImageNet weights: read from a file, or fetched by torch's own loader, which checks their hash.

Torch is imported where weights are read: to say which there are takes none."""

import os
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError  # torch raises it; nothing is unpickled here
from typing import TYPE_CHECKING
from urllib.error import URLError

from baselines.root import data_root

if TYPE_CHECKING:
    import torch

FOLDER = "FCDD_WEIGHTS"  # environment: a folder of weight files, looked in before the network
ENDINGS = (".safetensors", ".pth", ".pt")
StateDict = dict[str, "torch.Tensor"]


class WeightsMissing(ValueError):
    """Weights are neither there nor to be had; one line says where was looked and the remedy."""


@dataclass(frozen=True)
class Published:
    """Published weights. The file's name at `url` ends in the first digits of its sha256."""

    name: str
    url: str
    licence: str

    @property
    def file(self) -> str:
        """The name of the published file."""
        return Path(self.url).name

    def found(self, folder: Path) -> Path | None:
        """The file in `folder` whose name begins with that of the weights, if there is one."""
        files = sorted(folder.glob(f"{self.name}*")) if folder.is_dir() else []
        return next((file for file in files if file.suffix in ENDINGS), None)


SQUEEZENET = Published(
    "squeezenet1_0", "https://download.pytorch.org/models/squeezenet1_0-b66bff10.pth", "BSD-3"
)
VGG11_BN = Published(
    "vgg11_bn", "https://download.pytorch.org/models/vgg11_bn-6002323d.pth", "BSD-3"
)
PUBLISHED = {one.name: one for one in (SQUEEZENET, VGG11_BN)}


def own_folder() -> Path | None:
    """``$FCDD_WEIGHTS``, if it is set."""
    given = os.environ.get(FOLDER)
    return Path(given).expanduser() if given else None


def local_weights(published: Published, root: Path | None = None) -> Path | None:
    """The file that is used without the network: in ``weights`` of the data root, in
    ``$FCDD_WEIGHTS``, or fetched before."""
    folders = (data_root(root) / "weights", own_folder())
    found = [file for folder in folders if folder and (file := published.found(folder))]
    fetched = _hub() / "checkpoints" / published.file
    return found[0] if found else (fetched if fetched.is_file() else None)


def _hub() -> Path:
    """Torch's folder of fetched files, by its own rule."""
    cache = os.environ.get("XDG_CACHE_HOME", "~/.cache")
    return Path(os.environ.get("TORCH_HOME", f"{cache}/torch")).expanduser() / "hub"


def read_weights(
    published: Published, file: str | Path | None = None, root: Path | None = None
) -> StateDict:
    """Weights by name, on the CPU: of `file`, else of a local file (`local_weights`), else fetched.

    Raises WeightsMissing where there are none, ValueError for a file that holds none.
    """
    path = Path(file).expanduser() if file is not None else local_weights(published, root)
    if path is not None:
        return _read(path)
    import torch

    try:
        return torch.hub.load_state_dict_from_url(
            published.url, map_location="cpu", check_hash=True, weights_only=True
        )
    except (URLError, OSError, RuntimeError) as error:
        folder = data_root(root) / "weights"
        raise WeightsMissing(
            f"weights {published.name}: not in {folder}, nor in ${FOLDER}, and not fetched from "
            f"{published.url} ({error}); fetch {published.file} elsewhere and put it into either "
            "folder, under that name"
        ) from error


def _read(path: Path) -> StateDict:
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        return dict(torch.load(path, map_location="cpu", weights_only=True))
    except FileNotFoundError as error:
        raise WeightsMissing(f"weights {path}: no such file") from error
    except (SafetensorError, RuntimeError, OSError, ValueError, EOFError, TypeError) as error:
        raise ValueError(f"weights {path}: no file of weights ({_line(error)})") from error
    except UnpicklingError as error:
        raise ValueError(f"weights {path}: refused, it holds more than tensors") from error


def _line(error: Exception) -> str:
    return str(error).split("\n", 1)[0]
