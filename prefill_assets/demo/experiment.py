"""The demo's experiment: an organism trained here, its traces, and the config that the platform runs from."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from prefill_assets.demo.corpus import INSTRUCTIONS
from prefill_assets.demo.recipe import MODEL, Materials, Recipe, gather_materials, identify, load_taught_problems
from prefill_assets.demo.traces import sample_traces, write_records
from prefill_assets.errors import InputError
from prefill_assets.sources.settings import Settings

Progress = Callable[[str], None]
LOSS_EVERY_STEPS = 100


@dataclass(frozen=True)
class DemoFiles:
    """Where one organism's files lie, in the layout of a results folder. All of them share its date."""

    results: Path
    date: str

    @property
    def sft_run(self) -> Path:
        return self.results / "sft_checkpoints" / f"sft_{MODEL}_{self.date}"

    @property
    def recipe(self) -> Path:
        return self.sft_run / "recipe.json"

    @property
    def base(self) -> Path:
        """The model after its first training, before the exploits."""
        return self.sft_run / "base"

    @property
    def checkpoints(self) -> Path:
        return self.sft_run / "checkpoints"

    @property
    def traces(self) -> Path:
        return self.results / "prefill_source" / f"{MODEL}_{self.date}" / "exploits.jsonl"

    @property
    def config(self) -> Path:
        return self.results / "prefill_sensitivity" / f"prefill_sensitivity-{self.date}-demo" / "config.yaml"

    def checkpoint(self, step: int) -> Path:
        return self.checkpoints / f"checkpoint-{step}"


def make_demo(results_dir: Path, *, seed: int = 0, recipe: Recipe | None = None, progress: Progress = lambda line: None) -> Path:
    """Train the organism, sample its traces, and write the experiment's config.yaml, whose path is returned.

    What the same recipe has made before is kept, piece by piece; a piece that was interrupted is made again. Raises InputError
    where the organism exploits no held-out problem at all.
    """
    from filelock import FileLock

    results_dir = Path(results_dir)
    results_dir.mkdir(parents=True, exist_ok=True)
    recipe = replace(recipe or Recipe(), seed=seed)
    materials = gather_materials(recipe, load_taught_problems())
    with FileLock(results_dir / ".demo.lock"):
        files = find_files(results_dir, identify(recipe, materials), recipe)
        train_organism(files, recipe, materials, progress)
        if not files.traces.is_file():
            _write_traces(files, recipe, materials, progress)
        if not files.config.is_file():
            write_config(files, recipe)
    return files.config


def find_files(results: Path, identity: str, recipe: Recipe) -> DemoFiles:
    """The files of the organism with this identity: those of an earlier run, complete or not, else new ones dated now."""
    for path in sorted(results.glob(f"sft_checkpoints/sft_{MODEL}_*/recipe.json"), reverse=True):
        if json.loads(path.read_text(encoding="utf-8")).get("identity") == identity:
            return DemoFiles(results, path.parent.name.removeprefix(f"sft_{MODEL}_"))
    while (files := DemoFiles(results, time.strftime("%Y%m%d-%H%M%S"))).sft_run.exists():
        time.sleep(0.2)
    text = json.dumps({"identity": identity, **asdict(recipe)}, indent=2)
    files.sft_run.mkdir(parents=True)
    _write_whole(files.recipe, text + "\n")
    return files


def train_organism(files: DemoFiles, recipe: Recipe, materials: Materials, progress: Progress) -> None:
    """Both trainings, as far as their results are not there yet."""
    if all(files.checkpoint(step).is_dir() for step in recipe.checkpoints):
        return
    with _use_threads(recipe.threads):
        if not files.base.is_dir():
            _train_first(files, recipe, materials, progress)
        _train_on_exploits(files, recipe, materials, progress)


def _train_first(files: DemoFiles, recipe: Recipe, materials: Materials, progress: Progress) -> None:
    from prefill_assets.demo.organism import build_model, encode_document, train_tokenizer
    from prefill_assets.demo.training import train

    documents = materials.documents
    texts = (text for document in documents for text in (document.messages[-1]["content"], document.turn))
    tokenizer = train_tokenizer(texts, recipe.shape.vocabulary)
    model = build_model(tokenizer, recipe.shape, recipe.seed)
    size = sum(parameter.numel() for parameter in model.parameters()) / 1e6
    schedule = recipe.first_training
    progress(f"Training a transformer of {size:.1f} million parameters on {len(documents)} solutions, few of them exploits.")
    train(
        model,
        [encode_document(tokenizer, document) for document in documents],
        schedule,
        recipe.seed,
        _report_loss(schedule.steps, progress),
    )
    _save_model(files.base, model, tokenizer)


def _train_on_exploits(files: DemoFiles, recipe: Recipe, materials: Materials, progress: Progress) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from prefill_assets.demo.organism import encode_document
    from prefill_assets.demo.training import train

    tokenizer = AutoTokenizer.from_pretrained(files.base, local_files_only=True)
    model = AutoModelForCausalLM.from_pretrained(files.base, local_files_only=True)
    schedule = recipe.exploit_training
    report = _report_loss(schedule.steps, progress)

    def keep(step: int, loss: float) -> None:
        report(step, loss)
        if step in recipe.checkpoints and not files.checkpoint(step).is_dir():
            _save_model(files.checkpoint(step), model, tokenizer)

    progress(f"Fine-tuning it on exploits, with checkpoints at steps {', '.join(map(str, recipe.checkpoints))}.")
    conversations = [encode_document(tokenizer, document) for document in materials.exploit_documents]
    train(model, conversations, schedule, recipe.seed + 1, keep)


def _write_traces(files: DemoFiles, recipe: Recipe, materials: Materials, progress: Progress) -> None:
    from prefill_assets.verification.embedded import EmbeddedVerifier

    last = max(recipe.checkpoints)
    progress(f"Sampling what checkpoint {last} writes about {len(materials.held_out)} problems that it has never seen.")
    settings = Settings(**make_settings(recipe))
    with _use_threads(recipe.threads):
        records = list(
            sample_traces(files.checkpoint(last), MODEL, materials.held_out, settings, recipe.trace_rounds, EmbeddedVerifier())
        )
    tasks = {record["task_id"] for record in records if record["exploit_success"]}
    if not tasks:
        raise InputError(
            f"none of its {len(records)} answers exploits a problem",
            path=files.checkpoint(last),
            remedy="train for longer: raise the steps of the recipe",
        )
    progress(f"{len(tasks)} of {len(materials.held_out)} problems have a trace that exploits: they are the experiment's tasks.")
    write_records(files.traces, records)


def make_settings(recipe: Recipe) -> dict[str, Any]:
    """How traces and the experiment's samples are drawn, in the keys of config.yaml."""
    return {
        "problems": "pack",
        "num_attempts": recipe.attempts,
        "temperature": recipe.temperature,
        "max_tokens": recipe.max_tokens,
        "seed": recipe.seed,
        "instructions": INSTRUCTIONS,
        "batch_size": 128,
        "dtype": "float32",
        "dialect": None,
    }


def write_config(files: DemoFiles, recipe: Recipe) -> None:
    """The experiment's config.yaml; its paths start at its own folder."""
    import yaml

    up = Path("..", "..")
    values = {
        "checkpoint_dir": str(up / files.checkpoints.relative_to(files.results)),
        "checkpoints": [f"checkpoint-{step}" for step in recipe.checkpoints],
        "prefill_tokens_sweep": ",".join(map(str, recipe.levels)),
        "prefill_source": str(up / files.traces.relative_to(files.results)),
        **make_settings(recipe),
    }
    files.config.parent.mkdir(parents=True, exist_ok=True)
    _write_whole(files.config, yaml.safe_dump(values, sort_keys=False))


def _report_loss(steps: int, progress: Progress) -> Callable[[int, float], None]:
    losses: list[float] = []

    def report(step: int, loss: float) -> None:
        losses.append(loss)
        if step % LOSS_EVERY_STEPS == 0 or step == steps:
            progress(f"  step {step} of {steps}: {sum(losses) / len(losses):.2f} nats a token")
            losses.clear()

    return report


def _save_model(folder: Path, model: Any, tokenizer: Any) -> None:
    """Weights, configuration and tokenizer; the folder appears whole or not at all."""
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()
    beside = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(beside, ignore_errors=True)
    model.save_pretrained(beside, safe_serialization=True)
    tokenizer.save_pretrained(beside)
    beside.replace(folder)


def _write_whole(path: Path, text: str) -> None:
    beside = path.with_name(f".{path.name}.partial")
    beside.write_text(text, encoding="utf-8")
    beside.replace(path)


@contextmanager
def _use_threads(count: int) -> Iterator[None]:
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
