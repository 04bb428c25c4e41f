"""StyleGAN2 against reference numbers; 1e-5 of the largest absolute value covers summation order."""

import dataclasses
import json

import pytest
import torch
from safetensors.torch import load_file

from ddgi.gan import Generator
from ddgi.gan.stylegan2.network import StyleGAN2


@pytest.fixture(scope="module", params=["skip", "resnet", "orig", "cond25"])
def case(golden, request):
    tensors = load_file(golden / f"stylegan2_tiny_{request.param}.safetensors")
    weights = {key[3:]: value for key, value in tensors.items() if key.startswith("sd.")}
    config = json.loads((golden / f"stylegan2_tiny_{request.param}.json").read_text())["config"]
    return tensors, Generator.from_state_dict(weights), config


def assert_close(actual, expected):
    """Golden pictures and feature maps hold the first samples and channels only."""
    actual = actual[tuple(map(slice, expected.shape))]
    assert actual.shape == expected.shape
    assert (actual - expected).abs().max() <= 1e-5 * expected.abs().max()


def test_sizes_are_inferred(case):
    _, generator, config = case
    found, synthesis = generator.config, config["synthesis_kwargs"]
    assert found.architecture == synthesis["architecture"]
    assert (found.z_dim, found.c_dim, found.w_dim) == (config["z_dim"], config["c_dim"], config["w_dim"])
    assert found.num_mapping_layers == config["mapping_kwargs"]["num_layers"]
    assert {str(r): found.channels_at(r) for r in found.block_resolutions} == config["channels"]


def test_mapping_and_truncation(case):
    tensors, generator, _ = case
    z, c = tensors["in.z"], tensors.get("in.c")
    assert_close(generator.module.mapping.single(z, c), tensors["out.w"])
    assert_close(generator.map(z, c), tensors["out.ws"])
    assert_close(generator.map(z, c, truncation_psi=0.5), tensors["out.ws_psi05"])
    assert_close(generator.map(z, c, truncation_psi=0.5, truncation_cutoff=3), tensors["out.ws_psi05_cutoff3"])


@pytest.mark.parametrize("autograd", [True, False])
def test_blocks(case, autograd):
    tensors, generator, _ = case
    blocks = {}
    with torch.set_grad_enabled(autograd):
        generator.module.synthesis(tensors["out.ws"], blocks=blocks)
    for resolution, (x, img) in blocks.items():
        assert_close(x, tensors[f"out.block_const.b{resolution}.x"])
        if img is not None:
            assert_close(img, tensors[f"out.block_const.b{resolution}.img"])


def test_images(case):
    tensors, generator, _ = case
    assert_close(generator.render(tensors["out.ws"]).image, tensors["out.img_const"])
    assert_close(generator.render(tensors["out.ws"], noise_mode="none").image, tensors["out.img_none"])
    assert_close(generator.render(tensors["out.ws_psi05"]).image, tensors["out.img_const_psi05"])
    assert_close(generator.render(tensors["in.ws_mixed"]).image, tensors["out.img_mixed_const"])


def test_forward(case):
    tensors, generator, _ = case
    image = generator.module(tensors["in.z"], tensors.get("in.c"), truncation_psi=0.7)
    assert_close(image, tensors["out.img_forward_psi07_const"])


def test_clamp(case):
    tensors, generator, config = case
    clamped = StyleGAN2(dataclasses.replace(generator.config, conv_clamp=config["clamp_test"]))
    clamped.load_state_dict(generator.module.state_dict())
    assert_close(clamped.synthesis(tensors["out.ws"]), tensors["out.img_const_clamp"])


# fp16 has 11 significant bits and bf16 8; the error grows over eight layers to a few units in the last place.
@pytest.mark.parametrize("dtype, tolerance", [(torch.float16, 0.005), (torch.bfloat16, 0.04)])
def test_half_precision_is_close(case, dtype, tolerance):
    tensors, generator, _ = case
    image, expected = generator.render(tensors["out.ws"][:1], dtype=dtype).image, tensors["out.img_const"]
    assert (image - expected).abs().max() <= tolerance * expected.abs().max()
