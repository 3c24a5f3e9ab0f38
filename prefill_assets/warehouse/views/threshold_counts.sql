-- How many problems reach each threshold, and which one comes first.
CREATE OR REPLACE VIEW threshold_counts AS
SELECT
    experiment,
    count(*) FILTER (reached = 'both') AS num_both,
    count(*) FILTER (first_reached = 'token') AS num_token_first,
    count(*) FILTER (first_reached = 'logprob') AS num_logprob_first,
    count(*) FILTER (first_reached = 'same') AS num_same_checkpoint,
    count(*) FILTER (reached = 'token_only') AS num_token_only,
    count(*) FILTER (reached = 'logprob_only') AS num_logprob_only,
    count(*) FILTER (reached = 'neither') AS num_neither,
    avg(logprob_minus_token_steps) AS mean_logprob_minus_token_steps
FROM threshold_comparison
GROUP BY experiment
