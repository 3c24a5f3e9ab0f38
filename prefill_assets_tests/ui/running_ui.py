"""`prefill ui` as its user starts it, asked by the API that its own pages use."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterable
from pathlib import Path
from typing import Any

START_SECONDS, BACKFILL_SECONDS, ASK_SECONDS = 180, 600, 60

LAUNCH = """
mutation Launch($params: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $params) {
    __typename
    ... on LaunchBackfillSuccess { backfillId }
    ... on PythonError { message }
  }
}
"""
STATUS = "query Status($id: String!) { partitionBackfillOrError(backfillId: $id) { ... on PartitionBackfill { status } } }"
SENSORS = """
query Sensors($location: String!) {
  sensorsOrError(repositorySelector: {repositoryName: "__repository__", repositoryLocationName: $location}) {
    ... on Sensors { results { name sensorState { id status } } }
  }
}
"""
STOP = """
mutation Stop($id: String!) {
  stopSensor(id: $id) { ... on StopSensorMutationResult { instigationState { status } } ... on PythonError { message } }
}
"""


class RunningUi:
    """Web server and daemon of an installation, until `stop`."""

    def __init__(self, project: Path, environment: dict[str, str]):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.address = f"http://127.0.0.1:{port}"
        self.log = project / "ui.log"
        command = [str(Path(sys.executable).parent / "prefill"), "ui", "--port", str(port)]
        with self.log.open("w") as log:
            self._process = subprocess.Popen(
                command, env=environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
            )
        self._wait_until_it_answers()

    def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(f"{self.address}/graphql", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=ASK_SECONDS) as answer:
            return json.load(answer)["data"]

    def stop_sensor(self, name: str) -> None:
        """Switch off a sensor that is on."""
        (state,) = [
            sensor["sensorState"]
            for sensor in self.ask(SENSORS, location="prefill_assets")["sensorsOrError"]["results"]
            if sensor["name"] == name
        ]
        assert state["status"] == "RUNNING"
        stopped = self.ask(STOP, id=state["id"])["stopSensor"]
        assert stopped["instigationState"]["status"] == "STOPPED", stopped

    def backfill(self, tables: Iterable[str], partitions: Iterable[str]) -> tuple[str, str]:
        """Launch a backfill, wait for its end, and return its id and status."""
        params = {"assetSelection": [{"path": [table]} for table in tables], "partitionNames": list(partitions)}
        launched = self.ask(LAUNCH, params=params)["launchPartitionBackfill"]
        assert launched["__typename"] == "LaunchBackfillSuccess", launched
        backfill_id = launched["backfillId"]
        return backfill_id, self.wait_for_backfill(backfill_id)

    def wait_for_backfill(self, backfill_id: str) -> str:
        deadline = time.monotonic() + BACKFILL_SECONDS
        while time.monotonic() < deadline:
            status = self.ask(STATUS, id=backfill_id)["partitionBackfillOrError"]["status"]
            if status not in ("REQUESTED", "CANCELING"):
                return status
            time.sleep(1)
        raise AssertionError(f"the backfill did not end in {BACKFILL_SECONDS} s; see {self.log}")

    def stop(self) -> None:
        for number in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(self._process.pid, number)
                self._process.wait(timeout=10)
            except (ProcessLookupError, subprocess.TimeoutExpired):
                continue

    def _wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            try:
                self.ask("{ version }")
                return
            except (urllib.error.URLError, OSError, ValueError, KeyError):
                assert self._process.poll() is None, self.log.read_text()
                time.sleep(0.5)
        self.stop()
        raise AssertionError(f"the UI did not answer in {START_SECONDS} s: {self.log.read_text()[-2000:]}")
