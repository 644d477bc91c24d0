"""Source files, and their fingerprint: the same while the code is. Never imports torch."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

HOUSE = Path(__file__).parent.parent  # the folder of our packages


def sources(house: Path, packages: Iterable[str], more: Iterable[Path] = ()) -> str:
    """sha256, as hexadecimal digits, over names and bytes of every file of the packages in the
    folder `house`, and of `more` files of it. Raises OSError where one goes meanwhile."""
    digest = hashlib.sha256()
    files = [*more]
    for package in packages:
        files += sorted((house / package).rglob("*.*"))
    for path in files:
        if path.is_file() and "__pycache__" not in path.parts:
            digest.update(f"{path.relative_to(house)} {path.stat().st_size} ".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


def training_code() -> str:
    """The fingerprint of what decides how nets are trained."""
    return sources(HOUSE, ("baselines", "fcdd"))
