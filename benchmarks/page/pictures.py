"""The report's figures as data URIs."""

import base64
import io
import logging
from collections.abc import Iterator
from dataclasses import dataclass

from PIL import Image

from benchmarks.page.gather import Material

WIDTH = 1400  # pixels: sharp at 700 points on a fine screen

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Picture:
    """An inlined figure of the report."""

    name: str
    uri: str
    size: tuple[int, int]
    facets: dict[str, str]  # data set and metric, where its name tells


def data_uri(image: Image.Image, lossless: bool) -> str:
    """The image as a WebP data URI."""
    file = io.BytesIO()
    image.save(file, "WEBP", lossless=lossless, quality=80, method=4)
    return f"data:image/webp;base64,{base64.b64encode(file.getvalue()).decode()}"


def figures(material: Material, drawn_here: bool) -> Iterator[Picture]:
    """The report's figures, no wider than `WIDTH`; its galleries only where the page draws
    none itself. One that cannot be read is passed over with a warning."""
    known = {name: material.frame[name].dropna().unique() for name in ("dataset", "metric")}
    for path in material.figures():
        if drawn_here and path.name.startswith("gallery-"):
            continue
        try:
            with Image.open(path) as file:
                image = file.convert("RGB")
        except OSError as error:
            log.warning("%s cannot be read (%s); the page goes without it", path, error)
            continue
        image.thumbnail((WIDTH, 10 * WIDTH), Image.Resampling.LANCZOS)
        told = {name: [one for one in values if f"-{one}-" in path.name]
                for name, values in known.items()}  # fmt: skip
        facets = {name: str(found[0]) for name, found in told.items() if found}
        folder = f"{path.parent.parent.name}: " if len(material.folders) > 1 else ""
        yield Picture(folder + path.stem, data_uri(image, lossless=False), image.size, facets)
