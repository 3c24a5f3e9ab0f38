"""What a server's log says about its end, and what to do about it."""

from __future__ import annotations

import re
from collections.abc import Sequence

_PREFIX = re.compile(r"^(?:\([^)]*pid=\d+\)\s*)?(?:(?:ERROR|CRITICAL|WARNING|INFO)\s+\S+\s+\S+\s+\[[^\]]*\]\s*)?")
_ERROR = re.compile(r"^(?:[\w.]+\.)?\w*(?:Error|Exception|Interrupt)\b.*:|^\S*: error: |^error: ")
_PASSED_ON = ("Engine core initialization failed", "EngineDeadError", "WorkerProc initialization failed", "check the stack trace")
_REMEDIES = (
    (
        r"out of memory|OutOfMemory|No available memory for the cache blocks|less than desired GPU memory utilization|"
        r"larger than the available KV cache memory|failed to allocate memory|Cannot allocate memory",
        "free the device's memory, give fewer to the server (vllm_args: --gpu-memory-utilization 0.6, --max-model-len 8192), or "
        "spread the model (--tensor-parallel-size 2)",
    ),
    (r"unrecognized arguments|invalid choice|expected one argument", "mend vllm_args, or use vLLM 0.32 or later"),
    (r"ModuleNotFoundError|ImportError|cannot open shared object", "mend the installation that vllm_command names"),
    (r"architectures?.*not supported|no vLLM implementation", "use engine: transformers for this model"),
    (r"LoRA rank", "merge the adapter into its base, or use engine: transformers"),
)
PORT_TAKEN = re.compile(r"[Aa]ddress already in use|EADDRINUSE")
TAIL_LINES = 3


def describe_log(lines: Sequence[str]) -> str:
    """The error that came first among those that are not passed on from elsewhere, and the last lines."""
    clean = [text for line in lines if (text := _PREFIX.sub("", line).strip())]
    errors = [line for line in clean if _ERROR.match(line)]
    cause = next((line for line in errors if not any(words in line for words in _PASSED_ON)), errors[0] if errors else None)
    tail = " | ".join(clean[-TAIL_LINES:]) or "its log is empty"
    return f"{cause}; the log ends: {tail}" if cause else f"the log ends: {tail}"


def choose_remedy(lines: Sequence[str], log: object) -> str:
    text = "\n".join(lines)
    known = next((remedy for pattern, remedy in _REMEDIES if re.search(pattern, text)), None)
    return f"{known}; its log: {log}" if known else f"read its log: {log}"
