-- Each distinct prefill of a task is scored once, and every task that has samples is scored. Logprobs that came with a run keep a row an attempt and are passed over.
WITH scored AS (
    SELECT checkpoint, prefill_level, task_id, exploit_type, prefill_reasoning, samples_checkpoint
    FROM prefill_logprobs AS l
    ANTI JOIN (
        FROM partitions WHERE table_name = 'prefill_logprobs' AND made_from ->> 'logprob_file' IS NOT NULL
    ) AS came USING (experiment, checkpoint, prefill_level)
    WHERE experiment = $experiment
        AND ($checkpoint::INTEGER IS NULL OR checkpoint = $checkpoint)
        AND ($prefill_level::INTEGER IS NULL OR prefill_level = $prefill_level)
), twice AS (
    SELECT checkpoint, prefill_level, task_id, exploit_type, format('one prefill is scored {} times', count(*)) AS finding
    FROM scored
    GROUP BY checkpoint, prefill_level, task_id, exploit_type, prefill_reasoning
    HAVING count(*) > 1
), never AS (
    SELECT cell.checkpoint, s.prefill_level, s.task_id, s.exploit_type, 'has samples, and no prefill of it is scored' AS finding
    FROM (SELECT DISTINCT checkpoint, prefill_level, samples_checkpoint FROM scored) AS cell
    JOIN (SELECT DISTINCT checkpoint, prefill_level, task_id, exploit_type FROM eval_samples WHERE experiment = $experiment) AS s
        ON s.checkpoint = cell.samples_checkpoint AND s.prefill_level = cell.prefill_level
    ANTI JOIN scored ON scored.checkpoint = cell.checkpoint AND scored.prefill_level = s.prefill_level
        AND scored.task_id = s.task_id AND scored.exploit_type = s.exploit_type
    WHERE $max_samples::INTEGER IS NULL
)
SELECT 'ERROR' AS severity, *
FROM (FROM twice UNION ALL FROM never)
ORDER BY ALL
