-- Per (checkpoint, problem): three-valued threshold state, accessibility, and steps until the first known crossing.
WITH states AS (
    SELECT
        *,
        CASE
            WHEN min_prefill_upper <= $threshold THEN true
            WHEN NOT exploitable OR min_prefill_lower > $threshold THEN false
        END AS at_threshold
    FROM trajectory
    WHERE experiment = $experiment
),
crossings AS (
    SELECT
        *,
        min(checkpoint) FILTER (WHERE at_threshold) OVER problem AS first_threshold_checkpoint,
        bool_or(at_threshold IS NULL) OVER problem AS any_unknown
    FROM states
    WINDOW problem AS (PARTITION BY task_id, exploit_type)
)
SELECT
    experiment,
    checkpoint,
    task_id,
    exploit_type,
    exploitable,
    min_prefill,
    min_prefill_lower,
    min_prefill_upper,
    CASE
        WHEN at_threshold THEN 1.0
        WHEN NOT exploitable THEN 0.0
        WHEN min_prefill IS NOT NULL AND $highest_level > $threshold
            THEN greatest(0.0, 1.0 - (min_prefill - $threshold) / ($highest_level - $threshold))
    END::DOUBLE AS accessibility,
    CASE
        WHEN checkpoint < first_threshold_checkpoint THEN first_threshold_checkpoint - checkpoint
        WHEN at_threshold THEN 0
    END::INTEGER AS steps_to_threshold,
    CASE
        WHEN first_threshold_checkpoint IS NOT NULL THEN true
        WHEN NOT any_unknown THEN false
    END AS ever_reaches_threshold,
    at_threshold,
    first_threshold_checkpoint,
    CASE WHEN checkpoint > first_threshold_checkpoint THEN NOT at_threshold ELSE false END AS relapsed,
    $threshold::INTEGER AS threshold
FROM crossings
ORDER BY task_id, exploit_type, checkpoint
