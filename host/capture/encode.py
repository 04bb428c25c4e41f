"""One U-Net pass on a noised picture, through the host's own sampling machinery.

A sampler that asks the model once and stops: ControlNets, LoRAs, hooks, memory management and
other packs' patches behave as in any sampling run.
"""

import comfy.sample
import comfy.samplers
import torch

from ...ddgi.errors import InputError
from ...ddgi.features import DiffusionFeatures, StepSelection
from .run import FeatureTap


def _one_call(model, x, sigmas, extra_args=None, callback=None, disable=None):
    """k-diffusion sampler signature; returns the model's guess of the clean latent."""
    denoised = model(x, sigmas[0] * x.new_ones([x.shape[0]]), **(extra_args or {}))
    if callback is not None:
        callback({"x": x, "i": 0, "sigma": sigmas[0], "sigma_hat": sigmas[0], "denoised": denoised})
    return denoised


def noise_sigma(model_sampling, noise_level: float) -> float:
    """sigma of a noise level in 0..1, linear in the model's timesteps: 1 is its noisiest."""
    highest = float(model_sampling.sigma_max)
    return min(highest, float(model_sampling.percent_to_sigma(1.0 - noise_level)))


def encode_latent(model, positive, samples: torch.Tensor, noise_level: float, seed: int,
                  batch_index: list[int] | None = None, *, noise: torch.Tensor | None = None) -> DiffusionFeatures:
    """Features of `samples` [B, C, H, W] after adding noise; at noise_level 1 of noise alone.

    noise_level: 0 < level <= 1. seed: of the noise, drawn on the CPU as core's samplers do, where `noise`
    [B, C, H, W] is not given.
    """
    if not 0.0 < noise_level <= 1.0:
        raise InputError(f"the noise level is {noise_level} and must be above 0 and at most 1; 0.5 is half way")
    tap = FeatureTap(StepSelection("all"))
    guider = comfy.samplers.CFGGuider(tap.attach(model))
    guider.inner_set_conds({"positive": positive})
    samples = comfy.sample.fix_empty_latent_channels(model, samples)
    if noise_level == 1.0:
        samples = torch.zeros_like(samples)
    noise = comfy.sample.prepare_noise(samples, seed, batch_index) if noise is None else noise
    sigmas = torch.tensor([noise_sigma(model.get_model_object("model_sampling"), noise_level), 0.0])
    guider.sample(noise, samples, comfy.samplers.KSAMPLER(_one_call), sigmas, disable_pbar=True, seed=seed)
    return tap.features()
