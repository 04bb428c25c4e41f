"""Writers of foreign files, built from plain tensors: NVIDIA-shaped pickles and rosinality checkpoints."""

import contextlib
import io
import pickle
import sys
import types

import torch

from ddgi.checkpoints.rosinality import translate
from ddgi.gan import EG3DConfig, StyleGAN2Config
from ddgi.gan.eg3d.network import EG3D
from ddgi.gan.stylegan2.network import StyleGAN2
from ddgi.gan.stylegan3 import StyleGAN3Config
from ddgi.gan.stylegan3.network import StyleGAN3


class PersistentObject:
    """Pickles as NVIDIA's modules do: a call of one function with a description of the object."""

    def __init__(self, class_name, state):
        self.class_name, self.state = class_name, state

    def __reduce__(self):
        meta = {"type": "class", "version": 6, "module_src": "raise SystemExit('executed')",
                "class_name": self.class_name, "state": self.state}
        return _reconstruct_persistent_obj, (meta,), None


def _reconstruct_persistent_obj(meta):
    raise AssertionError("the reader executed the file")


class ImportanceRenderer:
    """Pickles as a plain class of EG3D's source tree."""


class EasyDict(dict):
    """Pickles as NVIDIA's dict with attributes."""


FOREIGN = {
    _reconstruct_persistent_obj: "torch_utils.persistence",
    ImportanceRenderer: "training.volumetric_rendering.renderer", EasyDict: "dnnlib.util",
}


@contextlib.contextmanager
def foreign_modules():
    """Let the objects above be pickled under the names that they have in NVIDIA's source tree."""
    names = {name.rsplit(".", cut)[0] for name in FOREIGN.values() for cut in range(name.count(".") + 1)}
    saved = {name: sys.modules.get(name) for name in names}
    try:
        for name in names:
            sys.modules[name] = types.ModuleType(name)
        for value, name in FOREIGN.items():
            value.__module__, value.__qualname__ = name, value.__name__
            setattr(sys.modules[name], value.__name__, value)
        yield
    finally:
        for name, module in saved.items():
            sys.modules.pop(name) if module is None else sys.modules.update({name: module})


def module_record(tensors, class_name="Generator", children=None, **attributes):
    """A module tree from flat names, in the attribute layout of torch modules; `children` replace those of the tree."""
    own = {key: value for key, value in tensors.items() if "." not in key}
    nested = {}
    for key, value in tensors.items():
        head, _, tail = key.partition(".")
        if tail:
            nested.setdefault(head, {})[tail] = value
    parameters = {key: torch.nn.Parameter(value) for key, value in own.items() if "noise_const" not in key}
    buffers = {key: value for key, value in own.items() if "noise_const" in key}
    modules = {key: module_record(value, "Module", **attributes) for key, value in nested.items()} | (children or {})
    state = {"training": False, "_parameters": parameters, "_buffers": buffers, "_modules": modules,
             "_non_persistent_buffers_set": set(), "_init_args": (), **attributes}
    return PersistentObject(class_name, state)


def network_bytes(generator, protocol):
    """An NVIDIA-shaped pickle: {"G_ema": ..., "training_set_kwargs": ...}."""
    with foreign_modules():
        return pickle.dumps({"G_ema": generator, "D": None, "training_set_kwargs": {"resolution": 32}}, protocol)


def nvidia_bytes(tensors, protocol=3, class_name="Generator", **attributes):
    """A StyleGAN2 pickle."""
    return network_bytes(module_record(tensors, class_name, **attributes), protocol)


# FFHQ's options, with fewer samples.
RENDERING_KWARGS = {
    "image_resolution": 64, "disparity_space_sampling": False, "clamp_mode": "softplus", "c_scale": 1,
    "superresolution_module": "training.superresolution.SuperresolutionHybrid8XDC", "c_gen_conditioning_zero": False,
    "superresolution_noise_mode": "none", "reg_type": "l1", "decoder_lr_mul": 1, "sr_antialias": True,
    "depth_resolution": 8, "depth_resolution_importance": 8, "ray_start": 2.25, "ray_end": 3.3, "box_warp": 1,
    "avg_camera_radius": 2.7, "avg_camera_pivot": [0, 0, 0.2],
}


def eg3d_bytes(tensors, protocol=3, *, rendering_kwargs=None, plane_axes=None, sr_class="SuperresolutionHybrid8XDC",
               sr_clamp=None, neural_rendering_resolution=16, parts=()):
    """An EG3D pickle; `rendering_kwargs` change the options above, `plane_axes` [3, 3, 3] or None leaves them out."""
    def part(name):
        return {key[len(name) + 1:]: value for key, value in tensors.items() if key.startswith(f"{name}.")}
    renderer = ImportanceRenderer()
    renderer.__dict__.update({"_parameters": {}, "_buffers": {}, "_modules": {}})
    if plane_axes is not None:
        renderer.plane_axes = plane_axes
    children = {"renderer": renderer, "backbone": module_record(part("backbone")),
                "superresolution": module_record(part("superresolution"), sr_class, conv_clamp=sr_clamp),
                "decoder": module_record(part("decoder"), "OSGDecoder"),
                **{name: module_record(part(name), "Module") for name in parts}}
    generator = module_record({}, "TriPlaneGenerator", children, _last_planes=None,
                              neural_rendering_resolution=neural_rendering_resolution,
                              rendering_kwargs=EasyDict(RENDERING_KWARGS | (rendering_kwargs or {})))
    return network_bytes(generator, protocol)


def torch_bytes(value, *, legacy=False):
    """What `torch.save` writes, in either container."""
    buffer = io.BytesIO()
    torch.save(value, buffer, _use_new_zipfile_serialization=not legacy)
    return buffer.getvalue()


def whole_bytes(tensors, *, legacy=False, **attributes):
    """NVIDIA's module in a file of `torch.save`, as PTI writes it."""
    with foreign_modules():
        return torch_bytes(module_record(tensors, **attributes), legacy=legacy)


def small_stylegan2():
    """Public names and seeded values of an 8 px generator, small enough to mutate a thousand times."""
    torch.manual_seed(0)
    config = StyleGAN2Config(z_dim=4, w_dim=4, img_resolution=8, channel_base=32, channel_max=4, num_mapping_layers=2)
    return StyleGAN2(config).state_dict()


def small_rosinality():
    """The same generator under rosinality's names."""
    names = [f"style.{i}.{tail}" for i in (1, 2) for tail in ("weight", "bias")] + ["input.input"]
    names += [f"noises.noise_{i}" for i in range(3)]
    for part in ("conv1", "convs.0", "convs.1"):
        names += [f"{part}.{tail}" for tail in ("conv.weight", "conv.modulation.weight", "conv.modulation.bias",
                                                "activate.bias", "noise.weight")]
    for part in ("to_rgb1", "to_rgbs.0"):
        names += [f"{part}.{tail}" for tail in ("conv.weight", "conv.modulation.weight", "conv.modulation.bias",
                                                "bias")]
    widen = {"first": lambda v: v[None], "flat": lambda v: v.reshape(1, -1, 1, 1), "scalar": lambda v: v.reshape(1),
             "picture": lambda v: v[None, None], "same": lambda v: v}
    public = small_stylegan2()
    return {name: widen[translate(name)[1]](public[translate(name)[0]]).clone() for name in names}


def small_eg3d():
    """Public names and seeded values of a 16 px EG3D, small enough to mutate."""
    torch.manual_seed(0)
    backbone = StyleGAN2Config(z_dim=4, c_dim=25, w_dim=4, img_resolution=8, img_channels=12, channel_base=32,
                               channel_max=4, num_mapping_layers=2)
    return EG3D(EG3DConfig(backbone, img_resolution=16, neural_rendering_resolution=4, feature_channels=4,
                           decoder_width=4, sr_input_resolution=4, sr_channels=(4, 4))).state_dict()


def small_stylegan3():
    """Public names and seeded values of a 16 px StyleGAN3."""
    torch.manual_seed(0)
    return StyleGAN3(StyleGAN3Config(z_dim=4, w_dim=4, img_resolution=16, channel_base=32, channel_max=4,
                                     num_layers=3)).state_dict()
