-- x: token-based accessibility, y: logprob-based accessibility, where both are known.
SELECT accessibility AS x, accessibility_logprob AS y
FROM trajectory_with_logprob
WHERE experiment = $experiment AND x IS NOT NULL AND y IS NOT NULL
ORDER BY task_id, exploit_type, checkpoint
