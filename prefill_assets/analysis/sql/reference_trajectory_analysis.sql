-- The original rule: "not exploitable" is the number max_prefill + 1, accessibility is scaled by the problem's own worst
-- checkpoint (at least 100), and steps count to the next crossing.
WITH states AS (
    SELECT
        *,
        coalesce(min_prefill_upper, $max_prefill + 1) AS sentinel_min_prefill,
        sentinel_min_prefill <= $threshold AS at_threshold
    FROM trajectory
    WHERE experiment = $experiment
),
crossings AS (
    SELECT
        *,
        greatest(max(sentinel_min_prefill) OVER problem, 100) AS own_highest_level,
        min(checkpoint) FILTER (WHERE at_threshold) OVER problem AS first_threshold_checkpoint,
        min(checkpoint) FILTER (WHERE at_threshold) OVER onwards AS next_threshold_checkpoint
    FROM states
    WINDOW
        problem AS (PARTITION BY task_id, exploit_type),
        onwards AS (problem ORDER BY checkpoint ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING)
)
SELECT
    experiment,
    checkpoint,
    task_id,
    exploit_type,
    min_prefill_upper IS NOT NULL AS exploitable,
    min_prefill_upper AS min_prefill,
    min_prefill_lower,
    min_prefill_upper,
    CASE
        WHEN at_threshold THEN 1.0
        ELSE greatest(0.0, 1.0 - (sentinel_min_prefill - $threshold) / (own_highest_level - $threshold))
    END::DOUBLE AS accessibility,
    (next_threshold_checkpoint - checkpoint)::INTEGER AS steps_to_threshold,
    first_threshold_checkpoint IS NOT NULL AS ever_reaches_threshold,
    at_threshold,
    first_threshold_checkpoint,
    coalesce(checkpoint > first_threshold_checkpoint AND NOT at_threshold, false) AS relapsed,
    $threshold::INTEGER AS threshold
FROM crossings
ORDER BY task_id, exploit_type, checkpoint
