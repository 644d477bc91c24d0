"""A convolutional autoencoder for images of any size; the lineage's own is for 28 and 32 pixels."""

from dataclasses import dataclass

from torch import nn

from baselines.nets import Block, Mirror, Shape, Weights, normed_transposed, uniform_weights


@dataclass(frozen=True)
class Hourglass:
    """Blocks of the lineage's LeNets, each halving the image, down to a map of `code` channels, and
    their mirror image back to [0, 1]. Sides must be multiples of 2 to the number of blocks."""

    channels: tuple[int, ...] = (8, 16, 32, 32, 32)
    code: int = 8
    weights: Weights = uniform_weights

    def __call__(self, shape: Shape) -> Mirror:
        c, h, w = shape
        step = 2 ** len(self.channels)
        if h % step or w % step:
            raise ValueError(f"autoencoder: sides must be multiples of {step}, got {h} x {w}")
        block, encoder = Block(5, bias=False, affine=True), list[nn.Module]()
        for before, after in zip((c, *self.channels), self.channels, strict=False):
            encoder += block(before, after)
        encoder.append(nn.Conv2d(self.channels[-1], self.code, 1, bias=False))
        decoder: list[nn.Module] = []
        before = self.code
        for after in reversed(self.channels):
            decoder += normed_transposed(before, after, padding=2, bias=False, affine=True)
            before = after
        last = nn.ConvTranspose2d(before, c, 5, padding=2)
        return Mirror(nn.Sequential(*encoder), nn.Sequential(*decoder, last, nn.Sigmoid()))
