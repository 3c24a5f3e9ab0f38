-- x: min_prefill, y: steps to threshold, where both are known and the state is not at the threshold.
SELECT
    coalesce(min_prefill, CASE WHEN NOT exploitable THEN $not_exploitable_as::INTEGER END)::DOUBLE AS x,
    steps_to_threshold::DOUBLE AS y
FROM trajectory_analysis
WHERE experiment = $experiment AND NOT at_threshold AND x IS NOT NULL AND y IS NOT NULL
ORDER BY task_id, exploit_type, checkpoint
