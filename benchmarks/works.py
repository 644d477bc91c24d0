"""The works that results rest on, by the key they are cited with; ``citations`` says by what."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Work:
    """A published work. ``authors`` are "First Last", ``venue`` is the journal or proceedings,
    ``where`` its volume and pages, ``link`` where it is read."""

    kind: str  # of BibTeX: article, inproceedings, techreport, misc
    authors: tuple[str, ...]
    title: str
    venue: str
    year: int
    where: str = ""
    link: str = ""


_RUFF, _VANDERMEULEN, _KLOFT = "Lukas Ruff", "Robert A. Vandermeulen", "Marius Kloft"
_MUELLER, _FRANKS, _HENDRYCKS = "Klaus-Robert Müller", "Billy Joe Franks", "Dan Hendrycks"
_GOERNITZ, _BINDER, _KRIZHEVSKY = "Nico Görnitz", "Alexander Binder", "Alex Krizhevsky"
_BERGMANN = ("Paul Bergmann", "Michael Fauser", "David Sattlegger", "Carsten Steger")
_ICLR = "International Conference on Learning Representations"
_CVPR = "IEEE/CVF Conference on Computer Vision and Pattern Recognition"

WORKS: dict[str, Work] = {
    "tax2004svdd": Work(
        "article", ("David M. J. Tax", "Robert P. W. Duin"), "Support Vector Data Description",
        "Machine Learning", 2004, "54(1):45-66",
        "https://doi.org/10.1023/B:MACH.0000008084.60811.49",
    ),
    "ruff2018deepsvdd": Work(
        "inproceedings",
        (_RUFF, _VANDERMEULEN, _GOERNITZ, "Lucas Deecke", "Shoaib Ahmed Siddiqui", _BINDER,
         "Emmanuel Müller", _KLOFT),
        "Deep One-Class Classification", "International Conference on Machine Learning", 2018,
        "PMLR 80:4393-4402", "https://proceedings.mlr.press/v80/ruff18a.html",
    ),
    "ruff2020deepsad": Work(
        "inproceedings",
        (_RUFF, _VANDERMEULEN, _GOERNITZ, _BINDER, "Emmanuel Müller", _MUELLER, _KLOFT),
        "Deep Semi-Supervised Anomaly Detection", _ICLR, 2020, "",
        "https://arxiv.org/abs/1906.02694",
    ),
    "ruff2020hsc": Work(
        "misc", (_RUFF, _VANDERMEULEN, _FRANKS, _MUELLER, _KLOFT),
        "Rethinking Assumptions in Deep Anomaly Detection", "arXiv:2006.00339", 2020, "",
        "https://arxiv.org/abs/2006.00339",
    ),
    "liznerski2021fcdd": Work(
        "inproceedings",
        ("Philipp Liznerski", _RUFF, _VANDERMEULEN, _FRANKS, _KLOFT, _MUELLER),
        "Explainable Deep One-Class Classification", _ICLR, 2021, "",
        "https://arxiv.org/abs/2007.01760",
    ),
    "lin2017focal": Work(
        "inproceedings",
        ("Tsung-Yi Lin", "Priya Goyal", "Ross Girshick", "Kaiming He", "Piotr Dollár"),
        "Focal Loss for Dense Object Detection",
        "IEEE International Conference on Computer Vision", 2017, "",
        "https://arxiv.org/abs/1708.02002",
    ),
    "hendrycks2019exposure": Work(
        "inproceedings", (_HENDRYCKS, "Mantas Mazeika", "Thomas Dietterich"),
        "Deep Anomaly Detection with Outlier Exposure", _ICLR, 2019, "",
        "https://arxiv.org/abs/1812.04606",
    ),
    "hinton2006autoencoder": Work(
        "article", ("Geoffrey E. Hinton", "Ruslan R. Salakhutdinov"),
        "Reducing the Dimensionality of Data with Neural Networks", "Science", 2006,
        "313(5786):504-507", "https://doi.org/10.1126/science.1127647",
    ),
    "liu2008iforest": Work(
        "inproceedings", ("Fei Tony Liu", "Kai Ming Ting", "Zhi-Hua Zhou"), "Isolation Forest",
        "IEEE International Conference on Data Mining", 2008, "pages 413-422",
        "https://doi.org/10.1109/ICDM.2008.17",
    ),
    "parzen1962kde": Work(
        "article", ("Emanuel Parzen",),
        "On Estimation of a Probability Density Function and Mode",
        "The Annals of Mathematical Statistics", 1962, "33(3):1065-1076",
        "https://doi.org/10.1214/aoms/1177704472",
    ),
    "schoelkopf2001ocsvm": Work(
        "article",
        ("Bernhard Schölkopf", "John C. Platt", "John Shawe-Taylor", "Alex J. Smola",
         "Robert C. Williamson"),
        "Estimating the Support of a High-Dimensional Distribution", "Neural Computation", 2001,
        "13(7):1443-1471", "https://doi.org/10.1162/089976601750264965",
    ),
    "ramaswamy2000knn": Work(
        "inproceedings", ("Sridhar Ramaswamy", "Rajeev Rastogi", "Kyuseok Shim"),
        "Efficient Algorithms for Mining Outliers from Large Data Sets",
        "ACM SIGMOD International Conference on Management of Data", 2000, "pages 427-438",
        "https://doi.org/10.1145/342009.335437",
    ),
    "shyu2003pca": Work(
        "inproceedings",
        ("Mei-Ling Shyu", "Shu-Ching Chen", "Kanoksri Sarinnapakorn", "LiWu Chang"),
        "A Novel Anomaly Detection Scheme Based on Principal Component Classifier",
        "IEEE Foundations and New Directions of Data Mining Workshop", 2003, "pages 172-179",
    ),
    "zhao2019pyod": Work(
        "article", ("Yue Zhao", "Zain Nasrullah", "Zheng Li"),
        "PyOD: A Python Toolbox for Scalable Outlier Detection",
        "Journal of Machine Learning Research", 2019, "20(96):1-7",
        "https://jmlr.org/papers/v20/19-011.html",
    ),
    "pedregosa2011sklearn": Work(
        "article", ("Fabian Pedregosa", "others"), "Scikit-learn: Machine Learning in Python",
        "Journal of Machine Learning Research", 2011, "12:2825-2830",
        "https://jmlr.org/papers/v12/pedregosa11a.html",
    ),
    "lecun1998mnist": Work(
        "article", ("Yann LeCun", "Léon Bottou", "Yoshua Bengio", "Patrick Haffner"),
        "Gradient-Based Learning Applied to Document Recognition", "Proceedings of the IEEE", 1998,
        "86(11):2278-2324", "https://doi.org/10.1109/5.726791",
    ),
    "xiao2017fmnist": Work(
        "misc", ("Han Xiao", "Kashif Rasul", "Roland Vollgraf"),
        "Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine Learning Algorithms",
        "arXiv:1708.07747", 2017, "", "https://arxiv.org/abs/1708.07747",
    ),
    "krizhevsky2009cifar": Work(
        "techreport", (_KRIZHEVSKY,), "Learning Multiple Layers of Features from Tiny Images",
        "University of Toronto", 2009, "", "https://www.cs.toronto.edu/~kriz/cifar.html",
    ),
    "cohen2017emnist": Work(
        "inproceedings",
        ("Gregory Cohen", "Saeed Afshar", "Jonathan Tapson", "André van Schaik"),
        "EMNIST: Extending MNIST to Handwritten Letters",
        "International Joint Conference on Neural Networks", 2017, "pages 2921-2926",
        "https://doi.org/10.1109/IJCNN.2017.7966217",
    ),
    "alpaydin1998digits": Work(
        "misc", ("Ethem Alpaydin", "Cenk Kaynak"),
        "Optical Recognition of Handwritten Digits", "UCI Machine Learning Repository", 1998, "",
        "https://doi.org/10.24432/C50P49",
    ),
    "bergmann2019mvtec": Work(
        "inproceedings", _BERGMANN,
        "MVTec AD: A Comprehensive Real-World Dataset for Unsupervised Anomaly Detection",
        _CVPR, 2019, "pages 9592-9600", "https://doi.org/10.1109/CVPR.2019.00982",
    ),
    "bergmann2020students": Work(
        "inproceedings", _BERGMANN,
        "Uninformed Students: Student-Teacher Anomaly Detection with Discriminative Latent "
        "Embeddings", _CVPR, 2020, "pages 4183-4192", "https://arxiv.org/abs/1911.02357",
    ),
    "hendrycks2019selfsupervised": Work(
        "inproceedings", (_HENDRYCKS, "Mantas Mazeika", "Saurav Kadavath", "Dawn Song"),
        "Using Self-Supervised Learning Can Improve Model Robustness and Uncertainty",
        "Advances in Neural Information Processing Systems", 2019, "",
        "https://arxiv.org/abs/1906.12340",
    ),
    "russakovsky2015imagenet": Work(
        "article", ("Olga Russakovsky", "others"),
        "ImageNet Large Scale Visual Recognition Challenge",
        "International Journal of Computer Vision", 2015, "115(3):211-252",
        "https://doi.org/10.1007/s11263-015-0816-y",
    ),
    "bertoldo2022reproduction": Work(
        "misc", ("Joao P. C. Bertoldo", "Etienne Decencière"),
        "[Reproducibility Report] Explainable Deep One-Class Classification",
        "arXiv:2206.02598", 2022, "", "https://arxiv.org/abs/2206.02598",
    ),
}  # fmt: skip
