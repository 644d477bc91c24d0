"""What the tests of the page share: a run of the real command, and a look into the HTML."""

import subprocess
import sys
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

from benchmarks.store import Row, Store

ROOT = Path(__file__).parent.parent
COMMITTED = ROOT / "results" / "fmnist"
BROKEN = "a<b>&'c"
HOSTILE = """<script>alert('1')</script> & "both" quotes"""


def command(*arguments: object) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", *map(str, arguments)]
    return subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=300)


def run(out: Path) -> Path:
    """Rows, scores, figures and page of two detectors on two textures; then one that failed."""
    chosen = ("--detectors", "pca", "knn", "--normal", "bricks", "wood", "--jobs", 1)
    done = command("benchmarks.run", "--suite", "quick", *chosen, "--out", out)
    assert done.returncode == 0, done.stderr
    store = Store(out)
    for row in store.rows()[:2]:
        store.write(failed(row), {})
    return out


def failed(row: Row) -> Row:
    """The row as that of a trial which broke, with names and a reason that HTML must escape."""
    normal = row["normal"]
    more = {"detector": BROKEN, "digest": f"broken {normal}", "stem": f"broken-{normal}"}
    return row | more | {"status": "failed", "reason": HOSTILE, "metrics": {}}


@dataclass
class Page(HTMLParser):
    """Elements with their attributes, and the text outside of style and script."""

    html: str
    elements: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)
    text: str = ""
    inside: str = ""

    def __post_init__(self) -> None:
        super().__init__()
        self.feed(self.html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self.inside = tag

    def handle_endtag(self, tag: str) -> None:
        self.inside = ""

    def handle_data(self, data: str) -> None:
        if self.inside not in ("style", "script"):
            self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]
