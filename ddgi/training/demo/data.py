"""Head-world samples, rendered once and kept as bytes."""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch.nn import functional as F

from ...files import load_tensors, save_tensors
from ...headworld import render_batch
from ...palette import CLASS_NAMES, PALETTE

FORMAT = "ddgi.headworld"
# Seed ranges never overlap: what is measured was never trained on.
HELD_OUT_SEEDS = range(256)
SMALL_PARTS = ("nose", "eyeglasses", "left eye", "right eye", "left brow", "right brow", "mouth", "upper lip",
               "lower lip", "earring", "necklace")
SMALL_PART_WEIGHT = 8.0
TRAINING_SEED = 1_000_000
JUDGE_SEED = 2_000_000


@dataclass
class HeadWorldData:
    """Tensors over N samples: image uint8 [N,3,R,R], mask uint8 [N,R,R], scribble bool [N,R,R], z, attributes."""

    image: torch.Tensor
    mask: torch.Tensor
    scribble: torch.Tensor
    z: torch.Tensor
    attributes: torch.Tensor
    captions: list[str]

    def __len__(self) -> int:
        return len(self.image)

    def images(self, index: torch.Tensor) -> torch.Tensor:
        """Float images [B, 3, R, R] in [-1, 1]."""
        return self.image[index].float() / 127.5 - 1

    def mask_hints(self, index: torch.Tensor) -> torch.Tensor:
        """Palette-coloured masks [B, 3, R, R] in 0..1."""
        palette = torch.from_numpy(PALETTE).float() / 255
        return palette[self.mask[index].long()].permute(0, 3, 1, 2)

    def part_weights(self, index: torch.Tensor) -> torch.Tensor:
        """Loss weights [B, 1, R, R]: the small parts of the face count more than their area."""
        small = torch.tensor([name in SMALL_PARTS for name in CLASS_NAMES])
        return 1 + (SMALL_PART_WEIGHT - 1) * small[self.mask[index].long()][:, None].float()

    def scribble_hints(self, index: torch.Tensor) -> torch.Tensor:
        """Black lines on white [B, 3, R, R] in 0..1."""
        return (~self.scribble[index]).float()[:, None].expand(-1, 3, -1, -1)


def render_data(seeds: range, resolution: int, *, cache: Path | None = None, report=print,
                batch: int = 32) -> HeadWorldData:
    """Render all seeds, or read them back from `cache`."""
    if cache is not None and cache.exists():
        tensors, metadata = load_tensors(cache, format=FORMAT)
        return HeadWorldData(**tensors, captions=metadata["config"]["captions"])
    parts: dict[str, list] = {k: [] for k in ("image", "mask", "scribble", "z", "attributes")}
    captions: list[str] = []
    for start in range(seeds.start, seeds.stop, batch):
        rendered = render_batch(range(start, min(start + batch, seeds.stop)), resolution)
        parts["image"].append(((rendered.image + 1) * 127.5).round().clamp(0, 255).to(torch.uint8))
        parts["mask"].append(rendered.mask)
        parts["scribble"].append(rendered.scribble[:, 0] > 0.5)
        parts["z"].append(rendered.z)
        parts["attributes"].append(rendered.attributes)
        captions += rendered.captions
        if (start - seeds.start) // batch % 50 == 0:
            report(f"head world  {start - seeds.start}/{len(seeds)} images")
    tensors = {k: torch.cat(v) for k, v in parts.items()}
    if cache is not None:
        save_tensors(cache, tensors, format=FORMAT, config={"captions": captions})
    return HeadWorldData(**tensors, captions=captions)


def hint_batch(data: HeadWorldData, index: torch.Tensor, scribble: torch.Tensor, size: int) -> torch.Tensor:
    """ControlNet hints [B, 3, size, size]: the scribble where `scribble` [B] is True, else the mask."""
    hints = torch.where(scribble[:, None, None, None], data.scribble_hints(index), data.mask_hints(index))
    return F.interpolate(hints, size=(size, size), mode="nearest-exact")
