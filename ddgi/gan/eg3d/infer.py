"""Sizes of an EG3D generator read off the shapes of its tensors."""

from collections.abc import Iterable

from ..stylegan2.infer import infer_config as infer_backbone
from ..tensors import Tensors, get_tensor
from .config import EG3DConfig, RenderingConfig

LABEL = "EG3D"
PREFIXES = ("backbone.", "superresolution.")
SR_CLAMP = 256.0
# Both kinds of first block have tensors of the same shapes; the public classes differ by their picture size.
PUBLIC_SR_KINDS = {128: "2X", 256: "4X", 512: "8X"}


def owns(names: Iterable[str]) -> bool:
    """True if these are tensor names of an EG3D generator."""
    return any(name.startswith(PREFIXES) for name in names)


def infer_config(tensors: Tensors, *, conv_clamp: float | None = None, num_fp16_res: int = 0,
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
        InputError: a tensor is missing, or the sizes are impossible.
    """
    backbone = infer_backbone({name[len("backbone."):]: value for name, value in tensors.items()
                               if name.startswith("backbone.")}, conv_clamp=conv_clamp, num_fp16_res=num_fp16_res)
    hidden = get_tensor(tensors, "decoder.net.0.weight", 2, LABEL)
    first = get_tensor(tensors, "superresolution.block0.conv1.weight", 4, LABEL)
    second = get_tensor(tensors, "superresolution.block1.conv1.weight", 4, LABEL)
    size = get_tensor(tensors, "superresolution.block1.conv1.noise_const", 2, LABEL).shape[0]
    sr_kind = sr_kind or PUBLIC_SR_KINDS.get(size, "8X")
    start = size // (4 if sr_kind == "8X" else 2)
    return EG3DConfig(
        backbone=backbone, img_resolution=size, feature_channels=hidden.shape[1], decoder_width=hidden.shape[0],
        neural_rendering_resolution=start if neural_rendering_resolution is None else neural_rendering_resolution,
        sr_kind=sr_kind, sr_input_resolution=start, sr_channels=(first.shape[0], second.shape[0]),
        sr_antialias=sr_antialias, sr_conv_clamp=sr_conv_clamp, rendering=rendering or RenderingConfig())
