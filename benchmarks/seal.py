"""A sweep that is finished is known again at once, without torch, which takes seconds to load.

``OUT/.finished.json`` says what was asked for and what the answer rests on: code and libraries, as
they were when the run began; the data's files, as they were when it was planned; rows, tables and
figures. While all of that is the same there is nothing to do but to say so. It is a cache and
nothing else: where it is missing or anything differs, the run looks at everything anew.
Never imports torch.
"""

import hashlib
import json
import os
import platform
import shutil
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from baselines.sources import HOUSE, sources
from benchmarks import index
from benchmarks.machine import LIBRARIES, versions
from benchmarks.whole import replace
from benchmarks.witnesses import Witness, same

NAME, OUT = ".finished.json", Path("out")
MANY = 20_000  # files, from where on looking at each takes as long as loading torch
DRAWING = ("scipy", "pandas", "matplotlib", "seaborn")  # libraries, beside those of every row
LOOKED_AT = (
    *("HOME", "XDG_CACHE_HOME", "TMPDIR", "TORCH_HOME", "CUDA_VISIBLE_DEVICES"),
    *("TERM", "NO_COLOR", "FORCE_COLOR", "COLORTERM"),
)
DEVICES = Path("/dev")


class Seal:
    """The seal of one command's output folder. Make it before any code that it vouches for is
    loaded; then `saw` what the plan rests on, `settle` the rows before they are shown, and `keep`
    what was said."""

    def __init__(self, arguments: Sequence[str]) -> None:
        self.out = _out(arguments)
        self._asked: list[Any] | None = None
        self._witnesses: Sequence[Witness] = ()
        self._rows: str | None = None
        with suppress(OSError):  # a source file that is being written, a folder that is gone
            self._asked = asked(arguments)

    def said(self) -> str | None:
        """What the same command printed when it last found everything done; None where it did not,
        or where anything has changed since."""
        try:
            kept = json.loads((self.out / NAME).read_bytes())
            drawn = json.loads((self.out / ".report").read_bytes())
            files = [self.out / file for _, *names in drawn.values() for file in names]
            whole = (
                kept["asked"] == self._asked
                and kept["rows"] == rows(self.out)
                and kept["drawn"] == drawn
                and all(same(witness) for witness in kept["witnesses"])
                and all(file.is_file() for file in files)
            )
            return str(kept["said"]) if whole else None
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None

    def saw(self, witnesses: Sequence[Witness]) -> None:
        """The plan was made from these."""
        self._witnesses = witnesses

    def settle(self) -> None:
        """The rows are now as they will be shown."""
        self._rows = rows(self.out)

    def keep(self, said: str) -> None:
        """Everything is done, and this is what to say of it. Where the folder cannot be written, or
        the data are too many files, the next run looks again."""
        if self._asked is None or self._rows is None or len(self._witnesses) > MANY:
            return
        kept = {"asked": self._asked, "rows": self._rows, "witnesses": self._witnesses}
        with suppress(OSError, ValueError):
            kept |= {"drawn": json.loads((self.out / ".report").read_bytes()), "said": said}
            replace(self.out / NAME, lambda file: file.write(json.dumps(kept).encode()))


def asked(arguments: Sequence[str]) -> list[Any]:
    """What decides the answer, but for the data and the rows; as JSON gives it back."""
    around = [
        [name, value]
        for name, value in sorted(os.environ.items())
        if name.startswith("FCDD_") or name in LOOKED_AT
    ]
    screen = [sys.stdout.isatty(), *shutil.get_terminal_size(), sys.stdout.encoding]
    machine = [platform.node(), sorted(str(path) for path in DEVICES.glob("nvidia*"))]
    libraries = {"python": platform.python_version()} | versions((*LIBRARIES, *DRAWING))
    return [[*arguments], str(Path.cwd()), around, screen, machine, libraries, _code()]


def rows(out: Path) -> str:
    """Fingerprint of the row files, by their marks."""
    found = [(path.name, *entry) for path, entry in index.files(out / "rows")]
    return hashlib.sha256(json.dumps(found).encode()).hexdigest()


def _out(arguments: Sequence[str]) -> Path:
    """The output folder of a command line: the last that it names, as `benchmarks.arguments` takes
    it, which knows no abbreviations; where the line is wrong, any: no seal fits it."""
    out = OUT
    for at, word in enumerate(arguments):
        if word == "--out" and at + 1 < len(arguments):
            out = Path(arguments[at + 1])
        elif word.startswith("--out="):
            out = Path(word.removeprefix("--out="))
    return out


def _code() -> str:
    """Fingerprint of every source file of the house, and of the published numbers."""
    packages = "baselines", "benchmarks", "fcdd"
    return sources(HOUSE, packages, [HOUSE / "results" / "published.csv"])
