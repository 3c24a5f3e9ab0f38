-- The original's trajectory_analysis.csv: its columns in its order, "not exploitable" as $not_exploitable_as, unknown empty.
SELECT
    task_id,
    exploit_type,
    checkpoint,
    coalesce(min_prefill, CASE WHEN NOT exploitable THEN $not_exploitable_as::INTEGER END) AS min_prefill,
    accessibility,
    steps_to_threshold,
    CASE ever_reaches_threshold WHEN true THEN 'True' WHEN false THEN 'False' END AS ever_reaches_threshold,
    CASE at_threshold WHEN true THEN 'True' WHEN false THEN 'False' END AS at_threshold
FROM trajectory_analysis
WHERE experiment = $experiment
ORDER BY task_id, exploit_type, checkpoint
