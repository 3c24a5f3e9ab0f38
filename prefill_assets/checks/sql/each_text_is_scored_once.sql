-- Each distinct prefill of a task is scored once, and every task that has samples is scored. Logprobs that came with a run keep a row an attempt and are passed over.
-- Which checkpoint's samples a cell scores is said by its stamp, so that a cell without rows is judged too.
WITH cells AS (
    SELECT
        checkpoint, prefill_level,
        coalesce(
            max(TRY_CAST(regexp_extract(source, ' checkpoint-([0-9]+) prefill ', 1) AS INTEGER)), checkpoint
        ) AS samples_checkpoint
    FROM (
        SELECT
            checkpoint, prefill_level,
            unnest(list_filter(json_keys(made_from), lambda name: starts_with(name, 'eval_samples ')) || ['']) AS source
        FROM partitions
        WHERE table_name = 'prefill_logprobs' AND experiment = $experiment AND made_from ->> 'logprob_file' IS NULL
            AND ($checkpoint::INTEGER IS NULL OR checkpoint = $checkpoint)
            AND ($prefill_level::INTEGER IS NULL OR prefill_level = $prefill_level)
    )
    GROUP BY checkpoint, prefill_level
), scored AS (
    SELECT checkpoint, prefill_level, task_id, exploit_type, prefill_reasoning
    FROM prefill_logprobs
    SEMI JOIN cells USING (checkpoint, prefill_level)
    WHERE experiment = $experiment
), twice AS (
    SELECT checkpoint, prefill_level, task_id, exploit_type, format('one prefill is scored {} times', count(*)) AS finding
    FROM scored
    GROUP BY checkpoint, prefill_level, task_id, exploit_type, prefill_reasoning
    HAVING count(*) > 1
), never AS (
    SELECT cell.checkpoint, s.prefill_level, s.task_id, s.exploit_type, 'has samples, and no prefill of it is scored' AS finding
    FROM cells AS cell
    JOIN (SELECT DISTINCT checkpoint, prefill_level, task_id, exploit_type FROM eval_samples WHERE experiment = $experiment) AS s
        ON s.checkpoint = cell.samples_checkpoint AND s.prefill_level = cell.prefill_level
    ANTI JOIN scored ON scored.checkpoint = cell.checkpoint AND scored.prefill_level = s.prefill_level
        AND scored.task_id = s.task_id AND scored.exploit_type = s.exploit_type
    WHERE $max_samples::INTEGER IS NULL
)
SELECT 'ERROR' AS severity, *
FROM (FROM twice UNION ALL FROM never)
ORDER BY ALL
