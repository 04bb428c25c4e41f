"""The bridge: diffusion features in, generator latents out (w = w_m * w_gamma + w_beta)."""

from pathlib import Path

import torch
from torch import nn

from .. import native
from ..errors import InputError
from ..features import DiffusionFeatures, StepFeatures
from ..files import save_tensors
from ..gan import GanLatent, truncate
from .config import BridgeConfig
from .inputs import BridgeInputs, bridge_inputs
from .networks import AbSMNet, FeatureMapping

FORMAT = "ddgi.bridge"
SEVERAL = ("mean", "schedule")
STEP_CHOICES = ("last", "first", *SEVERAL)


class Bridge(nn.Module):
    """M + T with their config.

    Attributes:
        config: sizes, and the layout (`config.layout`) and generator that it was trained for.
        record: how it was trained (losses, steps, data); empty for untrained weights.
    """

    def __init__(self, config: BridgeConfig, *, record: dict | None = None, operations=nn):
        super().__init__()
        self.config = config
        self.record = record or {}
        self.mapping = FeatureMapping(config, operations)
        self.modulation = AbSMNet(config, operations)

    def styles(self, inputs: BridgeInputs) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """(w^m, w^gamma, w^beta) of one step, each [B, num_ws, w_dim]."""
        return self.mapping(inputs), *self.modulation(inputs)

    def latent(self, inputs: BridgeInputs, gamma: float = 1.0, beta: float = 1.0) -> torch.Tensor:
        """w = w_m * w_gamma + w_beta, [B, num_ws, w_dim]; strengths 0 leave w_m alone."""
        w_m, w_gamma, w_beta = self.styles(inputs)
        return w_m * (1 + gamma * (w_gamma - 1)) + beta * w_beta

    def forward(self, features: DiffusionFeatures, step: str | int = "last", gamma: float = 1.0, beta: float = 1.0,
                truncation_psi: float = 1.0) -> GanLatent:
        """Latents for the captured features.

        Args:
            features: captured features; their layout must be the one this bridge was trained for.
            step: "last", "first", or a step number (see `DiffusionFeatures.select`); "mean" over the
                captured steps; or "schedule": coarse layers from late steps (structure), fine
                layers from early ones (colour, text).
            gamma, beta: strength of T's scale and shift, 0 (M alone) to 1 (as trained) and beyond.
            truncation_psi: 1 keeps w; 0 gives the mean face.

        Raises:
            InputError: the features come from another kind of U-Net, or the step was not captured.
        """
        self.config.check_layout(features.layout)
        latents = [self.latent(self._inputs(features, s), gamma, beta) for s in _steps(features, step)]
        ws = _blend_schedule(latents) if step == "schedule" else torch.stack(latents).mean(0)
        ws = truncate(ws, self.mapping.w_avg, truncation_psi)
        return GanLatent(ws, self.config.generator_fingerprint, self.config.generator_name)

    def _inputs(self, features: DiffusionFeatures, step) -> BridgeInputs:
        parameter = self.mapping.head.linear.weight
        return bridge_inputs(step, features.words, self.config).to(parameter.device, torch.float32)

    def save(self, path: str | Path, *, dtype: torch.dtype = torch.float32) -> None:
        tensors = {k: v.to(dtype) for k, v in self.state_dict().items()}
        save_tensors(path, tensors, format=FORMAT, config=self.config.to_json(), provenance=self.record)


def load_bridge(path: str | Path, *, operations=nn) -> Bridge:
    """Read a bridge file; weights come back in fp32.

    Raises:
        InputError: the file is missing, broken or not a bridge.
    """
    tensors, config, record = native.load_network(path, format=FORMAT, kind=BridgeConfig, build=Bridge,
                                                  what="the bridge")
    bridge = Bridge(config, record=record, operations=operations)
    bridge.load_state_dict(tensors)
    return bridge.requires_grad_(False).eval()


def read_config(path: str | Path) -> BridgeConfig:
    """The config of a bridge file alone, without its weights. Raises InputError as `load_bridge` does."""
    return native.read_config(path, format=FORMAT, kind=BridgeConfig, what="the bridge")


def _steps(features: DiffusionFeatures, choice: str | int) -> list[StepFeatures]:
    if choice in SEVERAL and len(features.steps) == 1 and features.steps[0].step > 0:
        raise InputError(f"The step choice {choice!r} reads several steps, and only step {features.steps[0].step} of "
                         f"the sampling run was kept; set capture_steps of the sampler or tap to all.")
    return list(features.steps) if choice in SEVERAL else [features.select(choice)]


def _blend_schedule(latents: list[torch.Tensor]) -> torch.Tensor:
    """Layer l of L takes its vector from the step at share 1 - l / (L - 1) of the captured run."""
    num_ws = latents[0].shape[1]
    share = 1 - torch.arange(num_ws) / max(num_ws - 1, 1)
    chosen = (share * (len(latents) - 1)).round().long().tolist()
    return torch.stack([latents[step][:, layer] for layer, step in enumerate(chosen)], dim=1)
