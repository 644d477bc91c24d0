"""``python -m fcdd`` on folders of pictures: textures of which some have defects."""

import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile
from torch.nn.modules.module import register_module_forward_hook

from baselines.door import FAILED, OK, USAGE
from baselines.saved import load
from benchmarks.datasets.textures import CATEGORIES, load_category
from fcdd import predicting
from fcdd.__main__ import main
from fcdd.detector import FCDD
from fcdd.fitting import enough, split, threshold
from fcdd.folders import folder_to_train
from fcdd.outputs import Output
from fcdd.preparation import Preparation, Scored

ROOT = Path(__file__).parent.parent
SIZE = (48, 40)  # width, height of the pictures: neither square nor the net's
SMALL = ("--net", "scratch", "--size", "32")


def write(path: Path, pixels: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).resize(SIZE, Image.Resampling.NEAREST).save(path)
    return path


@pytest.fixture(scope="session")
def home(tmp_path_factory):
    """The texture in two layouts: ``category`` as MVTec AD, ``sorted`` with known anomalies."""
    root = tmp_path_factory.mktemp("pictures")
    texture = load_category(CATEGORIES[0])
    train, test = (images.transpose(0, 2, 3, 1) for images in (texture.train, texture.test))
    wrong, right = np.flatnonzero(texture.test_labels), np.flatnonzero(texture.test_labels == 0)
    masks = texture.test_masks
    for i, pixels in enumerate(train[:120]):
        write(root / f"category/train/good/{i:03}.png", pixels)
    for n, i in enumerate(right[:25]):
        write(root / f"category/test/good/{n:03}.png", test[i])
    for n, i in enumerate(wrong[:25]):
        write(root / f"category/test/defect/{n:03}.png", test[i])
        write(root / f"category/ground_truth/defect/{n:03}_mask.png", masks[i])
    for n, i in enumerate(wrong[25:45]):
        write(root / f"sorted/anomalous/a{n:03}.jpg", test[i])
        write(root / f"sorted/masks/a{n:03}.png", masks[i])
    shutil.copytree(root / "category/train/good", root / "sorted/normal")
    return root


@pytest.fixture(scope="session")
def model(home):
    path = home / "models" / "model"
    code, lines = run("fit", home / "sorted", "--out", path, *SMALL, "--epochs", "20")
    assert code == OK, lines
    return path


def run(*arguments: object) -> tuple[int, list[str]]:
    """Exit code and what was printed of the real command."""
    command = [sys.executable, "-m", "fcdd", *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    return done.returncode, (done.stdout + done.stderr).splitlines()


def refused(capfd, *arguments: object) -> str:
    """The one line that a bad request gets."""
    code = main([str(argument) for argument in arguments])
    lines = capfd.readouterr().err.splitlines()
    assert code == USAGE
    assert len(lines) == 1, lines
    assert lines[0].startswith("fcdd: ")
    return lines[0]


def lines_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_fit_predict_evaluate(home, model, tmp_path):
    """The three commands as the README gives them, in processes of their own."""
    out = tmp_path / "out"
    code, printed = run("predict", model, home / "category/test", "--out", out, "--raw", "npy")
    assert code == OK, printed
    lines = lines_of(out / "scores.csv")
    assert len(lines) == 50 and "50 pictures" in printed[-1]
    detector = load(model, "cpu", [FCDD])
    assert {float(line["threshold"]) for line in lines} == {detector.threshold_}
    for line in lines:
        assert line["label"] == str(int(float(line["score"]) > detector.threshold_))
        name = Path(line["file"]).relative_to(home / "category/test").with_suffix("")
        with Image.open(out / "heatmaps" / f"{name}.png") as heatmap:
            assert heatmap.size == SIZE and heatmap.mode == "RGB"
        raw = np.load(out / "maps" / f"{name}.npy")
        assert raw.shape == SIZE[::-1] and raw.dtype == np.float32
    alarms = [line for line in lines if line["label"] == "1"]
    defects = [line for line in alarms if "/defect/" in line["file"]]
    assert len(defects) > 12 and len(alarms) - len(defects) < 8

    code, printed = run("evaluate", model, home / "category", "--out", tmp_path / "all.json")
    assert code == OK, printed
    found = json.loads((tmp_path / "all.json").read_text())
    assert found["metrics"]["image_auroc"] > 0.8 and found["metrics"]["pixel_auroc"] > 0.8
    assert found["protocol"]["mask_sizes"] == ["40x48"]
    assert found["counts"]["found"] == len(defects)
    assert found["counts"]["trained_on"] == 0
    assert any("pixel_auroc" in line for line in printed)


def test_a_fit_says_what_it_uses_and_repeats_itself(home, tmp_path, capfd):
    for name in ("a", "b"):
        asked = ["fit", home / "sorted", "--out", tmp_path / name, *SMALL, "--epochs", "1"]
        assert main([str(x) for x in (*asked, "--preview", tmp_path / "seen.png")]) == OK
    said = capfd.readouterr().out
    assert "96 normal pictures and 20 known anomalies, with masks" in said
    assert "24 normal ones are held back" in said and "epoch 1 of 1" in said
    with Image.open(tmp_path / "seen.png") as preview:
        assert preview.width > 300
    one, two = (load(tmp_path / name, "cpu", [FCDD]) for name in ("a", "b"))
    assert one.threshold_ == two.threshold_
    assert np.array_equal(one.decision_scores_, two.decision_scores_)
    assert one.contamination == 0.05 and len(one.decision_scores_) == 116


def test_flat_folder_and_mixed_names(home, tmp_path, capfd):
    shutil.copytree(home / "category/train/good", tmp_path / "flat")
    (tmp_path / "flat/notes.txt").write_text("not a picture")
    model = tmp_path / "model"
    assert main(["fit", str(tmp_path / "flat"), "--out", str(model), *SMALL, "--epochs", "1"]) == OK
    (tmp_path / "in/sub").mkdir(parents=True)
    for name in ("in/x.png", "in/sub/x.png", "in/y.jpg", "in/y.bmp"):
        with Image.open(home / "category/train/good/000.png") as image:
            image.save(tmp_path / name)
    asked = ["predict", str(model), str(tmp_path / "in"), "--out", str(tmp_path / "in/out")]
    for _ in range(2):  # the second finds the heatmaps of the first in its folder, and leaves them
        assert main([*asked, "--raw", "tiff", "--scale", "image"]) == OK
    found = {str(p.relative_to(tmp_path / "in/out")) for p in (tmp_path / "in/out").rglob("*.*")}
    names = ("x", "sub/x", "y.jpg", "y.bmp")
    expected = {f"heatmaps/{n}.png" for n in names} | {f"maps/{n}.tiff" for n in names}
    assert found == expected | {"scores.csv"}
    capfd.readouterr()


@pytest.mark.parametrize(
    ("asked", "decoded", "passes"),
    [((), 2, 2), (("--raw", "npy"), 2, 2), (("--no-heatmaps", "--raw", "npy"), 1, 2),
     (("--no-heatmaps",), 1, 2)],
)  # fmt: skip
def test_no_picture_is_decoded_or_passed_twice_for_nothing(
    home, model, tmp_path, monkeypatch, asked, decoded, passes
):
    """Once to score it, once more to draw on it; a pass for it and one for its mirror image."""
    jpeg = tmp_path / "x.jpg"
    shutil.copy(home / "sorted/anomalous/a000.jpg", jpeg)
    loads, passed, load_image = [], [], JpegImageFile.load

    def counted(image, *rest):
        loads.extend([1] * bool(image.tile))
        return load_image(image, *rest)

    monkeypatch.setattr(JpegImageFile, "load", counted)
    with register_module_forward_hook(
        lambda net, *_: passed.extend([1] * isinstance(net, torch.nn.Sequential))
    ):
        command = ("predict", model, jpeg, "--out", tmp_path / "out", *asked)
        assert main([str(x) for x in command]) == OK
    assert (len(loads), len(passed)) == (decoded, passes)


def test_maps_are_made_where_masks_ask_for_them(home, model, tmp_path, monkeypatch, capfd):
    asked = copied(home, tmp_path)
    shutil.rmtree(asked / "masks")
    monkeypatch.setattr(FCDD, "score_map", lambda *_: pytest.fail("nobody looks at it"))
    assert main(["evaluate", str(model), str(asked)]) == OK
    said = capfd.readouterr().out
    assert "image_auroc" in said and "pixel_auroc" not in said


def test_large_pictures_are_drawn_few_at_a_time(tmp_path, monkeypatch):
    Image.new("L", (100, 50)).save(tmp_path / "x.png")
    batch = [Scored(tmp_path / "x.png", 1.0, np.zeros((2, 2))), Scored(tmp_path / "no", error="?")]
    monkeypatch.setattr(predicting.joblib, "cpu_count", lambda: 8)
    for most, expected in ((10**6, 8), (15_000, 3), (100, 1)):
        monkeypatch.setattr(predicting, "DRAWN", most)
        assert predicting.threads(batch) == expected


def test_16_bit_maps_hold_the_scores(home, model, tmp_path):
    picture = home / "category/test/defect/000.png"
    for raw in ("npy", "tiff"):
        code = main(
            ["predict", str(model), str(picture), "--out", str(tmp_path / raw), "--raw", raw]
        )
        assert code == OK
    line = lines_of(tmp_path / "tiff/scores.csv")[0]
    offset, step = float(line["offset"]), float(line["step"])
    with Image.open(tmp_path / "tiff/maps/000.tiff") as image:
        values, told = np.asarray(image), image.tag_v2[270]
    assert values.dtype == np.uint16 and values.min() == 0 and values.max() == 65535
    exact = np.load(tmp_path / "npy/maps/000.npy")
    assert np.abs(offset + step * values.astype(float) - exact).max() <= step / 2 * 1.01
    assert told == f"score = {offset!r} + {step!r} * value"


def test_broken_pictures_are_named_and_the_others_done(home, model, tmp_path, capfd):
    folder = tmp_path / "in"
    shutil.copytree(home / "category/test/good", folder)
    raw = (folder / "003.png").read_bytes()
    (folder / "003.png").write_bytes(raw[: len(raw) // 2])
    with Image.open(folder / "004.png") as image:
        image.convert("L").save(folder / "004.png")
    Image.fromarray(np.zeros((40, 48), np.uint16)).save(folder / "005.png")
    code = main(["predict", str(model), str(folder), "--out", str(tmp_path / "out")])
    told = capfd.readouterr().err.splitlines()
    assert code == FAILED and len(told) == 4
    assert "003.png: broken or truncated" in told[0]
    assert "004.png: grey" in told[1] and "005.png: more than 8 bits" in told[2]
    assert "3 of 25 pictures" in told[3]
    lines = lines_of(tmp_path / "out/scores.csv")
    assert len(lines) == 25
    assert [Path(x["file"]).name for x in lines if x["error"]] == ["003.png", "004.png", "005.png"]
    assert all((x["score"] == "") == bool(x["error"]) for x in lines)


def test_results_lie_above_what_is_predicted(home, model, tmp_path, capfd):
    """``--out`` may hold the pictures; what earlier runs wrote there is told, never scored."""
    for name in ("sub/a/x.png", "sub/b/x.png", "other/y.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(home / "category/test/good/000.png", tmp_path / name)
    asked = ("--out", tmp_path, "--raw", "npy")
    for folders in (("sub/a", "sub/b"), ("other",)):
        given = [tmp_path / folder for folder in folders]
        assert main([str(x) for x in ("predict", model, *given, *asked)]) == OK
    assert "keeps 4 heatmaps and maps of other pictures" in capfd.readouterr().out
    assert [Path(line["file"]).name for line in lines_of(tmp_path / "scores.csv")] == ["y.png"]
    for name in ("a/x", "b/x", "y"):
        assert (tmp_path / f"heatmaps/{name}.png").exists()
        assert (tmp_path / f"maps/{name}.npy").exists()
    assert "results in" in refused(capfd, "predict", model, tmp_path / "heatmaps", *asked)
    assert len(lines_of(tmp_path / "scores.csv")) == 1, "as it was"

    (tmp_path / "other/y.png").write_bytes(b"broken")
    (tmp_path / "other/z.webp").write_bytes(b"")
    assert main([str(x) for x in ("predict", model, tmp_path / "other", *asked)]) == FAILED
    assert "1 file left out: .webp (1)" in capfd.readouterr().out
    assert not (tmp_path / "heatmaps/y.png").exists(), "of the picture that was there before"


@pytest.mark.skipif(sys.platform != "linux", reason="names are bytes elsewhere but on Linux")
@pytest.mark.parametrize("locale", [{}, {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0"}])
def test_names_may_be_any_bytes(home, model, tmp_path, locale):
    folder, whole = os.fsencode(tmp_path / "in"), home / "category/test/good/000.png"
    out = os.fsencode(tmp_path / "out") + b"-\xff"
    os.mkdir(folder)  # noqa: PTH102 - pathlib takes no bytes
    for name in (b"a\xff.png", "b\u00e4.png".encode()):
        shutil.copy(whole, os.path.join(folder, name))  # noqa: PTH118
    with open(os.path.join(folder, "c\u00fc.png".encode()), "wb") as broken:  # noqa: PTH118, PTH123
        broken.write(whole.read_bytes()[:200])
    command = [sys.executable, "-m", "fcdd", "predict", model, folder, "--out", out]
    environment = os.environ | {"PYTHONUTF8": "0"} | locale
    done = subprocess.run(command, cwd=ROOT, capture_output=True, timeout=300, env=environment)
    assert done.returncode == FAILED, done.stderr
    assert b"2 pictures, " in done.stdout and b"\\udcff/scores.csv" in done.stdout
    assert b".png: broken or truncated" in done.stderr
    lines = (Path(os.fsdecode(out)) / "scores.csv").read_bytes().splitlines()
    for line, name in zip(
        lines[1:], (b"/a\xff.png", b"/b\xc3\xa4.png", b"/c\xc3\xbc.png"), strict=True
    ):
        assert name in line
    assert (Path(os.fsdecode(out)) / "heatmaps" / os.fsdecode(b"a\xff.png")).exists()


def copied(home: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(home / "sorted", tmp_path / "given"))


def test_wrong_folders_are_refused(home, tmp_path, capfd):
    asked = ("--out", tmp_path / "m", *SMALL)
    (tmp_path / "empty").mkdir()
    assert "it is empty; expected train/good/" in refused(capfd, "fit", tmp_path / "empty", *asked)
    assert "no such folder" in refused(capfd, "fit", tmp_path / "nowhere", *asked)
    told = refused(capfd, "fit", home, *asked)
    assert "name one of them, such as" in told and "category" in told
    assert "found bad/, good/; expected" in refused(
        capfd, "fit", laid(tmp_path / "x", "good/1.png", "bad/2.png"), *asked
    )
    laid(tmp_path / "y", "normal/.hidden/1.png")
    assert "normal: no pictures" in refused(capfd, "fit", tmp_path / "y", *asked)
    assert "2 normal pictures" in refused(
        capfd, "fit", laid(tmp_path / "z", "1.png", "2.png"), *asked
    )
    assert not (tmp_path / "m").exists()


def test_a_fit_that_fails_leaves_all_files_as_they_were(tmp_path, capfd):
    (tmp_path / "m.part").write_text("somebody's")
    laid(tmp_path / "x", "1.png", "2.png")
    assert "2 normal pictures" in refused(
        capfd, "fit", tmp_path / "x", "--out", tmp_path / "m", *SMALL
    )
    assert (tmp_path / "m.part").read_text() == "somebody's"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m.part", "x"]


def test_a_broken_picture_held_back_is_named_before_the_training(home, tmp_path, capfd):
    given = Path(shutil.copytree(home / "category/train/good", tmp_path / "given"))
    held = split(folder_to_train(given).normals, 0.2, seed=0)[1]
    held[3].write_bytes(held[3].read_bytes()[:-100])  # the head alone does not tell
    told = refused(capfd, "fit", given, "--out", tmp_path / "m", *SMALL)
    assert f"{held[3]}: broken or truncated" in told and not (tmp_path / "m").exists()


def test_what_cannot_be_written_is_said_first_and_nothing_is_made(home, model, tmp_path, capfd):
    file = tmp_path / "file"
    file.write_text("somebody's")
    fit, predict = ("fit", home / "sorted", *SMALL), ("predict", model, home / "category/test")
    evaluate = ("evaluate", model, home / "category")
    for command, option, path, expected in (
        (fit, "--out", file / "m", f"no file can be made in {file} (Not a directory)"),
        (fit, "--preview", tmp_path / "p.xyz", "no ending of a picture; name it p.png"),
        (fit, "--preview", tmp_path, "no ending of a picture"),
        (predict, "--out", file, "a file; name a folder to write to"),
        (predict, "--out", file / "a/b", f"no file can be made in {file}"),
        (evaluate, "--out", file / "x.csv", f"no file can be made in {file}"),
    ):
        out = () if option == "--out" else ("--out", tmp_path / "new/m")
        told = refused(capfd, *command, option, path, *out)
        assert told.startswith(f"fcdd: {option} {path}: {expected}") and "Errno" not in told
    assert "weights x: no such file" in refused(
        capfd, "fit", home / "sorted", "--out", tmp_path / "new/m", "--weights", "x"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.skipif(sys.platform != "linux", reason="a folder that takes no files, even of root")
def test_a_folder_that_takes_no_files_is_named(home, capfd):
    told = refused(capfd, "fit", home / "sorted", "--out", "/proc/x/y", *SMALL)
    assert "--out /proc/x/y: no file can be made in /proc (No such file" in told


@pytest.mark.parametrize("theirs", ["maps/000.tiff", "heatmaps/000.png", "scores.csv"])
def test_files_of_others_are_not_taken_for_results(home, model, tmp_path, capfd, theirs):
    (tmp_path / theirs).parent.mkdir(exist_ok=True)
    (tmp_path / theirs).write_text("somebody's")
    command = ("predict", model, home / "category/test/good/000.png", "--out", tmp_path)
    assert f"{Path(theirs).parts[0]} in it is of no earlier run" in refused(capfd, *command)
    assert (tmp_path / theirs).read_text() == "somebody's"


def test_an_earlier_run_is_known_by_its_sheet(tmp_path):
    """Even one that was killed before it wrote a line."""
    to = Output(tmp_path)
    (tmp_path / "heatmaps").mkdir()
    for text in ("", "file,score,label,threshold,error,offset,step\r\n"):
        to.sheet.write_text(text)
        to.check()


def laid(folder: Path, *names: str) -> Path:
    for name in names:
        write(folder / name, np.zeros((8, 8, 3), np.uint8))
    return folder


@pytest.mark.parametrize("fault", ["truncated", "grey", "deep", "mask size", "mask missing"])
def test_one_bad_picture_is_named(home, tmp_path, capfd, fault):
    given = copied(home, tmp_path)
    one, mask = given / "normal/005.png", given / "masks/a003.png"
    if fault == "truncated":
        one.write_bytes(one.read_bytes()[:200])
        expected = f"{one}: broken or truncated"
    elif fault == "grey":
        with Image.open(one) as image:
            image.convert("L").save(one)
        expected = f"{one}: grey among colour pictures"
    elif fault == "deep":
        Image.fromarray(np.zeros((40, 48), np.uint16)).save(one)
        expected = f"{one}: more than 8 bits a channel"
    elif fault == "mask size":
        Image.new("L", (10, 10), 255).save(mask)
        expected = f"{mask}: the mask is 10 x 10 pixels, its image 48 x 40"
    else:
        mask.unlink()
        expected = f"{given / 'anomalous/a003.jpg'}: no mask, while others have one"
    assert expected in refused(capfd, "fit", given, "--out", tmp_path / "m", *SMALL)
    if fault in ("mask size", "mask missing"):
        return
    code = main(["fit", str(given), "--out", str(tmp_path / "m"), *SMALL, "--epochs", "1",
                 "--channels", "3"])  # fmt: skip
    assert (code == OK) == (fault == "grey")


def test_models_that_are_none(home, model, tmp_path, capfd):
    (tmp_path / "text").write_text("no model")
    pictures, out = home / "category/test", ("--out", tmp_path / "out")
    for path, expected in (
        (tmp_path / "text", "not a saved detector"),
        (tmp_path / "nowhere", "no such file"),
        (home, "no such file"),
    ):
        assert expected in refused(capfd, "predict", path, pictures, *out)
    assert "device cuda:99" in refused(
        capfd, "predict", model, pictures, *out, "--device", "cuda:99"
    )
    assert "no such file" in refused(capfd, "predict", model, tmp_path / "nowhere.png", *out)
    assert "a folder" in refused(capfd, "fit", home / "sorted", "--out", tmp_path, *SMALL)


def test_evaluate_refuses_what_cannot_be_measured(home, model, tmp_path, capfd):
    flat = home / "category/train/good"
    assert "expected test/good/" in refused(capfd, "evaluate", model, flat)
    empty = copied(home, tmp_path)
    Image.new("L", SIZE, 0).save(empty / "masks/a003.png")
    assert "a003.png: an empty mask" in refused(capfd, "evaluate", model, empty)
    Image.new("L", SIZE, 1).save(empty / "masks/a003.png")
    for verb in (("evaluate", model, empty), ("fit", empty, "--out", tmp_path / "m", *SMALL)):
        assert "a003.png: every pixel is marked" in refused(capfd, *verb)
    assert ".csv or a .json" in refused(
        capfd, "evaluate", model, home / "category", "--out", tmp_path / "x.txt"
    )


def test_the_sheet_of_an_evaluation_holds_all(home, model, tmp_path):
    """The same as the JSON, so what the screen says too."""
    given = Path(shutil.copytree(home / "category", tmp_path / "given"))
    for folder in ("test", "ground_truth"):  # a name that a sheet must quote
        shutil.copytree(given / folder / "defect", given / folder / 'a "dent", deep')
    for ending in ("csv", "json"):
        out = tmp_path / f"new/all.{ending}"
        assert main([str(x) for x in ("evaluate", model, given, "--out", out)]) == OK
    found = json.loads((tmp_path / "new/all.json").read_text())
    lines = {line["metric"]: line["value"] for line in lines_of(tmp_path / "new/all.csv")}
    for name, value in (found["metrics"] | found["counts"]).items():
        assert float(lines[name]) == value
    for kind, own in found["kinds"].items():
        assert all(float(lines[f"{name}, {kind}"]) == value for name, value in own.items())
    assert len(found["kinds"]) == 2 and found["kinds"]["defect"]["images"] == 25
    assert float(lines["threshold"]) == found["threshold"]
    protocol = found["protocol"]
    assert lines["mask_sizes"] == "40x48" and lines["regions"] == str(protocol["regions"])
    assert float(lines["limits, au_pro"]) == protocol["limits"]["au_pro"]


def test_evaluate_tells_pictures_that_were_trained_on(home, model, capfd):
    assert main(["evaluate", str(model), str(home / "sorted")]) == OK
    assert "116 of these pictures were trained on" in capfd.readouterr().err


def test_arguments(capfd):
    assert main(["--help"]) == OK
    assert {"fit", "predict", "evaluate"} <= set(capfd.readouterr().out.split())
    for wrong in (
        [],
        ["fit"],
        ["fit", "x", "--out", "y", "--fpr", "0.9"],
        ["fit", "x", "--net", "?"],
    ):
        assert main(wrong) == USAGE


@pytest.mark.parametrize(("n", "rate"), [(19, 0.05), (42, 0.05), (99, 0.01), (50, 0.1)])
def test_the_threshold_keeps_its_promise(n, rate):
    """Over many draws a further normal score exceeds it no more often than asked."""
    generator = torch.Generator().manual_seed(n)
    draws = torch.rand(4000, n + 1, generator=generator).numpy()
    found = [threshold(draw[:-1], rate) for draw in draws]
    promised = {chance for _, chance in found}
    assert len(promised) == 1 and max(promised) <= rate + 1e-12
    often = np.mean([draw[-1] > level for draw, (level, _) in zip(draws, found, strict=True)])
    assert abs(often - max(promised)) < 0.015


def test_few_pictures_promise_less():
    assert threshold(np.arange(4.0), 0.05) == (3.0, 0.2)


@pytest.mark.parametrize("rate", [0.5, 0.3, 0.2, 0.05, 0.01, 0.003])
def test_enough_pictures_are_the_least_that_promise_a_rate(rate):
    n = enough(rate)
    assert threshold(np.arange(float(n)), rate)[1] <= rate + 1e-9
    assert n == 1 or threshold(np.arange(n - 1.0), rate)[1] > rate


def test_a_fit_on_few_pictures_says_one_rate(tmp_path, capfd):
    laid(tmp_path / "x", *(f"{i}.png" for i in range(6)))
    asked = ("fit", tmp_path / "x", "--out", tmp_path / "m", *SMALL, "--epochs", "1")
    assert main([str(x) for x in asked]) == OK
    said = capfd.readouterr()
    assert "--fpr 0.05 takes 19 pictures held back, and there are 3" in said.err
    assert "for a false-positive rate of 0.25, set on 3 normal pictures" in said.out
    assert Preparation.of(load(tmp_path / "m", "cpu", [FCDD])).rate == 0.25
    laid(tmp_path / "one", "normal/day1/0.png")
    assert "day1: 1 normal picture, of at least 6 needed" in refused(
        capfd, "fit", tmp_path / "one", *asked[2:]
    )
