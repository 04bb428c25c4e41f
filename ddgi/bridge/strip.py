"""How a face comes about: the face of each captured step, in a row."""

import dataclasses

import torch
from PIL import Image

from ..features import DiffusionFeatures
from ..gan import GanLatent, Generator
from ..lettering import lettered
from ..pictures import resize, to_bytes
from .bridge import Bridge


@torch.no_grad()
def step_strip(features: DiffusionFeatures, bridge: Bridge, generator: Generator,
               size: int = 192) -> tuple[GanLatent, Image.Image]:
    """The faces of all captured steps.

    Args:
        features: of B pictures at S steps, on the bridge's device.
        generator: the bridge's own, or a relative. size: of each picture, in pixels.

    Returns:
        Latents [B * S, num_ws, w_dim], the steps of the first face first; and a picture of B rows and S columns with
        the steps' numbers over them.

    Raises:
        InputError: features, bridge and generator do not belong together.
    """
    by_step = [bridge(features, number) for number in features.step_numbers]
    ws = torch.stack([latent.ws for latent in by_step], 1).flatten(0, 1).cpu()
    latents = dataclasses.replace(by_step[0], ws=ws)
    pictures = generator.render(latents, relative=True, noise_mode="const").image
    small = to_bytes(resize(pictures.float(), size).clamp(-1, 1)).cpu()
    rows = small.unflatten(0, (features.batch_size, len(by_step)))
    heads = [f"step {number}" for number in features.step_numbers]
    return latents, lettered(rows, [""] * len(rows), heads)
