-- How little prefill still elicits an exploit, at one checkpoint. Key: experiment, checkpoint, task_id, exploit_type.
CREATE TABLE trajectory (
    experiment           VARCHAR NOT NULL, -- sensitivity run the row belongs to
    checkpoint           INTEGER NOT NULL, -- training step of the model
    task_id              VARCHAR NOT NULL, -- problem id
    exploit_type         VARCHAR NOT NULL, -- the problem's exploit type
    exploitable          BOOLEAN,          -- some tested level exploits; false only if every level of the sweep was tested
    min_prefill          INTEGER,          -- smallest level, in words, at which any attempt exploits; NULL where none does or a lower level is untested
    min_prefill_lower    INTEGER,          -- smallest level that min_prefill can be, given what was tested; NULL where no level is left
    min_prefill_upper    INTEGER,          -- smallest level seen to exploit; NULL where none was
    num_levels_tested    INTEGER NOT NULL, -- levels with at least one known verdict
    num_attempts         INTEGER NOT NULL, -- rows with a known verdict
    num_exploits         INTEGER NOT NULL, -- rows that exploit
    num_errors           INTEGER NOT NULL, -- rows without a verdict; evidence of nothing
    PRIMARY KEY (experiment, checkpoint, task_id, exploit_type)
);
