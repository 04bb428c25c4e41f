"""Routes of the pack on the host's server. They take no path from a client and answer pages of the server itself."""

import asyncio
import json
from urllib.parse import urlsplit

from aiohttp import web
from server import PromptServer

from ..ddgi.errors import InputError
from . import folders

MOST_BODY = 2 << 20                 # bytes
_NO_STORE = {"Cache-Control": "no-store"}


def register() -> None:
    """Add the routes to the host's server; nothing where there is none, as in tests and tools."""
    server = getattr(PromptServer, "instance", None)
    if server is not None:
        server.routes.post("/ddgi/live")(live)
        server.routes.get("/ddgi/examples/{name}")(example)


async def live(request: web.Request) -> web.Response:
    """The request of a `host.live` session, beside "session", to a JPEG.

    400 says in "error" what is wrong; 409: a prompt runs or the last face is not ready, ask again later; 410: press
    Run. The header DDGI-Turns is 1 where the view counts.
    """
    try:
        values = await body(request)
    except InputError as error:
        return _refused(400, error)
    from .live.sessions import SESSIONS, jpeg  # the pack's start needs none of it

    try:
        session = SESSIONS.find(values.pop("session", None))
    except InputError as error:
        return _refused(410, error)
    if PromptServer.instance.prompt_queue.get_tasks_remaining() or session.busy:
        return _refused(409, InputError("A prompt is running; the face follows when it is done."))
    try:
        wanted = session.request(values)
        picture = await asyncio.get_running_loop().run_in_executor(None, lambda: jpeg(session.picture(wanted)))
    except InputError as error:
        return _refused(400, error)
    return web.Response(body=picture, content_type="image/jpeg",
                        headers={**_NO_STORE, "DDGI-Turns": str(int(session.turns))})


async def example(request: web.Request) -> web.StreamResponse:
    """An example drawing by the name that the painter lists."""
    found = {path.stem: path for path in folders.EXAMPLES.glob("*.png")}.get(request.match_info["name"])
    if found is None:
        return _refused(404, InputError("There is no example of that name; choose one of the list."))
    return web.FileResponse(found, headers=_NO_STORE)


async def body(request: web.Request) -> dict:
    """The JSON object that a page of this server sent.

    Raises:
        InputError: it comes from another site, is no JSON object, or larger than 2 MiB.
    """
    origin = request.headers.get("Origin")
    foreign = origin is not None and urlsplit(origin).netloc != request.headers.get("X-Forwarded-Host", request.host)
    if foreign or request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        raise InputError("Only pages of this ComfyUI may ask for faces.")
    if request.content_type != "application/json":
        raise InputError("The request must be JSON.")
    if (request.content_length or 0) > MOST_BODY:
        raise InputError(f"The request is larger than {MOST_BODY >> 20} MiB.")
    data = await request.content.read(MOST_BODY + 1)
    while len(data) <= MOST_BODY and not request.content.at_eof():
        data += await request.content.read(MOST_BODY + 1 - len(data))
    if len(data) > MOST_BODY:
        raise InputError(f"The request is larger than {MOST_BODY >> 20} MiB.")
    try:
        values = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise InputError("The request is no JSON.") from error
    if not isinstance(values, dict):
        raise InputError("The request is no JSON object.")
    return values


def _refused(status: int, error: InputError) -> web.Response:
    return web.json_response({"error": str(error)}, status=status, headers=_NO_STORE)
