"""The command line: help, exit status and the one line for bad input."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from ddgi.cli import COMMANDS, main

ROOT = Path(__file__).resolve().parents[2]


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
    from ddgi.gan import StyleGAN2Config, StyleGAN2Generator
    from ddgi.gan.stylegan2.network import StyleGAN2

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


def test_names_in_files_do_not_steer_the_terminal(tmp_path, capsys):
    file = tmp_path / "\x1b[2J.latent.safetensors"
    metadata = {"format": "ddgi.latent", "version": "1", "provenance": "{}", "config": json.dumps(
        {"generator_fingerprint": "0123456789abcdef", "generator_name": "\x1b[31mred\u202e"})}
    save_file({"ws": torch.zeros(1, 2, 4)}, file, metadata)
    assert main(["inspect", str(file)]) == 0
    shown = capsys.readouterr().out
    assert "\\x1b[31mred\\u202e" in shown and "\x1b" not in shown and "\u202e" not in shown
    assert main(["inspect", str(file.with_name("\x1b[2J.pkl"))]) == 1
    assert "\\x1b[2J.pkl" in (shown := capsys.readouterr().err) and "\x1b" not in shown


def test_a_name_that_the_console_does_not_have_is_escaped(tmp_path):
    file = tmp_path / "\u4eba.safetensors"
    save_file({"ws": torch.zeros(1, 2, 3)}, file, {"format": "ddgi.latent", "version": "1"})
    done = subprocess.run([sys.executable, "-m", "ddgi", "inspect", str(file)], env={**os.environ,
                          "PYTHONIOENCODING": "cp1252"}, capture_output=True, cwd=ROOT, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    assert b"\\u4eba.safetensors" in done.stdout


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_output_that_nobody_reads_is_no_error(options):
    reader = subprocess.Popen([sys.executable, "-c", "pass"], stdin=subprocess.PIPE)
    reader.wait()       # a pipe without a reader: what `inspect FILE | head` leads to
    file = ROOT / "demo" / "bridge_stylegan2.safetensors"
    done = subprocess.run([sys.executable, "-m", "ddgi", "inspect", str(file), *options], stdout=reader.stdin,
                          stderr=subprocess.PIPE, text=True, cwd=ROOT, check=False, timeout=120)
    assert done.returncode == 141
    assert ("bridge" in done.stderr) == bool(options) and "Error" not in done.stderr    # lines for people go there


@pytest.mark.parametrize("arguments", [["convert", "demo/generator_stylegan2.safetensors", "{}/g.safetensors"],
                                       ["run", "workflows/07 Face with any sampler (DDGI).json",
                                        "--output", "{}/output"]])
def test_a_place_that_cannot_be_written_is_one_line(arguments, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(ROOT)
    (tmp_path / "file").touch()                 # in the place of a folder
    assert main([argument.replace("{}", str(tmp_path / "file")) for argument in arguments]) == 1
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1 and "could not be written (" in lines[0] and "folder" in lines[0]


def test_a_workflow_that_is_not_there_is_said_before_comfyui_starts(capsys, monkeypatch):
    monkeypatch.setattr("ddgi.runner.server.Server.__enter__", lambda server: pytest.fail("ComfyUI was started"))
    assert main(["workflows", "01 Face"]) == 1
    assert "There is no workflow" in capsys.readouterr().err
