"""Options that generator families declare, as inputs of nodes."""

from comfy_api.latest import io

from ..ddgi.gan import Option, all_options


def option_inputs(kind: str, *, is_3d: bool | None = None) -> list[io.Input]:
    """Inputs for every "read_options" or "render_options" of the table; `is_3d` takes those of one sort of family."""
    return [_input(option) for families, option in all_options(kind)
            if is_3d is None or any(family.is_3d for family in families) == is_3d]


def _input(option: Option) -> io.Input:
    shared = {"default": option.default, "optional": True, "advanced": True,
              "tooltip": option.tooltip}
    if option.choices:
        return io.Combo.Input(option.name, options=list(option.choices), **shared)
    kind = io.Int if isinstance(option.default, int) else io.Float
    return kind.Input(option.name, min=option.low, max=option.high, step=option.step, **shared)
