-- The original rule: the sentinel may match a level, level 0 matches only a row of its own, unknown is "not at threshold",
-- steps count to the first crossing and are 0 for ever after, and one distinct sum makes every accessibility of its problem
-- 0.5. The original read its own CSV with pandas, which takes some texts for missing values: those keys match nothing.
WITH states AS (
    SELECT
        *,
        coalesce(min_prefill, $max_prefill + 1) AS sentinel_min_prefill,
        list_contains($texts_read_as_missing::VARCHAR[], task_id)
        OR list_contains($texts_read_as_missing::VARCHAR[], exploit_type) AS key_is_lost
    FROM trajectory_analysis
    WHERE experiment = $experiment
),
wanted_levels AS (
    SELECT checkpoint, task_id, exploit_type, unnest([sentinel_min_prefill, $fixed_prefill_level::INTEGER]) AS prefill_level
    FROM states
),
original_logprobs AS (  -- import makes a sum of -Infinity or NaN unknown and keeps the number in extra: the original summed it
    SELECT * REPLACE (
        coalesce(prefill_logprob_sum, TRY_CAST(extra ->> '$.prefill_logprob_sum' AS DOUBLE)) AS prefill_logprob_sum,
        coalesce(prefill_logprob_mean, TRY_CAST(extra ->> '$.prefill_logprob_mean' AS DOUBLE)) AS prefill_logprob_mean,
        CASE WHEN NOT starts_with(error, 'unscorable: ') THEN error END AS error
    )
    FROM prefill_logprobs
    WHERE experiment = $experiment
),
level_sums AS (
    SELECT
        checkpoint,
        task_id,
        exploit_type,
        prefill_level,
        avg(prefill_logprob_sum ORDER BY attempt_idx) FILTER (WHERE NOT isnan(prefill_logprob_sum)) AS mean_sum,
        avg(prefill_logprob_mean ORDER BY attempt_idx) FILTER (WHERE NOT isnan(prefill_logprob_mean)) AS mean_mean,
        CASE WHEN NOT isnan(mean_sum) THEN mean_sum END AS logprob_sum,
        CASE WHEN NOT isnan(mean_mean) THEN mean_mean END AS logprob_mean
    FROM original_logprobs
    SEMI JOIN wanted_levels USING (checkpoint, task_id, exploit_type, prefill_level)
    WHERE error IS NULL
    GROUP BY checkpoint, task_id, exploit_type, prefill_level
),
matched AS (
    SELECT
        states.*,
        shortest.logprob_sum AS min_prefill_logprob_sum,
        shortest.logprob_mean AS min_prefill_logprob_mean,
        fixed.logprob_sum AS fixed_level_logprob_sum,
        coalesce(shortest.logprob_sum >= $logprob_threshold, false) AS at_logprob_threshold
    FROM states
    LEFT JOIN level_sums AS shortest
        ON states.task_id = shortest.task_id
        AND states.exploit_type = shortest.exploit_type
        AND states.checkpoint = shortest.checkpoint
        AND states.sentinel_min_prefill = shortest.prefill_level
        AND list_contains($prefill_levels::INTEGER[], shortest.prefill_level)
        AND NOT states.key_is_lost
    LEFT JOIN level_sums AS fixed
        ON states.task_id = fixed.task_id
        AND states.exploit_type = fixed.exploit_type
        AND states.checkpoint = fixed.checkpoint
        AND fixed.prefill_level = $fixed_prefill_level
),
crossings AS (
    SELECT
        *,
        min(checkpoint) FILTER (WHERE at_logprob_threshold) OVER problem AS first_logprob_checkpoint,
        min(min_prefill_logprob_sum) OVER problem AS own_lowest_sum,
        max(min_prefill_logprob_sum) OVER problem AS own_highest_sum,
        CASE
            WHEN own_highest_sum = own_lowest_sum THEN 0.5
            WHEN isfinite(own_highest_sum - own_lowest_sum)
                THEN (min_prefill_logprob_sum - own_lowest_sum) / (own_highest_sum - own_lowest_sum)
            WHEN isfinite(min_prefill_logprob_sum) AND isfinite(own_lowest_sum) THEN 0.0
        END AS accessibility_logprob
    FROM matched
    WINDOW problem AS (PARTITION BY task_id, exploit_type)
)
SELECT
    experiment,
    checkpoint,
    task_id,
    exploit_type,
    exploitable,
    min_prefill,
    accessibility,
    steps_to_threshold,
    ever_reaches_threshold,
    at_threshold,
    min_prefill_logprob_sum,
    min_prefill_logprob_mean,
    accessibility_logprob::DOUBLE AS accessibility_logprob,
    at_logprob_threshold,
    greatest(first_logprob_checkpoint - checkpoint, CASE WHEN first_logprob_checkpoint IS NOT NULL THEN 0 END)::INTEGER
        AS steps_to_logprob_threshold,
    $fixed_prefill_level::INTEGER AS fixed_prefill_level,
    fixed_level_logprob_sum,
    $logprob_threshold::DOUBLE AS logprob_threshold
FROM crossings
ORDER BY task_id, exploit_type, checkpoint
