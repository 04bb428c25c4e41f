"""Faces that a bridge reads from words alone: one U-Net pass on pure noise for each."""

import dataclasses
from collections.abc import Callable

import comfy.model_management
import torch

from ..ddgi.choices import choose
from ..ddgi.errors import InputError
from ..ddgi.gan import GanLatent
from ..ddgi.latents import stack
from .capture.encode import encode_latent
from .capture.words import WORDS_KEY, prompt_words
from .managed import ManagedModel
from .training.encoder import SIZE


def word_faces(model, clip, bridge: ManagedModel, text: str, count: int, seed: int, *, batch: int = 8, size: int = 0,
               progress: Callable[[int], None] = lambda done: None) -> GanLatent:
    """The bridge's reading of one prompt for `count` noises.

    Args:
        text: its choices, `ddgi.choices`, fall anew for every face.
        seed: of the noise and the choices; face i gets the same for every prompt and every `batch`, which only bounds
            memory.
        size: side of the pictures that the diffusion model thinks of; 0 is 512, or the demo model's own.
        progress: called with the number of faces read so far; it may raise to stop.

    Raises:
        InputError: an empty prompt, or a bridge for another diffusion model.
    """
    if not text.strip():
        raise InputError("One of the two prompts is empty; write what the face should look like, such as a face.")
    network = bridge.load()
    numbers: dict[str, list[int]] = {}
    for number in range(count):
        numbers.setdefault(choose(text, seed, number), []).append(number)
    empty, found = _empty_latent(model, size), {}
    for prompt, faces in numbers.items():
        tokens = clip.tokenize(prompt)
        positive = clip.encode_from_tokens_scheduled(tokens, add_dict={WORDS_KEY: prompt_words(clip, tokens)})
        for start in range(0, len(faces), batch):
            part = faces[start:start + batch]
            features = encode_latent(model, positive, empty.expand(len(part), -1, -1, -1), 1.0, seed, part)
            latent = network(features.to(bridge.device))
            ws = latent.ws.to(comfy.model_management.intermediate_device())
            found |= {face: dataclasses.replace(latent, ws=row[None]) for face, row in zip(part, ws)}
            progress(len(found))
    return stack([found[number] for number in range(count)])


def _empty_latent(model, size: int) -> torch.Tensor:
    """Zeros [1, C, h, w] in the shape of this model's latents."""
    latents = model.get_model_object("latent_format")
    side = (size or getattr(model.model.model_config, "trained_size", SIZE)) // latents.spacial_downscale_ratio
    if side < 8:
        raise InputError(f"A size of {size} gives latents of {side} px; use 0, or at least "
                         f"{8 * latents.spacial_downscale_ratio}.")
    return torch.zeros(1, latents.latent_channels, side, side)
