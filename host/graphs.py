"""What a file keeps of the graph that made it."""

import json
from collections.abc import Iterator

from comfy.cli_args import args

_SEEDS = ("seed", "noise_seed")


def graph_notes(prompt: dict | None, extra: dict | None) -> dict[str, str]:
    """{"prompt", "workflow", ...} as text for a file's metadata: the front end opens the graph when it is dropped.

    prompt, extra: the host's hidden inputs. Nothing where the user switched metadata off.
    """
    if args.disable_metadata:
        return {}
    parts = {**({} if prompt is None else {"prompt": prompt}), **(extra or {})}
    return {name: json.dumps(value) for name, value in parts.items()}


def origin(prompt: dict | None, node_id: str | None) -> dict[str, list]:
    """{"prompts": texts, "seeds": numbers} of all nodes above `node_id`, each once, where there are any."""
    if args.disable_metadata or not prompt or node_id not in prompt:
        return {}
    texts, seeds = {}, {}
    for node in _above(prompt, node_id):
        inputs = node.get("inputs", {})
        texts |= {value: None for name, value in inputs.items() if name == "text" and isinstance(value, str)}
        seeds |= {inputs[name]: None for name in _SEEDS if isinstance(inputs.get(name), int)}
    return {key: [*values] for key, values in (("prompts", texts), ("seeds", seeds)) if values}


def _above(prompt: dict, node_id: str) -> Iterator[dict]:
    seen, waiting = {node_id}, [node_id]
    while waiting:
        node = prompt.get(waiting.pop(0), {})
        yield node
        for value in node.get("inputs", {}).values():
            if isinstance(value, list) and len(value) == 2 and isinstance(value[0], str) and value[0] not in seen:
                seen.add(value[0])
                waiting.append(value[0])
