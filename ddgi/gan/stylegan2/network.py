"""StyleGAN2: mapping and synthesis under the parameter names of the public checkpoints."""

import torch
from torch import nn

from ..mapping import MappingNetwork
from .config import StyleGAN2Config
from .synthesis import SynthesisNetwork


class StyleGAN2(nn.Module):
    """Generator module with `.mapping` and `.synthesis`; `operations` supplies the linear layer class."""

    def __init__(self, config: StyleGAN2Config, operations=nn):
        super().__init__()
        self.config = config
        self.mapping = MappingNetwork(config.z_dim, config.c_dim, config.w_dim, config.num_ws,
                                      config.num_mapping_layers, operations)
        self.synthesis = SynthesisNetwork(config, operations)

    def forward(self, z: torch.Tensor, c: torch.Tensor | None = None, truncation_psi: float = 1.0,
                truncation_cutoff: int | None = None, **synthesis_options) -> torch.Tensor:
        """z [B, z_dim] and label to a picture [B, img_channels, R, R]; options as in `SynthesisNetwork`."""
        return self.synthesis(self.mapping(z, c, truncation_psi, truncation_cutoff), **synthesis_options)
