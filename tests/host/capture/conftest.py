"""Tiny real U-Nets and ControlNets of ComfyUI, and an independent capture to compare with."""

import importlib

import pytest


@pytest.fixture(scope="session", autouse=True)
def _capture(pack):
    """`pack.host.capture.run`, which the pack itself reads when a node runs."""
    importlib.import_module(f"{pack.__name__}.host.capture.run")


@pytest.fixture(scope="session")
def tiny(pack):
    """Builders of small core models; imported late because ComfyUI must be imported first."""
    return TinyModels()


class TinyModels:
    """Random weights, fp32; sd1: conv projections; sd2: linear ones; sdxl: y and deeper transformers."""

    CONTEXT = 24

    def _config(self, family, levels=3):
        config = {
            "image_size": 32, "in_channels": 4, "out_channels": 4, "model_channels": 32,
            "channel_mult": [1, 2, 2][:levels], "num_res_blocks": 1, "num_heads": 4, "num_head_channels": -1,
            "use_spatial_transformer": True, "context_dim": self.CONTEXT, "legacy": False,
            "use_linear_in_transformer": family != "sd1", "transformer_depth": [1] * levels,
            "transformer_depth_middle": 1, "transformer_depth_output": [1] * 2 * levels,
        }
        if family == "sdxl":
            config.update(transformer_depth=[0, 1, 2], transformer_depth_middle=2,
                          transformer_depth_output=[0, 0, 1, 1, 2, 2], num_classes="sequential", adm_in_channels=16)
        return config

    def model(self, family="sd1", seed=0, levels=3, cast=False):
        """A ModelPatcher around core's BaseModel on the CPU. cast: bf16 weights, cast to fp32 as they are used."""
        import comfy.model_base
        import comfy.model_patcher
        import comfy.supported_models
        import torch

        base = {"sd1": comfy.supported_models.SD15, "sd2": comfy.supported_models.SD20,
                "sdxl": comfy.supported_models.SDXL}[family]
        extra = {"attn_precision": torch.float32} if family == "sd2" else {}
        fields = {"unet_extra_config": extra, "manual_cast_dtype": torch.float32 if cast else None}
        settings = type("Tiny" + base.__name__, (base,), fields)
        torch.manual_seed(seed)
        built_type = _TinySDXL() if family == "sdxl" else comfy.model_base.BaseModel
        dtype = torch.bfloat16 if cast else torch.float32
        built = built_type(settings({**self._config(family, levels), "dtype": dtype}))
        _fill(built.diffusion_model)
        return comfy.model_patcher.ModelPatcher(built, torch.device("cpu"), torch.device("cpu"))

    def controlnet(self, family="sd1", size=(128, 128), seed=5):
        """A core ControlNet object with a random hint, ready to be set on a conditioning."""
        import comfy.cldm.cldm
        import comfy.controlnet
        import comfy.ops
        import torch

        decoder = ("out_channels", "transformer_depth_output")
        config = {k: v for k, v in self._config(family).items() if k not in decoder}
        torch.manual_seed(seed)
        network = comfy.cldm.cldm.ControlNet(**config, hint_channels=3, dtype=torch.float32,
                                             operations=comfy.ops.manual_cast)
        _fill(network)
        control = comfy.controlnet.ControlNet(network, load_device=torch.device("cpu"))
        return control.set_cond_hint(torch.rand(1, 3, *size), 1.0, (0.0, 1.0))

    def prompt(self, tokens=77, seed=1, control=None, batch=1, **extra):
        """A CONDITIONING of random embeddings."""
        import torch

        rng = torch.Generator().manual_seed(seed)
        entries = {"pooled_output": torch.randn(1, 16, generator=rng), **extra}
        if control is not None:
            entries.update(control=control, control_apply_to_uncond=True)
        return [[torch.randn(batch, tokens, self.CONTEXT, generator=rng), entries]]

    def latent(self, batch=1, size=(16, 16)):
        import torch

        return {"samples": torch.zeros(batch, 4, *size)}

    def sample(self, model, positive, negative, latent, *, steps=2, cfg=5.0, sampler="euler", scheduler="normal",
               seed=3, denoise=1.0):
        """What core's KSampler returns, as a tensor."""
        import torch

        import nodes

        with torch.inference_mode():
            return nodes.common_ksampler(model, seed, steps, cfg, sampler, scheduler, positive, negative, latent,
                                         denoise=denoise)[0]["samples"]

    def reference(self, model):
        """A clone of `model` that also notes every U-Net call in the `calls` list it comes with."""
        watcher = ReferenceCapture(model.model.diffusion_model)
        clone = model.clone()
        clone.add_wrapper_with_key("diffusion_model", "reference", watcher)
        return clone, watcher.calls


def _TinySDXL():
    import comfy.conds
    import comfy.model_base

    class TinySDXL(comfy.model_base.BaseModel):
        def encode_adm(self, **kwargs):
            return kwargs["pooled_output"]

    return TinySDXL


def _fill(module):
    """Random weights everywhere: core leaves some uninitialised and some at zero."""
    import torch

    with torch.no_grad():
        for name, parameter in module.named_parameters():
            if parameter.ndim > 1:
                parameter.normal_(0, parameter[0].numel() ** -0.5)
            elif name.endswith("weight"):
                parameter.uniform_(0.8, 1.2)
            else:
                parameter.normal_(0, 0.1)


class ReferenceCapture:
    """Written apart from the library: every row of every U-Net call, by forward hooks.

    Attention outputs are taken where they enter the output projection's Linear; probabilities are
    computed again from the normed input of the attention and from the call's own context.
    """

    def __init__(self, unet):
        self.unet = unet
        self.calls = []

    def __call__(self, executor, *args, **kwargs):
        options, control = args[5], args[4]
        call = {"options": {k: options.get(k) for k in ("cond_or_uncond", "uuids")},
                "sigma": float(options["sigmas"][0]),
                "blocks": {}, "attention": {}, "normed": {}, "probabilities": {}, "middle": None}
        call["residual"] = control["middle"][-1].clone() if control and control.get("middle") else None
        handles = [self.unet.middle_block[-1].register_forward_hook(self._output(call, "middle"))]
        for index, block in enumerate(self.unet.output_blocks):
            for position, layer in enumerate(block):
                handles.append(layer.register_forward_hook(self._output(call["blocks"], (index, position))))
            for key, inner in self._transformers(index, block):
                handles.append(inner.attn2.to_out[0].register_forward_pre_hook(self._input(call["attention"], key)))
                handles.append(inner.norm2.register_forward_hook(self._output(call["normed"], key)))
        try:
            return executor(*args, **kwargs)
        finally:
            for handle in handles:
                handle.remove()
            if call["middle"] is not None:
                self._finish(call, args[2])
                self.calls.append(call)

    @staticmethod
    def _transformers(index, block):
        for layer in block:
            for depth, inner in enumerate(getattr(layer, "transformer_blocks", ())):
                yield (index, depth), inner

    def _finish(self, call, context):
        call["h"] = call["middle"] if call["residual"] is None else call["middle"] + call["residual"]
        for index, block in enumerate(self.unet.output_blocks):
            for key, inner in self._transformers(index, block):
                call["probabilities"][key] = self._probabilities(inner.attn2, call["normed"].pop(key), context)

    @staticmethod
    def _probabilities(attention, n, context):
        import torch

        q, k = n @ attention.to_q.weight.to(n).T, context @ attention.to_k.weight.to(n).T
        q, k = (t.unflatten(2, (attention.heads, -1)) for t in (q, k))
        scores = torch.einsum("bnhd,bthd->bhnt", q, k) / (q.shape[-1] ** 0.5)
        return scores.softmax(-1)

    @staticmethod
    def _output(into, key):
        def hook(module, args, output):
            into[key] = output.clone()
        return hook

    @staticmethod
    def _input(into, key):
        def hook(module, args):
            into[key] = args[0].clone()
        return hook
