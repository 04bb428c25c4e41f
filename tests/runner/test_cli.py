"""The command line: help, exit status and the one line for bad input."""

import json

import pytest

from ddgi.cli import COMMANDS, main


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command, capsys):
    with pytest.raises(SystemExit) as end:
        main([command, "--help"])
    assert end.value.code == 0 and "--json" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [["inspect", "nofile.pkl"], ["convert", "nofile.pkl", "out.safetensors"],
                                       ["run", "nofile.json"], ["evaluate", "--demo", "--count", "0"]])
def test_bad_input_is_one_clear_line(arguments, capsys):
    assert main(arguments) == 1
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1 and lines[0].startswith(f"ddgi {arguments[0]}: ")


def test_inspect_and_convert_speak_json(tmp_path, capsys):
    import torch

    from ddgi.gan import StyleGAN2, StyleGAN2Config, StyleGAN2Generator

    torch.manual_seed(0)
    config = StyleGAN2Config(z_dim=8, w_dim=8, img_resolution=16, channel_base=64, channel_max=8, num_mapping_layers=2)
    generator = StyleGAN2Generator(config, StyleGAN2(config), name="tiny")
    generator.save(tmp_path / "a.safetensors")
    assert main(["convert", str(tmp_path / "a.safetensors"), str(tmp_path / "b.safetensors"), "--json"]) == 0
    converted = json.loads(capsys.readouterr().out)
    assert main(["inspect", str(tmp_path / "b.safetensors"), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["resolution"] == 16 and facts["fingerprint"] == converted["fingerprint"] == generator.fingerprint


def test_bad_input_found_in_the_host_is_one_line_too(pack, tmp_path, capsys):
    assert main(["evaluate", "--demo", "--folder", str(tmp_path)]) == 1
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1 and "diffusion.safetensors" in lines[0]
