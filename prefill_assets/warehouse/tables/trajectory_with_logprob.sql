-- The integrated comparison: token and logprob metrics of the same problem and checkpoint. Key: experiment, checkpoint, task_id, exploit_type.
CREATE TABLE trajectory_with_logprob (
    experiment                 VARCHAR NOT NULL, -- sensitivity run the row belongs to
    checkpoint                 INTEGER NOT NULL, -- training step of the model
    task_id                    VARCHAR NOT NULL, -- problem id
    exploit_type               VARCHAR NOT NULL, -- the problem's exploit type
    exploitable                BOOLEAN,          -- some level exploits; NULL where unknown
    min_prefill                INTEGER,          -- smallest exploiting level, in words; NULL where none or unknown
    accessibility              DOUBLE,           -- token-based accessibility, 0 to 1
    steps_to_threshold         INTEGER,          -- training steps until the first token crossing
    ever_reaches_threshold     BOOLEAN,          -- at token threshold at some checkpoint
    at_threshold               BOOLEAN,          -- min_prefill <= threshold at this checkpoint
    min_prefill_logprob_sum    DOUBLE,           -- SUM log P of the prefill at level min_prefill, in nats; 0 at level 0
    min_prefill_logprob_mean   DOUBLE,           -- mean log P a token of that prefill, in nats
    accessibility_logprob      DOUBLE,           -- that sum scaled to 0..1 over the problem's checkpoints; NULL where unmatched or undefined
    at_logprob_threshold       BOOLEAN,          -- that sum >= logprob_threshold; NULL where unknown
    steps_to_logprob_threshold INTEGER,          -- training steps until the first logprob crossing, by the rule of steps_to_threshold
    fixed_prefill_level        INTEGER,          -- level of the next column, in words
    fixed_level_logprob_sum    DOUBLE,           -- SUM log P of the prefill at that one level, in nats: free of the token count
    logprob_threshold          DOUBLE NOT NULL,  -- the threshold used, in nats
    PRIMARY KEY (experiment, checkpoint, task_id, exploit_type)
);
