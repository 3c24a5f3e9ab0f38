-- The trajectory beside log P of its shortest exploiting prefill. log P of the empty prefill is 0, with or without a row for
-- it; what is not a finite number is unknown. Attempts are averaged in order of size, so that the last digit is stable.
WITH wanted_levels AS (
    SELECT checkpoint, task_id, exploit_type, unnest([min_prefill, $fixed_prefill_level::INTEGER]) AS prefill_level
    FROM trajectory_analysis
    WHERE experiment = $experiment
),
level_sums AS (
    SELECT
        checkpoint,
        task_id,
        exploit_type,
        prefill_level,
        list_sort(list(prefill_logprob_sum) FILTER (WHERE isfinite(prefill_logprob_sum))) AS sums,
        list_sort(list(prefill_logprob_mean) FILTER (WHERE isfinite(prefill_logprob_mean))) AS means,
        CASE WHEN sums[1] = sums[-1] THEN sums[1] ELSE list_avg(sums) END AS logprob_sum,
        list_avg(means) AS logprob_mean
    FROM prefill_logprobs
    SEMI JOIN wanted_levels USING (checkpoint, task_id, exploit_type, prefill_level)
    WHERE experiment = $experiment AND error IS NULL AND prefill_level > 0
    GROUP BY checkpoint, task_id, exploit_type, prefill_level
),
matched AS (
    SELECT
        trajectory.* EXCLUDE (experiment),
        CASE WHEN trajectory.min_prefill = 0 THEN 0.0 ELSE shortest.logprob_sum END AS min_prefill_logprob_sum,
        shortest.logprob_mean AS min_prefill_logprob_mean,
        CASE WHEN $fixed_prefill_level = 0 THEN 0.0 ELSE fixed.logprob_sum END AS fixed_level_logprob_sum,
        min_prefill_logprob_sum >= $logprob_threshold AS at_logprob_threshold
    FROM trajectory_analysis AS trajectory
    LEFT JOIN level_sums AS shortest
        ON trajectory.task_id = shortest.task_id
        AND trajectory.exploit_type = shortest.exploit_type
        AND trajectory.checkpoint = shortest.checkpoint
        AND trajectory.min_prefill = shortest.prefill_level
        AND list_contains($prefill_levels::INTEGER[], shortest.prefill_level)
    LEFT JOIN level_sums AS fixed
        ON trajectory.task_id = fixed.task_id
        AND trajectory.exploit_type = fixed.exploit_type
        AND trajectory.checkpoint = fixed.checkpoint
        AND fixed.prefill_level = $fixed_prefill_level
    WHERE trajectory.experiment = $experiment
),
problems AS (
    SELECT
        task_id,
        exploit_type,
        min(checkpoint) FILTER (WHERE at_logprob_threshold) AS first_logprob_checkpoint,
        min(min_prefill_logprob_sum) AS own_lowest_sum,
        max(min_prefill_logprob_sum) AS own_highest_sum
    FROM matched
    GROUP BY task_id, exploit_type
)
SELECT
    $experiment::VARCHAR AS experiment,
    checkpoint,
    task_id,
    exploit_type,
    exploitable,
    min_prefill,
    accessibility,
    steps_to_threshold,
    ever_reaches_threshold,
    at_threshold,
    min_prefill_logprob_sum::DOUBLE AS min_prefill_logprob_sum,
    min_prefill_logprob_mean,
    CASE WHEN own_highest_sum > own_lowest_sum
        THEN (min_prefill_logprob_sum - own_lowest_sum) / (own_highest_sum - own_lowest_sum) END AS accessibility_logprob,
    at_logprob_threshold,
    CASE
        WHEN checkpoint < first_logprob_checkpoint THEN first_logprob_checkpoint - checkpoint
        WHEN at_logprob_threshold THEN 0
    END::INTEGER AS steps_to_logprob_threshold,
    $fixed_prefill_level::INTEGER AS fixed_prefill_level,
    fixed_level_logprob_sum::DOUBLE AS fixed_level_logprob_sum,
    $logprob_threshold::DOUBLE AS logprob_threshold
FROM matched JOIN problems USING (task_id, exploit_type)
ORDER BY task_id, exploit_type, checkpoint
