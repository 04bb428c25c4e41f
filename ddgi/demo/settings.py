"""Sizes and lengths of the demo recipe: one CPU setting, one GPU setting."""

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Settings:
    """One recipe. Steps count optimiser steps; `scale` in the commands multiplies them."""

    device: str
    resolution: int  # side of the pictures that the diffusion model draws
    downscale: int  # image side over latent side
    latent_channels: int
    heads: int  # that the diffusion model and the bridges learn from
    drawn_share: float  # of them in drawn styles
    judge_heads: int
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
    text_batch: int
    text_steps: int
    diffusion_batch: int
    diffusion_steps: int
    diffusion_rate: float
    # 2D generator
    generator_resolution: int
    generator_channels: tuple[int, ...]  # from 4 px up
    generator_heads: int
    w_dim: int
    mapping_layers: int
    generator_batch: int
    generator_steps: int
    sharpen_steps: int
    polish_steps: int
    z_steps: int
    code_steps: int  # only for a generator out of a file, whose code network is learnt again
    # 3D generator
    views_resolution: int
    plane_resolution: int
    plane_channels: tuple[int, ...]  # from 4 px up
    views: int
    volume_steps: int
    eg3d_steps: int
    # stylised copies of the 2D generator
    style_heads: int
    style_steps: int
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
        lengths = [name for name in self.__dataclass_fields__ if name.endswith("_steps")]
        lengths += ["heads", "judge_heads", "generator_heads", "views", "style_heads", "feature_passes",
                    "finished_images"]
        old = {name: getattr(self, name) for name in lengths}
        return replace(self, **{name: max(min(64, value), round(value * scale)) for name, value in old.items()})

    def further(self) -> "Settings":
        """The recipe for a set that goes on from a finished one."""
        shares = {"vae_steps": 0.2, "decoder_steps": 0.5, "diffusion_steps": 0.5, "generator_steps": 0.75,
                  "volume_steps": 0.5, "eg3d_steps": 0.5}
        return replace(self, **{name: round(getattr(self, name) * share) for name, share in shares.items()})


CPU = Settings(
    device="cpu", resolution=64, downscale=8, latent_channels=8, heads=12_288, drawn_share=0.5, judge_heads=3_000,
    vae_channels=32, vae_mult=(1, 1, 2, 2), vae_batch=8, vae_steps=10_000, decoder_steps=4000,
    model_channels=32, channel_mult=(1, 2, 3), text_width=96, text_layers=3, text_batch=128, text_steps=900,
    diffusion_batch=32, diffusion_steps=9000, diffusion_rate=1e-3,
    generator_resolution=256, generator_channels=(128, 128, 128, 64, 48, 32, 16), generator_heads=4096, w_dim=128,
    mapping_layers=8, generator_batch=8, generator_steps=10_000, sharpen_steps=6000, polish_steps=300, z_steps=20_000,
    code_steps=3000,
    views_resolution=128, plane_resolution=128,
    plane_channels=(128, 128, 128, 64, 48, 48), views=6144, volume_steps=6000, eg3d_steps=2400,
    style_heads=192, style_steps=400,
    judge_batch=16, judge_steps=1200,
    bridge_batch=32, feature_passes=16_000, finished_images=2_048, mapping_steps=1200, modulation_steps=9000,
    modulation_3d_steps=6000)

GPU = replace(
    CPU, device="cuda", heads=40_000, judge_heads=12_000, vae_batch=64, vae_steps=10_000, text_steps=2000,
    diffusion_batch=64, diffusion_steps=20_000, generator_heads=20_000, generator_batch=32,
    generator_steps=20_000, sharpen_steps=10_000, polish_steps=4000, views=40_000,
    volume_steps=12_000, eg3d_steps=8000, style_heads=1024, style_steps=1500, judge_batch=64, judge_steps=2500,
    bridge_batch=64, feature_passes=40_000, finished_images=16_000, mapping_steps=6000, modulation_steps=9000)
