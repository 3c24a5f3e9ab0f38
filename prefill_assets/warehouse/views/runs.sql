-- What each run was: one row for each run and experiment, with its config, code, packages, machine, engine, verifier and weights. A run without an end is at work, or was killed.
CREATE OR REPLACE VIEW runs AS
SELECT
    begun.* EXCLUDE (started_at),
    begun.started_at::TIMESTAMPTZ AS started_at,
    ended.finished_at::TIMESTAMPTZ AS finished_at,
    ended.status
FROM read_json({root} || '/runs/*/*.json', format = 'newline_delimited', columns = {
    run_id: 'VARCHAR', experiment: 'VARCHAR', run_dir: 'VARCHAR', settings: 'JSON', overrides: 'JSON',
    git_commit: 'VARCHAR', git_has_changes: 'BOOLEAN', prefill_assets: 'VARCHAR', packages: 'JSON',
    python: 'VARCHAR', platform: 'VARCHAR', cpu_count: 'INTEGER', cuda: 'VARCHAR', device: 'VARCHAR',
    environment: 'JSON', command: 'JSON', engine: 'VARCHAR', dtype: 'VARCHAR', seed: 'BIGINT', verifier: 'VARCHAR',
    problems: 'VARCHAR', problems_version: 'VARCHAR', model_fingerprints: 'JSON', started_at: 'VARCHAR'
}) AS begun
LEFT JOIN read_json({root} || '/runs/*/*.end', format = 'newline_delimited', columns = {
    run_id: 'VARCHAR', experiment: 'VARCHAR', status: 'VARCHAR', finished_at: 'VARCHAR'
}) AS ended USING (run_id, experiment)
WHERE begun.experiment <> '_'
