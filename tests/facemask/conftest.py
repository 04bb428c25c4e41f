"""Masks as people have them: `drawn` is a clean one, the others were made from it."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

INPUTS = Path(__file__).resolve().parents[1] / "inputs"


def as_image(picture: Image.Image | np.ndarray) -> torch.Tensor:
    """[1, H, W, C] in 0..1."""
    pixels = np.asarray(picture)
    pixels = pixels if pixels.ndim == 3 else pixels[..., None]
    return torch.from_numpy(pixels.astype(np.float32) / np.iinfo(pixels.dtype).max)[None]


@pytest.fixture(scope="session")
def picture():
    """An IMAGE [1, H, W, C] of a file in tests/inputs."""
    return lambda name: as_image(Image.open(INPUTS / name))


@pytest.fixture(scope="session")
def drawn():
    """The mask in class colours, RGB, 512 x 512."""
    return Image.open(INPUTS / "mask512.png").convert("RGB")
