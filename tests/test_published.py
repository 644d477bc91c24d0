"""The papers' numbers: traceable, in range, one beside each of ours."""

import re
from pathlib import Path

import pytest

from benchmarks import published
from benchmarks.task import Scenario

OWN = {
    "deep_svdd": "Deep SVDD (ICML 2018)",
    "deep_svdd_soft": "Deep SVDD (ICML 2018)",
    "deep_sad": "Deep SAD (ICLR 2020)",
    "fcdd": "FCDD (ICLR 2021)",
    "fcdd_semi": "FCDD (ICLR 2021)",
}
KEYS = ["dataset", "detector", "normal", "metric", *published.CASE]


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


def test_the_marks_follow_the_rule() -> None:
    """Own paper, who ran it, who quotes it, reproductions; the one with every class; the newest."""
    numbers = published.read()
    series = [name for name in KEYS if name != "normal"]
    chosen = []
    for (_, detector, *_), group in numbers.groupby(series):
        ranks = {
            paper: (
                OWN.get(detector) != paper,
                part["note"].str.contains("reproduction").any(),
                part["note"].str.contains("quoted by").any(),
                part["normal"].nunique() == 1,
                -max(map(int, re.findall(r"20\d\d", paper)), default=0),
            )
            for paper, part in group.groupby("paper")
        }
        paper = min(ranks, key=lambda name: ranks[name])
        assert list(ranks.values()).count(ranks[paper]) == 1
        of_paper = group[group["paper"] == paper]
        marked = group[group["compare"]]
        chosen.append(paper)
        assert set(marked["paper"]) == {paper}
        assert set(marked["normal"]) == set(of_paper["normal"]) - {"std over classes"}
    assert len(set(chosen)) > 3


def test_what_other_papers_print_is_known_where_it_differs_by_more_than_rounding() -> None:
    def elsewhere(dataset: str, detector: str) -> list[tuple[float, str]]:
        chosen = published.compared(dataset, detector, "image_auroc").loc[["mean"]]
        found = published.elsewhere(chosen)[["mean", "paper"]]
        return list(found.itertuples(index=False, name=None))

    assert elsewhere("fmnist", "deep_svdd") == [(0.93, "FCDD (ICLR 2021)")]
    assert elsewhere("fmnist", "autoencoder") == [(0.902, "Deep SAD (ICLR 2020)")]
    assert elsewhere("cifar10", "deep_svdd") == [(0.609, "Deep SAD (ICLR 2020)")]  # not 65 for 64.8
    assert elsewhere("fmnist", "fcdd") == []  # nor the reproduction, with EMNIST


def test_the_focal_loss_of_another_work_is_not_beside_ours() -> None:
    assert published.compared("cifar10", "focal", "image_auroc").empty
    theirs = published.compared("cifar10", "focal_hendrycks", "image_auroc")
    assert theirs.loc["mean", "mean"] == 0.87


def test_known_classes_are_counted_where_they_are_not_all() -> None:
    one, three = (f"labelled 0.05 of {count} class(es)" for count in (1, 3))
    assert published.known_classes("cifar10", one, 1) == "1 of 9 known classes"
    assert published.known_classes("cifar10", one, 9) == ""
    assert published.known_classes("cifar10", three, 2) == "2 choices of 3 known classes"
    assert published.known_classes("cifar10", "pollution 0.1", 1) == ""
    assert published.known_classes("digits", one, 1) == ""


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
        ("cifar10", "deep_sad_oe", "image_auroc", "mean", 0.95, "FCDD (ICLR 2021)"),
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


@pytest.mark.parametrize(
    ("detector", "scenario", "value"),
    [
        ("deep_sad", "labelled 0.05 of 1 class(es)", 0.905),
        ("deep_sad", "labelled 0.2 of 1 class(es)", 0.91),
        ("deep_sad", "labelled 0.05 of 1 class(es), pollution 0.1", 0.782),
        ("deep_sad", "labelled 0.05 of 3 class(es), pollution 0.1", 0.839),
        ("deep_sad", None, 0.892),
        ("deep_svdd", "pollution 0.2", 0.693),
        ("ocsvm", "pollution 0.01", 0.917),
        ("deep_svdd", float("nan"), 0.892),
    ],
)
def test_a_scenario_is_compared_with_its_own_number(
    detector: str, scenario: str | float | None, value: float
) -> None:
    lines = published.compared("fmnist", detector, "image_auroc", scenario)
    assert lines.loc["mean", "mean"] == value
    assert lines.loc["mean", "paper"] == "Deep SAD (ICLR 2020)"


@pytest.mark.parametrize(
    "scenario", ["labelled 0.07 of 1 class(es)", "labelled 0.05 of 4 class(es)", "half the defects"]
)
def test_a_scenario_that_no_paper_has_is_compared_with_nothing(scenario: str) -> None:
    assert published.compared("fmnist", "deep_sad", "image_auroc", scenario).empty


def test_scenarios_are_read_as_the_harness_writes_them() -> None:
    for labelled, known, pollution in [(0.0, 1, 0.0), (0.05, 2, 0.0), (0.0, 1, 0.1), (0.2, 5, 0.1)]:
        text = str(Scenario(labelled, known, pollution)) or None
        assert published.case(text) == (labelled, known if labelled else 0, pollution)


def test_another_exposure_is_told() -> None:
    lines = published.compared("cifar10", "hsc", "image_auroc").loc[["mean"]]
    assert "exposure: ours photos, theirs 80 Million Tiny Images" in next(
        published.sources(lines, "photos")
    )
    assert "exposure:" not in next(published.sources(lines, "80mti"))
    unexposed = published.compared("cifar10", "kde", "image_auroc").loc[["mean"]]
    assert "exposure:" not in next(published.sources(unexposed, None))


def test_printed_means_agree_with_the_printed_classes() -> None:
    numbers = published.read()
    places = ["paper", "table", "dataset", "detector", "metric", "setting"]
    checked = 0
    for _, group in numbers.groupby(places):
        classes = group.loc[~group["normal"].isin(["mean", "std over classes"]), "mean"]
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
