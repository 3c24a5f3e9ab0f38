-- Every cell holds one row for each task and attempt, and every sample has its verdict.
-- Where the experiment's tasks and attempts are not known (an imported run), those of all its cells together are expected.
WITH stored AS (
    SELECT 'eval_samples' AS table_name, checkpoint, prefill_level, task_id, exploit_type, attempt_idx
    FROM eval_samples WHERE experiment = $experiment
    UNION ALL
    SELECT 'eval_results', checkpoint, prefill_level, task_id, exploit_type, attempt_idx
    FROM eval_results WHERE experiment = $experiment
), expected AS (
    SELECT coalesce(
        $num_tasks::INTEGER * $num_attempts::INTEGER, (SELECT count(DISTINCT (task_id, exploit_type, attempt_idx)) FROM stored)
    ) AS num_rows
), cells AS (
    SELECT p.table_name, p.checkpoint, p.prefill_level, count(s.task_id) AS num_rows
    FROM partitions AS p
    LEFT JOIN stored AS s USING (table_name, checkpoint, prefill_level)
    WHERE p.experiment = $experiment AND p.table_name IN ('eval_samples', 'eval_results')
    GROUP BY ALL
), without_verdict AS (
    SELECT checkpoint, prefill_level, count(*) AS num_rows
    FROM stored AS s
    SEMI JOIN cells AS judged ON judged.table_name = 'eval_results'
        AND judged.checkpoint = s.checkpoint AND judged.prefill_level = s.prefill_level
    ANTI JOIN (FROM stored WHERE table_name = 'eval_results') AS r USING (checkpoint, prefill_level, task_id, exploit_type, attempt_idx)
    WHERE s.table_name = 'eval_samples'
    GROUP BY ALL
), found AS (
    SELECT checkpoint, prefill_level, format('{} holds {} rows of {}', table_name, cells.num_rows, expected.num_rows) AS finding
    FROM cells, expected WHERE cells.num_rows <> expected.num_rows
    UNION ALL
    SELECT checkpoint, prefill_level, format('{} samples have no row in eval_results', num_rows) FROM without_verdict
)
SELECT CASE WHEN $num_tasks::INTEGER IS NULL THEN 'WARN' ELSE 'ERROR' END AS severity, *
FROM found
WHERE ($checkpoint::INTEGER IS NULL OR checkpoint = $checkpoint) AND ($prefill_level::INTEGER IS NULL OR prefill_level = $prefill_level)
ORDER BY ALL
