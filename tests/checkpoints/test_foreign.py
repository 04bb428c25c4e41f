"""What people's files are like: read where they can be, and named for what they are where not."""

import json
import pickle
import time

import numpy as np
import pytest
import torch

from ddgi.checkpoints import convert, inspect_file, load_generator
from ddgi.cli import main
from ddgi.errors import InputError
from ddgi.gan import StyleGAN2Config
from ddgi.gan.eg3d.planes import PLANE_AXES
from ddgi.gan.stylegan2.network import StyleGAN2


def sizes(**changes):
    return StyleGAN2Config(**({"z_dim": 4, "w_dim": 4, "img_resolution": 8, "channel_base": 32, "channel_max": 4,
                               "num_mapping_layers": 2} | changes))


def weights(**changes):
    torch.manual_seed(0)
    return StyleGAN2(sizes(**changes)).state_dict()


@pytest.fixture
def load(tmp_path):
    """Read a file with this content."""
    def load(content, name="x.pkl", **options):
        (tmp_path / name).write_bytes(content)
        return load_generator(tmp_path / name, **options)
    return load


@pytest.mark.parametrize("dialect", ["rosinality", "NVIDIA"])
def test_missing_noise_is_drawn_from_a_seed_and_told(load, rosinality_small, small_weights, write, tmp_path, dialect):
    if dialect == "NVIDIA":
        content = write.nvidia_bytes({key: value for key, value in small_weights.items() if ".noise_" not in key})
    else:
        few = {key: value + 0.5 for key, value in rosinality_small.items() if "noises." not in key}
        content = write.torch_bytes({"g_ema": few})
    first, again = load(content), load(content)
    assert "3 pictures drawn with seed 0" in first.provenance["noise_const"]
    assert first.fingerprint == again.fingerprint
    noise = first.module.synthesis.b8.conv1.noise_const
    assert noise.shape == (8, 8) and 0.5 < noise.std() < 1.5
    # A generator that was trained without noise has no strengths either.
    assert (first.module.synthesis.b8.conv1.noise_strength == 0) == (dialect == "NVIDIA")
    convert(tmp_path / "x.pkl", tmp_path / "x.safetensors")
    assert "seed 0" in load_generator(tmp_path / "x.safetensors").provenance["noise_const"]


@pytest.mark.parametrize("channels", [1, 4])
def test_grey_and_transparent_generators_show_colours(load, write, channels):
    generator = load(write.nvidia_bytes(weights(img_channels=channels)))
    assert generator.facts()["img_channels"] == channels
    ws = generator.map(torch.randn(2, 4))
    out = generator.render(ws)
    assert out.image.shape == (2, 3, 8, 8) and generator.draw(ws).shape == (2, 3, 8, 8)
    if channels == 1:
        assert torch.equal(out.image[:, 0], out.image[:, 2]) and out.image_alpha is None
    else:
        with torch.no_grad():
            alpha = generator.module.synthesis(ws[:1])[:, 3:]
        assert torch.equal(out.image_alpha[:1], (alpha.clamp(-1, 1) + 1) / 2)


def test_other_numbers_of_channels_are_refused(load, write):
    with pytest.raises(InputError, match="pictures of 2 channels; 1 .*3 .*4"):
        load(write.nvidia_bytes(weights(img_channels=2)))


def test_the_mean_of_a_conditional_mapping_is_over_all_classes(load, write):
    state = weights(c_dim=3)
    del state["mapping.w_avg"]
    generator = load(write.torch_bytes({"G_ema": state}), "x.pt")
    assert "over all classes alike" in generator.provenance["w_avg"]
    rng = torch.Generator().manual_seed(7)
    labels = torch.eye(3).repeat_interleave(2000, 0)
    mean = generator.module.mapping.single(torch.randn(6000, 4, generator=rng), labels).mean(0)
    # Two means of thousands of samples with about unit deviation.
    assert (generator.w_avg - mean).abs().max() < 0.1
    assert generator.w_avg.abs().max() > 0


@pytest.mark.parametrize("wrap", ["once", "twice", "only some"])
def test_the_prefix_of_data_parallel_is_left_out(load, rosinality_small, write, wrap):
    prefix = "module." * (2 if wrap == "twice" else 1)
    state = {(prefix if wrap != "only some" or index else "") + key: value
             for index, (key, value) in enumerate(rosinality_small.items())}
    content = write.torch_bytes({"g_ema": state, "latent_avg": torch.zeros(4)})
    if wrap == "only some":
        with pytest.raises(InputError):
            load(content, "x.pt")
    else:
        assert load(content, "x.pt").config.img_resolution == 8


class Net(torch.nn.Module):
    """A module of somebody's own code, pickled whole."""


def whole_module(state):
    """A tree of plain torch modules with these tensors."""
    root = Net()
    for name, value in state.items():
        module = root
        *path, last = name.split(".")
        for part in path:
            if part not in module._modules:
                module.add_module(part, Net())
            module = module._modules[part]
        module.register_buffer(last, value)
    return root


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("place", ["root", "G_ema", "parallel"])
def test_whole_modules_are_read_without_running_their_code(load, rosinality_small, small_weights, write, legacy, place):
    for state in (rosinality_small, small_weights):
        module = whole_module(state)
        value = torch.nn.DataParallel(module) if place == "parallel" else module
        content = write.torch_bytes({"G_ema": value} if place == "G_ema" else value, legacy=legacy)
        generator = load(content, "x.pt")
        assert torch.equal(generator.module.synthesis.b4.const, small_weights["synthesis.b4.const"])


@pytest.mark.parametrize("legacy", [False, True])
def test_a_persistent_module_in_a_torch_file_keeps_its_settings(load, small_weights, write, legacy):
    generator = load(write.whole_bytes(small_weights, legacy=legacy, conv_clamp=256), "x.pt")
    assert generator.config.conv_clamp == 256 and "torch" in generator.provenance["source"]


def test_numbers_of_numpy_are_numbers(load, small_weights, small_eg3d, write):
    config = load(write.nvidia_bytes(small_weights, conv_clamp=np.float32(256), use_fp16=np.bool_(True))).config
    assert (config.conv_clamp, config.num_fp16_res) == (256, 2)
    big_endian = np.array([1.5], dtype=">f8")[0]
    kwargs = {"box_warp": big_endian, "depth_resolution": np.int64(6), "white_back": np.bool_(True),
              "avg_camera_pivot": np.array([0, 0, 0.25]), "ray_start": np.float16(2.25)}
    rendering = load(write.eg3d_bytes(small_eg3d, rendering_kwargs=kwargs, neural_rendering_resolution=np.uint8(4)),
                     ).config.rendering
    assert (rendering.box_warp, rendering.depth_resolution, rendering.white_back) == (1.5, 6, True)
    assert (rendering.avg_camera_pivot, rendering.ray_start) == ((0.0, 0.0, 0.25), 2.25)


def test_generators_that_are_not_square_are_named(load, small_weights, write):
    state = dict(small_weights)
    for key, value in state.items():
        if key.endswith(("const", "noise_const")):
            state[key] = value[..., :value.shape[-1] // 2]
    with pytest.raises(InputError, match="not square"):
        load(write.nvidia_bytes(state))


@pytest.mark.parametrize("form", ["tuple", "one", "in a dict"])
def test_networks_of_the_tensorflow_era_are_named(load, form):
    network = b"cdnnlib.tflib.network\nNetwork\n)\x81}b"
    content = {"tuple": network * 3 + b"\x87", "one": network,
               "in a dict": b"}X\x05\x00\x00\x00G_ema" + network + b"s"}[form]
    with pytest.raises(InputError, match="TensorFlow"):
        load(b"\x80\x03" + content + b".")


@pytest.mark.parametrize("sign", ["triplane_depth", "t_mapping"])
def test_panohead_is_named(load, small_eg3d, write, sign):
    if sign == "triplane_depth":
        kwargs = {"triplane_depth": 3}
        content = write.eg3d_bytes(small_eg3d, rendering_kwargs=kwargs, neural_rendering_resolution=4)
    else:
        wide = small_eg3d | {"t_mapping.fc0.weight": torch.zeros(3, 4)}
        content = write.eg3d_bytes(wide, neural_rendering_resolution=4, parts=("t_mapping",))
    with pytest.raises(InputError, match="PanoHead"):
        load(content)


@pytest.mark.parametrize("content, words", [
    (b"<!DOCTYPE html><html><head><title>Sign in</title></head></html>", "web page"),
    (b"\xef\xbb\xbf\r\n  <html>", "web page"), (b"<?xml version='1.0'?><Error/>", "web page"),
    (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 381624121\n", "Git LFS pointer"),
    (b'{"message": "Not Found"}', "no generator file"),
])
def test_what_is_no_file_at_all_is_named(load, tmp_path, content, words):
    with pytest.raises(InputError, match=words):
        load(content)
    with pytest.raises(InputError, match=words):
        inspect_file(tmp_path / "x.pkl")


def test_unknown_plane_axes_name_the_option_and_the_option_helps(load, small_eg3d, write):
    content = write.eg3d_bytes(small_eg3d, plane_axes=torch.eye(3).repeat(3, 1, 1), neural_rendering_resolution=4)
    with pytest.raises(InputError, match="set plane_axes .*xy_xz_zx"):
        load(content)
    for name in PLANE_AXES:
        assert load(content, plane_axes=name).config.rendering.plane_axes == name


def laughs(depth=80):
    value = None
    for _ in range(depth):
        value = (value, value)
    return value


@pytest.mark.parametrize("place", ["class name", "attribute", "root"])
def test_nested_laughs_take_no_time(load, small_weights, write, place):
    """A value that would be 2^80 numbers as text: nothing is rendered or copied from it."""
    if place == "attribute":
        content = write.nvidia_bytes(small_weights, conv_clamp=laughs())
    elif place == "class name":
        content = write.nvidia_bytes(small_weights, class_name=laughs())
    elif place == "root":
        content = pickle.dumps(laughs())
    else:
        content = pickle.dumps({"G_ema": laughs()}, 2)
    start = time.process_time()
    with pytest.raises(InputError) as caught:
        load(content)
    assert time.process_time() - start < 2 and len(str(caught.value)) < 300


def test_keys_that_all_hash_alike_take_no_time(load):
    # Written by hand, because such a dictionary of Python's takes half a minute to make.
    keys = b"".join(pickle.dumps(key * (2 ** 61 - 1), 2)[2:-1] + b"N" for key in range(100_000))
    content = pickle.dumps("G_ema", 2)[:-1].replace(b"X", b"}X", 1) + b"}(" + keys + b"us."
    start = time.process_time()
    with pytest.raises(InputError, match="no generator"):
        load(content)
    assert time.process_time() - start < 5


def test_shared_modules_are_looked_at_once_for_each_place_and_no_more(load, small_weights, write):
    module = write.module_record(small_weights)
    for _ in range(40):     # 2^40 places of one module
        module = write.module_record({}, children={"a": module, "b": module})
    start = time.process_time()
    with pytest.raises(InputError, match="deep|many"):
        load(write.network_bytes(module, 3))
    assert time.process_time() - start < 5


def test_names_for_terminals_are_escaped_when_they_are_printed(tmp_path, small_weights, write, capsys):
    (tmp_path / "x.pkl").write_bytes(write.nvidia_bytes(small_weights, class_name="Gen\x1b[31m"))
    assert main(["inspect", str(tmp_path / "x.pkl")]) == 0
    printed = capsys.readouterr().out
    assert "\x1b" not in printed and "Gen\\x1b[31m" in printed
    assert main(["inspect", str(tmp_path / "x.pkl"), "--json"]) == 0
    assert "\x1b" not in (text := capsys.readouterr().out) and json.loads(text)["family"] == "StyleGAN2"
