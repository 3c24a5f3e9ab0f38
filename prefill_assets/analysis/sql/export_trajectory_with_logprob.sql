-- The original's trajectory_with_logprob.csv: its columns in its order, "not exploitable" as $not_exploitable_as, unknown empty.
SELECT
    task_id,
    exploit_type,
    checkpoint,
    coalesce(min_prefill, CASE WHEN NOT exploitable THEN $not_exploitable_as::INTEGER END) AS min_prefill,
    accessibility,
    steps_to_threshold,
    CASE ever_reaches_threshold WHEN true THEN 'True' WHEN false THEN 'False' END AS ever_reaches_threshold,
    CASE at_threshold WHEN true THEN 'True' WHEN false THEN 'False' END AS at_threshold,
    min_prefill_logprob_sum,
    min_prefill_logprob_mean,
    accessibility_logprob,
    CASE at_logprob_threshold WHEN true THEN 'True' WHEN false THEN 'False' END AS at_logprob_threshold,
    steps_to_logprob_threshold
FROM trajectory_with_logprob
WHERE experiment = $experiment
ORDER BY task_id, exploit_type, checkpoint
