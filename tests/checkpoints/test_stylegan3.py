"""StyleGAN3 files: NVIDIA's pickles and bare tensors give the reference numbers, and conversion changes no bit."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from ddgi.checkpoints import convert, inspect_file, load_generator
from ddgi.errors import InputError
from ddgi.gan import Generator
from ddgi.gan.stylegan3 import StyleGAN3Generator

# As NVIDIA's modules keep them; absent filters are None.
ATTRIBUTES = {
    "num_layers": 14, "num_critical": 2, "margin_size": 10, "output_scale": 0.25, "num_fp16_res": 4,
    "bandwidth": np.float64(2), "sampling_rate": np.float64(16), "in_size": np.array([36, 36]), "conv_clamp": 256,
    "use_fp16": np.bool_(True), "up_factor": np.int64(2), "padding": [9, 8, 9, 8],
    "_init_kwargs": {"channel_base": 512, "magnitude_ema_beta": np.float32(0.999), "mapping_kwargs": {"num_layers": 2}},
}


@pytest.fixture(scope="module", params=["t", "r"])
def case(golden, request):
    return load_file(golden / f"stylegan3_tiny_{request.param}.safetensors")


@pytest.fixture(scope="module")
def weights(case):
    return {key[3:]: value for key, value in case.items() if key.startswith("sd.")}


@pytest.mark.parametrize("protocol", [2, 4])
def test_a_pickle_gives_the_reference_pictures(tmp_path, case, weights, write, protocol):
    (tmp_path / "x.pkl").write_bytes(write.nvidia_bytes(weights, protocol, **ATTRIBUTES))
    generator = load_generator(tmp_path / "x.pkl")
    assert isinstance(generator, StyleGAN3Generator)
    image, expected = generator.render(case["out.ws"][:1]).image, case["out.img_stored"]
    assert (image - expected).abs().max() <= 1e-5 * expected.abs().max()
    config = generator.config
    assert (config.first_cutoff, config.num_critical, config.conv_clamp, config.output_scale) == (2, 2, 256, 0.25)


def test_a_converted_file_renders_the_same_bits(tmp_path, case, weights, write):
    attributes = ATTRIBUTES | {"conv_clamp": None, "output_scale": 0.5}
    (tmp_path / "x.pkl").write_bytes(write.nvidia_bytes(weights, **attributes))
    before = load_generator(tmp_path / "x.pkl")
    convert(tmp_path / "x.pkl", tmp_path / "x.safetensors")
    after = load_generator(tmp_path / "x.safetensors")
    assert (after.config, after.fingerprint, after.name) == (before.config, before.fingerprint, before.name)
    assert (after.config.conv_clamp, after.config.output_scale) == (None, 0.5)
    one, two = (g.render(case["in.ws_mixed"], rotation=20.0, translate_x=0.1).image for g in (before, after))
    assert torch.equal(one, two)


def test_inspect(tmp_path, weights, write):
    (tmp_path / "x.pkl").write_bytes(write.nvidia_bytes(weights, **ATTRIBUTES))
    facts = inspect_file(tmp_path / "x.pkl")
    assert (facts["family"], facts["resolution"], facts["num_ws"], facts["img_channels"]) == ("StyleGAN3", 64, 16, 3)
    assert facts["architecture"] == ("R" if "L0_36_24" in facts["channels"] else "T")
    json.dumps(facts)


def test_incomplete_files_are_named(tmp_path, weights, write):
    few = {key: value for key, value in weights.items() if key != "synthesis.input.freqs"}
    (tmp_path / "x.pkl").write_bytes(write.nvidia_bytes(few, **ATTRIBUTES))
    with pytest.raises(InputError, match="input.freqs"):
        load_generator(tmp_path / "x.pkl")
    few = {key: value for key, value in weights.items() if ".L3_" not in key}
    with pytest.raises(InputError, match="whole StyleGAN3 generator"):
        Generator.from_state_dict(few)


def test_another_schedule_is_refused(weights):
    renamed = {key.replace("L5_52", "L5_84"): value for key, value in weights.items()}
    with pytest.raises(InputError, match="no schedule"):
        Generator.from_state_dict(renamed)
