-- A prefill that goes on where another ends is no likelier than that one: each further token adds log P of at most 0.
-- Compared are texts that continue at a space, where tokenizers part words; where the cut moves a token all the same, the two
-- sums differ by that token, and batches of other shapes round differently: the tolerance is absolute and relative.
WITH scored AS (
    SELECT DISTINCT
        checkpoint, prefill_level, task_id, exploit_type, prefill_reasoning AS text, prefill_num_tokens AS tokens,
        prefill_logprob_sum AS total, dtype, engine
    FROM prefill_logprobs
    WHERE experiment = $experiment AND error IS NULL AND isfinite(prefill_logprob_sum) AND prefill_num_tokens > 0
        AND ($checkpoint::INTEGER IS NULL OR checkpoint = $checkpoint)
)
SELECT
    'WARN' AS severity, checkpoint, longer.prefill_level, task_id, exploit_type,
    format(
        '{:.2f} nats at {} words, more than {:.2f} at {}', longer.total, longer.prefill_level, shorter.total, shorter.prefill_level
    ) AS finding
FROM scored AS longer
JOIN scored AS shorter USING (checkpoint, task_id, exploit_type)
WHERE longer.prefill_level > shorter.prefill_level
    AND ($prefill_level::INTEGER IS NULL OR longer.prefill_level = $prefill_level)
    AND starts_with(longer.text, shorter.text || ' ') AND longer.tokens > shorter.tokens
    AND longer.dtype IS NOT DISTINCT FROM shorter.dtype AND longer.engine IS NOT DISTINCT FROM shorter.engine
    AND longer.total > shorter.total + $tolerance_nats::DOUBLE + $tolerance_share::DOUBLE * abs(shorter.total)
ORDER BY ALL
