"""The judges: a face segmenter and an attribute classifier that score images nobody labelled."""

import dataclasses
from pathlib import Path

import torch
from einops import rearrange
from torch import nn
from torch.nn import functional as F

from ..config import check_count, short
from ..errors import InputError
from ..fields import to_json
from ..files import save_tensors
from ..native import load_network
from ..palette import CLASS_NAMES
from ..pictures import resize

FORMAT = "ddgi.judges"


class _Block(nn.Module):
    """Two 3x3 convolutions with batch norm, and a shortcut."""

    def __init__(self, in_channels: int, channels: int, operations):
        super().__init__()
        self.conv0 = operations.Conv2d(in_channels, channels, 3, padding=1, bias=False)
        self.conv1 = operations.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm0, self.norm1 = nn.BatchNorm2d(channels), nn.BatchNorm2d(channels)
        self.skip = operations.Conv2d(in_channels, channels, 1, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out = F.relu(self.norm0(self.conv0(x)))
        return F.relu(self.norm1(self.conv1(out)) + self.skip(x))


class FeaturePyramid(nn.Module):
    """Image [B, 3, R, R] in [-1, 1] to feature maps at S, S/2, S/4, S/8, where S = R / patch."""

    def __init__(self, widths: tuple[int, ...], patch: int = 1, operations=nn):
        super().__init__()
        self.patch = patch
        self.blocks = nn.ModuleList(_Block(a, b, operations) for a, b in zip((3 * patch ** 2, *widths), widths))

    def forward(self, image: torch.Tensor) -> list[torch.Tensor]:
        maps, x = [], F.pixel_unshuffle(image, self.patch)
        for index, block in enumerate(self.blocks):
            x = block(x if index == 0 else F.max_pool2d(x, 2))
            maps.append(x)
        return maps


class Segmenter(nn.Module):
    """U-Net that labels each pixel with one of the 19 face classes: logits [B, 19, R, R]."""

    def __init__(self, widths: tuple[int, ...], patch: int = 1, operations=nn):
        super().__init__()
        self.encoder = FeaturePyramid(widths, patch, operations)
        self.decoder = nn.ModuleList(_Block(a + b, b, operations) for a, b in zip(widths[:0:-1], widths[-2::-1]))
        self.head = operations.Conv2d(widths[0], len(CLASS_NAMES) * patch ** 2, 1)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        maps = self.encoder(image)
        x = maps.pop()
        for block in self.decoder:
            x = block(torch.cat([F.interpolate(x, scale_factor=2, mode="nearest"), maps.pop()], dim=1))
        return F.pixel_shuffle(self.head(x), self.encoder.patch)


class AttributeClassifier(nn.Module):
    """One logit vector per attribute: list of [B, number of values]."""

    def __init__(self, widths: tuple[int, ...], attribute_sizes: tuple[int, ...], patch: int = 1, operations=nn):
        super().__init__()
        self.encoder = FeaturePyramid(widths, patch, operations)
        self.sizes = tuple(attribute_sizes)
        # 4x4 cells keep where a feature was seen: brown eyes and brown hair are different questions.
        self.head = operations.Linear(widths[-1] * 16, sum(self.sizes))

    def forward(self, image: torch.Tensor) -> list[torch.Tensor]:
        x = rearrange(F.adaptive_avg_pool2d(self.encoder(image)[-1], 4), "b c h w -> b (c h w)")
        return list(self.head(x).split(self.sizes, dim=1))


@dataclasses.dataclass(frozen=True)
class JudgesConfig:
    """Sizes of the judges, and what they tell.

    Attributes:
        resolution: side of the pictures they look at. widths: of the levels of their pyramids.
        attributes: the values of each attribute.
        patch: pixels per side that are read as one.

    Raises:
        InputError: a size is impossible; the message names it.
    """

    resolution: int
    widths: tuple[int, ...]
    attributes: dict[str, tuple[str, ...]]
    patch: int = 1

    def __post_init__(self):
        check_count("The judges' resolution", self.resolution, 8, 4096)
        check_count("The judges' patch", self.patch, 1, 64)
        check_count("The number of the judges' widths", len(self.widths), 1, 8)
        for width in self.widths:
            check_count("A width of the judges", width, 1, 4096)
        coarsest = self.patch << (len(self.widths) - 1)
        if self.resolution % coarsest:
            raise InputError(f"The judges' resolution is {self.resolution}; it must be a multiple of {coarsest}.")
        check_count("The number of the judges' attributes", len(self.attributes), 1, 64)
        for name, values in self.attributes.items():
            check_count(f"The number of values of {short(name)}", len(values), 2, 64)


class Judges(nn.Module):
    """Both judges with what is known of them; record: their own accuracies."""

    def __init__(self, config: JudgesConfig, *, record: dict | None = None, operations=nn):
        super().__init__()
        self.config, self.record = config, record or {}
        sizes = tuple(len(values) for values in config.attributes.values())
        self.segmenter = Segmenter(config.widths, config.patch, operations)
        self.classifier = AttributeClassifier(config.widths, sizes, config.patch, operations)

    @property
    def resolution(self) -> int:
        return self.config.resolution

    def fit(self, image: torch.Tensor) -> torch.Tensor:
        """Images [B, 3, H, W] brought to the judges' resolution (antialiased)."""
        return resize(image, self.resolution)

    def features(self, image: torch.Tensor) -> list[torch.Tensor]:
        """The segmenter's encoder maps, for the LPIPS-like distance."""
        return self.segmenter.encoder(image)

    def read(self, image: torch.Tensor) -> dict[str, torch.Tensor]:
        """The classifier's logits [B, values] by attribute, of images at the judges' resolution."""
        return dict(zip(self.config.attributes, self.classifier(image)))

    def share(self, image: torch.Tensor, attribute: str, value: str) -> float:
        """Share of images [B, 3, H, W] in which the attribute is read as the value."""
        read = self.read(self.fit(image.float().clamp(-1, 1)))[attribute].argmax(1)
        return (read == self.config.attributes[attribute].index(value)).float().mean().item()

    def save(self, path: str | Path, dtype: torch.dtype = torch.float32) -> None:
        tensors = {k: v.to(dtype) if v.is_floating_point() else v for k, v in self.state_dict().items()}
        save_tensors(path, tensors, format=FORMAT, config=to_json(self.config), provenance=self.record)


def load_judges(path: str | Path) -> Judges:
    """Read the judges' file, weights in fp32.

    Raises:
        InputError: the file is missing, broken or holds no judges.
    """
    tensors, config, record = load_network(path, format=FORMAT, kind=JudgesConfig, build=Judges, what="the judges")
    judges = Judges(config, record=record)
    judges.load_state_dict(tensors)
    return judges.requires_grad_(False).eval()
