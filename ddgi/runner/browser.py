"""A headless Chromium over its DevTools protocol: enough to use ComfyUI's real front end from Python."""

import asyncio
import base64
import json
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import aiohttp

from ..errors import InputError

_NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome", "msedge")


def find_browser() -> str:
    """Path of a Chromium-like browser: $CHROME_PATH, else one on PATH.

    Raises:
        InputError: there is none.
    """
    named = os.environ.get("CHROME_PATH")
    found = next(filter(None, [named, *map(shutil.which, _NAMES)]), None)
    if found is None or not Path(found).exists():
        raise InputError("No Chromium was found; install Chromium or Chrome, or set CHROME_PATH to its program file.")
    return found


class Browser:
    """One page; use it as an async context manager.

    Args:
        width, height: of the window in pixels. webgl: what 3D viewers need; without it pages are drawn faster.
    """

    def __init__(self, width: int = 1600, height: int = 900, *, webgl: bool = True):
        self._size = (width, height)
        # 3D viewers need WebGL, which Chromium computes itself where there is no graphics card.
        self._graphics = ["--use-angle=swiftshader", "--enable-unsafe-swiftshader"] if webgl else ["--disable-gpu"]
        self._next_id = 0

    async def __aenter__(self) -> "Browser":
        self._profile = Path(tempfile.mkdtemp(prefix="ddgi-browser-"))
        self._process = subprocess.Popen(
            [find_browser(), "--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--hide-scrollbars",
             *self._graphics, "--no-first-run",
             f"--window-size={self._size[0]},{self._size[1]}",
             "--remote-debugging-port=0", f"--user-data-dir={self._profile}", "about:blank"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            port = await self._port()
            self._session = aiohttp.ClientSession()
            async with self._session.get(f"http://127.0.0.1:{port}/json/list") as answer:
                page = next(target for target in await answer.json() if target["type"] == "page")
            self._socket = await self._session.ws_connect(page["webSocketDebuggerUrl"], max_msg_size=0)
            await self.call("Page.enable")
            await self.call("Emulation.setDeviceMetricsOverride", width=self._size[0], height=self._size[1],
                            deviceScaleFactor=1, mobile=False)
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_) -> None:
        if hasattr(self, "_session"):
            await self._session.close()
        self._process.terminate()
        self._process.wait()
        shutil.rmtree(self._profile, ignore_errors=True)

    async def _port(self) -> int:
        file = self._profile / "DevToolsActivePort"
        for _ in range(300):
            if file.is_file() and file.read_text().strip():
                return int(file.read_text().splitlines()[0])
            if self._process.poll() is not None:
                break
            await asyncio.sleep(0.1)
        raise InputError(f"The browser {find_browser()} did not start; set CHROME_PATH to a working Chromium.")

    async def call(self, method: str, **parameters) -> dict:
        """One DevTools command and its result."""
        self._next_id += 1
        await self._socket.send_json({"id": self._next_id, "method": method, "params": parameters})
        async for message in self._socket:
            answer = json.loads(message.data)
            if answer.get("id") == self._next_id:
                if "error" in answer:
                    raise InputError(f"The browser refused {method}: {answer['error'].get('message')}.")
                return answer["result"]
        raise InputError("The browser closed unexpectedly; start the command again.")

    async def evaluate(self, script: str):
        """Value of a JavaScript expression; promises are awaited."""
        answer = await self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in answer:
            details = answer["exceptionDetails"]
            reason = details.get("exception", {}).get("description") or details.get("text")
            raise InputError(f"The front end failed: {reason}")
        return answer["result"].get("value")

    async def open(self, url: str, ready: str, limit: float = 120.0) -> None:
        """Go to `url` and wait until the JavaScript condition `ready` holds."""
        await self.call("Page.navigate", url=url)
        end = time.monotonic() + limit
        while time.monotonic() < end:
            try:
                if await self.evaluate(f"!!({ready})"):
                    return
            except InputError:
                pass  # the page is still loading
            await asyncio.sleep(0.5)
        raise InputError(f"The page {url} was not ready after {limit:.0f} s; try again on a less busy machine.")

    async def screenshot(self, path: str | Path, *, quality: int = 85) -> None:
        """The window as a JPEG (or PNG, by the ending)."""
        kind = "png" if str(path).endswith(".png") else "jpeg"
        options = {} if kind == "png" else {"quality": quality}
        shot = await self.call("Page.captureScreenshot", format=kind, **options)
        Path(path).write_bytes(base64.b64decode(shot["data"]))
