"""DDGI for ComfyUI: faces from text, masks and scribbles by diffusion-driven GAN inversion.

The nodes are imported here and not inside the entrypoint: ComfyUI prints the traceback of a
failed import, but only the bare message of a failed entrypoint.
"""

import logging

from .host.version import too_old

if problem := too_old():
    logging.error(problem)
    NODE_CLASS_MAPPINGS = {}    # a pack without nodes: an exception would print a page around the one line that counts
else:
    from .nodes import DDGIExtension

    WEB_DIRECTORY = "./web"

    async def comfy_entrypoint() -> DDGIExtension:
        """What ComfyUI calls to get the nodes of this pack."""
        return DDGIExtension()
