"""The network of FID against torch-fidelity's, with random weights: nothing is downloaded."""

import pytest
import torch
from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

from ddgi.errors import InputError
from ddgi.evaluation.inception import FEATURES, Inception, load_inception
from ddgi.pictures import to_bytes


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """A file as torch-fidelity reads it, statistics of batch norm included."""
    rng = torch.Generator().manual_seed(0)
    state = {}
    for name, value in Inception().state_dict().items():
        if name.endswith("num_batches_tracked"):
            state[name] = value
        elif "bn." in name:
            state[name] = torch.rand(value.shape, generator=rng) + 0.5
        else:
            state[name] = torch.randn(value.shape, generator=rng) * (2 / value[0].numel()) ** 0.5
    state |= {"fc.weight": torch.zeros(1008, FEATURES), "fc.bias": torch.zeros(1008)}
    path = tmp_path_factory.mktemp("inception") / "weights.pth"
    torch.save(state, path)
    return path


def pictures(count, height, width, seed=0):
    coarse = torch.rand(count, 3, 6, 6, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.interpolate(coarse, (height, width), mode="bicubic").clamp(0, 1) * 2 - 1


@pytest.mark.parametrize("height, width", [(64, 64), (340, 311)])
def test_features_are_torch_fidelitys(weights, height, width):
    shown = pictures(2, height, width)
    with torch.no_grad():
        expected = FeatureExtractorInceptionV3("inception-v3-compat", ["2048"], str(weights))(to_bytes(shown))[0]
        found = load_inception(weights)(shown)
    assert found.shape == (2, FEATURES) and expected.std() > 0
    assert ((found - expected).abs().max() / expected.abs().max()) < 1e-5      # fp32 through 94 layers


def test_other_files_are_refused(tmp_path):
    torch.save({"conv.weight": torch.zeros(1)}, tmp_path / "other.pth")
    with pytest.raises(InputError, match="other.pth is not the Inception v3 of FID .* pytorch-fid"):
        load_inception(tmp_path / "other.pth")
    script = torch.jit.script(torch.nn.Identity())
    script.save(tmp_path / "inception.pt")
    with pytest.raises(InputError, match="inception.pt is no plain state dict"):
        load_inception(tmp_path / "inception.pt")
