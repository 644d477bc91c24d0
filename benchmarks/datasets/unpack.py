"""Members of a zip or tar archive, copied as plain bytes to names of ours.

Nothing of the archive's own paths, links or permissions acts on the disk; ``tarfile``'s filters do
less, and are missing before Python 3.11.4.
"""

import lzma
import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import IO


def unpack(archive: Path, members: Iterable[str], folder: Path) -> None:
    """Put the members into ``folder``, each under its last name.

    Raises ValueError, in one line, where the archive is damaged, lacks a member, or holds anything
    that would lie outside its folder.
    """
    copy = _unzip if ".zip" in archive.suffixes else _untar  # or .zip.part
    try:
        copy(archive, members, folder)
    except (zipfile.BadZipFile, tarfile.TarError, KeyError, EOFError, zlib.error) as fault:
        raise ValueError(f"{archive}: damaged ({fault}); delete it and run again") from fault


def unpack_tree(archive: Path, folder: Path) -> None:
    """Put every plain file of a tar archive into ``folder``, under its path in the archive.

    Links and special files are left out. Raises ValueError as `unpack` does.
    """
    try:
        with tarfile.open(archive) as pack:
            for member in pack:  # as they lie: a compressed archive is read once
                _refuse_escapes(archive, [member.name])
                stream = pack.extractfile(member) if member.isreg() else None
                if stream is not None:
                    target = folder / PurePosixPath(member.name)
                    target.parent.mkdir(parents=True, exist_ok=True)
                    _place(stream, target)
    except (tarfile.TarError, EOFError, zlib.error, lzma.LZMAError) as fault:
        raise ValueError(f"{archive}: damaged ({fault}); get it again") from fault


def _unzip(archive: Path, members: Iterable[str], folder: Path) -> None:
    with zipfile.ZipFile(archive) as pack:
        _refuse_escapes(archive, pack.namelist())
        for name in members:
            with pack.open(name) as stream:
                _place(stream, folder / PurePosixPath(name).name)


def _untar(archive: Path, members: Iterable[str], folder: Path) -> None:
    with tarfile.open(archive) as pack:
        _refuse_escapes(archive, pack.getnames())
        for name in members:
            stream = pack.extractfile(name) if pack.getmember(name).isreg() else None
            if stream is None:
                raise ValueError(f"{archive}: {name} is no plain file; delete the archive")
            _place(stream, folder / PurePosixPath(name).name)


def _refuse_escapes(archive: Path, names: Iterable[str]) -> None:
    for name in names:
        path = PurePosixPath(name.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts:
            raise ValueError(f"{archive}: unsafe member {name!r}; delete the archive")


def _place(stream: IO[bytes], target: Path) -> None:
    part = target.with_name(f"{target.name}.part")
    with part.open("wb") as file:
        shutil.copyfileobj(stream, file)
    part.replace(target)
