"""What starting ComfyUI loads of the pack, and what happens where a part of it, or ComfyUI itself, is amiss."""

import json
import logging
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# As ComfyUI does it, in a process that knows nothing of `ddgi`: argv is the pack and ComfyUI, or a folder in its place.
LOAD = """
import asyncio, importlib.util, json, sys
pack, host = sys.argv[1:]
sys.path[:] = [host, *(entry for entry in sys.path if entry not in ("", pack))]
try:
    from comfy.cli_args import args
    args.cpu = True
    import nodes
except ModuleNotFoundError:
    pass
spec = importlib.util.spec_from_file_location("the_pack", pack + "/__init__.py")
module = sys.modules["the_pack"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
found = None
if hasattr(module, "comfy_entrypoint"):
    found = len(asyncio.run(asyncio.run(module.comfy_entrypoint()).get_node_list()))
loaded = [name.removeprefix("the_pack.") for name in sys.modules if name.startswith("the_pack.")]
print(json.dumps({"nodes": found, "loaded": loaded, "mappings": getattr(module, "NODE_CLASS_MAPPINGS", None)}))
"""


def load(host):
    """(What `LOAD` says, standard error) of a fresh process with ComfyUI from the folder `host`."""
    done = subprocess.run([sys.executable, "-c", LOAD, str(ROOT), str(host)], capture_output=True, text=True,
                          check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1]), done.stderr


def test_starting_loads_nodes_and_what_they_need_to_be_shown(host):
    result, _ = load(host)
    assert result["nodes"] > 20
    later = ("ddgi.training", "ddgi.evaluation", "ddgi.headworld", "ddgi.demo.recipe", "ddgi.benchmark",
             "ddgi.checkpoints", "ddgi.bridge", "ddgi.features", "ddgi.gan.stylegan2.network", "ddgi.gan.eg3d.network",
             "ddgi.gan.stylegan3.network", "ddgi.commands", "ddgi.cli", "ddgi.runner",
             "host.capture", "host.training", "host.evaluation", "host.benchmark", "host.commands", "host.core_models",
             "host.demo_models")
    assert not [name for name in result["loaded"] if name in later or name.startswith(tuple(f"{p}." for p in later))]


def test_a_module_that_fails_hides_no_other_nodes(pack, monkeypatch, caplog):
    whole = pack.nodes.node_classes()
    monkeypatch.setitem(sys.modules, f"{pack.__name__}.nodes.faces", None)         # importing it is an error
    monkeypatch.setattr(pack.nodes.masks.Scribble, "define_schema", classmethod(lambda cls: 1 / 0))
    with caplog.at_level(logging.INFO):
        rest = pack.nodes.node_classes()
    lost = {*pack.nodes.faces.NODES, *pack.nodes.masks.NODES}
    assert rest == [node for node in whole if node not in lost]
    lines = [record.getMessage() for record in caplog.records]
    assert [re.search(r"nodes/(\w+)\.py are left out", line)[1] for line in lines] == ["faces", "masks"]
    assert all("\n" not in line for line in lines) and "ZeroDivisionError: division by zero" in lines[1]


@pytest.mark.parametrize(("version", "words"), [("0.18.2", "and this is 0.18.2"), (None, "and this is 0.3 or older")])
def test_an_older_comfyui_gets_one_line(tmp_path, version, words):
    if version:
        (tmp_path / "comfyui_version.py").write_text(f'__version__ = "{version}"\n')
    result, errors = load(tmp_path)
    assert (result["nodes"], result["mappings"]) == (None, {})
    assert len(errors.splitlines()) == 1 and "needs ComfyUI 0.24.1 or newer" in errors and words in errors


def test_the_least_version_is_the_registrys(pack):
    settings = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert f'requires-comfyui = ">={pack.host.version.LEAST}"' in settings
    from comfyui_version import __version__

    assert pack.host.version.too_old() == "" and __version__
