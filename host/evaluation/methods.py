"""What is scored: pictures by a bridge, 2D or 3D, by the diffusion model itself, or from a folder."""

import dataclasses
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor

from ...ddgi.cameras import Camera
from ...ddgi.demo import files
from ...ddgi.errors import InputError
from ...ddgi.evaluation.protocol import DEMO, Method, Protocol
from ...ddgi.features import DiffusionFeatures
from ...ddgi.gan import GanLatent
from ...ddgi.seeds import seeded
from ...ddgi.stopwatch import Stopwatch
from ...ddgi.training.data import Augment, Sample
from ...ddgi.training.data.framing import frame
from ...ddgi.training.data.pictures import SUFFIXES, open_picture, read_image
from .. import folders
from ..chain import Chain, Sampling
from ..diffusion import open_diffusion, own_file
from ..managed import managed_bridge, managed_generator


class Round:
    """A batch of samples of as many tokens each: what several methods read of it is computed once, and timed.

    Args:
        watch: tells the time.
        every_step: whether features of more than the last step are read.
    """

    def __init__(self, chain: Chain, samples: Sequence[Sample], seeds: Sequence[int], watch: Stopwatch,
                 every_step: bool):
        self.chain, self.samples, self.seeds, self.watch, self.every_step = chain, samples, seeds, watch, every_step
        self.prompts = [sample.prompt for sample in samples]
        self.hints = None
        if chain.control_net is not None:
            self.hints = torch.stack([sample.hint for sample in samples]).movedim(1, -1)

    def timed(self, work: Callable) -> tuple[object, float]:
        """What work gives, and how many seconds it took."""
        start = self.watch.now()
        found = work()
        return found, self.watch.now() - start

    @cached_property
    def sampled(self) -> tuple[tuple[Tensor, DiffusionFeatures], float]:
        """Finished latents and features of a sampling run."""
        return self.timed(lambda: self.chain.latents(self.prompts, self.hints, self.seeds, self.every_step))

    @cached_property
    def one_pass(self) -> tuple[DiffusionFeatures, float]:
        """Features of a single pass on pure noise."""
        return self.timed(lambda: self.chain.one_pass(self.prompts, self.hints, self.seeds))


class BridgePictures:
    """M + T into a generator; 3D heads are drawn from each sample's camera, or from the front."""

    needs_chain = True

    def __init__(self, method: Method):
        self.method = method
        bridge, generator = method.bridge or f"demo/{files.BRIDGE}", method.generator or f"demo/{files.GENERATOR}"
        self.bridge = managed_bridge(own_file(folders.BRIDGES, bridge))
        self.generator = managed_generator(own_file(folders.GENERATORS, generator))

    def make(self, given: Round) -> tuple[Tensor, float]:
        """Pictures [B, 3, R, R] in -1..1 and the seconds that they took."""
        if self.method.one_pass:
            features, before = given.one_pass
        else:
            (_, features), before = given.sampled
        pictures, seconds = given.timed(lambda: self._drawn(features, given.samples))
        return pictures, before + seconds

    def _drawn(self, features: DiffusionFeatures, samples: Sequence[Sample]) -> Tensor:
        method = self.method
        latent = self.bridge.load()(features.to(self.bridge.device), method.bridge_step, method.gamma, method.beta,
                                    method.truncation)
        generator = self.generator.load(memory_required=self.generator.value.memory_estimate())
        if not generator.is_3d:
            return generator.render(latent, noise_mode="const").image.float().cpu()
        labels = generator.camera_labels([sample.camera for sample in samples])
        return torch.cat([self._from(generator, latent, row, label) for row, label in enumerate(labels)])

    @staticmethod
    def _from(generator, latent: GanLatent, row: int, label: Tensor) -> Tensor:
        one = dataclasses.replace(latent, ws=latent.ws[row:row + 1])
        return generator.render(one, Camera(label[None]), noise_mode="const").image.float().cpu()


class DiffusionPictures:
    """The diffusion model's own."""

    needs_chain = True

    def __init__(self, method: Method):
        pass

    def make(self, given: Round) -> tuple[Tensor, float]:
        (latents, _), before = given.sampled
        pictures, seconds = given.timed(lambda: given.chain.decode(latents).float().cpu())
        return pictures, before + seconds


class FolderPictures:
    """Pictures that are there: `<name>.png` and so on, where `name` is a sample's; or any, not paired."""

    needs_chain = False

    def __init__(self, method: Method):
        root = Path(method.folder)
        if not root.is_dir():
            raise InputError(f"There is no folder {root} of pictures; check the name.")
        self.root = root
        self.files = {path.relative_to(root).with_suffix("").as_posix(): path for path in sorted(root.rglob("*"))
                      if path.suffix.lower() in SUFFIXES and path.is_file()}

    def paired(self, names: Sequence[str]) -> bool:
        """Whether there is a picture for each name; False where there is for none.

        Raises:
            InputError: some are missing, or there are too few pictures of any name.
        """
        missing = [name for name in names if name not in self.files]
        if not missing:
            return True
        if len(missing) < len(names):
            raise InputError(f"{self.root} has no picture for {len(missing)} of {len(names)} samples, the first is "
                             f"{missing[0]!r}; add them, or rename all others so that none is paired.")
        if len(self.files) < 2:
            raise InputError(f"{self.root} holds {len(self.files)} pictures; give at least 2.")
        return False

    def make(self, given: Round) -> tuple[Tensor, float]:
        return torch.stack([self.read(sample.name, sample.image.shape[-1]) for sample in given.samples]), 0.0

    def read(self, name: str, size: int) -> Tensor:
        """[3, size, size] in -1..1, as true pictures are read: the largest centred square."""
        picture = open_picture(self.files[name])
        return read_image(picture, frame(picture.size, "", Augment(), seeded(0)), size)


# To add a kind of method, write a class and name it here, and in the protocol's KINDS.
KINDS = {"bridge": BridgePictures, "diffusion": DiffusionPictures, "folder": FolderPictures}


def open_chain(protocol: Protocol) -> Chain:
    """The diffusion model of a protocol under its sampler."""
    models = protocol.models
    sampling = Sampling(steps=models.steps, cfg=models.cfg, sampler=models.sampler, scheduler=models.scheduler,
                        negative=models.negative, strength=models.strength, hint=protocol.hint)
    parts = open_diffusion(models.checkpoint, models.control_net, models.vae)
    if models.checkpoint != DEMO and not all(
            method.bridge for method in protocol.methods.values() if method.kind == "bridge"):
        raise InputError(f"checkpoint is {models.checkpoint[:60]!r} and a method names no bridge; the demo's is of no "
                         f"use to it, so name bridge and generator.")
    return Chain(parts, sampling, models.size)
