"""Passes of E by number: a number alone decides the sample, the denoising step and the noise.

So training can stop anywhere and go on with exactly what would have come, and features that are kept on
disk are the ones that would have been computed.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from ..bridge import BridgeConfig, BridgeInputs, bridge_inputs
from ..errors import InputError
from .batch import Batch
from .data import Sample, Source
from .denoising import draw_timestep
from .encoder import Encoder
from .own_images import OwnImages
from .space import LatentSpace
from .stage import batches


@dataclass(frozen=True)
class Plan:
    """Pass number `number`: item `index` of the source read at `timestep`; `own`: as the diffusion model finished it.

    seed: of the noise. sample_seed: of what the source draws (hint, caption, crop).
    """

    number: int
    index: int
    timestep: int
    own: bool
    seed: int
    sample_seed: int


class Passes:
    """What M or T is trained on.

    Args:
        source: samples with pictures.
        own: finished images; None where only true pictures are read.
        own_share: share of passes on the diffusion model's own images.
        denoising_steps: name of a distribution, see `denoising`.
    """

    def __init__(self, source: Source, encoder: Encoder, space: LatentSpace, config: BridgeConfig, *,
                 denoising_steps: str = "uniform", own: OwnImages | None = None, own_share: float = 0.0, seed: int = 0):
        self.source, self.encoder, self.space, self.config = source, encoder, space, config
        self.denoising_steps, self.seed = denoising_steps, seed
        self.own, self.own_share = own, own_share if own is not None else 0.0

    def plan(self, number: int) -> Plan:
        """What pass `number` (0, 1, ...) is; the source is shuffled anew each epoch."""
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + number)
        own = torch.rand((), generator=generator).item() < self.own_share
        timestep = draw_timestep(self.denoising_steps, self.encoder.num_timesteps, generator)
        seed, sample_seed = torch.randint(0, 2 ** 62, (2,), generator=generator).tolist()
        if own:
            index = self.own.indices[int(batches(len(self.own.indices), 1, number, self.seed))]
            return Plan(number, index, timestep, True, seed, self.own.sample_seed(index))
        return Plan(number, int(batches(len(self.source), 1, number, self.seed)), timestep, False, seed, sample_seed)

    def samples(self, plans: Sequence[Plan]) -> list[Sample]:
        """The samples of passes, each with a picture.

        Raises:
            InputError: one has none.
        """
        found = [self.source.sample(p.index, torch.Generator().manual_seed(p.sample_seed)) for p in plans]
        for sample in found:
            if sample.image is None:
                raise InputError(f"The sample {sample.name!r} has no picture, and training compares pictures; "
                                 f"use a source with pictures, or the generator's own samples.")
        return found

    def step(self, step: int, size: int) -> Batch:
        """What step `step` of a training with batches of `size` sees."""
        return self.batch(range(step * size, (step + 1) * size))

    def batch(self, numbers: Sequence[int]) -> Batch:
        """The passes `numbers`, read now."""
        plans = [self.plan(number) for number in numbers]
        samples = self.samples(plans)
        target = self.targets(plans, samples)
        return self.join(samples, target, self.read(plans, samples, target))

    def targets(self, plans: Sequence[Plan], samples: Sequence[Sample]) -> torch.Tensor:
        """I_0^d of passes on own images, I_gt of the others: [B, 3, R, R] in -1..1."""
        true = torch.stack([sample.image for sample in samples])
        if not any(plan.own for plan in plans):
            return true
        own = [self.own.image(plan.index, true.shape[-1]) if plan.own else picture
               for plan, picture in zip(plans, true)]
        return torch.stack(own)

    @torch.no_grad()
    def read(self, plans: Sequence[Plan], samples: Sequence[Sample], pictures: torch.Tensor) -> BridgeInputs:
        """E's reading of noised `pictures`."""
        timesteps = torch.tensor([plan.timestep for plan in plans])
        hints = torch.stack([sample.hint for sample in samples])
        features, words = self.encoder.encode(pictures, [sample.prompt for sample in samples], hints, timesteps,
                                              [plan.seed for plan in plans])
        return bridge_inputs(features, words, self.config)

    def join(self, samples: Sequence[Sample], target: torch.Tensor, inputs: BridgeInputs) -> Batch:
        """The batch, on the generator's device."""
        device, space = self.space.device, self.space
        has_w = torch.tensor([sample.w is not None for sample in samples])
        nothing = torch.zeros(space.num_ws, len(space.w_avg))
        ws = torch.stack([nothing if s.w is None else space.known(s.w.float().cpu()) for s in samples])
        return Batch(inputs.to(device, torch.float32), target.to(device),
                     torch.stack([sample.image for sample in samples]).to(device), ws.to(device), has_w.to(device),
                     self._cameras(samples))

    def _cameras(self, samples: Sequence[Sample]) -> torch.Tensor | None:
        """Labels [B, 25] for a 3D generator: a sample without a camera is seen from the front."""
        if not self.space.generator.is_3d:
            return None
        frontal = self.space.generator.frontal_camera[0]
        return torch.stack([frontal if s.camera is None else s.camera.to(frontal) for s in samples])
