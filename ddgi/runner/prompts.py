"""Queue API workflows on a running ComfyUI and follow them to their files."""

import asyncio
import json
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from ..errors import InputError
from .server import Server

Progress = Callable[[str, int, int], None]  # node class, done, total


@dataclass(frozen=True)
class PromptResult:
    """Files one prompt wrote into the output folder, and the seconds from queueing to the end.

    shown: the pictures of its preview nodes, {node id: files}; they go with the server. said: {node id: all that the
    node told the front end}.
    """

    files: tuple[Path, ...]
    seconds: float
    shown: dict[str, tuple[Path, ...]]
    said: dict[str, dict]


def load_workflow(path: str | Path) -> dict:
    """An API workflow {node id: {"class_type", "inputs"}}.

    A front-end workflow is accepted where its export lies in a folder api/ beside it.

    Raises:
        InputError: no such file, not JSON, or a front-end workflow without an export.
    """
    path = api_file(path)
    return parse_workflow(path.read_bytes(), path.name)


def api_file(path: str | Path) -> Path:
    """The file itself, or the export in a folder api/ beside a front-end workflow; errors as of `load_workflow`."""
    path = Path(path)
    if not path.is_file():
        raise InputError(f"There is no workflow file {path}; check the name.")
    if "nodes" not in _parsed(path.read_bytes(), path.name):
        return path
    exported = path.parent / "api" / path.name
    if not exported.is_file():
        raise InputError(f"{path.name} is a front-end workflow; in ComfyUI choose Workflow > Export (API) and give "
                         f"that file.")
    return exported


def parse_workflow(data: bytes, name: str) -> dict:
    """The API workflow of a file's bytes; `name` it is called in messages.

    Raises:
        InputError: it is none.
    """
    graph = _parsed(data, name)
    if not graph or not all(isinstance(node, dict) and "class_type" in node and isinstance(node.get("inputs"), dict)
                            for node in graph.values()):
        raise InputError(f"{name} is no ComfyUI workflow; export one with Workflow > Export (API).")
    return graph


def _parsed(data: bytes, name: str) -> dict:
    try:
        graph = json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{name} is not JSON ({error}); export it from ComfyUI again.") from error
    if not isinstance(graph, dict):
        raise InputError(f"{name} is no ComfyUI workflow; export one with Workflow > Export (API).")
    return graph


def set_input(graph: dict, name: str, value) -> None:
    """Change inputs in place; `name` is "<node id, class or title>.<input>", every match is set.

    Raises:
        InputError: no node of that name has that input.
    """
    nodes = [(node, key) for node_id, node in graph.items() for key in node["inputs"]
             if name in (f"{who}.{key}" for who in (node_id, node["class_type"], node.get("_meta", {}).get("title")))]
    if not nodes:
        known = sorted({f"{node['class_type']}.{key}" for node in graph.values() for key in node["inputs"]})
        raise InputError(f"The workflow has no input {name!r}; it has {', '.join(known)}.")
    for node, key in nodes:
        node["inputs"][key] = value


def run_prompt(server: Server, graph: dict, on_progress: Progress = lambda *_: None) -> PromptResult:
    """Run one API workflow to its end.

    Raises:
        InputError: ComfyUI refused the workflow or a node failed; one sentence that names the node.
    """
    started = time.perf_counter()
    prompt_id = asyncio.run(_run(server, graph, on_progress))
    seconds = time.perf_counter() - started
    outputs = _outputs(server, prompt_id)
    saved = [file for ui in outputs.values() for file in _files(ui, "output", server.output_folder)]
    shown = {node: tuple(_files(ui, "temp", server.base_folder / "temp")) for node, ui in outputs.items()}
    return PromptResult(tuple(saved), seconds, shown, outputs)


def _outputs(server: Server, prompt_id: str, limit: float = 60.0) -> dict:
    """What the nodes reported; ComfyUI announces success a moment before it writes this down."""
    end = time.monotonic() + limit
    while time.monotonic() < end:
        if entry := server.get(f"/history/{prompt_id}").get(prompt_id):
            return entry["outputs"]
        time.sleep(0.05)
    raise InputError("ComfyUI finished the prompt but keeps no record of it; queue it again.")


async def _run(server: Server, graph: dict, on_progress: Progress) -> str:
    client_id = uuid.uuid4().hex
    # The socket is opened first: a cached prompt can end before its queueing is answered.
    async with aiohttp.ClientSession() as session, session.ws_connect(
            f"{server.url}/ws?clientId={client_id}", max_msg_size=0) as socket:
        body = {"prompt": graph, "client_id": client_id}
        status, answer = await asyncio.to_thread(server.post, "/prompt", body)
        # Branches that do not validate are left out with status 200: half a result is refused too.
        if status != 200 or answer.get("node_errors"):
            raise InputError(_refusal(answer))
        if not await _follow(socket, answer["prompt_id"], graph, on_progress):
            raise InputError(f"ComfyUI stopped while it ran the prompt, it may have run out of memory; its last "
                             f"lines were:\n{server.log_tail()}")
        return answer["prompt_id"]


async def _follow(socket: aiohttp.ClientWebSocketResponse, prompt_id: str, graph: dict, on_progress: Progress) -> bool:
    """Read messages until the prompt has ended; False if the server went away, InputError if the prompt failed."""
    async for message in socket:
        if message.type != aiohttp.WSMsgType.TEXT:
            continue  # previews
        event = json.loads(message.data)
        kind, data = event["type"], event.get("data") or {}
        if data.get("prompt_id") != prompt_id:
            continue
        if kind == "execution_success":
            return True
        if kind == "execution_error":
            reason = str(data["exception_message"]).strip()
            raise InputError(f"The node {data['node_type']} (number {data['node_id']}) failed: {reason}")
        if kind == "execution_interrupted":
            raise InputError("The prompt was interrupted; queue it again.")
        if kind == "progress":
            on_progress(_class_of(graph, data.get("node")), data["value"], data["max"])
        elif kind == "executing" and data.get("node"):
            on_progress(_class_of(graph, data["node"]), 0, 0)
    return False


def _class_of(graph: dict, node_id: str | None) -> str:
    return graph.get(str(node_id), {}).get("class_type", "")


def _refusal(answer: dict) -> str:
    """One sentence from the answer of /prompt: the node errors if there are any, else the general one."""
    reasons = []
    for node_id, entry in (answer.get("node_errors") or {}).items():
        for error in entry.get("errors", []):
            detail = error.get("details") or error.get("message", "")
            reasons.append(f"{entry.get('class_type')} (number {node_id}): {error.get('message')}: {detail}")
    if not reasons:
        error = answer.get("error") or {}
        reasons = [f"{error.get('message', 'unknown reason')} {error.get('details', '')}".strip()
                   if isinstance(error, dict) else str(error)]
    return "ComfyUI refused the workflow: " + "; ".join(reasons)


def _files(ui: dict, kind: str, folder: Path) -> list[Path]:
    """Paths of what a node says it put into the host's folder of this kind."""
    return [folder / entry.get("subfolder", "") / entry["filename"]
            for entries in ui.values() for entry in (entries if isinstance(entries, list) else ())
            if isinstance(entry, dict) and entry.get("type") == kind]
