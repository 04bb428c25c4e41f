"""Which files rows may name: those in the job's own folder, the pack's examples, and folders that were allowed."""

from collections.abc import Sequence
from pathlib import Path

from ..config import short
from ..errors import InputError


class Folders:
    """Finds the files that rows name, and refuses those outside.

    Args:
        jobs: the file of rows; its folder is what relative paths are relative to. allowed: further folders.
        examples: where drawings are looked for that are given by name alone.

    Raises:
        InputError: an allowed folder does not exist.
    """

    def __init__(self, jobs: str | Path, allowed: Sequence[str | Path] = (), examples: str | Path | None = None):
        self.home = Path(jobs).resolve().parent
        self.examples = None if examples is None else Path(examples).resolve()
        for folder in allowed:
            if not Path(folder).is_dir():
                raise InputError(f"The folder {folder} that --allow names does not exist; check the name.")
        self.inside = [self.home, *([self.examples] if self.examples else []),
                       *(Path(folder).resolve() for folder in allowed)]

    def file(self, kind: str, text: str) -> Path:
        """The file behind `text`, links followed; `kind` is the row's key, for messages.

        Raises:
            InputError: there is none, or it lies outside.
        """
        try:
            path = (self.home / Path(text).expanduser()).resolve()
            outside = not any(path.is_relative_to(folder) for folder in self.inside)
            found = path.is_file()
        except (OSError, ValueError, RuntimeError) as error:    # names that no file system has
            raise InputError(f"{kind} is {short(text)}, which is no file name; check it.") from error
        if outside:
            raise InputError(f"{kind} is {short(text)}, outside the folder of the rows; move it there, or allow its "
                             f"folder: --allow FOLDER.")
        if not found:
            raise InputError(f"{kind} is {short(text)}, and there is no such file in {self.home}; check the name.")
        return path

    def drawing(self, kind: str, text: str) -> Path:
        """As `file`; the name of an example that comes with the pack serves too, with or without its suffix."""
        if self.examples and Path(text).name == text and not (self.home / text).exists():
            for name in (text, f"{text}.png"):
                if (self.examples / name).is_file():
                    return self.examples / name
        return self.file(kind, text)
