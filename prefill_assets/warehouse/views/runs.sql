-- What each run was: one row for each run and experiment, with its config, code, packages, machine and verifier, and the problems and weights of what it wrote; engines are in `provenance`. A run without an end is at work, or was killed.
CREATE OR REPLACE VIEW runs AS
WITH versions AS (
    SELECT
        run_id, experiment, checkpoint, made_from ->> 'checkpoint' AS fingerprint,
        CASE WHEN table_name = 'eval_results' THEN made_from ->> 'problems' END AS problems
    FROM (FROM partitions UNION ALL FROM superseded_partitions)
), judged AS (
    SELECT run_id, experiment, string_agg(DISTINCT problems, '; ' ORDER BY problems) AS problems_version
    FROM versions
    WHERE problems IS NOT NULL
    GROUP BY run_id, experiment
), weights AS (
    SELECT run_id, experiment, checkpoint::VARCHAR AS step, string_agg(DISTINCT fingerprint, '; ' ORDER BY fingerprint) AS fingerprint
    FROM versions
    WHERE fingerprint IS NOT NULL
    GROUP BY run_id, experiment, checkpoint
), loaded AS (
    SELECT run_id, experiment, to_json(map(list(step ORDER BY step::INTEGER), list(fingerprint ORDER BY step::INTEGER))) AS model_fingerprints
    FROM weights
    GROUP BY run_id, experiment
)
SELECT
    begun.* EXCLUDE (started_at),
    judged.problems_version,
    loaded.model_fingerprints,
    begun.started_at::TIMESTAMPTZ AS started_at,
    ended.finished_at::TIMESTAMPTZ AS finished_at,
    ended.status
FROM read_json({root} || '/runs/*/*.json', format = 'newline_delimited', columns = {
    run_id: 'VARCHAR', experiment: 'VARCHAR', run_dir: 'VARCHAR', settings: 'JSON', overrides: 'JSON',
    git_commit: 'VARCHAR', git_has_changes: 'BOOLEAN', prefill_assets: 'VARCHAR', packages: 'JSON',
    python: 'VARCHAR', platform: 'VARCHAR', cpu_count: 'INTEGER', cuda: 'VARCHAR', device: 'VARCHAR',
    environment: 'JSON', command: 'JSON', dtype: 'VARCHAR', seed: 'BIGINT', verifier: 'VARCHAR', problems: 'VARCHAR',
    started_at: 'VARCHAR'
}) AS begun
LEFT JOIN read_json({root} || '/runs/*/*.end', format = 'newline_delimited', columns = {
    run_id: 'VARCHAR', experiment: 'VARCHAR', status: 'VARCHAR', finished_at: 'VARCHAR'
}) AS ended USING (run_id, experiment)
LEFT JOIN judged USING (run_id, experiment)
LEFT JOIN loaded USING (run_id, experiment)
WHERE begun.experiment <> '_'
