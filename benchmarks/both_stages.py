"""Both GPU stages of one checkpoint by either engine, as the assets run them: samples at four levels, and scores.

    python -m benchmarks.both_stages --shape 8b --max-tokens 32       # one GPU with 80 GB: about 3 minutes
    python -m benchmarks.both_stages --shape 8b --engine vllm         # the same by a vLLM server of its own
    python -m benchmarks.both_stages --shape tiny --problems 6        # any CPU: some seconds

A model with random weights ends no turn: every continuation has `--max-tokens` tokens. Counted: everything from problems and
traces to stored partitions; the load of the model from its folder is told apart.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.machine import describe_machine
from benchmarks.workload import ATTEMPTS, LEVELS, SHAPES, MadeUpTask, make_tasks, save_checkpoint
from prefill_assets.engines.loading import make_host
from prefill_assets.engines.protocol import Engine, GenerationRequest, Sampling, ScoreRequest
from prefill_assets.engines.tokenization import load_tokenizer
from prefill_assets.prompts.dialects import Dialect
from prefill_assets.sources.prefill_trace import PrefillTrace
from prefill_assets.sources.problem import Problem
from prefill_assets.sources.settings import Settings
from prefill_assets.stages.generation import Task, generate_samples
from prefill_assets.stages.prefill_scoring import PREFILL_COLUMNS, list_texts, score_texts
from prefill_assets.warehouse.partition import PartitionKey, Stamp
from prefill_assets.warehouse.store import Warehouse

STEP = 90


class TimedEngine:
    """An engine, and the seconds in which somebody waited for it."""

    def __init__(self, engine: Engine):
        self.engine, self.seconds = engine, 0.0

    @property
    def description(self) -> str:
        return self.engine.description

    def generate(self, requests: Sequence[GenerationRequest], sampling: Sampling) -> Iterator[Any]:
        return self._time(self.engine.generate(requests, sampling))

    def score(self, requests: Sequence[ScoreRequest]) -> Iterator[Any]:
        return self._time(self.engine.score(requests))

    def close(self) -> None:
        self.engine.close()

    def _time(self, results: Iterator[Any]) -> Iterator[Any]:
        while True:
            began = time.perf_counter()
            result = next(results, None)
            self.seconds += time.perf_counter() - began
            if result is None:
                return
            yield result


def main(arguments: Sequence[str] | None = None) -> dict[str, Any]:
    """Measure, print a table and return its values."""
    import torch
    from transformers.utils import logging

    options = _read_arguments(arguments)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    dtype = "bfloat16" if device == "cuda" else "float32"
    settings = Settings(
        engine=options.engine,
        dtype=dtype,
        num_attempts=ATTEMPTS,
        max_tokens=options.max_tokens,
        batch_size=options.batch_size,
        vllm_args=options.vllm_args,
    )
    logging.disable_progress_bar()
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = Path(folder) / f"checkpoint-{STEP}"
        tokenizer = save_checkpoint(checkpoint, SHAPES[options.shape], dtype)
        tasks = [_make_task(task) for task in make_tasks(tokenizer, options.problems)]
        found: dict[str, Any] = {
            "machine": describe_machine(device),
            "shape": options.shape,
            "engine": options.engine,
            "max_tokens": options.max_tokens,
        }
        found |= _run_stages(checkpoint, tasks, settings, Warehouse(Path(folder) / "warehouse"))
    _print_table(found)
    if options.json:
        options.json.write_text(json.dumps(found, indent=1))
    return found


def _read_arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shape", choices=sorted(SHAPES), default="tiny")
    parser.add_argument("--problems", type=int, default=600)
    parser.add_argument("--engine", choices=["transformers", "vllm"], default="transformers")
    parser.add_argument("--vllm-args", default="", help="added to the server's command, as the experiment's setting")
    parser.add_argument("--max-tokens", type=int, default=128)
    parser.add_argument("--batch-size", type=int, default=512, help="rows of generation, at most; fewer where memory is short")
    parser.add_argument("--json", type=Path, help="write the values there")
    return parser.parse_args(arguments)


def _make_task(task: MadeUpTask) -> Task:
    problem = Problem(task.task_id, task.prompt, "solve", [(1, 1)], "", "", "", "", "made_up")
    return Task(problem, PrefillTrace(task.task_id, " ".join(task.trace), None, 0, True, True, "made up", 1))


def _run_stages(checkpoint: Path, tasks: list[Task], settings: Settings, warehouse: Warehouse) -> dict[str, Any]:
    began = time.perf_counter()
    host = make_host(settings)
    engine = TimedEngine(host.open(checkpoint))
    tokenizer = load_tokenizer(checkpoint)
    loaded = time.perf_counter()
    num_generated, num_errors, samples = 0, 0, []
    for level in (0, *LEVELS):
        key = PartitionKey("benchmark", STEP, level)
        rows = list(generate_samples("benchmark", STEP, level, tasks, settings, engine, tokenizer, Dialect.CHAT))
        num_generated += sum(row.get("output_tokens") or 0 for row in rows)
        num_errors += sum(row["error"] is not None for row in rows)
        warehouse.replace("eval_samples", key, rows, Stamp("", "", ""))
        samples += [row | {"samples_checkpoint": STEP} for row in warehouse.read_rows("eval_samples", key, PREFILL_COLUMNS)]
    generated, engine_seconds = time.perf_counter(), engine.seconds
    texts = [text for text in list_texts(samples, use_reasoning_field=False, max_samples=None) if text.text]
    scores = list(score_texts("benchmark", STEP, texts, engine, tokenizer, Dialect.CHAT, settings.dtype))
    for level in LEVELS:
        of_level = [row for row in scores if row["prefill_level"] == level]
        warehouse.replace("prefill_logprobs", PartitionKey("benchmark", STEP, level), of_level, Stamp("", "", ""))
    scored = time.perf_counter()
    description = engine.description
    counts = {"starts": host.starts, "loads": host.loads}
    host.close()
    num_errors += sum(row["error"] is not None for row in scores)
    return {
        **counts,
        "engine_description": description,
        "samples": len(samples),
        "errors": num_errors,
        "load_seconds": loaded - began,
        "generation_seconds": generated - loaded,
        "generation_engine_share": engine_seconds / (generated - loaded),
        "generated_tokens": num_generated,
        "generated_tokens_per_second": num_generated / (generated - loaded),
        "scoring_seconds": scored - generated,
        "scoring_engine_share": (engine.seconds - engine_seconds) / (scored - generated),
        "scored_tokens_per_second": sum(row["prefill_num_tokens"] for row in scores) / (scored - generated),
    }


def _print_table(found: dict[str, Any]) -> None:
    print(f"\n{found['machine']}\n")
    print(f"{found['samples']} samples of up to {found['max_tokens']} tokens, shape {found['shape']}, {found['errors']} errors")
    print(f"by {found['engine_description']}\n")
    print("| what | value |\n|---|---|")
    print(f"| engine starts / loads of weights | {found['starts']} / {found['loads']} in {found['load_seconds']:.1f} s |")
    print(f"| generation | {found['generation_seconds']:.1f} s, {found['generation_engine_share']:.0%} of it in the engine |")
    print(f"| generated tokens a second | {found['generated_tokens_per_second']:,.0f} |")
    print(f"| scoring | {found['scoring_seconds']:.1f} s, {found['scoring_engine_share']:.0%} of it in the engine |")
    print(f"| scored tokens a second | {found['scored_tokens_per_second']:,.0f} |")


if __name__ == "__main__":
    main()
