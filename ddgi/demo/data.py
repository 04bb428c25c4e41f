"""Head-world samples, rendered once and kept as bytes."""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch.nn import functional as F

from ..cameras import look_at_label
from ..files import load_tensors, save_tensors
from ..headworld import render_batch
from ..palette import PALETTE
from ..training.data import Sample
from ..training.data.sample import Items
from ..training.losses import part_weights

FORMAT, VIEWS_FORMAT = "ddgi.headworld", "ddgi.headworld-views"
# Seed ranges never overlap: what is measured (`evaluate --demo`, seeds 0 to 255) was never trained on.
TRAINING_SEED = 1_000_000
SCRIBBLE_SHARE = 0.3  # of the hints; the others are masks
VIEW_YAW, VIEW_PITCH = 50.0, 18.0  # degrees to each side of the front, for the 3D generator's views
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

    def part_weights(self, index: torch.Tensor, eyes: float = 1.0) -> torch.Tensor:
        """Loss weights [B, 1, R, R], see `part_weights`."""
        return part_weights(self.mask[index], eyes)

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


class HeadWorldSamples(Items):
    """The rendered heads as the bridge trainer's source.

    Args:
        known_w: [N, w_dim], the latent that the generator draws each head from.
        hint_size: pixels per side of hints.
        cameras: [N, 25] for a 3D generator, which draws heads alone.
    """

    def __init__(self, data: HeadWorldData, known_w: torch.Tensor, hint_size: int, cameras: torch.Tensor | None = None):
        self.data, self.known_w, self.hint_size, self.cameras = data, known_w, hint_size, cameras
        self.problems = []

    def __len__(self) -> int:
        return len(self.data)

    def name(self, index: int) -> str:
        return f"head-{TRAINING_SEED + index}"

    def read(self, index: int, generator: torch.Generator) -> Sample:
        one = torch.tensor([index])
        scribble = torch.rand(1, generator=generator) < SCRIBBLE_SHARE
        hint = hint_batch(self.data, one, scribble, self.hint_size)[0]
        alone = self.cameras is not None
        return Sample(self.name(index), self.data.captions[index], hint, "scribble" if scribble else "mask",
                      self.data.images(one)[0], self.data.mask[index], self.cameras[index] if alone else None,
                      self.known_w[index], on_white=alone)

    def describe(self) -> dict:
        return {"source": "head world", "items": len(self), "skipped": 0, "resolution": self.data.image.shape[-1],
                "seeds": [TRAINING_SEED, TRAINING_SEED + len(self)], "scribble_share": SCRIBBLE_SHARE,
                "on_white": self.cameras is not None, "with_w": True}
