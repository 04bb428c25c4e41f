"""Rules that hold for the whole tree: layers, host imports, characters, layer classes, sizes."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LIBRARY = ROOT / "ddgi"
SOURCES = sorted(path for folder in ("ddgi", "host", "nodes", "tests") for path in (ROOT / folder).rglob("*.py"))
SOURCES.append(ROOT / "__init__.py")

HOST = {"comfy", "comfy_api", "comfy_extras", "comfy_execution", "folder_paths", "nodes", "server", "execution",
        "node_helpers", "latent_preview", "app"}

# From the bottom up; a module may import from its own layer and from those below.
LAYERS = (
    {"errors", "config", "fields", "files", "palette", "facemask", "scribble", "roughness", "sketch", "pictures",
     "perceptual", "cameras", "geometry", "lock", "ops", "seeds", "stopwatch"},
    {"features", "gan", "faces"},
    {"bridge", "mesh"},
    {"checkpoints"},
    {"latents"},
    {"training", "evaluation", "headworld"},
    {"demo", "benchmark"},
    {"runner", "commands", "cli", "__main__"},
)
LEVEL = {name: level for level, layer in enumerate(LAYERS) for name in layer}


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imports(path: Path) -> list[tuple[int, str]]:
    """(relative level, dotted name) of every import statement, also those inside functions."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [(0, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module] if node.module else [alias.name for alias in node.names]
            found += [(node.level, name) for name in names]
    return found


def library_part(path: Path, level: int, name: str) -> str | None:
    """First name below `ddgi` that a relative import in `path` reaches, or None if it leaves `ddgi`."""
    package = list(path.relative_to(LIBRARY).parent.parts)
    if level - 1 > len(package):
        return None
    return [*package[:len(package) - (level - 1)], *name.split(".")][0]


@pytest.mark.parametrize("path", [p for p in SOURCES if LIBRARY in p.parents and "runner" not in p.parts], ids=relative)
def test_library_never_imports_the_host(path):
    assert not [name for level, name in imports(path) if level == 0 and name.split(".")[0] in HOST]


@pytest.mark.parametrize("path", [p for p in SOURCES if p.parent != LIBRARY and LIBRARY in p.parents], ids=relative)
def test_nothing_in_the_library_imports_upwards(path):
    own = LEVEL[path.relative_to(LIBRARY).parts[0]]
    reached = {library_part(path, level, name) for level, name in imports(path) if level}
    assert None not in reached, "the import leaves ddgi"
    assert not {part for part in reached if LEVEL[part] > own}


@pytest.mark.parametrize("path", [p for p in SOURCES if "tests" not in p.parts], ids=relative)
def test_imports_inside_the_pack_are_relative(path):
    assert not [name for level, name in imports(path) if level == 0 and name.split(".")[0] == "ddgi"]


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_sources_are_ascii_and_short(path):
    text = path.read_text(encoding="utf-8")
    assert text.isascii()
    assert "tests" in path.parts or len(text.splitlines()) <= 350


@pytest.mark.parametrize("path", [p for p in SOURCES if "tests" not in p.parts], ids=relative)
def test_layer_classes_come_from_operations(path):
    """Layer classes of torch, called as such, would escape ComfyUI's casting and memory management."""
    classes = {"Linear", "Conv1d", "Conv2d", "Conv3d", "ConvTranspose2d", "Embedding", "LayerNorm", "GroupNorm"}
    calls = [node.func for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)]
    bare = [call.attr for call in calls if isinstance(call, ast.Attribute) and call.attr in classes
            and isinstance(call.value, ast.Name | ast.Attribute) and ast.unparse(call.value) in ("nn", "torch.nn")]
    assert not bare


@pytest.mark.parametrize("path", [p for p in SOURCES if "tests" not in p.parts], ids=relative)
def test_no_hard_wired_device_and_no_unsafe_reading(path):
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"\.cuda\(", text) and "weights_only=False" not in text
    assert not [name for _, name in imports(path) if name.split(".")[0] in ("pickle", "dill", "joblib")]


def test_installing_the_project_never_installs_a_package_nodes():
    tomllib = pytest.importorskip("tomllib")
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert settings["tool"]["setuptools"]["packages"]["find"]["include"] == ["ddgi", "ddgi.*"]
    assert settings["project"]["dependencies"] == []
