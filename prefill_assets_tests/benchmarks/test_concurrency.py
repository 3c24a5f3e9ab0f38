from benchmarks.concurrency import try_at_once
from benchmarks.synthetic_run import RunSize


def test_runs_that_write_at_once_fail_neither_each_other_nor_who_reads(tmp_path, forks):
    def start(role, environment, *arguments):
        return forks.call(f"benchmarks.concurrency:{role}", environment, *map(str, arguments))

    size = RunSize(problems=2, checkpoints=3, levels=2, attempts=1)
    outcome = try_at_once(tmp_path, size, num_runs=3, num_readers=2, start=start)

    assert outcome.failures == ()
    assert outcome.num_partitions == 3 * 2 + 3 * 1, "verdicts of every cell, and logprobs of those with a prefill"
    assert outcome.num_reads > 2
