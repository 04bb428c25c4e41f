"""Scoring the 3D chain: an untrained EG3D and bridge beside the demo's other models go through every step."""

import dataclasses
import importlib

import pytest
import torch

from ddgi.cli import main


@pytest.fixture(scope="module")
def part(pack):
    return lambda path: importlib.import_module(f"{pack.__name__}.{path}")


@pytest.fixture(scope="module")
def folder(part, tmp_path_factory):
    """The demo folder with an untrained 3D generator and its bridge."""
    folder, demo = tmp_path_factory.mktemp("demo"), part("host.folders").DEMO
    for path in demo.iterdir():
        if "eg3d" not in path.name:
            (folder / path.name).symlink_to(path)
    gan, bridges = part("ddgi.gan"), part("ddgi.bridge")
    config = gan.EG3DConfig(
        gan.StyleGAN2Config(z_dim=8, c_dim=25, w_dim=8, img_resolution=16, img_channels=12, channel_base=64,
                            channel_max=8),
        img_resolution=32, neural_rendering_resolution=16, feature_channels=4, decoder_width=8, sr_kind="2X",
        sr_input_resolution=16, sr_channels=(8, 4),
        rendering=gan.RenderingConfig(depth_resolution=6, depth_resolution_importance=6, white_back=True))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        generator = gan.EG3DGenerator(config, gan.EG3DGenerator.network(config), name="untrained")
        like = bridges.load_bridge(demo / part("ddgi.demo.files").BRIDGE).config
        bridge = bridges.Bridge(dataclasses.replace(like, num_ws=config.num_ws, w_dim=config.w_dim,
                                                    generator_fingerprint=generator.fingerprint))
    generator.save(folder / "generator_eg3d.safetensors")
    bridge.save(folder / "bridge_eg3d.safetensors")
    return folder


def test_every_view_is_scored_beside_the_true_pictures(part, folder):
    evaluate, pictures = part("host.evaluation.views"), []
    scores = evaluate.run(range(2), part("host.evaluation.demo").Sampling(steps=2), folder=folder, yaws=(-30, 0, 30),
                          batch=2, on_batch=pictures.append)
    assert list(scores["views"]) == list(scores["ground_truth"]) == ["-30", "0", "30"]
    for true, ours in zip(scores["ground_truth"].values(), scores["views"].values()):
        assert true["depth_error"] == 0 and true["silhouette"] == 1 and true["miou"] > ours["miou"]
        assert true["attribute_accuracy"] > 0.7     # chance is 0.45
    true = scores["consistency"]["ground_truth"]
    assert true["psnr"] > 20 and true["pairs"].keys() == {"-30 to 0", "0 to 30"}
    assert scores["ratio_30"]["ground_truth"]["pixel_accuracy"] > 0.8
    assert list(pictures[0]) == ["-30", "-30 true", "0", "0 true", "30", "30 true"]
    assert pictures[0]["0"].shape == pictures[0]["0 true"].shape
    part("ddgi.evaluation").view_tables(scores)


def test_a_relative_draws_in_the_place_of_the_generator_and_a_stranger_is_refused(part, folder, tmp_path):
    evaluate, sampling = part("host.evaluation.views"), part("host.evaluation.demo").Sampling(steps=2)
    own = part("ddgi.checkpoints").load_generator(folder / "generator_eg3d.safetensors")
    copy, pictures = own.copy("darker"), []
    with torch.no_grad():
        for name, value in copy.drawing_weights().items():
            if name.endswith("torgb.bias"):
                value -= 0.3
    copy.save(tmp_path / "copy.safetensors")
    for file in (None, tmp_path / "copy.safetensors"):
        evaluate.run(range(1), sampling, folder=folder, generator=file, yaws=(0, 30), batch=1, on_batch=pictures.append)
    assert not torch.equal(pictures[0]["0"], pictures[1]["0"])
    assert torch.equal(pictures[0]["0 true"], pictures[1]["0 true"])
    stranger = part("host.folders").DEMO / "generator_eg3d.safetensors"
    with pytest.raises(part("ddgi.errors").InputError, match="'demo-eg3d' needs"):
        evaluate.run(range(1), sampling, folder=folder, generator=stranger, yaws=(0, 30), batch=1)


def test_a_generator_without_views_is_refused(capsys):
    assert main(["evaluate", "--demo", "--generator", "x.safetensors"]) == 1
    assert "--generator was given without --views" in capsys.readouterr().err
    assert main(["evaluate", "protocol.toml", "out", "--generator", "x.safetensors"]) == 1
    assert "--generator belong to --demo" in capsys.readouterr().err


def test_a_demo_folder_without_3d_models_is_one_clear_line(pack, tmp_path, capsys):
    assert main(["evaluate", "--demo", "--views", "--folder", str(tmp_path)]) == 1
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1 and "generator_eg3d.safetensors" in lines[0] and "make train-demo" in lines[0]
