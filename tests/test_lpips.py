"""LPIPS from a file, against the package itself; random weights, nothing is downloaded."""

import lpips
import pytest
import torch

from ddgi.errors import InputError
from ddgi.lpips import load_lpips, weighted_distance


@pytest.fixture(scope="module", params=["alex", "vgg"])
def network(request, tmp_path_factory):
    """The package's own network, and the file of its state dict."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = lpips.LPIPS(net=request.param, pnet_rand=True, verbose=False)  # the package brings the linear layers
    path = tmp_path_factory.mktemp("lpips") / f"{request.param}.pt"
    torch.save(network.state_dict(), path)
    return network, path


def pictures(side):
    return torch.rand(2, 2, 3, side, side, generator=torch.Generator().manual_seed(1)) * 2 - 1


def test_it_is_the_packages_distance(network):
    a, b = pictures(64)
    with torch.no_grad():
        expected = network[0](a, b).flatten()
    distance = load_lpips(network[1])(a, b)
    assert distance.shape == (2,) and expected.min() > 1e-4
    assert torch.allclose(distance, expected, rtol=1e-5)  # sums in another order


def test_it_is_the_packages_distance_on_the_same_features(network):
    a, b = pictures(48)
    maps = [list(network[0].net(network[0].scaling_layer(x))) for x in (a, b)]
    weights = [layer.model[-1].weight.flatten() for layer in network[0].lins]
    with torch.no_grad():
        expected = network[0](a, b).flatten()
    assert torch.allclose(weighted_distance(*maps, weights), expected, rtol=1e-5)


def test_gradients_reach_the_picture_and_nothing_else(network):
    a, b = pictures(16)  # smaller than the nets take
    a[0] = -1.0  # flat, as a white or black background is
    a.requires_grad_(True)
    load_lpips(network[1])(a, b).sum().backward()
    assert a.grad.isfinite().all() and (a.grad.flatten(1).abs().amax(1) > 0).all()


def test_another_networks_file_is_named(tmp_path):
    torch.save({"conv.weight": torch.zeros(3)}, tmp_path / "other.pt")
    with pytest.raises(InputError, match="other.pt is no state dict of lpips.LPIPS"):
        load_lpips(tmp_path / "other.pt")
