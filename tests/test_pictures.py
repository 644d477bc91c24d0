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


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["png", "jpg", "raw", "tiff_lzw", "tiff_adobe_deflate"])
def test_the_head_tells_the_size_that_is_read(tmp_path, kind, orientation):
    """In every orientation; that of a TIFF Pillow applies by itself."""
    if kind in ("png", "jpg"):
        exif = Image.Exif()
        exif[0x0112] = orientation
        path = saved(tmp_path / f"a.{kind}", exif=exif)
    else:
        path = saved(tmp_path / "a.tif", compression=kind, tiffinfo={0x0112: orientation})
    image = read_image(path)
    assert picture_size(path) == image.shape[1:] == ((W, H) if orientation >= 5 else (H, W))
    displayed = np.rot90(PIXELS, -1).transpose(2, 0, 1)
    assert orientation != 6 or kind == "jpg" or np.array_equal(image, displayed)


def test_a_square_picture_is_not_decoded_for_its_size(tmp_path):
    Image.fromarray(PIXELS[:W]).save(tmp_path / "a.png")
    (tmp_path / "a.png").write_bytes((tmp_path / "a.png").read_bytes()[:60])
    assert picture_size(tmp_path / "a.png") == (W, W)


def test_a_mask_is_drawn_on_the_picture_as_displayed(tmp_path):
    path = saved(tmp_path / "a.tif", tiffinfo={0x0112: 6})
    Image.fromarray(np.rot90(PIXELS, -1)[..., 0] > 200).save(tmp_path / "mask.png")
    assert read_mask(tmp_path / "mask.png", of=picture_size(path)).shape == (W, H)
    lying = saved(tmp_path / "lying.png", "L")
    refused(lying, "30 x 40 pixels", "40 x 30", read=lambda p: read_mask(p, of=picture_size(path)))


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


def five_six_five(path: Path) -> Path:
    """A BMP of 16 bits a pixel, as phones and microcontrollers write them."""
    red, green, blue = (PIXELS[::-1, :, c].astype("<u2") >> s for c, s in ((0, 3), (1, 2), (2, 3)))
    rows = (red << 11 | green << 5 | blue).tobytes()
    head = struct.pack("<IiiHHIIiiII", 40, W, H, 1, 16, 3, len(rows), 0, 0, 0, 0)
    masks, start = struct.pack("<III", 0xF800, 0x7E0, 0x1F), 14 + 40 + 12
    path.write_bytes(
        struct.pack("<2sIHHI", b"BM", start + len(rows), 0, 0, start) + head + masks + rows
    )
    return path


def test_sixteen_bits_a_pixel_are_eight_a_channel_or_fewer(tmp_path):
    image = read_image(five_six_five(tmp_path / "a.bmp")).transpose(1, 2, 0)
    assert np.abs(image.astype(int) - PIXELS).max() <= 8
    assert picture_size(tmp_path / "a.bmp") == (H, W)


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


def test_a_mask_whose_transparency_says_another_thing_is_refused(tmp_path):
    """White all over, the defect in its alpha channel or in its palette's transparency."""
    mask = np.zeros((H, W), np.uint8)
    mask[10:20, 5:9] = 255
    white = np.full_like(mask, 255)
    Image.fromarray(np.dstack([white] * 3 + [mask])).save(tmp_path / "colour.png")
    Image.fromarray(np.dstack([white, mask])).save(tmp_path / "grey.png")
    Image.fromarray(255 - mask).save(tmp_path / "key.png", transparency=255)
    for name in ("colour.png", "grey.png", "key.png"):
        refused(tmp_path / name, "transparency", "black where normal", read=read_mask)
    for alpha in (mask, white, np.zeros_like(mask)):  # the same thing, or nothing
        Image.fromarray(np.dstack([mask] * 3 + [alpha])).save(tmp_path / "same.png")
        assert np.array_equal(read_mask(tmp_path / "same.png"), mask > 0)
    Image.fromarray(mask).save(tmp_path / "clear.png", transparency=0)
    assert np.array_equal(read_mask(tmp_path / "clear.png"), mask > 0)


def test_a_mask_of_another_size_is_refused(tmp_path):
    path = saved(tmp_path / "a.png", "L")
    assert read_mask(path, of=(H, W)).shape == (H, W)
    refused(path, "30 x 40 pixels", "32 x 64", read=lambda p: read_mask(p, of=(64, 32)))
