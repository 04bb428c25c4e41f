"""Start the real ComfyUI server with only this pack in it, and stop it again."""

import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path

from ..errors import InputError
from ..files import make_folder
from .host import PACK_ROOT, find_host, is_busy

LOOPBACK = "127.0.0.1"
_ANSWER_LIMIT = 300.0  # seconds; a busy machine may pause the server's thread while it computes


class Server:
    """A ComfyUI on a free loopback port; use it as a context manager.

    Its custom_nodes folder holds this pack alone; models come from the ComfyUI folder; input,
    user and temporary files live in a folder that is removed afterwards.

    Args:
        cpu: None is what the machine asks for. threads: of its computing. options: further ones of ComfyUI's command.

    Attributes:
        url: "http://127.0.0.1:<port>" once started.
        output_folder, input_folder: where its nodes write and read files.
    """

    def __init__(self, output_folder: str | Path, *, cpu: bool | None = None, threads: int | None = None,
                 options: Sequence[str] = (), start_limit: float = 600.0,
                 report: Callable[[str], None] = lambda line: None):
        self.host = find_host()
        self.output_folder = Path(output_folder).resolve()
        self.start_limit = start_limit
        self._cpu = _needs_cpu() if cpu is None else cpu
        self._threads, self._options = threads, options
        self._report = report
        self._process: subprocess.Popen | None = None

    def __enter__(self) -> "Server":
        make_folder(self.output_folder)
        self._base = Path(tempfile.mkdtemp(prefix="ddgi-comfyui-"))
        try:
            self._start()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, *_) -> None:
        self._stop()

    @property
    def input_folder(self) -> Path:
        return self._base / "input"

    @property
    def log(self) -> str:
        """Everything the server printed so far, without colours."""
        return re.sub(r"\x1b\[[0-9;]*m", "", (self._base / "server.log").read_text(errors="replace"))

    def log_tail(self, lines: int = 25) -> str:
        """The last lines of the log."""
        return "\n".join(self.log.splitlines()[-lines:])

    @property
    def base_folder(self) -> Path:
        """ComfyUI's base folder: custom_nodes, input, user and temp."""
        return self._base

    def _start(self) -> None:
        for name in ("custom_nodes", "input", "user", "temp"):
            (self._base / name).mkdir()
        for link, target in self._links().items():
            os.symlink(target, link, target_is_directory=True)
        port = _free_port()
        self.url = f"http://{LOOPBACK}:{port}"
        command = [
            sys.executable, str(self.host / "main.py"), "--listen", LOOPBACK, "--port", str(port),
            "--base-directory", str(self._base), "--user-directory", str(self._base / "user"),
            "--output-directory", str(self.output_folder),
            "--database-url", "sqlite:///:memory:", "--disable-auto-launch", "--disable-api-nodes",
            *(["--cpu"] if self._cpu else []), *self._options,
        ]
        # Nothing is downloaded at run time; huge pages make fresh activations cheaper on the CPU.
        environment = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "THP_MEM_ALLOC_ENABLE": "1",
                       **_thread_limit(), **os.environ}
        if self._threads is not None:
            environment["OMP_NUM_THREADS"] = str(self._threads)
        self._log_file = open(self._base / "server.log", "wb")
        self._report(f"Starting ComfyUI from {self.host} {'on the CPU' if self._cpu else ''}".rstrip())
        started = time.monotonic()
        self._process = subprocess.Popen(command, cwd=self.host, env=environment, stdin=subprocess.DEVNULL,
                                         stdout=self._log_file, stderr=subprocess.STDOUT)
        self._wait_until_ready(started)
        if not self.get("/object_info/DDGIRender"):
            raise InputError(f"ComfyUI started but could not load this pack:\n{self.log_tail()}")
        self._report(f"ComfyUI is ready after {time.monotonic() - started:.0f} s")

    def _links(self) -> dict[Path, Path]:
        """In the base folder: this pack, and ComfyUI's models (0.24 has no option for their folder)."""
        return {self._base / "custom_nodes" / "DDGI": PACK_ROOT, self._base / "models": self.host / "models"}

    def _wait_until_ready(self, started: float) -> None:
        while True:
            if self._process.poll() is not None:
                raise InputError(f"ComfyUI stopped while starting; its last lines were:\n{self.log_tail()}")
            with contextlib.suppress(InputError):
                self.get("/system_stats")
                return
            if time.monotonic() - started > self.start_limit:
                raise InputError(f"ComfyUI did not start within {self.start_limit:.0f} s; its last lines were:\n"
                                 f"{self.log_tail()}")
            time.sleep(0.5)

    def get(self, path: str) -> dict:
        """JSON answer of a GET request."""
        return json.loads(self._answer(urllib.request.Request(self.url + path))[1] or b"{}")

    def post(self, path: str, body: dict) -> tuple[int, dict]:
        """Status and JSON answer of a POST request; error statuses do not raise."""
        status, answer = self.ask(path, body)
        return status, json.loads(answer or b"{}")

    def ask(self, path: str, body: dict) -> tuple[int, bytes]:
        """As `post`, for answers that are no JSON."""
        return self._answer(urllib.request.Request(self.url + path, json.dumps(body).encode(),
                                                   {"Content-Type": "application/json"}))

    def _answer(self, request: urllib.request.Request) -> tuple[int, bytes]:
        try:
            with urllib.request.urlopen(request, timeout=_ANSWER_LIMIT) as response:
                return response.status, response.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()
        except OSError as error:
            raise InputError(f"ComfyUI does not answer at {self.url} ({error}); it may have run out of "
                             f"memory.") from error

    def _stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(15)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._log_file.close()
            self._process = None
        for link in self._links():
            link.unlink(missing_ok=True)    # before the tree around it
        shutil.rmtree(self._base, ignore_errors=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return probe.getsockname()[1]


def _thread_limit() -> dict[str, str]:
    return {"OMP_NUM_THREADS": "1"} if is_busy() else {}


def _needs_cpu() -> bool:
    import torch

    return not (torch.cuda.is_available() or torch.backends.mps.is_available())
