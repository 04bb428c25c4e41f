"""Synthesis network of StyleGAN2: w vectors to a picture (Karras 2020, figure 7)."""

from collections.abc import Callable, Sequence

import torch
from torch import nn

from ...errors import InputError
from ...ops import upsample
from ..styles import StyleLayer
from .config import StyleGAN2Config
from .layers import PlainConv, SynthesisLayer, ToRGB
from .strips import block_in_strips, fits

NOISE_MODES = ("const", "random", "none")
HALF_RESOLUTIONS = 4        # how many of the highest resolutions run in half precision when asked to

NoiseSource = Callable[[SynthesisLayer, torch.Tensor, int], "torch.Tensor | None"]


class SynthesisBlock(nn.Module):
    """One resolution: up-convolution (absent at 4 px), convolution, and the picture branch."""

    def __init__(self, config: StyleGAN2Config, resolution: int, operations=nn):
        super().__init__()
        self.resolution, self.architecture = resolution, config.architecture
        self.is_last = resolution == config.img_resolution
        channels = config.channels_at(resolution)
        shared = {"conv_clamp": config.conv_clamp, "operations": operations}
        if resolution == 4:
            self.const = nn.Parameter(torch.empty(channels, 4, 4).normal_())
        else:
            in_channels = config.channels_at(resolution // 2)
            self.conv0 = SynthesisLayer(in_channels, channels, config.w_dim, resolution, up=True, **shared)
            if self.architecture == "resnet":
                self.skip = PlainConv(in_channels, channels, 1, bias=False, activate=False, resample="up")
        self.conv1 = SynthesisLayer(channels, channels, config.w_dim, resolution, up=False, **shared)
        if self.is_last or self.architecture == "skip":
            self.torgb = ToRGB(channels, config.img_channels, config.w_dim, **shared)

    def forward(self, x: torch.Tensor | None, img: torch.Tensor | None, ws: torch.Tensor, noise: NoiseSource,
                dtype: torch.dtype, needs_x: bool = True) -> tuple[torch.Tensor | None, torch.Tensor | None]:
        """x [B, C, R/2, R/2] or None at 4 px, img [B, 3, R/2, R/2] or None, ws [B, 2 or 3, w_dim]; both at R.

        Without `needs_x` the x that comes back may be None.
        """
        if self.resolution == 4:
            x = self.const.to(dtype).expand(ws.shape[0], -1, -1, -1).contiguous(memory_format=torch.channels_last)
            x = self.conv1(x, ws[:, 0], noise(self.conv1, ws, 4))
        elif self.architecture == "skip" and fits(self.conv1, x.to(dtype), self.resolution):
            noises = noise(self.conv0, ws, self.resolution), noise(self.conv1, ws, self.resolution)
            x, rgb = block_in_strips((self.conv0, self.conv1, self.torgb), x.to(dtype), ws, noises, self.resolution,
                                     needs_x)
            return x, upsample(img) + rgb.float()
        else:
            x = x.to(dtype)
            residual = self.skip(x, gain=0.5 ** 0.5) if self.architecture == "resnet" else None
            x = self.conv0(x, ws[:, 0], noise(self.conv0, ws, self.resolution))
            gain = 1.0 if residual is None else 0.5 ** 0.5
            x = self.conv1(x, ws[:, 1], noise(self.conv1, ws, self.resolution), gain=gain)
            x = x if residual is None else residual + x
        img = None if img is None else upsample(img)
        if self.is_last or self.architecture == "skip":
            rgb = self.torgb(x, ws[:, 1 if self.resolution == 4 else 2]).float()
            img = rgb if img is None else img + rgb
        return x, img


class SynthesisNetwork(nn.Module):
    """Blocks b4, b8, ... b{img_resolution}; each reads its ws in a row and the next starts one before the end."""

    def __init__(self, config: StyleGAN2Config, operations=nn):
        super().__init__()
        self.config = config
        for resolution in config.block_resolutions:
            setattr(self, f"b{resolution}", SynthesisBlock(config, resolution, operations))

    def forward(self, ws: torch.Tensor, noise_mode: str = "const", seed: int | Sequence[int] | None = None,
                noises: Sequence[torch.Tensor] | None = None, dtype: torch.dtype | None = None,
                blocks: dict | None = None) -> torch.Tensor:
        """Render a batch.

        Args:
            ws: [B, num_ws, w_dim].
            noise_mode: "const" (stored pictures of noise), "random" or "none".
            seed: for "random": one number for all samples or one each; drawn on the CPU, so that every device
                gives the same noise. None draws fresh noise from the device's global generator (training).
            noises: explicit noise pictures [1 or B, 1, R, R], one per layer from coarse to fine; overrides the mode.
            dtype: fp16 or bf16 runs the highest resolutions in it; None is fp32.
            blocks: if given, filled with {resolution: (x, img)}.

        Returns:
            [B, img_channels, R, R], fp32, about -1 to 1.

        Raises:
            InputError: ws of a wrong shape or an unknown noise mode.
        """
        config = self.config
        if ws.ndim != 3 or ws.shape[1:] != (config.num_ws, config.w_dim):
            raise InputError(f"ws has shape {tuple(ws.shape)} but this generator needs [batch, {config.num_ws}, "
                             f"{config.w_dim}]; make the latent with this generator.")
        noise = noise_source(noise_mode, seed, noises, ws.shape[0])
        ws, x, img, start = ws.float(), None, None, 0
        half_count = config.num_fp16_res or HALF_RESOLUTIONS
        for resolution in config.block_resolutions:
            is_half = dtype is not None and resolution << half_count > config.img_resolution
            count = 2 if resolution == 4 else 3
            block = getattr(self, f"b{resolution}")
            x, img = block(x, img, ws[:, start:start + count], noise, dtype if is_half else torch.float32,
                           needs_x=blocks is not None or not block.is_last)
            start += count - 1
            if blocks is not None:
                blocks[resolution] = (x, img)
        return img.contiguous()

    def style_layers(self) -> list[StyleLayer]:
        """As `Generator.style_layers`: conv0, conv1 and torgb of each block; torgb shares its w with the next block."""
        found, start = [], 0
        for resolution in self.config.block_resolutions:
            block = getattr(self, f"b{resolution}")
            names = ("conv1", "torgb") if resolution == 4 else ("conv0", "conv1", "torgb")
            found += [StyleLayer(start + place, getattr(block, name).affine, name == "torgb")
                      for place, name in enumerate(names) if hasattr(block, name)]
            start += len(names) - 1
        return found


def noise_source(noise_mode: str, seed: int | Sequence[int] | None, noises: Sequence[torch.Tensor] | None,
                 batch: int) -> NoiseSource:
    """A function that gives each layer its noise, in the order in which layers ask."""
    if noises is not None:
        queue = iter(noises)
        return lambda layer, ws, resolution: next(queue).to(ws)
    if noise_mode not in NOISE_MODES:
        raise InputError(f"The noise mode is {noise_mode!r}; it must be one of {', '.join(NOISE_MODES)}.")
    if noise_mode == "none":
        return lambda layer, ws, resolution: None
    if noise_mode == "const":
        return lambda layer, ws, resolution: layer.noise_const[None, None]
    if seed is None:
        return lambda layer, ws, r: torch.randn(ws.shape[0], 1, r, r, device=ws.device)
    seeds = [seed] * batch if isinstance(seed, int) else list(seed)
    if len(seeds) != batch:
        raise InputError(f"{len(seeds)} noise seeds were given for {batch} latents; give one number or one each.")
    rngs = [torch.Generator().manual_seed(int(value)) for value in seeds]
    return lambda layer, ws, r: torch.cat([torch.randn(1, 1, r, r, generator=rng) for rng in rngs]).to(ws.device)
