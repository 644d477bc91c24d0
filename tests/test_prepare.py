"""Downloads against a real server on this machine, and the command line around them."""

import gzip
import hashlib
import io
import subprocess
import sys
import tarfile
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from benchmarks.datasets import EXPOSURES
from benchmarks.datasets.archives import ARCHIVES, Archive, install
from benchmarks.datasets.cifar import CIFAR100
from benchmarks.datasets.download import DownloadError, Patience, Remote, fetch
from benchmarks.datasets.exposures import EMNIST
from benchmarks.datasets.held_back import SUFFIX
from benchmarks.datasets.mirrors import DOWNLOADS, Download
from benchmarks.datasets.mnist import MNIST
from benchmarks.datasets.mvtec import CATEGORIES, here
from benchmarks.datasets.unpack import unpack
from benchmarks.prepare import main
from benchmarks.suites import DATASETS

CONTENT = np.random.default_rng(0).bytes(1_000_000)
FAST = Patience(timeout=5, tries=3, pause=0)


class Server(ThreadingHTTPServer):
    """Serves what ``routes`` say and remembers each request's path and Range."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.routes: dict[str, Callable[[BaseHTTPRequestHandler], None]] = {}
        self.requests: list[tuple[str, str | None]] = []

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}{path}"

    def remote(self, *paths: str, content: bytes = CONTENT, name: str = "data.bin") -> Remote:
        urls = tuple(self.url(path) for path in paths)
        return Remote(name, urls, hashlib.md5(content).hexdigest(), len(content))


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.requests.append((self.path, self.headers.get("Range")))
        route = self.server.routes.get(self.path)
        if route is None:
            self.send_error(404)
        else:
            route(self)

    def log_message(self, *_: object) -> None:
        """Quiet."""


def serve(content: bytes, ranges: bool = True, sent: Iterator[int] | None = None):
    """A route: the content, from the byte asked for; ``sent`` cuts successive answers short."""

    def route(handler: BaseHTTPRequestHandler) -> None:
        start, asked = 0, handler.headers.get("Range")
        if ranges and asked:
            start = int(asked.removeprefix("bytes=").rstrip("-"))
            handler.send_response(206)
            span = f"bytes {start}-{len(content) - 1}/{len(content)}"
            handler.send_header("Content-Range", span)
        else:
            handler.send_response(200)
        handler.send_header("Content-Length", str(len(content) - start))
        handler.end_headers()
        most = next(sent, len(content)) if sent else len(content)
        handler.wfile.write(content[start:][:most])

    return route


def broken(code: int, times: int, then: Callable[[BaseHTTPRequestHandler], None]):
    """A route that answers ``code`` a few times, and then works."""
    left = iter(range(times))

    def route(handler: BaseHTTPRequestHandler) -> None:
        if next(left, None) is None:
            then(handler)
        else:
            handler.send_error(code)

    return route


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    served = Server()
    thread = threading.Thread(target=served.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield served
    served.shutdown()
    served.server_close()
    thread.join()


class Progress(list):
    def __call__(self, name: str, received: int, total: int) -> None:
        self.append((name, received, total))


def test_a_file_is_downloaded_whole(server, tmp_path):
    server.routes["/a"] = serve(CONTENT)
    progress = Progress()
    fetch(server.remote("/a"), tmp_path / "new", progress, FAST)
    assert (tmp_path / "new/data.bin").read_bytes() == CONTENT
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["data.bin"]
    assert progress[-1] == ("data.bin", len(CONTENT), len(CONTENT))
    assert len(progress) > 1


def test_a_right_file_is_kept_and_a_wrong_one_replaced(server, tmp_path):
    server.routes["/a"] = serve(CONTENT)
    (tmp_path / "data.bin").write_bytes(CONTENT)
    fetch(server.remote("/a"), tmp_path, Progress(), FAST)
    assert server.requests == []
    (tmp_path / "data.bin").write_bytes(CONTENT[::-1])
    fetch(server.remote("/a"), tmp_path, Progress(), FAST)
    assert (tmp_path / "data.bin").read_bytes() == CONTENT


def test_half_a_file_is_resumed(server, tmp_path):
    server.routes["/a"] = serve(CONTENT)
    (tmp_path / "data.bin.part").write_bytes(CONTENT[:400_000])
    fetch(server.remote("/a"), tmp_path, Progress(), FAST)
    assert server.requests == [("/a", "bytes=400000-")]
    assert (tmp_path / "data.bin").read_bytes() == CONTENT


def test_a_complete_part_needs_no_network(server, tmp_path):
    (tmp_path / "data.bin.part").write_bytes(CONTENT)
    fetch(server.remote("/a"), tmp_path, Progress(), FAST)
    assert server.requests == []
    assert (tmp_path / "data.bin").read_bytes() == CONTENT


@pytest.mark.parametrize("part", [b"\1" * 400_000, CONTENT + b"more", b"\1" * len(CONTENT)])
def test_a_part_of_something_else_is_thrown_away(part, server, tmp_path):
    server.routes["/a"] = serve(CONTENT)
    (tmp_path / "data.bin.part").write_bytes(part)
    fetch(server.remote("/a"), tmp_path, Progress(), FAST)
    assert (tmp_path / "data.bin").read_bytes() == CONTENT


def test_a_server_that_ignores_ranges_starts_again(server, tmp_path):
    server.routes["/a"] = serve(CONTENT, ranges=False)
    (tmp_path / "data.bin.part").write_bytes(CONTENT[:400_000])
    fetch(server.remote("/a"), tmp_path, Progress(), FAST)
    assert server.requests == [("/a", "bytes=400000-")]
    assert (tmp_path / "data.bin").read_bytes() == CONTENT


def test_a_truncated_transfer_is_resumed(server, tmp_path):
    server.routes["/a"] = serve(CONTENT, sent=iter([300_000, 100_000]))
    fetch(server.remote("/a"), tmp_path, Progress(), FAST)
    assert [asked for _, asked in server.requests] == [None, "bytes=300000-", "bytes=400000-"]
    assert (tmp_path / "data.bin").read_bytes() == CONTENT


def test_what_arrived_outlives_a_failure(server, tmp_path):
    server.routes["/a"] = serve(CONTENT, sent=iter([100_000, 0, 0]))
    with pytest.raises(DownloadError, match="ended after 100000 of 1000000 bytes"):
        fetch(server.remote("/a"), tmp_path, Progress(), FAST)
    fetch(server.remote("/a"), tmp_path, Progress(), FAST)
    assert server.requests[-1] == ("/a", "bytes=100000-")
    assert (tmp_path / "data.bin").read_bytes() == CONTENT


def test_an_overloaded_server_is_asked_again(server, tmp_path):
    server.routes["/a"] = broken(503, 2, serve(CONTENT))
    fetch(server.remote("/a"), tmp_path, Progress(), FAST)
    assert len(server.requests) == 3


def test_the_second_mirror_serves_what_the_first_lacks(server, tmp_path):
    server.routes["/b"] = serve(CONTENT)
    fetch(server.remote("/a", "/b"), tmp_path, Progress(), FAST)
    assert server.requests == [("/a", None), ("/b", None)]  # a 404 is not asked again
    assert (tmp_path / "data.bin").read_bytes() == CONTENT


def test_absence_from_all_mirrors_is_one_line(server, tmp_path):
    with pytest.raises(DownloadError) as caught:
        fetch(server.remote("/a", "/b"), tmp_path, Progress(), FAST)
    message = str(caught.value)
    assert "\n" not in message
    assert message.count("HTTP 404 Not Found") == 2
    assert server.url("/b") in message
    assert f"put the file into {tmp_path} by hand" in message


def test_a_closed_port_is_no_connection(server, tmp_path):
    remote = replace(server.remote("/a"), urls=("http://127.0.0.1:9/data.bin",))
    with pytest.raises(DownloadError, match=r"no connection \(.*refused.*check the network"):
        fetch(remote, tmp_path, Progress(), FAST)


def test_a_silent_server_times_out(server, tmp_path):
    release = threading.Event()
    server.routes["/a"] = lambda handler: release.wait(10)
    try:
        with pytest.raises(DownloadError, match="timed out"):
            fetch(server.remote("/a"), tmp_path, Progress(), Patience(timeout=0.2, tries=1))
    finally:
        release.set()


def test_wrong_content_is_removed_and_named(server, tmp_path):
    wrong = CONTENT[::-1]
    server.routes["/a"] = serve(wrong)
    with pytest.raises(DownloadError) as caught:
        fetch(server.remote("/a"), tmp_path, Progress(), FAST)
    expected, got = (hashlib.md5(content).hexdigest() for content in (CONTENT, wrong))
    message = f"md5 mismatch: expected {expected}, got {got}; the file was removed"
    assert message in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_sha256_is_checked_where_it_is_given(server, tmp_path):
    server.routes["/a"] = serve(CONTENT)
    sha256 = hashlib.sha256(CONTENT).hexdigest()
    remote = replace(server.remote("/a"), algorithm=hashlib.sha256, checksum=sha256)
    fetch(remote, tmp_path / "right", Progress(), FAST)
    with pytest.raises(DownloadError, match="sha256 mismatch"):
        fetch(replace(remote, checksum="0" * 64), tmp_path / "wrong", Progress(), FAST)


def test_another_size_is_refused_before_it_is_taken(server, tmp_path):
    server.routes["/a"] = serve(b"<html>log in first</html>")
    with pytest.raises(DownloadError, match="offers 25 bytes, expected 1000000"):
        fetch(server.remote("/a"), tmp_path, Progress(), FAST)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk_is_said_in_one_line(server, tmp_path):
    server.routes["/a"] = serve(CONTENT)
    (tmp_path / "data.bin.part").symlink_to("/dev/full")
    with pytest.raises(DownloadError, match=r"data.bin: no space left on the disk; free 1 MB in"):
        fetch(server.remote("/a"), tmp_path, Progress(), FAST)


def test_a_folder_that_cannot_be_made_is_said_in_one_line(server, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(DownloadError, match="make it writable and run again"):
        fetch(server.remote("/a"), tmp_path / "file" / "folder", Progress(), FAST)


def tar(*members: tuple[str, bytes | None]) -> bytes:
    """A tar.gz; a member without content is a link to /etc/passwd."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, content in members:
            info = tarfile.TarInfo(name)
            if content is None:
                info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
            else:
                info.size = len(content)
            archive.addfile(info, io.BytesIO(content or b""))
    return packed.getvalue()


def zipped(*members: tuple[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in members:
            archive.writestr(name, content)
    return packed.getvalue()


@pytest.mark.parametrize(("pack", "name"), [(tar, "a.tar.gz"), (zipped, "a.zip")])
def test_only_the_wanted_member_is_unpacked(pack, name, server, tmp_path):
    content = pack(("in/wanted", b"wanted"), ("in/other", b"other"))
    server.routes["/a"] = serve(content)
    remote = replace(server.remote("/a", content=content, name=name), members=("in/wanted",))
    fetch(remote, tmp_path, Progress(), FAST)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"wanted": b"wanted"}


def test_of_several_that_fetch_a_file_one_does(server, tmp_path):
    def slow(handler: BaseHTTPRequestHandler) -> None:
        time.sleep(0.3)
        serve(CONTENT)(handler)

    server.routes["/a"] = slow
    progress = [Progress() for _ in range(3)]
    with ThreadPoolExecutor() as pool:  # each opens its lock anew, as processes do
        list(pool.map(lambda told: fetch(server.remote("/a"), tmp_path, told, FAST), progress))
    assert server.requests == [("/a", None)]
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"data.bin": CONTENT}


def test_of_several_processes_one_fetches_an_archive(server, tmp_path):
    content = tar(("in/wanted", CONTENT))
    server.routes["/a"] = serve(content)
    remote = server.remote("/a", content=content, name="a.tar.gz")
    code = (
        "from pathlib import Path; from benchmarks.datasets.download import Remote, fetch\n"
        f"remote = Remote({remote.name!r}, {remote.urls!r}, {remote.checksum!r}, {remote.size}, "
        f"('in/wanted',))\nfetch(remote, Path({str(tmp_path)!r}), lambda *_: None)"
    )
    started = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(4)]
    assert [process.wait(timeout=60) for process in started] == [0] * 4
    assert len(server.requests) == 1
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"wanted": CONTENT}


def test_an_archive_that_an_interrupted_unpacking_left_is_used_and_goes(
    server, tmp_path, monkeypatch
):
    content = tar(("in/first", b"first"), ("in/second", b"second"))
    server.routes["/a"] = serve(content)
    remote = server.remote("/a", content=content, name="a.tar.gz")
    remote = replace(remote, members=("in/first", "in/second"))

    def interrupted(archive: Path, members: tuple[str, ...], folder: Path) -> None:
        unpack(archive, members[:1], folder)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr("benchmarks.datasets.download.unpack", interrupted)
        fetch(remote, tmp_path, Progress(), FAST)
    fetch(remote, tmp_path, Progress(), FAST)
    assert len(server.requests) == 1
    assert {path.name for path in tmp_path.iterdir()} == {"first", "second"}


def test_an_archive_put_there_by_hand_is_used_and_kept(server, tmp_path):
    content = zipped(("wanted", b"wanted"))
    (tmp_path / "a.zip").write_bytes(content)
    remote = replace(server.remote(content=content, name="a.zip"), members=("wanted",))
    fetch(remote, tmp_path, Progress(), FAST)
    assert {path.name for path in tmp_path.iterdir()} == {"a.zip", "wanted"}


@pytest.mark.parametrize(
    ("content", "name", "what"),
    [
        (tar(("wanted", b"x"), ("../evil", b"x")), "a.tar.gz", "unsafe member '../evil'"),
        (tar(("wanted", b"x"), ("/tmp/evil", b"x")), "a.tar.gz", "unsafe member '/tmp/evil'"),
        (tar(("wanted", None)), "a.tar.gz", "wanted is no plain file"),
        (tar(("other", b"x")), "a.tar.gz", "damaged .*wanted"),
        (tar(("wanted", b"x"))[:-30], "a.tar.gz", "damaged"),
        (zipped(("wanted", b"x"), ("..\\evil", b"x")), "a.zip", "unsafe member"),
        (zipped(("wanted", b"x"))[:-10], "a.zip", "damaged"),
    ],
    ids=["up", "absolute", "link", "lacking", "short-tar", "backslash", "short-zip"],
)
def test_malicious_and_damaged_archives_are_refused(content, name, what, server, tmp_path):
    server.routes["/a"] = serve(content)
    remote = replace(server.remote("/a", content=content, name=name), members=("wanted",))
    inside = tmp_path / "inside"
    with pytest.raises(DownloadError, match=what) as caught:
        fetch(remote, inside, Progress(), FAST)
    assert "\n" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["inside"]
    assert not (inside / "wanted").exists()


def idx(array: np.ndarray) -> bytes:
    header = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes()
    return gzip.compress(header + array.astype(np.uint8).tobytes())


def mnist_download(server: Server) -> Download:
    """The real entry of MNIST, with small files on our server."""
    images, labels = np.zeros((10, 28, 28)), np.arange(10)
    contents = [idx(images), idx(labels), idx(images), idx(labels)]
    remotes = []
    for remote, content in zip(DOWNLOADS["mnist"].files, contents, strict=True):
        server.routes[f"/{remote.name}"] = serve(content)
        remotes.append(server.remote(f"/{remote.name}", content=content, name=remote.name))
    return replace(DOWNLOADS["mnist"], files=tuple(remotes))


def test_the_command_brings_what_is_asked_for_once(server, tmp_path, capsys):
    downloads = {"mnist": mnist_download(server)}
    arguments = ["mnist", "--data-root", str(tmp_path)]
    assert main(arguments, downloads, FAST) == 0
    assert len(MNIST.load(tmp_path).train) == 10
    assert "MNIST: ready" in capsys.readouterr().out
    assert main(arguments, downloads, FAST) == 0
    assert "MNIST: already in" in capsys.readouterr().out
    assert len(server.requests) == 4


@pytest.mark.parametrize("terminal", [False, True])
def test_progress_fits_the_output(terminal, server, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal)
    assert main(["mnist", "--data-root", str(tmp_path)], {"mnist": mnist_download(server)}) == 0
    shown = capsys.readouterr().out
    assert ("\x1b[" in shown) == terminal
    assert "train-images-idx3-ubyte.gz" in shown


def test_archives_arrive_where_the_exposures_look(server, tmp_path, capsys):
    record = bytes(3074)
    packs = {
        "cifar100": tar(("cifar-100-binary/train.bin", record * 3)),
        "emnist": zipped(
            ("gzip/emnist-letters-train-images-idx3-ubyte.gz", idx(np.zeros((5, 28, 28))))
        ),
    }
    downloads = {}
    for name, content in packs.items():
        server.routes[f"/{name}"] = serve(content)
        original = DOWNLOADS[name].files[0]
        here = server.remote(f"/{name}", content=content, name=original.name)
        remote = replace(here, members=original.members)
        downloads[name] = replace(DOWNLOADS[name], files=(remote,))
    assert main([*packs, "--data-root", str(tmp_path)], downloads, FAST) == 0
    assert CIFAR100.count(tmp_path) == 3
    assert main(["--list", "--data-root", str(tmp_path)]) == 0
    assert "3 of 50,000 images" in capsys.readouterr().out
    assert EMNIST.count(tmp_path) == 5
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 2


def test_one_failure_does_not_stop_the_others(server, tmp_path, capsys):
    absent = replace(DOWNLOADS["cifar100"], files=(server.remote("/absent"),))
    downloads = {"cifar100": absent, "mnist": mnist_download(server)}
    assert main(["cifar100", "mnist", "--data-root", str(tmp_path)], downloads, FAST) == 4
    assert "prepare: data.bin: no mirror gave the file" in capsys.readouterr().err
    assert MNIST.find(tmp_path)


def test_without_names_nothing_is_downloaded(server, tmp_path, capsys):
    downloads = {"mnist": mnist_download(server)}
    for arguments in ([], ["--list"], ["mnist", "--list"]):
        assert main([*arguments, "--data-root", str(tmp_path)], downloads, FAST) == 0
    shown = capsys.readouterr().out
    assert "get it: python -m benchmarks.prepare mnist" in shown
    assert "10,000 images" in shown  # the photos, which are always there
    assert server.requests == []
    assert list(tmp_path.iterdir()) == []


def test_the_list_tells_damage(tmp_path, capsys):
    (tmp_path / "cifar-100-binary").mkdir()
    (tmp_path / "cifar-100-binary/train.bin").write_bytes(b"x")
    assert main(["--data-root", str(tmp_path)]) == 0
    assert "damaged  " in capsys.readouterr().out


def test_the_list_names_every_data_set_and_exposure(tmp_path, capsys):
    (tmp_path / "imagenet/train/n01440764").mkdir(parents=True)
    assert main(["--list", "--data-root", str(tmp_path)]) == 0
    lines = {line.split(" ")[0]: line for line in capsys.readouterr().out.splitlines()}
    own = {"textures"} | {name for name in DATASETS if name.endswith(SUFFIX)}  # nothing to fetch
    assert {*DATASETS, *EXPOSURES} - own <= set(lines)
    assert "missing  get it: register at https://image-net.org" in lines["imagenet30"]
    assert f"present  {tmp_path / 'imagenet/train'}  [" in lines["imagenet1k"]
    assert "missing  get it: register at" in lines["imagenet22k"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["imagenet"], "nothing to download for 'imagenet'; choose from fmnist"),
        (["--wrong"], "unrecognized arguments: --wrong"),
        (["fmnist", "--url", "x"], "--from and --url: for one of mvtec alone"),
    ],
)
def test_wrong_usage_exits_with_4(arguments, told, capsys):
    assert main(arguments) == 4
    assert told in capsys.readouterr().err


@pytest.mark.parametrize(("error", "code"), [(KeyboardInterrupt, 130), (RuntimeError, 3)])
def test_interrupts_and_internal_errors_have_their_codes(error, code, tmp_path):
    def find(_: Path) -> None:
        raise error

    download = replace(DOWNLOADS["mnist"], entry=replace(MNIST, find=find))
    assert main(["mnist", "--data-root", str(tmp_path)], {"mnist": download}) == code


def test_every_download_is_whole():
    for name, download in DOWNLOADS.items():
        assert download.entry.name == name
        for remote in download.files:
            assert len(remote.checksum) == 32
            assert all(url.endswith(f"/{remote.name}") for url in remote.urls)
            assert remote.urls[0].startswith("https://")


def packed(path: Path, prefix: str = "", names: tuple[str, ...] = CATEGORIES) -> Archive:
    """A small archive with the folders of the official one, and what is expected of it."""
    with tarfile.open(path, "w:xz") as pack:
        for name in names:
            info = tarfile.TarInfo(f"{prefix}{name}/train/good/000.png")
            info.size = len(name)
            pack.addfile(info, io.BytesIO(name.encode()))
        link = tarfile.TarInfo(f"{prefix}link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        pack.addfile(link)
    return expected(path)


def expected(path: Path) -> Archive:
    content = path.read_bytes()
    archive = ARCHIVES["mvtec"]
    checksum = hashlib.sha256(content).hexdigest()
    remote = replace(archive.remote, checksum=checksum, size=len(content))
    return replace(archive, remote=remote)


def given(archive: Archive, *arguments: object) -> int:
    return main(["mvtec", *map(str, arguments)], patience=FAST, archives={"mvtec": archive})


@pytest.mark.parametrize("prefix", ["", "mvtec_anomaly_detection/", "./"])
def test_a_downloaded_archive_is_checked_and_unpacked(prefix, tmp_path, capsys):
    archive, root = packed(tmp_path / "a.tar.xz", prefix), tmp_path / "root"
    assert given(archive, "--from", tmp_path / "a.tar.xz", "--data-root", root) == 0
    assert here(root) == CATEGORIES
    assert (root / archive.folder / "tile/train/good/000.png").read_bytes() == b"tile"
    assert not (root / archive.folder / "link").exists()
    assert [path.name for path in root.iterdir()] == [archive.folder]
    assert (tmp_path / "a.tar.xz").exists() and "CC BY-NC-SA" in capsys.readouterr().out
    assert given(archive, "--data-root", root) == 0
    assert "already in" in capsys.readouterr().out


def test_unpacking_keeps_what_is_there(tmp_path):
    archive, root = packed(tmp_path / "a.tar.xz"), tmp_path / "root"
    own = root / archive.folder / "tile/train/good/000.png"
    own.parent.mkdir(parents=True)
    own.write_bytes(b"mine")
    assert given(archive, "--from", tmp_path / "a.tar.xz", "--data-root", root) == 0
    assert own.read_bytes() == b"mine" and here(root) == CATEGORIES


def test_two_that_unpack_an_archive_do_not_disturb_each_other(tmp_path):
    archive, root = packed(tmp_path / "a.tar.xz"), tmp_path / "root"
    with ThreadPoolExecutor() as pool:
        turns = [pool.submit(install, archive, tmp_path / "a.tar.xz", root, str) for _ in range(4)]
    assert [turn.result() for turn in turns] == [None] * 4
    assert here(root) == CATEGORIES and [path.name for path in root.iterdir()] == [archive.folder]


def test_an_archive_comes_from_an_address_only_when_it_is_given(server, tmp_path, capsys):
    archive, root = packed(tmp_path / "a.tar.xz"), tmp_path / "root"
    server.routes["/a"] = serve((tmp_path / "a.tar.xz").read_bytes())
    assert given(archive, "--data-root", root) == 4 and not server.requests
    assert "not fetched by itself" in capsys.readouterr().err
    assert given(archive, "--url", server.url("/a"), "--data-root", root) == 0
    assert here(root) == CATEGORIES and len(server.requests) == 1


@pytest.mark.parametrize("fault", ["other", "missing", "damaged", "partial", "escape"])
def test_a_wrong_archive_leaves_nothing(fault, tmp_path, capsys):
    path, root = tmp_path / "a.tar.xz", tmp_path / "root"
    archive = packed(
        path, "../" if fault == "escape" else "", CATEGORIES[: 3 if fault == "partial" else 15]
    )
    words = {
        "other": "sha256 mismatch",
        "missing": "no such file",
        "damaged": "damaged",
        "partial": "no category carpet",
        "escape": "unsafe member",
    }
    if fault == "missing":
        path.unlink()
    if fault == "damaged":
        path.write_bytes(path.read_bytes()[:150])
        archive = expected(path)
    if fault == "other":
        path.write_bytes(b"something else")
    assert given(archive, "--from", path, "--data-root", root) == 4
    told = capsys.readouterr().err
    assert words[fault] in told and str(path) in told and told.count("\n") == 1
    assert not (root / f"{archive.folder}.part").exists()
    assert here(root) in ((), CATEGORIES[:3]) and not (tmp_path / "bottle").exists()


def test_the_options_for_archives_are_refused_elsewhere(tmp_path, capsys):
    for names in (["fmnist"], ["mvtec", "fmnist"], []):
        assert main([*names, "--from", "x"]) == 4
        assert "--from and --url" in capsys.readouterr().err


def test_the_cache_is_cleared_when_asked(tmp_path, capsys):
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "mvtec-tile-train-01234567-0123.npy").write_bytes(bytes(3_000_000))
    assert main(["--clear-cache", "--data-root", str(tmp_path)]) == 0
    assert "3.0 MB" in capsys.readouterr().out and not [*(tmp_path / "cache").iterdir()]
