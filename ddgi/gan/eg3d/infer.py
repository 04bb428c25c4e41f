"""Sizes of an EG3D generator read off the shapes of its tensors."""

from collections.abc import Iterable

import torch

from ...errors import InputError
from ..infer import check_shapes, conv_shapes, drop_filters, get_tensor, linear_shapes, rgb_shapes
from ..infer import expected_shapes as backbone_shapes
from ..infer import infer_config as infer_backbone
from .config import EG3DConfig, RenderingConfig

__all__ = ["check_tensors", "drop_filters", "expected_shapes", "infer_config", "is_eg3d"]

PREFIXES = ("backbone.", "superresolution.")
LABEL_SIZE = 25
SR_CLAMP = 256.0
# Both kinds of first block have tensors of the same shapes; the public classes differ by their picture size.
PUBLIC_SR_KINDS = {128: "2X", 256: "4X", 512: "8X"}
KIND = "a whole EG3D"


def is_eg3d(names: Iterable[str]) -> bool:
    """True if these are tensor names of an EG3D generator."""
    return any(name.startswith(PREFIXES) for name in names)


def infer_config(tensors: dict[str, torch.Tensor], *, conv_clamp: float | None = None, num_fp16_res: int = 0,
                 sr_kind: str | None = None, sr_antialias: bool = True, sr_conv_clamp: float | None = SR_CLAMP,
                 neural_rendering_resolution: int | None = None,
                 rendering: RenderingConfig | None = None) -> EG3DConfig:
    """The config that fits a state dict under the public names (`backbone.*`, `decoder.*`, `superresolution.*`).

    Args:
        tensors: their shapes alone are read.
        conv_clamp, num_fp16_res: of the backbone.
        sr_kind: None takes the public kind of that picture size, "8X" for sizes that no public generator has.
        sr_antialias, sr_conv_clamp: of the super-resolution.
        neural_rendering_resolution: None is the size that super-resolution starts from.
        rendering: None is FFHQ's.

    Raises:
        InputError: a tensor is missing, the sizes are impossible, or the label is no camera.
    """
    backbone = infer_backbone({name[len("backbone."):]: value for name, value in tensors.items()
                               if name.startswith("backbone.")}, conv_clamp=conv_clamp, num_fp16_res=num_fp16_res)
    if backbone.c_dim != LABEL_SIZE:
        raise InputError(f"This EG3D generator is conditioned on labels of {backbone.c_dim} numbers (c_dim), but a "
                         f"camera has {LABEL_SIZE}; use a generator that was trained with camera labels alone.")
    hidden = get_tensor(tensors, "decoder.net.0.weight", 2, KIND)
    first = get_tensor(tensors, "superresolution.block0.conv1.weight", 4, KIND)
    second = get_tensor(tensors, "superresolution.block1.conv1.weight", 4, KIND)
    size = get_tensor(tensors, "superresolution.block1.conv1.noise_const", 2, KIND).shape[0]
    sr_kind = sr_kind or PUBLIC_SR_KINDS.get(size, "8X")
    start = size // (4 if sr_kind == "8X" else 2)
    return EG3DConfig(
        backbone=backbone, img_resolution=size, feature_channels=hidden.shape[1], decoder_width=hidden.shape[0],
        neural_rendering_resolution=start if neural_rendering_resolution is None else neural_rendering_resolution,
        sr_kind=sr_kind, sr_input_resolution=start, sr_channels=(first.shape[0], second.shape[0]),
        sr_antialias=sr_antialias, sr_conv_clamp=sr_conv_clamp, rendering=rendering or RenderingConfig())


def expected_shapes(config: EG3DConfig) -> dict[str, tuple[int, ...]]:
    """Name and shape of every tensor of the generator, without building it."""
    shapes = {f"backbone.{name}": shape for name, shape in backbone_shapes(config.backbone).items()}
    shapes |= linear_shapes("decoder.net.0", config.feature_channels, config.decoder_width)
    shapes |= linear_shapes("decoder.net.2", config.decoder_width, 1 + config.feature_channels)
    fan_in, w_dim = config.feature_channels, config.w_dim
    for index, (out, resolution) in enumerate(zip(config.sr_channels, (config.img_resolution // 2,
                                                                       config.img_resolution))):
        name = f"superresolution.block{index}"
        shapes |= conv_shapes(f"{name}.conv0", w_dim, fan_in, out, resolution)
        shapes |= conv_shapes(f"{name}.conv1", w_dim, out, out, resolution)
        shapes |= rgb_shapes(f"{name}.torgb", w_dim, out, 3)
        fan_in = out
    return shapes


def check_tensors(tensors: dict[str, torch.Tensor], config: EG3DConfig) -> None:
    """Refuse tensors that are not exactly those of the config's generator, or not finite."""
    check_shapes(tensors, expected_shapes(config))
