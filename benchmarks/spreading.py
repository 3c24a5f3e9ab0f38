"""One checkpoint on one GPU, then spread over all of them: the same sums, in how much time.

    python -m benchmarks.spreading --shape 8b --problems 200                # two GPUs: 3 minutes
    python -m benchmarks.spreading --devices cpu cpu --problems 6           # any CPU: the program, not the figures

Counted: from token ids to sums, and to generated tokens. Not counted: the load, and a first batch of each kind.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.machine import describe_machine
from benchmarks.workload import LEVELS, SHAPES, make_tasks, save_checkpoint
from prefill_assets.engines.protocol import GenerationRequest, Sampling, ScoreRequest
from prefill_assets.engines.transformers_host import TransformersHost
from prefill_assets.prompts.dialects import Dialect, render_prompt
from prefill_assets.sources.settings import Settings

WARMING = 40


def main(arguments: Sequence[str] | None = None) -> dict[str, Any]:
    """Measure, print a table and return its values."""
    import torch
    from transformers.utils import logging

    options = _read_arguments(arguments)
    logging.disable_progress_bar()
    made_on = "cuda" if torch.cuda.is_available() else "cpu"
    dtype = "bfloat16" if made_on == "cuda" else "float32"
    found: dict[str, Any] = {"machine": describe_machine(made_on), "shape": options.shape, "sides": []}
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = Path(folder) / "checkpoint-1"
        tokenizer = save_checkpoint(checkpoint, SHAPES[options.shape], dtype)
        requests = _make_requests(tokenizer, options.problems)
        for device in options.devices:
            settings = Settings(dtype=dtype, device=device, batch_size=options.rows)
            found["sides"].append(_measure(TransformersHost(settings), checkpoint, requests, options.max_tokens))
    found["largest_difference_nats"] = _find_largest_difference(found["sides"])
    _print_table(found)
    if options.json:
        options.json.write_text(json.dumps(found, indent=1))
    return found


def _read_arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shape", choices=sorted(SHAPES), default="tiny")
    parser.add_argument("--problems", type=int, default=600)
    parser.add_argument("--max-tokens", type=int, default=32)
    parser.add_argument("--rows", type=int, default=512, help="rows of generation, at most")
    parser.add_argument("--devices", nargs="+", default=["cuda:0", "auto"], help="each in turn; auto is all GPUs there are")
    parser.add_argument("--json", type=Path, help="write the values there")
    return parser.parse_args(arguments)


def _make_requests(tokenizer: Any, problems: int) -> list[ScoreRequest]:
    requests = []
    for task in make_tasks(tokenizer, problems):
        messages = [{"role": "user", "content": task.prompt}]
        rendered = render_prompt(tokenizer, messages, task.prefill(LEVELS[-1]), Dialect.CHAT)
        requests.append(ScoreRequest(rendered.prompt_ids, rendered.prefill_ids, (len(rendered.prefill_ids),)))
    return requests


def _measure(host: TransformersHost, checkpoint: Path, requests: list[ScoreRequest], max_tokens: int) -> dict[str, Any]:
    engine = host.open(checkpoint)
    devices = sorted({str(weight.device) for weight in engine.model.parameters()})
    writing = [GenerationRequest(request.prompt_ids, seed) for seed, request in enumerate(requests)]
    sampling = Sampling(temperature=1.0, top_p=1.0, max_tokens=max_tokens)
    seconds, results = {}, {}
    for name, run in {
        "scoring": lambda some: engine.score(requests[:some]),
        "generation": lambda some: engine.generate(writing[:some], sampling),
    }.items():
        list(run(WARMING))
        began = time.perf_counter()
        results[name] = list(run(len(requests)))
        seconds[name] = time.perf_counter() - began
    packs = engine.packs
    host.close()
    return {
        "devices": devices,
        "packs": packs,
        "seconds": seconds,
        "sums": [next(iter(score.sums.values())) if score.sums else None for score in results["scoring"]],
        "errors": [result.error for some in results.values() for result in some if result.error],
        "generated_tokens": sum(len(generation.token_ids) for generation in results["generation"]),
    }


def _find_largest_difference(sides: list[dict[str, Any]]) -> float | None:
    """Of a prefill's sums on the devices; None where one has no sum."""
    by_request = list(zip(*(side["sums"] for side in sides), strict=True))
    return None if any(None in sums for sums in by_request) else max(max(sums) - min(sums) for sums in by_request)


def _print_table(found: dict[str, Any]) -> None:
    print(f"\n{found['machine']}\n\n| devices | packed | scoring | generation | tokens | errors |\n|---|---|---|---|---|---|")
    for side in found["sides"]:
        seconds = side["seconds"]
        print(
            f"| {', '.join(side['devices'])} | {side['packs']} | {seconds['scoring']:.2f} s of {len(side['sums'])} "
            f"| {seconds['generation']:.2f} s | {side['generated_tokens']} | {len(side['errors'])} {side['errors'][:1]} |"
        )
    print(f"\nlargest difference of two sums of a prefill: {found['largest_difference_nats']} nats")


if __name__ == "__main__":
    main()
