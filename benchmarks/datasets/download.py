"""Files from the network: resumed where they broke off, checked before use, put in place at once.

A transfer grows ``NAME.part``; only a file whose checksum is right gets its name, an archive not at
all: it goes once its members are out. Of several processes one fetches, the others wait for it.
MD5 is what the data sets' homes publish: it finds damage, and is no proof against forgery.
"""

import errno
import hashlib
import http.client
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from benchmarks.datasets.unpack import unpack
from benchmarks.locks import waited

CHUNK = 1 << 18
Report = Callable[[str, int, int], None]  # name, bytes so far, bytes in all


def _md5() -> Any:
    return hashlib.md5(usedforsecurity=False)


class DownloadError(Exception):
    """A download that failed for good; one line with the reason and the remedy."""


@dataclass(frozen=True)
class Remote:
    """One file and its mirrors, tried in order.

    ``checksum`` is the hex digest under ``algorithm``; ``size`` is in bytes. Of an archive
    (``.zip``, ``.tar.gz``) only ``members`` are kept, under their last names.
    """

    name: str
    urls: tuple[str, ...]
    checksum: str
    size: int
    members: tuple[str, ...] = ()
    algorithm: Callable[[], Any] = _md5


@dataclass(frozen=True)
class Patience:
    """How long to insist on a mirror: seconds without a byte, tries, first pause (doubling)."""

    timeout: float = 30
    tries: int = 4
    pause: float = 0.5


class _Transient(Exception):
    """A try that failed in a way that another may not."""


class _Refused(Exception):
    """A mirror that will not give the file."""


def fetch(remote: Remote, folder: Path, report: Report, patience: Patience | None = None) -> None:
    """Bring one file, or the wanted members of an archive, into ``folder``; an archive goes again.

    A file that is there with the right checksum is kept as it is, and so are members that are all
    there. Where another process fetches the same, its progress is reported. Raises DownloadError.
    """
    target = folder / remote.name
    part = target.with_name(f"{target.name}.part")

    def theirs() -> None:
        if part.exists():
            report(remote.name, min(part.stat().st_size, remote.size), remote.size)

    try:
        folder.mkdir(parents=True, exist_ok=True)
        with waited(folder / f"{remote.name}.lock", theirs):
            _bring(remote, target, part, report, patience or Patience())
    except ValueError as fault:
        raise DownloadError(str(fault)) from fault
    except OSError as fault:
        if fault.errno != errno.ENOSPC:
            raise DownloadError(f"{target}: {fault}; make it writable and run again") from fault
        free = f"free {remote.size / 1e6:.0f} MB in {folder} and run again; the transfer resumes"
        raise DownloadError(f"{remote.name}: no space left on the disk; {free}") from fault


def _bring(remote: Remote, target: Path, part: Path, report: Report, patience: Patience) -> None:
    members = [target.with_name(PurePosixPath(name).name) for name in remote.members]
    if members and all(path.is_file() for path in members):
        part.unlink(missing_ok=True)
        return
    here = target.is_file() and digest(remote, target) == remote.checksum
    if not here:
        _from_mirrors(remote, part, report, patience)
    if members:
        unpack(target if here else part, remote.members, target.parent)
        part.unlink(missing_ok=True)
    elif not here:
        part.replace(target)


def _from_mirrors(remote: Remote, part: Path, report: Report, patience: Patience) -> None:
    reasons = []
    for url in remote.urls:
        try:
            _insist(remote, url, part, report, patience)
        except (_Refused, _Transient) as fault:
            reasons.append(f"{url}: {fault}")
        else:
            return
    raise DownloadError(
        f"{remote.name}: no mirror gave the file ({'; '.join(reasons)}); check the network and run "
        f"again, or put the file into {part.parent} by hand"
    )


def _insist(remote: Remote, url: str, part: Path, report: Report, patience: Patience) -> None:
    for attempt in range(patience.tries):
        try:
            _transfer(remote, url, part, report, patience.timeout)
            return
        except _Transient:
            if attempt == patience.tries - 1:
                raise
        time.sleep(patience.pause * 2**attempt)


def _transfer(remote: Remote, url: str, part: Path, report: Report, timeout: float) -> None:
    """One try: take what ``part`` lacks, then check the whole."""
    start = part.stat().st_size if part.exists() else 0
    if start > remote.size:
        part.unlink()
        start = 0
    if start < remote.size:
        with _open(url, start, timeout) as response:
            _append(response, remote, part, start, report)
    got = digest(remote, part)
    if got != remote.checksum:
        part.unlink()
        name = remote.algorithm().name
        wrong = f"{name} mismatch: expected {remote.checksum}, got {got}; the file was removed"
        # What was there before may be at fault, and then the mirror deserves a fresh try.
        raise _Transient(wrong) if start else _Refused(wrong)


def _open(url: str, start: int, timeout: float) -> http.client.HTTPResponse:
    headers = {"User-Agent": "fcdd-benchmark"} | ({"Range": f"bytes={start}-"} if start else {})
    try:
        request = urllib.request.Request(url, headers=headers)
        return urllib.request.urlopen(request, timeout=timeout)
    except urllib.error.HTTPError as fault:
        passing = fault.code >= 500 or fault.code in (408, 429)
        raise (_Transient if passing else _Refused)(f"HTTP {fault.code} {fault.reason}") from fault
    except (OSError, http.client.HTTPException) as fault:
        reason = getattr(fault, "reason", fault)
        unknown_host = isinstance(reason, socket.gaierror)
        raise (_Refused if unknown_host else _Transient)(f"no connection ({reason})") from fault


def _append(
    response: http.client.HTTPResponse, remote: Remote, part: Path, start: int, report: Report
) -> None:
    resumed = response.status == 206
    if resumed and not response.headers.get("Content-Range", "").startswith(f"bytes {start}-"):
        part.unlink()
        raise _Transient("resumed at the wrong byte")
    received = start if resumed else 0
    length = response.headers.get("Content-Length")
    if length is not None and received + int(length) != remote.size:
        raise _Refused(f"offers {received + int(length)} bytes, expected {remote.size}")
    with part.open("ab" if resumed else "wb") as file:
        # Never past the size, whatever the server sends.
        while received < remote.size and (chunk := _read(response, remote.size - received)):
            file.write(chunk)
            received += len(chunk)
            report(remote.name, received, remote.size)
    if received < remote.size:
        raise _Transient(f"ended after {received} of {remote.size} bytes")


def _read(response: http.client.HTTPResponse, most: int) -> bytes:
    try:
        return response.read(min(CHUNK, most))
    except (OSError, http.client.HTTPException) as fault:
        raise _Transient(f"broke off ({fault})") from fault


def digest(remote: Remote, path: Path) -> str:
    """Checksum of a file under the algorithm of the remote."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, remote.algorithm).hexdigest()
