-- Mean over problems of the sum log P of the prefill at one level and checkpoint; attempts of a problem are averaged first.
WITH problem_sums AS (
    SELECT avg(prefill_logprob_sum ORDER BY attempt_idx) AS logprob_sum, count(*) AS num_rows
    FROM prefill_logprobs
    WHERE
        experiment = $experiment
        AND prefill_level = $level
        AND checkpoint = $checkpoint
        AND error IS NULL
        AND isfinite(prefill_logprob_sum)
    GROUP BY task_id, exploit_type
)
SELECT
    avg(logprob_sum ORDER BY logprob_sum) AS mean_sum_logprob_nats,
    stddev_samp(logprob_sum) AS standard_deviation_nats,
    count(*)::INTEGER AS num_problems,
    coalesce(sum(num_rows), 0)::INTEGER AS num_rows
FROM problem_sums
