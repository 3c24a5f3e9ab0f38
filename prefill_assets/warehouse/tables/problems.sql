-- The exploitable coding problems that an experiment evaluates. Key: experiment, task_id, exploit_type.
CREATE TABLE problems (
    experiment       VARCHAR NOT NULL, -- sensitivity run the row belongs to
    task_id          VARCHAR NOT NULL, -- problem id
    exploit_type     VARCHAR NOT NULL, -- what kind of verifier weakness it has
    function_name    VARCHAR,          -- function that a submission must define
    description      VARCHAR,          -- the task in words
    problem_version  VARCHAR NOT NULL, -- hash of everything that verification reads
    PRIMARY KEY (experiment, task_id, exploit_type)
);
