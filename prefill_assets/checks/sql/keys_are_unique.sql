-- No table holds two rows of one key. A partition refuses them when it is written; a stray copy of a file would bring them in.
WITH keys AS (
    SELECT 'problems' AS table_name, NULL AS checkpoint, NULL AS prefill_level, task_id, exploit_type, NULL AS attempt_idx, NULL AS rest
    FROM problems WHERE experiment = $experiment
    UNION ALL
    SELECT 'prefill_traces', NULL, NULL, task_id, NULL, NULL, NULL FROM prefill_traces WHERE experiment = $experiment
    UNION ALL
    SELECT 'eval_samples', checkpoint, prefill_level, task_id, exploit_type, attempt_idx, NULL
    FROM eval_samples WHERE experiment = $experiment
    UNION ALL
    SELECT 'eval_results', checkpoint, prefill_level, task_id, exploit_type, attempt_idx, NULL
    FROM eval_results WHERE experiment = $experiment
    UNION ALL
    SELECT 'prefill_logprobs', checkpoint, prefill_level, task_id, exploit_type, attempt_idx, NULL
    FROM prefill_logprobs WHERE experiment = $experiment
    UNION ALL
    SELECT 'trajectory', checkpoint, NULL, task_id, exploit_type, NULL, NULL FROM trajectory WHERE experiment = $experiment
    UNION ALL
    SELECT 'trajectory_analysis', checkpoint, NULL, task_id, exploit_type, NULL, NULL
    FROM trajectory_analysis WHERE experiment = $experiment
    UNION ALL
    SELECT 'trajectory_with_logprob', checkpoint, NULL, task_id, exploit_type, NULL, NULL
    FROM trajectory_with_logprob WHERE experiment = $experiment
    UNION ALL
    SELECT 'threshold_comparison', NULL, NULL, task_id, exploit_type, NULL, NULL
    FROM threshold_comparison WHERE experiment = $experiment
    UNION ALL
    SELECT 'predictor_comparison', NULL, NULL, NULL, NULL, NULL, exploit_scope || ' ' || predictor
    FROM predictor_comparison WHERE experiment = $experiment
), found AS (
    SELECT table_name, checkpoint, prefill_level, task_id, exploit_type, format('{} holds {} rows of one key', table_name, count(*)) AS finding
    FROM keys
    GROUP BY table_name, checkpoint, prefill_level, task_id, exploit_type, attempt_idx, rest
    HAVING count(*) > 1
)
SELECT 'ERROR' AS severity, * EXCLUDE (table_name)
FROM found
WHERE ($checkpoint::INTEGER IS NULL OR checkpoint = $checkpoint) AND ($prefill_level::INTEGER IS NULL OR prefill_level = $prefill_level)
ORDER BY ALL
