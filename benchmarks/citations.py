"""What to cite for each detector, data set, exposure, metric and published number; as BibTeX."""

import unicodedata
from collections.abc import Iterable

from benchmarks.works import Work

_SAD, _HSC, _OE = "ruff2020deepsad", "ruff2020hsc", "hendrycks2019exposure"
_PYOD, _SKLEARN = "zhao2019pyod", "pedregosa2011sklearn"
METHODS: dict[str, tuple[str, ...]] = {
    "svdd": ("tax2004svdd",),
    "deep_svdd": ("ruff2018deepsvdd",),
    "deep_svdd_soft": ("ruff2018deepsvdd",),
    "deep_sad": (_SAD,),
    "deep_sad_oe": (_SAD, _HSC, _OE),
    "hsc": (_HSC, _OE),
    "bce": (_HSC, _OE),
    "focal": ("lin2017focal", _HSC, _OE),
    "fcdd": ("liznerski2021fcdd", _OE),
    "fcdd_semi": ("liznerski2021fcdd",),
    "autoencoder": ("hinton2006autoencoder",),
    "iforest": ("liu2008iforest", _PYOD),
    "kde": ("parzen1962kde", _PYOD),
    "knn": ("ramaswamy2000knn", _PYOD),
    "ocsvm": ("schoelkopf2001ocsvm", _PYOD),
    "pca": ("shyu2003pca", _PYOD),
}
DATASETS: dict[str, tuple[str, ...]] = {
    "fmnist": ("xiao2017fmnist",),
    "fmnist_held_back": ("xiao2017fmnist",),
    "mnist": ("lecun1998mnist",),
    "digits": ("alpaydin1998digits", _SKLEARN),
    "cifar10": ("krizhevsky2009cifar",),
    "cifar10_held_back": ("krizhevsky2009cifar",),
    "imagenet30": ("hendrycks2019selfsupervised", "russakovsky2015imagenet"),
    "mvtec": ("bergmann2019mvtec",),
    "textures": (),  # ours
}
EXPOSURES: dict[str, tuple[str, ...]] = {
    "photos": (_SKLEARN,),
    "cifar100": ("krizhevsky2009cifar",),
    "emnist": ("cohen2017emnist",),
    "mnist": ("lecun1998mnist",),
    "imagenet22k": ("russakovsky2015imagenet",),
    "imagenet1k": ("russakovsky2015imagenet",),
}
METRICS: dict[str, tuple[str, ...]] = {
    "au_pro": ("bergmann2020students",),
    "au_pro_05": ("bergmann2020students",),
}
PAPERS: dict[str, tuple[str, ...]] = {  # as `published.csv` names them
    "Deep SVDD (ICML 2018)": ("ruff2018deepsvdd",),
    "Deep SAD (ICLR 2020)": (_SAD,),
    "FCDD (ICLR 2021)": ("liznerski2021fcdd",),
    "FCDD reproduction (RC 2021)": ("bertoldo2022reproduction",),
}
# Combining signs and what LaTeX calls them.
ACCENTS = {
    "\u0300": "`",
    "\u0301": "'",
    "\u0302": "^",
    "\u0303": "~",
    "\u0308": '"',
    "\u030c": "v ",
}


def bibtex(key: str, work: Work) -> str:
    """The work as a BibTeX entry, in ASCII; the title keeps its capitals."""
    venues = {"article": "journal", "inproceedings": "booktitle", "techreport": "institution"}
    fields = {
        "author": " and ".join(work.authors),
        "title": f"{{{work.title}}}",
        venues.get(work.kind, "howpublished"): work.venue,
        "year": str(work.year),
        "note": work.where.replace("-", "--"),
        "url": work.link,
    }
    lines = [f"  {name:12} = {{{_latex(value)}}}," for name, value in fields.items() if value]
    return "\n".join([f"@{work.kind}{{{key},", *lines, "}"])


def _latex(text: str) -> str:
    letters = []
    for letter in text:
        base, *signs = list(unicodedata.normalize("NFD", letter))
        for sign in signs:
            base = f"{{\\{ACCENTS[sign]}{base}}}"
        letters.append(base)
    return "".join(letters)


def cited(
    methods: Iterable[str],
    datasets: Iterable[str],
    exposures: Iterable[str],
    metrics: Iterable[str],
    papers: Iterable[str],
) -> dict[str, list[str]]:
    """Keys of ``WORKS`` that these names rest on, each with the names, in the order of the names.

    A name that is not listed here brings nothing: a user's own data set has no work.
    """
    found: dict[str, list[str]] = {}
    kinds = ((METHODS, methods), (DATASETS, datasets), (EXPOSURES, exposures), (METRICS, metrics))
    for works, names in (*kinds, (PAPERS, papers)):
        for name in names:
            for key in works.get(name, ()):
                users = found.setdefault(key, [])
                users += [name] if name not in users else []
    return found
