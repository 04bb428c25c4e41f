"""What training a bridge takes at full size: an SD 1.5-shaped diffusion model and a StyleGAN2 or EG3D generator.

Random weights serve: time and memory do not depend on them.
"""

import tempfile
from collections.abc import Callable
from pathlib import Path

import comfy.model_management
import comfy.sd
import comfy.supported_models

from ...ddgi.benchmark.generators import GENERATORS
from ...ddgi.benchmark.training import OWN_STEPS, training_costs
from ...ddgi.demo.config import DiffusionConfig
from ..core_models import build_autoencoder, build_control_net, build_vae, initialise, load_control_net
from ..diffusion import DEMO
from ..training.encoder import DiffusionEncoder
from ..training.recipe import ModelTable, open_encoder, open_generator
from .capture import SD15_UNET, sd15_model

SD15 = DiffusionConfig(
    image_size=512, downscale=8, latent_scale=0.18215, text={}, unet=SD15_UNET,
    vae={"double_z": True, "z_channels": 4, "resolution": 256, "in_channels": 3, "out_ch": 3, "ch": 128,
         "ch_mult": [1, 2, 4, 4], "num_res_blocks": 2, "attn_resolutions": [], "dropout": 0.0})
PARAMETERS = 859_520_964     # of its U-Net


def sd15_encoder(size: int) -> DiffusionEncoder:
    """E with the sizes of SD 1.5, its text model and its ControlNet, in the precision that the host would choose."""
    device = comfy.model_management.get_torch_device()
    model = sd15_model(comfy.model_management.unet_dtype(device, model_params=PARAMETERS))
    control, vae = build_control_net(SD15), build_autoencoder(SD15)
    clip = comfy.sd.CLIP(comfy.supported_models.SD15({}).clip_target())
    for network in (control, clip.cond_stage_model):
        initialise(network)
    return DiffusionEncoder(model, clip, build_vae(SD15, vae.state_dict()),
                            load_control_net(SD15, control.state_dict()), size=size, steps=OWN_STEPS,
                            name="random weights")


def run(kind: str = "stylegan2", *, size: int = 512, steps: int = 2, batch: int = 1, precision: str = "fp32",
        clock: str = "wall", report: Callable[[str], None] = lambda line: None) -> dict[str, dict]:
    """Measure at `size` pixels of the diffusion model -> the dict of `training_costs`.

    kind: of `GENERATORS`, or `DEMO`: the demo's diffusion model and generator at their own size.
    precision: of the bridge and its generator, see `TrainConfig`. clock: of `stopwatch.CLOCKS`.
    """
    if kind == DEMO:
        models = ModelTable(steps=OWN_STEPS)
        encoder, generator = open_encoder(models), open_generator(models)
        size = encoder.size
    else:
        report("random weights of Stable Diffusion 1.5's sizes")
        encoder = sd15_encoder(size)
        generator = GENERATORS[kind]().to(comfy.model_management.get_torch_device())
    with tempfile.TemporaryDirectory() as folder:
        return training_costs(encoder, generator, Path(folder), size=size, steps=steps, batch=batch,
                              precision=precision, clock=clock, report=report)
