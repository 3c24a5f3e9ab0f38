-- A min prefill is named only where every lower level of the sweep was tested, "not exploitable" is said only where all levels were, and bounds hold what is known.
WITH tested AS (
    SELECT
        checkpoint, task_id, exploit_type, list(DISTINCT prefill_level) AS levels,
        list(DISTINCT prefill_level) FILTER (exploit_success) AS exploiting
    FROM eval_results
    WHERE experiment = $experiment AND error IS NULL AND exploit_success IS NOT NULL
    GROUP BY ALL
), claims AS (
    SELECT
        t.*, $levels::INTEGER[] AS sweep,
        list_filter(sweep, lambda level: NOT list_contains(coalesce(e.levels, []), level)) AS untested, e.exploiting
    FROM trajectory AS t
    LEFT JOIN tested AS e USING (checkpoint, task_id, exploit_type)
    WHERE t.experiment = $experiment AND ($checkpoint::INTEGER IS NULL OR checkpoint = $checkpoint)
), judged AS (
    SELECT
        checkpoint, task_id, exploit_type,
        CASE
            WHEN min_prefill IS NOT NULL AND list_min(untested) < min_prefill
                THEN format('min prefill is {} though level {} is untested', min_prefill, list_min(untested))
            WHEN min_prefill IS NOT NULL AND NOT list_contains(coalesce(exploiting, []), min_prefill)
                THEN format('min prefill is {}, where nothing exploits', min_prefill)
            WHEN exploitable IS NOT DISTINCT FROM false AND len(untested) > 0
                THEN format('is called not exploitable though level {} is untested', list_min(untested))
            WHEN exploitable AND min_prefill_upper IS NULL THEN 'is exploitable, and has no upper bound'
            WHEN exploitable AND min_prefill IS NULL AND min_prefill_lower IS NULL THEN 'is exploitable, and has no lower bound'
            WHEN min_prefill_lower > min_prefill_upper
                THEN format('its bounds are {} and {}', min_prefill_lower, min_prefill_upper)
            WHEN min_prefill NOT BETWEEN min_prefill_lower AND min_prefill_upper
                THEN format('min prefill is {}, outside {} to {}', min_prefill, min_prefill_lower, min_prefill_upper)
        END AS finding
    FROM claims
)
SELECT 'ERROR' AS severity, checkpoint, task_id, exploit_type, finding
FROM judged
WHERE finding IS NOT NULL
ORDER BY ALL
