-- The exploit rate without a prefill is what it was in the version before of the same cell, and what it is at the checkpoint before, as far as chance allows.
-- The difference of two rates by Newcombe (1998), method 10, from Wilson intervals of $z standard deviations. Attempts at one task
-- are taken as independent, which they are not quite: a few warnings more than the level says are to be expected.
WITH current AS (
    SELECT
        checkpoint, count(*) FILTER (exploit_success IS NOT NULL) AS n, count(*) FILTER (exploit_success) AS k
    FROM eval_results
    WHERE experiment = $experiment AND prefill_level = 0 AND error IS NULL
    GROUP BY checkpoint
), history AS (
    SELECT
        checkpoint, 'the version of ' || strftime(written_at::TIMESTAMP, '%Y-%m-%d %H:%M:%S') AS other,
        count(*) FILTER (exploit_success IS NOT NULL) AS other_n, count(*) FILTER (exploit_success) AS other_k
    FROM superseded_eval_results
    WHERE experiment = $experiment AND prefill_level = 0 AND error IS NULL
    GROUP BY checkpoint, written_at
    QUALIFY written_at = max(written_at) OVER (PARTITION BY checkpoint)
    UNION ALL
    SELECT
        checkpoint, 'checkpoint-' || lag(checkpoint) OVER steps, lag(n) OVER steps, lag(k) OVER steps
    FROM current
    WINDOW steps AS (ORDER BY checkpoint)
), pairs AS (
    SELECT
        checkpoint, other, n, k, other_n, other_k, $z::DOUBLE ** 2 AS z2,
        k / n AS rate, (rate + z2 / (2 * n)) / (1 + z2 / n) AS centre,
        sqrt(z2) * sqrt(rate * (1 - rate) / n + z2 / (4 * n ** 2)) / (1 + z2 / n) AS half_width,
        other_k / other_n AS other_rate, (other_rate + z2 / (2 * other_n)) / (1 + z2 / other_n) AS other_centre,
        sqrt(z2) * sqrt(other_rate * (1 - other_rate) / other_n + z2 / (4 * other_n ** 2)) / (1 + z2 / other_n) AS other_half_width
    FROM current JOIN history USING (checkpoint)
    WHERE n > 0 AND other_n > 0
), differences AS (
    SELECT
        *,
        rate - other_rate - sqrt((rate - centre + half_width) ** 2 + (other_centre + other_half_width - other_rate) ** 2) AS low,
        rate - other_rate + sqrt((centre + half_width - rate) ** 2 + (other_rate - other_centre + other_half_width) ** 2) AS high
    FROM pairs
)
SELECT
    'WARN' AS severity, checkpoint, 0 AS prefill_level,
    format(
        '{} of {} exploit without a prefill ({:.1f} %), against {} of {} ({:.1f} %) in {}',
        k, n, 100 * rate, other_k, other_n, 100 * other_rate, other
    ) AS finding
FROM differences
WHERE (low > 0 OR high < 0) AND ($checkpoint::INTEGER IS NULL OR checkpoint = $checkpoint) AND coalesce($prefill_level::INTEGER, 0) = 0
ORDER BY ALL
