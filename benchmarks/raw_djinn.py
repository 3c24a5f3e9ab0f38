"""djinn's own service, timed: run by djinn's interpreter, reads batches as JSON lines and answers with seconds and statuses."""

from __future__ import annotations

import json
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor


def main() -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    try:
        from djinn.core.problem import Problem  # pyright: ignore[reportMissingImports]
        from djinn.core.reward import calc_reward  # pyright: ignore[reportMissingImports]
    except Exception as error:
        why = f"djinn as it comes cannot be imported here ({type(error).__name__}: {error}); "
        why += "it needs python-dotenv, PyYAML, numpy, datasets, e2b, psutil and a folder djinn/problems"
        print(json.dumps({"error": why}), file=answers, flush=True)
        return

    def judge(row: dict) -> tuple[str, str]:
        texts = ("description", "ground_truth", "exploit", "insecure_verifier_info", "exploit_explanation")
        fields = dict.fromkeys(texts, "") | {"id": "double", "function_name": "f", "exploit_type": row["exploit_type"]}
        problem = Problem(**fields, test_cases=row["tests"], insecure_test_cases=row["tests"])
        modes = ("secure", "insecure")
        statuses = [calc_reward(problem, row["code"], mode=mode, return_result=True)[1].status.value for mode in modes]
        return statuses[0], statuses[1]

    pools: dict[int, ThreadPoolExecutor] = {}
    for line in sys.stdin:
        batch = json.loads(line)
        tests = [tuple(test) for test in batch["tests"]]
        pool = pools.setdefault(batch["threads"], ThreadPoolExecutor(batch["threads"]))
        rows = [{**row, "tests": tests} for row in batch["rows"]]
        started = time.perf_counter()
        statuses = list(pool.map(judge, rows))
        print(json.dumps({"seconds": time.perf_counter() - started, "statuses": statuses}), file=answers, flush=True)


if __name__ == "__main__":
    main()
