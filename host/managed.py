"""Networks under ComfyUI's memory management: loaded when used, offloaded when memory is needed."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar
from weakref import WeakValueDictionary

import comfy.model_management
import comfy.model_patcher
import comfy.ops
import torch
from torch import nn

from .. import ddgi
from . import folders

if TYPE_CHECKING:
    from ..ddgi.bridge import Bridge
    from ..ddgi.faces import FaceParser
    from ..ddgi.gan import Generator

Value = TypeVar("Value")
_COPIES = 4     # the weights, their gradients, and Adam's two averages
# Generators that somebody holds, by file: what is loaded already can be compared before it is used.
_GENERATORS: WeakValueDictionary[Path, ManagedModel[Generator]] = WeakValueDictionary()


class ManagedModel(Generic[Value]):
    """A library object whose network lives in a ModelPatcher.

    Attributes:
        value: the library object (Generator or Bridge); read its config and name at any time, but
            compute with it only through `load`.
        patcher: what ComfyUI's "free memory" and VRAM limits act on.
        path: the file it was read from, None where it was made here.
    """

    def __init__(self, value: Value, network: nn.Module, path: Path | None = None):
        self.value, self.path = value, path
        # The plain patcher moves whole networks. The dynamic one streams the weights of core's layer classes
        # only, and the modulated convolutions of a GAN hold loose tensors.
        self.patcher = comfy.model_patcher.ModelPatcher(
            network, load_device=comfy.model_management.get_torch_device(),
            offload_device=comfy.model_management.unet_offload_device())

    @property
    def device(self) -> torch.device:
        """Where `load` puts the network: inputs belong there too."""
        return self.patcher.load_device

    def load(self, memory_required: int = 0) -> Value:
        """The library object with its network on `device`; `memory_required` are bytes for activations."""
        comfy.model_management.load_models_gpu([self.patcher], memory_required=memory_required, force_full_load=True)
        return self.value


def managed_generator(path: str | Path, **options) -> ManagedModel[Generator]:
    """Read a generator file of any supported kind; options and errors as those of `ddgi.load_generator`."""
    generator = ddgi.load_generator(path, operations=comfy.ops.manual_cast,
                                    bases=folders.all_folders(folders.GENERATORS), **options)
    managed = _GENERATORS[Path(path)] = ManagedModel(generator, generator, Path(path))
    return managed


def managed_copy(generator: Generator, path: Path | None = None) -> ManagedModel[Generator]:
    """A generator that was made here, under memory management as if it had been loaded."""
    generator = generator.to(comfy.model_management.unet_offload_device())
    return ManagedModel(generator, generator, path)


def trainable_copy(generator: ManagedModel[Generator]) -> Generator:
    """The generator, on the device, with weights that may stand in a graph: those of loading nodes are for inference.

    Call it outside of inference mode.
    """
    device = comfy.model_management.get_torch_device()
    comfy.model_management.free_memory(_COPIES * generator.patcher.model_size(), device)
    return copy.deepcopy(generator.value).to(device)


def loaded_generator(path: str | Path) -> Generator | None:
    """The generator that was read from this file last and is still in use; to read about, not to compute with."""
    managed = _GENERATORS.get(Path(path))
    return None if managed is None else managed.value


def managed_parser(path: str | Path) -> ManagedModel[FaceParser]:
    """Read a face parser's weights; raises InputError as `ddgi.faces.load_parser` does."""
    from ..ddgi.faces import load_parser

    parser = load_parser(path, operations=comfy.ops.manual_cast)
    return ManagedModel(parser, parser)


def managed_bridge(path: str | Path) -> ManagedModel[Bridge]:
    """Read a bridge file; raises InputError as `ddgi.load_bridge` does."""
    bridge = ddgi.load_bridge(path, operations=comfy.ops.manual_cast)
    return ManagedModel(bridge, bridge)
