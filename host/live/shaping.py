"""A face that follows sliders, and a head that follows a drag."""

import dataclasses
from collections.abc import Sequence

import torch

from ...ddgi.errors import InputError
from ...ddgi.gan import EG3DGenerator, GanLatent
from ...ddgi.latents import Move, edit, pick, unmoved
from ..managed import ManagedModel
from .sessions import Session, View, check_number

MOST_STRENGTH = 20.0


@dataclasses.dataclass(frozen=True)
class SliderRequest(View):
    """What sliders send.

    Attributes:
        strengths: one for each direction.

    Raises:
        InputError: a value of another type or out of range.
    """

    strengths: tuple[float, ...] = ()

    def __post_init__(self):
        super().__post_init__()
        if not isinstance(self.strengths, (list, tuple)):
            raise InputError("The strengths must be a list of numbers.")
        for strength in self.strengths:
            check_number("strength", strength, -MOST_STRENGTH, MOST_STRENGTH)
        object.__setattr__(self, "strengths", tuple(self.strengths))


class SliderFace(Session):
    """The first face of a latent, moved along directions as far as the sliders say.

    moves: directions and layers of what was run; a request has the strengths. keep_unmoved: as in *DDGI Edit Face*.

    Raises:
        InputError: the generator is a stranger to the latent or to a direction.
    """

    Request = SliderRequest

    def __init__(self, generator: ManagedModel, latent: GanLatent, moves: Sequence[Move], keep_unmoved: bool):
        latent.check(generator.value, relative=True)
        directions = {f"direction {slot}": move.direction for slot, move in enumerate(moves)}
        super().__init__(generator, latent=latent, **directions)
        self._layers, self._keep_unmoved = [move.layers for move in moves], keep_unmoved

    def latent(self, request: SliderRequest, held: dict) -> GanLatent:
        if len(request.strengths) != len(self._layers):
            raise InputError(f"{len(request.strengths)} strengths were sent for {len(self._layers)} directions; press "
                             f"Run, and the sliders follow the directions that are connected now.")
        moves = [Move(held[f"direction {slot}"], strength, layers)
                 for slot, (strength, layers) in enumerate(zip(request.strengths, self._layers))]
        return edit(pick(held["latent"], [0]), moves, unmoved(moves) if self._keep_unmoved else [])


class TurningHead(Session):
    """The first head of a latent, as it was rendered, from wherever it is looked at.

    truncation, noise_mode, seed, options: those that it was rendered with, see `EG3DGenerator.render`.
    """

    Request = View

    def __init__(self, generator: ManagedModel, latent: GanLatent, truncation: float, noise_mode: str, seed: int,
                 **options):
        super().__init__(generator, latent=latent)
        self._truncation, self._noise, self.options = truncation, (noise_mode, seed), options

    def latent(self, request: View, held: dict) -> GanLatent:
        head, network = pick(held["latent"], [0]), held["generator"].load()
        return dataclasses.replace(head, ws=network.truncate(head.ws.to(network.w_avg), self._truncation))

    def planes(self, network: EG3DGenerator, latent: GanLatent) -> torch.Tensor:
        return network.planes(latent.ws.to(network.w_avg), *self._noise)
