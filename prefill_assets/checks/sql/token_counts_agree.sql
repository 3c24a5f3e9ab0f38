-- A prefill has as many tokens where it is scored as where it was generated from, and as at every other checkpoint.
WITH scored AS (
    SELECT checkpoint, prefill_level, task_id, exploit_type, samples_checkpoint, prefill_reasoning, prefill_num_tokens
    FROM prefill_logprobs
    WHERE experiment = $experiment AND prefill_num_tokens IS NOT NULL AND prefill_reasoning IS NOT NULL
), generated AS (
    SELECT DISTINCT
        checkpoint AS samples_checkpoint, prefill_level, task_id, exploit_type, prefill_reasoning,
        prefill_num_tokens AS generated_num_tokens
    FROM eval_samples
    WHERE experiment = $experiment AND prefill_num_tokens IS NOT NULL AND prefill_applied
), counted AS (
    SELECT
        *, mode(prefill_num_tokens) OVER (PARTITION BY prefill_level, task_id, exploit_type, prefill_reasoning) AS usual_num_tokens
    FROM scored
), found AS (
    SELECT
        'ERROR' AS severity, checkpoint, prefill_level, task_id, exploit_type,
        format('{} tokens are scored, {} were generated from', prefill_num_tokens, generated_num_tokens) AS finding
    FROM scored JOIN generated USING (samples_checkpoint, prefill_level, task_id, exploit_type, prefill_reasoning)
    WHERE prefill_num_tokens <> generated_num_tokens
    UNION
    SELECT
        'ERROR', checkpoint, prefill_level, task_id, exploit_type,
        format('{} tokens, {} at most other checkpoints', prefill_num_tokens, usual_num_tokens)
    FROM counted
    WHERE prefill_num_tokens <> usual_num_tokens
)
FROM found
WHERE ($checkpoint::INTEGER IS NULL OR checkpoint = $checkpoint) AND ($prefill_level::INTEGER IS NULL OR prefill_level = $prefill_level)
ORDER BY ALL
