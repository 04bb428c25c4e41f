"""Networks that were pickled whole (NVIDIA's files, `torch.save` of a module): tensors and plain settings."""

from ..errors import InputError
from ..gan.foreign import NOT_PLAIN, ForeignModule
from .records import MAX_SETTING, ArrayRecord, Budget, Record, ScalarRecord, TensorRecord

MAX_DEPTH = 32
MAX_NAME = 200
MAX_VALUE_DEPTH = 6
GROUPS = ("_parameters", "_buffers", "_modules")
TENSORFLOW = "dnnlib.tflib."


def refuse_tensorflow(value: object) -> None:
    """Refuse networks of the TensorFlow era (one, or a tuple of G, D and G_ema)."""
    networks = value if isinstance(value, tuple) else (value,)
    if any(isinstance(network, Record) and network.name.startswith(TENSORFLOW) for network in networks):
        raise InputError("it is a network of the TensorFlow era of StyleGAN; convert it to a StyleGAN2-ADA PyTorch "
                         "pickle first")


def collect_tensors(module: Record, budget: Budget) -> dict[str, TensorRecord]:
    """Parameters and persistent buffers of a module tree under their state-dict names."""
    tensors, queue = {}, [("", module, 0)]
    while queue:
        prefix, record, depth = queue.pop()
        state = record.state
        skipped = state.get("_non_persistent_buffers_set")
        skipped = skipped if isinstance(skipped, list) else []
        budget.meet(1 + len(skipped) + sum(len(state[key]) for key in GROUPS if isinstance(state.get(key), dict)))
        skipped = {name for name in skipped if isinstance(name, str)}
        _check_depth(depth)
        for name, value in [*_items(state, "_parameters"), *_items(state, "_buffers")]:
            if isinstance(value, TensorRecord) and name not in skipped:
                tensors[f"{prefix}{name}"] = value
        queue += [(f"{prefix}{name}.", value, depth + 1) for name, value in _items(state, "_modules")
                  if isinstance(value, Record)]
    return tensors


def foreign_module(record: Record, budget: Budget, depth: int = 0) -> ForeignModule:
    """The module tree with its plain attributes."""
    _check_depth(depth)
    budget.meet(1 + len(record.state))
    values = {name: _plain(raw, budget) for name, raw in record.state.items()
              if name not in GROUPS and len(name) < MAX_NAME}
    children = {name: foreign_module(value, budget, depth + 1) for name, value in _items(record.state, "_modules")
                if isinstance(value, Record)}
    return ForeignModule(record.name, values, children)


def _check_depth(depth: int) -> None:
    if depth > MAX_DEPTH:       # modules may be shared, or contain themselves
        raise InputError("its modules are nested absurdly deep")


def _items(state: dict, key: str) -> list[tuple[str, object]]:
    group = state.get(key)
    return [(name, value) for name, value in group.items() if len(name) < MAX_NAME] if isinstance(group, dict) else []


def _plain(raw: object, budget: Budget, depth: int = 0) -> object:
    """The value where it is plain, `NOT_PLAIN` where it is not."""
    budget.meet(1)
    if raw is None or type(raw) in (bool, int, float, str):
        return raw
    if isinstance(raw, ScalarRecord | ArrayRecord):
        found = raw.read(budget)
        return NOT_PLAIN if found is None else found
    if isinstance(raw, TensorRecord):
        return raw.read(budget) if raw.storage.count <= MAX_SETTING else NOT_PLAIN
    if depth < MAX_VALUE_DEPTH and isinstance(raw, list | tuple):
        return [_plain(part, budget, depth + 1) for part in raw]
    if depth < MAX_VALUE_DEPTH and isinstance(raw, dict):
        return {name: _plain(part, budget, depth + 1) for name, part in raw.items()}
    return NOT_PLAIN
