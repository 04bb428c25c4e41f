"""Nodes that keep latents in files and pictures, so that a face found once can be rendered again anywhere."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

import folder_paths
import numpy as np
import torch
from comfy_api.latest import io, ui
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from ..ddgi.errors import InputError
from ..ddgi.files import atomic_path
from ..ddgi.pictures import image_from_bytes, image_to_bytes, resize
from ..host.folders import output_place
from ..host.graphs import graph_notes, origin
from ..host.listing import Listing
from ..host.managed import ManagedModel
from ..host.sockets import LATENT, Generator, Latent

if TYPE_CHECKING:
    from ..ddgi.gan import GanLatent

SUFFIX = ".latent.safetensors"
FOREIGN = (".npz", ".npy", ".pt", ".pth")   # that ddgi.latents.load_latent reads
_LATENTS, _FOREIGN, _PICTURES = Listing(SUFFIX), Listing(*FOREIGN), Listing(".png")
THUMBNAIL = 256     # pixels


class SaveLatent(io.ComfyNode):
    """A latent to a file in ComfyUI's output folder."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="DDGISaveLatent",
            display_name="DDGI Save Latent",
            category=LATENT,
            description="Saves faces as a small file that DDGI Load Latent reads back. Drop the file on the canvas to "
                        "get its workflow back.",
            search_aliases=["keep face", "w+", "character"],
            inputs=[
                Latent.Input("latent", tooltip="The faces to keep."),
                io.String.Input("filename_prefix", default="ddgi/face",
                                tooltip="The folder and name inside ComfyUI's output folder; a number is added."),
                io.Image.Input("image", optional=True, tooltip="The rendered faces; the file keeps small pictures of "
                                                               "them, and this node shows them."),
            ],
            outputs=[Latent.Output(display_name="latent", tooltip="The same faces, to go on with.")],
            hidden=[io.Hidden.prompt, io.Hidden.extra_pnginfo, io.Hidden.unique_id],
            is_output_node=True,
        )

    @classmethod
    def execute(cls, latent: GanLatent, filename_prefix: str, image: torch.Tensor | None = None) -> io.NodeOutput:
        folder, name, counter, subfolder = output_place(filename_prefix)
        file_name = f"{name}_{counter:05}_{SUFFIX}"
        small = None if image is None else image_to_bytes(_small(image))
        _with_origin(cls, latent).save(Path(folder) / file_name, thumbnails=small, notes=_notes(cls))
        shown = {"latents": [ui.SavedResult(file_name, subfolder, io.FolderType.output)]}
        if small is not None:
            shown |= ui.PreviewImage(image_from_bytes(small)).as_dict()
        return io.NodeOutput(latent, ui=shown)


class LoadLatent(io.ComfyNode):
    """A latent back from the input or output folder."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="DDGILoadLatent",
            display_name="DDGI Load Latent",
            category=LATENT,
            description="Loads faces saved by DDGI Save Latent from ComfyUI's output or input folder, or latents of "
                        "other programs from the input folder: .npz of NVIDIA's projector, .pt and .npy of pSp, e4e "
                        "and PTI. Nothing inside the file is executed.",
            search_aliases=["saved face", "w+", "character", "edit", "npz", "inversion"],
            inputs=[
                io.Combo.Input("latent_name", options=_latent_names(),
                               tooltip="A file that ends in .latent.safetensors, or an .npz, .npy, .pt or .pth file in "
                                       "the input folder. Press R to refresh the list."),
                Generator.Input("generator", optional=True,
                                tooltip="The generator that a file of another program was made for, which such files "
                                        "do not say; files of this pack do not need it."),
            ],
            outputs=[Latent.Output(display_name="latent", tooltip="The faces, for DDGI Render Face.")],
        )

    @classmethod
    def validate_inputs(cls, latent_name: str) -> bool | str:
        try:
            _latent_path(latent_name)
        except InputError as error:
            return str(error)
        return True

    @classmethod
    def fingerprint_inputs(cls, latent_name: str, **others) -> float:
        return _latent_path(latent_name).stat().st_mtime

    @classmethod
    def execute(cls, latent_name: str, generator: ManagedModel | None = None) -> io.NodeOutput:
        from ..ddgi.latents import load_latent
        from ..ddgi.latents.latent_files import read_thumbnails

        path = _latent_path(latent_name)
        latent = load_latent(path, None if generator is None else generator.value)
        small = read_thumbnails(path) if path.name.endswith(SUFFIX) else None
        shown = None if small is None else ui.PreviewImage(image_from_bytes(small))
        return io.NodeOutput(latent, ui=shown)


class SaveFacePicture(io.ComfyNode):
    """Pictures that carry their latents."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="DDGISaveFacePicture",
            display_name="DDGI Save Face Picture",
            category=LATENT,
            description="Saves PNG pictures that carry their faces: DDGI Load Face Picture gets the very same face out "
                        "of such a file, to edit and render it again.",
            search_aliases=["save image", "png", "character", "portrait", "keep face"],
            inputs=[
                io.Image.Input("image", tooltip="The rendered pictures."),
                Latent.Input("latent", tooltip="The faces they show, in the same order; several pictures of each face "
                                               "may follow each other."),
                io.String.Input("filename_prefix", default="ddgi/face",
                                tooltip="The folder and name inside ComfyUI's output folder; a number is added."),
            ],
            hidden=[io.Hidden.prompt, io.Hidden.extra_pnginfo, io.Hidden.unique_id],
            is_output_node=True,
            outputs=[Latent.Output(display_name="latent", tooltip="The same faces, to go on with.")],
        )

    @classmethod
    def execute(cls, image: torch.Tensor, latent: GanLatent, filename_prefix: str) -> io.NodeOutput:
        from ..ddgi.latents import latent_text, pick
        from ..ddgi.latents.latent_files import PICTURE_KEY

        faces = len(latent.ws)
        if len(image) % faces:
            raise InputError(f"{len(image)} pictures were given with {faces} faces; give the pictures that DDGI Render "
                             f"Face made of these faces.")
        folder, name, counter, subfolder = output_place(filename_prefix, image.shape[2], image.shape[1])
        kept, views, notes, saved = _with_origin(cls, latent), len(image) // faces, _notes(cls), []
        for index, picture in enumerate((image.cpu().numpy() * 255).clip(0, 255).astype(np.uint8)):
            file_name = f"{name}_{counter + index:05}_.png"
            _save_picture(Path(folder) / file_name, picture, {
                **notes, PICTURE_KEY: latent_text(pick(kept, [index // views]))})
            saved.append(ui.SavedResult(file_name, subfolder, io.FolderType.output))
        return io.NodeOutput(latent, ui=ui.SavedImages(saved))


class LoadFacePicture(io.ComfyNode):
    """The latent that a picture carries."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="DDGILoadFacePicture",
            display_name="DDGI Load Face Picture",
            category=LATENT,
            description="Gets the face out of a PNG that DDGI Save Face Picture saved: drop the picture on this node. "
                        "Other pictures need DDGI Project Image.",
            search_aliases=["load image", "png", "character", "portrait", "saved face"],
            inputs=[io.Combo.Input("image", options=_pictures(), upload=io.UploadType.image,
                                   image_folder=io.FolderType.input,
                                   tooltip="A PNG in ComfyUI's input folder, or one that you drop or upload here.")],
            outputs=[Latent.Output(display_name="latent", tooltip="The face, the same to the last bit."),
                     io.Image.Output(display_name="image", tooltip="The picture itself.")],
        )

    @classmethod
    def validate_inputs(cls, image: str) -> bool | str:
        if not folder_paths.exists_annotated_filepath(image):
            return f"There is no picture {image!r} in ComfyUI's input folder; drop it on the node."
        return True

    @classmethod
    def fingerprint_inputs(cls, image: str) -> float:
        return Path(folder_paths.get_annotated_filepath(image)).stat().st_mtime

    @classmethod
    def execute(cls, image: str) -> io.NodeOutput:
        from ..ddgi.latents import latent_of_picture

        path = Path(folder_paths.get_annotated_filepath(image))
        latent = latent_of_picture(path)
        with Image.open(path) as picture:
            pixels = np.array(picture.convert("RGB"))
        return io.NodeOutput(latent, image_from_bytes(torch.from_numpy(pixels))[None])


def _with_origin(node: type[io.ComfyNode], latent: GanLatent) -> GanLatent:
    """The latent with the texts and seeds of the graph in its record, where it has none of its own."""
    return dataclasses.replace(latent, record={**origin(node.hidden.prompt, node.hidden.unique_id), **latent.record})


def _notes(node: type[io.ComfyNode]) -> dict[str, str]:
    return graph_notes(node.hidden.prompt, node.hidden.extra_pnginfo)


def _small(image: torch.Tensor) -> torch.Tensor:
    """IMAGE no larger than a thumbnail."""
    if max(image.shape[1:3]) <= THUMBNAIL:
        return image[..., :3]
    return resize(image[..., :3].movedim(-1, 1), THUMBNAIL).movedim(1, -1)


def _save_picture(path: Path, pixels: np.ndarray, texts: dict[str, str]) -> None:
    info = PngInfo()
    for name, text in texts.items():
        info.add_text(name, text)
    with atomic_path(path) as temporary:
        Image.fromarray(pixels[..., :3]).save(temporary, format="PNG", pnginfo=info, compress_level=4)


def _pictures() -> list[str]:
    return sorted(name for _, name in _PICTURES.names(folder_paths.get_input_directory()) if "/" not in name)


def _latent_names() -> list[str]:
    """Files of the output and input folder in core's annotated form, newest first; then those of other programs."""
    roots = {"output": folder_paths.get_output_directory(), "input": folder_paths.get_input_directory()}
    found = [(-changed, f"{name} [{kind}]") for kind, root in roots.items() for changed, name in _LATENTS.names(root)]
    return [name for _, name in sorted(found)] + sorted(f"{name} [input]" for _, name in _FOREIGN.names(roots["input"]))


def _latent_path(name: str) -> Path:
    try:
        path = Path(folder_paths.get_annotated_filepath(name))
    except ValueError:
        path = None
    if path is None or not path.is_file():
        raise InputError(f"There is no latent {name!r}; save one with DDGI Save Latent, or put a {SUFFIX} file into "
                         f"ComfyUI's input folder, then press R to refresh the list.")
    return path


NODES = [SaveLatent, LoadLatent, SaveFacePicture, LoadFacePicture]
