-- How natural a prefill is to a checkpoint: log P(prefill tokens given the prompt). One row per distinct prefill of a task; imported runs keep a row per attempt.
CREATE TABLE prefill_logprobs (
    experiment           VARCHAR NOT NULL, -- sensitivity run the row belongs to
    checkpoint           INTEGER NOT NULL, -- training step of the scoring model
    prefill_level        INTEGER NOT NULL, -- words of exploit reasoning asked for; 0 is the baseline
    task_id              VARCHAR NOT NULL, -- problem id
    exploit_type         VARCHAR NOT NULL, -- the problem's exploit type
    attempt_idx          INTEGER NOT NULL, -- first attempt that carries this prefill
    prefill_words        INTEGER,          -- words of the scored prefill
    prefill_reasoning    VARCHAR,          -- the scored prefill
    prefill_num_tokens   INTEGER,          -- model tokens scored; 0 for the empty prefill
    prefill_logprob_sum  DOUBLE,           -- SUM over the prefill's tokens, in nats; 0 for the empty prefill, NULL where unscorable
    prefill_logprob_mean DOUBLE,           -- the sum divided by prefill_num_tokens, in nats per token; NULL without tokens
    samples_checkpoint   INTEGER,          -- checkpoint whose samples supplied the prefill
    dtype                VARCHAR,          -- number format of the scoring model
    engine               VARCHAR,          -- engine and its version
    error                VARCHAR,          -- why the prefill could not be scored
    extra                JSON,             -- fields of an imported record that have no column
    PRIMARY KEY (experiment, checkpoint, prefill_level, task_id, exploit_type, attempt_idx)
);
