"""Build ComfyUI's own MODEL, CLIP, VAE and CONTROL_NET objects at any size from a plain config.

Used to load the demo models and to train them: every network is core's class, so that core's
sampler, ControlNet and VAE nodes work on them unchanged.
"""

from pathlib import Path

import comfy.cldm.cldm
import comfy.controlnet
import comfy.ldm.models.autoencoder
import comfy.model_base
import comfy.model_management
import comfy.model_patcher
import comfy.ops
import comfy.sd
import comfy.sd1_clip
import comfy.supported_models
import torch
from transformers import CLIPTokenizer

from ..ddgi.demo.config import DiffusionConfig


class _SmallSD15(comfy.supported_models.SD15):
    """Core's SD 1.5 description with sizes taken from the file instead of fixed ones.

    Attributes:
        hint_guides: it learnt with and without hints, so CFG may guide by them, see `host.chain.apply_hint`.
    """

    unet_extra_config = {}
    hint_guides = True

    def __init__(self, config: DiffusionConfig, dtype: torch.dtype, operations=None):
        super().__init__({**config.unet, "dtype": dtype})
        self.custom_operations = operations
        self.trained_size = config.image_size
        self.latent_format.latent_channels = config.unet["in_channels"]
        self.latent_format.scale_factor = config.latent_scale
        self.latent_format.spacial_downscale_ratio = config.downscale
        self.latent_format.latent_rgb_factors = None
        self.latent_format.taesd_decoder_name = None


    def inpaint_model(self):
        return False  # core takes more than four latent channels for an inpainting model

    def model_type(self, state_dict, prefix=""):
        # v-prediction converges in a fraction of the steps at this size.
        return comfy.model_base.ModelType.V_PREDICTION


def build_unet(config: DiffusionConfig, *, dtype=torch.float32, device=None, operations=None):
    """Core's BaseModel with untrained weights."""
    return _SmallSD15(config, dtype, operations).get_model({}, device=device)


def initialise(network: torch.nn.Module) -> None:
    """Give core's layers, which come with unset weights, PyTorch's usual start; zero what the papers start at zero.

    The last convolution of every residual and attention block, and ControlNet's "zero convolutions", start at 0.
    """
    starts = (torch.nn.Linear, torch.nn.Conv2d, torch.nn.GroupNorm, torch.nn.LayerNorm)
    for module in network.modules():
        if isinstance(module, torch.nn.Embedding):
            torch.nn.init.normal_(module.weight, std=0.02)
        for start in starts:
            if isinstance(module, start):
                start.reset_parameters(module)  # core's subclasses skip it to load files faster
    for name, module in network.named_modules():
        zero = name.endswith(("out_layers.3", "proj_out", "middle_block_out.0")) or name == "out.2"
        if zero or name.startswith("zero_convs.") and isinstance(module, torch.nn.Conv2d):
            for parameter in module.parameters():
                torch.nn.init.zeros_(parameter)


def build_autoencoder(config: DiffusionConfig) -> torch.nn.Module:
    """Core's AutoencoderKL with a fresh start."""
    network = comfy.ldm.models.autoencoder.AutoencoderKL(ddconfig=config.vae, embed_dim=config.vae["z_channels"])
    initialise(network)
    return network


def build_model(config: DiffusionConfig, state_dict: dict[str, torch.Tensor]):
    """MODEL: a ModelPatcher around core's BaseModel holding these U-Net weights."""
    device = comfy.model_management.get_torch_device()
    weights = next(iter(state_dict.values())).dtype
    dtype = comfy.model_management.unet_dtype(model_params=sum(v.numel() for v in state_dict.values()),
                                              weight_dtype=weights)
    model = build_unet(config, dtype=dtype, operations=comfy.ops.manual_cast)
    model.diffusion_model.load_state_dict({k: v.to(dtype) for k, v in state_dict.items()}, strict=True)
    return comfy.model_patcher.ModelPatcher(model, load_device=device,
                                            offload_device=comfy.model_management.unet_offload_device())


def build_vae(config: DiffusionConfig, state_dict: dict[str, torch.Tensor]) -> comfy.sd.VAE:
    """VAE: core's wrapper around an AutoencoderKL of the config's size."""
    parameters = {"ddconfig": config.vae, "embed_dim": config.vae["z_channels"]}
    vae = comfy.sd.VAE(sd=dict(state_dict), config={"params": parameters})
    vae.downscale_ratio = vae.upscale_ratio = config.downscale
    vae.latent_channels = config.vae["z_channels"]
    return vae


def build_control_net(config: DiffusionConfig, *, dtype=torch.float32, device=None, operations=comfy.ops.manual_cast):
    """Core's ControlNet network with untrained weights (hint: RGB in 0..1, eight times the latent's side)."""
    arguments = {k: v for k, v in config.unet.items() if k not in ("out_channels", "transformer_depth_output")}
    return comfy.cldm.cldm.ControlNet(hint_channels=3, dtype=dtype, device=device, operations=operations, **arguments)


def load_control_net(config: DiffusionConfig, state_dict: dict[str, torch.Tensor]) -> comfy.controlnet.ControlNet:
    """CONTROL_NET that core's ControlNetApply nodes accept, holding these weights."""
    device = comfy.model_management.get_torch_device()
    weights = next(iter(state_dict.values())).dtype
    dtype = comfy.model_management.unet_dtype(model_params=sum(v.numel() for v in state_dict.values()),
                                              weight_dtype=weights)
    network = build_control_net(config, dtype=dtype)
    network.load_state_dict({k: v.to(dtype) for k, v in state_dict.items()}, strict=True)
    return comfy.controlnet.ControlNet(
        network.eval().requires_grad_(False), load_device=device,
        manual_cast_dtype=comfy.model_management.unet_manual_cast(dtype, device))


def _text_model_classes(config: DiffusionConfig, tokenizer_folder: Path):
    """Core's tokenizer and text model classes, bound to this vocabulary and these sizes."""
    special = {"start": config.text["bos_token_id"], "end": config.text["eos_token_id"],
               "pad": config.text["eos_token_id"]}

    class Tokenizer(comfy.sd1_clip.SDTokenizer):
        def __init__(self, embedding_directory=None, tokenizer_data=None):
            super().__init__(tokenizer_path=str(tokenizer_folder), embedding_directory=embedding_directory,
                             embedding_size=config.text["hidden_size"], tokenizer_class=CLIPTokenizer,
                             tokenizer_data=tokenizer_data or {})

    class TextModel(comfy.sd1_clip.SDClipModel):
        def __init__(self, device="cpu", dtype=None, model_options=None):
            super().__init__(device=device, dtype=dtype, textmodel_json_config=dict(config.text),
                             special_tokens=special, return_projected_pooled=False,
                             model_options=model_options or {})
            # Core sizes the table for CLIP's own 49408 tokens whatever the config says.
            embeddings = self.transformer.text_model.embeddings
            embeddings.token_embedding = self.operations.Embedding(
                config.text["vocab_size"], config.text["hidden_size"], dtype=dtype, device=device)

    class SmallTokenizer(comfy.sd1_clip.SD1Tokenizer):
        def __init__(self, embedding_directory=None, tokenizer_data=None):
            super().__init__(embedding_directory, tokenizer_data or {}, tokenizer=Tokenizer)

    class SmallClip(comfy.sd1_clip.SD1ClipModel):
        def __init__(self, device="cpu", dtype=None, model_options=None):
            super().__init__(device, dtype, model_options or {}, clip_model=TextModel)

    return SmallTokenizer, SmallClip


def build_text_network(config: DiffusionConfig, device=None) -> torch.nn.Module:
    """Core's CLIP text network with unset weights."""
    return _text_model_classes(config, Path())[1](device=device).clip_l.transformer


def build_clip(config: DiffusionConfig, tokenizer_folder: Path, state_dict: dict | None = None) -> comfy.sd.CLIP:
    """CLIP: core's wrapper; `tokenizer_folder` holds vocab.json and merges.txt."""
    tokenizer, model = _text_model_classes(config, tokenizer_folder)

    class Target:
        params: dict = {}

    Target.clip, Target.tokenizer = model, tokenizer
    clip = comfy.sd.CLIP(Target)
    if state_dict is not None:
        network = clip.cond_stage_model.clip_l.transformer
        network.load_state_dict({k: v.to(network.text_model.final_layer_norm.weight.dtype)
                                 for k, v in state_dict.items()}, strict=True)
    return clip
