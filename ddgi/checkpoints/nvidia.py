"""NVIDIA's network pickles (StyleGAN2-ADA, EG3D): find the generator, collect tensors and settings."""

from ..errors import InputError
from .passive_pickle import PassivePickle
from .records import Budget, Record, TensorRecord
from .torch_data import TorchCalls

MAX_DEPTH = 32
MAX_ENTRIES = 50_000
MAX_NAME = 200
ROOTS = ("G_ema", "G")
GROUPS = ("_parameters", "_buffers", "_modules")


def read_network(data: memoryview, budget: Budget) -> Record:
    """The record of the generator in an NVIDIA pickle.

    Raises:
        InputError: damaged, hostile, of the TensorFlow era, or without a generator.
    """
    value = PassivePickle(data, TorchCalls(budget), budget).load()
    if isinstance(value, tuple):
        raise InputError("it is a network of the TensorFlow era of StyleGAN (a tuple of dnnlib.tflib networks); "
                         "convert it to a StyleGAN2-ADA PyTorch pickle first")
    if isinstance(value, dict):
        value = next((value[key] for key in ROOTS if isinstance(value.get(key), Record)), None)
    if not isinstance(value, Record):
        raise InputError("it holds no generator (no 'G_ema' or 'G')")
    return value


def collect_tensors(module: Record) -> dict[str, TensorRecord]:
    """Parameters and persistent buffers of a module tree under their state-dict names."""
    tensors, queue, seen = {}, [("", module, 0)], 0
    while queue:
        prefix, record, depth = queue.pop()
        state = record.state
        skipped = state.get("_non_persistent_buffers_set") or ()
        seen += 1 + len(skipped) + sum(len(state[key]) for key in GROUPS if isinstance(state.get(key), dict))
        if depth > MAX_DEPTH or seen > MAX_ENTRIES:     # modules may be shared, or contain themselves
            raise InputError("its modules are nested absurdly deep")
        for name, value in [*_items(state, "_parameters"), *_items(state, "_buffers")]:
            if isinstance(value, TensorRecord) and name not in skipped:
                tensors[f"{prefix}{name}"] = value
        for name, value in _items(state, "_modules"):
            if isinstance(value, Record):
                queue.append((f"{prefix}{name}.", value, depth + 1))
    return tensors


def child(module: Record, *names: str) -> Record | None:
    """A module by its path of names, or None."""
    for name in names:
        modules = module.state.get("_modules") if isinstance(module, Record) else None
        module = modules.get(name) if isinstance(modules, dict) else None
    return module if isinstance(module, Record) else None


def settings(module: Record) -> dict:
    """What tensors cannot tell: {"conv_clamp", "num_fp16_res"} from the attributes of the blocks."""
    synthesis = child(module, "synthesis")
    blocks = [] if synthesis is None else [block for _, block in _items(synthesis.state, "_modules")
                                           if isinstance(block, Record)]
    half = sum(block.state.get("use_fp16") is True for block in blocks)
    return {"conv_clamp": activation_clamp(child(module, "synthesis", "b4", "conv1")), "num_fp16_res": half}


def activation_clamp(layer: Record | None) -> float | None:
    """The largest absolute activation of a synthesis layer, or None."""
    clamp = None if layer is None else layer.state.get("conv_clamp")
    if clamp is not None and (type(clamp) not in (int, float) or not 0 < clamp < 1e9):
        raise InputError("its activation clamp is no positive number")
    return None if clamp is None else float(clamp)


def _items(state: dict, key: str) -> list[tuple[str, object]]:
    group = state.get(key)
    if not isinstance(group, dict):
        return []
    return [(name, value) for name, value in group.items() if isinstance(name, str) and len(name) < MAX_NAME]
