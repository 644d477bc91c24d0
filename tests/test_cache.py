"""The cache of decoded pictures: built once, found again, renewed, safe with several processes."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from baselines.pictures import NEAREST, PictureError, read_image
from benchmarks.datasets import cache
from benchmarks.datasets.cache import (
    cache_folder,
    cached_images,
    cached_revision,
    clear_cache,
)

ROOT = Path(__file__).parent.parent


@pytest.fixture
def paths(tmp_path) -> list[Path]:
    rng = np.random.default_rng(0)
    (tmp_path / "pictures").mkdir()
    found = [tmp_path / "pictures" / f"{k}.png" for k in range(30)]
    for path in found:
        Image.fromarray(rng.integers(0, 256, (20, 24, 3), dtype=np.uint8)).save(path)
    return found


@pytest.fixture
def folder(tmp_path) -> Path:
    (tmp_path / "cache").mkdir()
    return tmp_path / "cache"


@pytest.fixture
def builds(monkeypatch) -> list[Path]:
    """The entries that are built."""
    built, build = [], cache.build_rows

    def counted(entry, *rest):
        built.append(entry)
        return build(entry, *rest)

    monkeypatch.setattr(cache, "build_rows", counted)
    return built


def entries(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*.npy"))


def test_rows_are_what_is_read_and_come_from_disk(paths, folder, builds):
    first = cached_images(paths, 16, 3, folder, "set").rows
    again = cached_images(paths, 16, 3, folder, "set").rows
    assert len(builds) == 1
    for rows in (first, again):
        assert isinstance(rows, np.memmap) and not rows.flags.writeable and rows.dtype == np.uint8
        assert np.array_equal(rows, [read_image(path, 16, 3) for path in paths])


def test_each_way_of_reading_is_its_own_entry(paths, folder, builds):
    kept = [
        cached_images(paths, 16, 3, folder, "set"),
        cached_images(paths, 16, 1, folder, "set"),
        cached_images(paths, 12, 3, folder, "set"),
        cached_images(paths, 16, 3, folder, "set", rule=NEAREST),
        cached_images(paths, 16, 3, folder, "other"),
    ]
    assert len(builds) == 5 and len(entries(folder)) == 5
    assert not np.array_equal(kept[0].rows, kept[3].rows)


def test_a_changed_file_renews_the_entry_and_the_old_one_goes(paths, folder, builds):
    before = np.array(cached_images(paths, 16, 3, folder, "set").rows)
    Image.fromarray(np.zeros((20, 24, 3), np.uint8)).save(paths[7])
    after = cached_images(paths, 16, 3, folder, "set").rows
    assert not after[7].any() and np.array_equal(np.delete(after, 7, 0), np.delete(before, 7, 0))
    os.utime(paths[7], ns=(1, 1))
    cached_images(paths, 16, 3, folder, "set")
    cached_images(paths[:-1], 16, 3, folder, "set")
    assert len(builds) == 4 and len(entries(folder)) == 1


def test_a_damaged_entry_is_built_again(paths, folder, builds):
    rows = np.array(cached_images(paths, 16, 3, folder, "set").rows)
    entry = builds[0]
    entry.write_bytes(entry.read_bytes()[:-5])
    assert np.array_equal(cached_images(paths, 16, 3, folder, "set").rows, rows)
    assert len(builds) == 2


def test_a_broken_picture_stops_or_is_skipped(paths, folder):
    for place in (0, 11, 29):
        paths[place].write_bytes(paths[place].read_bytes()[:200])
    with pytest.raises(PictureError, match=f"{paths[0]}: broken or truncated"):
        cached_images(paths, 16, 3, folder, "set")
    assert [path.suffix for path in folder.iterdir()] == [".lock"]  # nothing half done
    for _ in range(2):
        found = cached_images(paths, 16, 3, folder, "set", broken="skip")
        assert found.skipped == (0, 11, 29)
        whole = [path for place, path in enumerate(paths) if place not in found.skipped]
        assert np.array_equal(found.rows, [read_image(path, 16, 3) for path in whole])
    with pytest.raises(PictureError, match="all 3 pictures"):
        cached_images([paths[k] for k in (0, 11, 29)], 16, 3, folder, "x", broken="skip")


def test_what_a_killed_process_left_goes(paths, folder, builds):
    cached_images(paths, 16, 3, folder, "set")
    group = builds[0].name.rsplit("-", 1)[0]
    (folder / f"{group}-0123456789abcdef.77.part").write_bytes(b"half")
    paths[0].touch()
    cached_images(paths, 16, 3, folder, "set")
    assert not list(folder.glob("*.part")) and len(entries(folder)) == 1


def test_of_two_processes_one_builds(paths, folder):
    code = (
        "import sys, time, zlib; from pathlib import Path; from benchmarks.datasets import cache\n"
        "build, built = cache.build_rows, []\n"
        "def slow(*rest): built.append(1); time.sleep(1); return build(*rest)\n"
        "cache.build_rows = slow\n"
        "paths = sorted(Path(sys.argv[1]).glob('*.png'))\n"
        "rows = cache.cached_images(paths, 16, 3, Path(sys.argv[2]), 'set').rows\n"
        "print(len(built), zlib.crc32(rows.tobytes()))"
    )
    command = [sys.executable, "-c", code, str(paths[0].parent), str(folder)]
    started = [subprocess.Popen(command, cwd=ROOT, stdout=-1, text=True) for _ in range(2)]
    said = [process.communicate(timeout=60)[0].split() for process in started]
    assert sorted(built for built, _ in said) == ["0", "1"] and said[0][1] == said[1][1]
    assert len(entries(folder)) == 1


def test_the_revision_follows_content_and_names_alone(paths, folder, tmp_path):
    home = paths[0].parent
    first = cached_revision(paths, home, folder, "set")
    assert len(first) == 16 and first == cached_revision(paths, home, folder, "set")
    twin = shutil.copytree(home, tmp_path / "twin")
    others = [twin / path.name for path in paths]
    assert cached_revision(others, twin, folder, "set") == first
    others[3] = others[3].rename(twin / "99.png")
    assert cached_revision(others, twin, folder, "set") != first
    paths[3].write_bytes(paths[4].read_bytes())
    assert cached_revision(paths, home, folder, "set") != first


def test_the_revision_is_remembered_on_disk(paths, folder, monkeypatch):
    home = paths[0].parent
    first = cached_revision(paths, home, folder, "set")
    monkeypatch.setattr(cache, "content_revision", lambda *_: pytest.fail("hashed again"))
    assert cached_revision(paths, home, folder, "set") == first


def test_a_root_that_cannot_be_written_has_its_cache_elsewhere(tmp_path, monkeypatch):
    assert cache_folder(tmp_path / "a") == tmp_path / "a" / "cache"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user"))
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "cache").write_text("in the way")
    folder = cache_folder(tmp_path / "b")
    assert folder.is_dir() and folder.is_relative_to(tmp_path / "user")


def test_the_cache_can_be_cleared(paths, tmp_path):
    folder = cache_folder(tmp_path)
    cached_images(paths, 16, 3, folder, "set")
    assert clear_cache(tmp_path) >= 30 * 16 * 16 * 3 and not entries(folder)
