"""Sizes of a StyleGAN3 generator read off names and shapes of its tensors, and off a pickled network's attributes."""

import re
from collections.abc import Iterable

from ...errors import InputError
from ..foreign import ForeignModule, activation_clamp, count, number
from ..tensors import Tensors, get_tensor, mapping_sizes
from .config import StyleGAN3Config
from .schedule import layer_plans

LABEL = "StyleGAN3"
LAYER_NAME = re.compile(r"synthesis\.(L(\d{1,2})_(\d{1,5})_(\d{1,5}))\.weight")
COUNTS = ("num_critical", "margin_size", "filter_size", "lrelu_upsampling", "num_fp16_res")
NUMBERS = ("first_cutoff", "first_stopband", "last_stopband_rel", "output_scale")


def owns(names: Iterable[str]) -> bool:
    """True if these are tensor names of a StyleGAN3 generator."""
    return any(name.startswith("synthesis.input.") for name in names)


def infer_config(tensors: Tensors, **settings) -> StyleGAN3Config:
    """The config that fits a state dict under the public names.

    Args:
        tensors: names and shapes alone are read.
        settings: fields of the config that these cannot tell; without num_critical, the one that fits is found.

    Raises:
        InputError: a tensor is missing, the sizes are impossible, or the layers follow no schedule of these settings.
    """
    found = {int(match[2]): match for name in tensors if (match := LAYER_NAME.fullmatch(name))}
    pose = get_tensor(tensors, "synthesis.input.affine.weight", 2, LABEL)
    get_tensor(tensors, "synthesis.input.transform", 2, LABEL)
    layers = max(found, default=0)
    if layers < 2 or sorted(found) != list(range(layers + 1)):
        raise InputError(f"This is not a whole {LABEL} generator: it has {len(found)} layers that are not numbered "
                         f"from 0 on; use a file that holds G or G_ema.")
    first = f"synthesis.{found[0][1]}"
    sizes = mapping_sizes(tensors, pose.shape[1], LABEL) | {
        "img_resolution": int(found[layers][3]), "img_channels": int(found[layers][4]), "num_layers": layers,
        "channels": tuple(int(found[index][4]) for index in range(layers)),
        "conv_kernel": get_tensor(tensors, f"{first}.weight", 4, LABEL).shape[-1],
        "use_radial_filters": f"{first}.down_filter" in tensors and tensors[f"{first}.down_filter"].ndim == 2}
    names = [found[index][1] for index in range(layers + 1)]
    for critical in [settings.pop("num_critical")] if "num_critical" in settings else (2, *range(1, layers)):
        if critical < layers:
            config = StyleGAN3Config(**sizes, **settings, num_critical=critical)
            if [plan.name for plan in layer_plans(config)] == names:
                return config
    raise InputError(f"The layers of this {LABEL} generator ({names[0]} to {names[-1]}) follow no schedule that is "
                     f"known; use a file that brings its settings along (NVIDIA's .pkl).")


def settings_of(network: ForeignModule) -> dict:
    """Keyword arguments of `infer_config` from the attributes of a pickled network.

    Settings lie flat among the arguments it was made with, where only those that were given stand, and again as
    attributes of its parts.
    """
    synthesis = network.child("synthesis") or ForeignModule("")
    made_with = network.values.get("_init_kwargs")
    values = {**(made_with if isinstance(made_with, dict) else {}), **synthesis.values}
    wave = network.child("synthesis", "input")
    if wave is not None and "bandwidth" in wave.values:
        values["first_cutoff"] = wave.values["bandwidth"]
    settings = {name: count(values, name) for name in COUNTS if name in values}
    settings |= {name: number(values, name) for name in NUMBERS if name in values}
    first = next((layer for name, layer in synthesis.children.items() if name.startswith("L0_")), None)
    if first is not None and "conv_clamp" in first.values:
        settings["conv_clamp"] = activation_clamp(first)
    return settings
