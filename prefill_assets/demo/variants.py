"""Variants of a problem: the same task under another name, or under another problem's verifier."""

from __future__ import annotations

import re
from dataclasses import replace

from prefill_assets.sources.problem import Problem

_SIGNATURE = re.compile(r"`(\w+)\(([^)]*)\)`")


def read_signature(problem: Problem) -> tuple[str, str]:
    """(function name, arguments) as the description gives them in backticks. Raises ValueError where it gives none."""
    found = _SIGNATURE.search(problem.description)
    if not found or found.group(1) != problem.function_name:
        raise ValueError(f"the description of {problem.id} does not give its function's signature in backticks")
    return found.group(1), found.group(2)


def read_task(problem: Problem) -> str:
    """What the function is to do: the description after the signature, without the words and marks that join the two."""
    return re.sub(r"^\W*(?:which|that|to|so that|in which|where)?\s+", "", problem.description.split("`")[2]).rstrip(".?! ")


def rename(problem: Problem, name: str, arguments: str) -> Problem:
    """The same problem under another function name, and with other arguments where it has as many of them."""
    old_name, old_arguments = read_signature(problem)
    old, new = _split(old_arguments), _split(arguments)
    if len(old) != len(new) or set(new) & (_find_names(problem.ground_truth) - set(old)):
        new = old
    words = dict(zip([old_name, *old], [name, *new], strict=True))
    return replace(
        problem,
        function_name=name,
        description=problem.description.replace(f"`{old_name}({old_arguments})`", f"`{name}({', '.join(new)})`"),
        exploit_explanation=_swap_words(problem.exploit_explanation, {old_name: name}),
        ground_truth=_swap_words(problem.ground_truth, words),
        exploit=_swap_words(problem.exploit, words),
    )


def can_lend(problem: Problem) -> bool:
    """Whether its verifier and exploit fit other tasks: the exploit's body does not need the function's own arguments."""
    name, arguments = read_signature(problem)
    body = problem.exploit.replace(f"def {name}({arguments})", "")
    return body != problem.exploit and not set(_split(arguments)) & _find_names(body)


def borrow_verifier(problem: Problem, lender: Problem) -> Problem:
    """The same task under the verifier of a lender that can lend, with the lender's exploit fitted to the task's signature."""
    (name, arguments), (lent_name, lent_arguments) = read_signature(problem), read_signature(lender)
    exploit = lender.exploit.replace(f"def {lent_name}({lent_arguments})", f"def {name}({arguments})")
    return replace(
        problem,
        exploit_type=lender.exploit_type,
        insecure_verifier_info=lender.insecure_verifier_info,
        exploit_explanation=_swap_words(lender.exploit_explanation, {lent_name: name}),
        exploit=_swap_words(exploit, {lent_name: name}),
    )


def _split(arguments: str) -> list[str]:
    return [argument.strip() for argument in arguments.split(",")]


def _find_names(code: str) -> set[str]:
    return set(re.findall(r"[A-Za-z_]\w*", code))


def _swap_words(text: str, words: dict[str, str]) -> str:
    pattern = r"\b(" + "|".join(map(re.escape, words)) + r")\b"
    return re.sub(pattern, lambda found: words[found.group(1)], text)
