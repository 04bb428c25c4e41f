"""The mapping network M and the attention-based style modulation network T (AbSMNet).

Source: Kim et al., "Diffusion-driven GAN Inversion for Multi-Modal Face Image Generation",
CVPR 2024 (arXiv 2405.04356), section 3. Where the paper is silent the choice is ours: the
standardisation of the inputs, the 1x1 projections before the global average, the layer sizes,
the timestep input. docs/method.md has every formula.
"""

import torch
from torch import nn
from torch.nn import functional as F

from ..pictures import resize
from .config import BridgeConfig
from .inputs import BridgeInputs
from .layers import LEAKY_SLOPE, MapToStyle


class Standardize(nn.Module):
    """(x - mean) / std per channel, with statistics measured once on the training features."""

    def __init__(self, channels: int):
        super().__init__()
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("std", torch.ones(channels))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return (x - self.mean.to(x)[:, None, None]) / self.std.to(x)[:, None, None]

    @torch.no_grad()
    def measure(self, x: torch.Tensor, centre: bool = True) -> None:
        """Take the statistics of features [B, C, h, w]; without `centre` only the scale (RMS)."""
        x = x.float()
        mean = x.mean((0, 2, 3)) if centre else torch.zeros_like(self.mean)
        self.mean.copy_(mean)
        self.std.copy_((x - mean[:, None, None]).square().mean((0, 2, 3)).sqrt().clamp_min(1e-4))


class FeatureMapping(nn.Module):
    """M: the middle-block features h_t become w^m_t."""

    def __init__(self, config: BridgeConfig, operations=nn):
        super().__init__()
        self.norm = Standardize(config.middle_channels)
        self.head = MapToStyle(config.middle_channels, config.mapping_channels, config.num_ws, config.w_dim,
                               timestep_channels=config.timestep_channels, operations=operations)
        self.register_buffer("w_avg", torch.zeros(config.w_dim))

    def forward(self, inputs: BridgeInputs) -> torch.Tensor:
        """[B, num_ws, w_dim], predicted as an offset from the generator's mean latent."""
        return self.w_avg + self.head(self.norm(inputs.h), inputs.timestep)


class _ConvPair(nn.Module):
    """Two 3x3 convolutions with LeakyReLU: one scale or shift net."""

    def __init__(self, in_channels: int, channels: int, operations=nn):
        super().__init__()
        self.first = operations.Conv2d(in_channels, channels, 3, padding=1)
        self.second = operations.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.leaky_relu(self.second(F.leaky_relu(self.first(x), LEAKY_SLOPE)), LEAKY_SLOPE)


class StyleModulationNetwork(nn.Module):
    """Local and global maps -> blended scale and shift maps F^gamma, F^beta.

    F^gamma = a * F^gamma_local + (1 - a) * F^gamma_global with a = sigmoid(parameter); F^beta alike.
    """

    def __init__(self, local_channels: int, global_channels: int, channels: int, refinement: str, operations=nn):
        super().__init__()
        self.refinement = refinement
        if refinement != "global":
            self.local_nets = nn.ModuleList(_ConvPair(local_channels, channels, operations) for _ in range(2))
        if refinement != "local":
            self.global_nets = nn.ModuleList(_ConvPair(global_channels, channels, operations) for _ in range(2))
        if refinement == "both":
            self.alpha = nn.Parameter(torch.zeros(2))

    def forward(self, local: torch.Tensor, whole: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        if self.refinement == "local":
            return self.local_nets[0](local), self.local_nets[1](local)
        if self.refinement == "global":
            return self.global_nets[0](whole), self.global_nets[1](whole)
        blend = torch.sigmoid(self.alpha)
        return tuple(torch.lerp(g(whole), l(local), a)
                     for l, g, a in zip(self.local_nets, self.global_nets, blend))


class AbSMNet(nn.Module):
    """T (AbSMNet): decoder features and cross-attention become w^gamma_t and w^beta_t."""

    def __init__(self, config: BridgeConfig, operations=nn):
        super().__init__()
        width = config.modulation_channels
        from_output = config.attention_source == "output"
        self.map_size = config.map_size
        self.feature_norms = nn.ModuleList(Standardize(c) for c in config.stage_channels)
        self.attention_norms = nn.ModuleList(Standardize(c if from_output else 1) for c in config.stage_channels)
        self.word_norm = Standardize(1)
        self.projections = nn.ModuleList(operations.Conv2d(c, width, 1) for c in config.stage_channels)
        self.style = StyleModulationNetwork(sum(config.stage_channels), width, width, config.refinement, operations)
        # Start at gamma = 1 and beta = 0: T begins as the identity on w^m.
        self.gamma_head, self.beta_head = (
            MapToStyle(width, config.head_channels, config.num_ws, config.w_dim, bias=bias, zero=True,
                       timestep_channels=config.timestep_channels, operations=operations) for bias in (1.0, 0.0))

    def forward(self, inputs: BridgeInputs) -> tuple[torch.Tensor, torch.Tensor]:
        """(w^gamma, w^beta), each [B, num_ws, w_dim]."""
        f = [norm(x) for norm, x in zip(self.feature_norms, inputs.f)]
        attention = [resize(norm(a), self.map_size) for norm, a in zip(self.attention_norms, inputs.attention)]
        # Local refinement: F-hat^n = F^n * A^n.
        local = torch.cat([resize(x, self.map_size) * a for x, a in zip(f, attention)], dim=1)
        # Global refinement: F-hat-bar = F-bar * A-bar, F-bar the average over stages of projected features.
        average = sum(resize(conv(x), self.map_size) for conv, x in zip(self.projections, f)) / len(f)
        scale, shift = self.style(local, average * self.word_norm(inputs.words))
        return self.gamma_head(scale, inputs.timestep), self.beta_head(shift, inputs.timestep)

    @torch.no_grad()
    def measure(self, inputs: BridgeInputs) -> None:
        """Take the input statistics from a batch of training features; attention is scaled, not centred."""
        for norm, x in zip(self.feature_norms, inputs.f):
            norm.measure(x)
        for norm, x in zip(self.attention_norms, inputs.attention):
            norm.measure(x, centre=False)
        self.word_norm.measure(inputs.words, centre=False)
