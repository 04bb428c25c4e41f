"""Whose face it is: IResNet-50 face vectors (Deng et al. 2019, ArcFace), from a file that the user gives."""

from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

from ..errors import InputError, last_line
from ..files import read_state

BLOCKS, WIDTHS, SIDE, VECTOR = (3, 4, 14, 3), (64, 128, 256, 512), 112, 512
# The part of an FFHQ-aligned picture that ArcFace looks at: rows and columns as shares (Richardson et al. 2021, pSp).
ROWS, COLUMNS = (35 / 256, 223 / 256), (32 / 256, 220 / 256)


class _Block(nn.Module):
    """Improved residual block: batch norm first, the stride in the second convolution."""

    def __init__(self, in_channels: int, channels: int, stride: int, operations=nn):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(in_channels)
        self.conv1 = operations.Conv2d(in_channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.prelu = nn.PReLU(channels)
        self.conv2 = operations.Conv2d(channels, channels, 3, stride=stride, padding=1, bias=False)
        self.bn3 = nn.BatchNorm2d(channels)
        self.downsample = None
        if stride != 1 or in_channels != channels:
            self.downsample = nn.Sequential(operations.Conv2d(in_channels, channels, 1, stride=stride, bias=False),
                                            nn.BatchNorm2d(channels))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.prelu(self.bn2(self.conv1(self.bn1(x))))
        y = self.bn3(self.conv2(y))
        return y + (x if self.downsample is None else self.downsample(x))


class IResNet50(nn.Module):
    """Aligned faces [B, 3, 112, 112] in -1..1, RGB, to vectors [B, 512]; tensor names as in InsightFace's files."""

    def __init__(self, operations=nn):
        super().__init__()
        self.conv1 = operations.Conv2d(3, WIDTHS[0], 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(WIDTHS[0])
        self.prelu = nn.PReLU(WIDTHS[0])
        channels = WIDTHS[0]
        for number, (count, width) in enumerate(zip(BLOCKS, WIDTHS), 1):
            blocks = [_Block(channels if i == 0 else width, width, 2 if i == 0 else 1, operations)
                      for i in range(count)]
            setattr(self, f"layer{number}", nn.Sequential(*blocks))
            channels = width
        self.bn2 = nn.BatchNorm2d(channels)
        self.fc = operations.Linear(channels * (SIDE // 16) ** 2, VECTOR)
        self.features = nn.BatchNorm1d(VECTOR)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.prelu(self.bn1(self.conv1(x)))
        for layer in (self.layer1, self.layer2, self.layer3, self.layer4):
            x = layer(x)
        return self.features(self.fc(self.bn2(x).flatten(1)))


class FaceIdentity(nn.Module):
    """FFHQ-aligned pictures [B, 3, R, R] in -1..1 to unit face vectors [B, 512]."""

    def __init__(self, network: IResNet50):
        super().__init__()
        self.network = network.requires_grad_(False).eval()

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        side = pictures.shape[-1]
        top, bottom, left, right = (round(share * side) for share in (*ROWS, *COLUMNS))
        face = F.interpolate(pictures[..., top:bottom, left:right], size=(SIDE, SIDE), mode="bilinear",
                             antialias=side > SIDE)
        return F.normalize(self.network(face), dim=1)


def load_identity(path: str | Path, operations=nn) -> FaceIdentity:
    """Read a face-recognition file: the state dict of an IResNet-50, as safetensors or as a .pt/.pth of tensors.

    Raises:
        InputError: the file is missing, broken or holds another network.
    """
    path, network = Path(path), IResNet50(operations)
    try:
        network.load_state_dict(read_state(path), strict=True)
    except RuntimeError as error:
        raise InputError(f"{path.name} does not hold an IResNet-50 ({last_line(error)}); use the "
                         f"state dict of InsightFace's iresnet50.") from error
    return FaceIdentity(network)
