"""The network that FID and KID are measured with: Inception v3 as its TensorFlow authors left it in December 2015.

Weights come from a file of the user: those that pytorch-fid and torch-fidelity download
(pt_inception-2015-12-05-6726825d.pth, weights-inception-2015-12-05-6726825d.pth), or the same as .safetensors. Modules
have the names that those files use. Three things differ from torchvision's network (Szegedy et al. 2016): averages
leave the border out, the last block takes a maximum, and pictures are resized as TensorFlow 1 did.
"""

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..errors import InputError, last_line
from ..files import read_state
from ..native import without_weights
from ..pictures import to_bytes

SIDE, FEATURES = 299, 2048
WEIGHTS = "pt_inception-2015-12-05-6726825d.pth of pytorch-fid, or torch-fidelity's copy"
_COUNTER = "num_batches_tracked"                # of batch norm; files may lack it
_NOT_NEEDED = ("fc.", "AuxLogits.")

# A step of a branch: (name, channels, kernel, stride); strided steps have no padding. A tuple of steps is a fork.
Step = tuple[str, int, int | tuple[int, int], int]
_ACROSS, _DOWN = (1, 7), (7, 1)


def _block_a(pool: int) -> list[list]:
    return [[("branch1x1", 64, 1, 1)], [("branch5x5_1", 48, 1, 1), ("branch5x5_2", 64, 5, 1)],
            [("branch3x3dbl_1", 64, 1, 1), ("branch3x3dbl_2", 96, 3, 1), ("branch3x3dbl_3", 96, 3, 1)],
            ["average", ("branch_pool", pool, 1, 1)]]


def _block_c(width: int) -> list[list]:
    return [[("branch1x1", 192, 1, 1)],
            [("branch7x7_1", width, 1, 1), ("branch7x7_2", width, _ACROSS, 1), ("branch7x7_3", 192, _DOWN, 1)],
            [("branch7x7dbl_1", width, 1, 1), ("branch7x7dbl_2", width, _DOWN, 1),
             ("branch7x7dbl_3", width, _ACROSS, 1), ("branch7x7dbl_4", width, _DOWN, 1),
             ("branch7x7dbl_5", 192, _ACROSS, 1)],
            ["average", ("branch_pool", 192, 1, 1)]]


def _block_e(pool: str) -> list[list]:
    return [[("branch1x1", 320, 1, 1)],
            [("branch3x3_1", 384, 1, 1), (("branch3x3_2a", 384, (1, 3), 1), ("branch3x3_2b", 384, (3, 1), 1))],
            [("branch3x3dbl_1", 448, 1, 1), ("branch3x3dbl_2", 384, 3, 1),
             (("branch3x3dbl_3a", 384, (1, 3), 1), ("branch3x3dbl_3b", 384, (3, 1), 1))],
            [pool, ("branch_pool", 192, 1, 1)]]


_BLOCK_B = [[("branch3x3", 384, 3, 2)],
            [("branch3x3dbl_1", 64, 1, 1), ("branch3x3dbl_2", 96, 3, 1), ("branch3x3dbl_3", 96, 3, 2)], ["halve"]]
_BLOCK_D = [[("branch3x3_1", 192, 1, 1), ("branch3x3_2", 320, 3, 2)],
            [("branch7x7x3_1", 192, 1, 1), ("branch7x7x3_2", 192, _ACROSS, 1), ("branch7x7x3_3", 192, _DOWN, 1),
             ("branch7x7x3_4", 192, 3, 2)], ["halve"]]
_BLOCKS = {"Mixed_5b": _block_a(32), "Mixed_5c": _block_a(64), "Mixed_5d": _block_a(64), "Mixed_6a": _BLOCK_B,
           "Mixed_6b": _block_c(128), "Mixed_6c": _block_c(160), "Mixed_6d": _block_c(160), "Mixed_6e": _block_c(192),
           "Mixed_7a": _BLOCK_D, "Mixed_7b": _block_e("average"), "Mixed_7c": _block_e("maximum")}
_POOLS = {"average": lambda x: F.avg_pool2d(x, 3, 1, 1, count_include_pad=False),
          "maximum": lambda x: F.max_pool2d(x, 3, 1, 1), "halve": lambda x: F.max_pool2d(x, 3, 2)}


class _Convolution(nn.Module):
    """Convolution, batch norm, ReLU."""

    def __init__(self, before: int, after: int, kernel: int | tuple[int, int], stride: int = 1,
                 padding: bool = True, operations=nn):
        super().__init__()
        sides = kernel if isinstance(kernel, tuple) else (kernel, kernel)
        around = tuple(side // 2 if padding and stride == 1 else 0 for side in sides)
        self.conv = operations.Conv2d(before, after, sides, stride=stride, padding=around, bias=False)
        self.bn = nn.BatchNorm2d(after, eps=1e-3)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.bn(self.conv(x)))


class _Mixed(nn.Module):
    """Branches side by side, their channels joined."""

    def __init__(self, before: int, branches: list[list], operations):
        super().__init__()
        self.branches, self.channels = branches, 0
        for branch in branches:
            width = before
            for step in branch:
                if isinstance(step, str):
                    continue
                fork = step if isinstance(step[0], tuple) else (step,)
                for name, channels, kernel, stride in fork:
                    setattr(self, name, _Convolution(width, channels, kernel, stride, operations=operations))
                width = sum(channels for _, channels, _, _ in fork)
            self.channels += width

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self._branch(x, branch) for branch in self.branches], 1)

    def _branch(self, x: Tensor, branch: list) -> Tensor:
        for step in branch:
            if isinstance(step, str):
                x = _POOLS[step](x)
            else:
                fork = step if isinstance(step[0], tuple) else (step,)
                x = torch.cat([getattr(self, name)(x) for name, *_ in fork], 1)
        return x


class Inception(nn.Module):
    """Pictures [B, 3, H, W] in -1..1 to features [B, 2048]."""

    def __init__(self, operations=nn):
        super().__init__()
        self.Conv2d_1a_3x3 = _Convolution(3, 32, 3, 2, operations=operations)
        self.Conv2d_2a_3x3 = _Convolution(32, 32, 3, padding=False, operations=operations)
        self.Conv2d_2b_3x3 = _Convolution(32, 64, 3, operations=operations)
        self.Conv2d_3b_1x1 = _Convolution(64, 80, 1, operations=operations)
        self.Conv2d_4a_3x3 = _Convolution(80, 192, 3, padding=False, operations=operations)
        channels = 192
        for name, branches in _BLOCKS.items():
            block = _Mixed(channels, branches, operations)
            setattr(self, name, block)
            channels = block.channels

    def forward(self, pictures: Tensor) -> Tensor:
        levels = to_bytes(pictures.clamp(-1, 1)).float()                # as they would be saved
        x = (_resized_as_in_tensorflow(levels, SIDE) - 128) / 128
        x = self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(x)))
        x = self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(F.max_pool2d(x, 3, 2)))
        x = F.max_pool2d(x, 3, 2)
        for name in _BLOCKS:
            x = getattr(self, name)(x)
        return x.mean((2, 3))


def _resized_as_in_tensorflow(x: Tensor, side: int) -> Tensor:
    """Bilinear at [B, C, side, side], as TensorFlow 1 does it: pixel i is read at i * before / after, corner to corner
    without the half pixel, and without antialiasing."""
    for dim in (2, 3):
        place = torch.arange(side, device=x.device) * (x.shape[dim] / side)
        low = place.long()
        high = (low + 1).clamp(max=x.shape[dim] - 1)
        share = (place - low).to(x.dtype).view(-1, *[1] * (3 - dim))
        x = torch.lerp(x.index_select(dim, low), x.index_select(dim, high), share)
    return x


def load_inception(path: str | Path, operations=nn) -> Inception:
    """Read the network's weights, see the module.

    Raises:
        InputError: the file is missing, broken, would run code, or holds another network.
    """
    path = Path(path)
    state = {key: value for key, value in read_state(path).items() if not key.startswith(_NOT_NEEDED)}
    with without_weights():
        network = Inception(operations)
    state |= {key: torch.zeros((), dtype=torch.long) for key in network.state_dict() if key.endswith(_COUNTER)}
    try:
        network.load_state_dict(state, strict=True, assign=True)
    except RuntimeError as error:
        raise InputError(f"{path.name} is not the Inception v3 of FID ({last_line(error)}); give {WEIGHTS}.") from error
    return network.float().requires_grad_(False).eval()
