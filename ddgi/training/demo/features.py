"""Stage 5: the frozen diffusion model's features, computed once and kept, since E never changes.

Two sources: noised true images at random steps (multi-step training, as the paper does), and the
steps of the model's own sampling runs, whose finished image I_0^d is T's target.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from ...bridge import BridgeConfig, BridgeInputs, bridge_inputs
from ...features import StepFeatures
from ...files import load_tensors, save_tensors

FORMAT = "ddgi.feature-cache"
TRUE_IMAGE = -1


@dataclass
class FeatureCache:
    """N cached passes.

    inputs: BridgeInputs with N rows (fp16). sample [N]: head-world sample of each pass.
    finished [N]: row of `images` that the pass's sampling run ended in, or TRUE_IMAGE.
    images: uint8 [F, 3, R, R], the finished images I_0^d.
    """

    inputs: BridgeInputs
    sample: torch.Tensor
    finished: torch.Tensor
    images: torch.Tensor

    def __len__(self) -> int:
        return len(self.sample)

    def rows(self, index: torch.Tensor, device: str) -> BridgeInputs:
        """fp32 inputs of the chosen passes."""
        pick = lambda x: x[index].to(device, torch.float32)  # noqa: E731
        return BridgeInputs(pick(self.inputs.h), tuple(map(pick, self.inputs.f)),
                            tuple(map(pick, self.inputs.attention)), pick(self.inputs.words))

    def save(self, path: Path) -> None:
        tensors = {"h": self.inputs.h, "words": self.inputs.words, "sample": self.sample, "finished": self.finished,
                   "images": self.images}
        for name, maps in (("f", self.inputs.f), ("attention", self.inputs.attention)):
            tensors |= {f"{name}.{i}": x for i, x in enumerate(maps)}
        save_tensors(path, tensors, format=FORMAT, config={"stages": len(self.inputs.f)})

    @classmethod
    def load(cls, path: Path) -> "FeatureCache":
        tensors, metadata = load_tensors(path, format=FORMAT)
        stages = range(metadata["config"]["stages"])
        inputs = BridgeInputs(tensors["h"], tuple(tensors[f"f.{i}"] for i in stages),
                              tuple(tensors[f"attention.{i}"] for i in stages), tensors["words"])
        return cls(inputs, tensors["sample"], tensors["finished"], tensors["images"])


class Collector:
    """Gathers passes into preallocated memory-light fp16 rows."""

    def __init__(self, config: BridgeConfig):
        self.config = config
        self.parts: list[BridgeInputs] = []
        self.sample: list[torch.Tensor] = []
        self.finished: list[torch.Tensor] = []

    def add(self, step: StepFeatures, words: torch.Tensor, sample: torch.Tensor, finished: torch.Tensor) -> None:
        self.parts.append(bridge_inputs(step, words, self.config).to("cpu", torch.float16))
        self.sample.append(sample)
        self.finished.append(finished)

    def result(self, images: torch.Tensor) -> FeatureCache:
        join = lambda pick: torch.cat([pick(p) for p in self.parts])  # noqa: E731
        stages = range(len(self.parts[0].f))
        inputs = BridgeInputs(join(lambda p: p.h), tuple(join(lambda p, i=i: p.f[i]) for i in stages),
                              tuple(join(lambda p, i=i: p.attention[i]) for i in stages), join(lambda p: p.words))
        return FeatureCache(inputs, torch.cat(self.sample), torch.cat(self.finished), images)


# A pass: (x_t, timesteps, token ids, hints) -> (v prediction, features)
Pass = Callable[[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor], tuple[torch.Tensor, StepFeatures]]


def ddim_timesteps(steps: int, total: int = 1000) -> torch.Tensor:
    """`steps` timesteps from `total` - 1 to 0, evenly spaced, as ComfyUI's "normal" scheduler has them."""
    return torch.linspace(total - 1, 0, steps).round().long()


@torch.no_grad()
def finish(run_pass: Pass, alphas_cumprod: torch.Tensor, noise: torch.Tensor, tokens: torch.Tensor, empty: torch.Tensor,
           hint: torch.Tensor, steps: int, guidance: float) -> tuple[torch.Tensor, list[StepFeatures]]:
    """A deterministic DDIM run (Song et al. 2021, eq. 12 with eta = 0) with classifier-free guidance.

    Returns the clean latents [B, z, h, w] and the features of the conditional half at every step.
    """
    x, captured = noise, []
    timesteps = ddim_timesteps(steps, len(alphas_cumprod))
    following = [*alphas_cumprod[timesteps[1:]].tolist(), 1.0]
    for t, alpha_next in zip(timesteps.tolist(), following):
        alpha = alphas_cumprod[t].item()
        batch_t = torch.full((len(x),), t)
        cond, features = run_pass(x, batch_t, tokens, hint)
        uncond, _ = run_pass(x, batch_t, empty.expand_as(tokens), hint)
        v = (uncond + guidance * (cond - uncond)).to(x.device)
        clean = alpha ** 0.5 * x - (1 - alpha) ** 0.5 * v
        predicted = alpha ** 0.5 * v + (1 - alpha) ** 0.5 * x
        x = alpha_next ** 0.5 * clean + (1 - alpha_next) ** 0.5 * predicted
        captured.append(features)
    return x, captured
