"""DDGI for ComfyUI: faces from text, masks and scribbles by diffusion-driven GAN inversion.

The nodes are imported here and not inside the entrypoint: ComfyUI prints the traceback of a
failed import, but only the bare message of a failed entrypoint.
"""

from .nodes import DDGIExtension

WEB_DIRECTORY = "./web"


async def comfy_entrypoint() -> DDGIExtension:
    """What ComfyUI calls to get the nodes of this pack."""
    return DDGIExtension()


__all__ = ["WEB_DIRECTORY", "comfy_entrypoint"]
