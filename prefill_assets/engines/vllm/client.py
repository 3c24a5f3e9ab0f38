"""HTTP to one server: keys, time limits, and what each failure means."""

from __future__ import annotations

from typing import Any

from prefill_assets.errors import InputError

BUSY_STATUSES = (429, 502, 503, 504)
BUSY_RETRIES = 6
BACKOFF_SECONDS = 0.5
CONNECT_SECONDS = 10.0
PROBE_SECONDS = 10.0
MESSAGE_CHARACTERS = 600


class ServerGone(Exception):
    """The server does not answer any more: it died, or it hangs."""


class Refused(Exception):
    """The server is well and refuses this one request."""

    def __init__(self, status: int, message: str):
        self.status, self.message = status, message
        super().__init__(f"{status}: {message}")


class Client:
    """A pool of connections to one server; threads may share it."""

    def __init__(self, base_url: str, key: str | None, request_seconds: float, connections: int):
        import urllib3

        self.base_url, self.request_seconds = base_url.rstrip("/").removesuffix("/v1"), request_seconds
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}
        busy = urllib3.Retry(
            total=None,
            connect=False,
            read=False,
            redirect=False,
            other=False,
            status=BUSY_RETRIES,
            status_forcelist=BUSY_STATUSES,
            allowed_methods=None,
            backoff_factor=BACKOFF_SECONDS,
            backoff_jitter=BACKOFF_SECONDS,
            raise_on_status=False,
        )
        self._pool = urllib3.PoolManager(maxsize=connections, block=True, retries=busy)

    def is_healthy(self) -> bool:
        """Whether /health says so, now."""
        import urllib3

        try:
            url = f"{self.base_url}/health"
            return self._pool.request("GET", url, headers=self._headers, timeout=PROBE_SECONDS, retries=False).status == 200
        except urllib3.exceptions.HTTPError:
            return False

    def get(self, path: str) -> Any:
        return self._ask("GET", path, None, PROBE_SECONDS)

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """The parsed answer. Raises ServerGone, Refused, and InputError where the key is wrong."""
        return self._ask("POST", path, body, self.request_seconds)

    def close(self) -> None:
        self._pool.clear()

    def _ask(self, method: str, path: str, body: dict[str, Any] | None, seconds: float) -> Any:
        import urllib3

        timeout = urllib3.Timeout(connect=CONNECT_SECONDS, read=seconds)
        url = f"{self.base_url}{path}"
        try:
            answer = self._pool.request(method, url, json=body, headers=self._headers, timeout=timeout)
        except urllib3.exceptions.ReadTimeoutError as error:
            raise ServerGone(f"no answer within {seconds:g} s") from error
        except urllib3.exceptions.LocationValueError as error:
            raise InputError(f"{self.base_url!r} is no URL: {error}", remedy="write http://host:port") from error
        except urllib3.exceptions.HTTPError as error:
            raise ServerGone(describe_connection_fault(error)) from error
        if answer.status == 200:
            return _read_json(answer.data)
        message = _read_message(answer.data)
        if answer.status in (401, 403):
            raise InputError(
                f"the server at {self.base_url} does not take the key ({answer.status})", remedy="set VLLM_API_KEY to its key"
            )
        if _is_dead(answer.status, message):
            raise ServerGone(message)
        raise Refused(answer.status, message)


def describe_connection_fault(error: Exception) -> str:
    """The last words of a nest of connection errors."""
    text = str(error.__cause__ or error)
    return text.rsplit(": ", 1)[-1].strip("')\" ") or type(error).__name__


def _is_dead(status: int, message: str) -> bool:
    """When the engine's process has died, the API server says so to every request, for as long as it lives itself."""
    return status in BUSY_STATUSES or (status >= 500 and ("EngineCore" in message or "EngineDead" in message))


def _read_json(data: bytes) -> Any:
    import json

    try:
        return json.loads(data) if data.strip().startswith((b"{", b"[")) else data.decode(errors="replace")
    except ValueError as error:
        raise Refused(200, f"the answer is not JSON: {error}") from error


def _read_message(data: bytes) -> str:
    """`error.message` of OpenAI's form, `detail` of FastAPI's, or the text."""
    body = data.decode(errors="replace")
    try:
        found = _read_json(data)
    except Refused:
        found = body
    if isinstance(found, dict):
        error = found.get("error")
        body = str(
            error.get("message") if isinstance(error, dict) else found.get("detail") or found.get("message") or error or body
        )
    return " ".join(body.split())[:MESSAGE_CHARACTERS]
