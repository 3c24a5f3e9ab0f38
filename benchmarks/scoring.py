"""Scoring a checkpoint: the stage as the assets run it, beside the plain loop, on one device in one run.

    python -m benchmarks.scoring --shape 8b                      # one GPU with 80 GB: about 3 minutes
    python -m benchmarks.scoring --shape tiny --problems 20      # any CPU: some seconds

Counted: rendering and tokenizing prompts and prefills, the forward passes, copies to the host, rows, and writing the table.
Not counted: making the model. The first checkpoint finds nothing prepared; of the following ones the median is told.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.machine import describe_machine
from benchmarks.plain_scoring import score_plainly
from benchmarks.workload import LEVELS, SHAPES, count_model_flops, make_model, make_samples, make_tasks, train_tokenizer
from prefill_assets.engines.fused_layers import fuse_layers
from prefill_assets.engines.transformers_engine import TransformersEngine
from prefill_assets.prompts.dialects import Dialect, render_prompt
from prefill_assets.stages.prefill_scoring import list_texts, score_texts
from prefill_assets.warehouse.partition import PartitionKey, Stamp
from prefill_assets.warehouse.store import Warehouse

Row = dict[str, Any]


def main(arguments: Sequence[str] | None = None) -> dict[str, Any]:
    """Measure, print a table and return its values."""
    import torch

    options = _read_arguments(arguments)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    dtype = torch.bfloat16 if device == "cuda" else torch.float32
    shape = SHAPES[options.shape]
    torch.backends.cuda.matmul.allow_tf32 = False
    tokenizer = train_tokenizer(shape)
    samples = make_samples(make_tasks(tokenizer, options.problems))
    found: dict[str, Any] = {
        "machine": describe_machine(device),
        "shape": options.shape,
        "dtype": str(dtype).removeprefix("torch."),
        "samples": len(samples),
    }

    model = make_model(shape, dtype, device)
    found |= _measure_plain_loop(model, tokenizer, samples, options.plain_samples)
    fuse_layers(model)
    runs, rows = [], []
    for checkpoint in range(1, 2 + options.following):
        if checkpoint > 1:
            _change_weights(model, checkpoint)
        engine = TransformersEngine(model, tokenizer, 64)
        seconds, rows = _score_checkpoint(engine, tokenizer, samples, checkpoint)
        runs.append(seconds)
    found |= _describe_runs(model, rows, tokenizer, samples, runs)
    found |= _compare_with_float32(shape, model, rows, tokenizer, samples, options.checked_samples)
    found["times_plain"] = found["plain_loop_seconds"] / found["following_median_seconds"]
    _print_table(found)
    if options.json:
        options.json.write_text(json.dumps(found, indent=1))
    return found


def _read_arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shape", choices=sorted(SHAPES), default="tiny")
    parser.add_argument("--problems", type=int, default=600)
    parser.add_argument("--following", type=int, default=3, help="checkpoints after the first")
    parser.add_argument("--plain-samples", type=int, default=40, help="samples of the plain loop; its time is scaled to all")
    parser.add_argument("--checked-samples", type=int, default=24, help="prefills of each level that a float32 copy scores again")
    parser.add_argument("--json", type=Path, help="write the values there")
    return parser.parse_args(arguments)


def _score_checkpoint(engine: TransformersEngine, tokenizer: Any, samples: list[Row], checkpoint: int) -> tuple[float, list[Row]]:
    """Seconds from samples to stored partitions, and the rows."""
    with tempfile.TemporaryDirectory() as folder:
        warehouse = Warehouse(Path(folder))
        warehouse.create_empty_tables()
        began = time.perf_counter()
        texts = list_texts(samples, use_reasoning_field=False, max_samples=None)
        rows = list(score_texts("benchmark", checkpoint, texts, engine, tokenizer, Dialect.CHAT, str(engine.model.dtype)))
        for level in LEVELS:
            of_level = [row for row in rows if row["prefill_level"] == level]
            warehouse.replace("prefill_logprobs", PartitionKey("benchmark", checkpoint, level), of_level, Stamp("", "", ""))
        return time.perf_counter() - began, rows


def _change_weights(model: Any, seed: int) -> None:
    """Other random weights in the same memory, as the next checkpoint of a sweep has."""
    import torch

    generator = torch.Generator(model.device).manual_seed(seed)
    with torch.no_grad():
        for weight in model.parameters():
            if weight.ndim == 2:
                weight.normal_(0, model.config.initializer_range, generator=generator)


def _measure_plain_loop(model: Any, tokenizer: Any, samples: list[Row], count: int) -> dict[str, Any]:
    """Time of the plain loop over some samples spread over all, scaled to all: it does every sample, also equal ones."""
    chosen = samples[:: max(1, len(samples) // count)][:count]
    score_plainly(model, *_encode(tokenizer, chosen[0]))
    began = time.perf_counter()
    for sample in chosen:
        score_plainly(model, *_encode(tokenizer, sample))
    each = (time.perf_counter() - began) / len(chosen)
    return {"plain_samples": len(chosen), "plain_sample_seconds": each, "plain_loop_seconds": each * len(samples)}


def _encode(tokenizer: Any, sample: Row) -> tuple[tuple[int, ...], tuple[int, ...]]:
    messages = [{"role": "system", "content": sample["system"]}, {"role": "user", "content": sample["prompt"]}]
    rendered = render_prompt(tokenizer, messages, sample["prefill_reasoning"], Dialect.CHAT)
    return rendered.prompt_ids, rendered.prefill_ids


def _describe_runs(model: Any, rows: list[Row], tokenizer: Any, samples: list[Row], runs: list[float]) -> dict[str, Any]:
    longest = [
        _encode(tokenizer, sample) for sample in samples if sample["prefill_level"] == LEVELS[-1] and not sample["attempt_idx"]
    ]
    passes = [(len(prompt) + len(prefill), len(prefill)) for prompt, prefill in longest]
    median = statistics.median(runs[1:] or runs)
    return {
        "passes": len(passes),
        "prompt_tokens_mean": statistics.mean(len(prompt) for prompt, _ in longest),
        "prefill_tokens_mean": statistics.mean(len(prefill) for _, prefill in longest),
        "first_seconds": runs[0],
        "following_seconds": runs[1:],
        "following_median_seconds": median,
        "model_flops": count_model_flops(model, passes),
        "tflops_per_second": count_model_flops(model, passes) / median / 1e12,
        "scored_tokens_per_second": sum(row["prefill_num_tokens"] for row in rows) / median,
        "tokens_read_per_second": sum(tokens for tokens, _ in passes) / median,
    }


def _compare_with_float32(
    shape: Any, model: Any, rows: list[Row], tokenizer: Any, samples: list[Row], count: int
) -> dict[str, Any]:
    """How far sums are from those of a float32 copy of the weights, in nats a token, by level: ours, and the plain loop's.

    The plain loop runs in the model's own number format: what it is off by is the format's, not the engine's.
    """
    import torch

    exact = make_model(shape, torch.float32, model.device.type)
    exact.load_state_dict(model.state_dict())
    sums = {(row["task_id"], row["prefill_level"]): row["prefill_logprob_sum"] for row in rows}
    distances: dict[str, dict[str, list[float]]] = {}
    for level in LEVELS:
        firsts = [sample for sample in samples if sample["prefill_level"] == level and not sample["attempt_idx"]]
        ours, plain = [], []
        for sample in firsts[:: max(1, len(firsts) // count)][:count]:
            prompt_ids, prefill_ids = _encode(tokenizer, sample)
            right = score_plainly(exact, prompt_ids, prefill_ids)
            ours.append(abs(sums[sample["task_id"], level] - right) / len(prefill_ids))
            plain.append(abs(score_plainly(model, prompt_ids, prefill_ids) - right) / len(prefill_ids))
        distances[str(level)] = {"ours": ours, "plain": plain}
    return {"distances_nats_a_token": distances}


def _print_table(found: dict[str, Any]) -> None:
    following = found["following_seconds"] or [found["first_seconds"]]
    print(f"\n{found['machine']}\n")
    print(
        f"{found['samples']} samples, {found['passes']} passes of {found['prompt_tokens_mean']:.0f} prompt and "
        f"{found['prefill_tokens_mean']:.0f} prefill tokens on average, shape {found['shape']}\n"
    )
    print("| what | value |\n|---|---|")
    print(f"| first checkpoint | {found['first_seconds']:.2f} s |")
    print(f"| following checkpoints, median of {len(following)} | {found['following_median_seconds']:.2f} s |")
    print(f"| their extremes | {min(following):.2f} to {max(following):.2f} s |")
    print(f"| model arithmetic ({found['model_flops']:.3g} operations) | {found['tflops_per_second']:.3g} TFLOP/s |")
    print(
        f"| tokens read / scored a second | {found['tokens_read_per_second']:,.0f} / {found['scored_tokens_per_second']:,.0f} |"
    )
    print(f"| plain loop, {found['plain_samples']} samples scaled to {found['samples']} | {found['plain_loop_seconds']:.1f} s |")
    print(f"| times as fast | {found['times_plain']:.1f} |")
    for level, distances in found["distances_nats_a_token"].items():
        ours, plain = (
            f"{max(d):.2g} / {math.sqrt(statistics.mean(x * x for x in d)):.2g}" for d in (distances["ours"], distances["plain"])
        )
        print(f"| distance from float32 at level {level}, largest / RMS of {len(distances['ours'])} | {ours} nats a token |")
        print(f"| the plain loop's in {found['dtype']} | {plain} nats a token |")


if __name__ == "__main__":
    main()
