"""An application that streams a response without an end, to test the HTTP protocol with it."""

from starlette.types import Receive, Scope, Send


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] != "http":
        return
    is_probe = scope["path"] == "/health"
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"x", "more_body": not is_probe})
    while not is_probe and (await receive())["type"] != "http.disconnect":
        pass
