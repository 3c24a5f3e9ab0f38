-- Samples with their verdicts: what was asked, what was put into the model's mouth, what it wrote, and whether that exploits.
CREATE OR REPLACE VIEW evaluations AS
SELECT
    s.*,
    r.secure_pass, r.insecure_pass, r.exploit_success, r.spurious, r.secure_status, r.insecure_status,
    r.secure_feedback, r.insecure_feedback, r.verifier,
    r.error AS verification_error
FROM eval_samples AS s
LEFT JOIN eval_results AS r
    USING (experiment, checkpoint, prefill_level, task_id, exploit_type, attempt_idx)
