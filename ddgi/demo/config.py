"""Sizes of the demo diffusion model, saved beside its weights."""

from dataclasses import asdict, dataclass, field


@dataclass(frozen=True)
class DiffusionConfig:
    """Sizes of a small Stable Diffusion 1.x relative; every field is saved beside the weights."""

    image_size: int  # side of the training images in pixels
    downscale: int  # image side over latent side
    latent_scale: float  # factor that brings VAE latents to unit variance
    vae: dict = field(repr=False)  # core's AutoencoderKL ddconfig
    unet: dict = field(repr=False)  # core's UNetModel arguments
    text: dict = field(repr=False)  # CLIP text model config

    @classmethod
    def build(cls, *, image_size: int, downscale: int, vae_channels: int, vae_mult: list[int], z_channels: int,
              model_channels: int, channel_mult: list[int], num_res_blocks: int, num_heads: int,
              text_width: int, text_layers: int, vocab_size: int, latent_scale: float = 1.0) -> "DiffusionConfig":
        """Fill in everything that follows from the few sizes worth choosing (widths are multiples of 32)."""
        levels = len(channel_mult)
        return cls(
            image_size=image_size, downscale=downscale, latent_scale=latent_scale,
            vae={"double_z": True, "z_channels": z_channels, "resolution": image_size, "in_channels": 3, "out_ch": 3,
                 "ch": vae_channels, "ch_mult": vae_mult, "num_res_blocks": 1, "attn_resolutions": [], "dropout": 0.0},
            unet={"image_size": 32, "in_channels": z_channels, "out_channels": z_channels,
                  "model_channels": model_channels, "channel_mult": channel_mult, "num_res_blocks": num_res_blocks,
                  "num_heads": num_heads, "num_head_channels": -1, "use_spatial_transformer": True,
                  "context_dim": text_width, "legacy": False, "use_linear_in_transformer": False,
                  "transformer_depth": [1] * levels * num_res_blocks, "transformer_depth_middle": 1,
                  "transformer_depth_output": [1] * levels * (num_res_blocks + 1)},
            text={"hidden_size": text_width, "num_hidden_layers": text_layers, "num_attention_heads": 4,
                  "intermediate_size": 4 * text_width, "hidden_act": "quick_gelu", "max_position_embeddings": 77,
                  "vocab_size": vocab_size, "bos_token_id": vocab_size - 2, "eos_token_id": vocab_size - 1})

    def to_json(self) -> dict:
        return asdict(self)
