"""The face parser: names and shapes of its public files, its arithmetic, and files that are none."""

import zipfile

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch.nn import functional as F

from ddgi.errors import InputError
from ddgi.facemask import NoMask
from ddgi.facemask.order import FROM_BISENET
from ddgi.faces import load_parser

WIDTH = 4


def public_shapes(w=WIDTH):
    """Names and shapes in 79999_iter.pth of face-parsing.PyTorch, where w is 64."""
    shapes = {}

    def conv(name, out, into, kernel):
        shapes[f"{name}.weight"] = (out, into, kernel, kernel)

    def norm(name, channels):
        shapes.update({f"{name}.{part}": (channels,) for part in ("weight", "bias", "running_mean", "running_var")})
        shapes[f"{name}.num_batches_tracked"] = ()

    def block(name, out, into, kernel):
        conv(f"{name}.conv", out, into, kernel)
        norm(f"{name}.bn", out)

    conv("cp.resnet.conv1", w, 3, 7)
    norm("cp.resnet.bn1", w)
    for layer, (into, out) in enumerate(((w, w), (w, 2 * w), (2 * w, 4 * w), (4 * w, 8 * w)), 1):
        for index in (0, 1):
            name = f"cp.resnet.layer{layer}.{index}"
            conv(f"{name}.conv1", out, out if index else into, 3)
            norm(f"{name}.bn1", out)
            conv(f"{name}.conv2", out, out, 3)
            norm(f"{name}.bn2", out)
        if layer > 1:
            conv(f"cp.resnet.layer{layer}.0.downsample.0", out, into, 1)
            norm(f"cp.resnet.layer{layer}.0.downsample.1", out)
    for name, into in (("cp.arm16", 4 * w), ("cp.arm32", 8 * w)):
        block(f"{name}.conv", 2 * w, into, 3)
        conv(f"{name}.conv_atten", 2 * w, 2 * w, 1)
        norm(f"{name}.bn_atten", 2 * w)
    block("cp.conv_head32", 2 * w, 2 * w, 3)
    block("cp.conv_head16", 2 * w, 2 * w, 3)
    block("cp.conv_avg", 2 * w, 8 * w, 1)
    block("ffm.convblk", 4 * w, 4 * w, 1)
    conv("ffm.conv1", w, 4 * w, 1)
    conv("ffm.conv2", 4 * w, w, 1)
    for name, into, middle in (("conv_out", 4 * w, 4 * w), ("conv_out16", 2 * w, w), ("conv_out32", 2 * w, w)):
        block(f"{name}.conv", middle, into, 3)
        conv(f"{name}.conv_out", 19, middle, 1)
    return shapes


@pytest.fixture(scope="module")
def state():
    rng = torch.Generator().manual_seed(1)
    tensors = {}
    for name, shape in public_shapes().items():
        if name.endswith("num_batches_tracked"):
            tensors[name] = torch.tensor(80000)
        elif len(shape) == 4:
            tensors[name] = torch.randn(shape, generator=rng) * (2 / np.prod(shape[1:])) ** 0.5
        else:
            tensors[name] = torch.rand(shape, generator=rng) + (0 if name.endswith("mean") else 0.5)
    return tensors


@pytest.fixture
def saved(tmp_path, state):
    """A function that saves a state dict, as .pth, and gives the path."""
    def save(changes=None, name="parser.pth", wrap=lambda tensors: tensors):
        tensors = {key: value for key, value in {**state, **(changes or {})}.items() if value is not None}
        torch.save(wrap(tensors), tmp_path / name)
        return tmp_path / name
    return save


def plain_scores(s, x):
    """The network, written out from the paper's figure 2 and the names of the public files."""
    def norm(name, y):
        return F.batch_norm(y, s[f"{name}.running_mean"], s[f"{name}.running_var"], s[f"{name}.weight"],
                            s[f"{name}.bias"])

    def block(name, y):
        weight = s[f"{name}.conv.weight"]
        return F.relu(norm(f"{name}.bn", F.conv2d(y, weight, padding=weight.shape[-1] // 2)))

    def residual(name, y, stride):
        z = F.relu(norm(f"{name}.bn1", F.conv2d(y, s[f"{name}.conv1.weight"], stride=stride, padding=1)))
        z = norm(f"{name}.bn2", F.conv2d(z, s[f"{name}.conv2.weight"], padding=1))
        if f"{name}.downsample.0.weight" in s:
            y = norm(f"{name}.downsample.1", F.conv2d(y, s[f"{name}.downsample.0.weight"], stride=stride))
        return F.relu(y + z)

    def refine(name, y):
        y = block(f"{name}.conv", y)
        pooled = F.adaptive_avg_pool2d(y, 1)
        return y * torch.sigmoid(norm(f"{name}.bn_atten", F.conv2d(pooled, s[f"{name}.conv_atten.weight"])))

    y = F.relu(norm("cp.resnet.bn1", F.conv2d(x, s["cp.resnet.conv1.weight"], stride=2, padding=3)))
    y = F.max_pool2d(y, 3, 2, 1)
    features = []
    for layer in range(1, 5):
        y = residual(f"cp.resnet.layer{layer}.0", y, 1 if layer == 1 else 2)
        y = residual(f"cp.resnet.layer{layer}.1", y, 1)
        features.append(y)
    _, at8, at16, at32 = features
    top = refine("cp.arm32", at32) + block("cp.conv_avg", F.adaptive_avg_pool2d(at32, 1))
    top = block("cp.conv_head32", F.interpolate(top, scale_factor=2))
    middle = refine("cp.arm16", at16) + top
    middle = block("cp.conv_head16", F.interpolate(middle, scale_factor=2))
    fused = block("ffm.convblk", torch.cat([at8, middle], 1))
    weights = F.conv2d(F.relu(F.conv2d(F.adaptive_avg_pool2d(fused, 1), s["ffm.conv1.weight"])), s["ffm.conv2.weight"])
    fused = fused * torch.sigmoid(weights) + fused
    return F.conv2d(block("conv_out.conv", fused), s["conv_out.conv_out.weight"])


def test_the_public_names_and_shapes_are_read_and_computed(saved, state):
    parser = load_parser(saved())
    x = torch.randn(2, 3, 64, 96, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        torch.testing.assert_close(parser(x), plain_scores(state, x), atol=1e-4, rtol=1e-4)
    assert not any(parameter.requires_grad for parameter in parser.parameters()) and not parser.training


def test_the_names_are_those_of_the_common_weights():
    """What a parser needs of 79999_iter.pth has 52,650,752 bytes as fp32: the table above is that file's."""
    needed = [shape for name, shape in public_shapes(64).items()
              if shape and not name.startswith(("conv_out16", "conv_out32"))]
    assert 4 * sum(int(np.prod(shape)) for shape in needed) == 52_650_752


def test_every_way_to_save_them_is_the_same(saved, state, tmp_path):
    plain = load_parser(saved()).state_dict()
    save_file({key: value for key, value in state.items() if "num_batches" not in key and "conv_out16" not in key},
              tmp_path / "parser.safetensors")
    wrapped = saved(name="b.pth", wrap=lambda tensors: {"epoch": 3, "state_dict": {
        f"module.{key}": value for key, value in tensors.items()}})
    halves = saved({key: value.half() for key, value in state.items() if value.is_floating_point()}, name="c.pth")
    for path, tolerance in ((tmp_path / "parser.safetensors", 0), (wrapped, 0), (halves, 1e-3)):
        for key, value in load_parser(path).state_dict().items():
            if "num_batches" not in key:
                torch.testing.assert_close(value, plain[key], atol=tolerance, rtol=tolerance)


def test_a_face_is_seen_as_the_weights_were_trained(saved, state):
    """512 pixels, ImageNet's mean and deviation; the scores between corners; the parts in the usual order."""
    parser, size = load_parser(saved()), 96
    face = torch.rand(size, size, 3, generator=torch.Generator().manual_seed(3))
    large = F.interpolate(face.permute(2, 0, 1)[None], (512, 512), mode="bilinear")
    mean, deviation = (torch.tensor(v)[:, None, None] for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    scores = F.interpolate(plain_scores(state, (large - mean) / deviation), (size, size), mode="bilinear",
                           align_corners=True)
    expected = FROM_BISENET[scores[0].argmax(0).numpy()]
    done = []
    first, second = parser.parse(torch.stack([face, face.flip(1)]), done.append)
    assert first.dtype == torch.uint8 and len(np.unique(expected)) > 3 and done == [0, 1]
    # Some pixels lie between two classes to the last bit.
    assert (first.numpy() == expected).mean() > 0.999 and not torch.equal(first, second)


def test_no_face_is_a_sentence(saved):
    background = torch.zeros(19, 4 * WIDTH, 1, 1)
    background[0] = 1
    parser = load_parser(saved({"conv_out.conv_out.weight": background}))
    with pytest.raises(NoMask, match="nothing but background in the picture"):
        parser.parse(torch.rand(1, 32, 32, 3))
    with pytest.raises(NoMask, match="in face 1 of 2"):
        parser.parse(torch.rand(2, 32, 32, 3))


@pytest.mark.parametrize(("changes", "words"), [
    ({"cp.resnet.conv1.weight": None}, "no first layer"),
    ({"cp.resnet.conv1.weight": torch.zeros(6, 3, 7, 7)}, "no first layer"),
    ({"cp.resnet.conv1.weight": torch.zeros(1, 1, 1, 1).expand(100_000, 3, 7, 7)}, "no first layer"),
    ({"ffm.conv1.weight": None}, "ffm.conv1.weight is missing, it must be floats of shape"),
    ({"conv_out.conv_out.weight": torch.zeros(2, 16, 1, 1)}, r"\[2, 16, 1, 1\], it must be floats of shape \[19, 16"),
    ({"ffm.conv1.weight": torch.zeros(4, 16, 1, 1, dtype=torch.cfloat)}, "complex64"),
    ({"sp.conv1.weight": torch.zeros(1)}, "also holds 'sp.conv1.weight'"),
])
def test_other_networks_are_one_sentence(saved, changes, words):
    with pytest.raises(InputError, match=words) as error:
        load_parser(saved(changes))
    assert "79999_iter.pth of face-parsing.PyTorch" in str(error.value)


def test_files_that_are_none_are_one_sentence(saved, tmp_path):
    for content in ([1, 2], torch.zeros(3), {"state_dict": 4}, {1: torch.zeros(2)}):
        with pytest.raises(InputError, match="no first layer"):
            load_parser(saved(wrap=lambda _, content=content: content))
    (tmp_path / "text.pth").write_text("not a parser")
    with pytest.raises(InputError, match="text.pth is no plain state dict"):
        load_parser(tmp_path / "text.pth")
    with pytest.raises(InputError, match="There is no file"):
        load_parser(tmp_path / "none.pth")


def test_a_small_file_that_unpacks_to_much_is_refused_unread(tmp_path):
    path = tmp_path / "bomb.pth"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("archive/data/0", "w") as entry:
        for _ in range(600):
            entry.write(bytes(2 ** 20))
    assert path.stat().st_size < 2 ** 20
    with pytest.raises(InputError, match="600 MiB, too many for a face parser"):
        load_parser(path)
