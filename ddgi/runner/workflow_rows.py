"""Rows of a batch that have a workflow: its graph with the row's values in it, run on a ComfyUI of its own."""

import contextlib
import copy
import tempfile
from functools import lru_cache
from pathlib import Path

from ..batch import Job, Unit
from ..batch.run import Made, Outcomes, one_by_one
from ..errors import InputError
from .prompts import parse_workflow, run_prompt, set_input
from .server import Server

_PICTURES = ("DDGIExampleDrawing", "LoadImage", "LoadImageOutput")
_SEEDS = ("seed", "noise_seed")
_VIEWERS = ("Preview3D",)           # they would save a second copy of what they show
_NAMED = {"prompt": "prompt", "drawing": "drawing"}     # titles that say which node of several is meant


def graph_of(job: Job) -> dict:
    """The API graph of a row: prompt, drawing, seed, camera and `set` in their places, files named after its key.

    Raises:
        InputError: the file is no workflow, or has no place for one of the values.
    """
    graph = copy.deepcopy(_parsed(job.contents("workflow"), job.files["workflow"].name))
    graph = {key: node for key, node in graph.items() if node["class_type"] not in _VIEWERS}
    if job.prompt:
        _prompt_node(graph)["inputs"]["text"] = job.prompt
    if "drawing" in job.files:
        key = _drawing_node(graph)
        graph[key] = {**graph[key], "class_type": "LoadImage", "inputs": {"image": drawing_name(job)}}
    if job.row.seed is not None:
        _set_seeds(graph, job.row.seed)
    if job.row.cameras:
        _set_camera(graph, job.row.cameras)
    for name, value in job.row.settings.items():
        set_input(graph, name, value)
    for number, node in graph.items():
        if isinstance(node["inputs"].get("filename_prefix"), str):
            node["inputs"]["filename_prefix"] = f"{job.key}/{number.replace(':', '-')}"
    return graph


@lru_cache(maxsize=16)
def _parsed(data: bytes, name: str) -> dict:
    return parse_workflow(data, name)


def drawing_name(job: Job) -> str:
    """What a row's drawing is called in ComfyUI's input folder."""
    return job.inputs["drawing"] + job.files["drawing"].suffix.lower()


def _titled(graph: dict, title: str) -> list[str]:
    return [key for key, node in graph.items() if node.get("_meta", {}).get("title") == title]


def _prompt_node(graph: dict) -> dict:
    found = [key for key, node in graph.items() if node["class_type"] == "DDGIPrompt"]
    found = _titled(graph, _NAMED["prompt"]) or found
    if len(found) != 1 or not isinstance(graph[found[0]]["inputs"].get("text"), str):
        raise InputError(f"The workflow has {len(found)} nodes for the prompt; give the title {_NAMED['prompt']!r} to "
                         f"the one node whose text it is, or use set.")
    return graph[found[0]]


def _drawing_node(graph: dict) -> str:
    found = [key for key, node in graph.items() if node["class_type"] in _PICTURES]
    found = _titled(graph, _NAMED["drawing"]) or found
    if len(found) != 1:
        raise InputError(f"The workflow has {len(found)} nodes that load a picture; give the title "
                         f"{_NAMED['drawing']!r} to the one that loads the drawing.")
    return found[0]


def _set_seeds(graph: dict, seed: int) -> None:
    places = [(node["inputs"], name) for node in graph.values() for name in _SEEDS
              if isinstance(node["inputs"].get(name), int)]
    if not places:
        raise InputError("The row has a seed and its workflow has no seed; leave it out.")
    for inputs, name in places:
        inputs[name] = seed


def _set_camera(graph: dict, cameras: tuple[tuple[float, float], ...]) -> None:
    nodes = [node for node in graph.values() if node["class_type"] == "DDGICamera"]
    if len(nodes) != 1 or len(cameras) != 1:
        raise InputError(f"The row has {len(cameras)} cameras and its workflow {len(nodes)} DDGI Camera; it must be "
                         f"one of each, or use set.")
    for name, angle in zip(("yaw", "pitch"), cameras[0]):
        set_input(graph, f"DDGICamera.{name}", angle)


class WorkflowRows:
    """Runs rows one after another on a ComfyUI that is started for the first; use it as a context manager.

    ComfyUI keeps what did not change from row to row, so that models are loaded once.

    Args:
        settings: further arguments of `Server`.
    """

    def __init__(self, **settings):
        self._settings, self._server = settings, None
        self._folder = tempfile.TemporaryDirectory(prefix="ddgi-batch-")

    def __enter__(self) -> "WorkflowRows":
        return self

    def __exit__(self, *error) -> None:
        self._stop()
        self._folder.cleanup()

    def render(self, unit: Unit) -> Outcomes:
        """By key, each row's saved files or why there are none."""
        return one_by_one(unit.jobs, self._run)

    def _run(self, job: Job) -> Made:
        graph = graph_of(job)
        if self._server is None:
            self._server = Server(self._folder.name, **self._settings).__enter__()
        if "drawing" in job.files:
            (self._server.input_folder / drawing_name(job)).write_bytes(job.contents("drawing"))
        try:
            files = run_prompt(self._server, graph).files
        except InputError:
            if not self._is_alive():
                self._stop()                # the next row gets a new one
            raise
        if not files:
            raise InputError("The workflow saved no file; end it with Save Image or another node that saves.")
        return [_taken(path, number if len(files) > 1 else None) for number, path in enumerate(files, 1)]

    def _is_alive(self) -> bool:
        with contextlib.suppress(InputError):
            self._server.get("/system_stats")
            return True
        return False

    def _stop(self) -> None:
        if self._server is not None:
            self._server.__exit__(None, None, None)
            self._server = None


def _taken(path: Path, number: int | None) -> tuple[str, bytes]:
    """A saved file's ending and bytes; the file itself goes."""
    data = path.read_bytes()
    path.unlink()
    return ("" if number is None else f"_{number}") + "." + path.name.partition(".")[2], data
