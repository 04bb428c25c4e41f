"""Face recognition from files: sizes and names of the published networks, the cut, and what is refused."""

import pytest
import torch
from torch import nn

from ddgi.errors import InputError
from ddgi.faces.identity import IRSE50, FaceIdentity, IResNet50, load_identity


@pytest.fixture(scope="module")
def network():
    with torch.device("meta"):
        return IResNet50()


def test_iresnet50_has_the_sizes_of_the_published_file(network):
    assert round(sum(p.numel() for p in network.parameters()) / 1e6, 2) == 43.59  # InsightFace's iresnet50
    state = network.state_dict()
    assert state["fc.weight"].shape == (512, 512 * 7 * 7)
    assert {"layer3.13.bn3.running_var", "layer1.0.downsample.1.weight", "layer4.2.prelu.weight"} <= set(state)


def test_ir_se50_has_the_names_of_the_published_file():
    with torch.device("meta"):
        state = IRSE50().state_dict()
    shapes = {"input_layer.2.weight": (64,), "body.0.res_layer.5.fc1.weight": (4, 64, 1, 1),
              "body.3.shortcut_layer.0.weight": (128, 64, 1, 1), "body.20.res_layer.3.weight": (256, 256, 3, 3),
              "body.23.res_layer.5.fc2.weight": (512, 32, 1, 1), "output_layer.3.weight": (512, 512 * 7 * 7),
              "output_layer.4.running_var": (512,)}
    assert {name: tuple(state[name].shape) for name in shapes} == shapes
    assert not any(name.startswith("body.0.shortcut_layer") for name in state)  # a strided copy has no weights
    assert round(sum(v.numel() for name, v in state.items() if "running" not in name and "tracked" not in name)
                 / 1e6, 1) == 43.8


def test_both_networks_are_read_from_files(tmp_path):
    picture = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1
    for kind in (IResNet50, IRSE50):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            network = kind().eval()
        state = {name: value for name, value in network.state_dict().items() if not name.endswith("tracked")}
        torch.save(state, tmp_path / "face.pth")
        with torch.no_grad():
            assert torch.equal(load_identity(tmp_path / "face.pth")(picture), FaceIdentity(network)(picture))


def test_faces_are_cut_out_as_for_arcface():
    seen = []

    class Look(nn.Module):
        def forward(self, x):
            seen.append(x)
            return x.mean((2, 3))

    picture = torch.full((1, 3, 256, 256), -1.0)
    picture[..., 35:223, 32:220] = 1.0
    vector = FaceIdentity(Look())(picture)
    assert seen[0].shape == (1, 3, 112, 112)
    assert torch.allclose(seen[0], torch.ones(()), atol=1e-5)  # resampling rounds
    assert vector.norm().item() == pytest.approx(1.0)


def test_other_files_are_refused(tmp_path):
    with pytest.raises(InputError, match="There is no file .*face.pt"):
        load_identity(tmp_path / "face.pt")
    torch.save({"conv1.weight": torch.zeros(3)}, tmp_path / "other.pt")
    with pytest.raises(InputError, match="other.pt holds neither an IResNet-50 nor an IR-SE50"):
        load_identity(tmp_path / "other.pt")
    torch.save({"run": print}, tmp_path / "code.pt")
    with pytest.raises(InputError, match="code.pt is no plain state dict"):
        load_identity(tmp_path / "code.pt")
