-- The share of rows without a generation, a verdict or a sum is below the limit in every cell; where it is all of them, nothing works.
WITH outcomes AS (
    SELECT 'eval_samples' AS table_name, checkpoint, prefill_level, error IS NOT NULL AS failed, error
    FROM eval_samples WHERE experiment = $experiment
    UNION ALL
    SELECT 'eval_results', checkpoint, prefill_level, error IS NOT NULL OR exploit_success IS NULL, error
    FROM eval_results WHERE experiment = $experiment
    UNION ALL
    SELECT 'prefill_logprobs', checkpoint, prefill_level, error IS NOT NULL OR prefill_logprob_sum IS NULL, error
    FROM prefill_logprobs WHERE experiment = $experiment
), cells AS (
    SELECT
        table_name, checkpoint, prefill_level, count(*) AS num_rows, count(*) FILTER (failed) AS num_errors,
        coalesce(mode(error) FILTER (failed), 'unknown without an error') AS commonest
    FROM outcomes
    WHERE ($checkpoint::INTEGER IS NULL OR checkpoint = $checkpoint) AND ($prefill_level::INTEGER IS NULL OR prefill_level = $prefill_level)
    GROUP BY ALL
)
SELECT
    CASE WHEN num_errors = num_rows THEN 'ERROR' ELSE 'WARN' END AS severity, checkpoint, prefill_level,
    format('{} of {} rows of {} are errors, most often: {}', num_errors, num_rows, table_name, commonest) AS finding
FROM cells
WHERE num_errors = num_rows OR num_errors > $error_limit::DOUBLE * num_rows
ORDER BY ALL
