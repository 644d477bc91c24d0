"""Fully convolutional nets: images in, one-channel maps out. Built as in FCDD's code (Liznerski et
al. 2021), pooling before the activation, with which it commutes (see `baselines.nets`)."""

from dataclasses import dataclass

from torch import nn

from baselines.nets import NORM_EPS, Shape, Weights, uniform_weights


def normed(before: int, after: int, kernel: int, pool: bool) -> list[nn.Module]:
    """Convolution, batch norm, pooling if asked for, activation."""
    layers: list[nn.Module] = [
        nn.Conv2d(before, after, kernel, padding=kernel // 2),
        nn.BatchNorm2d(after, eps=NORM_EPS),
    ]
    return [*layers, *([nn.MaxPool2d(2)] if pool else []), nn.LeakyReLU(0.01)]


@dataclass(frozen=True)
class Net28:
    """FCDD_CNN28_W: two 5x5 convolutions, the second without norm or activation; 28 pixels give
    7 x 7 outputs of receptive field 16. The paper's width is 128."""

    width: int = 128
    weights: Weights = uniform_weights

    def __call__(self, shape: Shape) -> nn.Sequential:
        w = self.width
        tail = [nn.Conv2d(w, w, 5, padding=2), nn.MaxPool2d(2), nn.Conv2d(w, 1, 1)]
        return nn.Sequential(*normed(shape[0], w, 5, pool=True), *tail)


@dataclass(frozen=True)
class Net32:
    """FCDD_CNN32_LW3K: four 3x3 convolutions; 32 pixels give 8 x 8 outputs of receptive field 22.
    The paper's width is 128. (The authors build a fourth norm and never use it.)"""

    width: int = 128
    weights: Weights = uniform_weights

    def __call__(self, shape: Shape) -> nn.Sequential:
        w = self.width
        head = [
            *normed(shape[0], w, 3, pool=True),
            *normed(w, 2 * w, 3, pool=False),
            *normed(2 * w, 2 * w, 3, pool=True),
        ]
        return nn.Sequential(*head, nn.Conv2d(2 * w, w, 3, padding=1), nn.Conv2d(w, 1, 1))
