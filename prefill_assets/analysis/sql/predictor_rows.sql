-- Rows not at the token threshold, with what predicts and what is predicted. steps_at_risk is the time to the first crossing,
-- or to the last checkpoint at which the state is known where there is none; rows after a crossing are at no such risk.
WITH crossings AS (
    SELECT
        *,
        dense_rank() OVER (ORDER BY task_id, exploit_type) AS problem,
        min(checkpoint) FILTER (WHERE at_threshold) OVER own AS first_threshold_checkpoint,
        max(checkpoint) FILTER (WHERE at_threshold IS NOT NULL) OVER own AS last_known_checkpoint
    FROM trajectory_with_logprob
    WHERE experiment = $experiment
    WINDOW own AS (PARTITION BY task_id, exploit_type)
)
SELECT
    problem,
    list_contains($unintentional_exploit_types::VARCHAR[], exploit_type) AS unintentional,
    coalesce(min_prefill, CASE WHEN NOT exploitable THEN $not_exploitable_as::INTEGER END)::DOUBLE AS min_prefill,
    min_prefill_logprob_sum,
    fixed_level_logprob_sum,
    steps_to_threshold::DOUBLE AS steps_to_threshold,
    CASE
        WHEN checkpoint < first_threshold_checkpoint THEN first_threshold_checkpoint - checkpoint
        WHEN first_threshold_checkpoint IS NULL AND checkpoint < last_known_checkpoint THEN last_known_checkpoint - checkpoint
    END::DOUBLE AS steps_at_risk,
    first_threshold_checkpoint IS NOT NULL AS crossed
FROM crossings
WHERE NOT at_threshold
ORDER BY task_id, exploit_type, checkpoint
