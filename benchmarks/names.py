"""Detectors, data sets and metrics as people write them, and the order in which they stand."""

# The lineage in its historical order; detectors beside it follow alphabetically.
LINEAGE = {
    "svdd": "SVDD",
    "deep_svdd": "Deep SVDD",
    "deep_svdd_soft": "Deep SVDD soft",
    "deep_sad": "Deep SAD",
    "deep_sad_oe": "Deep SAD OE",
    "hsc": "HSC",
    "bce": "BCE",
    "focal": "Focal",
    "fcdd": "FCDD",
    "autoencoder": "Autoencoder",
}
OTHERS = {
    "anogan": "AnoGAN",
    "autoencoder_ssim": "AE-SSIM",
    "cnnfd": "CNNFD",
    "copod": "COPOD",
    "ecod": "ECOD",
    "fcdd_semi": "FCDD semi",
    "focal_hendrycks": "Focal (Hendrycks)",
    "gdr": "GDR",
    "geo": "GEO",
    "geo_plus": "GEO+",
    "geo_plus_oe": "GEO+ OE",
    "hbos": "HBOS",
    "iforest": "IForest",
    "iforest_hybrid": "IForest hybrid",
    "kde": "KDE",
    "kde_hybrid": "KDE hybrid",
    "knn": "kNN",
    "lof": "LOF",
    "ocsvm": "OC-SVM",
    "ocsvm_hybrid": "OC-SVM hybrid",
    "p_net": "P-NET",
    "pca": "PCA",
    "smai": "SMAI",
    "ss_dgm": "SS-DGM",
    "ssad": "SSAD",
    "ssad_hybrid": "SSAD hybrid",
    "supervised_classifier": "Supervised",
    "vevae": "VEVAE",
}
DATASETS = {
    "mnist": "MNIST",
    "fmnist": "Fashion-MNIST",
    "cifar10": "CIFAR-10",
    "imagenet30": "ImageNet-30",
    "mvtec": "MVTec-AD",
    "digits": "Digits",
    "textures": "Textures",
    "fmnist_held_back": "Fashion-MNIST, held back",
    "cifar10_held_back": "CIFAR-10, held back",
}
# Images to train with that an exposure was published with; fewer may be there.
IMAGES = {"cifar100": 50_000, "emnist": 124_800, "mnist": 60_000}
SHORT = {
    "auroc": "AUROC", "ap": "AP", "au": "AU", "pro": "PRO", "05": "to 0.05",
    "model": "(net's size)",
}  # fmt: skip


def rank(column: str) -> tuple[int, str]:
    """Sorting key of a detector, or of a column's name: the lineage first, then the alphabet."""
    names = list(LINEAGE)
    detector = column.split(" ")[0]
    return (names.index(detector) if detector in names else len(names), column)


def title(column: str) -> str:
    """A detector, or a column's name, as people write it."""
    detector, _, variant = column.partition(" ")
    return f"{(LINEAGE | OTHERS).get(detector, detector)} {variant}".strip()


def dataset_title(dataset: str) -> str:
    """A data set as people write it."""
    return DATASETS.get(dataset, dataset)


def dataset_rank(dataset: str) -> tuple[int, str]:
    """Sorting key of a data set: those named above first, then the alphabet."""
    known = list(DATASETS)
    return (known.index(dataset) if dataset in known else len(known), dataset)


def metric_title(metric: str) -> str:
    """``image_auroc`` as ``image AUROC``, ``au_pro`` as ``AU-PRO``."""
    words = [SHORT.get(word, word) for word in metric.split("_")]
    return f"{words[0]}-{' '.join(words[1:])}" if words[0] == "AU" else " ".join(words)
