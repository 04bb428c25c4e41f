"""The demo models: a small diffusion model, ControlNet, generator and bridge in the core's own types."""

from pathlib import Path

from comfy_api.latest import io

from ..ddgi.demo.export import (
    CONTROL_FILE,
    CONTROL_FORMAT,
    DIFFUSION_FILE,
    DIFFUSION_FORMAT,
    EG3D_FILE,
    GENERATOR_FILE,
)
from ..ddgi.files import load_tensors
from . import core_models, folders
from .managed import managed_bridge, managed_generator
from .types import CATEGORY, Bridge, Generator

BRIDGE_FILE, BRIDGE_3D_FILE = "bridge_stylegan2.safetensors", "bridge_eg3d.safetensors"
# What the drop-down says to the generator and the bridge it gives.
KINDS = {"2D face (StyleGAN2)": (GENERATOR_FILE, BRIDGE_FILE), "3D head (EG3D)": (EG3D_FILE, BRIDGE_3D_FILE)}


def load_diffusion(folder: Path = folders.DEMO):
    """(MODEL, CLIP, VAE) of the demo diffusion file, all core classes.

    Raises:
        InputError: the file is missing or broken.
    """
    tensors, metadata = load_tensors(folder / DIFFUSION_FILE, format=DIFFUSION_FORMAT)
    config = core_models.DiffusionConfig(**metadata["config"])

    def part(name: str) -> dict:
        return {k.removeprefix(f"{name}."): v for k, v in tensors.items() if k.startswith(f"{name}.")}

    return (core_models.build_model(config, part("unet")),
            core_models.build_clip(config, folder / "tokenizer", part("text")),
            core_models.build_vae(config, part("vae")))


def load_control_net(folder: Path = folders.DEMO):
    """CONTROL_NET of the demo ControlNet file (hints: coloured face mask, or black lines on white)."""
    tensors, metadata = load_tensors(folder / CONTROL_FILE, format=CONTROL_FORMAT)
    return core_models.load_control_net(core_models.DiffusionConfig(**metadata["config"]), tensors)


class LoadDemoModels(io.ComfyNode):
    """Everything a first face needs, from the pack's own folder."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="DDGILoadDemoModels",
            display_name="DDGI Load Demo Models",
            category=CATEGORY,
            description="Loads the small models that come with this pack, trained on procedurally drawn 3D characters. "
                        "They need no download and run on a CPU in seconds; their pictures are small. Use them to "
                        "learn the nodes, then swap in your own checkpoint, ControlNet, generator and bridge.",
            search_aliases=["example models", "headworld"],
            inputs=[io.Combo.Input("kind", options=list(KINDS), default=next(iter(KINDS)), optional=True,
                                   tooltip="2D draws the face as the mask shows it. 3D makes a head for any camera, "
                                           "with depth and mesh.")],
            outputs=[io.Model.Output(), io.Clip.Output(), io.Vae.Output(), io.ControlNet.Output(),
                     Generator.Output(display_name="generator"), Bridge.Output(display_name="bridge")],
        )

    @classmethod
    def fingerprint_inputs(cls, kind: str = "") -> list[float]:
        return [path.stat().st_mtime for path in sorted(folders.DEMO.glob("*.safetensors"))]

    @classmethod
    def execute(cls, kind: str = next(iter(KINDS))) -> io.NodeOutput:
        model, clip, vae = load_diffusion()
        generator, bridge = KINDS[kind]
        return io.NodeOutput(model, clip, vae, load_control_net(), managed_generator(folders.DEMO / generator),
                             managed_bridge(folders.DEMO / bridge))


NODES = [LoadDemoModels]
