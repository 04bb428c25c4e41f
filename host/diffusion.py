"""The diffusion model with what belongs to it, from files by path or by name in ComfyUI's model folders."""

import contextlib
from dataclasses import dataclass
from pathlib import Path

import comfy.controlnet
import comfy.sd
import comfy.utils
import folder_paths

from ..ddgi.errors import InputError, first_line
from . import demo_models, folders

DEMO = "demo"


@dataclass(frozen=True)
class Diffusion:
    """Core's MODEL, CLIP, VAE and CONTROL_NET (None: words alone) that work together."""

    model: object
    clip: object
    vae: object
    control_net: object = None


def open_diffusion(checkpoint: str = DEMO, control_net: str = "", vae: str = "",
                   demo: Path = folders.DEMO) -> Diffusion:
    """Load a diffusion model.

    Args:
        checkpoint: a Stable Diffusion file, or "demo" for the demo models in the folder `demo`, ControlNet included.
        control_net: its file; empty is none, or the demo's.
        vae: its file; empty is the checkpoint's.

    Raises:
        InputError: a file is missing, or of another kind.
    """
    if checkpoint == DEMO:
        model, clip, own_vae = demo_models.load_diffusion(demo)
    else:
        file = model_file("checkpoints", checkpoint)
        with _reading(file, "checkpoint"):
            model, clip, own_vae = comfy.sd.load_checkpoint_guess_config(str(file))[:3]
        if model is None or clip is None:
            lacking = "diffusion" if model is None else "text"
            raise InputError(f"{checkpoint} has no {lacking} model; use a whole Stable Diffusion checkpoint.")
    if vae:
        file = model_file("vae", vae)
        with _reading(file, "VAE"):
            own_vae = comfy.sd.VAE(sd=comfy.utils.load_torch_file(str(file), safe_load=True))
    with _reading(vae or checkpoint, "VAE"):
        own_vae.throw_exception_if_invalid()
    return Diffusion(model, clip, own_vae, _open_control_net(control_net, checkpoint == DEMO, demo))


def _open_control_net(name: str, is_demo: bool, demo: Path):
    if not name:
        return demo_models.load_control_net(demo) if is_demo else None
    file = model_file("controlnet", name)
    with _reading(file, "ControlNet"):
        found = comfy.controlnet.load_controlnet(str(file))
    if found is None:
        raise InputError(f"{name} is no ControlNet that ComfyUI knows; choose another file.")
    return found


@contextlib.contextmanager
def _reading(file: Path | str, kind: str):
    """Whatever ComfyUI raises at a file of another kind, or a broken one, becomes a sentence."""
    try:
        yield
    except Exception as error:
        raise InputError(f"{file} cannot be used as a {kind} ({first_line(error)}); choose another file, or download "
                         f"it again.") from error


def model_file(kind: str, name: str) -> Path:
    """A path, or a name in one of ComfyUI's folders of `kind`.

    Raises:
        InputError: there is neither.
    """
    if Path(name).is_file():
        return Path(name)
    found = folder_paths.get_full_path(kind, name)
    if found is None:
        places = " or ".join(folder_paths.get_folder_paths(kind))
        raise InputError(f"There is no file {name!r} here and none of that name in {places}; put it there, or give its "
                         f"path.")
    return Path(found)


def own_file(kind: str, name: str) -> Path:
    """A path, or a name in the pack's folder of `kind` (see `folders`).

    Raises:
        InputError: there is neither.
    """
    return Path(name) if Path(name).is_file() else folders.file_path(kind, name)
