"""The pack where administrators put ComfyUI: for several users, and in a subfolder behind a proxy."""

import asyncio
import contextlib
import json

import aiohttp
import pytest
from aiohttp import web

from ddgi.runner.browser import Browser
from ddgi.runner.server import Server

from .pages import RUN, SETTINGS, need_browser, own_graph, until
from .test_following import FACE, READY, SLIDER, SLIDERS, shown

FOLDER = "/studio"
PIXELS = f"""(face => {{
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [face.naturalWidth, face.naturalHeight];
    canvas.getContext('2d').drawImage(face, 0, 0);
    return canvas.toDataURL();
}})({FACE})"""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with Server(tmp_path_factory.mktemp("output"), cpu=True, threads=1, options=["--multi-user"]) as running:
        yield running


@contextlib.asynccontextmanager
async def proxy(server):
    """A reverse proxy that serves everything below a subfolder; the value is its address."""
    async with aiohttp.ClientSession(auto_decompress=False) as session:

        async def pump(source, target):
            async for message in source:
                if message.type == aiohttp.WSMsgType.TEXT:
                    await target.send_str(message.data)
                elif message.type == aiohttp.WSMsgType.BINARY:
                    await target.send_bytes(message.data)

        async def pass_on(request):
            url = f"{server.url}/{request.match_info['path']}?{request.query_string}"
            if request.headers.get("Upgrade", "").lower() == "websocket":
                front = web.WebSocketResponse()
                await front.prepare(request)
                async with session.ws_connect(url) as back:
                    await asyncio.wait([asyncio.create_task(pump(front, back)), asyncio.create_task(pump(back, front))],
                                       return_when=asyncio.FIRST_COMPLETED)
                return front
            headers = {name: value for name, value in request.headers.items() if name != "Content-Length"}
            async with session.request(request.method, url, headers=headers, data=await request.read()) as answer:
                kept = {name: value for name, value in answer.headers.items()
                        if name not in ("Transfer-Encoding", "Content-Length", "Connection")}
                return web.Response(status=answer.status, body=await answer.read(), headers=kept)

        application = web.Application(client_max_size=64 << 20)
        application.router.add_route("*", FOLDER + "/{path:.*}", pass_on)
        runner = web.AppRunner(application)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}{FOLDER}/"
        await runner.cleanup()


async def log_in(browser, server, url, name):
    _, user = await asyncio.to_thread(server.post, "/users", {"username": name})
    await browser.open(url, "location.href.startsWith('http')")
    await browser.evaluate(f"localStorage.setItem('Comfy.userId', {json.dumps(user)}); "
                           f"localStorage.setItem('Comfy.userName', {json.dumps(name)})")
    await browser.evaluate(f"""fetch('{FOLDER}/api/settings', {{method: 'POST', body: JSON.stringify(
        {json.dumps(SETTINGS).replace("true", "!0").replace("false", "!1")}),
        headers: {{'Comfy-User': {json.dumps(user)}, 'Content-Type': 'application/json'}}}}).then(a => a.status)""")
    await browser.open(url, READY)
    await own_graph(browser)
    await browser.evaluate(SLIDERS)
    await browser.evaluate(RUN)
    return await shown(browser)


async def move(browser, value, before):
    """A slider to a value; the address of the face that follows, and its pixels."""
    await browser.evaluate(f"{SLIDER}.value = {value}")
    after = await shown(browser, before)
    return after, await browser.evaluate(PIXELS)


async def two_tabs(server):
    async with proxy(server) as url, Browser(1500, 1000) as ada, Browser(1500, 1000) as bob:
        hers, his = await log_in(ada, server, url, "Ada"), await log_in(bob, server, url, "Bob")
        hers, first = await move(ada, 2.5, hers)
        his, other = await move(bob, -2.5, his)
        hers, _ = await move(ada, 0, hers)
        hers, again = await move(ada, 2.5, hers)
        await until(bob, f"{FACE}.src === '{his}'")
        return first, other, again, await bob.evaluate(PIXELS)


def test_faces_follow_two_users_behind_a_subfolder_each_their_own(server):
    need_browser()
    first, other, again, kept = asyncio.run(two_tabs(server))
    assert first == again != other == kept
