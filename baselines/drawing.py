"""Layers that draw while a net trains, which are refused.

They draw from torch's global generator: no seed of ours decides what, stacked nets (`torch.vmap`)
cannot, and side by side on a GPU one would draw while another's step is recorded.
"""

from torch import nn

DROPOUT = (
    *(nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d),
    *(nn.AlphaDropout, nn.FeatureAlphaDropout),
)
ALWAYS = (nn.RReLU, nn.FractionalMaxPool2d, nn.FractionalMaxPool3d)


def refuse_drawing(net: nn.Module) -> None:
    """Raises ValueError, naming the layer, where a net holds one that draws."""
    for name, layer in net.named_modules():
        if isinstance(layer, ALWAYS) or _share(layer) > 0:
            kind = type(layer).__name__
            raise ValueError(
                f"{type(net).__name__}: layer {name or kind} ({kind}) draws from torch's global "
                "generator, which no seed of a detector decides; leave it out, or let it drop 0"
            )


def _share(layer: nn.Module) -> float:
    """How much a layer drops: dropout, or an attention or recurrent layer with some within."""
    share = layer.p if isinstance(layer, DROPOUT) else getattr(layer, "dropout", 0.0)
    return share if isinstance(share, float) else 0.0
