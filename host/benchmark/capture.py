"""What capturing costs: one sampling run of an SD 1.5-sized U-Net, steps timed with and without.

Random weights serve: time does not depend on them. Captured and plain steps alternate inside a
single run (captured and plain in A B B A order after one warm-up step), so that drift of a busy
machine meets both alike.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from statistics import median

import comfy.model_base
import comfy.model_management
import comfy.model_patcher
import comfy.samplers
import comfy.supported_models
import torch
from comfy.patcher_extension import WrappersMP

from ...ddgi.benchmark.ratios import OtherWork, measure
from ...ddgi.errors import InputError
from ...ddgi.features import CapturedCall, DiffusionFeatures, FeatureLayout, StepSelection
from ...ddgi.features.stages import StageMaps
from ...ddgi.stopwatch import MIB, PeakMemory, Stopwatch
from ..capture.run import FeatureTap
from ..core_models import initialise
from ..demo_models import load_diffusion

SD15_UNET = {
    "image_size": 32, "in_channels": 4, "out_channels": 4, "model_channels": 320, "channel_mult": [1, 2, 4, 4],
    "num_res_blocks": [2, 2, 2, 2], "num_heads": 8, "num_head_channels": -1, "use_spatial_transformer": True,
    "context_dim": 768, "legacy": False, "use_linear_in_transformer": False,
    "transformer_depth": [1, 1, 1, 1, 1, 1, 0, 0], "transformer_depth_middle": 1,
    "transformer_depth_output": [1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0],
}


# Every piece of work that capturing adds to a U-Net call.
OWN_WORK = {"output": (StageMaps, "add_output"), "words": (StageMaps, "add_words"), "end": (StageMaps, "end"),
            "middle": (CapturedCall, "take_middle")}


def sd15_model(dtype: torch.dtype = torch.float32):
    """ModelPatcher around an SD 1.5-sized U-Net (859.5 M parameters) with random weights."""
    device = comfy.model_management.get_torch_device()
    config = comfy.supported_models.SD15({**SD15_UNET, "dtype": dtype})
    model = comfy.model_base.BaseModel(config)
    initialise(model.diffusion_model)
    return comfy.model_patcher.ModelPatcher(model, device, comfy.model_management.unet_offload_device())


def run(size: int = 512, steps: int = 13, cfg: float = 7.0, dtype: torch.dtype = torch.float32) -> dict:
    """Measure at `size` pixels -> the dict of `capture_costs`, with the sizes it was taken at."""
    return {**capture_costs(sd15_model(dtype), size // 8, steps, cfg), "size": size, "dtype": str(dtype).split(".")[-1]}


def capture_costs(model, latent_side: int, steps: int, cfg: float) -> dict:
    """Time the steps of one run of `model` (a ModelPatcher).

    steps: 1 to warm up plus a multiple of 4. cfg: above 1 the uncond half is computed too, as usual.

    Returns "capture_overhead": the median captured step over the median plain step, minus 1;
    "capture_overhead_fastest": the same of the fastest steps; "capture_overhead_cpu": the same of the
    medians of what the process computed, whatever else the machine did meanwhile; and the seconds behind
    them. They differ by the machine's noise: trust none where they disagree by more than what is asked.
    "captured_step_peak_mib", "plain_step_peak_mib": how far memory grows in a step, what it keeps included; None where
    that cannot be measured.
    "capture_work_share": the seconds spent inside the capture's own code over the median plain step,
    which is a small time measured by itself and so hardly noisy; what it leaves out is what capturing
    may do to the U-Net's own speed (caches, memory). "busy": as in `ratios.measure`.
    """
    if steps < 5 or steps % 4 != 1:
        raise InputError(f"the benchmark got {steps} steps and needs 1 + a multiple of 4; use 5, 9 or 13")
    captured = [step for step in range(1, steps) if step % 4 in (1, 0)]  # A B B A with A captured
    tap = FeatureTap(StepSelection("list", indices=tuple(captured)))
    tapped = tap.attach(model)
    seconds: list[float] = []
    computed: list[float] = []
    peaks: list[float | None] = []

    memory = PeakMemory(model.load_device)
    wall, cpu = (Stopwatch(model.load_device, clock) for clock in ("wall", "cpu"))

    def timed(executor, *args, **kwargs):
        memory.reset()
        result = wall.timed(cpu.timed(lambda: executor(*args, **kwargs), computed), seconds)()
        peaks.append(memory.read())
        return result

    # In front of the tap's own wrapper of the same kind, so that all of its work is timed.
    tapped.wrappers[WrappersMP.PREDICT_NOISE] = {
        "ddgi_stopwatch": [timed], **tapped.wrappers[WrappersMP.PREDICT_NOISE]}
    others = OtherWork()
    with wall.watching(OWN_WORK) as work:
        sample_once(tapped, latent_side, steps, cfg)
    busy, features = others.share(), tap.features()
    assert features.step_numbers == tuple(captured)
    plain = [step for step in range(1, steps) if step not in captured]
    with_capture, without = [seconds[step] for step in captured], [seconds[step] for step in plain]
    return {
        "capture_overhead": median(with_capture) / median(without) - 1.0,
        "capture_overhead_fastest": min(with_capture) / min(without) - 1.0,
        "capture_overhead_cpu": median(computed[s] for s in captured) / median(computed[s] for s in plain) - 1.0,
        "capture_work_share": sum(map(sum, work.values())) / len(captured) / median(without),
        "captured_step_seconds": with_capture,
        "captured_step_cpu_seconds": [computed[step] for step in captured],
        "plain_step_seconds": without,
        "plain_step_cpu_seconds": [computed[step] for step in plain],
        "captured_step_peak_mib": [peaks[step] for step in captured],
        "plain_step_peak_mib": [peaks[step] for step in plain],
        "kept_mib_per_step": kept_mib(features) / len(captured),
        "busy": busy,
        "device": str(model.load_device),
        "threads": torch.get_num_threads(),
    }


def kept_mib(features: DiffusionFeatures) -> float:
    """Memory that captured features hold."""
    return sum(tensor.nbytes for step in features.steps
               for tensor in (step.h, *step.f, *step.attention, *step.word_mean, *step.word_max)) / MIB


def growth_costs(folder: Path, counts: Sequence[int] = (0, 1, 5, 10, 20), steps: int = 20, repeats: int = 3,
                 report: Callable[[str], None] = lambda line: None) -> dict[str, dict]:
    """{"<count>_kept": the dict of `measure` with "kept_mib"}: sampling with the demo model, so many steps kept.

    Raises:
        InputError: a demo file is missing or broken, or more steps are to be kept than there are.
    """
    model, cases = load_diffusion(folder)[0], {}
    side = model.model.model_config.trained_size // model.get_model_object("latent_format").spacial_downscale_ratio
    for count in counts:
        report(f"{steps} steps of the demo model, {count} of them kept, {repeats} times")
        tap = FeatureTap(StepSelection("list", indices=tuple(range(count)))) if count else None
        call = partial(sample_once, tap.attach(model) if tap else model, side, steps, 2.0)
        cases[f"{count}_kept"] = measure(call, model.load_device, repeats=repeats)
        cases[f"{count}_kept"]["kept_mib"] = kept_mib(tap.features()) if tap else 0.0
    return cases


def sample_once(model, latent_side: int, steps: int, cfg: float) -> None:
    """Euler over `steps` steps from noise, random 77-token prompts."""
    rng = torch.Generator().manual_seed(0)
    width = FeatureLayout.of(model.get_model_object("diffusion_model")).context_channels
    positive, negative = ([[torch.randn(1, 77, width, generator=rng), {}]] for _ in range(2))
    guider = comfy.samplers.CFGGuider(model)
    guider.set_conds(positive, negative)
    guider.set_cfg(cfg)
    channels = model.get_model_object("latent_format").latent_channels
    latent = torch.zeros(1, channels, latent_side, latent_side)
    noise = torch.randn(latent.shape, generator=rng)
    sigmas = comfy.samplers.calculate_sigmas(model.get_model_object("model_sampling"), "normal", steps)
    with torch.inference_mode():
        guider.sample(noise, latent, comfy.samplers.sampler_object("euler"), sigmas, disable_pbar=True, seed=0)
