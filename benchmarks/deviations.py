"""How a recipe as it ran differs from its source: from a row to a line of the frame, and in words.

Rows say it since they resolve their recipes; a ``results.csv`` of an earlier version does not.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from baselines.several import several

NONE, BETWEEN = "none", " | "  # no deviation at all; what stands between two
LISTED = "`python -m benchmarks.list --recipes`"


def of_row(row: Mapping[str, Any]) -> str | None:
    """The deviations that a row states, as one text; None where it states nothing."""
    stated = (row.get("resolved") or {}).get("deviations")
    return None if stated is None else BETWEEN.join(stated) or NONE


def common(stated: Iterable[object]) -> str | None:
    """What all lines of a frame state alike; None where they do not, or one states nothing."""
    found = set(stated)
    (one,) = found if len(found) == 1 else (None,)
    return one if isinstance(one, str) else None


def told(recipe: str, stated: str | None) -> str:
    """How a recipe's protocol differs from the paper's; empty where it is known not to."""
    if recipe != "paper":
        return f"recipe {recipe}"
    if stated is None:
        return f"the paper's recipe; for what differs in it see {LISTED}"
    if stated == NONE:
        return ""
    known = stated.split(BETWEEN)
    return f"the paper's recipe but for {several(len(known), 'deviation')}: {'; '.join(known)}"
