"""Mapping network: z and an optional label to w (Karras 2019, section 2)."""

import torch
from torch import nn

from ..errors import InputError
from ..ops import bias_act, normalize_2nd_moment
from .layers import equalised_linear, init_linear

LR_MUL = 0.01


class MappingNetwork(nn.Module):
    """`num_layers` activated linear layers; `c_dim` > 0 adds a normalised label embedding after z."""

    def __init__(self, z_dim: int, c_dim: int, w_dim: int, num_ws: int, num_layers: int, operations=nn):
        super().__init__()
        self.z_dim, self.c_dim, self.w_dim, self.num_ws, self.num_layers = z_dim, c_dim, w_dim, num_ws, num_layers
        features = z_dim
        if c_dim:
            self.embed = init_linear(operations.Linear(c_dim, w_dim))
            features += w_dim
        for index in range(num_layers):
            layer = init_linear(operations.Linear(features, w_dim), lr_mul=LR_MUL)
            setattr(self, f"fc{index}", layer)
            features = w_dim
        self.register_buffer("w_avg", torch.zeros(w_dim))

    def single(self, z: torch.Tensor, c: torch.Tensor | None = None) -> torch.Tensor:
        """One w per sample, [B, w_dim], without truncation.

        Args:
            z: [B, z_dim], normal, not normalised.
            c: [B, c_dim] label; needed exactly when the network has one.
        """
        self._check(z, c)
        x = normalize_2nd_moment(z.float())
        if self.c_dim:
            embedded = normalize_2nd_moment(equalised_linear(self.embed, c.float()).float())
            x = torch.cat([x, embedded], dim=1)
        for index in range(self.num_layers):
            x = bias_act(equalised_linear(getattr(self, f"fc{index}"), x, LR_MUL).float())
        return x

    def forward(self, z: torch.Tensor, c: torch.Tensor | None = None, truncation_psi: float = 1.0,
                truncation_cutoff: int | None = None) -> torch.Tensor:
        """ws [B, num_ws, w_dim]; w_avg + psi (w - w_avg) on the first `truncation_cutoff` ws (None: on all)."""
        ws = self.single(z, c)[:, None].repeat(1, self.num_ws, 1)
        if truncation_psi != 1.0:
            cutoff = self.num_ws if truncation_cutoff is None else truncation_cutoff
            moved = self.w_avg.to(ws).lerp(ws[:, :cutoff], truncation_psi)
            ws = torch.cat([moved, ws[:, cutoff:]], dim=1)
        return ws

    @torch.no_grad()
    def update_w_avg(self, w: torch.Tensor, beta: float = 0.998) -> None:
        """Move the running mean of w towards the mean of [B, w_dim] (training only)."""
        self.w_avg.lerp_(w.detach().float().mean(dim=0), 1.0 - beta)

    def _check(self, z: torch.Tensor, c: torch.Tensor | None) -> None:
        if z.ndim != 2 or z.shape[1] != self.z_dim:
            raise InputError(f"z has shape {tuple(z.shape)} but this generator needs [batch, {self.z_dim}].")
        if self.c_dim and (c is None or c.ndim != 2 or tuple(c.shape) != (z.shape[0], self.c_dim)):
            found = "missing" if c is None else f"of shape {tuple(c.shape)}"
            raise InputError(f"The label c is {found}; this conditional generator needs [{z.shape[0]}, {self.c_dim}].")
