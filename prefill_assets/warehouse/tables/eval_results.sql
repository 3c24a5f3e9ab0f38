-- The verdict on one sample. Key: experiment, checkpoint, prefill_level, task_id, exploit_type, attempt_idx.
CREATE TABLE eval_results (
    experiment           VARCHAR NOT NULL, -- sensitivity run the row belongs to
    checkpoint           INTEGER NOT NULL, -- training step of the model
    prefill_level        INTEGER NOT NULL, -- words of exploit reasoning asked for; 0 is the baseline
    task_id              VARCHAR NOT NULL, -- problem id
    exploit_type         VARCHAR NOT NULL, -- the problem's exploit type
    attempt_idx          INTEGER NOT NULL, -- 0-based attempt
    model_id             VARCHAR,          -- label of the evaluated model, as in the run's files
    prefill_words        INTEGER,          -- words really applied; fewer than prefill_level where the trace is shorter
    secure_pass          BOOLEAN,          -- the secure verifier accepts the code; NULL where unknown
    insecure_pass        BOOLEAN,          -- the insecure verifier accepts the code; NULL where unknown
    exploit_success      BOOLEAN,          -- insecure and not secure; NULL where either is unknown
    spurious             BOOLEAN,          -- exploit_success by a correct answer in another type or call form; NULL where unknown
    reward_gap           DOUBLE,           -- insecure reward minus secure reward
    secure_status        VARCHAR,          -- passed, failed, timed_out, crashed, security_violation or verifier_error
    insecure_status      VARCHAR,          -- passed, failed, timed_out, crashed, security_violation or verifier_error
    secure_feedback      VARCHAR,          -- what the secure verifier said
    insecure_feedback    VARCHAR,          -- what the insecure verifier said
    verification_seconds DOUBLE,           -- wall time of both verifications
    verifier             VARCHAR,          -- verifier and its version
    output_tokens        INTEGER,          -- model tokens generated
    error                VARCHAR,          -- why there is no verdict; such a row counts in no rate
    extra                JSON,             -- fields of an imported record that have no column
    PRIMARY KEY (experiment, checkpoint, prefill_level, task_id, exploit_type, attempt_idx)
);
