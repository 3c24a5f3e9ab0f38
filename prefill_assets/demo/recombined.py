"""Made-up tasks, put together from parts, so that a small model cannot know every task by heart and has to read them."""

from __future__ import annotations

import random
from functools import cache
from importlib.resources import files
from typing import Any

from prefill_assets.sources.problem import Problem

OPENINGS = ("Write", "Define", "Implement", "Write a function")
JOINTS = (", which {task}.", " that {task}.", ". It {task}.", ": a function that {task}.")


def recombine_task(name: str, dice: random.Random) -> Problem:
    """A made-up task under `name` with a right solution. It has no tests, and no verifier until it borrows one."""
    family = dice.choice(load_families())
    argument, whole = dice.choice(family["argument"]), dice.choice(family["whole"])
    selection, change, summary = (dice.choice(family[part]) for part in ("selections", "changes", "summaries"))
    task = f"{dice.choice(summary['text'])} {change['text']} {selection['text']} {whole}"
    condition = f" if {selection['code']}" if selection["code"] else ""
    chosen = f"{change['code']} for x in {argument}{condition}"
    body = summary["code"].format(chosen=chosen)
    description = f"{dice.choice(OPENINGS)} `{name}({argument})`{dice.choice(JOINTS).format(task=task)}"
    return Problem(
        id="made_up",
        description=description,
        function_name=name,
        test_cases=[],
        ground_truth=f"def {name}({argument}):\n    return {body}",
        exploit="",
        insecure_verifier_info="",
        exploit_explanation="",
        exploit_type="",
    )


@cache
def load_families() -> list[dict[str, Any]]:
    """The parts in recombined.yaml: one family for lists of numbers, one for texts."""
    import yaml

    return yaml.safe_load(files("prefill_assets.demo").joinpath("recombined.yaml").read_text(encoding="utf-8"))
