"""Head-world samples, rendered once and kept as bytes."""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch.nn import functional as F

from ...cameras import look_at_label
from ...files import load_tensors, save_tensors
from ...headworld import render_batch
from ...palette import CLASS_NAMES, PALETTE

FORMAT, VIEWS_FORMAT = "ddgi.headworld", "ddgi.headworld-views"
# Seed ranges never overlap: what is measured was never trained on.
HELD_OUT_SEEDS = range(256)
# Loss weights of the parts that carry an attribute, and pixels around them that share it. A part and the place where
# it could be weigh alike (ears and earrings, a closed mouth and what an open one would cover): a weight only where an
# earring is would teach to draw one everywhere.
PARTS = (({"left eye", "right eye"}, 10.0, 1), ({"mouth", "upper lip", "lower lip"}, 12.0, 3),
         ({"eyeglasses", "left brow", "right brow", "left ear", "right ear", "earring"}, 4.0, 1),
         ({"neck", "necklace"}, 3.0, 1), ({"nose"}, 2.0, 1))
TRAINING_SEED = 1_000_000
VIEW_YAW, VIEW_PITCH = 50.0, 18.0  # degrees to each side of the front, for the 3D generator's views
JUDGE_SEED = 2_000_000


def part_weights(mask: torch.Tensor) -> torch.Tensor:
    """Loss weights [B, 1, R, R] of `PARTS`: the small parts of the face count more than their area."""
    weights = torch.ones(len(mask), 1, *mask.shape[1:])
    for names, weight, margin in PARTS:
        part = torch.tensor([float(name in names) for name in CLASS_NAMES])[mask.long()][:, None]
        around = F.max_pool2d(part, 2 * margin + 1, stride=1, padding=margin)
        weights = torch.maximum(weights, weight * around)
    return weights


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
        """Loss weights [B, 1, R, R], see `part_weights`."""
        return part_weights(self.mask[index])

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


@dataclass
class HeadViews:
    """One view of each of N heads on white.

    image uint8 [N,3,R,R], mask uint8 [N,R,R], depth [N,R,R], label [N,25], z [N,64].
    """

    image: torch.Tensor
    mask: torch.Tensor
    depth: torch.Tensor
    label: torch.Tensor
    z: torch.Tensor

    def __len__(self) -> int:
        return len(self.image)

    def images(self, index: torch.Tensor) -> torch.Tensor:
        """Float images [B, 3, R, R] in [-1, 1]."""
        return self.image[index].float() / 127.5 - 1


def render_views(seeds: range, resolution: int, *, cache: Path, report=print, batch: int = 32) -> HeadViews:
    """Each head from a random camera within `VIEW_YAW` and `VIEW_PITCH`, or all of them read back from `cache`."""
    if cache.exists():
        return HeadViews(**load_tensors(cache, format=VIEWS_FORMAT)[0])
    parts: dict[str, list] = {k: [] for k in ("image", "mask", "depth", "label", "z")}
    for start in range(seeds.start, seeds.stop, batch):
        some = range(start, min(start + batch, seeds.stop))
        yaw, pitch = torch.rand(2, len(some), generator=torch.Generator().manual_seed(start)) * 2 - 1
        labels = look_at_label(torch.deg2rad(VIEW_YAW * yaw), torch.deg2rad(VIEW_PITCH * pitch))
        rendered = render_batch(some, resolution, labels, white_background=True)
        parts["image"].append(((rendered.image + 1) * 127.5).round().clamp(0, 255).to(torch.uint8))
        parts["mask"].append(rendered.mask)
        parts["depth"].append(rendered.depth[:, 0])
        parts["label"].append(rendered.label)
        parts["z"].append(rendered.z)
        if (start - seeds.start) // batch % 50 == 0:
            report(f"head views  {start - seeds.start}/{len(seeds)} images")
    tensors = {k: torch.cat(v) for k, v in parts.items()}
    save_tensors(cache, tensors, format=VIEWS_FORMAT, config={})
    return HeadViews(**tensors)


def hint_batch(data: HeadWorldData, index: torch.Tensor, scribble: torch.Tensor, size: int) -> torch.Tensor:
    """ControlNet hints [B, 3, size, size]: the scribble where `scribble` [B] is True, else the mask."""
    hints = torch.where(scribble[:, None, None, None], data.scribble_hints(index), data.mask_hints(index))
    return F.interpolate(hints, size=(size, size), mode="nearest-exact")
