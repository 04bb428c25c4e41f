"""Long work shown at its node: lines of text, a bar, pictures on the way."""

from comfy.model_management import throw_exception_if_processing_interrupted
from comfy.utils import ProgressBar
from PIL import Image

from .node_text import show_text

_LINES = 8  # of the report, under the node


class Shown:
    """What one run of a node shows; a cancel stops the work at its next call of `progress`."""

    def __init__(self, node_id: str | None):
        self.node_id, self.lines = node_id, []
        self.what, self.bar = None, None

    def report(self, line: str) -> None:
        """Add a line for people."""
        self.lines.append(line)
        show_text("\n".join(self.lines[-_LINES:]), self.node_id)

    def progress(self, what: str, done: int, total: int, picture: Image.Image | None = None) -> None:
        """Move the bar of one thing that is done; raises the host's interrupt after a cancel."""
        if what != self.what:
            self.what, self.bar = what, ProgressBar(total)  # a bar that went back would not be shown
        self.bar.update_absolute(done, total, picture and ("JPEG", picture, None))
        throw_exception_if_processing_interrupted()
