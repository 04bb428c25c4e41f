"""Reading one call of a diffusion network: h, f, attention output and word maps of chosen batch rows.

`captured_call` watches a single call and leaves nothing behind: what the network's taps attach lives from entry
to exit, also when the call fails or is interrupted, and it only reads. Where each kind of network is read stands
in the table of `families`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, MutableMapping
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch

from ..errors import InputError
from .families import find_taps
from .layout import FeatureLayout
from .stages import Rows, StageMaps
from .taps import NetworkTaps
from .values import StepFeatures


class CapturedCall:
    """What the taps of a network report of one call; complete once the call has returned.

    stages: the maps of each stage of the layout, still being gathered.
    """

    def __init__(self, layout: FeatureLayout, rows: Rows, tokens: int | None, store_device: torch.device | None):
        self.rows = rows
        self.store_device = store_device
        self.stages = [StageMaps(stage.attention_layers, rows, tokens, store_device) for stage in layout.stages]
        self.h: torch.Tensor | None = None
        self.timesteps: torch.Tensor | None = None

    def take_middle(self, h: torch.Tensor, timesteps: torch.Tensor) -> None:
        """The middle block's output [N, C, h, w] with the ControlNet residual, and the call's timesteps [N]."""
        h = self.rows(h, "middle block")
        self.h = h.to(self.store_device or h.device, copy=True)
        self.timesteps = timesteps[self.rows.rows].detach()

    def features(self, step: int, sigma: float | torch.Tensor) -> StepFeatures:
        """The captured tensors as StepFeatures. Raises InputError if the call skipped a part."""
        if self.h is None or any(stage.maps is None for stage in self.stages):
            raise InputError(
                "the U-Net call did not reach all of its blocks: another model patch (a block cache, for example) "
                "skips them; remove that patch while capturing features"
            )
        f, attention, word_mean, word_max = zip(*(stage.maps for stage in self.stages))
        timestep = _one_or_all(self.timesteps)
        return StepFeatures(step, timestep, _one_or_all(sigma), self.h, f, attention, word_mean, word_max)


def _one_or_all(values: float | torch.Tensor) -> float | torch.Tensor:
    """A number if all rows agree, else the fp32 CPU tensor [B]."""
    if not isinstance(values, torch.Tensor):
        return float(values)
    values = values.detach().float().cpu().flatten()
    return float(values[0]) if bool((values == values[0]).all()) else values


def _uncompiled() -> AbstractContextManager:
    """Runs compiled modules as plain ones: compiled code would not see hooks set after compiling."""
    if "torch._dynamo" not in sys.modules:  # nothing is compiled, and loading it takes seconds
        return nullcontext()
    return torch.compiler.set_stance("force_eager")


@contextmanager
def captured_call(
    taps: NetworkTaps,
    options: MutableMapping,
    batch: int,
    *,
    rows: slice = slice(None),
    tokens: int | None = None,
    store_device: torch.device | str | None = None,
) -> Iterator[CapturedCall]:
    """Watch the one call of a network made inside the block.

    taps: of that network, from `find_taps`.
    options: the call's transformer_options, `taps.options_of_call` of its arguments; they may be changed inside
        the block and are put back at its end.
    batch: rows of the call, N. rows: the ones to keep (the conditional half).
    tokens: the prompt's own token count, None to keep what the attention sees.
    store_device: where features go as they come; None leaves them where they are.
    """
    device = torch.device(store_device) if store_device else None
    call = CapturedCall(taps.layout, Rows(rows, batch), tokens, device)
    with taps.attach(call, options), _uncompiled():
        yield call


@torch.no_grad()
def capture_pass(
    model,
    noised: torch.Tensor,
    sigma: torch.Tensor,
    context: torch.Tensor,
    *,
    control: dict | None = None,
    step: int = 0,
    store_device: torch.device | str | None = None,
    transformer_options: dict | None = None,
    **extra,
) -> StepFeatures:
    """One U-Net pass over a batch that is all conditional: the encoder E of the method.

    model: a model with the host's BaseModel calling convention, `apply_model(x, sigma,
        c_crossattn=, control=, transformer_options=, **extra)` and `.diffusion_model`,
        already on the device of `noised`.
    noised: latents x_t [B, C, H, W] in the model's (process_latent_in) scale.
    sigma: [B], noise level per row. context: prompt embeddings [B, T, D].
    control: ControlNet output {"input"|"middle"|"output": [tensors]}; the call consumes the
        lists, so give a fresh dict. extra: other model inputs, `y` for SDXL.
    Gradients are off. Features stay on the device unless `store_device` says otherwise.
    """
    options = dict(transformer_options or {})
    tensors = {"c_crossattn": context, "control": control, **extra}
    taken: list[CapturedCall] = []

    def watch(executor, *args, **kwargs):
        taps = find_taps(executor.class_obj)
        inner = taps.options_of_call(args, kwargs)
        with captured_call(taps, inner, args[0].shape[0], store_device=store_device) as call:
            output = executor(*args, **kwargs)
        taken.append(call)
        return output

    wrappers = dict(options.get("wrappers", {}))
    wrappers["diffusion_model"] = {**wrappers.get("diffusion_model", {}), "ddgi_capture_pass": [watch]}
    options["wrappers"] = wrappers
    model.apply_model(noised, sigma, transformer_options=options, **tensors)
    return taken[-1].features(step, sigma)
