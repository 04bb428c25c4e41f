"""EG3D files: every container gives the reference numbers, and what tensors cannot tell comes along."""

import json

import pytest
import torch
from safetensors.torch import save_file

from ddgi.checkpoints import convert, inspect_file, load_generator
from ddgi.cli import main
from ddgi.errors import InputError
from ddgi.gan.eg3d import EG3DGenerator, RenderingConfig
from ddgi.gan.eg3d.planes import PLANE_AXES, project

FFHQ = RenderingConfig(depth_resolution=8, depth_resolution_importance=8)


def assert_close(actual, expected):
    """Golden pictures and feature maps hold the first samples and channels only."""
    actual = actual[tuple(map(slice, expected.shape))]
    assert actual.shape == expected.shape
    assert (actual - expected).abs().max() <= 1e-5 * expected.abs().max()


def axes_matrices(name):
    """Matrices whose inverses project onto the planes of that name: their rows are the axes of each plane."""
    rows = [[*pair, 3 - sum(pair)] for pair in PLANE_AXES[name]]
    return torch.eye(3)[torch.tensor(rows)]


@pytest.fixture
def load(tmp_path, eg3d_weights, write):
    """Write an EG3D pickle with changed options and read it."""
    def load(weights=eg3d_weights, axes=None, **options):
        (tmp_path / "x.pkl").write_bytes(write.eg3d_bytes(weights, **options))
        return load_generator(tmp_path / "x.pkl", plane_axes=axes)
    return load


@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_nvidia_file_gives_the_reference_numbers(load, eg3d_case, protocol):
    case, generator = eg3d_case, load(protocol=protocol, plane_axes=axes_matrices("xy_xz_zx"))
    assert isinstance(generator, EG3DGenerator) and generator.is_3d
    assert_close(generator.map(case["in.z"], case["in.c_cond"]), case["out.ws"])
    assert_close(generator.planes(case["out.ws"]).flatten(1, 2), case["out.planes"])
    config = generator.config
    assert config.rendering == FFHQ
    assert (config.sr_kind, config.sr_channels, config.sr_conv_clamp) == ("8X", (16, 8), None)
    assert (config.img_resolution, config.sr_input_resolution, config.neural_rendering_resolution) == (64, 16, 16)


def test_every_view_is_bit_identical_after_conversion(tmp_path, load, eg3d_case, write):
    before = load(sr_clamp=256, plane_axes=axes_matrices("xy_yz_zx"), rendering_kwargs={"white_back": True})
    convert(tmp_path / "x.pkl", tmp_path / "out.safetensors")
    after = load_generator(tmp_path / "out.safetensors")
    assert (after.fingerprint, after.name, after.config) == (before.fingerprint, before.name, before.config)
    assert after.config.sr_conv_clamp == 256 and after.config.rendering.white_back
    one, two = (g.render(eg3d_case["out.ws"][:1], eg3d_case["in.c"][:1]) for g in (before, after))
    for name in ("image", "image_raw", "image_depth", "image_alpha"):
        assert torch.equal(getattr(one, name), getattr(two, name))


@pytest.mark.parametrize("container", ["safetensors", "state_dict", "plain"])
def test_bare_tensors_are_assumed_to_be_like_ffhq(tmp_path, eg3d_case, eg3d_weights, write, container):
    path = tmp_path / "bare.bin"
    if container == "safetensors":
        save_file(eg3d_weights, path)
    else:
        path.write_bytes(write.torch_bytes({"G_ema": eg3d_weights} if container == "state_dict" else eg3d_weights))
    generator = load_generator(path)
    assert_close(generator.map(eg3d_case["in.z"], eg3d_case["in.c_cond"]), eg3d_case["out.ws"])
    assert generator.config.rendering == RenderingConfig()
    assert (generator.config.sr_kind, generator.config.neural_rendering_resolution) == ("8X", 16)
    assert "plane axes" in generator.provenance["assumed"]
    chosen = load_generator(path, plane_axes="xy_xz_yz")
    assert chosen.config.rendering.plane_axes == "xy_xz_yz" and "plane axes" not in chosen.provenance["assumed"]


@pytest.mark.parametrize("name", sorted(PLANE_AXES))
def test_plane_axes_are_recognised(load, name):
    matrices = axes_matrices(name)
    assert load(plane_axes=matrices).config.rendering.plane_axes == name
    points = torch.randn(1, 5, 3)
    expected = (points[:, None] @ torch.linalg.inv(matrices))[..., :2]      # as the reference projects
    assert torch.allclose(project(points, name), expected)


def test_unknown_plane_axes_are_refused_until_the_user_chooses(load):
    axes = axes_matrices("xy_yz_zx").flip(0)
    with pytest.raises(InputError, match="plane_axes"):
        load(plane_axes=axes)
    with pytest.raises(InputError, match="plane_axes"):
        load(plane_axes=-axes_matrices("xy_yz_zx"))
    assert load(plane_axes=axes, axes="xy_yz_zx").config.rendering.plane_axes == "xy_yz_zx"


def test_chosen_plane_axes_survive_conversion(tmp_path, load, capsys):
    load()
    target = tmp_path / "out.safetensors"
    assert main(["convert", str(tmp_path / "x.pkl"), str(target), "--plane-axes", "xy_xz_zy"]) == 0
    assert load_generator(target).config.rendering.plane_axes == "xy_xz_zy"
    assert load_generator(target, plane_axes="xy_xz_zx").config.rendering.plane_axes == "xy_xz_zx"
    with pytest.raises(InputError, match="choose from xy_xz_zx"):
        load_generator(target, plane_axes="zz")


def test_plane_axes_for_a_2d_generator_are_refused(tmp_path, public_weights, write):
    (tmp_path / "x.pkl").write_bytes(write.nvidia_bytes(public_weights))
    with pytest.raises(InputError, match="2D"):
        load_generator(tmp_path / "x.pkl", plane_axes="xy_xz_zx")


@pytest.mark.parametrize("name, kind, start", [
    ("2X", "2X", 32), ("4X", "4X", 32), ("Deepfp32", "4X", 32), ("8X", "8X", 16), ("8XDC", "8X", 16)])
def test_super_resolution_classes(load, name, kind, start):
    config = load(sr_class=f"SuperresolutionHybrid{name}").config
    assert (config.sr_kind, config.sr_input_resolution, config.img_resolution) == (kind, start, 64)


def test_options_of_other_data_sets(load):
    changes = {"ray_start": "auto", "ray_end": "auto", "box_warp": 1.6, "white_back": True, "c_scale": 0.5,
               "c_gen_conditioning_zero": True, "avg_camera_pivot": (0, 0, -0.06), "sr_antialias": False}
    config = load(rendering_kwargs=changes, neural_rendering_resolution=64).config
    rendering = config.rendering
    assert (rendering.ray_start, rendering.ray_end, rendering.box_warp, rendering.c_scale) == (None, None, 1.6, 0.5)
    assert rendering.white_back and rendering.c_gen_conditioning_zero and not config.sr_antialias
    assert rendering.avg_camera_pivot == (0.0, 0.0, -0.06) and config.neural_rendering_resolution == 64


def test_learning_rate_of_the_decoder_is_folded_into_its_weights(load, eg3d_weights):
    plain, scaled = load(), load(rendering_kwargs={"decoder_lr_mul": 0.5})
    assert torch.equal(scaled.module.decoder.net["0"].weight, plain.module.decoder.net["0"].weight * 0.5)
    assert torch.equal(scaled.module.decoder.net["2"].bias, plain.module.decoder.net["2"].bias * 0.5)


def test_noise_of_the_super_resolution_is_noted(load):
    assert "without" in load(rendering_kwargs={"superresolution_noise_mode": "random"}).provenance["super_resolution"]


def test_other_labels_are_refused(load, eg3d_weights):
    wide = eg3d_weights | {"backbone.mapping.embed.weight": torch.zeros(64, 27)}
    with pytest.raises(InputError, match="27 numbers"):
        load(wide)
    none = {key: value for key, value in eg3d_weights.items() if ".embed." not in key}
    with pytest.raises(InputError, match="of 0 numbers"):
        load(none)


@pytest.mark.parametrize("part", ["backbone.synthesis.b4.const", "backbone.mapping.w_avg", "decoder.net.2.bias",
                                  "decoder.net.0.weight", "superresolution.block1.conv1.noise_const",
                                  "superresolution.block0.torgb.affine.bias"])
def test_missing_tensors_are_named(load, eg3d_weights, part):
    with pytest.raises(InputError, match=part.partition(".")[2].replace(".", r"\.")):
        load({key: value for key, value in eg3d_weights.items() if key != part})


def test_inspect(tmp_path, load, capsys):
    load(sr_clamp=256)
    facts = inspect_file(tmp_path / "x.pkl")
    assert (facts["kind"], facts["architecture"], facts["resolution"]) == ("generator", "eg3d", 64)
    assert (facts["plane_resolution"], facts["plane_channels"], facts["num_ws"]) == (32, 32, 8)
    assert facts["super_resolution"]["conv_clamp"] == 256 and facts["rendering"]["plane_axes"] == "xy_xz_zx"
    assert facts["format"] == "NVIDIA pickle (TriPlaneGenerator)"
    convert(tmp_path / "x.pkl", tmp_path / "out.safetensors")
    assert main(["inspect", str(tmp_path / "out.safetensors"), "--json"]) == 0
    after = json.loads(capsys.readouterr().out)
    assert after["format"] == "ddgi.eg3d" and after["fingerprint"] == facts["fingerprint"]
    assert after["provenance"]["converted_from"] == "x.pkl"
