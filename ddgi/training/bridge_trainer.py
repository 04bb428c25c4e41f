"""The whole training of a bridge: M, then T with M frozen (docs/method.md, "Training")."""

import contextlib
import datetime
from functools import cached_property, partial
from pathlib import Path

import torch
from torch import nn

from ..bridge import Bridge, BridgeConfig, BridgeInputs
from ..errors import InputError
from ..faces.identity import load_identity
from ..features import StepFeatures
from ..files import file_digest, fingerprint
from ..gan import Generator
from ..lock import FolderLock
from ..lpips import load_lpips
from ..perceptual import feature_distance
from ..seeds import seeded
from .config import LARGEST_COMPARED, StageConfig, TrainConfig
from .data import Source, split
from .encoder import Encoder, OwnImages
from .folder import check_identity, digest, first_difference, keep_identity, last_lines, read_contents
from .network_trainer import NetworkTrainer
from .objective import Objective
from .passes import KeptPasses, Passes
from .processes import Processes, find_processes
from .space import LatentSpace
from .watch import Watch

MAPPING, MODULATION = "mapping", "modulation"
# What each group of passes is seeded with, so that none sees another's noise.
_SEEDS = {"statistics": 1, MAPPING: 2, MODULATION: 3, "held_out": 4, "own": 5}
# What may be changed between stopping and going on: it changes no number that is trained.
_FREE = ("save_every", "log_every")


class BridgeTrainer:
    """Trains a bridge in `folder`, which holds all that is needed to go on after a stop.

    Args:
        config: see `TrainConfig`.
        source: samples with pictures; a share of them is held out.
        encoder: the frozen diffusion model.
        generator: frozen; its device is where the bridge is trained.
        start: a trained bridge that M and T go on from; its own generator need not be this one.
        operations: supplies the bridge's layer classes.
        processes: that train together; by default the ones that were started so.

    Attributes:
        lock: held by whoever trains in `folder`; the others are refused.

    Raises:
        InputError: `folder` holds a training with other choices, data or models, and the message names the first; or
            somebody trains in it.
    """

    def __init__(self, config: TrainConfig, source: Source, encoder: Encoder, generator: Generator, folder: str | Path,
                 *, watch: Watch = Watch(), start: Bridge | None = None, operations=nn,
                 processes: Processes | None = None):
        self.config, self.encoder, self.folder, self.watch = config, encoder, Path(folder), watch
        self.start, self.operations, self.processes = start, operations, processes or find_processes()
        self.data = source.describe()
        self.train, self.held_out = split(source, config.held_out_share)
        self.space = LatentSpace(generator)
        self.lock = FolderLock(self.folder, "training.lock") if self.processes.main else contextlib.nullcontext()
        with self.processes.main_first(), self.lock:
            self._keep_identity(source)

    def run(self) -> Bridge:
        """Train to the end, or from where the last run stopped.

        Returns:
            The bridge, its weights averaged and its record filled in.
        """
        with self.lock:
            self.train_mapping()
            self.train_modulation()
            self.processes.wait()
            self.bridge.record = self.record()
        return self.bridge.requires_grad_(False).eval()

    def train_mapping(self) -> None:
        """M, from the true pictures."""
        with self.lock:
            if not self._begun(MAPPING):
                if not self.start:
                    self.bridge.mapping.norm.measure(self._typical_inputs(MAPPING).h)
                self.bridge.mapping.w_avg.copy_(self.space.w_avg)
            self.trainer(MAPPING, self._kept(MAPPING, self.passes(MAPPING))).run()

    def train_modulation(self) -> None:
        """T, towards the diffusion model's own pictures; M must be trained."""
        own = self.own if self.config.modulation.own_share else None
        with self.lock:
            if own is not None:
                with self.processes.main_first():
                    own.fill(self.watch.making("the diffusion model's own pictures"))
            if not self._begun(MODULATION) and not self.start:
                self.bridge.modulation.measure(self._typical_inputs(MODULATION))
            self.trainer(MODULATION, self._kept(MODULATION, self.passes(MODULATION, own))).run()

    @cached_property
    def bridge(self) -> Bridge:
        """Untrained at first, or with the weights of `start`; `run` trains it in place.

        Raises:
            InputError: `start` has other sizes than this recipe's bridge.
        """
        sizes = BridgeConfig.between(self.encoder.layout, self._probe(), self.space.generator, self.config.bridge)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.config.seed)
            bridge = Bridge(sizes, operations=self.operations)
        if self.start:
            _check_sizes(self.start.config, sizes)
            bridge.load_state_dict(self.start.state_dict())
        return bridge.to(self.space.device).requires_grad_(False)

    @cached_property
    def own(self) -> OwnImages:
        """I_0^d of part of the training samples."""
        return OwnImages(self.train, self.encoder, self.folder / "own", self.config.features.own_images,
                         self._seed("own"), self.watch.damaged)

    def passes(self, name: str, own: OwnImages | None = None) -> Passes:
        """Passes for stage `name`; those named "held_out" read the held-out samples."""
        source = self.held_out if name == "held_out" else self.train
        return Passes(source, self.encoder, self.space, self.bridge.config, own=own,
                      own_share=self.config.modulation.own_share, seed=self._seed(name),
                      denoising_steps=self.config.features.denoising_steps, part_weights=self.config.part_weights)

    def trainer(self, name: str, passes: Passes | KeptPasses, folder: Path | None = None) -> NetworkTrainer:
        """The trainer of M or T; its checkpoints live in `folder`, by default this training's."""
        network, latents = getattr(self.bridge, name), latents_of(name, self.bridge)
        held_out = self._kept("held_out", self.passes("held_out"), self.config.held_out)
        self.processes.match(self.bridge)
        return NetworkTrainer(name, self.config, self.settings(name), network, latents, self.objective(name), passes,
                              held_out, folder or self.folder, self.watch, self.processes)

    def settings(self, name: str) -> StageConfig:
        return self.config.modulation if name == MODULATION else self.config.mapping

    def objective(self, name: str) -> Objective:
        """The losses of a stage."""
        settings = self.settings(name)
        return Objective(settings.losses, self.space, self._perceptual, self._identity,
                         rendered_share=settings.rendered_share, known_rendered=settings.known_rendered,
                         size=self.config.loss_resolution or min(self.encoder.size, LARGEST_COMPARED))

    @cached_property
    def _perceptual(self):
        if self.config.perceptual == "lpips":
            return load_lpips(self.config.lpips_weights).to(self.space.device)
        return partial(feature_distance, self.encoder.perceptual())

    @cached_property
    def _identity(self):
        if not self.config.identity_weights:
            return None
        return load_identity(self.config.identity_weights, self.operations).to(self.space.device)

    def left_out(self) -> list[str]:
        """Losses that were asked for but cannot be computed, with the reason."""
        asked = self.config.mapping.losses.get("identity") or self.config.modulation.losses.get("identity")
        return ["identity: no face-recognition file was given"] if asked and self._identity is None else []

    def _kept(self, name: str, passes: Passes, count: int | None = None) -> Passes | KeptPasses:
        """The passes themselves, or their features on disk, as the recipe says."""
        if self.config.features.cache == "none":
            return passes
        kept = KeptPasses(passes, self.folder / "features" / name, count or self.config.features.passes,
                          h_alone=name == MAPPING, damaged=self.watch.damaged)
        with self.processes.main_first():
            kept.fill(self.watch.making(f"features ({name})"))
        return kept

    def _typical_inputs(self, name: str) -> BridgeInputs:
        """Inputs of the passes that measure a network's input statistics."""
        own = self.own if name == MODULATION and self.config.modulation.own_share else None
        return self.passes("statistics", own).step(0, self.config.features.statistics).inputs

    def _probe(self) -> StepFeatures:
        """The features of one sample, for their sizes."""
        sample = self.train.sample(0, seeded(0))
        if sample.image is None:
            raise InputError(f"The sample {sample.name!r} has no picture, and training compares pictures.")
        return self.encoder.encode(sample.image[None], [sample.prompt], [sample.hint], torch.tensor([0]), [0])[0]

    def _begun(self, name: str) -> bool:
        return (self.folder / f"{name}.pt").exists()

    def _seed(self, name: str) -> int:
        return self.config.seed * 101 + _SEEDS[name]

    def identity(self) -> dict:
        """What must stay the same for a training to go on."""
        config = {key: value for key, value in self.config.to_json().items() if key not in _FREE}
        generator = self.space.generator
        return {"config": config, "processes": self.processes.count, "data": self.data,
                "diffusion": self.encoder.describe(),
                "generator": {"name": generator.name, "fingerprint": generator.fingerprint},
                "start": fingerprint(self.start.state_dict()) if self.start else None, "loss_files": self._loss_files}

    @cached_property
    def _loss_files(self) -> dict[str, str]:
        """Digests of the files that losses are computed with."""
        names = ["identity_weights"] + (["lpips_weights"] if self.config.perceptual == "lpips" else [])
        given = {name: getattr(self.config, name) for name in names}
        return {name: file_digest(file) for name, file in given.items() if file}

    def _keep_identity(self, source: Source) -> None:
        if self.processes.main:
            contents = source.contents(self.watch.making("reading the data"))
        else:
            contents = read_contents(self.folder)
        self.data |= {"contents": digest(contents)} if contents else {}
        if self.processes.main:
            keep_identity(self.folder, self.identity(), contents)
        else:
            check_identity(self.folder, self.identity())

    def record(self) -> dict:
        """What the bridge file says of its training."""
        device = self.space.device
        name = torch.cuda.get_device_name(device) if device.type == "cuda" else f"{torch.get_num_threads()} CPU threads"
        return {**self.identity(), "date": datetime.date.today().isoformat(), "hardware": name,
                "left_out": self.left_out(), "problems": len(self.train.problems),
                "stages": {stage: last_lines(self.folder / f"{stage}.jsonl") for stage in (MAPPING, MODULATION)}}


def latents_of(name: str, bridge: Bridge):
    """(network, inputs) -> ws [B, num_ws, w_dim] for training M or T; for T, M is that of `bridge`."""
    return partial(_modulated, bridge) if name == MODULATION else _mapped


def _mapped(network: nn.Module, inputs: BridgeInputs) -> torch.Tensor:
    """w^m."""
    return network(inputs)


def _modulated(bridge: Bridge, network: nn.Module, inputs: BridgeInputs) -> torch.Tensor:
    """w = w^m * w^gamma + w^beta, with M outside the graph."""
    with torch.no_grad():
        w_m = bridge.mapping(inputs)
    w_gamma, w_beta = network(inputs)
    return w_m * w_gamma + w_beta


def _check_sizes(start: BridgeConfig, wanted: BridgeConfig) -> None:
    if difference := first_difference(start.sizes, wanted.sizes):
        raise InputError(f"The bridge to go on from has {difference}; set the sizes in [bridge] to its own, or begin "
                         f"without it.")
