"""The papers' numbers: traceable, in range, one beside each of ours."""

from pathlib import Path

import pytest

from benchmarks import published

KEYS = ["dataset", "detector", "normal", "metric"]


def test_every_number_lies_in_range_and_has_a_source() -> None:
    numbers = published.read()
    assert list(numbers.columns) == published.COLUMNS
    assert numbers["mean"].between(0, 1).all()
    assert numbers["std"].dropna().between(0, 1).all()
    assert (numbers[["source", "paper", "table"]].map(lambda text: len(text.strip())) > 0).all(
        axis=None
    )
    assert set(numbers["dataset"]) == set(published.CLASSES)
    assert set(numbers["metric"]) == {"image_auroc", "pixel_auroc"}
    assert numbers["detector"].str.fullmatch(r"[a-z0-9_]+").all()


def test_no_number_stands_twice_and_one_at_most_is_compared() -> None:
    numbers = published.read()
    where = [*KEYS, "paper", "table", "setting"]
    assert not numbers.duplicated(where).any()
    assert not numbers[numbers["compare"]].duplicated(KEYS).any()


def test_normals_are_the_classes_of_their_dataset() -> None:
    for dataset, count in published.CLASSES.items():
        if dataset != "imagenet30":  # only its mean is printed
            assert len(published.order(dataset)) == count
    assert published.order("fmnist")[0] == "t-shirt/top"
    assert published.order("mnist") == tuple("0123456789")
    assert "metal_nut" in published.order("mvtec")


@pytest.mark.parametrize(
    ("dataset", "detector", "metric", "normal", "value", "paper"),
    [
        ("fmnist", "fcdd", "image_auroc", "mean", 0.89, "FCDD (ICLR 2021)"),
        ("fmnist", "autoencoder", "image_auroc", "sandal", 0.45, "FCDD (ICLR 2021)"),
        ("fmnist", "deep_svdd", "image_auroc", "mean", 0.892, "Deep SAD (ICLR 2020)"),
        ("fmnist", "deep_sad", "image_auroc", "mean", 0.905, "Deep SAD (ICLR 2020)"),
        ("fmnist", "svdd", "image_auroc", "mean", 0.928, "Deep SAD (ICLR 2020)"),
        ("mnist", "svdd", "image_auroc", "0", 0.986, "Deep SVDD (ICML 2018)"),
        ("mnist", "deep_svdd", "image_auroc", "mean", 0.948, "Deep SVDD (ICML 2018)"),
        ("cifar10", "hsc", "image_auroc", "mean", 0.96, "FCDD (ICLR 2021)"),
        ("cifar10", "fcdd", "image_auroc", "mean", 0.95, "FCDD (ICLR 2021)"),
        ("imagenet30", "fcdd", "image_auroc", "mean", 0.94, "FCDD (ICLR 2021)"),
        ("mvtec", "fcdd", "pixel_auroc", "mean", 0.92, "FCDD (ICLR 2021)"),
        ("mvtec", "fcdd_semi", "pixel_auroc", "mean", 0.96, "FCDD (ICLR 2021)"),
    ],
)
def test_known_values(
    dataset: str, detector: str, metric: str, normal: str, value: float, paper: str
) -> None:
    line = published.compared(dataset, detector, metric).loc[normal]
    assert line["mean"] == value and line["paper"] == paper


def test_printed_means_agree_with_the_printed_classes() -> None:
    numbers = published.read()
    places = ["paper", "table", "dataset", "detector", "metric", "setting"]
    checked = 0
    for _, group in numbers.groupby(places):
        classes = group.loc[group["normal"] != "mean", "mean"]
        means = group.loc[group["normal"] == "mean", "mean"]
        if len(classes) and len(means):
            assert means.iloc[0] == pytest.approx(classes.mean(), abs=0.011)
            checked += 1
    assert checked > 20


def test_one_class_svms_compare_with_svdd_and_tell_of_their_advantage() -> None:
    ocsvm = published.compared("fmnist", "ocsvm", "image_auroc")
    assert ocsvm.equals(published.compared("fmnist", "svdd", "image_auroc"))
    assert "chosen on test data" in ocsvm["note"]["mean"]


def test_a_reproduction_says_so() -> None:
    line = published.compared("mvtec", "fcdd", "image_auroc").loc["mean"]
    assert "reproduction" in line["note"] and "reproduction" in line["paper"]


def test_without_the_file_there_are_no_numbers_but_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert published.read(tmp_path / "absent.csv").empty
    assert "absent.csv is missing" in caplog.text
