"""Faces in files: our latents, pictures that carry theirs, and the latents of projectors and encoders."""

import base64
import binascii
import tempfile
from pathlib import Path

import torch
from PIL import Image

from ..errors import InputError
from ..gan import GanLatent, Generator
from ..gan.latent import FORMAT, THUMBNAILS
from ..native import load_tensors, read_metadata
from .arrays import read_arrays

PICTURE_KEY = "ddgi_latent"         # of the PNG text chunk that holds a latent's file in base64
# What projectors and encoders call their latents: NVIDIA and PTI, pSp and e4e, rosinality.
_NAMES = ("w", "ws", "w_plus", "wp", "latent", "latents", "latent_code", "codes")


def load_latent(path: str | Path, generator: Generator | None = None) -> GanLatent:
    """Faces of a file, whatever it is.

    Args:
        path: one of our latents; a PNG that carries one; or .npz, .npy, .pt, .pth or .safetensors of NVIDIA's
            projector, PTI, pSp, e4e, rosinality's projector: w [N, w_dim] or w+ [N, num_ws, w_dim].
        generator: whose latents a foreign file holds, which does not say so itself.

    Raises:
        InputError: missing, damaged, without a latent, of other sizes, or foreign and no generator was named.
    """
    path = Path(path)
    if path.suffix.lower() == ".png" and path.is_file():
        return latent_of_picture(path)
    if path.suffix == ".safetensors" and path.is_file() and read_metadata(path).get("format") not in (None, "pt"):
        return GanLatent.load(path)
    arrays = read_arrays(path)
    if generator is None:
        raise InputError(f"{path.name} does not say for which generator its faces were made; connect that generator.")
    return _foreign(arrays, path.name, generator)


def latent_text(latent: GanLatent) -> str:
    """A latent as text for a picture; `latent_of_text` gives it back bit for bit."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "latent.safetensors"
        latent.save(path)
        return base64.b64encode(path.read_bytes()).decode("ascii")


def latent_of_text(text: str, name: str) -> GanLatent:
    """The latent of `latent_text`; `name` is the file's, for messages."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{Path(name).stem}.safetensors"
        try:
            path.write_bytes(base64.b64decode(text, validate=True))
        except (binascii.Error, ValueError) as error:
            raise InputError(f"{name} carries a damaged face; use the file as it was saved.") from error
        return GanLatent.load(path)


def latent_of_picture(path: str | Path) -> GanLatent:
    """The latent that a PNG carries.

    Raises:
        InputError: no readable PNG, or one without a latent.
    """
    path = Path(path)
    try:
        with Image.open(path) as picture:
            text = getattr(picture, "text", {}).get(PICTURE_KEY)
    except (OSError, ValueError, SyntaxError) as error:     # what Pillow raises for damaged files
        raise InputError(f"{path.name} cannot be read as a picture; use the file as it was saved.") from error
    if text is None:
        raise InputError(f"{path.name} carries no face; use a PNG of DDGI Save Face Picture that no other program has "
                         f"saved since, or DDGI Project Image for any picture.")
    return latent_of_text(text, path.name)


def read_thumbnails(path: str | Path) -> torch.Tensor | None:
    """uint8 [N, h, w, 3] of the small pictures in one of our latent files; None where it has none."""
    pictures = load_tensors(path, format=FORMAT)[0].get(THUMBNAILS)
    is_usable = pictures is not None and pictures.dtype == torch.uint8 and pictures.ndim == 4 and len(pictures)
    return pictures if is_usable and pictures.shape[-1] == 3 else None


def _foreign(arrays: dict[str, torch.Tensor], file: str, generator: Generator) -> GanLatent:
    num_ws, w_dim = generator.config.num_ws, generator.config.w_dim
    named = {name: value for name, value in arrays.items() if name.rsplit(".", 1)[-1] in _NAMES} or arrays
    faces = [_faces(value, num_ws, w_dim) for value in named.values()]
    if any(face is None for face in faces):
        shapes = ", ".join(f"{name or 'an array'} {list(value.shape)}" for name, value in [*named.items()][:4])
        raise InputError(f"{file} holds {shapes}; a face of {generator.name!r} has [{w_dim}] (w) or "
                         f"[{num_ws}, {w_dim}] (w+) numbers.")
    record = {"method": "file", "file": file}
    return GanLatent(torch.cat(faces), generator.fingerprint, generator.name, None, generator.lineage.ancestry, record)


def _faces(value: torch.Tensor, num_ws: int, w_dim: int) -> torch.Tensor | None:
    """[N, num_ws, w_dim] of an array of w or w+; None where it is neither."""
    if value.shape[-1:] != (w_dim,) or value.ndim > 3:
        return None
    if value.shape[-2:] == (num_ws, w_dim):
        return value.reshape(-1, num_ws, w_dim)
    if value.ndim == 3 and value.shape[1] != 1:
        return None
    return value.reshape(-1, 1, w_dim).expand(-1, num_ws, -1).clone()
