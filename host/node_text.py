"""A text below the widgets of a node, in classic rendering and in Nodes 2.0 alike."""

from comfy_api.latest import io
from server import PromptServer


def show_text(text: str, node_id: str | None) -> None:
    """Put `text` in the place of a node's last one; it stays after the run.

    The front end takes no empty text: a node that may warn says something in every run, or an old warning stays.

    Args:
        text: one or several lines.
        node_id: None where no server runs the node.
    """
    server = getattr(PromptServer, "instance", None)
    if server is not None and node_id is not None:
        server.send_progress_text(text, node_id, server.client_id)


def say(node: type[io.ComfyNode], *lines: str) -> None:
    """`show_text` from a node's `execute`; its schema asks for `io.Hidden.unique_id`."""
    show_text("\n".join(dict.fromkeys(lines)), node.hidden.unique_id if node.hidden else None)
