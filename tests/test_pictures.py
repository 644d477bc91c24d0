"""Picture files: what is read, as what, and which line a bad file gives."""

import re
import struct
import threading
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from baselines.pictures import (
    ANTIALIASED,
    NEAREST,
    PictureError,
    common_channels,
    each,
    picture_size,
    read_image,
    read_images,
    read_mask,
)

H, W = 40, 30
PIXELS = np.random.default_rng(0).integers(0, 256, (H, W, 3), dtype=np.uint8)


def saved(path: Path, mode: str = "RGB", **options: object) -> Path:
    Image.fromarray(PIXELS).convert(mode).save(path, **options)
    return path


def deep_png(path: Path, kind: int, channels: int) -> Path:
    """A 16-bit PNG, grey with alpha or in colour, which Pillow cannot write."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    rows = bytes((1 + 4 * channels * 2) * 4)
    head = struct.pack(">IIBBBBB", 4, 4, 16, kind, 0, 0, 0)
    parts = chunk(b"IHDR", head), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts))
    return path


def refused(path: Path, *words: str, read=read_image) -> None:
    with pytest.raises(PictureError) as caught:
        read(path)
    line = str(caught.value)
    assert line.startswith(str(path)) and "\n" not in line
    for word in words:
        assert word in line


@pytest.mark.parametrize("suffix", ["png", "bmp", "tif"])
def test_colour_is_read_as_it_is(tmp_path, suffix):
    image = read_image(saved(tmp_path / f"a.{suffix}"))
    assert image.dtype == np.uint8 and np.array_equal(image, PIXELS.transpose(2, 0, 1))
    assert image.flags.c_contiguous


@pytest.mark.parametrize(
    ("mode", "channels"),
    [("L", 1), ("LA", 1), ("1", 1), ("P", 3), ("RGBA", 3), ("CMYK", 3), ("YCbCr", 3)],
)
def test_every_eight_bit_mode_becomes_grey_or_colour(tmp_path, mode, channels):
    path = saved(tmp_path / "a.tif", mode)
    assert read_image(path).shape == (channels, H, W)
    assert read_image(path, 8, 3).shape == (3, 8, 8)
    assert read_image(path, (8, 9), 1).shape == (1, 8, 9)


def test_transparency_is_dropped(tmp_path):
    clear = np.dstack([PIXELS, np.zeros((H, W), np.uint8)])
    Image.fromarray(clear).save(tmp_path / "a.png")
    assert np.array_equal(read_image(tmp_path / "a.png"), PIXELS.transpose(2, 0, 1))


def test_orientation_is_applied(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter, clockwise
    path = saved(tmp_path / "a.png", exif=exif)
    assert np.array_equal(read_image(path), np.rot90(PIXELS, -1).transpose(2, 0, 1))
    assert picture_size(path) == (W, H) and picture_size(saved(tmp_path / "b.png")) == (H, W)


def test_resizing_is_pillows_antialiasing_or_torchs_nearest(tmp_path):
    path = saved(tmp_path / "a.png")
    small = Image.fromarray(PIXELS).resize((17, 24), Image.Resampling.BILINEAR)
    assert np.array_equal(
        read_image(path, (24, 17), rule=ANTIALIASED), np.asarray(small).transpose(2, 0, 1)
    )
    tensor = torch.from_numpy(PIXELS).permute(2, 0, 1)[None].float()
    for size in ((24, 17), (61, 45)):
        expected = torch.nn.functional.interpolate(tensor, size)[0].byte().numpy()
        assert np.array_equal(read_image(path, size, rule=NEAREST), expected)


@pytest.mark.parametrize("kind", [(2, 3), (4, 2), (6, 4)], ids=["colour", "grey", "alpha"])
def test_sixteen_bits_are_refused_even_where_pillow_cuts_them(tmp_path, kind):
    refused(deep_png(tmp_path / "a.png", *kind), "more than 8 bits", "save it with 8 bits")


@pytest.mark.parametrize(
    ("name", "dtype"),
    [("a.png", np.uint16), ("a.tif", np.uint16), ("a.tif", np.int32), ("a.tif", np.float32)],
)
def test_deep_grey_is_refused(tmp_path, name, dtype):
    Image.fromarray(PIXELS[..., 0].astype(dtype)).save(tmp_path / name)
    refused(tmp_path / name, "more than 8 bits")
    refused(tmp_path / name, "more than 8 bits", read=picture_size)


def test_broken_files_are_named(tmp_path):
    whole = saved(tmp_path / "whole.png").read_bytes()
    for number, content in enumerate(
        (whole[: len(whole) // 2], whole[:20], whole[:300] + b"x" * 400)
    ):
        path = tmp_path / f"{number}.png"
        path.write_bytes(content)
        refused(path, "broken or truncated", "replace the file")
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "text.png").write_text("no picture")
    refused(tmp_path / "empty.png", "save it as PNG")
    refused(tmp_path / "text.png", "save it as PNG")
    refused(tmp_path / "none.png", "no such file")
    refused(tmp_path, "directory")


def test_grey_among_colour_is_named_and_what_to_do(tmp_path):
    colour = [saved(tmp_path / f"{k}.png") for k in range(3)]
    grey = saved(tmp_path / "grey.png", "L")
    with pytest.raises(PictureError, match=re.escape(f"{grey}: grey among colour")) as caught:
        read_images([*colour, grey], 8)
    assert "3 channels" in str(caught.value)
    with pytest.raises(PictureError, match=re.escape(f"{colour[0]}: in colour among grey")):
        common_channels([grey, colour[0], grey])
    assert read_images([*colour, grey], 8, 3).shape == (4, 3, 8, 8)
    assert read_images([grey, grey], 8).shape == (2, 1, 8, 8)


def test_sizes_are_not_mixed(tmp_path):
    paths = [saved(tmp_path / "0.png"), tmp_path / "1.png"]
    Image.fromarray(PIXELS[:20]).save(paths[1])
    with pytest.raises(PictureError, match="30 x 20 pixels among pictures of 30 x 40"):
        read_images(paths, None)
    assert read_images(paths, (5, 6)).shape == (2, 3, 5, 6)
    with pytest.raises(PictureError, match="no pictures"):
        read_images([], 8)


def test_the_first_broken_file_is_named(tmp_path):
    paths = [saved(tmp_path / f"{k}.png") for k in range(9)]
    paths[4].write_bytes(b"x")
    paths[7].write_bytes(b"x")
    with pytest.raises(PictureError, match=re.escape(str(paths[4]))):
        read_images(paths, 8, 3)


def test_pictures_are_read_ahead_but_not_all_at_once():
    done, lock = [], threading.Lock()

    def read(path: Path) -> np.ndarray:
        with lock:
            done.append(path)
        return np.zeros(1, np.uint8)

    stream = each(read, [Path(str(k)) for k in range(10_000)])
    next(stream)
    stream.close()
    assert len(done) < 5_000


@pytest.mark.parametrize("high", [1, 255])
def test_any_value_is_anomalous_in_a_mask(tmp_path, high):
    mask = np.zeros((H, W), np.uint8)
    mask[10:20, 5:9] = high
    Image.fromarray(mask).save(tmp_path / "grey.png")
    Image.fromarray(np.dstack([mask] * 3)).save(tmp_path / "colour.png")
    for name in ("grey.png", "colour.png"):
        assert np.array_equal(read_mask(tmp_path / name), mask > 0)


def test_masks_keep_whole_pixels(tmp_path):
    mask = PIXELS[..., 0] > 128
    Image.fromarray(mask).save(tmp_path / "a.png")
    for rule in (ANTIALIASED, NEAREST):
        small = read_mask(tmp_path / "a.png", (H // 2, W // 2), rule=rule)
        assert small.dtype == bool
        offset = 1 if rule is ANTIALIASED else 0  # the pixel at the centre, or at the corner
        assert np.array_equal(small, mask[offset::2, offset::2])


def test_a_jpeg_mask_does_not_ring(tmp_path):
    mask = np.zeros((64, 64), np.uint8)
    mask[20:40, 24:48] = 255
    Image.fromarray(mask).save(tmp_path / "a.jpg", quality=60)
    assert (np.asarray(Image.open(tmp_path / "a.jpg")) > 0).sum() > (mask > 0).sum()
    assert np.array_equal(read_mask(tmp_path / "a.jpg"), mask > 0)


def test_a_mask_of_another_size_is_refused(tmp_path):
    path = saved(tmp_path / "a.png", "L")
    assert read_mask(path, of=(H, W)).shape == (H, W)
    refused(path, "30 x 40 pixels", "32 x 64", read=lambda p: read_mask(p, of=(64, 32)))
