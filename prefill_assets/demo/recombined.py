"""Made-up tasks with right solutions, put together from parts, so that a small model cannot know every task by heart."""

from __future__ import annotations

import random
from functools import cache
from importlib.resources import files
from typing import Any

from prefill_assets.sources.problem import Problem

OPENINGS = ("Write", "Define", "Implement", "Write a function")
JOINTS = (", which {task}.", " that {task}.", ". It {task}.", ": a function that {task}.")


def recombine_task(name: str, dice: random.Random) -> Problem:
    """A made-up task under `name`. It has no tests, and no verifier until it borrows one: it is for reading, not for judging."""
    family = dice.choice(load_families())
    argument, whole = dice.choice(family["argument"]), dice.choice(family["whole"])
    selection, change, summary = (dice.choice(family[part]) for part in ("selections", "changes", "summaries"))
    task = f"{dice.choice(summary['text'])} {change['text']} {selection['text']} {whole}"
    condition = f" if {selection['code']}" if selection["code"] else ""
    chosen = f"{change['code']} for {{x}} in {argument}{condition}".format(x="x")
    body = summary["code"].format(chosen=chosen)
    return Problem(
        id="recombined",
        description=f"{dice.choice(OPENINGS)} `{name}({argument})`{dice.choice(JOINTS).format(task=task)}",
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
