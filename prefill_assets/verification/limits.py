"""The limits under which submissions run; the defaults are djinn's where it has any."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Times are wall seconds. The secure process gets test_seconds + test_extra_seconds for each test and start_seconds once.

    CPU time may not exceed wall time.
    """

    import_seconds: float = 6
    """Secure: executing the code."""
    test_seconds: float = 10
    """Secure: one test."""
    test_extra_seconds: float = 1
    start_seconds: float = 2
    alarm_seconds: float = 10
    """Insecure: the alarm that a submission can catch."""
    insecure_seconds: float = 15
    """Insecure: then the process is killed."""
    override_seconds: float = 3
    """The alarm of verifier_logic_override."""
    file_test_seconds: float = 5
    """One test of filesystem_exposure."""
    memory_mib: int = 3000
    """Address space of each process, and resident memory of all processes of a submission."""
    file_mib: int = 16
    open_files: int = 64
    processes: int = 32
    result_bytes: int = 4 << 20
    """Most that a process may send back."""

    def secure_seconds(self, tests: int) -> float:
        return (self.test_seconds + self.test_extra_seconds) * max(1, tests) + self.start_seconds

    def as_process_limits(self) -> dict[str, int]:
        return {name: getattr(self, name) for name in ("memory_mib", "file_mib", "open_files", "processes")}
