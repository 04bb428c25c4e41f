"""LPIPS (Zhang et al. 2018): how alike two pictures look, by the features of VGG-16 or AlexNet and learned weights."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .errors import InputError, last_line
from .files import read_state
from .native import without_weights
from .pictures import resize

SHORTEST = 32           # side of pictures that the nets see: they halve them five times
# The parts of each net that end where features are taken: convolutions as (number, in, out, kernel, stride, padding).
# Numbers are those of torchvision's files; before all parts but the first stands a maximum over (kernel, stride).
_NETS = {
    "vgg": ((2, 2), [[(0, 3, 64, 3, 1, 1), (2, 64, 64, 3, 1, 1)], [(5, 64, 128, 3, 1, 1), (7, 128, 128, 3, 1, 1)],
                     [(10, 128, 256, 3, 1, 1), (12, 256, 256, 3, 1, 1), (14, 256, 256, 3, 1, 1)],
                     [(17, 256, 512, 3, 1, 1), (19, 512, 512, 3, 1, 1), (21, 512, 512, 3, 1, 1)],
                     [(24, 512, 512, 3, 1, 1), (26, 512, 512, 3, 1, 1), (28, 512, 512, 3, 1, 1)]]),
    "alex": ((3, 2), [[(0, 3, 64, 11, 4, 2)], [(3, 64, 192, 5, 1, 2)], [(6, 192, 384, 3, 1, 1)],
                      [(8, 384, 256, 3, 1, 1)], [(10, 256, 256, 3, 1, 1)]])}
_POOLED = {"vgg": (1, 2, 3, 4), "alex": (1, 2)}
_SHIFT, _SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)     # of red, green and blue, before the nets


def weighted_distance(a: Sequence[Tensor], b: Sequence[Tensor], weights: Sequence[Tensor]) -> Tensor:
    """Distances [B] of feature maps [B, C, h, w], finest first, under a weight [C] for each channel (eq. 1)."""
    def part(x: Tensor, y: Tensor, weight: Tensor) -> Tensor:
        squares = (F.normalize(x, dim=1, eps=1e-10) - F.normalize(y, dim=1, eps=1e-10)).square()
        return torch.einsum("b c h w, c -> b h w", squares, weight).mean((1, 2))
    return sum(part(*layer) for layer in zip(a, b, weights))


class Lpips(nn.Module):
    """Distances [B] of pictures a and b [B, 3, R, R] in -1..1, with gradients for both.

    Args:
        kind: "vgg" or "alex". Tensor names are those of the package lpips.
    """

    def __init__(self, kind: str, operations=nn):
        super().__init__()
        self.kind, (self.window, parts) = kind, _NETS[kind]
        self.net = nn.ModuleDict({f"slice{number}": nn.ModuleDict(
            {str(place): operations.Conv2d(before, after, kernel, stride=stride, padding=padding)
             for place, before, after, kernel, stride, padding in part}) for number, part in enumerate(parts, 1)})
        for number, part in enumerate(parts):
            setattr(self, f"lin{number}", nn.ParameterDict({"weight": torch.empty(1, part[-1][2], 1, 1)}))

    def features(self, pictures: Tensor) -> list[Tensor]:
        """Feature maps of pictures, finest first."""
        if min(pictures.shape[-2:]) < SHORTEST:
            pictures = resize(pictures, SHORTEST)
        shift, scale = (pictures.new_tensor(values)[:, None, None] for values in (_SHIFT, _SCALE))
        x, maps = (pictures - shift) / scale, []
        for number, part in enumerate(self.net.values()):
            if number in _POOLED[self.kind]:
                x = F.max_pool2d(x, *self.window)
            for convolution in part.values():
                x = F.relu(convolution(x))
            maps.append(x)
        return maps

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        weights = [getattr(self, f"lin{number}")["weight"].flatten() for number in range(len(self.net))]
        return weighted_distance(self.features(a), self.features(b), weights)


def load_lpips(path: str | Path) -> Lpips:
    """Read LPIPS from the state dict of the package's `LPIPS(net="vgg")` or `LPIPS(net="alex")`.

    Raises:
        InputError: the file is missing, broken, or holds another network.
    """
    tensors = read_state(path)
    kind = "vgg" if "net.slice1.2.weight" in tensors else "alex"
    with without_weights():
        network = Lpips(kind)
    # The package keeps the learned weights twice, and its constants among the tensors.
    state = {key.replace(".model.1.", "."): value.float() for key, value in tensors.items()
             if isinstance(value, Tensor) and not key.startswith(("lins.", "scaling_layer."))}
    try:
        network.load_state_dict(state, strict=True, assign=True)
    except RuntimeError as error:
        raise InputError(f"{Path(path).name} is no state dict of lpips.LPIPS(net={kind!r}) ({last_line(error)}); save "
                         f"one with torch.save(lpips.LPIPS(net='vgg').state_dict(), path).") from error
    return network.requires_grad_(False).eval()
