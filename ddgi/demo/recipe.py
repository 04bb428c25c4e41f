"""Train every demo model, stage by stage; a stage that is done is not done again."""

import copy
from collections.abc import Callable
from dataclasses import asdict, replace
from functools import cached_property
from pathlib import Path

import torch
from torch import nn

from ..bridge import Bridge, BridgeSizes, load_bridge
from ..checkpoints import load_generator
from ..evaluation.judges import Judges
from ..gan import EG3DGenerator, Generator, StyleGAN2Config, StyleGAN2Generator
from ..gan.eg3d.network import EG3D
from ..gan.stylegan2.network import StyleGAN2
from ..headworld import Z_DIM
from ..training.bridge_trainer import BridgeTrainer
from ..training.config import FeatureConfig, StageConfig, TrainConfig
from ..training.data.heads import HeadWorld
from ..training.data.hints import Hints
from ..training.watch import Watch
from . import files
from .autoencoder import encode_all, train_autoencoder, train_decoder
from .builders import Builders
from .config import DiffusionConfig
from .diffusion import HINT_SIZE_PER_LATENT, train_diffusion
from .export import provenance, save_control_net, save_diffusion
from .generator import (
    CodeNetwork,
    grow,
    head_code,
    polish_generator,
    set_w_avg,
    sharpen_generator,
    train_code_network,
    train_generator,
    train_mapping_network,
)
from .generator_3d import VIEW_PITCH, VIEW_YAW, eg3d_code, eg3d_config, train_eg3d, train_volume
from .judges import judge_config, score_judges, train_judges
from .settings import Settings
from .start import Start
from .styles import train_styles
from .text import NamedHeads, train_text
from .tokenizer import write_tokenizer

GENERATOR_NAME, EG3D_NAME = "demo-stylegan2", "demo-eg3d"
STAGES = ("autoencoder", "decoder", "text", "diffusion", "judges", "judges_256", "generator", "styles", "generator_3d",
          "styles_3d", "bridge", "bridge_3d")
GENERATOR_STYLES, EG3D_STYLES = ("cartoon", "pencil", "watercolour", "marble"), ("marble",)
# Seeds of the heads. What is measured (`evaluate --demo`, seeds 0 to 255) was never trained on.
TRAINING_SEED, JUDGE_SEED, JUDGES_HELD_OUT = 1_000_000, 2_000_000, 256
MEMORY_MIB = 3072                          # of rendered heads, for each kind


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
        work: folder for checkpoints and rendered heads. out: folder for the finished files.
        start: a finished set that every network goes on from; None begins with random weights.
        report: receives progress lines.
    """

    def __init__(self, settings: Settings, builders: Builders, work: Path, out: Path, start: Start | None = None,
                 report: Callable[[str], None] = print):
        self.settings, self.builders, self.work, self.out = settings, builders, work, out
        self.start, self.report = start, report
        if start:
            start.copy_missing(out)
        # The U-Net knows the latents at the scale that it has seen them at.
        scale = start.metadata(files.DIFFUSION)["config"]["latent_scale"] if start else 1.0
        self.config = DiffusionConfig.build(
            image_size=settings.resolution, downscale=settings.downscale, vae_channels=settings.vae_channels,
            vae_mult=list(settings.vae_mult), z_channels=settings.latent_channels,
            model_channels=settings.model_channels, channel_mult=list(settings.channel_mult), num_res_blocks=1,
            num_heads=4, text_width=settings.text_width, text_layers=settings.text_layers,
            vocab_size=write_tokenizer(out / files.TOKENIZER), latent_scale=scale)

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

    def _heads(self, first: int, count: int, resolution: int, **options) -> HeadWorld:
        return HeadWorld(range(first, first + count), resolution, folder=self.work / "heads", memory_mib=MEMORY_MIB,
                         **options)

    @cached_property
    def heads(self) -> HeadWorld:
        """What the autoencoder and the diffusion model learn from."""
        s = self.settings
        return self._heads(TRAINING_SEED, s.heads, s.resolution, drawn_share=s.drawn_share)

    @cached_property
    def trained_autoencoder(self) -> nn.Module:
        torch.manual_seed(1)
        autoencoder = self.builders.autoencoder(self.config).to(self.settings.device)
        self._begin(autoencoder, files.DIFFUSION, "vae.")
        train_autoencoder(self.settings, autoencoder, self.heads, self.work, self.report)
        round_to_half(autoencoder)
        return autoencoder

    @cached_property
    def trained_decoder(self) -> nn.Module:
        """The autoencoder with the decoder that the file holds; the encoder is that of `trained_autoencoder`."""
        train_decoder(self.settings, self.trained_autoencoder, self.heads, self.work, self.report)
        round_to_half(self.trained_autoencoder)
        return self.trained_autoencoder

    @cached_property
    def latents(self) -> torch.Tensor:
        """Latents of all samples at unit variance; fixes `config.latent_scale` of a set from the beginning."""
        raw = encode_all(self.settings, self.trained_autoencoder, self.heads)
        if not self.start:
            self.config = replace(self.config, latent_scale=round(1 / raw.std().item(), 5))
        return raw * self.config.latent_scale

    def autoencoder(self) -> None:
        self.report(f"autoencoder done, {self.latents.shape[0]} latents, scale {self.config.latent_scale}, "
                    f"spread {self.latents.std().item():.3f}")

    def decoder(self) -> None:
        self.report(f"decoder done, {sum(p.numel() for p in self.trained_decoder.decoder.parameters())} parameters")

    @cached_property
    def tokenize(self) -> Callable[[str], list[int]]:
        return self.builders.tokenize(self.config, self.out / files.TOKENIZER)

    @cached_property
    def _fresh_diffusion(self) -> tuple[dict[str, nn.Module], torch.Tensor]:
        """Networks before training, "heads" among them, and the noise levels of the schedule."""
        torch.manual_seed(4)
        tokenizer = self.out / files.TOKENIZER
        model = self.builders.unet(self.config)
        networks = {"unet": model.diffusion_model, "control_net": self.builders.control_net(self.config),
                    "text": self.builders.text(self.config, tokenizer)}
        for network in networks.values():
            self.builders.initialise(network)
        networks["heads"] = NamedHeads(self.settings.text_width)
        # As in the ControlNet paper: the trunk starts as a copy, the convolutions into the U-Net at zero.
        unet, control_net = networks["unet"], networks["control_net"]
        control_net.load_state_dict({k: v for k, v in unet.state_dict().items() if k in control_net.state_dict()},
                                    strict=False)
        self._begin(unet, files.DIFFUSION, "unet.")
        self._begin(control_net, files.CONTROL_NET)
        if self.start:
            self.start.load_text(networks["text"], tokenizer)
        for network in networks.values():
            network.to(self.settings.device, torch.float32)  # core keeps text encoders in half precision
        return networks, model.model_sampling.sigmas

    @cached_property
    def _networks_with_text(self) -> tuple[dict[str, nn.Module], torch.Tensor]:
        networks, sigmas = self._fresh_diffusion
        train_text(self.settings, networks["text"], networks["heads"], self.heads, self.tokenize, self.work,
                   self.report)
        return networks, sigmas

    def text(self) -> None:
        self.report(f"text done, {sum(p.numel() for p in self._networks_with_text[0]['text'].parameters())} parameters")

    @cached_property
    def trained_diffusion(self) -> dict[str, nn.Module]:
        latents = self.latents  # fixes the latent scale that the U-Net's description needs
        networks, sigmas = self._networks_with_text
        train_diffusion(self.settings, networks, (1 / (sigmas.double() ** 2 + 1)).float(), latents, self.heads,
                        self.tokenize, self.work, self.report)
        for network in networks.values():
            round_to_half(network)
        return networks

    def diffusion(self) -> None:
        trained, autoencoder = self.trained_diffusion, self.trained_decoder
        record = self._record(files.DIFFUSION, "text", "diffusion", "autoencoder", "decoder")
        save_diffusion(self.out / files.DIFFUSION, self.config, trained, autoencoder, record)
        save_control_net(self.out / files.CONTROL_NET, self.config, trained["control_net"], record)

    @cached_property
    def trained_generator(self) -> tuple[StyleGAN2, CodeNetwork]:
        """The generator, and the network that knows the latent of each head."""
        s = self.settings
        torch.manual_seed(2)
        module = StyleGAN2(StyleGAN2Config(z_dim=Z_DIM, w_dim=s.w_dim, img_resolution=s.generator_resolution,
                                           channels=s.generator_channels, num_mapping_layers=s.mapping_layers))
        module, network = module.to(s.device), CodeNetwork(s.w_dim).to(s.device)
        heads = self._heads(TRAINING_SEED, s.generator_heads, s.generator_resolution)
        if self.start:
            small = load_generator(self.start.path(files.GENERATOR)).module.to(s.device)
            train_code_network(s, network, head_code, small.mapping, self.work, self.report)
            grow(module, small.state_dict())
        train_generator(s, module, network, heads, self.work, self.report)
        sharpen_generator(s, module, network, heads, self.work, self.report)
        polish_generator(s, module, network, heads, self.work, self.report)
        train_mapping_network(s, module.mapping, lambda z: network(head_code(z)), self.work, self.report)
        set_w_avg(module.mapping)
        round_to_half(module)
        return module.requires_grad_(False).eval(), network

    def generator(self) -> None:
        half = copy.deepcopy(self.trained_generator[0]).half()
        StyleGAN2Generator(half.config, half, name=GENERATOR_NAME).save(
            self.out / files.GENERATOR, self._record(files.GENERATOR, "generator", "sharpen", "polish", "z_to_w"))

    @cached_property
    def trained_eg3d(self) -> tuple[EG3D, CodeNetwork]:
        """As `trained_generator`."""
        s = self.settings
        views = self._heads(TRAINING_SEED, s.views, s.views_resolution, yaw=VIEW_YAW, pitch=VIEW_PITCH, alone=True)
        torch.manual_seed(6)
        module, network = EG3D(eg3d_config(s)).to(s.device), CodeNetwork(s.w_dim).to(s.device)
        if self.start:
            small = load_generator(self.start.path(files.EG3D)).module.to(s.device)
            train_code_network(s, network, eg3d_code, small.backbone.mapping, self.work, self.report, "eg3d_code")
            grow(module, small.state_dict())
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
            self.out / files.EG3D, self._record(files.EG3D, "volume", "eg3d", "eg3d_z_to_w"))

    def styles(self) -> None:
        self._train_styles(files.GENERATOR, self.trained_generator[1], head_code, files.STYLE, GENERATOR_STYLES)

    def styles_3d(self) -> None:
        self._train_styles(files.EG3D, self.trained_eg3d[1], eg3d_code, files.STYLE_3D, EG3D_STYLES)

    def _train_styles(self, base: str, network: CodeNetwork, code: Callable[[torch.Tensor], torch.Tensor], name: str,
                      styles: tuple[str, ...]) -> None:
        s = self.settings
        train_styles(s, load_generator(self.out / base).to(s.device), lambda z: network(code(z.to(s.device))),
                     TRAINING_SEED, {style: self.out / name.format(style) for style in styles}, base, self.report)

    def judges(self) -> None:
        self._train_judges("judges", self.settings.resolution, files.JUDGES)

    def judges_256(self) -> None:
        self._train_judges("judges_256", self.settings.generator_resolution, files.JUDGES_256)

    def _train_judges(self, name: str, resolution: int, file: str) -> None:
        s = self.settings
        data = self._heads(JUDGE_SEED, s.judge_heads, resolution, drawn_share=s.drawn_share)
        torch.manual_seed(3)
        judges = Judges(judge_config(resolution)).to(s.device)
        train_judges(s, judges, data, self.work, self.report, name)
        round_to_half(judges)
        judges.cpu()
        judges.record = provenance(s, self.work, name)
        held_out = self._heads(JUDGE_SEED - JUDGES_HELD_OUT, JUDGES_HELD_OUT, resolution, drawn_share=s.drawn_share)
        judges.record["own_accuracy"] = score_judges(judges, held_out)
        self.report(f"{name}: own accuracy {judges.record['own_accuracy']}")
        judges.save(self.out / file, torch.float16)

    def bridge(self) -> None:
        network = self.trained_generator[1]
        self._train_bridge(files.BRIDGE, files.GENERATOR, lambda z: network(head_code(z.to(self.settings.device))),
                           rendered_share=0.125, mapping_width=384, modulation_steps=self.settings.modulation_steps)

    def bridge_3d(self) -> None:
        network = self.trained_eg3d[1]
        self._train_bridge(files.BRIDGE_3D, files.EG3D, lambda z: network(eg3d_code(z.to(self.settings.device))),
                           rendered_share=0.0625, mapping_width=320, modulation_steps=self.settings.modulation_3d_steps,
                           on_white=True)

    def _train_bridge(self, file: str, generator_file: str, known_w: Callable[[torch.Tensor], torch.Tensor], *,
                      rendered_share: float, mapping_width: int, modulation_steps: int, on_white: bool = False) -> None:
        """M and T by the trainer that users have, with the finished files of the diffusion model and the generator.

        They go on from the starting set's only where it is to the very same generator: one that was trained further
        has another latent space.

        known_w: z [B, 64] to the latent [B, w_dim] that the generator draws that head from.
        rendered_share: of a batch, for the losses on pictures (rendering costs the most).
        """
        s, encoder = self.settings, self.builders.encoder(self.out)
        source = self._heads(TRAINING_SEED, s.heads, s.resolution, on_white=on_white, partial_share=0.25,
                             hints=Hints(mask_share=0.55, size=encoder.side * HINT_SIZE_PER_LATENT, no_hint_share=0.2,
                                         rough_share=0.4),
                             latents=lambda z: known_w(z)[:, None])
        generator = load_generator(self.out / generator_file).to(s.device)
        config = self._bridge_config(rendered_share, mapping_width, modulation_steps)
        trainer = BridgeTrainer(config, source, encoder, generator, self.work / Path(file).stem,
                                start=self._bridge_between(file, generator), watch=Watch(report=self.report))
        trainer.run().save(self.out / file, dtype=torch.float16)

    def _bridge_between(self, file: str, generator: Generator) -> Bridge | None:
        """The starting set's bridge where it belongs to the generator."""
        if not self.start or file not in self.start.files:
            return None
        bridge = load_bridge(self.start.path(file))
        return bridge if bridge.config.generator_fingerprint == generator.fingerprint else None

    def _bridge_config(self, rendered_share: float, mapping_width: int, modulation_steps: int) -> TrainConfig:
        s = self.settings
        stage = StageConfig(batch=s.bridge_batch, rate=1e-3, ema_decay=0.995, rendered_share=rendered_share)
        return TrainConfig(
            features=FeatureConfig(denoising_steps="ends", cache="disk", passes=s.feature_passes,
                                   own_images=s.finished_images, statistics=512),
            bridge=BridgeSizes(mapping_width=mapping_width, modulation_width=64, head_width=256, timestep_channels=32),
            held_out=128, loss_resolution=s.resolution,
            # A head's latent is known: pictures of a few rows would only shake M's gradient.
            mapping=replace(stage, steps=s.mapping_steps, rate=3e-3, losses={"known_w": 1.0}),
            modulation=replace(stage, steps=modulation_steps, own_share=0.5,
                               losses={"pixel": 1.0, "perceptual": 0.1, "known_w": 1.0, "w_avg": 0.002}))


def train(settings: Settings, builders: Builders, work: Path, out: Path, stages: tuple[str, ...] = STAGES,
          start: Path | None = None, report=print) -> None:
    """Run the recipe; see `Recipe`. start: the folder of a finished set to go on from."""
    report(f"demo recipe on {settings.device}: {asdict(settings)}")
    torch.set_flush_denormal(True)  # empty space has vanishing densities, and a CPU crawls through denormal numbers
    Recipe(settings, builders, work, out, Start(start) if start else None, report).run(stages)
