"""Rules that hold for the whole tree: rooms, floors, plain imports, characters, sizes, layer classes.

Each rule is a loop that gathers what breaks it, so that a failure names every place.
"""

import ast
import functools
import graphlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LIBRARY = ROOT / "ddgi"
PACK = [ROOT / "__init__.py", *sorted(p for room in ("ddgi", "host", "nodes") for p in (ROOT / room).rglob("*.py"))]
TESTS = sorted((ROOT / "tests").rglob("*.py"))

HOST = {"comfy", "comfy_api", "comfy_extras", "comfy_execution", "comfyui_version", "folder_paths", "nodes", "server",
        "execution", "node_helpers", "latent_preview", "app"}
# The rooms that a room may import from; `__init__.py` at the top is ComfyUI's door to all of them.
ROOMS = {"nodes": {"nodes", "host", "ddgi"}, "host": {"host", "ddgi"}, "ddgi": {"ddgi"}}

# The library from the bottom up; a module may import from its own floor and from those below.
FLOORS = (
    {"errors", "config", "fields", "files", "native", "palette", "facemask", "lettering", "painting", "scribble",
     "roughness", "sketch", "pictures", "perceptual", "lpips", "cameras", "geometry", "lock", "memory", "ops",
     "seeds", "stopwatch"},
    {"features", "gan", "faces", "bridge"},
    {"checkpoints", "mesh"},
    {"latents"},
    {"training", "evaluation", "headworld"},
    {"style", "projection"},
    {"batch", "benchmark", "demo"},
    {"runner", "commands", "cli", "__main__"},
)
FLOOR = {name: number for number, floor in enumerate(FLOORS) for name in floor}
# Where modules are found by name: the runner loads the pack as ComfyUI does, and a node file only has to be there.
BY_NAME = ("ddgi/runner/", "nodes/__init__.py")


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@functools.cache
def syntax(path: Path) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))


@functools.cache
def imports(path: Path) -> tuple[str, ...]:
    """Every module that import statements name, also those inside functions.

    Relative ones with their whole way from the root, "/" in front: "/ddgi/errors".
    """
    found = []
    for node in syntax(path):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module] if node.module else [alias.name for alias in node.names]
            folder = path.parents[node.level - 1].relative_to(ROOT.parent).parts[1:] if node.level else ()
            found += ["/" * bool(node.level) + "/".join([*folder, *name.split(".")]) for name in names]
    return tuple(found)


def part(module: str) -> str:
    """First name below `ddgi` of a module in `imports`' form."""
    return module.split("/")[2]


def library() -> list[tuple[Path, str]]:
    """Every file below `ddgi`, with the part that it is or belongs to."""
    return [(path, path.relative_to(LIBRARY).parts[0].removesuffix(".py")) for path in PACK
            if path.is_relative_to(LIBRARY) and path != LIBRARY / "__init__.py"]


def test_nodes_stand_on_host_and_host_on_the_library():
    up = [f"{relative(path)} imports {module}" for path in PACK[1:] for module in imports(path)
          if module.startswith("/") and module.split("/")[1] not in ROOMS[relative(path).split("/")[0]]]
    assert not up


def test_nothing_in_the_library_imports_upwards():
    up = [f"{relative(path)} imports {module}" for path, name in library() for module in imports(path)
          if module.startswith("/ddgi/") and FLOOR[part(module)] > FLOOR[name]]
    assert not up


def test_no_parts_of_the_library_import_each_other():
    graph = {}
    for path, name in library():
        reached = {part(module) for module in imports(path) if module.startswith("/ddgi/")}
        graph.setdefault(name, set()).update(reached - {name})
    graphlib.TopologicalSorter(graph).prepare()     # a CycleError names the circle


def test_only_the_runner_knows_the_host():
    known = [f"{relative(path)} imports {module}" for path, name in library() if name != "runner"
             for module in imports(path) if module.replace("/", ".").split(".")[0] in HOST]
    assert not known


def test_imports_inside_the_pack_are_relative_and_plain():
    absolute = [f"{relative(path)} imports {module}" for path in PACK for module in imports(path)
                if module.replace("/", ".").split(".")[0] in ("ddgi", "host")]
    by_name = [f"{relative(path)}:{node.lineno}" for path in PACK if not relative(path).startswith(BY_NAME)
               for node in syntax(path) if isinstance(node, ast.Name | ast.Attribute)
               and getattr(node, "id", getattr(node, "attr", "")) in (
                   "import_module", "__import__", "spec_from_file_location", "run_module", "run_path")]
    assert not absolute and not by_name


def test_every_file_of_nodes_has_nodes():
    files = [path for path in PACK if path.parent == ROOT / "nodes" and path.stem != "__init__"]
    assert files
    assert not [relative(path) for path in files
                if not re.search(r"^NODES = \[", path.read_text(encoding="utf-8"), re.MULTILINE)]


def test_sources_are_ascii_and_short():
    texts = {path: path.read_text(encoding="utf-8") for path in (*PACK, *TESTS)}
    assert not [relative(path) for path, text in texts.items() if not text.isascii()]
    assert not [relative(path) for path in PACK if len(texts[path].splitlines()) > 350]


def test_layer_classes_come_from_operations():
    """Layer classes of torch, called as such, would escape ComfyUI's casting and memory management.

    Tests are looked at too, as the registry's checker does.
    """
    classes = {"Linear", "Conv1d", "Conv2d", "Conv3d", "ConvTranspose2d", "Embedding", "LayerNorm", "GroupNorm"}
    calls = [(path, node.func) for path in (*PACK, *TESTS) for node in syntax(path) if isinstance(node, ast.Call)]
    bare = [f"{relative(path)}:{call.lineno}" for path, call in calls
            if isinstance(call, ast.Attribute) and call.attr in classes
            and isinstance(call.value, ast.Name | ast.Attribute) and ast.unparse(call.value) in ("nn", "torch.nn")]
    assert not bare


def test_no_hard_wired_device_and_no_unsafe_reading():
    texts = {path: path.read_text(encoding="utf-8") for path in PACK}
    assert not [relative(path) for path, text in texts.items()
                if re.search(r"\.cuda\(", text) or "weights_only=False" in text]
    assert not [relative(path) for path in PACK for module in imports(path)
                if module.replace("/", ".").split(".")[0] in ("pickle", "dill", "joblib")]


def test_installing_the_project_never_installs_a_package_nodes():
    tomllib = pytest.importorskip("tomllib")
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert settings["tool"]["setuptools"]["packages"]["find"]["include"] == ["ddgi", "ddgi.*"]
    assert settings["project"]["dependencies"] == []
