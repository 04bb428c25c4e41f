"""The parts of a face in a photograph: the BiSeNet face parser (Yu et al. 2018, "BiSeNet"), from a file of its weights.

The common weights are those of zllrunning's face-parsing.PyTorch and of the many tools that took them over: a ResNet-18
is the context path, its features at an eighth of the size stand for the spatial path, and 19 classes come out. Modules
have the names that those files use. The two heads that only served training are left out.
"""

import zipfile
from collections.abc import Callable
from pathlib import Path

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional as F

from ..errors import InputError
from ..facemask import NoMask
from ..facemask.order import FROM_BISENET
from ..files import read_state
from ..native import without_weights
from ..pictures import resize

SIDE, CLASSES = 512, 19
WEIGHTS = "the weights of a BiSeNet face parser (79999_iter.pth of face-parsing.PyTorch, or the same as .safetensors)"
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)     # of ImageNet's red, green and blue
_WIDEST = 256                       # channels of the first layer; the common weights have 64
_MOST_BYTES = 512 * 2 ** 20         # of a file; the common weights have 53 MB
_NOT_NEEDED = ("conv_out16.", "conv_out32.", "cp.resnet.fc.")
_COUNTER = "num_batches_tracked"    # of batch norm; it does nothing outside of training
_ACTIVATIONS = 400 * 2 ** 20        # bytes that a face needs at most


class _Block(nn.Module):
    """Convolution, batch norm, ReLU."""

    def __init__(self, in_channels: int, channels: int, kernel: int, operations):
        super().__init__()
        self.conv = operations.Conv2d(in_channels, channels, kernel, padding=kernel // 2, bias=False)
        self.bn = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.bn(self.conv(x)))


class _Residual(nn.Module):
    """A basic block of a ResNet (He et al. 2016, fig. 2)."""

    def __init__(self, in_channels: int, channels: int, stride: int, operations):
        super().__init__()
        self.conv1 = operations.Conv2d(in_channels, channels, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = operations.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.downsample = None
        if stride != 1 or in_channels != channels:
            self.downsample = nn.Sequential(operations.Conv2d(in_channels, channels, 1, stride=stride, bias=False),
                                            nn.BatchNorm2d(channels))

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(y + (x if self.downsample is None else self.downsample(x)))


class _ResNet18(nn.Module):
    """[B, 3, S, S] to features of 2, 4 and 8 `width` channels at S / 8, S / 16 and S / 32."""

    def __init__(self, width: int, operations):
        super().__init__()
        self.conv1 = operations.Conv2d(3, width, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        channels = [width, width, 2 * width, 4 * width, 8 * width]
        for number in range(1, 5):
            before, after = channels[number - 1], channels[number]
            setattr(self, f"layer{number}", nn.Sequential(
                _Residual(before, after, 1 if number == 1 else 2, operations), _Residual(after, after, 1, operations)))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(x))), 3, stride=2, padding=1)
        eighth = self.layer2(self.layer1(x))
        sixteenth = self.layer3(eighth)
        return eighth, sixteenth, self.layer4(sixteenth)


class _Refinement(nn.Module):
    """Attention refinement: each channel is weighed by what the whole picture says (fig. 2b)."""

    def __init__(self, in_channels: int, channels: int, operations):
        super().__init__()
        self.conv = _Block(in_channels, channels, 3, operations)
        self.conv_atten = operations.Conv2d(channels, channels, 1, bias=False)
        self.bn_atten = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        return x * self.bn_atten(self.conv_atten(x.mean((2, 3), keepdim=True))).sigmoid()


class _ContextPath(nn.Module):
    """[B, 3, S, S] to spatial features [B, 2 w, S/8, S/8] and context [B, 2 w, S/8, S/8]."""

    def __init__(self, width: int, operations):
        super().__init__()
        self.resnet = _ResNet18(width, operations)
        self.arm16 = _Refinement(4 * width, 2 * width, operations)
        self.arm32 = _Refinement(8 * width, 2 * width, operations)
        self.conv_head32 = _Block(2 * width, 2 * width, 3, operations)
        self.conv_head16 = _Block(2 * width, 2 * width, 3, operations)
        self.conv_avg = _Block(8 * width, 2 * width, 1, operations)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        eighth, sixteenth, last = self.resnet(x)
        context = self.arm32(last) + self.conv_avg(last.mean((2, 3), keepdim=True))
        context = self.conv_head32(F.interpolate(context, sixteenth.shape[2:], mode="nearest"))
        context = self.arm16(sixteenth) + context
        return eighth, self.conv_head16(F.interpolate(context, eighth.shape[2:], mode="nearest"))


class _Fusion(nn.Module):
    """Feature fusion of both paths (fig. 2c)."""

    def __init__(self, channels: int, operations):
        super().__init__()
        self.convblk = _Block(channels, channels, 1, operations)
        self.conv1 = operations.Conv2d(channels, channels // 4, 1, bias=False)
        self.conv2 = operations.Conv2d(channels // 4, channels, 1, bias=False)

    def forward(self, spatial: Tensor, context: Tensor) -> Tensor:
        x = self.convblk(torch.cat([spatial, context], 1))
        return x + x * self.conv2(F.relu(self.conv1(x.mean((2, 3), keepdim=True)))).sigmoid()


class _Head(nn.Module):
    def __init__(self, channels: int, operations):
        super().__init__()
        self.conv = _Block(channels, channels, 3, operations)
        self.conv_out = operations.Conv2d(channels, CLASSES, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv_out(self.conv(x))


class FaceParser(nn.Module):
    """Pictures to scores of the 19 parts in BiSeNet's order.

    Args:
        width: channels of the first layer, 64 in the common weights.
    """

    memory_estimate = _ACTIVATIONS

    def __init__(self, width: int = 64, operations=nn):
        super().__init__()
        self.cp = _ContextPath(width, operations)
        self.ffm = _Fusion(4 * width, operations)
        self.conv_out = _Head(4 * width, operations)

    def forward(self, x: Tensor) -> Tensor:
        """Pictures [B, 3, S, S], normalised as ImageNet's, to scores [B, 19, S / 8, S / 8]."""
        return self.conv_out(self.ffm(*self.cp(x)))

    @torch.no_grad()
    def parse(self, faces: Tensor, progress: Callable[[int], None] = lambda done: None) -> Tensor:
        """Class numbers uint8 [N, S, S] in the CelebAMask-HQ order of aligned faces [N, S, S, 3] in 0..1.

        Args:
            progress: called with the count of faces done, before each.

        Raises:
            NoMask: it sees no face in one of them.
        """
        classes = []
        for index, face in enumerate(faces):
            progress(index)
            classes.append(self.classes(face))
            if not classes[-1].any():
                which = f"face {index + 1} of {len(faces)}" if len(faces) > 1 else "the picture"
                raise NoMask(f"The face parser sees nothing but background in {which}; give an upright face that "
                             f"fills the square.", "the parser sees no face in it")
        return torch.stack(classes)

    def classes(self, face: Tensor) -> Tensor:
        """Class numbers uint8 [S, S] of one aligned face [S, S, 3] in 0..1; all background where it sees none."""
        weight = self.cp.resnet.conv1.weight
        picture = rearrange(face[..., :3], "h w c -> 1 c h w").to(weight.device, torch.float32)
        mean, deviation = (picture.new_tensor(values)[:, None, None] for values in (_MEAN, _DEVIATION))
        scores = self((resize(picture, SIDE) - mean) / deviation)
        # From corner to corner, as the weights were trained: else classes would move by up to half a cell.
        scores = F.interpolate(scores, face.shape[:2], mode="bilinear", align_corners=True)
        return torch.from_numpy(FROM_BISENET)[scores[0].argmax(0).cpu()]


def load_parser(path: str | Path, operations=nn) -> FaceParser:
    """Read a parser's weights: a .safetensors file, or a .pth of tensors alone.

    Raises:
        InputError: the file is missing, broken, or holds another network.
    """
    path = Path(path)
    _check_size(path)
    state = _plain(read_state(path))
    first = state.get("cp.resnet.conv1.weight")
    width = len(first) if isinstance(first, Tensor) and first.ndim == 4 else 0
    if not 4 <= width <= _WIDEST or width % 4:
        raise InputError(f"{path.name} is no BiSeNet face parser: it has no first layer of 4 to {_WIDEST} channels. "
                         f"Give {WEIGHTS}.")
    with without_weights():
        network = FaceParser(width, operations)
    _check_shapes(path.name, state, network.state_dict())
    network.load_state_dict({key: value if key.endswith(_COUNTER) else value.float() for key, value in state.items()},
                            strict=True, assign=True)
    return network.requires_grad_(False).eval()


def _check_size(path: Path) -> None:
    """Refuse a file that would fill the memory before it turns out to be no parser."""
    if not path.is_file():
        return                      # `read_state` says so
    size = path.stat().st_size
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            size = max(size, sum(entry.file_size for entry in archive.infolist()))
    if size > _MOST_BYTES:
        raise InputError(f"{path.name} has {size >> 20} MiB, too many for a face parser. Give {WEIGHTS}.")


def _plain(state: dict) -> dict[str, Tensor]:
    """Tensors by their names, out of the wrappings that trainers put around them, without training's own heads."""
    if not isinstance(state, dict):
        return {}
    for key in ("state_dict", "model"):
        if isinstance(state.get(key), dict):
            state = state[key]
    names = {key.removeprefix("module."): value for key, value in state.items() if isinstance(key, str)}
    return {key: value for key, value in names.items()
            if isinstance(value, Tensor) and not key.startswith(_NOT_NEEDED)}


def _check_shapes(name: str, state: dict[str, Tensor], needed: dict[str, Tensor]) -> None:
    """Refuse other names and shapes; the counters of batch norm may be missing."""
    for key, value in needed.items():
        if key.endswith(_COUNTER):
            state[key] = torch.zeros((), dtype=torch.long)
        elif key not in state or state[key].shape != value.shape or not state[key].is_floating_point():
            given = f"{state[key].dtype} of shape {list(state[key].shape)}" if key in state else "missing"
            raise InputError(f"{name} is no BiSeNet face parser: {key} is {given}, it must be floats of shape "
                             f"{list(value.shape)}. Give {WEIGHTS}.")
    strange = [key for key in state if key not in needed]
    if strange:
        raise InputError(f"{name} is no BiSeNet face parser: it also holds {strange[0][:60]!r}. Give {WEIGHTS}.")
