"""Reading one U-Net call: h, f, attention output and word maps of chosen batch rows.

`captured_call` watches a single call and leaves nothing behind: its forward hooks
live from entry to exit, also when the call fails or is interrupted, and it only
reads. Hooks on the sub-modules see what really flows, whoever computed it: the
input of `attn2.to_out` is the attention output also under a replaced attention slot,
an attention override or another pack's patches; the input of the upsampler is the
end of the decoder stage after all of them. h comes from the host's
`middle_block_after_patch` list because the ControlNet residual is added outside any
module.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, MutableMapping
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch

from ..errors import InputError
from .attention import word_probabilities
from .layout import StageTaps, UNetTaps, find_taps
from .values import StepFeatures

_MIDDLE = "middle_block_after_patch"


class _Rows:
    """Takes the wanted rows of a batch, and refuses a batch that another patch has reshaped."""

    def __init__(self, rows: slice, batch: int):
        self.rows = rows
        self.batch = batch

    def __call__(self, tensor: torch.Tensor, what: str) -> torch.Tensor:
        if tensor.shape[0] != self.batch:
            raise InputError(
                f"the {what} has a batch of {tensor.shape[0]} where the U-Net was called with {self.batch}: another "
                "model patch splits the batch; remove that patch (tiling, windows) while capturing features"
            )
        return tensor[self.rows].detach()


class _StageCapture:
    """Running maximum and mean over one stage's attention layers, then the stage's features."""

    def __init__(self, taps: StageTaps, rows: _Rows, tokens: int | None, store_device: torch.device | None):
        self.taps = taps
        self.rows = rows
        self.tokens = tokens
        self.store_device = store_device
        self.layers = self.word_layers = 0
        self.attention = self.word_sum = self.word_peak = None
        self.maps: tuple[torch.Tensor, ...] | None = None

    def attach(self) -> Iterator[torch.utils.hooks.RemovableHandle]:
        for module in self.taps.attentions:
            watch = _AttentionWatch(self, module.heads)
            yield module.to_q.register_forward_hook(watch.on_q)
            yield module.to_k.register_forward_hook(watch.on_k)
            yield module.to_out.register_forward_pre_hook(watch.on_output)
        yield self.taps.boundary.register_forward_pre_hook(self._on_end)

    def add_output(self, output: torch.Tensor) -> None:
        output = self.rows(output, "attention output")  # [B, HW, C]
        self.attention = output.clone() if self.attention is None else torch.maximum(self.attention, output)
        self.layers += 1

    def add_words(self, q: torch.Tensor, k: torch.Tensor, heads: int) -> None:
        mean, peak = word_probabilities(q, k, heads, self.tokens)  # [B, HW, T]
        self.word_layers += 1
        if self.word_sum is None:
            self.word_sum, self.word_peak = mean, peak
            return
        self.word_sum += mean
        torch.maximum(self.word_peak, peak, out=self.word_peak)

    def _on_end(self, module: torch.nn.Module, args: tuple) -> None:
        f = self.rows(args[0], "decoder stage")
        expected = len(self.taps.attentions)
        if min(self.layers, self.word_layers) < expected:
            raise InputError(
                f"a decoder stage ran {min(self.layers, self.word_layers)} of its {expected} cross-attention layers: "
                "another model patch skips or replaces the rest; remove that patch while capturing features"
            )
        maps = (self.attention, self.word_sum / self.word_layers, self.word_peak)
        self.maps = (self._store(f), *(self._store(self._to_map(m, f)) for m in maps))
        self.attention = self.word_sum = self.word_peak = None

    @staticmethod
    def _to_map(tokens: torch.Tensor, f: torch.Tensor) -> torch.Tensor:
        height, width = f.shape[-2:]
        if tokens.shape[1] != height * width:
            raise InputError(
                f"an attention layer saw {tokens.shape[1]} positions in a stage of {height} x {width}: another model "
                "patch resizes or merges them; remove that patch while capturing features"
            )
        return tokens.transpose(1, 2).unflatten(2, (height, width))  # [B, C, h, w]

    def _store(self, tensor: torch.Tensor) -> torch.Tensor:
        # copy=True: f is a view of a live activation that later layers may reuse
        return tensor.to(self.store_device or tensor.device, copy=True, memory_format=torch.contiguous_format)


class _AttentionWatch:
    """Hooks of one cross-attention module; holds q until its k has come."""

    def __init__(self, stage: _StageCapture, heads: int):
        self.stage = stage
        self.heads = heads
        self.q: torch.Tensor | None = None

    def on_q(self, module: torch.nn.Module, args: tuple, output: torch.Tensor) -> None:
        self.q = self.stage.rows(output, "attention query")

    def on_k(self, module: torch.nn.Module, args: tuple, output: torch.Tensor) -> None:
        if self.q is not None:
            self.stage.add_words(self.q, self.stage.rows(output, "attention key"), self.heads)
            self.q = None

    def on_output(self, module: torch.nn.Module, args: tuple) -> None:
        self.stage.add_output(args[0])


class CapturedCall:
    """What `captured_call` collects; complete once the watched call has returned."""

    def __init__(self, taps: UNetTaps, rows: _Rows, tokens: int | None, store_device: torch.device | None):
        self.taps = taps
        self.rows = rows
        self.store_device = store_device
        self.stages = [_StageCapture(stage, rows, tokens, store_device) for stage in taps.stages]
        self.h: torch.Tensor | None = None
        self.timesteps: torch.Tensor | None = None

    def on_middle(self, values: dict) -> dict:
        """`middle_block_after_patch`: values["h"] is [N, C, h, w] with the ControlNet residual."""
        h = self.rows(values["h"], "middle block")
        self.h = h.to(self.store_device or h.device, copy=True)
        self.timesteps = values["timesteps"][self.rows.rows].detach()
        return values

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
    unet: torch.nn.Module,
    transformer_options: MutableMapping,
    batch: int,
    *,
    rows: slice = slice(None),
    tokens: int | None = None,
    store_device: torch.device | str | None = None,
) -> Iterator[CapturedCall]:
    """Watch the one call of `unet` made inside the block.

    transformer_options: the dict that the call will be given; its "patches" entry is
        replaced inside the block and put back at its end.
    batch: rows of the call, N. rows: the ones to keep (the conditional half).
    tokens: the prompt's own token count, None to keep what the attention sees.
    store_device: where features go as they come; None leaves them where they are.
    """
    device = torch.device(store_device) if store_device else None
    call = CapturedCall(find_taps(unet), _Rows(rows, batch), tokens, device)
    had_patches = "patches" in transformer_options
    patches = transformer_options.get("patches")
    handles = []
    try:
        for stage in call.stages:
            for handle in stage.attach():
                handles.append(handle)
        middle = [*(patches or {}).get(_MIDDLE, ()), call.on_middle]
        transformer_options["patches"] = {**(patches or {}), _MIDDLE: middle}
        with _uncompiled():
            yield call
    finally:
        for handle in handles:
            handle.remove()
        if had_patches:
            transformer_options["patches"] = patches
        else:
            transformer_options.pop("patches", None)


def options_of_call(args: tuple, kwargs: dict) -> MutableMapping:
    """The transformer_options of a U-Net call (x, timesteps, context, y, control, transformer_options)."""
    return args[5] if len(args) > 5 else kwargs["transformer_options"]


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
        inner = options_of_call(args, kwargs)
        with captured_call(executor.class_obj, inner, args[0].shape[0], store_device=store_device) as call:
            output = executor(*args, **kwargs)
        taken.append(call)
        return output

    wrappers = dict(options.get("wrappers", {}))
    wrappers["diffusion_model"] = {**wrappers.get("diffusion_model", {}), "ddgi_capture_pass": [watch]}
    options["wrappers"] = wrappers
    model.apply_model(noised, sigma, transformer_options=options, **tensors)
    return taken[-1].features(step, sigma)
