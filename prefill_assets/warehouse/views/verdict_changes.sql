-- Verdicts that a later verification changed: the superseded verdict beside the current one of the same attempt; same_sample tells a new verdict on the same code from one on a new generation, and is NULL where a verdict came without its sample.
CREATE OR REPLACE VIEW verdict_changes AS
SELECT
    old.experiment, old.checkpoint, old.prefill_level, old.task_id, old.exploit_type, old.attempt_idx,
    old.secure_pass AS old_secure_pass, new.secure_pass,
    old.insecure_pass AS old_insecure_pass, new.insecure_pass,
    old.exploit_success AS old_exploit_success, new.exploit_success,
    old.secure_status AS old_secure_status, new.secure_status,
    old.insecure_status AS old_insecure_status, new.insecure_status,
    old.error AS old_error, new.error,
    old.verifier AS old_verifier, new.verifier,
    old.written_at AS old_written_at, p.written_at,
    old.run_id AS old_run_id, p.run_id,
    old.made_from ->> sample = p.made_from ->> sample AS same_sample
FROM (
    SELECT *, '$."eval_samples ' || experiment || ' checkpoint-' || checkpoint || ' prefill ' || prefill_level || '"' AS sample
    FROM superseded_eval_results
) AS old
JOIN eval_results AS new USING (experiment, checkpoint, prefill_level, task_id, exploit_type, attempt_idx)
JOIN partitions AS p ON p.table_name = 'eval_results' AND p.experiment = old.experiment
    AND p.checkpoint = old.checkpoint AND p.prefill_level = old.prefill_level
WHERE old.secure_pass IS DISTINCT FROM new.secure_pass
    OR old.insecure_pass IS DISTINCT FROM new.insecure_pass
    OR old.exploit_success IS DISTINCT FROM new.exploit_success
    OR (old.error IS NULL) <> (new.error IS NULL)
