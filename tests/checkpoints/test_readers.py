"""Every dialect gives the reference pictures, and conversion changes no bit."""

import json

import pytest
import torch
from safetensors.torch import save_file

from ddgi.checkpoints import convert, inspect_file, load_generator
from ddgi.errors import InputError
from ddgi.files import save_tensors


def assert_close(actual, expected):
    """Golden pictures and feature maps hold the first samples and channels only."""
    actual = actual[tuple(map(slice, expected.shape))]
    assert actual.shape == expected.shape
    assert (actual - expected).abs().max() <= 1e-5 * expected.abs().max()


@pytest.fixture
def files(tmp_path, public_weights, rosinality_weights, rosinality_case, write):
    """One file of each dialect."""
    average = rosinality_case["in.latent_avg"][0]
    checkpoint = {"g_ema": rosinality_weights, "latent_avg": average, "args": None}
    contents = {
        "nvidia2.pkl": write.nvidia_bytes(public_weights, protocol=2),
        "nvidia4.pkl": write.nvidia_bytes(public_weights, protocol=4),
        "zip.pt": write.torch_bytes(checkpoint), "legacy.pt": write.torch_bytes(checkpoint, legacy=True),
        "psp.pt": write.torch_bytes({"state_dict": {f"decoder.{k}": v for k, v in rosinality_weights.items()}
                               | {"encoder.body.weight": torch.zeros(2)}, "latent_avg": average.repeat(8, 1)}),
        "nada.pt": write.torch_bytes({"g_ema": rosinality_weights}), "plain.pt": write.torch_bytes(public_weights),
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    save_file(rosinality_weights, tmp_path / "raw.safetensors")
    return tmp_path


@pytest.mark.parametrize("name", ["nvidia2.pkl", "nvidia4.pkl", "plain.pt"])
def test_public_names(files, skip_case, name):
    generator = load_generator(files / name)
    assert_close(generator.render(skip_case["out.ws"]).image, skip_case["out.img_const"])
    assert_close(generator.map(skip_case["in.z"], truncation_psi=0.5), skip_case["out.ws_psi05"])


@pytest.mark.parametrize("name", ["zip.pt", "legacy.pt", "psp.pt", "nada.pt", "raw.safetensors"])
def test_rosinality(files, rosinality_case, name):
    case, generator = rosinality_case, load_generator(files / name)
    assert_close(generator.module.mapping.single(case["in.z"]), case["out.w"])
    assert_close(generator.render(case["out.latent"]).image, case["out.img_fixed_noise"])
    assert_close(generator.render(case["in.latents_mixed"]).image, case["out.img_latents_mixed"])
    assert_close(generator.render(case["out.latent"], noise_mode="none").image, case["out.img_no_noise"])


def test_rosinality_truncation_and_given_noise(files, rosinality_case):
    case, generator = rosinality_case, load_generator(files / "zip.pt")
    ws = generator.map(case["in.z"], truncation_psi=0.5)
    assert_close(generator.render(ws).image, case["out.img_trunc05"])
    noises = [case[f"in.noise_{index}"] for index in range(7)]
    assert_close(generator.module.synthesis(case["out.latent"], noises=noises), case["out.img_given_noise"])
    ws = generator.map(case["in.z"])
    ws[:, 3:] = generator.map(case["in.z"].flip(0))[:, 3:]
    assert_close(generator.render(ws).image, case["out.img_mix_inject3"])


def test_missing_average_is_sampled(files, rosinality_case):
    generator = load_generator(files / "nada.pt")
    z = torch.randn(4096, 64, generator=torch.Generator().manual_seed(5))
    mean = generator.module.mapping.single(z).mean(dim=0)
    # Two means of 4,096 samples with unit deviation differ by about sqrt(2) / 64 = 0.022.
    assert (generator.w_avg - mean).square().mean().sqrt() < 0.04
    assert "4096" in generator.provenance["w_avg"]


@pytest.mark.parametrize("name", ["nvidia2.pkl", "zip.pt", "legacy.pt", "nada.pt", "raw.safetensors"])
def test_converted_files_are_bit_identical(files, name, skip_case):
    before = load_generator(files / name)
    convert(files / name, files / "out.safetensors")
    after = load_generator(files / "out.safetensors")
    assert (after.fingerprint, after.name, after.config) == (before.fingerprint, before.name, before.config)
    for mode in ("const", "random", "none"):
        images = [g.render(skip_case["in.ws_mixed"], noise_mode=mode).image for g in (before, after)]
        assert torch.equal(*images)
    assert torch.equal(*[g.map(skip_case["in.z"], truncation_psi=0.5) for g in (before, after)])


def test_clamp_and_fp16_blocks_survive(tmp_path, public_weights, write):
    (tmp_path / "a.pkl").write_bytes(write.nvidia_bytes(public_weights, conv_clamp=256, use_fp16=True))
    convert(tmp_path / "a.pkl", tmp_path / "a.safetensors")
    config = load_generator(tmp_path / "a.safetensors").config
    assert (config.conv_clamp, config.num_fp16_res) == (256.0, 4)


def test_half_precision_weights_are_read_as_fp32(tmp_path, public_weights, write):
    (tmp_path / "a.pkl").write_bytes(write.nvidia_bytes({k: v.half() for k, v in public_weights.items()}))
    assert load_generator(tmp_path / "a.pkl").w_avg.dtype == torch.float32


def test_convert_refuses_its_own_input_and_other_endings(files):
    convert(files / "zip.pt", files / "out.safetensors")
    with pytest.raises(InputError, match="same file"):
        convert(files / "out.safetensors", files / "out.safetensors")
    with pytest.raises(InputError, match="safetensors"):
        convert(files / "zip.pt", files / "out.pkl")


def test_inspect_generator(files):
    facts = inspect_file(files / "nvidia4.pkl")
    assert (facts["kind"], facts["architecture"], facts["resolution"], facts["num_ws"]) == ("generator", "skip", 32, 8)
    assert facts["fingerprint"] == load_generator(files / "plain.pt").fingerprint
    assert "NVIDIA" in facts["format"]
    json.dumps(facts)
    convert(files / "raw.safetensors", files / "out.safetensors")
    after = inspect_file(files / "out.safetensors")
    assert (after["format"], after["container"]) == ("ddgi.stylegan2", "safetensors")
    assert after["provenance"]["converted_from"] == "raw.safetensors"
    assert inspect_file(files / "raw.safetensors")["format"] == "safetensors"


def test_inspect_other_files(tmp_path):
    save_tensors(tmp_path / "b.safetensors", {"a": torch.zeros(2, 3)}, format="ddgi.bridge", config={"num_ws": 8},
                 provenance={"steps": 10})
    facts = inspect_file(tmp_path / "b.safetensors")
    assert (facts["kind"], facts["parameters"], facts["config"]) == ("bridge", 6, {"num_ws": 8})
    with pytest.raises(InputError, match="not a generator"):
        load_generator(tmp_path / "b.safetensors")


@pytest.mark.parametrize("content", [b"", b"hello, world, this is text", b"\x80", b"PK\x03\x04", b"\x80\x04N."])
def test_other_content_is_refused(tmp_path, content):
    (tmp_path / "x.pkl").write_bytes(content)
    with pytest.raises(InputError, match="x.pkl"):
        load_generator(tmp_path / "x.pkl")
    with pytest.raises(InputError, match="x.pkl"):
        inspect_file(tmp_path / "x.pkl")


def test_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match="no file"):
        load_generator(tmp_path / "absent.pkl")
