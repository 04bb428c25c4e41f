"""Where ComfyUI finds our files: generators, bridges, directions, and networks that look at faces, in models/ddgi."""

from pathlib import Path

import folder_paths

from ..ddgi.demo import files
from ..ddgi.errors import InputError
from ..ddgi.faces.parsing import WEIGHTS
from ..ddgi.files import write_error
from ..ddgi.gan import labels

GENERATORS = "ddgi_generators"
BRIDGES = "ddgi_bridges"
DIRECTIONS = "ddgi_directions"
PARSERS = "ddgi_parsers"
CLIPS = "ddgi_clip"
IDENTITIES = "ddgi_identities"
DEMO = Path(__file__).resolve().parents[1] / "demo"
EXAMPLES = DEMO / "examples"
# What the drop-down of demo models says to the generator and the bridge that it gives.
DEMO_KINDS = {"2D face (StyleGAN2)": (files.GENERATOR, files.BRIDGE), "3D head (EG3D)": (files.EG3D, files.BRIDGE_3D)}

_KINDS = {
    GENERATORS: ("generators", {".safetensors", ".pkl", ".pt"}, "generator*.safetensors",
                 f"a {labels()} file (.safetensors of this pack, NVIDIA .pkl or rosinality .pt)"),
    BRIDGES: ("bridges", {".safetensors"}, "bridge*.safetensors", "a bridge file (.safetensors of this pack)"),
    DIRECTIONS: ("directions", {".safetensors", ".npy", ".npz", ".pt", ".pth"}, "directions*.safetensors",
                 "a file of directions (.safetensors of this pack, or .npy, .npz and .pt that people share)"),
    PARSERS: ("parsers", {".safetensors", ".pth", ".pt"}, "parser*.safetensors", WEIGHTS),
    CLIPS: ("clip", {".safetensors"}, "clip*.safetensors",
            "a whole CLIP model (.safetensors as transformers saves it)"),
    IDENTITIES: ("identities", {".safetensors", ".pth", ".pt"}, "identity*.safetensors",
                 "a face recognition file (IResNet-50 or IR-SE50)"),
}


def register() -> None:
    """Tell ComfyUI our model folders; folders a user named in extra_model_paths.yaml are kept."""
    for kind, (folder, suffixes, _, _) in _KINDS.items():
        paths = folder_paths.folder_names_and_paths.get(kind, ([], set()))[0]
        default = str(Path(folder_paths.models_dir) / "ddgi" / folder)
        folder_paths.folder_names_and_paths[kind] = (list(dict.fromkeys([*paths, default])), set(suffixes))


def file_names(kind: str) -> list[str]:
    """Names for a drop-down: the user's files, then the pack's demo files as demo/<name>."""
    demo = [f"demo/{path.name}" for path in sorted(DEMO.glob(_KINDS[kind][2]))]
    return folder_paths.get_filename_list(kind) + demo


def all_folders(kind: str) -> list[Path]:
    """The user's folders for this kind, then the pack's own."""
    return [Path(folder) for folder in folder_paths.get_folder_paths(kind)] + [DEMO]


def file_path(kind: str, name: str) -> Path:
    """The file behind a name of `file_names`.

    Raises:
        InputError: there is no such file; the message names the folder and what belongs in it.
    """
    demo = DEMO / Path(name).name
    if name.startswith("demo/") and demo.is_file():
        return demo
    path = folder_paths.get_full_path(kind, name)
    if path is None:
        raise InputError(what_is_missing(kind, f"file {name!r}"))
    return Path(path)


def output_place(prefix: str, width: int = 0, height: int = 0) -> tuple[str, str, int, str]:
    """Where core's nodes would save `prefix` next: (folder, name, number, folder inside the output folder).

    width, height: of the picture, for a prefix that names them.

    Raises:
        InputError: that folder cannot be made or read.
    """
    output = folder_paths.get_output_directory()
    try:
        return folder_paths.get_save_image_path(prefix, output, width, height)[:4]
    except OSError as error:
        raise write_error(Path(output) / prefix, error) from error


def what_is_missing(kind: str, what: str = "file") -> str:
    """The sentence that names the folder and what belongs in it."""
    places = " or ".join(folder_paths.get_folder_paths(kind))
    return f"There is no {what} in {places}; put {_KINDS[kind][3]} there and press R in ComfyUI to refresh the list."


def check_file(kind: str, name: str) -> bool | str:
    """For `validate_inputs`: True, or the sentence that says what is missing."""
    try:
        file_path(kind, name)
    except InputError as error:
        return str(error)
    return True
