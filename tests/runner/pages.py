"""What tests in ComfyUI's real front end share."""

import asyncio

SETTINGS = {"Comfy.TutorialCompleted": True, "Comfy.InstalledVersion": "1.47.12", "Comfy.Release.Status": "skip",
            "Comfy.UseNewMenu": "Top", "Comfy.Workflow.Persist": False, "Comfy.Minimap.Visible": False}
RUN = """new Promise((done, failed) => {
    app.api.addEventListener('execution_success', () => done(true), {once: true});
    app.api.addEventListener('execution_error', e => failed(new Error(e.detail.exception_message)), {once: true});
    app.queuePrompt(0, 1);
})"""


async def drag(browser, start, end, moves=6):
    """Press at `start`, go to `end` and let go; both in pixels of the window."""
    for kind, share in [("mousePressed", 0), *(("mouseMoved", i / moves) for i in range(1, moves + 1)),
                        ("mouseReleased", 1)]:
        x, y = (a + (b - a) * share for a, b in zip(start, end))
        await browser.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1,
                           buttons=0 if kind == "mouseReleased" else 1)


async def until(browser, condition, limit=60):
    for _ in range(limit * 5):
        if await browser.evaluate(f"!!({condition})"):
            return
        await asyncio.sleep(0.2)
    raise AssertionError(f"never: {condition}")
