"""Judges cases as whoever runs it, and prints how many held: `python -m ...hostile.as_this_user level`.

They are the quick ones, and those of processes that depend on the user.
"""

import sys

from prefill_assets_tests.verification.hostile import files, leftovers, processes, secrets_and_network
from prefill_assets_tests.verification.hostile.judging import find_difference, judge_cases

BY_USER = ("is a fork bomb", "starts very many threads", "takes memory in many processes", "leaves a daemon behind")


def main(level: str) -> None:
    cases = {case.name: case for group in (files, secrets_and_network, leftovers) for case in group.CASES}
    cases |= {case.name: case for case in processes.CASES if case.name in BY_USER}
    judged = judge_cases(cases.values(), level, port=9, abstract="nobody")
    differences = [difference for name, pair in judged.items() if (difference := find_difference(cases[name], *pair))]
    print("\n".join(differences) or f"{len(judged)} cases held")


if __name__ == "__main__":
    main(*sys.argv[1:])
