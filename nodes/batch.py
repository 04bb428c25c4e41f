"""Rows of a batch file inside a graph."""

from __future__ import annotations

from comfy_api.latest import io

from ..ddgi.errors import InputError
from ..host import batch_files
from ..host.node_text import say
from ..host.sockets import BATCH


class BatchJobs(io.ComfyNode):
    """Rows of a .jsonl or .csv file as prompts, drawings and seeds."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="DDGIBatchJobs",
            display_name="DDGI Batch Jobs",
            category=BATCH,
            description="Feeds the rows of a batch file into the graph, one at each run or several at once: the same "
                        "file that python -m ddgi batch renders.",
            search_aliases=["batch", "csv", "jsonl", "list of prompts", "wildcards", "loop", "queue"],
            inputs=[
                io.Combo.Input("jobs", options=batch_files.names(),
                               tooltip="A .jsonl or .csv file in ComfyUI's input folder; names that start with "
                                       "recipes/ come with this pack. Press R to refresh the list."),
                io.Int.Input("index", default=0, min=0, max=999_999, control_after_generate=True,
                             tooltip="The number of the row, counted from 0. With increment below it, every run takes "
                                     "the next row."),
                io.Int.Input("count", default=1, min=1, max=1000,
                             tooltip="How many rows at once, as lists. Nodes then finish all rows before the next node "
                                     "begins, so a stopped run has saved nothing; 1 saves row by row."),
            ],
            hidden=[io.Hidden.unique_id],
            outputs=[
                io.String.Output(display_name="prompt", is_output_list=True,
                                 tooltip="The words of the row with its choices made, for DDGI Prompt."),
                io.Image.Output(display_name="drawing", is_output_list=True,
                                tooltip="The mask or scribble of the row, for DDGI Face Mask or DDGI Scribble."),
                io.Int.Output(display_name="seed", is_output_list=True, tooltip="The seed of the row, for a sampler."),
                io.String.Output(display_name="name", is_output_list=True,
                                 tooltip="A name that no other row has, for filename_prefix of Save Image."),
            ],
        )

    @classmethod
    def validate_inputs(cls, jobs: str) -> bool | str:
        try:
            batch_files.path_of(jobs)
        except InputError as error:
            return str(error)
        return True

    @classmethod
    def fingerprint_inputs(cls, jobs: str, **rest) -> float:
        return batch_files.path_of(jobs).stat().st_mtime

    @classmethod
    def execute(cls, jobs: str, index: int, count: int) -> io.NodeOutput:
        rows, lines = batch_files.rows(jobs, index, count)
        say(cls, *lines)
        return io.NodeOutput([row.prompt for row in rows], [row.drawing for row in rows], [row.seed for row in rows],
                             [row.name for row in rows])


NODES = [BatchJobs]
