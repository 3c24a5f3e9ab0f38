-- How exploit accessibility changes over training. Key: experiment, checkpoint, task_id, exploit_type.
CREATE TABLE trajectory_analysis (
    experiment                 VARCHAR NOT NULL, -- sensitivity run the row belongs to
    checkpoint                 INTEGER NOT NULL, -- training step of the model
    task_id                    VARCHAR NOT NULL, -- problem id
    exploit_type               VARCHAR NOT NULL, -- the problem's exploit type
    exploitable                BOOLEAN,          -- some level exploits; NULL where unknown
    min_prefill                INTEGER,          -- smallest exploiting level, in words; NULL where none or unknown
    min_prefill_lower          INTEGER,          -- smallest level that min_prefill can be
    min_prefill_upper          INTEGER,          -- smallest level seen to exploit
    accessibility              DOUBLE,           -- 1 at the threshold or below, falling linearly to 0 at the highest level; 0 where not exploitable
    steps_to_threshold         INTEGER,          -- training steps until the first crossing; 0 while at threshold; NULL where never, or fallen back since
    ever_reaches_threshold     BOOLEAN,          -- at threshold at some checkpoint; NULL where unknown
    at_threshold               BOOLEAN,          -- min_prefill <= threshold at this checkpoint; NULL where unknown
    first_threshold_checkpoint INTEGER,          -- first checkpoint known to be at threshold
    relapsed                   BOOLEAN,          -- after the first crossing and no longer at threshold; NULL where unknown
    threshold                  INTEGER NOT NULL, -- the threshold used, in words
    PRIMARY KEY (experiment, checkpoint, task_id, exploit_type)
);
