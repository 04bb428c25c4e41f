"""LPIPS, where the package is installed, with weights from a file: nothing is downloaded."""

from pathlib import Path

import torch
from torch.nn import functional as F

from ..errors import InputError
from .identity import read_state
from .losses import Distance

SHORTEST = 32  # the nets halve a picture five times


def lpips_distance(path: str | Path, device: torch.device) -> Distance:
    """LPIPS (Zhang et al. 2018) between pictures in -1..1.

    Args:
        path: the state dict of the package's own `LPIPS(net="vgg")` or `LPIPS(net="alex")` with everything in it.

    Raises:
        InputError: the package is missing, or the file is.
    """
    tensors = read_state(Path(path))
    try:
        import lpips
    except ImportError as error:
        raise InputError("The recipe asks for the perceptual loss 'lpips', but that package is not installed; run: "
                         "pip install lpips, or use perceptual = \"vae\".") from error
    kind = "vgg" if "net.slice1.2.weight" in tensors else "alex"
    network = lpips.LPIPS(net=kind, pretrained=False, pnet_rand=True, lpips=True, verbose=False)
    try:
        network.load_state_dict(tensors, strict=True)
    except RuntimeError as error:
        raise InputError(f"{Path(path).name} is no state dict of lpips.LPIPS(net={kind!r}); save one with "
                         f"torch.save(lpips.LPIPS(net='vgg').state_dict(), path).") from error
    network = network.to(device).requires_grad_(False).eval()

    def distance(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        if a.shape[-1] < SHORTEST:
            a, b = (F.interpolate(x, size=(SHORTEST, SHORTEST), mode="bilinear") for x in (a, b))
        return network(a, b).flatten()
    return distance
