"""Runs inside of the vLLM server: its own key guards some paths only, and those that swap weights are not among them."""

import hmac
import os

OPEN_PATHS = ("/health",)


class RequireKey:
    """ASGI middleware: whoever asks for anything but the health must know VLLM_API_KEY."""

    def __init__(self, app):
        self.app, self.expected = app, f"Bearer {os.environ['VLLM_API_KEY']}".encode()

    async def __call__(self, scope, receive, send):
        if scope["type"] == "http" and scope["path"] not in OPEN_PATHS:
            given = dict(scope["headers"]).get(b"authorization", b"")
            if not hmac.compare_digest(given, self.expected):
                await send({"type": "http.response.start", "status": 401, "headers": [(b"content-type", b"text/plain")]})
                await send({"type": "http.response.body", "body": b"a key is needed"})
                return
        elif scope["type"] == "websocket":
            return
        await self.app(scope, receive, send)
