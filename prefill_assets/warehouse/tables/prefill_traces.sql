-- The exploit reasoning that prefills are cut from: the best successful trace of each task. Key: experiment, task_id.
CREATE TABLE prefill_traces (
    experiment        VARCHAR NOT NULL, -- sensitivity run the row belongs to
    task_id           VARCHAR NOT NULL, -- problem id
    reasoning         VARCHAR NOT NULL, -- the whole trace, think tags removed
    reasoning_words   INTEGER NOT NULL, -- its length in words
    prefill_model_id  VARCHAR,          -- model that wrote it
    attempt_idx       INTEGER,          -- its attempt in the source
    exploit_success   BOOLEAN,          -- whether it exploited
    insecure_pass     BOOLEAN,          -- whether the insecure verifier accepted it
    prefill_source    VARCHAR NOT NULL, -- file it was read from
    source_line       INTEGER NOT NULL, -- 1-based line in that file
    PRIMARY KEY (experiment, task_id)
);
