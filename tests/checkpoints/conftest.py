"""Writers of foreign files, built from plain tensors: NVIDIA-shaped pickles and rosinality checkpoints."""

import io
import pickle
import sys
import types

import pytest
import torch
from safetensors.torch import load_file

from ddgi.checkpoints.rosinality import translate


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


def module_record(tensors, class_name="Generator", **attributes):
    """A module tree from flat names, in the attribute layout of torch modules."""
    own = {key: value for key, value in tensors.items() if "." not in key}
    children = {}
    for key, value in tensors.items():
        head, _, tail = key.partition(".")
        if tail:
            children.setdefault(head, {})[tail] = value
    parameters = {key: torch.nn.Parameter(value) for key, value in own.items() if "noise_const" not in key}
    buffers = {key: value for key, value in own.items() if "noise_const" in key}
    modules = {key: module_record(value, "Module", **attributes) for key, value in children.items()}
    state = {"training": False, "_parameters": parameters, "_buffers": buffers, "_modules": modules,
             "_non_persistent_buffers_set": set(), "_init_args": (), **attributes}
    return PersistentObject(class_name, state)


def nvidia_bytes(tensors, protocol=3, class_name="Generator", **attributes):
    """An NVIDIA-shaped pickle: {"G_ema": ..., "training_set_kwargs": ...}."""
    names = ["torch_utils", "torch_utils.persistence"]
    saved = {name: sys.modules.get(name) for name in names}
    try:
        for name in names:
            sys.modules[name] = types.ModuleType(name)
        function = _reconstruct_persistent_obj
        function.__module__, function.__qualname__ = names[1], function.__name__
        setattr(sys.modules[names[1]], function.__name__, function)
        value = {"G_ema": module_record(tensors, class_name, **attributes), "D": None,
                 "training_set_kwargs": {"resolution": 32}}
        return pickle.dumps(value, protocol)
    finally:
        for name, module in saved.items():
            sys.modules.pop(name) if module is None else sys.modules.update({name: module})


@pytest.fixture(scope="session")
def skip_case(golden):
    return load_file(golden / "stylegan2_tiny_skip.safetensors")


@pytest.fixture(scope="session")
def public_weights(skip_case):
    return {key[3:]: value for key, value in skip_case.items() if key.startswith("sd.")}


@pytest.fixture(scope="session")
def rosinality_case(golden):
    return load_file(golden / "rosinality_tiny.safetensors")


@pytest.fixture(scope="session")
def rosinality_weights(rosinality_case):
    return {key[3:]: value for key, value in rosinality_case.items() if key.startswith("sd.")}


def torch_bytes(value, *, legacy=False):
    """What `torch.save` writes, in either container."""
    buffer = io.BytesIO()
    torch.save(value, buffer, _use_new_zipfile_serialization=not legacy)
    return buffer.getvalue()


@pytest.fixture(scope="session")
def small_weights():
    """Public names and seeded values of an 8 px generator, small enough to mutate a thousand times."""
    from ddgi.gan import StyleGAN2, StyleGAN2Config
    torch.manual_seed(0)
    config = StyleGAN2Config(z_dim=4, w_dim=4, img_resolution=8, channel_base=32, channel_max=4, num_mapping_layers=2)
    return StyleGAN2(config).state_dict()


@pytest.fixture(scope="session")
def rosinality_small(small_weights):
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
    return {name: widen[translate(name)[1]](small_weights[translate(name)[0]]).clone() for name in names}


@pytest.fixture(scope="session")
def write():
    """The writers above, for tests."""
    return types.SimpleNamespace(nvidia=nvidia_bytes, torch=torch_bytes)
