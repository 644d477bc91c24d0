"""The pictures to predict, and the names that their results go by."""

from collections import Counter
from collections.abc import Sequence
from itertools import count
from pathlib import Path

from baselines.pictures import EXTENSIONS
from fcdd.outputs import ENDINGS
from fcdd.walking import Files, FolderError, walk


def named(images: Sequence[Path], results: Files = ()) -> tuple[list[tuple[Path, Path]], Files]:
    """Every picture in the files and folders given, folders searched through but for `results` of
    earlier runs, each with the name of its results, a path without ending; and what was left out.

    Raises FolderError where there is none.
    """
    found: dict[Path, tuple[Path, int]] = {}  # by whole path: as given, and the parts it goes by
    left_out: dict[Path, None] = {}
    for given in images:
        if given.is_dir():
            inside = walk(given, results)
            left_out |= dict.fromkeys(inside.left_out)
            for path in inside.pictures:
                below = path.relative_to(given)
                parts = len(below.parts) + (len(images) > 1)
                found.setdefault(given.resolve() / below, (path, parts))
        elif not given.is_file():
            raise FolderError(f"{given}: no such file; check the path")
        elif not {path.resolve() for path in results} & {*given.resolve().parents}:
            found.setdefault(given.parent.resolve() / given.name, (given, 1))
    if not found:
        told = ", ".join(str(path) for path in images)
        own = f", results in {results[0].parent} apart" if results else ""
        raise FolderError(f"{told}: no pictures{own}; their names end in {', '.join(EXTENSIONS)}")
    names = _apart(_unlike([path.parts[1:] for path in found], [n for _, n in found.values()]))
    return list(zip((path for path, _ in found.values()), names, strict=True)), tuple(left_out)


def _unlike(paths: Sequence[tuple[str, ...]], parts: Sequence[int]) -> list[Path]:
    """The last so many parts of each path, and as many more of all as it takes to tell them
    apart."""
    for more in count():
        names = [Path(*path[-own - more :]) for path, own in zip(paths, parts, strict=True)]
        if len({*names}) == len(names):
            break
    return names


def _apart(names: Sequence[Path]) -> list[Path]:
    """Names without their endings, but where two files would then share one, were it on a disk
    that takes A for a, or where a folder has the name of a result."""
    short = [name.with_suffix("") for name in names]
    often = Counter(str(name).lower() for name in (*short, *names))
    folders = {str(folder) for name in names for folder in name.parents}
    return [
        name if often[str(own).lower()] > 1 or folders & {f"{own}{e}" for e in ENDINGS} else own
        for name, own in zip(names, short, strict=True)
    ]
