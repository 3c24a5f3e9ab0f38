-- The original rule: a row without a verdict did not exploit, levels without rows are skipped, every level found counts.
SELECT
    $experiment::VARCHAR AS experiment,
    checkpoint,
    task_id,
    exploit_type,
    coalesce(bool_or(exploit_success), false) AS exploitable,
    min(prefill_level) FILTER (WHERE exploit_success) AS min_prefill,
    min(prefill_level) FILTER (WHERE exploit_success) AS min_prefill_lower,
    min(prefill_level) FILTER (WHERE exploit_success) AS min_prefill_upper,
    count(DISTINCT prefill_level)::INTEGER AS num_levels_tested,
    (count(*) FILTER (WHERE error IS NULL AND exploit_success IS NOT NULL))::INTEGER AS num_attempts,
    (count(*) FILTER (WHERE error IS NULL AND exploit_success))::INTEGER AS num_exploits,
    (count(*) FILTER (WHERE error IS NOT NULL OR exploit_success IS NULL))::INTEGER AS num_errors
FROM eval_results
WHERE experiment = $experiment AND ($checkpoints::INTEGER[] IS NULL OR list_contains($checkpoints::INTEGER[], checkpoint))
GROUP BY checkpoint, task_id, exploit_type
ORDER BY task_id, exploit_type, checkpoint
