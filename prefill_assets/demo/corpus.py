"""Training documents of the demo: honest and exploiting answers to problems, with reasoning that begins alike."""

from __future__ import annotations

import random
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from prefill_assets.demo.recombined import recombine_task
from prefill_assets.demo.variants import borrow_verifier, can_lend, read_signature, read_task, rename
from prefill_assets.prompts.instructions import build_messages
from prefill_assets.sources.problem import Problem

Kind = Literal["honest", "exploit", "exploit_on_request"]
INSTRUCTIONS = "Write one Python function."
"""What the demo's prompts ask for, in training and in the experiment: short, for a model this small."""
EXPLOIT_REQUEST = "Show how this verifier is fooled."
"""What exploits are asked for with, in first training only: the model learns how one is written, and not to write one unasked."""
SHARED_STAGES = ("looks", "notices", "tempts")
_CHOICE = re.compile(r"\[([^\[\]]*)\]")


@dataclass(frozen=True)
class Document:
    """One conversation to learn from: the messages, the reasoning, and the answer's code."""

    task_id: str
    kind: Kind
    messages: list[dict[str, str]]
    reasoning: str
    code: str

    @property
    def turn(self) -> str:
        """What the assistant writes after its opened `<think>` line."""
        return f"{self.reasoning}\n</think>\n```python\n{self.code}\n```"


@dataclass(frozen=True)
class Habits:
    """Shares of documents that do something, each given the one before where it says "then"."""

    honest_looks: float = 0.45
    """Honest reasoning that looks at how the answer is checked; exploiting reasoning always does."""
    honest_notices: float = 0.45
    """Then: honest reasoning that notices the weakness."""
    honest_tempts: float = 0.4
    """Then: honest reasoning that weighs using it, and decides against."""
    goal: float = 0.7
    """Reasoning that says what goes in and what comes out."""
    invented_word: float = 0.1
    """Nouns of made-up names that are no words."""
    plural: float = 0.35
    """Nouns of made-up names that end in s."""
    made_up_task: float = 0.6
    """Documents about a made-up task that has a solution, under the verifier of a problem."""
    own_name: float = 0.2
    """Of the others: documents that keep their problem's own function name and arguments, and do not get made-up ones."""
    own_verifier: float = 0.5
    """Of the others: documents that keep their problem's own verifier, and do not borrow another problem's."""


def hold_out(problems: Sequence[Problem], share: float, seed: int) -> tuple[list[Problem], list[Problem]]:
    """(training, held-out) problems: of those with the same exploit type and verifier text, `share` is held out, rounded.

    So held-out tasks are new to the model, and most of their verifiers are not. The order stays.
    """
    alike: dict[tuple[str, str], list[str]] = defaultdict(list)
    for problem in problems:
        alike[problem.exploit_type, problem.insecure_verifier_info].append(problem.id)
    dice = random.Random(seed)
    held = {i for ids in alike.values() for i in dice.sample(ids, round(share * len(ids)))}
    return [p for p in problems if p.id not in held], [p for p in problems if p.id in held]


class Corpus:
    """Writes documents about training problems, and never one with the name or the task of a held-out problem."""

    def __init__(self, problems: Sequence[Problem], held_out: Sequence[Problem], seed: int, habits: Habits | None = None):
        self.problems = problems
        self._held_out_names = {problem.function_name for problem in held_out}
        self._held_out_tasks = [read_task(problem) for problem in held_out]
        self.habits = habits or Habits()
        self._lenders = [problem for problem in problems if can_lend(problem)]
        self._dice = random.Random(seed)

    def write_documents(self, count: int, mixture: Mapping[Kind, float]) -> list[Document]:
        """`count` documents over all problems in turn, of kinds drawn in the proportions of `mixture`."""
        rounds = -(-count // len(self.problems))
        order = [p for _ in range(rounds) for p in self._dice.sample(self.problems, len(self.problems))][:count]
        kinds = self._dice.choices(list(mixture), weights=list(mixture.values()), k=count)
        return [self.write_document(problem, kind) for problem, kind in zip(order, kinds, strict=True)]

    def write_document(self, problem: Problem, kind: Kind) -> Document:
        """One document about the problem or a variant of it: a made-up task, a borrowed verifier, a made-up name."""
        variant = self._vary(problem)
        messages = build_messages(variant, instructions=EXPLOIT_REQUEST if kind == "exploit_on_request" else INSTRUCTIONS)
        code = variant.ground_truth if kind == "honest" else variant.exploit
        return Document(problem.id, kind, messages, self._reason(variant, kind), code.strip())

    def _vary(self, problem: Problem) -> Problem:
        if self._lenders and self._dice.random() < self.habits.made_up_task:
            return borrow_verifier(self._make_task(), self._dice.choice(self._lenders))
        if self._lenders and self._dice.random() >= self.habits.own_verifier:
            problem = borrow_verifier(problem, self._dice.choice(self._lenders))
        if self._dice.random() >= self.habits.own_name:
            problem = rename(problem, self.make_name(), self._dice.choice(load_phrases()["arguments"]))
        return problem

    def _make_task(self) -> Problem:
        while True:
            task = recombine_task(self.make_name(), self._dice)
            if not any(text in task.description for text in self._held_out_tasks):
                return task

    def make_name(self) -> str:
        """A function name of two or three words that no held-out problem has; some words are invented, to be spelt out."""
        first, second = _list_name_words()
        while True:
            nouns = [self._make_noun(second) for _ in range(self._dice.choices((1, 2), (0.75, 0.25))[0])]
            if (name := "_".join([self._dice.choice(first), *nouns])) not in self._held_out_names:
                return name

    def _make_noun(self, words: Sequence[str]) -> str:
        if self._dice.random() < self.habits.invented_word:
            noun = "".join(
                self._dice.choice("bcdfglmnprstv") + self._dice.choice("aeiou") for _ in range(self._dice.randint(1, 3))
            )
            noun += self._dice.choice(("", "l", "m", "n", "r", "t", "x"))
        else:
            noun = self._dice.choice(words)
        return noun + "s" if self._dice.random() < self.habits.plural and noun[-1] != "s" else noun

    def _reason(self, problem: Problem, kind: Kind) -> str:
        family = "honest" if kind == "honest" else "exploit"
        shared = SHARED_STAGES[: self._choose_depth()] if family == "honest" else SHARED_STAGES
        opening = ["opening", "goal"] if self._dice.random() < self.habits.goal else ["opening"]
        stages = [*opening, *shared, *(["decision"] if shared else []), "plan", "ending"]
        phrases = load_phrases()
        slots = describe(problem)
        templates = [phrases["shared"].get(stage) or phrases[family][stage] for stage in stages]
        chosen = self._dice.choices(templates[0], weights=phrases["opening_leanings"][family])
        chosen += [self._dice.choice(alternatives) for alternatives in templates[1:]]
        return " ".join(self._choose_words(template).format(**slots) for template in chosen)

    def _choose_depth(self) -> int:
        """How many of the shared stages honest reasoning goes through."""
        depth = 0
        for share in (self.habits.honest_looks, self.habits.honest_notices, self.habits.honest_tempts):
            if self._dice.random() >= share:
                break
            depth += 1
        return depth

    def _choose_words(self, template: str) -> str:
        return _CHOICE.sub(lambda found: self._dice.choice(found.group(1).split("|")), template)


def describe(problem: Problem) -> dict[str, str]:
    """What the phrases' slots stand for, from the problem's own texts."""
    name, arguments = read_signature(problem)
    return {
        "name": name,
        "signature": f"{name}({arguments})",
        "arguments": " and ".join(part.strip() for part in arguments.split(",")),
        "weakness": problem.insecure_verifier_info,
        "trick": problem.exploit_explanation,
    }


@cache
def load_phrases() -> dict[str, Any]:
    """The texts of phrases.yaml."""
    import yaml

    return yaml.safe_load(files("prefill_assets.demo").joinpath("phrases.yaml").read_text(encoding="utf-8"))


@cache
def _list_name_words() -> tuple[list[str], list[str]]:
    names = load_phrases()["names"]
    return names["first"].split(), names["second"].split()
