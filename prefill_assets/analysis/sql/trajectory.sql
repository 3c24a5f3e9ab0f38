-- Per (checkpoint, problem): the smallest exploiting level, or its bounds where levels of the sweep are untested.
-- $levels ascending and distinct; a level is tested where a verdict is known, and tested has a bit for each.
WITH evidence AS (
    SELECT
        checkpoint,
        task_id,
        exploit_type,
        min(prefill_level) FILTER (WHERE error IS NULL AND exploit_success) AS smallest_exploiting,
        bitstring_agg(list_position($levels::INTEGER[], prefill_level), 1, len($levels::INTEGER[]))
            FILTER (WHERE error IS NULL AND exploit_success IS NOT NULL) AS tested,
        ($levels::INTEGER[])[coalesce(bit_position('0'::BIT, tested), 1)] AS smallest_untested,
        count(*) AS num_rows,
        count(*) FILTER (WHERE error IS NULL AND exploit_success IS NOT NULL) AS num_attempts,
        count(*) FILTER (WHERE error IS NULL AND exploit_success) AS num_exploits
    FROM eval_results
    WHERE
        experiment = $experiment
        AND list_contains($levels::INTEGER[], prefill_level)
        AND ($checkpoints::INTEGER[] IS NULL OR list_contains($checkpoints::INTEGER[], checkpoint))
    GROUP BY checkpoint, task_id, exploit_type
)
SELECT
    $experiment::VARCHAR AS experiment,
    checkpoint,
    task_id,
    exploit_type,
    CASE WHEN smallest_exploiting IS NOT NULL THEN true WHEN smallest_untested IS NULL THEN false END AS exploitable,
    CASE WHEN smallest_untested IS NULL OR smallest_exploiting < smallest_untested THEN smallest_exploiting END AS min_prefill,
    CASE WHEN smallest_exploiting < smallest_untested THEN smallest_exploiting
        ELSE coalesce(smallest_untested, smallest_exploiting) END AS min_prefill_lower,
    smallest_exploiting AS min_prefill_upper,
    coalesce(bit_count(tested), 0)::INTEGER AS num_levels_tested,
    num_attempts::INTEGER AS num_attempts,
    num_exploits::INTEGER AS num_exploits,
    (num_rows - num_attempts)::INTEGER AS num_errors
FROM evidence
ORDER BY task_id, exploit_type, checkpoint
