"""`prefill check-problems`: whether problems do what they claim, before an experiment relies on them."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def answer_check_problems(arguments: argparse.Namespace) -> int:
    """Exit code 2 where a problem is refused, else 1 where the verifier could not judge one."""
    from prefill_assets.sources.problem_pack import locate_problems
    from prefill_assets.verification.embedded import EmbeddedVerifier
    from prefill_assets.verification.problem_check import check_problems

    counts = {"sound": 0, "refused": 0, "not judged": 0}
    for check in check_problems(list(locate_problems(arguments.source, Path.cwd())), EmbeddedVerifier()):
        for fault in check.faults:
            print(f"error: {fault}", file=sys.stderr)
        if check.error:
            print(f"not judged: {check.error}", file=sys.stderr)
        counts["refused" if check.faults else "not judged" if check.error else "sound"] += 1
    print(", ".join(f"{count} {what}" for what, count in counts.items()))
    return 2 if counts["refused"] else 1 if counts["not judged"] else 0
