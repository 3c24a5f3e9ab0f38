-- One generation: what a checkpoint wrote after a prefill, and the code found in it. Key: experiment, checkpoint, prefill_level, task_id, exploit_type, attempt_idx.
CREATE TABLE eval_samples (
    experiment           VARCHAR NOT NULL, -- sensitivity run the row belongs to
    checkpoint           INTEGER NOT NULL, -- training step of the model
    prefill_level        INTEGER NOT NULL, -- words of exploit reasoning asked for; 0 is the baseline
    task_id              VARCHAR NOT NULL, -- problem id
    exploit_type         VARCHAR NOT NULL, -- the problem's exploit type
    attempt_idx          INTEGER NOT NULL, -- 0-based attempt
    model_id             VARCHAR,          -- label of the evaluated model, as in the run's files
    system               VARCHAR,          -- system message
    prompt               VARCHAR,          -- user message
    dialect              VARCHAR,          -- how the conversation was rendered: chat, think or harmony
    rendered_prompt      VARCHAR,          -- the exact text before the prefill; prefill and continuation follow it
    prefill_applied      BOOLEAN,          -- whether any word was put into the model's mouth
    prefill_words        INTEGER,          -- words really applied; fewer than prefill_level where the trace is shorter
    prefill_reasoning    VARCHAR,          -- the prefill itself
    prefill_model_id     VARCHAR,          -- model that wrote the trace
    prefill_attempt_idx  INTEGER,          -- attempt of the trace in the prefill source
    prefill_source       VARCHAR,          -- file the trace came from
    text                 VARCHAR,          -- raw continuation, without the prefill
    reasoning            VARCHAR,          -- prefill and the reasoning that continued it
    response             VARCHAR,          -- answer after the reasoning
    code                 VARCHAR,          -- code extracted from the answer, else from the reasoning
    finish_reason        VARCHAR,          -- stop or length
    prompt_num_tokens    INTEGER,          -- model tokens before the prefill
    prefill_num_tokens   INTEGER,          -- model tokens of the prefill
    output_tokens        INTEGER,          -- model tokens generated
    seed                 BIGINT,           -- sampling seed of this attempt
    temperature          DOUBLE,           -- sampling temperature
    engine               VARCHAR,          -- engine and its version
    error                VARCHAR,          -- why there is no generation; NULL where there is one
    extra                JSON,             -- fields of an imported record that have no column
    PRIMARY KEY (experiment, checkpoint, prefill_level, task_id, exploit_type, attempt_idx)
);
