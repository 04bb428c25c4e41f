"""Train every demo model, stage by stage; a stage that is done is not done again.

The host's network classes come in as `core` (the pack's `nodes.core_models`), so this module
stays free of host imports.
"""

import copy
from collections.abc import Callable
from dataclasses import asdict, replace
from functools import cached_property
from pathlib import Path

import torch
from torch import nn

from ...bridge import Bridge, BridgeConfig
from ...evaluation.judges import Judges
from ...features import FeatureLayout, StepFeatures, captured_call
from ...gan import EG3D, EG3DGenerator, Generator, StyleGAN2, StyleGAN2Config
from ...headworld import ATTRIBUTES, Z_DIM, default_cameras, parameters_from_z
from ..losses import encoder_features
from .autoencoder import encode_all, train_autoencoder, train_decoder
from .bridge import LatentSpace, Objective, train_mapping, train_modulation
from .data import JUDGE_SEED, TRAINING_SEED, HeadWorldData, hint_batch, render_data, render_views
from .diffusion import HINT_SIZE_PER_LATENT, SCRIBBLE_SHARE, train_diffusion
from .export import provenance, save_control_net, save_diffusion
from .features import TRUE_IMAGE, Collector, FeatureCache, finish
from .generator import (
    CodeNetwork,
    head_code,
    polish_generator,
    set_w_avg,
    train_generator,
    train_mapping_network,
)
from .generator_3d import eg3d_code, eg3d_config, train_eg3d, train_volume
from .judges import score_judges, train_judges
from .settings import Settings
from .tokenizer import write_tokenizer

GENERATOR_NAME, EG3D_NAME = "demo-stylegan2", "demo-eg3d"
DDIM_STEPS, GUIDANCE, KEPT_STEPS = 12, 2.0, 4
MAPPING_CHANNELS, HEAD_CHANNELS = (192, 384, 384, 384), (64, 96, 128, 192, 256)
STAGES = ("autoencoder", "decoder", "generator", "generator_3d", "judges", "diffusion", "features", "bridge",
          "bridge_3d")


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
        core: the pack's `nodes.core_models`.
        work: folder for checkpoints and caches. out: folder for the finished files.
        report: receives progress lines.
    """

    def __init__(self, settings: Settings, core, work: Path, out: Path, report: Callable[[str], None] = print):
        self.settings, self.core, self.work, self.out, self.report = settings, core, work, out, report
        self.vocab_size = write_tokenizer(out / "tokenizer")
        self.config = core.DiffusionConfig.build(
            image_size=settings.resolution, downscale=settings.downscale, vae_channels=settings.vae_channels,
            vae_mult=list(settings.vae_mult), z_channels=settings.latent_channels,
            model_channels=settings.model_channels,
            channel_mult=list(settings.channel_mult), num_res_blocks=1, num_heads=4, text_width=settings.text_width,
            text_layers=settings.text_layers, vocab_size=self.vocab_size)

    def run(self, stages: tuple[str, ...] = STAGES) -> None:
        torch.manual_seed(0)
        for stage in stages:
            getattr(self, stage)()

    @cached_property
    def data(self) -> HeadWorldData:
        count = self.settings.samples
        return render_data(range(TRAINING_SEED, TRAINING_SEED + count), self.settings.resolution,
                           cache=self.work / "headworld.safetensors", report=self.report)

    @cached_property
    def trained_autoencoder(self) -> nn.Module:
        torch.manual_seed(1)
        autoencoder = self.core.build_autoencoder(self.config).to(self.settings.device)
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
        self.config = replace(self.config, latent_scale=round(1 / raw.std().item(), 5))
        return raw * self.config.latent_scale

    @property
    def perceptual(self):
        return encoder_features(self.trained_autoencoder.encoder)

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
    def trained_generator(self) -> StyleGAN2:
        module, s = self._generator_module(), self.settings
        network = CodeNetwork(s.w_dim).to(s.device)
        train_generator(s, module, network, self.data, self.work, self.report)
        polish_generator(s, module, network, self.data, self.work, self.report)
        train_mapping_network(s, module.mapping, lambda z: network(head_code(z)), self.work, self.report)
        set_w_avg(module.mapping)
        round_to_half(module)
        self.known_w = self._known_w(network, head_code)
        return module.requires_grad_(False).eval()

    @torch.no_grad()
    def _known_w(self, network: CodeNetwork, code: Callable[[torch.Tensor], torch.Tensor]) -> torch.Tensor:
        """[N, w_dim] of all samples."""
        return torch.cat([network(code(z.to(self.settings.device))).cpu() for z in self.data.z.split(1024)])

    def generator(self) -> None:
        half = copy.deepcopy(self.trained_generator).half()
        Generator(half.config, half, name=GENERATOR_NAME).save(
            self.out / "generator_stylegan2.safetensors",
            provenance(self.settings, self.work, "generator", "polish", "z_to_w"))

    @cached_property
    def trained_eg3d(self) -> EG3D:
        s, first = self.settings, TRAINING_SEED
        views = render_views(range(first, first + s.views), s.resolution,
                             cache=self.work / "headworld-views.safetensors", report=self.report)
        torch.manual_seed(6)
        module, network = EG3D(eg3d_config(s)).to(s.device), CodeNetwork(s.w_dim).to(s.device)
        train_volume(s, module, network, views, self.work, self.report)
        train_eg3d(s, module, network, views, self.work, self.report)
        mapping = module.backbone.mapping
        train_mapping_network(s, mapping, lambda z: network(eg3d_code(z)), self.work, self.report, "eg3d_z_to_w")
        set_w_avg(mapping)
        round_to_half(module)
        self.known_w_3d = self._known_w(network, eg3d_code)
        return module.requires_grad_(False).eval()

    def generator_3d(self) -> None:
        half = copy.deepcopy(self.trained_eg3d).half()
        EG3DGenerator(half.config, half, name=EG3D_NAME).save(
            self.out / "generator_eg3d.safetensors",
            provenance(self.settings, self.work, "volume", "eg3d", "eg3d_z_to_w"))

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
        tokenizer = self.core.build_clip(self.config, self.out / "tokenizer").tokenizer
        return lambda text: [token for token, _ in tokenizer.tokenize_with_weights(text)["l"][0]]

    @cached_property
    def trained_diffusion(self) -> dict[str, nn.Module]:
        latents = self.latents  # fixes the latent scale that the U-Net's description needs
        torch.manual_seed(4)
        model = self.core.build_unet(self.config)
        control_net = self.core.build_control_net(self.config)
        text = self.core.build_clip(self.config, self.out / "tokenizer").cond_stage_model.clip_l.transformer
        networks = {"unet": model.diffusion_model, "control_net": control_net, "text": text}
        for network in networks.values():
            self.core.initialise(network)
            network.to(self.settings.device, torch.float32)  # core keeps text encoders in half precision
        # As in the ControlNet paper: the trunk starts as a copy, the convolutions into the U-Net at zero.
        control_net.load_state_dict({k: v for k, v in model.diffusion_model.state_dict().items()
                                     if k in control_net.state_dict()}, strict=False)
        self.alphas_cumprod = (1 / (model.model_sampling.sigmas.double() ** 2 + 1)).float()
        train_diffusion(self.settings, networks, self.alphas_cumprod, latents, self.data, self.tokenize, self.work,
                        self.report)
        for network in networks.values():
            round_to_half(network)
        return networks | {"model": model}

    def diffusion(self) -> None:
        trained = self.trained_diffusion
        record = provenance(self.settings, self.work, "diffusion", "autoencoder", "decoder")
        save_diffusion(self.out / "diffusion.safetensors", self.config, trained, self.trained_decoder, record)
        save_control_net(self.out / "controlnet.safetensors", self.config, trained["control_net"], record)

    def features(self) -> None:
        self.report(f"features done, {len(self.feature_cache)} U-Net passes")

    def bridge(self) -> None:
        generator = self.trained_generator
        named = Generator(generator.config, generator, name=GENERATOR_NAME)

        def draw(ws: torch.Tensor, samples: torch.Tensor) -> torch.Tensor:
            return generator.synthesis(ws, noise_mode="none")

        space = LatentSpace(named.w_avg, self.known_w, draw)
        self._train_bridge(named, space, ("mapping", "modulation"), "bridge_stylegan2.safetensors")

    def bridge_3d(self) -> None:
        module = self.trained_eg3d
        named = EG3DGenerator(module.config, module, name=EG3D_NAME)
        labels = default_cameras(parameters_from_z(self.data.z))

        def draw(ws: torch.Tensor, samples: torch.Tensor) -> torch.Tensor:
            return module.view(module.planes(ws, "none"), ws, labels[samples]).image

        space = LatentSpace(named.w_avg, self.known_w_3d, draw, on_white=True, drawn_share=0.0625)
        self._train_bridge(named, space, ("mapping_3d", "modulation_3d"), "bridge_eg3d.safetensors")

    def _train_bridge(self, generator: Generator, space: LatentSpace, stages: tuple[str, str], file: str) -> None:
        s = self.settings
        torch.manual_seed(5)
        config = self.bridge_config(generator.fingerprint, generator.name, generator.config.num_ws)
        bridge = Bridge(config).to(s.device)
        objective = Objective(s, space, self.data, self.feature_cache, self.perceptual)
        train_mapping(s, bridge, objective, self.work, self.report, stages[0])
        train_modulation(s, bridge, objective, self.work, self.report, stages[1])
        bridge.record = provenance(s, self.work, *stages)
        bridge.save(self.out / file, dtype=torch.float16)

    def bridge_config(self, fingerprint: str = "", name: str = "", num_ws: int = 1) -> BridgeConfig:
        """Sizes of a bridge between this U-Net and a generator; collecting features needs the U-Net's alone."""
        side = self.latents.shape[-1]
        middle = side // 2 ** (len(self.settings.channel_mult) - 1)
        layout = FeatureLayout.of(self.trained_diffusion["unet"], (side, side))
        return BridgeConfig(
            family=layout.family, middle_channels=layout.middle_channels, middle_size=middle,
            stage_channels=tuple(stage.channels for stage in layout.stages), map_size=side,
            num_ws=num_ws, w_dim=self.settings.w_dim,
            mapping_channels=MAPPING_CHANNELS[:middle.bit_length() - 1], modulation_channels=64,
            head_channels=HEAD_CHANNELS[:side.bit_length() - 1], attention_source="output", refinement="both",
            generator_fingerprint=fingerprint, generator_name=name)

    @cached_property
    def feature_cache(self) -> FeatureCache:
        """All features that M and T train on, computed once and kept on disk."""
        path = self.work / "features.safetensors"
        if not path.exists():
            self._collect().save(path)
        return FeatureCache.load(path)

    @torch.no_grad()
    def _collect(self) -> FeatureCache:
        s, collector, generator = self.settings, Collector(self.bridge_config()), torch.Generator().manual_seed(8)
        tokens = torch.tensor([self.tokenize(caption) for caption in self.data.captions])
        empty = torch.tensor(self.tokenize(""))
        words = ~torch.isin(tokens, empty)
        for index in torch.arange(s.feature_passes).remainder(len(self.data)).split(64):
            t = torch.randint(0, len(self.alphas_cumprod), (len(index),), generator=generator)
            alpha = self.alphas_cumprod[t][:, None, None, None]
            noise = torch.randn(self.latents[index].shape, generator=generator)
            noised = alpha.sqrt() * self.latents[index] + (1 - alpha).sqrt() * noise
            _, features = self.run_pass(noised, t, tokens[index], self._hints(index, generator))
            collector.add(features, words[index], index, torch.full_like(index, TRUE_IMAGE))
        images = []
        for index in torch.arange(s.finished_images).remainder(len(self.data)).split(64):
            noise = torch.randn(self.latents[index].shape, generator=generator)
            clean, steps = finish(self.run_pass, self.alphas_cumprod, noise, tokens[index], empty,
                                  self._hints(index, generator), DDIM_STEPS, GUIDANCE)
            autoencoder = self.trained_decoder
            image = autoencoder.decoder(autoencoder.post_quant_conv(clean.to(s.device) / self.config.latent_scale))
            rows = torch.arange(len(index)) + sum(map(len, images))
            images.append(((image.cpu() + 1) * 127.5).round().clamp(0, 255).to(torch.uint8))
            others = torch.randperm(DDIM_STEPS - 1, generator=generator)[:KEPT_STEPS - 1].tolist()
            for kept in [*others, DDIM_STEPS - 1]:      # the last step is the one that users take by default
                collector.add(steps[kept], words[index], index, rows)
            self.report(f"features  {int(rows[-1]) + 1}/{s.finished_images} sampling runs")
        return collector.result(torch.cat(images))

    def _hints(self, index: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        scribble = torch.rand(len(index), generator=generator) < SCRIBBLE_SHARE
        return hint_batch(self.data, index, scribble, self.latents.shape[-1] * HINT_SIZE_PER_LATENT)

    def run_pass(self, x, timesteps, tokens, hint) -> tuple[torch.Tensor, StepFeatures]:
        """One conditional U-Net pass in the variance-preserving scale: (v, features)."""
        trained, device = self.trained_diffusion, self.settings.device
        x, t, options = x.to(device), timesteps.float().to(device), {}
        context, _, _ = trained["text"].text_model(tokens.to(device))
        control = trained["control_net"](x=x, hint=hint.to(device), timesteps=t, context=context)
        alpha = self.alphas_cumprod[timesteps].to(device)
        with captured_call(trained["unet"], options, len(x)) as call:
            v = trained["unet"](x, t, context=context, control=control, transformer_options=options)
        return v, call.features(0, ((1 - alpha) / alpha).sqrt())


def train(settings: Settings, core, work: Path, out: Path, stages: tuple[str, ...] = STAGES, report=print) -> None:
    """Run the recipe; see `Recipe`."""
    report(f"demo recipe on {settings.device}: {asdict(settings)}")
    torch.set_flush_denormal(True)  # empty space has vanishing densities, and a CPU crawls through denormal numbers
    Recipe(settings, core, work, out, report).run(stages)
