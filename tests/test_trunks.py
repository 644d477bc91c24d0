"""Trunks of ImageNet nets: layers, freezing, weights; the real SqueezeNet where it is there."""

import os
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from baselines.describe import digest
from baselines.hsc import HSC
from baselines.nets import initialise, uniform_weights
from baselines.trunks import SQUEEZE, VGG11, Code, Trunk, squeezenet, vgg11_bn
from baselines.weights import SQUEEZENET, WeightsMissing, local_weights, read_weights
from benchmarks.datasets.base import DataMissing
from benchmarks.pretrained import find_weights
from fcdd.receptive import ReceptiveField, receptive_field

REAL = Path(os.environ.get("FCDD_TEST_DATA", "")) / "weights" / "squeezenet1_0_features.safetensors"
real = pytest.mark.skipif(not REAL.is_file(), reason="FCDD_TEST_DATA holds no SqueezeNet weights")
SHAPE = (3, 64, 64)


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def test_parameters_are_the_published_counts():
    def count(layers):
        return sum(p.numel() for layer in layers for p in layer.parameters())

    assert count(squeezenet()) == 735_424  # torchvision's squeezenet1_0().features
    assert count(vgg11_bn()) == 9_225_984  # torchvision's vgg11_bn().features
    whole = replace(VGG11, pretrained=None)((3, 224, 224))
    assert round(count([whole]) / 1e6, 2) == 4.5  # Liznerski et al. 2021: 4.50 M


def test_vgg_has_the_papers_field_and_size():
    net = replace(VGG11, pretrained=None)((3, 224, 224))
    assert receptive_field(net) == ReceptiveField((62, 62), (8, 8), (3.5, 3.5))
    assert net(torch.zeros(2, 3, 224, 224)).shape == (2, 1, 28, 28)
    trained = [p.requires_grad for p in net.parameters()]
    convolutions = [m for m in net.modules() if isinstance(m, nn.Conv2d)]
    assert [m.weight.requires_grad for m in convolutions] == [False] * 4 + [True] * 3
    assert not all(trained)


def test_a_branching_layer_reaches_as_far_as_its_gradients():
    net = Trunk(pretrained=None, cut=6, frozen=0)(SHAPE)
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.constant_(module.weight, 0.1)
            nn.init.constant_(module.bias, 0.1)
        if isinstance(module, nn.MaxPool2d):
            module.forward = nn.AvgPool2d(3, 2, ceil_mode=True).forward  # every pixel counts
    images = torch.rand(1, 3, 160, 160, requires_grad=True)
    net(images)[0, 0, 15, 17].backward()
    moved = images.grad[0].abs().sum(0) > 0
    field = receptive_field(net)
    for axis, at in ((0, 15), (1, 17)):
        found = moved.any(1 - axis).nonzero().flatten()
        centre = field.start[axis] + at * field.jump[axis]
        reach = (field.size[axis] - 1) / 2
        assert (found.min(), found.max()) == (centre - reach, centre + reach)


def test_any_layers_make_a_trunk():
    net = Trunk(lambda: [nn.Conv2d(1, 4, 3), nn.ReLU()], 2, 1, Code(5), None)((1, 16, 16))
    assert net(torch.zeros(2, 1, 16, 16)).shape == (2, 5)


def test_an_unknown_place_does_not_change_what_a_trunk_is():
    assert digest(SQUEEZE) == digest(replace(SQUEEZE, file="/elsewhere/w.safetensors"))
    assert digest(SQUEEZE) != digest(replace(SQUEEZE, cut=8))


@real
def test_pretrained_layers_are_not_drawn_anew():
    net = initialise(replace(SQUEEZE, file=str(REAL))(SHAPE), generator(), uniform_weights)
    given = read_weights(SQUEEZENET, REAL)
    assert torch.equal(net[0][0].weight, given["features.0.weight"])
    other = initialise(
        replace(SQUEEZE, file=str(REAL))(SHAPE), torch.Generator().manual_seed(9), uniform_weights
    )
    assert not torch.equal(net[1].weight, other[1].weight), "the head is drawn from the generator"


@real
def test_frozen_layers_stay_while_the_rest_learns():
    images = torch.randint(0, 256, (24, *SHAPE), dtype=torch.uint8)
    builder = replace(SQUEEZE, file=str(REAL), head=Code(8))
    detector = HSC(net=builder, recipe=replace(HSC().recipe, epochs=1, batch=8))
    detector.fit(images)
    given, net = read_weights(SQUEEZENET, REAL), detector.net_
    assert torch.equal(net[0][0].weight, given["features.0.weight"])
    assert torch.equal(net[0][8].squeeze.weight, given["features.8.squeeze.weight"])
    assert torch.equal(net[0][9].squeeze.weight, given["features.9.squeeze.weight"])
    assert not torch.equal(net[0][10].squeeze.weight, given["features.10.squeeze.weight"])


@real
def test_the_folder_of_weights_is_looked_in(monkeypatch):
    monkeypatch.setenv("FCDD_WEIGHTS", str(REAL.parent))
    assert local_weights(SQUEEZENET) == REAL


def test_weights_of_the_data_root_are_looked_for_by_all(monkeypatch, tmp_path):
    """By prepare, by a run and by `python -m fcdd fit`: what one finds, the others use."""
    for name in ("FCDD_WEIGHTS", "TORCH_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "nothing"))
    monkeypatch.setenv("FCDD_DATA", str(tmp_path))
    assert local_weights(SQUEEZENET) is None
    with pytest.raises(DataMissing, match=r"weights squeezenet1_0-b66bff10\.pth is missing"):
        find_weights(SQUEEZENET, tmp_path)
    file = tmp_path / "weights" / SQUEEZENET.file
    file.parent.mkdir()
    torch.save({name: torch.zeros(1) for name in ("a", "b")}, file)
    assert local_weights(SQUEEZENET) == find_weights(SQUEEZENET, tmp_path) == file
    assert set(read_weights(SQUEEZENET)) == {"a", "b"}
    with pytest.raises(DataMissing, match=rf"prepare squeezenet1_0 --data-root {tmp_path}/other"):
        find_weights(SQUEEZENET, tmp_path / "other")


def test_missing_weights_say_where_and_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setenv("FCDD_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    nowhere = replace(SQUEEZENET, url="http://127.0.0.1:9/squeezenet1_0-b66bff10.pth")
    monkeypatch.setenv("FCDD_DATA", str(tmp_path))
    told = rf"not in {tmp_path}/weights, nor in \$FCDD_WEIGHTS.*fetch squeezenet1_0-b66bff10\.pth"
    with pytest.raises(WeightsMissing, match=told):
        read_weights(nowhere)
    with pytest.raises(WeightsMissing, match="no such file"):
        read_weights(SQUEEZENET, tmp_path / "none.safetensors")


def test_bad_weight_files_are_refused_in_one_line(tmp_path):
    torn = tmp_path / "torn.safetensors"
    torn.write_bytes(b"nothing of the kind")
    with pytest.raises(ValueError, match="no file of weights"):
        read_weights(SQUEEZENET, torn)
    foreign = tmp_path / "foreign.safetensors"
    save_file({"features.0.weight": torch.zeros(3, 3)}, foreign)
    told = r"another net's, for features\.0\.weight is amiss; give those of squeezenet1_0"
    with pytest.raises(ValueError, match=told):
        replace(SQUEEZE, file=str(foreign))(SHAPE)
    evil = tmp_path / "evil.pth"
    torch.save({"features.0.weight": print}, evil)
    with pytest.raises(ValueError, match="more than tensors"):
        read_weights(SQUEEZENET, evil)


def test_grey_images_are_refused():
    with pytest.raises(ValueError, match="RGB images are needed"):
        SQUEEZE((1, 64, 64))
