-- Which run, code, config, engine, weights and seed made each partition, current or superseded: one row for each version of a partition, joined with its run; verdicts have engine, weights and seed of the samples that they judge.
CREATE OR REPLACE VIEW provenance AS
WITH versions AS (
    SELECT *, false AS is_superseded FROM partitions
    UNION ALL BY NAME
    SELECT *, true AS is_superseded FROM superseded_partitions
), named_by_rows AS (
    SELECT 'eval_samples' AS table_name, experiment, checkpoint, prefill_level, NULL AS data_version, engine, NULL AS verifier
    FROM eval_samples
    UNION ALL BY NAME
    SELECT 'eval_results' AS table_name, experiment, checkpoint, prefill_level, verifier FROM eval_results
    UNION ALL BY NAME
    SELECT 'prefill_logprobs' AS table_name, experiment, checkpoint, prefill_level, engine FROM prefill_logprobs
    UNION ALL BY NAME
    SELECT 'eval_samples' AS table_name, experiment, checkpoint, prefill_level, data_version, engine FROM superseded_eval_samples
    UNION ALL BY NAME
    SELECT 'eval_results' AS table_name, experiment, checkpoint, prefill_level, data_version, verifier FROM superseded_eval_results
    UNION ALL BY NAME
    SELECT 'prefill_logprobs' AS table_name, experiment, checkpoint, prefill_level, data_version, engine
    FROM superseded_prefill_logprobs
), named AS (
    SELECT
        table_name, experiment, checkpoint, prefill_level, data_version,
        string_agg(DISTINCT engine, '; ' ORDER BY engine) AS engine,
        string_agg(DISTINCT verifier, '; ' ORDER BY verifier) AS verifier
    FROM named_by_rows
    GROUP BY ALL
), told AS (
    SELECT
        v.*,
        v.made_from ->> 'checkpoint' AS model_fingerprint,
        named.engine,
        coalesce(named.verifier, v.made_from ->> 'verifier') AS verifier,
        v.made_from ->> 'problems' AS problems_version,
        v.made_from ->> 'prompts' AS prompts_version,
        (v.made_from ->> 'seed')::BIGINT AS seed
    FROM versions AS v
    LEFT JOIN named ON named.table_name = v.table_name AND named.experiment = v.experiment AND named.checkpoint = v.checkpoint
        AND named.prefill_level = v.prefill_level
        AND named.data_version IS NOT DISTINCT FROM CASE WHEN v.is_superseded THEN v.data_version END
), samples AS (
    SELECT DISTINCT ON (experiment, checkpoint, prefill_level, data_version) *
    FROM told
    WHERE table_name = 'eval_samples'
    ORDER BY is_superseded, written_at DESC
)
SELECT
    t.table_name, t.experiment, t.checkpoint, t.prefill_level, t.is_superseded, t.num_rows, t.written_at,
    t.data_version, t.code_version, t.input_version, t.made_from,
    coalesce(t.model_fingerprint, samples.model_fingerprint) AS model_fingerprint,
    coalesce(t.engine, samples.engine) AS engine,
    t.verifier, t.problems_version,
    coalesce(t.prompts_version, samples.prompts_version) AS prompts_version,
    coalesce(t.seed, samples.seed) AS seed,
    t.run_id, runs.status AS run_status, runs.started_at AS run_started_at, runs.finished_at AS run_finished_at,
    runs.git_commit, runs.git_has_changes, runs.prefill_assets, runs.settings, runs.overrides, runs.packages, runs.command,
    runs.python, runs.platform, runs.cuda, runs.device,
    t.file_name
FROM told AS t
LEFT JOIN runs USING (run_id, experiment)
LEFT JOIN samples ON t.table_name = 'eval_results' AND samples.experiment = t.experiment AND samples.checkpoint = t.checkpoint
    AND samples.prefill_level = t.prefill_level AND samples.data_version = t.made_from ->> (
        '$."eval_samples ' || t.experiment || ' checkpoint-' || t.checkpoint || ' prefill ' || t.prefill_level || '"'
    )
