"""Generators between two relatives, by resolution.

Source: Pinkney and Adler 2020, "Resolution dependent GAN interpolation for controllable image synthesis between
domains" (layer swap), and Wang et al. 2019, "Deep network interpolation" (weighted blend).
"""

import torch

from ..config import check_number
from ..errors import InputError
from ..gan import Generator
from ..gan.lineage import joined_ancestry

MOST = 2.0      # strength: beyond 1 the second is exaggerated


def blend(first: Generator, second: Generator, strength: float = 1.0, lowest: int = 4, highest: int = 1024, *,
          name: str) -> Generator:
    """`first` with weights of its relative `second` at some resolutions.

    The mapping network and the mean latent stay those of `first`, so that its latents, directions and bridges keep
    their meaning; those of `second` are accepted, too.

    Args:
        strength: 0 keeps `first` to the last bit, 1 takes the weights of `second`, between are blends, up to 2
            exaggerates what tells `second` from `first`.
        lowest, highest: pixels per side of the layers that are blended, as in `Generator.resolution_of`: those from 32
            up keep shapes of `first` and take textures of `second`, those up to 16 the other way round.
        name: of the blend.

    Raises:
        InputError: strangers or generators of other sizes, with both names, or a value out of range.
    """
    check_number("The strength of a blend", strength, least=0.0, most=MOST)
    if lowest > highest:
        raise InputError(f"A blend from {lowest} to {highest} pixels was asked for; the first number must not be above "
                         f"the second.")
    ours, theirs = first.lineage, second.lineage
    if not ours.is_relative(theirs):
        raise InputError(f"{ours.called()} and {theirs.called()} are no relatives, so that their layers do not fit "
                         f"together; blend a generator with a copy that was fine-tuned, stylised or blended from it.")
    if type(first) is not type(second) or first.config != second.config:
        raise InputError(f"{ours.called()} and {theirs.called()} are generators of other sizes; blend two of the same "
                         f"sizes.")
    others, tensors = second.module.state_dict(), {}
    for key, value in first.module.state_dict().items():
        resolution = first.resolution_of(key)
        if resolution is not None and lowest <= resolution <= highest:
            value = torch.lerp(value, others[key].to(value), strength)
        tensors[key] = value
    record = {"of": [ours.name, theirs.name], "strength": strength, "lowest": lowest, "highest": highest}
    provenance = {**first.provenance, "blended": record, "ancestry": list(joined_ancestry([ours, theirs]))}
    return first.rebuilt(tensors, name, provenance)
