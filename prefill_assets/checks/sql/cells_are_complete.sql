-- Every checkpoint has all levels of the sweep, every cell one row for each task and attempt, and every sample its verdict.
-- Where the experiment's tasks and attempts are not known (an imported run), those of all its cells together are expected. A
-- checkpoint that has no cell at all is not missed here: it may not have been evaluated yet.
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
), absent AS (
    SELECT checkpoint, unnest($levels::INTEGER[]) AS prefill_level FROM (SELECT DISTINCT checkpoint FROM cells)
    EXCEPT
    SELECT checkpoint, prefill_level FROM cells
), without_verdict AS (
    SELECT checkpoint, prefill_level, count(*) AS num_rows
    FROM stored AS s
    ANTI JOIN (FROM stored WHERE table_name = 'eval_results') AS r USING (checkpoint, prefill_level, task_id, exploit_type, attempt_idx)
    WHERE s.table_name = 'eval_samples'
    GROUP BY ALL
), found AS (
    SELECT
        'ERROR' AS severity, checkpoint, prefill_level,
        format('{} holds {} rows of {}', table_name, cells.num_rows, expected.num_rows) AS finding
    FROM cells, expected WHERE cells.num_rows <> expected.num_rows
    UNION ALL
    SELECT 'ERROR', checkpoint, prefill_level, format('{} samples have no row in eval_results', num_rows) FROM without_verdict
    UNION ALL
    SELECT 'WARN', checkpoint, prefill_level, 'there are neither samples nor verdicts' FROM absent
)
SELECT CASE WHEN $num_tasks::INTEGER IS NULL THEN 'WARN' ELSE severity END AS severity, * EXCLUDE (severity)
FROM found
WHERE ($checkpoint::INTEGER IS NULL OR checkpoint = $checkpoint) AND ($prefill_level::INTEGER IS NULL OR prefill_level = $prefill_level)
ORDER BY ALL
