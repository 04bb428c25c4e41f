"""Mapping network: z and an optional label to w (Karras et al. 2019, section 2), and what follows from it."""

from collections.abc import Mapping

import torch
from torch import nn

from ..errors import InputError
from ..ops import bias_act, normalize_2nd_moment
from ..seeds import seeded
from .linear import equalised_linear, init_linear
from .tensors import count_layers

LR_MUL = 0.01
AVERAGE_SAMPLES, AVERAGE_SEED = 4096, 0
MAX_LATENT = 8192
MAX_MAPPING_LAYERS = 64


def truncate(ws: torch.Tensor, w_avg: torch.Tensor, psi: float = 1.0, cutoff: int | None = None) -> torch.Tensor:
    """w_avg + psi (w - w_avg) on the first `cutoff` ws, None: on all (Marchesi 2017; Karras et al. 2019, section B).

    Args:
        ws: [B, num_ws, w_dim]. w_avg: [w_dim].
        psi: 1 keeps w, bit for bit; 0 gives the mean.
    """
    if psi == 1.0:
        return ws
    moved = w_avg.to(ws).lerp(ws if cutoff is None else ws[:, :cutoff], psi)
    return moved if cutoff is None else torch.cat([moved, ws[:, cutoff:]], dim=1)


def random_labels(count: int, c_dim: int, rng: torch.Generator) -> torch.Tensor | None:
    """One-hot labels [count, c_dim] of classes drawn evenly; None without classes."""
    if not c_dim:
        return None
    return torch.nn.functional.one_hot(torch.randint(c_dim, (count,), generator=rng), c_dim).float()


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
        """ws [B, num_ws, w_dim], truncated as `truncate` says."""
        ws = self.single(z, c)[:, None].repeat(1, self.num_ws, 1)
        return truncate(ws, self.w_avg, truncation_psi, truncation_cutoff)

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


def with_average(tensors: Mapping[str, torch.Tensor]) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
    """The tensors with a `mapping.w_avg`, and a note for the provenance if it had to be sampled."""
    tensors = dict(tensors)
    if "mapping.w_avg" in tensors or "mapping.fc0.weight" not in tensors:
        return tensors, {}
    tensors["mapping.w_avg"] = sampled_average(tensors)
    classes = " over all classes alike" if "mapping.embed.weight" in tensors else ""
    return tensors, {"w_avg": f"mean of {AVERAGE_SAMPLES} samples{classes}, seed {AVERAGE_SEED}"}


@torch.no_grad()
def sampled_average(tensors: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """Mean w [w_dim] over 4,096 seeded z, and over classes drawn evenly, for files that come without one."""
    weights = {key.removeprefix("mapping."): value.float() for key, value in tensors.items()
               if key.startswith("mapping.")}
    layers = count_layers(tensors)
    if weights["fc0.weight"].ndim != 2:
        raise InputError("its mapping network has no matrices")
    w_dim, fan_in = weights["fc0.weight"].shape
    c_dim = weights["embed.weight"].shape[-1] if "embed.weight" in weights else 0
    z_dim = fan_in - (w_dim if c_dim else 0)
    if max(w_dim, fan_in, c_dim) > MAX_LATENT or layers > MAX_MAPPING_LAYERS:
        raise InputError(f"its mapping network has {layers} layers for {max(w_dim, fan_in, c_dim)} numbers; "
                         f"{MAX_MAPPING_LAYERS} for {MAX_LATENT} are the limit")
    if z_dim < 1 or any(weights[f"fc{index}.weight"].shape != (w_dim, w_dim) for index in range(1, layers)):
        raise InputError("its mapping network has uneven layers")
    with torch.random.fork_rng(devices=[]):
        mapping = MappingNetwork(z_dim, c_dim, w_dim, 1, layers)
    mapping.load_state_dict(weights | {"w_avg": torch.zeros(w_dim)})
    rng = seeded(AVERAGE_SEED)
    z = torch.randn(AVERAGE_SAMPLES, z_dim, generator=rng)
    return mapping.single(z, random_labels(AVERAGE_SAMPLES, c_dim, rng)).mean(dim=0)
