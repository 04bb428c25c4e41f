"""Sizes and lengths of the demo recipe: one CPU setting, one GPU setting."""

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Settings:
    """One recipe. Steps count optimiser steps; `scale` in the commands multiplies them."""

    device: str
    resolution: int  # side of images and of the generator
    downscale: int  # image side over latent side
    latent_channels: int
    samples: int  # rendered training heads
    judge_samples: int
    # autoencoder
    vae_channels: int
    vae_mult: tuple[int, ...]
    vae_batch: int
    vae_steps: int
    decoder_steps: int
    # diffusion model, ControlNet and text encoder
    model_channels: int
    channel_mult: tuple[int, ...]
    text_width: int
    text_layers: int
    diffusion_batch: int
    diffusion_steps: int
    # generator
    channel_base: int
    channel_max: int
    w_dim: int
    generator_batch: int
    generator_steps: int
    polish_steps: int
    z_steps: int
    code_steps: int  # only for a generator out of a file, whose code network is learnt again
    views: int  # rendered views for the 3D generator
    volume_steps: int
    eg3d_steps: int
    # judges
    judge_batch: int
    judge_steps: int
    # bridges
    bridge_batch: int
    feature_passes: int  # U-Net passes whose features are kept, for M and for T
    finished_images: int  # pictures the diffusion model finishes for T's target
    mapping_steps: int
    modulation_steps: int
    modulation_3d_steps: int  # the 3D generator renders slower

    def scaled(self, scale: float) -> "Settings":
        """The same recipe with every length multiplied by `scale` (for a quick rough set)."""
        lengths = ("samples", "judge_samples", "vae_steps", "decoder_steps", "diffusion_steps", "generator_steps",
                   "polish_steps", "z_steps", "views", "volume_steps", "eg3d_steps", "judge_steps", "feature_passes",
                   "finished_images", "mapping_steps", "modulation_steps", "modulation_3d_steps")
        old = {name: getattr(self, name) for name in lengths}
        return replace(self, **{name: max(min(64, value), round(value * scale)) for name, value in old.items()})

    def further(self) -> "Settings":
        """The recipe for a set that goes on from a finished one: the autoencoder and the volume stay as they are."""
        shares = {"vae_steps": 0, "decoder_steps": 0, "volume_steps": 0, "diffusion_steps": 0.46,
                  "generator_steps": 3 / 8, "eg3d_steps": 1 / 2, "feature_passes": 3 / 4, "finished_images": 3 / 4,
                  "mapping_steps": 2 / 3, "modulation_steps": 2 / 3, "modulation_3d_steps": 2 / 3}
        return replace(self, **{name: round(getattr(self, name) * share) for name, share in shares.items()})


CPU = Settings(
    device="cpu", resolution=64, downscale=8, latent_channels=8, samples=18_000, judge_samples=3_000,
    vae_channels=32, vae_mult=(1, 1, 2, 2), vae_batch=8, vae_steps=11_200, decoder_steps=4800,
    model_channels=32, channel_mult=(1, 2, 3), text_width=96, text_layers=3, diffusion_batch=32, diffusion_steps=10_000,
    channel_base=2048, channel_max=128, w_dim=128, generator_batch=8, generator_steps=43_000,
    polish_steps=300, z_steps=30_000, code_steps=3000, judge_batch=16, judge_steps=700,
    views=10_000, volume_steps=6000, eg3d_steps=3300,
    bridge_batch=32, feature_passes=16_000, finished_images=2_048, mapping_steps=1200, modulation_steps=9000,
    modulation_3d_steps=6000)

GPU = replace(
    CPU, device="cuda", resolution=128, samples=40_000, judge_samples=12_000, vae_batch=64, vae_steps=10_000,
    decoder_steps=5000, diffusion_batch=64, diffusion_steps=20_000, channel_base=4096, generator_batch=32,
    generator_steps=40_000, polish_steps=4000, judge_batch=64, judge_steps=2500, views=40_000, volume_steps=12_000,
    eg3d_steps=8000, bridge_batch=64, feature_passes=40_000, finished_images=16_000, mapping_steps=6000,
    modulation_steps=6000)
