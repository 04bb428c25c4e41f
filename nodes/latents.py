"""Nodes that keep latents in files, so that a face found once can be rendered again anywhere."""

from pathlib import Path

import folder_paths
from comfy_api.latest import io, ui

from .. import ddgi
from ..ddgi.errors import InputError
from ..host.listing import Listing
from .types import LATENT, Latent

SUFFIX = ".latent.safetensors"
_LATENTS = Listing(SUFFIX)


class SaveLatent(io.ComfyNode):
    """A latent to a file in ComfyUI's output folder."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="DDGISaveLatent",
            display_name="DDGI Save Latent",
            category=LATENT,
            description="Saves faces as a small file that DDGI Load Latent reads back.",
            search_aliases=["keep face", "w+", "character"],
            inputs=[
                Latent.Input("latent", tooltip="The faces to keep."),
                io.String.Input("filename_prefix", default="ddgi/face",
                                tooltip="The folder and name inside ComfyUI's output folder; a number is added."),
            ],
            outputs=[Latent.Output(display_name="latent", tooltip="The same faces, to go on with.")],
            hidden=[io.Hidden.prompt],
            is_output_node=True,
        )

    @classmethod
    def execute(cls, latent: "ddgi.GanLatent", filename_prefix: str) -> io.NodeOutput:
        folder, name, counter, subfolder, _ = folder_paths.get_save_image_path(
            filename_prefix, folder_paths.get_output_directory())
        file_name = f"{name}_{counter:05}_{SUFFIX}"
        latent.save(Path(folder) / file_name, provenance={"prompt": cls.hidden.prompt})
        saved = ui.SavedResult(file_name, subfolder, io.FolderType.output)
        return io.NodeOutput(latent, ui={"latents": [saved]})


class LoadLatent(io.ComfyNode):
    """A latent back from the input or output folder."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="DDGILoadLatent",
            display_name="DDGI Load Latent",
            category=LATENT,
            description="Loads faces saved by DDGI Save Latent from ComfyUI's output or input folder.",
            search_aliases=["saved face", "w+", "character", "edit"],
            inputs=[io.Combo.Input("latent_name", options=_latent_names(),
                                   tooltip="A file that ends in .latent.safetensors. Press R to refresh the list.")],
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
    def fingerprint_inputs(cls, latent_name: str) -> float:
        return _latent_path(latent_name).stat().st_mtime

    @classmethod
    def execute(cls, latent_name: str) -> io.NodeOutput:
        return io.NodeOutput(ddgi.GanLatent.load(_latent_path(latent_name)))


def _latent_names() -> list[str]:
    """Files of the output and input folder in core's annotated form, newest first."""
    roots = {"output": folder_paths.get_output_directory(), "input": folder_paths.get_input_directory()}
    found = [(-changed, f"{name} [{kind}]") for kind, root in roots.items() for changed, name in _LATENTS.names(root)]
    return [name for _, name in sorted(found)]


def _latent_path(name: str) -> Path:
    try:
        path = Path(folder_paths.get_annotated_filepath(name))
    except ValueError:
        path = None
    if path is None or not path.is_file():
        raise InputError(f"There is no latent {name!r}; save one with DDGI Save Latent, or put a {SUFFIX} file into "
                         f"ComfyUI's input folder, then press R to refresh the list.")
    return path


NODES = [SaveLatent, LoadLatent]
