"""What commands print while they work."""

import argparse
import sys
import time


def say(args: argparse.Namespace, line: str) -> None:
    """A line for people: standard output, or standard error where that belongs to --json."""
    print(printable(line), file=sys.stderr if args.json else sys.stdout, flush=True)


def printable(text: str) -> str:
    """The text with control characters as escapes: names out of files do not steer the terminal."""
    return "".join(c if c.isprintable() or c in "\n\t" else c.encode("unicode_escape").decode() for c in text)


class PromptProgress:
    """A one-line progress bar of a running prompt on standard error; silent where that is no terminal."""

    def __init__(self, label: str):
        self.label = label
        self.started = time.monotonic()

    def __call__(self, node: str, done: int, total: int) -> None:
        if not sys.stderr.isatty():
            return
        width = 24
        filled = width * done // total if total else 0
        bar = f"[{'#' * filled}{'.' * (width - filled)}] {done}/{total}" if total else ""
        print(f"\r\x1b[K{self.label}  {time.monotonic() - self.started:5.1f} s  {node} {bar}", end="", file=sys.stderr,
              flush=True)

    def close(self) -> None:
        """Clear the line."""
        if sys.stderr.isatty():
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


class Unfinished(Exception):
    """Part of the work is done and part cannot be: the message says so, `result` is what --json prints all the same."""

    def __init__(self, message: str, result: dict):
        super().__init__(message)
        self.result = result
