"""Where data and weights lie, unless a command says otherwise."""

import os
from pathlib import Path

import platformdirs

FOLDER = "FCDD_DATA"  # environment: the data root


def data_root(given: Path | None = None) -> Path:
    """Folder of all data sets: as given, else ``$FCDD_DATA``, else the user's cache."""
    if given is not None:
        return Path(given).expanduser()
    if os.environ.get(FOLDER):
        return Path(os.environ[FOLDER]).expanduser()
    return platformdirs.user_cache_path("fcdd-benchmark") / "datasets"
