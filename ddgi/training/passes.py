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
from .parts import part_weights
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
        part_weights: whether small parts of the face count more where there are masks.
    """

    def __init__(self, source: Source, encoder: Encoder, space: LatentSpace, config: BridgeConfig, *,
                 denoising_steps: str = "uniform", own: OwnImages | None = None, own_share: float = 0.0, seed: int = 0,
                 part_weights: bool = True):
        self.source, self.encoder, self.space, self.config = source, encoder, space, config
        self.denoising_steps, self.seed, self.part_weights = denoising_steps, seed, part_weights
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
        seen = self.pictures(plans, samples)
        return self.join(plans, samples, seen, self.read(plans, samples, seen))

    def pictures(self, plans: Sequence[Plan], samples: Sequence[Sample]) -> torch.Tensor:
        """What E sees: I_0^d in passes on own images, I_gt in the others; [B, 3, R, R] in -1..1."""
        return torch.stack([self.own.image(plan.index, sample.image.shape[-1]) if plan.own else sample.image
                            for plan, sample in zip(plans, samples)])

    @torch.no_grad()
    def read(self, plans: Sequence[Plan], samples: Sequence[Sample], pictures: torch.Tensor) -> BridgeInputs:
        """E's reading of noised `pictures`."""
        timesteps = torch.tensor([plan.timestep for plan in plans])
        hints = torch.stack([sample.hint for sample in samples])
        features, words = self.encoder.encode(pictures, [sample.prompt for sample in samples], hints, timesteps,
                                              [plan.seed for plan in plans])
        return bridge_inputs(features, words, self.config)

    def join(self, plans: Sequence[Plan], samples: Sequence[Sample], seen: torch.Tensor,
             inputs: BridgeInputs) -> Batch:
        """The batch, on the generator's device.

        The finished image of a prompt that does not tell of the sample's picture shows somebody else, whose latent
        nobody knows.
        """
        device, space = self.space.device, self.space
        has_w = torch.tensor([sample.w is not None and (sample.described or not plan.own)
                              for plan, sample in zip(plans, samples)])
        nothing = torch.zeros(space.num_ws, len(space.w_avg))
        ws = torch.stack([nothing if s.w is None else space.known(s.w.float().cpu()) for s in samples])
        target, true = (torch.stack([_as_drawn(picture, sample) for picture, sample in zip(pictures, samples)])
                        for pictures in (seen, [sample.image for sample in samples]))
        return Batch(inputs.to(device, torch.float32), target.to(device), true.to(device), ws.to(device),
                     has_w.to(device), self._cameras(samples), self._weights(samples))

    def _weights(self, samples: Sequence[Sample]) -> torch.Tensor | None:
        """What each pixel counts, [B, 1, R, R]; samples without a mask count alike everywhere."""
        if not self.part_weights or all(sample.mask is None for sample in samples):
            return None
        side = samples[0].image.shape[-1]
        masks = [torch.zeros(side, side, dtype=torch.uint8) if s.mask is None else s.mask for s in samples]
        return part_weights(torch.stack(masks)).to(self.space.device)

    def _cameras(self, samples: Sequence[Sample]) -> torch.Tensor | None:
        """Labels [B, 25] for a 3D generator: a sample without a camera is seen from the front."""
        if not self.space.generator.is_3d:
            return None
        frontal = self.space.generator.frontal_camera[0]
        return torch.stack([frontal if s.camera is None else s.camera.to(frontal) for s in samples])


def _as_drawn(picture: torch.Tensor, sample: Sample) -> torch.Tensor:
    """A picture [3, R, R] as the generator would draw it: without its background where that draws heads alone."""
    return torch.where(sample.mask == 0, 1.0, picture) if sample.on_white else picture
