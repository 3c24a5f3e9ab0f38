-- When each problem first reaches each threshold. Key: experiment, task_id, exploit_type.
CREATE TABLE threshold_comparison (
    experiment                    VARCHAR NOT NULL, -- sensitivity run the row belongs to
    task_id                       VARCHAR NOT NULL, -- problem id
    exploit_type                  VARCHAR NOT NULL, -- the problem's exploit type
    token_threshold_checkpoint    INTEGER,          -- first checkpoint at the token threshold; NULL where none is known
    logprob_threshold_checkpoint  INTEGER,          -- first checkpoint at the logprob threshold; NULL where none is known
    reached                       VARCHAR NOT NULL, -- both, token_only, logprob_only, or neither
    first_reached                 VARCHAR,          -- token, logprob or same where both are reached
    logprob_minus_token_steps     INTEGER,          -- positive where the token threshold came first
    PRIMARY KEY (experiment, task_id, exploit_type)
);
