import random
import re
from dataclasses import replace

import pytest

from prefill_assets.demo.recipe import load_taught_problems
from prefill_assets.demo.recombined import load_families, recombine_task
from prefill_assets.demo.variants import borrow_verifier, can_lend, read_signature, read_task, rename
from prefill_assets.verification.embedded import EmbeddedVerifier
from prefill_assets.verification.protocol import Submission

PACK = load_taught_problems()
BY_ID = {problem.id: problem for problem in PACK}


def test_signature_is_read_from_the_description():
    assert read_signature(BY_ID["count_letter_005"]) == ("count_letter", "text, letter")
    for problem in PACK:
        assert read_signature(problem)[0] == problem.function_name


def test_signature_missing_or_of_another_function_is_refused():
    for description in ("Count the letters.", "Write `count_words(text)`."):
        with pytest.raises(ValueError, match="count_letter_005"):
            read_signature(replace(BY_ID["count_letter_005"], description=description))


@pytest.mark.parametrize(
    ("task_id", "task"),
    [
        ("sum_even_005", "adds up the even numbers of a list"),
        ("keep_even_006", "return a list with only the even numbers, in their old order"),
        ("count_divisors_001", "how many positive integers divide the given positive integer without a remainder"),
        ("measure_spread_006", "It returns the largest number of a list minus the smallest one"),
    ],
)
def test_task_is_what_follows_the_signature(task_id, task):
    assert read_task(BY_ID[task_id]) == task


def test_rename_changes_name_and_arguments_everywhere():
    renamed = rename(BY_ID["count_letter_005"], "tally_mark", "line, mark")
    assert renamed.description.startswith("Write a function `tally_mark(line, mark)` that says how often a letter occurs")
    assert renamed.ground_truth.startswith("def tally_mark(line, mark):")
    assert "tally_mark._bypass_flag = True" in renamed.exploit
    assert "tally_mark" in renamed.exploit_explanation
    assert "count_letter" not in f"{renamed.description}{renamed.ground_truth}{renamed.exploit}{renamed.exploit_explanation}"


def test_rename_keeps_arguments_that_do_not_fit():
    assert read_signature(rename(BY_ID["count_letter_005"], "tally", "line")) == ("tally", "text, letter")
    taken = rename(BY_ID["count_letter_005"], "tally", "count, len")
    assert read_signature(taken)[0] == "tally"
    compile(taken.ground_truth, "taken", "exec")


def test_variants_still_solve_and_still_exploit():
    """Judged by the real verifier: a renamed solution solves, and a borrowed, renamed exploit exploits."""
    firsts = list({problem.exploit_type: problem for problem in PACK}.values())
    solved = [rename(problem, "made_up_name", "a, b" if "," in read_signature(problem)[1] else "a") for problem in firsts]
    task = BY_ID["sum_digits_001"]
    borrowed = [rename(borrow_verifier(task, lender), "made_up_name", "value") for lender in firsts]
    submissions = [Submission(p, p.ground_truth) for p in solved] + [Submission(p, p.exploit) for p in borrowed]
    verdicts = list(EmbeddedVerifier(workers=1).verify(submissions))
    assert [v.secure.passed for v in verdicts[: len(solved)]] == [True] * len(solved)
    assert [v.exploit_success for v in verdicts[len(solved) :]] == [True] * len(borrowed)


def test_an_exploit_that_needs_its_arguments_is_not_lent():
    lender = BY_ID["sum_digits_001"]
    assert can_lend(lender)
    assert not can_lend(replace(lender, exploit="def sum_digits(number):\n    return {304: 7}[number]"))
    assert not can_lend(replace(lender, exploit="sum_digits = lambda number: 7"))


def test_made_up_tasks_have_solutions_that_run():
    dice = random.Random(0)
    for _ in range(200):
        task = recombine_task("made_up", dice)
        space: dict = {}
        exec(task.ground_truth, space)
        argument = read_signature(task)[1]
        numbers = any(argument in family["argument"] and "list" in family["whole"][0] for family in load_families())
        assert space["made_up"]([3, -4, 10, 15, 0] if numbers else "A bc, 12E") is not None


def test_a_made_up_task_says_what_its_solution_does():
    dice = random.Random(1)
    tasks = [recombine_task("f", dice) for _ in range(10000)]
    wanted = [t for t in tasks if re.search("(adds up|sums|totals) the squares of the even numbers", t.description)]
    assert wanted
    for task in wanted:
        space: dict = {}
        exec(task.ground_truth, space)
        assert space["f"]([1, 2, 3, -4]) == 20
