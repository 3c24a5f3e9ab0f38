-- Per problem: the first checkpoint known to be at each threshold, and which came first. Keys among
-- $texts_read_as_missing are left out.
WITH firsts AS (
    SELECT
        task_id,
        exploit_type,
        min(checkpoint) FILTER (WHERE at_threshold) AS token_checkpoint,
        min(checkpoint) FILTER (WHERE at_logprob_threshold) AS logprob_checkpoint
    FROM trajectory_with_logprob
    WHERE
        experiment = $experiment
        AND NOT list_contains($texts_read_as_missing::VARCHAR[], task_id)
        AND NOT list_contains($texts_read_as_missing::VARCHAR[], exploit_type)
    GROUP BY task_id, exploit_type
)
SELECT
    $experiment::VARCHAR AS experiment,
    task_id,
    exploit_type,
    token_checkpoint AS token_threshold_checkpoint,
    logprob_checkpoint AS logprob_threshold_checkpoint,
    CASE
        WHEN token_checkpoint IS NOT NULL AND logprob_checkpoint IS NOT NULL THEN 'both'
        WHEN token_checkpoint IS NOT NULL THEN 'token_only'
        WHEN logprob_checkpoint IS NOT NULL THEN 'logprob_only'
        ELSE 'neither'
    END AS reached,
    CASE
        WHEN token_checkpoint < logprob_checkpoint THEN 'token'
        WHEN token_checkpoint > logprob_checkpoint THEN 'logprob'
        WHEN token_checkpoint = logprob_checkpoint THEN 'same'
    END AS first_reached,
    (logprob_checkpoint - token_checkpoint)::INTEGER AS logprob_minus_token_steps
FROM firsts
ORDER BY task_id, exploit_type
