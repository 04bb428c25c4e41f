"""Operations against reference numbers; 1e-5 of the largest absolute value covers summation order."""

import pytest
import torch
from safetensors.torch import load_file
from torch.nn import Linear

from ddgi.gan.linear import equalised_linear
from ddgi.gan.stylegan2.layers import PlainConv
from ddgi.ops import (
    bias_act,
    downsample,
    fir_kernel,
    modulated_conv,
    modulated_rgb,
    normalize_2nd_moment,
    upfirdn,
    upsample,
)


@pytest.fixture(scope="module")
def case(golden):
    return load_file(golden / "stylegan2_ops.safetensors")


def assert_close(actual, expected):
    assert actual.shape == expected.shape
    assert (actual - expected).abs().max() <= 1e-5 * expected.abs().max()


def modulated(case, demodulate=True, up=False, noise=None):
    y = modulated_conv(case["in.mx"], case["in.mw"], case["in.ms"], demodulate=demodulate, up=up)
    return y if noise is None else y + case[noise]


def test_fir_filter(case):
    assert_close(fir_kernel(), case["out.fir_1331"])


@pytest.mark.parametrize("form", ["fast", "general"])
def test_resampling(case, form):
    x, kernel = case["in.x"], fir_kernel()
    if form == "fast":
        up, down = upsample(x), downsample(x)
    else:
        up = upfirdn(x, kernel, up=2, padding=(2, 1, 2, 1), gain=4.0)
        down = upfirdn(x, kernel, down=2, padding=(1, 1, 1, 1))
    assert_close(up, case["out.upsample2d"])
    assert_close(down, case["out.downsample2d"])


def test_same_size_filter(case):
    assert_close(upfirdn(case["in.x"], fir_kernel(), padding=(2, 1, 2, 1)), case["out.filter2d"])


@pytest.mark.parametrize("name, options", [
    ("asym_up2_pad2121_gain4", {"up": 2, "padding": (2, 1, 2, 1), "gain": 4.0}),
    ("asym_down2_pad1", {"down": 2, "padding": (1, 1, 1, 1)}),
])
def test_asymmetric_filter_is_a_true_convolution(case, name, options):
    assert_close(upfirdn(case["in.x"], case["in.f_asym"], **options), case[f"out.upfirdn_{name}"])


@pytest.mark.parametrize("autograd", [True, False])
@pytest.mark.parametrize("samples", [slice(0, 2), slice(1, 2)])
@pytest.mark.parametrize("name, options", [
    ("demod", {}), ("demod_noise", {"noise": "in.mn"}), ("nodemod", {"demodulate": False}),
    ("up2_demod_noise", {"up": True, "noise": "in.mn12"}),
])
def test_modulated_conv(case, name, options, samples, autograd):
    batched = ("in.mx", "in.ms", "in.mn", "in.mn12")
    part = {key: value[samples] if key in batched else value for key, value in case.items()}
    with torch.set_grad_enabled(autograd):
        actual = modulated(part, **options)
    assert_close(actual, case[f"out.modconv_{name}"][samples])


def test_modulated_rgb(case):
    assert_close(modulated_rgb(case["in.mx"], case["in.mw1"], case["in.ms"]), case["out.modconv_1x1_nodemod"])


@pytest.mark.parametrize("autograd", [True, False])
@pytest.mark.parametrize("name, options", [
    ("lrelu", {}), ("lrelu_gain05_clamp03", {"gain": 0.5, "clamp": 0.3}),
    ("linear", {"activate": False}), ("linear_clamp03", {"activate": False, "clamp": 0.3}),
])
def test_bias_act(case, name, options, autograd):
    with torch.set_grad_enabled(autograd):
        actual = bias_act(case["out.modconv_demod"].clone(), case["in.b7"], **options)
    assert_close(actual, case[f"out.bias_act_{name}"])


@pytest.mark.parametrize("prefix, name, lr_mul", [("fc", "fc_lrelu_lrmul001", 0.01), ("fl", "fc_linear", 1.0)])
def test_equalised_linear(case, prefix, name, lr_mul):
    layer = Linear(6, 4)
    layer.load_state_dict({"weight": case[f"in.{prefix}_w"], "bias": case[f"in.{prefix}_b"]})
    y = equalised_linear(layer, case["in.fx"], lr_mul)
    assert_close(bias_act(y) if prefix == "fc" else y, case[f"out.{name}"])


def test_second_moment(case):
    assert_close(normalize_2nd_moment(case["in.fx"]), case["out.normalize_2nd_moment"])


def test_residual_shortcut(case):
    layer = PlainConv(5, 4, 1, bias=False, activate=False, resample="up")
    layer.load_state_dict({"weight": case["in.skip_w"]})
    assert_close(layer(case["in.mx"], gain=0.5 ** 0.5), case["out.resnet_skip_gain_sqrt05"])


def test_discriminator_convolution(case):
    layer = PlainConv(5, 4, 3, resample="down")
    layer.load_state_dict({"weight": case["in.down_w"], "bias": case["in.down_b"]})
    assert_close(layer(case["in.mx"]), case["out.conv2dlayer_down2_lrelu"])
