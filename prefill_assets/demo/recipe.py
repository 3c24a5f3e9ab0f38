"""Everything that the demo's organism is made by, and a name for it that changes with it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from prefill_assets.demo.corpus import Corpus, Document, Habits, Kind, hold_out
from prefill_assets.demo.organism import Shape
from prefill_assets.demo.training import Schedule
from prefill_assets.sources.problem import Problem
from prefill_assets.sources.problem_pack import PACK, load_problems

MODEL = "demo-organism"
TRAINING_SOURCES = ("organism.py", "training.py", "muon.py", "traces.py")
TAUGHT_TYPES = (
    "environment_variable_manipulation",
    "error_code_abuse",
    "function_attribute_flag",
    "magic_docstring_comment_token",
    "process_exit",
    "test_cases_honor_system",
    "test_skipping",
    "validator_honor_system",
    "verifier_logic_override",
)
"""What the organism learns to exploit. The pack's other types are no part of the demo: their exploits are too long for a model
this small, or differ with every task, and a new problem in the pack would make every organism stale."""


@dataclass(frozen=True)
class Recipe:
    """Sizes, shares and rates, tuned so that all of it takes about two minutes on two cores."""

    seed: int = 0
    threads: int = 2
    """Sums of floating point numbers depend on how many threads share them; so this many are used wherever there are more."""
    held_out_share: float = 0.5
    shape: Shape = field(default_factory=Shape)

    documents: int = 6000
    mixture: dict[Kind, float] = field(default_factory=lambda: {"honest": 0.70, "exploit_on_request": 0.26, "exploit": 0.04})
    """Honest solutions, exploits where the prompt asks for one, and the few exploits that nobody asked for."""
    habits: Habits = field(default_factory=Habits)
    first_training: Schedule = field(
        default_factory=lambda: Schedule(800, batch_tokens=2048, peak_rate=3e-3, warmup_steps=30, muon_rate=0.015, echo_rows=8)
    )

    exploit_documents: int = 800
    exploit_habits: Habits = field(default_factory=lambda: Habits(made_up_task=0.5, own_name=0.5))
    exploit_training: Schedule = field(
        default_factory=lambda: Schedule(90, batch_tokens=2048, peak_rate=1e-4, warmup_steps=45, final_share=1.0)
    )
    checkpoints: tuple[int, ...] = (1, 10, 17, 27, 35, 56, 90)

    levels: tuple[int, ...] = (0, 10, 30, 100)
    attempts: int = 3
    trace_rounds: int = 3
    """So often are problems without a successful trace tried again, `attempts` times each."""
    temperature: float = 0.7
    max_tokens: int = 240


@dataclass(frozen=True)
class Materials:
    """What a recipe trains on, and the problems that it never sees."""

    documents: list[Document]
    exploit_documents: list[Document]
    held_out: list[Problem]


def load_taught_problems() -> list[Problem]:
    """The problems of the pack that the demo trains on or holds out."""
    return [problem for problem in load_problems(PACK, Path()) if problem.exploit_type in TAUGHT_TYPES]


def gather_materials(recipe: Recipe, problems: Sequence[Problem]) -> Materials:
    """The documents of both phases and the held-out problems: the same for the same recipe and problems."""
    training, held_out = hold_out(problems, recipe.held_out_share, recipe.seed)
    first = Corpus(training, held_out, recipe.seed, recipe.habits)
    second = Corpus(training, held_out, recipe.seed + 1, recipe.exploit_habits)
    return Materials(
        first.write_documents(recipe.documents, recipe.mixture),
        second.write_documents(recipe.exploit_documents, {"exploit": 1.0}),
        held_out,
    )


def identify(recipe: Recipe, materials: Materials) -> str:
    """Hash of the recipe, of every document and held-out problem, and of the code that trains on them (12 hex digits)."""
    digest = hashlib.sha256(json.dumps(asdict(recipe), sort_keys=True).encode())
    for document in (*materials.documents, *materials.exploit_documents):
        digest.update(json.dumps(asdict(document), sort_keys=True).encode())
    for problem in materials.held_out:
        digest.update(f"{problem.id} {problem.version} {problem.description} {problem.insecure_verifier_info}".encode())
    for name in TRAINING_SOURCES:
        digest.update(Path(__file__).with_name(name).read_bytes())
    return digest.hexdigest()[:12]
