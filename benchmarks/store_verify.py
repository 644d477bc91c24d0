"""What a folder of rows holds and what is wrong with it, every byte of it read."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import artefacts, index
from benchmarks.schema import Foreign, Row, read
from benchmarks.store import Store
from benchmarks.store_tidy import orphans
from benchmarks.whole import temporaries


@dataclass(frozen=True)
class Wrong:
    """A file with its fault, and the files that go when it is set aside."""

    path: Path
    fault: str
    files: tuple[Path, ...] = ()


@dataclass
class Findings:
    """Counts, and what is wrong; ``notes`` tell what harms nothing."""

    statuses: Counter[str] = field(default_factory=Counter)
    protocols: Counter[str] = field(default_factory=Counter)
    checked: int = 0  # files of arrays that are as their row says
    without_hash: int = 0  # those stored before hashes were: whole by their own CRC-32
    bytes: int = 0
    wrong: list[Wrong] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def verify(store: Store) -> Findings:
    """Read every row and artefact of a folder; nothing is moved.

    A row of a later schema is wrong here: this version cannot say whether it is whole.
    """
    found, rows = Findings(), []
    for path, _ in index.files(store.out / "rows"):
        try:
            row = read(path)
        except Foreign as error:
            found.wrong.append(Wrong(path, str(error), (path,)))
        except ValueError as error:
            found.wrong.append(Wrong(path, str(error).removeprefix(f"{path}: ")))
        except OSError as error:
            found.wrong.append(Wrong(path, f"cannot be read ({error.strerror})"))
        else:
            rows.append(row)
            found.statuses[row["status"]] += 1
            found.protocols[str(row.get("protocol"))] += 1
            _arrays(store, row, path, found)
    found.notes = list(_notes(store, rows, found))
    return found


def _arrays(store: Store, row: Row, file: Path, found: Findings) -> None:
    """Check the arrays of a row; before schema 2 none are known to be missing."""
    recorded, path = row["artefacts"], store.scores(row)
    if recorded == {} or (recorded is None and not path.exists()):
        return
    if wrong := artefacts.fault(path, recorded):
        found.wrong.append(Wrong(path, wrong, (path, file)))
        return
    found.checked += 1
    found.without_hash += recorded is None
    found.bytes += path.stat().st_size


def set_aside(store: Store, found: Findings) -> None:
    """Move what is wrong to ``OUT/quarantine``, broken arrays with their row, so that the trials
    run again. Rows of a later schema stay, and what cannot be read."""
    for wrong in found.wrong:
        for file in wrong.files:
            if file.exists():
                store.set_aside(file, wrong.fault, "the trial will run again")


def _notes(store: Store, rows: list[Row], found: Findings) -> Iterator[str]:
    if len(found.protocols) > 1:
        yield f"protocols {', '.join(sorted(found.protocols))} are mixed: not comparable"
    if found.without_hash:
        yield f"{found.without_hash} files of scores were stored before hashes were"
    if left := list(temporaries(store.out)):
        yield f"{len(left)} temporary files, of writers at work or killed; gc removes the latter"
    if lost := orphans(store, rows):
        yield f"{len(lost)} files of scores that no row names; gc removes them"
    if aside := sorted((store.out / "quarantine").glob("*")):
        yield f"{len(aside)} files in {aside[0].parent}, put aside before"
