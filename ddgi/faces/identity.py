"""Whose face it is: vectors of ArcFace (Deng et al. 2019), from a file that the user gives.

Two networks are common: InsightFace's IResNet-50, and TreB1eN's IR-SE50, which pSp, e4e and StyleCLIP come with.
"""

from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

from ..errors import InputError, last_line
from ..files import read_state
from ..native import without_weights

BLOCKS, WIDTHS, SIDE, VECTOR = (3, 4, 14, 3), (64, 128, 256, 512), 112, 512
_COUNTER = "num_batches_tracked"    # of batch norm; it does nothing outside of training, and files may lack it
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


class _Weighing(nn.Module):
    """Squeeze and excitation (Hu et al. 2018): each channel is weighed by what the whole picture says."""

    def __init__(self, channels: int, operations):
        super().__init__()
        self.fc1 = operations.Conv2d(channels, channels // 16, 1, bias=False)
        self.fc2 = operations.Conv2d(channels // 16, channels, 1, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.fc2(F.relu(self.fc1(x.mean((2, 3), keepdim=True)))).sigmoid()


class _WeighedBlock(nn.Module):
    """As `_Block`, with its last part weighed."""

    def __init__(self, in_channels: int, channels: int, stride: int, operations):
        super().__init__()
        self.stride, self.shortcut_layer = stride, None
        if in_channels != channels:
            self.shortcut_layer = nn.Sequential(
                operations.Conv2d(in_channels, channels, 1, stride=stride, bias=False), nn.BatchNorm2d(channels))
        self.res_layer = nn.Sequential(
            nn.BatchNorm2d(in_channels), operations.Conv2d(in_channels, channels, 3, padding=1, bias=False),
            nn.PReLU(channels), operations.Conv2d(channels, channels, 3, stride=stride, padding=1, bias=False),
            nn.BatchNorm2d(channels), _Weighing(channels, operations))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        plain = x[..., ::self.stride, ::self.stride] if self.shortcut_layer is None else self.shortcut_layer(x)
        return plain + self.res_layer(x)


class IRSE50(nn.Module):
    """As `IResNet50`; tensor names as in model_ir_se50.pth."""

    def __init__(self, operations=nn):
        super().__init__()
        self.input_layer = nn.Sequential(operations.Conv2d(3, WIDTHS[0], 3, padding=1, bias=False),
                                         nn.BatchNorm2d(WIDTHS[0]), nn.PReLU(WIDTHS[0]))
        blocks, channels = [], WIDTHS[0]
        for count, width in zip(BLOCKS, WIDTHS):
            for number in range(count):
                blocks.append(_WeighedBlock(channels, width, 1 if number else 2, operations))
                channels = width
        self.body = nn.Sequential(*blocks)
        self.output_layer = nn.Sequential(
            nn.BatchNorm2d(channels), nn.Identity(), nn.Flatten(),
            operations.Linear(channels * (SIDE // 16) ** 2, VECTOR), nn.BatchNorm1d(VECTOR))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.output_layer(self.body(self.input_layer(x)))


class FaceIdentity(nn.Module):
    """FFHQ-aligned pictures [B, 3, R, R] in -1..1 to unit face vectors [B, 512]."""

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network.requires_grad_(False).eval()

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        side = pictures.shape[-1]
        top, bottom, left, right = (round(share * side) for share in (*ROWS, *COLUMNS))
        face = F.interpolate(pictures[..., top:bottom, left:right], size=(SIDE, SIDE), mode="bilinear",
                             antialias=side > SIDE)
        return F.normalize(self.network(face), dim=1)


def load_identity(path: str | Path, operations=nn) -> FaceIdentity:
    """Read a face-recognition file: the state dict of an IResNet-50 or an IR-SE50, as safetensors or .pt/.pth.

    Raises:
        InputError: the file is missing, broken or holds another network.
    """
    path = Path(path)
    tensors = read_state(path)
    kind = IRSE50 if "input_layer.0.weight" in tensors else IResNet50
    with without_weights():
        network = kind(operations)
    for name, value in network.state_dict().items():
        if name.endswith(_COUNTER):
            tensors[name] = torch.zeros_like(value, device="cpu")
    try:
        network.load_state_dict(tensors, strict=True, assign=True)
    except RuntimeError as error:
        raise InputError(f"{path.name} holds neither an IResNet-50 nor an IR-SE50 ({last_line(error)}); use the "
                         f"state dict of InsightFace's iresnet50, or model_ir_se50.pth.") from error
    return FaceIdentity(network.float())
