"""What a measurement was taken on."""

from __future__ import annotations

import os
import platform
import time
from pathlib import Path


def describe_cores() -> str:
    """Processor, cores that this process may use, how busy they are, and the versions that analysis rests on."""
    from importlib.metadata import version

    versions = ", ".join(f"{name} {version(name)}" for name in ("duckdb", "numpy", "pandas", "dagster"))
    cores, load = len(os.sched_getaffinity(0)), os.getloadavg()[0]
    return f"{_name_processor()}, {cores} cores (load {load:.1f}), Python {platform.python_version()}, {versions}"


def _name_processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def describe_machine(device: str) -> str:
    """Processor, cores and versions; for a GPU its name, and how fast it multiplies when it does nothing else."""
    import torch
    import transformers

    parts = [f"{os.cpu_count()} cores, Python {platform.python_version()}, torch {torch.__version__}"]
    parts.append(f"transformers {transformers.__version__}")
    if device == "cuda":
        parts.insert(0, f"{torch.cuda.get_device_name()}, 8192-cubed bf16 products at {measure_products():.0f} TFLOP/s for 2 s")
    return ", ".join(parts)


def measure_products(size: int = 8192, seconds: float = 2.0) -> float:
    """TFLOP/s of bf16 matrix products on random data, for long enough that power and heat bound them as they bound a model."""
    import torch

    left, right = (torch.randn(size, size, device="cuda", dtype=torch.bfloat16) for _ in range(2))
    for _ in range(3):
        torch.mm(left, right)
    torch.cuda.synchronize()
    began, count = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        for _ in range(20):
            torch.mm(left, right)
        torch.cuda.synchronize()
        count += 20
    return 2 * size**3 * count / (time.perf_counter() - began) / 1e12
