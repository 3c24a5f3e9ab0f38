-- Every logprob is a finite number of nats, at most 0, of a prefill with tokens, and its mean times its tokens; or an error says why there is none.
WITH judged AS (
    SELECT
        checkpoint, prefill_level, task_id, exploit_type,
        prefill_logprob_sum AS total, prefill_logprob_mean AS mean, prefill_num_tokens AS tokens, prefill_words AS words,
        CASE
            WHEN error IS NOT NULL THEN NULL
            WHEN total IS NULL THEN 'neither a sum nor an error'
            WHEN NOT isfinite(total) THEN format('the sum is {}', total)
            WHEN total > 1e-6 THEN format('the sum is {:.4f} nats: more than 0', total)
            WHEN tokens IS NULL THEN 'the sum is over an unknown number of tokens'
            WHEN words = 0 AND (total <> 0 OR tokens <> 0) THEN format('the empty prefill has {} tokens and {} nats', tokens, total)
            WHEN words > 0 AND tokens <= 0 THEN format('{} words have {} tokens', words, tokens)
            WHEN tokens > 0 AND mean IS NULL THEN format('there is no mean of {} tokens', tokens)
            WHEN abs(mean * tokens - total) > 1e-4 * greatest(abs(total), 1)
                THEN format('the mean {:.6f} times {} tokens is not the sum {:.4f}', mean, tokens, total)
        END AS finding
    FROM prefill_logprobs
    WHERE experiment = $experiment
        AND ($checkpoint::INTEGER IS NULL OR checkpoint = $checkpoint)
        AND ($prefill_level::INTEGER IS NULL OR prefill_level = $prefill_level)
)
SELECT 'ERROR' AS severity, checkpoint, prefill_level, task_id, exploit_type, finding
FROM judged
WHERE finding IS NOT NULL
ORDER BY ALL
