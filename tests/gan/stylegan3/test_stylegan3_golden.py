"""StyleGAN3 against reference numbers; 1e-5 of the largest absolute value covers summation order."""

import dataclasses
import json

import pytest
import torch
from safetensors.torch import load_file

from ddgi.gan import Generator
from ddgi.gan.stylegan3 import StyleGAN3Config, StyleGAN3Generator
from ddgi.gan.stylegan3.filters import filtered_lrelu, low_pass
from ddgi.gan.stylegan3.fourier import FourierInput, movement
from ddgi.gan.stylegan3.network import StyleGAN3, modulated
from ddgi.gan.stylegan3.schedule import Signal, layer_plans
from ddgi.ops import modulated_rgb


def assert_close(actual, expected, tolerance=1e-5):
    """Golden pictures and feature maps hold the first samples and channels only."""
    actual = actual[tuple(map(slice, expected.shape))]
    assert actual.shape == expected.shape
    assert (actual - expected).abs().max() <= tolerance * expected.abs().max()


@pytest.fixture(scope="module")
def ops(golden):
    return load_file(golden / "stylegan3_ops.safetensors")


@pytest.fixture(scope="module")
def meant(golden):
    return json.loads((golden / "stylegan3_ops.json").read_text())["config"]


@pytest.fixture(scope="module", params=["t", "r", "cond"])
def case(golden, request):
    tensors = load_file(golden / f"stylegan3_tiny_{request.param}.safetensors")
    config = json.loads((golden / f"stylegan3_tiny_{request.param}.json").read_text())["config"]
    weights = {key[3:]: value for key, value in tensors.items() if key.startswith("sd.")}
    return tensors, Generator.from_state_dict(weights), config


@pytest.fixture(scope="module")
def straight(case):
    """The synthesis without the transform that the file holds."""
    synthesis = StyleGAN3(case[1].config).synthesis.requires_grad_(False)
    synthesis.load_state_dict(case[1].module.synthesis.state_dict())
    synthesis.input.transform.copy_(torch.eye(3))
    return synthesis


def test_filters(ops, meant):
    for name, want in meant["filters"].items():
        found = low_pass(want["numtaps"], want["cutoff"], want["width"] / 2, want["fs"], want["radial"])
        assert_close(found, ops[f"out.filter.{name}"], 1e-6)


@pytest.mark.parametrize("autograd", [True, False])
def test_filtered_lrelu(ops, meant, autograd):
    filters = {key.removeprefix("out.filter.").removeprefix("in."): value for key, value in ops.items()}
    for name, want in meant["filtered_lrelu"].items():
        up_taps, down_taps = (want[key] and filters[want[key]] for key in ("fu", "fd"))
        with torch.set_grad_enabled(autograd):
            found = filtered_lrelu(ops["in.x"].clone(), ops["in.b"] if want["b"] else None, up_taps, down_taps,
                                   want["up"], want["down"], tuple(want["padding"]), gain=want["gain"],
                                   slope=want["slope"], clamp=want["clamp"])
        assert_close(found, ops[f"out.flrelu.{name}"])


@pytest.mark.parametrize("autograd", [True, False])
@pytest.mark.parametrize("samples", [slice(0, 2), slice(1, 2)])
def test_modulated_convolution(ops, samples, autograd):
    x, styles, one = ops["in.mx"][samples], ops["in.ms"][samples], torch.ones([])
    with torch.set_grad_enabled(autograd):
        assert_close(modulated(x, ops["in.mw"], styles, one), ops["out.modconv.demod_pad2"][samples])
        gain = ops["in.gain_scalar"]
        assert_close(modulated(x, ops["in.mw"], styles, gain), ops["out.modconv.demod_pad2_gain_scalar"][samples])
        assert_close(modulated(x, ops["in.mw1"], styles, gain), ops["out.modconv.demod_1x1_gain_scalar"][samples])
        assert_close(modulated_rgb(x, ops["in.mw1"], styles * gain),
                     ops["out.modconv.nodemod_1x1_gain_scalar"][samples])


def test_input(ops, meant):
    sizes = meant["input"]
    signal = Signal(sizes["bandwidth"], 0.0, sizes["sampling_rate"], sizes["size"], sizes["channels"])
    layer = FourierInput(sizes["w_dim"], signal).requires_grad_(False)
    layer.load_state_dict({key[9:]: value for key, value in ops.items() if key.startswith("sd.input.")})
    assert_close(layer(ops["in.w"]), ops["out.input.stored"])
    layer.transform.copy_(torch.eye(3))
    for name in ("identity", "moved", "zoom15", "zoom3", "zoom5_moved", "mirrored"):
        assert_close(layer(ops["in.w"], ops[f"in.transform.{name}"]), ops[f"out.input.{name}"])


def test_movements(ops):
    for values, expected in zip(ops["in.movements"].tolist(), ops["out.user_transforms"]):
        assert_close(movement(*values), expected, 1e-6)


def plan_ints(plan):
    return [plan.source.size, plan.target.size, plan.source.channels, plan.target.channels, plan.kernel, plan.up,
            plan.down, plan.up_taps, plan.down_taps, int(plan.radial), *plan.padding]


def test_schedules(ops, meant):
    for name, want in meant["schedules"].items():
        sizes = {key: value for key, value in want.items() if key not in ("layer_names", "fp16_layers")}
        plans = layer_plans(StyleGAN3Config(**sizes))
        assert [plan.name for plan in plans] == want["layer_names"]
        assert [plan.name for plan in plans if plan.half] == want["fp16_layers"]
        assert torch.equal(torch.tensor([plan_ints(plan) for plan in plans]), ops[f"out.schedule.{name}.ints"])
        found = [[plan.target.cutoff, plan.target.half_width, plan.target.rate, plan.rate] for plan in plans]
        assert_close(torch.tensor(found, dtype=torch.float64), ops[f"out.schedule.{name}.floats"], 1e-12)


def test_config_is_inferred(case):
    _, generator, config = case
    found, synthesis = generator.config, config["synthesis_kwargs"]
    assert isinstance(generator, StyleGAN3Generator)
    assert (found.z_dim, found.c_dim, found.w_dim, found.num_ws) == tuple(
        config[key] for key in ("z_dim", "c_dim", "w_dim", "num_ws"))
    for name in ("num_layers", "num_critical", "conv_kernel", "use_radial_filters", "conv_clamp", "output_scale"):
        assert getattr(found, name) == synthesis[name]
    assert [plan.name for plan in layer_plans(found)] == list(config["layers"])


def test_mapping_and_truncation(case):
    tensors, generator, _ = case
    z, c = tensors["in.z"], tensors.get("in.c")
    assert_close(generator.map(z, c), tensors["out.ws"])
    if "out.ws_psi07" in tensors:
        assert_close(generator.map(z, c, truncation_psi=0.7), tensors["out.ws_psi07"])
        assert_close(generator.map(z, c, 0.7, 5), tensors["out.ws_psi07_cutoff5"])


def test_pictures(case, straight):
    tensors, generator, _ = case
    assert_close(generator.render(tensors["out.ws"]).image, tensors["out.img_stored"])
    assert_close(straight(tensors["out.ws"]), tensors["out.img_identity"])
    assert_close(straight(tensors["in.ws_mixed"]), tensors["out.img_mixed"])
    for name in ("transform", "transform_zoom"):
        if f"in.{name}" in tensors:
            picture = tensors[f"out.img_{name.removeprefix('transform_')}"]
            assert_close(straight(tensors["out.ws"], tensors[f"in.{name}"]), picture)


def test_layers(case, straight):
    tensors, features = case[0], {}
    straight(tensors["out.ws"], features=features)
    names = [key[6:] for key in tensors if key.startswith("out.x.")]
    assert len(names) == 2
    for name in names:
        assert_close(features[name], tensors[f"out.x.{name}"])
    moved = straight.input(tensors["out.ws"][:, 0], tensors["in.transform"])
    assert_close(moved, tensors["out.x_transform.input"])


def test_clamp(case):
    tensors, generator, config = case
    if "clamp_test" in config:
        module = StyleGAN3(dataclasses.replace(generator.config, conv_clamp=config["clamp_test"]))
        module.load_state_dict(generator.module.state_dict())
        module.synthesis.input.transform.copy_(torch.eye(3))
        with torch.no_grad():
            assert_close(module.synthesis(tensors["out.ws"]), tensors["out.img_clamp"])


# fp16 has 11 significant bits and bf16 8; the error grows over fifteen layers to some units in the last place.
@pytest.mark.parametrize("dtype, tolerance", [(torch.float16, 0.01), (torch.bfloat16, 0.08)])
def test_half_precision_is_close(case, dtype, tolerance):
    tensors, generator, _ = case
    image, expected = generator.render(tensors["out.ws"][:1], dtype=dtype).image, tensors["out.img_stored"]
    assert 0 < (image - expected).abs().max() <= tolerance * expected.abs().max()


@pytest.mark.parametrize("kind, resolution, parameters", [
    ({"channel_base": 16384}, 256, 23_320_443), ({"channel_base": 32768}, 1024, 22_313_167),
    ({"channel_base": 32768, "channel_max": 1024, "conv_kernel": 1, "use_radial_filters": True}, 256, 15_779_565),
    ({"channel_base": 65536, "channel_max": 1024, "conv_kernel": 1, "use_radial_filters": True}, 1024, 15_093_151)])
def test_public_sizes(kind, resolution, parameters):
    with torch.device("meta"):
        module = StyleGAN3(StyleGAN3Config(img_resolution=resolution, **kind))
    assert sum(value.numel() for value in module.parameters()) == parameters
