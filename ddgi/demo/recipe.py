"""Train every demo model, stage by stage; a stage that is done is not done again.

The host's network classes come in as `Builders`, so this module stays free of host imports.
"""

import copy
from collections.abc import Callable
from dataclasses import asdict, replace
from functools import cached_property
from pathlib import Path

import torch
from torch import nn

from ..bridge import BridgeSizes, load_bridge
from ..checkpoints import load_generator
from ..evaluation.judges import Judges
from ..gan import EG3D, EG3DGenerator, Generator, StyleGAN2, StyleGAN2Config
from ..headworld import ATTRIBUTES, Z_DIM, default_cameras, parameters_from_z
from ..training.bridge_trainer import BridgeTrainer
from ..training.config import FeatureConfig, StageConfig, TrainConfig
from ..training.watch import Watch
from .autoencoder import encode_all, train_autoencoder, train_decoder
from .builders import Builders
from .config import DiffusionConfig
from .data import JUDGE_SEED, TRAINING_SEED, HeadWorldData, HeadWorldSamples, render_data, render_views
from .diffusion import HINT_SIZE_PER_LATENT, train_diffusion
from .export import (
    CONTROL_FILE,
    DIFFUSION_FILE,
    EG3D_FILE,
    GENERATOR_FILE,
    provenance,
    save_control_net,
    save_diffusion,
)
from .generator import (
    CodeNetwork,
    head_code,
    polish_generator,
    set_w_avg,
    train_code_network,
    train_generator,
    train_mapping_network,
)
from .generator_3d import eg3d_code, eg3d_config, train_eg3d, train_volume
from .judges import score_judges, train_judges
from .settings import Settings
from .start import Start
from .tokenizer import write_tokenizer

GENERATOR_NAME, EG3D_NAME = "demo-stylegan2", "demo-eg3d"
STAGES = ("autoencoder", "decoder", "generator", "generator_3d", "judges", "diffusion", "bridge", "bridge_3d")


def round_to_half(module: nn.Module) -> None:
    """Give the weights the values that the fp16 file will hold, so later stages train against those."""
    with torch.no_grad():
        for tensor in module.state_dict().values():
            if tensor.is_floating_point():
                tensor.copy_(tensor.half().float())


class Recipe:
    """The demo models in training.

    Args:
        settings: sizes and lengths.
        builders: of core's own networks.
        work: folder for checkpoints and caches. out: folder for the finished files.
        start: a finished set that every network goes on from; None begins with random weights.
        report: receives progress lines.
    """

    def __init__(self, settings: Settings, builders: Builders, work: Path, out: Path, start: Start | None = None,
                 report: Callable[[str], None] = print):
        self.settings, self.builders = settings, builders
        self.work, self.out, self.start, self.report = work, out, start, report
        if start:
            start.copy_missing(out)
        self.vocab_size = write_tokenizer(out / "tokenizer")
        self.config = DiffusionConfig.build(
            image_size=settings.resolution, downscale=settings.downscale, vae_channels=settings.vae_channels,
            vae_mult=list(settings.vae_mult), z_channels=settings.latent_channels,
            model_channels=settings.model_channels,
            channel_mult=list(settings.channel_mult), num_res_blocks=1, num_heads=4, text_width=settings.text_width,
            text_layers=settings.text_layers, vocab_size=self.vocab_size)

    def run(self, stages: tuple[str, ...] = STAGES) -> None:
        torch.manual_seed(0)
        for stage in stages:
            getattr(self, stage)()

    def _begin(self, module: nn.Module, name: str, prefix: str = "") -> None:
        """A module that goes on from a finished file gets its weights; all others keep their random ones."""
        if self.start:
            self.start.load(module, name, prefix)

    def _record(self, name: str, *stages: str) -> dict:
        """How file `name` was trained, and how the one was that it goes on from."""
        record = provenance(self.settings, self.work, *stages)
        return record | {"goes_on_from": self.start.metadata(name)["provenance"]} if self.start else record

    @cached_property
    def data(self) -> HeadWorldData:
        count = self.settings.samples
        return render_data(range(TRAINING_SEED, TRAINING_SEED + count), self.settings.resolution,
                           cache=self.work / "headworld.safetensors", report=self.report)

    @cached_property
    def trained_autoencoder(self) -> nn.Module:
        torch.manual_seed(1)
        autoencoder = self.builders.autoencoder(self.config).to(self.settings.device)
        self._begin(autoencoder, DIFFUSION_FILE, "vae.")
        train_autoencoder(self.settings, autoencoder, self.data, self.work, self.report)
        round_to_half(autoencoder)
        return autoencoder

    @cached_property
    def trained_decoder(self) -> nn.Module:
        """The autoencoder with the decoder that the file holds; the encoder is that of `trained_autoencoder`."""
        train_decoder(self.settings, self.trained_autoencoder, self.data, self.work, self.report)
        round_to_half(self.trained_autoencoder)
        return self.trained_autoencoder

    @cached_property
    def latents(self) -> torch.Tensor:
        """Latents of all samples at unit variance; fixes `config.latent_scale`."""
        raw = encode_all(self.settings, self.trained_autoencoder, self.data)
        scale = round(1 / raw.std().item(), 5)
        if self.start:  # the U-Net knows the latents at the scale that it has seen them at
            scale = self.start.metadata(DIFFUSION_FILE)["config"]["latent_scale"]
        self.config = replace(self.config, latent_scale=scale)
        return raw * scale

    def autoencoder(self) -> None:
        self.report(f"autoencoder done, {self.latents.shape[0]} latents, scale {self.config.latent_scale}")

    def decoder(self) -> None:
        self.report(f"decoder done, {sum(p.numel() for p in self.trained_decoder.decoder.parameters())} parameters")

    def _generator_module(self) -> StyleGAN2:
        s = self.settings
        torch.manual_seed(2)
        return StyleGAN2(StyleGAN2Config(
            z_dim=Z_DIM, w_dim=s.w_dim, img_resolution=s.resolution, channel_base=s.channel_base,
            channel_max=s.channel_max, num_mapping_layers=4)).to(s.device)

    @cached_property
    def trained_generator(self) -> tuple[StyleGAN2, CodeNetwork]:
        """The generator, and the network that knows the latent of each head."""
        module, s = self._generator_module(), self.settings
        network = CodeNetwork(s.w_dim).to(s.device)
        if self.start:
            self._begin(module, GENERATOR_FILE)
            train_code_network(s, network, head_code, module.mapping, self.work, self.report)
        train_generator(s, module, network, self.data, self.work, self.report)
        polish_generator(s, module, network, self.data, self.work, self.report)
        train_mapping_network(s, module.mapping, lambda z: network(head_code(z)), self.work, self.report)
        set_w_avg(module.mapping)
        round_to_half(module)
        return module.requires_grad_(False).eval(), network

    @torch.no_grad()
    def _known_w(self, network: CodeNetwork, code: Callable[[torch.Tensor], torch.Tensor]) -> torch.Tensor:
        """[N, w_dim] of all samples."""
        return torch.cat([network(code(z.to(self.settings.device))).cpu() for z in self.data.z.split(1024)])

    def generator(self) -> None:
        half = copy.deepcopy(self.trained_generator[0]).half()
        Generator(half.config, half, name=GENERATOR_NAME).save(
            self.out / GENERATOR_FILE, self._record(GENERATOR_FILE, "generator", "polish", "z_to_w"))

    @cached_property
    def trained_eg3d(self) -> tuple[EG3D, CodeNetwork]:
        """As `trained_generator`."""
        s, first = self.settings, TRAINING_SEED
        views = render_views(range(first, first + s.views), s.resolution,
                             cache=self.work / "headworld-views.safetensors", report=self.report)
        torch.manual_seed(6)
        module, network = EG3D(eg3d_config(s)).to(s.device), CodeNetwork(s.w_dim).to(s.device)
        if self.start:
            self._begin(module, EG3D_FILE)
            train_code_network(s, network, eg3d_code, module.backbone.mapping, self.work, self.report, "eg3d_code")
        train_volume(s, module, network, views, self.work, self.report)
        train_eg3d(s, module, network, views, self.work, self.report)
        mapping = module.backbone.mapping
        train_mapping_network(s, mapping, lambda z: network(eg3d_code(z)), self.work, self.report, "eg3d_z_to_w")
        set_w_avg(mapping)
        round_to_half(module)
        return module.requires_grad_(False).eval(), network

    def generator_3d(self) -> None:
        half = copy.deepcopy(self.trained_eg3d[0]).half()
        EG3DGenerator(half.config, half, name=EG3D_NAME).save(
            self.out / EG3D_FILE, self._record(EG3D_FILE, "volume", "eg3d", "eg3d_z_to_w"))

    def judges(self) -> None:
        s = self.settings
        data = render_data(range(JUDGE_SEED, JUDGE_SEED + s.judge_samples), s.resolution,
                           cache=self.work / "headworld-judges.safetensors", report=self.report)
        torch.manual_seed(3)
        judges = Judges({"resolution": s.resolution, "widths": [24, 48, 64, 96],
                         "attributes": {k: list(v) for k, v in ATTRIBUTES.items()}}).to(s.device)
        train_judges(s, judges, data, self.work, self.report)
        round_to_half(judges)
        judges.cpu()
        judges.record = provenance(s, self.work, "judges")
        held_out = render_data(range(JUDGE_SEED - 256, JUDGE_SEED), s.resolution, report=self.report)
        judges.record["own_accuracy"] = score_judges(judges, held_out)
        self.report(f"judges' own accuracy: {judges.record['own_accuracy']}")
        judges.save(self.out / "judges.safetensors", torch.float16)

    @cached_property
    def tokenize(self) -> Callable[[str], list[int]]:
        return self.builders.tokenize(self.config, self.out / "tokenizer")

    @cached_property
    def trained_diffusion(self) -> dict[str, nn.Module]:
        latents = self.latents  # fixes the latent scale that the U-Net's description needs
        torch.manual_seed(4)
        model = self.builders.unet(self.config)
        control_net = self.builders.control_net(self.config)
        text = self.builders.text(self.config, self.out / "tokenizer")
        networks = {"unet": model.diffusion_model, "control_net": control_net, "text": text}
        for network in networks.values():
            self.builders.initialise(network)
            network.to(self.settings.device, torch.float32)  # core keeps text encoders in half precision
        # As in the ControlNet paper: the trunk starts as a copy, the convolutions into the U-Net at zero.
        control_net.load_state_dict({k: v for k, v in model.diffusion_model.state_dict().items()
                                     if k in control_net.state_dict()}, strict=False)
        for name, file, prefix in (("unet", DIFFUSION_FILE, "unet."), ("text", DIFFUSION_FILE, "text."),
                                   ("control_net", CONTROL_FILE, "")):
            self._begin(networks[name], file, prefix)
        alphas_cumprod = (1 / (model.model_sampling.sigmas.double() ** 2 + 1)).float()
        train_diffusion(self.settings, networks, alphas_cumprod, latents, self.data, self.tokenize, self.work,
                        self.report)
        for network in networks.values():
            round_to_half(network)
        return networks

    def diffusion(self) -> None:
        trained, autoencoder = self.trained_diffusion, self.trained_decoder
        record = self._record(DIFFUSION_FILE, "diffusion", "autoencoder", "decoder")
        save_diffusion(self.out / DIFFUSION_FILE, self.config, trained, autoencoder, record)
        save_control_net(self.out / CONTROL_FILE, self.config, trained["control_net"], record)

    def bridge(self) -> None:
        known_w = self._known_w(self.trained_generator[1], head_code)
        self._train_bridge("bridge_stylegan2", GENERATOR_FILE, known_w, rendered_share=0.125, mapping_width=384,
                           modulation_steps=self.settings.modulation_steps)

    def bridge_3d(self) -> None:
        known_w = self._known_w(self.trained_eg3d[1], eg3d_code)
        cameras = default_cameras(parameters_from_z(self.data.z))
        self._train_bridge("bridge_eg3d", EG3D_FILE, known_w, cameras, rendered_share=0.0625, mapping_width=320,
                           modulation_steps=self.settings.modulation_3d_steps)

    def _train_bridge(self, name: str, generator_file: str, known_w: torch.Tensor, cameras: torch.Tensor | None = None,
                      *, rendered_share: float, mapping_width: int, modulation_steps: int) -> None:
        """M and T by the trainer that users have, with the finished files of the diffusion model and the generator.

        rendered_share: of a batch, for the losses on pictures (rendering costs the most).
        """
        encoder = self.builders.encoder(self.out)
        source = HeadWorldSamples(self.data, known_w, encoder.side * HINT_SIZE_PER_LATENT, cameras)
        generator = load_generator(self.out / generator_file).to(self.settings.device)
        config = self._bridge_config(rendered_share, mapping_width, modulation_steps)
        file = f"{name}.safetensors"
        trainer = BridgeTrainer(config, source, encoder, generator, self.work / name, watch=Watch(report=self.report),
                                start=load_bridge(self.start.path(file)) if self.start else None)
        trainer.run().save(self.out / file, dtype=torch.float16)

    def _bridge_config(self, rendered_share: float, mapping_width: int, modulation_steps: int) -> TrainConfig:
        s = self.settings
        stage = StageConfig(batch=s.bridge_batch, rate=1e-3, ema_decay=0.995, rendered_share=rendered_share)
        return TrainConfig(
            features=FeatureConfig(denoising_steps="late", cache="disk", passes=s.feature_passes,
                                   own_images=s.finished_images, statistics=512),
            bridge=BridgeSizes(mapping_width=mapping_width, modulation_width=64, head_width=256), held_out=128,
            mapping=replace(stage, steps=s.mapping_steps),
            modulation=replace(stage, steps=modulation_steps, own_share=0.5))


def train(settings: Settings, builders: Builders, work: Path, out: Path, stages: tuple[str, ...] = STAGES,
          start: Path | None = None, report=print) -> None:
    """Run the recipe; see `Recipe`. start: the folder of a finished set to go on from."""
    report(f"demo recipe on {settings.device}: {asdict(settings)}")
    torch.set_flush_denormal(True)  # empty space has vanishing densities, and a CPU crawls through denormal numbers
    Recipe(settings, builders, work, out, Start(start) if start else None, report).run(stages)
