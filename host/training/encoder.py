"""ComfyUI's MODEL, CLIP, VAE and CONTROL_NET as the trainer's frozen encoder E."""

import copy
from collections.abc import Iterator, Sequence
from functools import cached_property

import comfy.model_management
import comfy.sample
import torch
from einops import rearrange

from ...ddgi.errors import InputError
from ...ddgi.features import FeatureLayout, StepFeatures, capture_pass
from ...ddgi.features.words import CLIP_CHUNK
from ...ddgi.files import fingerprint
from ...ddgi.perceptual import Features, encoder_features
from ...ddgi.pictures import resize
from ...ddgi.seeds import seeded
from ..capture.words import prompt_words
from ..chain import apply_hint

SIZE = 512


class DiffusionEncoder:
    """See `ddgi.training.encoder.Encoder`.

    Captions are read up to CLIP's 75 words, as Stable Diffusion itself was trained. The host's models run in inference
    mode, as in its own nodes: weights that were loaded in that mode cannot be moved to a device outside it.

    Args:
        control_net: None reads the prompt alone.
        size: side in pixels of the pictures that the diffusion model sees; 0 is 512, or the demo model's.
        steps, cfg, sampler, scheduler: of the sampling runs in `finish`; a sampler that draws noise on its way
            makes a row depend on its batch.
        name: of the checkpoint, for the record.

    Raises:
        InputError: the model is no Stable Diffusion U-Net, or text encoder, VAE or `size` do not fit it.
    """

    def __init__(self, model, clip, vae, control_net=None, *, size: int = 0, steps: int = 20, cfg: float = 7.0,
                 sampler: str = "euler", scheduler: str = "normal", strength: float = 1.0, name: str = ""):
        self.model, self.clip, self.vae, self.control_net = model, clip, vae, control_net
        size = size or getattr(model.model.model_config, "trained_size", SIZE)
        self.size, self.steps, self.cfg, self.strength, self.name = size, steps, cfg, strength, name
        self.sampler, self.scheduler = sampler, scheduler
        shrink = vae.spacial_compression_encode()
        if size < shrink or size % shrink:
            raise InputError(f"The diffusion model is to see pictures of {size} px, but its latents are {shrink} times "
                             f"smaller; give a multiple of {shrink}, 512 for SD 1.x.")
        channels = model.get_model_object("latent_format").latent_channels
        if vae.latent_channels != channels:
            raise InputError(f"The VAE makes latents of {vae.latent_channels} channels and the diffusion model reads "
                             f"{channels}; use the VAE of the same checkpoint.")
        self.side = size // shrink
        self.layout = FeatureLayout.of(model.get_model_object("diffusion_model"), (self.side, self.side))
        self._check_text()
        self.num_timesteps = len(self._sampling.sigmas)
        self.finish_passes = steps * (1 if cfg == 1.0 else 2)

    @property
    def _sampling(self):
        return self.model.get_model_object("model_sampling")

    def encode(self, images: torch.Tensor, prompts: Sequence[str], hints: Sequence[torch.Tensor | None],
               timesteps: torch.Tensor, seeds: Sequence[int]) -> tuple[StepFeatures, torch.Tensor]:
        """One U-Net pass on noised pictures, see the protocol."""
        with torch.inference_mode():
            features, words = self._encode(images, prompts, hints, timesteps, seeds)
        return features.apply(torch.clone), words.clone()  # copies may stand in a graph, the originals may not

    def _encode(self, images, prompts, hints, timesteps, seeds) -> tuple[StepFeatures, torch.Tensor]:
        pixels = (resize(images.float(), self.size).clamp(-1, 1) + 1) / 2
        latents = self.model.model.process_latent_in(self.vae.encode(pixels.movedim(1, -1)))
        context, pooled, words = self._text(prompts)
        control = self._control(hints)
        others = [] if control is None else control.get_models()
        memory = self.model.memory_required([2 * len(latents), *latents.shape[1:]])
        comfy.model_management.load_models_gpu([self.model, *others], memory_required=memory)
        device = self.model.load_device
        sigma = self._sampling.sigma(timesteps.float()).to(device)
        noised = self._sampling.noise_scaling(sigma, self._noise(seeds).to(device), latents.to(device))
        context = context.to(device)
        y = self.model.model.encode_adm(pooled_output=pooled, width=self.size, height=self.size, device=device)
        options = {**self.model.model_options.get("transformer_options", {}), "cond_or_uncond": [0], "sigmas": sigma}
        residuals = None
        if control is not None:
            control.pre_run(self.model.model, self._sampling.percent_to_sigma)
            residuals = control.get_control(noised, sigma, {"c_crossattn": context, "y": y}, 1, options)
            residuals = _where_hinted(residuals, hints)
            control.cleanup()
        extra = {} if y is None else {"y": y}
        features = capture_pass(self.model.model, noised, sigma, context, control=residuals,
                                transformer_options=options, **extra)
        return features, words

    def finish(self, prompts: Sequence[str], hints: Sequence[torch.Tensor | None],
               seeds: Sequence[int]) -> torch.Tensor:
        """The diffusion model's own pictures, by the host's sampler, see the protocol."""
        found: dict[int, torch.Tensor] = {}
        for hinted in (True, False):
            rows = [row for row, hint in enumerate(hints) if (hint is not None) == hinted]
            if rows:
                with torch.inference_mode():
                    pictures = self._finish(*([values[row] for row in rows] for values in (prompts, hints, seeds)))
                found |= zip(rows, pictures.clone())
        return torch.stack([found[row] for row in range(len(hints))])

    def _finish(self, prompts, hints, seeds) -> torch.Tensor:
        """Pictures that all have a hint, or none has."""
        positive, negative = ([self._conditioning(texts)] for texts in (prompts, [""] * len(prompts)))
        if self.control_net is not None and hints[0] is not None:
            images = rearrange(torch.stack(hints), "b c h w -> b h w c")
            positive, negative = apply_hint(self.model, positive, negative, self.control_net, images, self.strength)
        noise = self._noise(seeds)
        samples = comfy.sample.sample(self.model, noise, self.steps, self.cfg, self.sampler, self.scheduler, positive,
                                      negative, torch.zeros_like(noise), disable_pbar=True, seed=seeds[0])
        return self.vae.decode(samples).movedim(-1, 1).float() * 2 - 1

    def perceptual(self) -> Features:
        """Features of the VAE's encoder, see `vae_features`."""
        return vae_features(self.vae)

    def describe(self) -> dict:
        control = None if self.control_net is None else type(self.control_net).__name__
        return {"name": self.name, "layout": self.layout.to_config(), "control_net": control, "size": self.size,
                "strength": self.strength, "sampler": self.sampler, "scheduler": self.scheduler, "steps": self.steps,
                "cfg": self.cfg, "weights": self._weights}

    @cached_property
    def _weights(self) -> dict[str, str]:
        """Fingerprints of the networks, with what other nodes patch into their weights (LoRA)."""
        patchers = {"model": [self.model], "clip": [self.clip.patcher], "vae": [self.vae.patcher]}
        if self.control_net is not None:
            patchers["control_net"] = self.control_net.get_models()
        return {name: fingerprint({f"{number}.{key}": value for number, patcher in enumerate(several)
                                   for key, value in _named(patcher.get_key_patches())})
                for name, several in patchers.items()}

    @torch.inference_mode()
    def _check_text(self) -> None:
        width, wanted = self._text([""])[0].shape[-1], self.layout.context_channels
        if wanted not in (None, width):
            raise InputError(f"The text encoder gives {width} numbers for a word and the diffusion model reads "
                             f"{wanted}; use the text encoder of the same checkpoint.")

    def _text(self, prompts: Sequence[str]) -> tuple[torch.Tensor, torch.Tensor | None, torch.Tensor]:
        """Context [B, 77, D], pooled [B, P] or None, and word flags [B, 77]."""
        contexts, pools, words = [], [], []
        for prompt in prompts:
            tokens = self.clip.tokenize(prompt)
            context, pooled = self.clip.encode_from_tokens(tokens, return_pooled=True)
            contexts.append(context[:, :CLIP_CHUNK])
            pools.append(pooled)
            words.append(prompt_words(self.clip, tokens)[:, :CLIP_CHUNK])
        pooled = None if any(pool is None for pool in pools) else torch.cat(pools)
        return torch.cat(contexts), pooled, torch.cat(words)

    def _conditioning(self, prompts: Sequence[str]) -> list:
        context, pooled, _ = self._text(prompts)
        return [context, {} if pooled is None else {"pooled_output": pooled}]

    def _control(self, hints: Sequence[torch.Tensor | None]):
        """A copy of the ControlNet that holds the hints, as core's apply nodes make it; None without one or a hint."""
        given = next((hint for hint in hints if hint is not None), None)
        if self.control_net is None or given is None:
            return None
        images = torch.stack([torch.zeros_like(given) if hint is None else hint for hint in hints])
        return self.control_net.copy().set_cond_hint(images, self.strength, (0.0, 1.0), vae=self.vae)

    def _noise(self, seeds: Sequence[int]) -> torch.Tensor:
        """[B, C, h, w], each row from its own seed, on the CPU: the same on every device."""
        shape = (self.model.get_model_object("latent_format").latent_channels, self.side, self.side)
        return torch.stack([torch.randn(shape, generator=seeded(seed)) for seed in seeds])


def _where_hinted(residuals: dict[str, list], hints: Sequence[torch.Tensor | None]) -> dict[str, list]:
    """A ControlNet's residuals, lists of [B, C, h, w] or None, without those of rows that have no hint."""
    if all(hint is not None for hint in hints):
        return residuals
    kept = torch.tensor([hint is not None for hint in hints])[:, None, None, None]
    return {place: [None if value is None else value * kept.to(value) for value in several]
            for place, several in residuals.items()}


def _named(value, name: str = "") -> Iterator[tuple[str, torch.Tensor]]:
    """Every tensor in a nest of dicts, sequences and weight adapters; other values become names of empty ones."""
    if isinstance(value, torch.Tensor):
        yield name, value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _named(inner, f"{name}.{key}")
    elif isinstance(value, list | tuple):
        for number, inner in enumerate(value):
            yield from _named(inner, f"{name}.{number}")
    elif hasattr(value, "weights"):
        yield from _named(value.weights, f"{name}.{type(value).__name__}")
    else:
        text = getattr(value, "__qualname__", type(value).__name__) if callable(value) else repr(value)
        yield f"{name}={text}", torch.empty(0)


def vae_features(vae) -> Features:
    """Features of a VAE's encoder, from a copy that gradients may pass (the host's own is for inference).

    Raises:
        InputError: it is no VAE of Stable Diffusion's kind.
    """
    encoder = getattr(vae.first_stage_model, "encoder", None)
    if not hasattr(encoder, "down"):
        raise InputError(f"The VAE is a {type(vae.first_stage_model).__name__}, whose features cannot be compared; use "
                         f"the VAE of a Stable Diffusion checkpoint, or in a recipe perceptual = \"lpips\".")
    device = comfy.model_management.get_torch_device()
    return encoder_features(copy.deepcopy(encoder).to(device, torch.float32).requires_grad_(False).eval())
