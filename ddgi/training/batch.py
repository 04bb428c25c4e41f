"""One batch of training: what the bridge reads, and what it should give."""

from dataclasses import dataclass

import torch

from ..bridge import BridgeInputs


@dataclass(frozen=True)
class Batch:
    """B passes of E.

    Attributes:
        inputs: what M and T read.
        target: [B, 3, R, R] in -1..1, what the picture should look like: I_gt, or I_0^d.
        true: [B, 3, R, R], I_gt: whose face it should be.
        ws: [B, num_ws, w_dim], the latents that the data knows; zero where `has_w` [B] is False.
        camera: labels [B, 25], or None: all from the front.
        weight: [B, 1, R, R], what each pixel of `target` counts, see `parts`; None: all alike.
    """

    inputs: BridgeInputs
    target: torch.Tensor
    true: torch.Tensor
    ws: torch.Tensor
    has_w: torch.Tensor
    camera: torch.Tensor | None = None
    weight: torch.Tensor | None = None

    def __len__(self) -> int:
        return len(self.has_w)
