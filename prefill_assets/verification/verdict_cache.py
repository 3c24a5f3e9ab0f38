"""Verdicts that are known already: the same code for the same problem is not judged twice by the same verifier."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

from prefill_assets.verification.protocol import Status, Submission, Verdict, Verification, Verifier

BUSY_SECONDS = 30
UNSETTLED = frozenset({Status.VERIFIER_ERROR, Status.TIMED_OUT})
SCHEMA = """
CREATE TABLE IF NOT EXISTS verdicts (
    problem_version TEXT, submission_hash TEXT, verifier TEXT, verification TEXT NOT NULL,
    PRIMARY KEY (problem_version, submission_hash, verifier)
) WITHOUT ROWID
"""


class CachingVerifier:
    """A verifier that asks another one only for what is not in its file yet. Any number of processes may share the file.

    What broke or timed out is not kept: on another day it may come out otherwise. A file that cannot be read or written costs
    time, never a verdict.
    """

    def __init__(self, verifier: Verifier, path: Path):
        self._verifier, self._path = verifier, path
        self.name, self.version = verifier.name, verifier.version

    @property
    def description(self) -> str:
        return getattr(self._verifier, "description", f"{self.name} {self.version}")

    def verify(self, submissions: Iterable[Submission]) -> Iterator[Verification]:
        """One Verification a submission, in the order given."""
        with closing(_VerdictFile(self._path, f"{self.name} {self.version}")) as known:
            waiting: deque[tuple[tuple[str, str], Verification | None]] = deque()

            def list_unknown() -> Iterator[Submission]:
                for submission in submissions:
                    key = submission.problem.version, hash_code(submission.code)
                    verification = known.find(key)
                    waiting.append((key, verification))
                    if verification is None:
                        yield submission

            def take_known() -> Iterator[Verification]:
                while waiting and (found := waiting[0][1]) is not None:
                    waiting.popleft()
                    yield found

            for verification in self._verifier.verify(list_unknown()):
                yield from take_known()
                key, _ = waiting.popleft()
                known.keep(key, verification)
                yield verification
            yield from take_known()


def hash_code(code: str) -> str:
    """Hash of a submission's code (32 hex digits)."""
    return hashlib.sha256(code.encode("utf-8", "surrogatepass")).hexdigest()[:32]


class _VerdictFile:
    """The file of one verifier's verdicts, or none where it cannot be used."""

    def __init__(self, path: Path, verifier: str):
        self._verifier, self._connection = verifier, None
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = NORMAL")
            self._connection.execute(SCHEMA)
        except (sqlite3.Error, OSError) as error:
            print(f"note: {path} is not used ({error}); delete it to have a new one", file=sys.stderr)
            self.close()

    def find(self, key: tuple[str, str]) -> Verification | None:
        if self._connection is None:
            return None
        try:
            query = "SELECT verification FROM verdicts WHERE problem_version = ? AND submission_hash = ? AND verifier = ?"
            row = self._connection.execute(query, (*key, self._verifier)).fetchone()
            return read_verification(row[0]) if row else None
        except (sqlite3.Error, ValueError, KeyError, TypeError):
            return None

    def keep(self, key: tuple[str, str], verification: Verification) -> None:
        if self._connection is None or UNSETTLED.intersection((verification.secure.status, verification.insecure.status)):
            return
        try:
            values = (*key, self._verifier, json.dumps(asdict(verification)))
            self._connection.execute("INSERT OR REPLACE INTO verdicts VALUES (?, ?, ?, ?)", values)
        except sqlite3.Error:
            return

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def read_verification(text: str) -> Verification:
    """A Verification from its JSON. Raises ValueError, KeyError or TypeError where it is none."""
    fields = json.loads(text)
    modes = {name: fields.pop(name) for name in ("secure", "insecure")}
    verdicts = {name: Verdict(Status(v["status"]), v["feedback"], v["seconds"]) for name, v in modes.items()}
    return Verification(**verdicts, **fields)
