"""Passes of E by number: a number alone decides the sample, the denoising step and the noise.

So training can stop anywhere and go on with exactly what would have come, and features that are kept on
disk are the ones that would have been computed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from ..bridge import BridgeConfig, BridgeInputs, bridge_inputs
from ..errors import InputError
from ..seeds import numbered, seeded
from .data import Sample, Source
from .data.rows import KeptRows, Progress, Tensors
from .denoising import draw_timestep
from .encoder import Encoder, OwnImages
from .losses import part_weights
from .space import LatentSpace
from .stage import batches

KEPT_ROWS = 16  # passes in a file


@dataclass(frozen=True)
class Batch:
    """B passes of E.

    Attributes:
        inputs: what M and T read.
        target: [B, 3, R, R] in -1..1, what the picture should look like: I_gt, or I_0^d.
        true: [B, 3, R, R], I_gt: whose face it should be.
        ws: [B, num_ws, w_dim], the latents that the data knows; zero where `has_w` [B] is False.
        camera: labels [B, 25], or None: all from the front.
        weight: [B, 1, R, R], what each pixel of `target` counts, see `losses.part_weights`; None: all alike.
    """

    inputs: BridgeInputs
    target: torch.Tensor
    true: torch.Tensor
    ws: torch.Tensor
    has_w: torch.Tensor
    camera: torch.Tensor | None = None
    weight: torch.Tensor | None = None

    def __len__(self) -> int:
        return len(self.has_w)


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
        rng = numbered(self.seed, number)
        own = torch.rand((), generator=rng).item() < self.own_share
        timestep = draw_timestep(self.denoising_steps, self.encoder.num_timesteps, rng)
        seed, sample_seed = torch.randint(0, 2 ** 62, (2,), generator=rng).tolist()
        if own:
            index = self.own.indices[int(batches(len(self.own.indices), 1, number, self.seed))]
            return Plan(number, index, timestep, True, seed, self.own.sample_seed(index))
        return Plan(number, int(batches(len(self.source), 1, number, self.seed)), timestep, False, seed, sample_seed)

    def samples(self, plans: Sequence[Plan]) -> list[Sample]:
        """The samples of passes, each with a picture.

        Raises:
            InputError: one has none.
        """
        found = [self.source.sample(p.index, seeded(p.sample_seed)) for p in plans]
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
        features, words = self.encoder.encode(pictures, [sample.prompt for sample in samples],
                                              [sample.hint for sample in samples], timesteps,
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
        timestep = torch.tensor([float(plan.timestep) for plan in plans])
        inputs = replace(inputs.to(device, torch.float32), timestep=timestep.to(device))
        target, true = (torch.stack([_as_drawn(picture, sample) for picture, sample in zip(pictures, samples)])
                        for pictures in (seen, [sample.image for sample in samples]))
        return Batch(inputs, target.to(device), true.to(device), ws.to(device),
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
        labels = self.space.generator.camera_labels([sample.camera for sample in samples])
        return None if labels is None else labels.to(self.space.device)


class KeptPasses:
    """The first `count` passes of `passes`, with their features in files of `folder`, in half precision.

    E is frozen, so a pass need not be taken twice. Pictures are read from the source again: they are small and
    already on the disk.

    Args:
        h_alone: keep what M reads; f and attention, which only T reads, are then left out of the batches.
    """

    def __init__(self, passes: Passes, folder: Path, count: int, h_alone: bool = False,
                 damaged: Callable[[Path], None] = lambda path: None):
        self.passes, self.count, self.h_alone = passes, count, h_alone
        self._rows = KeptRows(count, self._take, key={"seed": passes.seed, "h_alone": h_alone}, rows=KEPT_ROWS,
                              folder=folder, memory_mib=None, damaged=damaged)

    def fill(self, progress: Progress = lambda done, total: None) -> None:
        """Take every pass that is not there yet; progress(done, total) may raise to stop."""
        self._rows.fill(progress)

    def _take(self, numbers: range) -> Tensors:
        plans = [self.passes.plan(number) for number in numbers]
        samples = self.passes.samples(plans)
        inputs = self.passes.read(plans, samples, self.passes.pictures(plans, samples)).to("cpu", torch.float16)
        tensors = {"h": inputs.h, "words": inputs.words}
        for name, maps in () if self.h_alone else (("f", inputs.f), ("attention", inputs.attention)):
            tensors |= {f"{name}.{stage}": x for stage, x in enumerate(maps)}
        return tensors

    def step(self, step: int, size: int) -> Batch:
        """As `Passes.step`; the passes come in a new order each time they have all been seen."""
        return self.batch(batches(self.count, size, step, self.passes.seed).tolist())

    def batch(self, numbers: Sequence[int]) -> Batch:
        """The passes `numbers`, features from disk."""
        plans = [self.passes.plan(number) for number in numbers]
        samples = self.passes.samples(plans)
        rows = [self._rows.row(number) for number in numbers]
        found = {name: torch.stack([row[name] for row in rows]) for name in rows[0]}
        stages = range(sum(name.startswith("f.") for name in found))
        inputs = BridgeInputs(found["h"], tuple(found[f"f.{i}"] for i in stages),
                              tuple(found[f"attention.{i}"] for i in stages), found["words"])
        return self.passes.join(plans, samples, self.passes.pictures(plans, samples), inputs)


def _as_drawn(picture: torch.Tensor, sample: Sample) -> torch.Tensor:
    """A picture [3, R, R] as the generator would draw it: without its background where that draws heads alone."""
    return torch.where(sample.mask == 0, 1.0, picture) if sample.on_white else picture
