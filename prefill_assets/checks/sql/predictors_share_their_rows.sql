-- Token count and log P at the min prefill are compared on the same rows of the same problems, in the fit and in the survival model.
WITH counts AS (
    SELECT exploit_scope, predictor, num_rows, num_problems, num_survival_rows, num_censored_rows, r2
    FROM predictor_comparison
    WHERE experiment = $experiment
), compared AS (
    SELECT
        coalesce(token.exploit_scope, logprob.exploit_scope) AS scope,
        CASE
            WHEN token.predictor IS NULL OR logprob.predictor IS NULL THEN 'only one of the two predictors is there'
            WHEN (token.num_rows, token.num_problems) <> (logprob.num_rows, logprob.num_problems) THEN format(
                'R2 of min_prefill is of {} rows of {} problems, that of min_prefill_logprob_sum of {} of {}',
                token.num_rows, token.num_problems, logprob.num_rows, logprob.num_problems
            )
            WHEN (token.num_survival_rows, token.num_censored_rows) <> (logprob.num_survival_rows, logprob.num_censored_rows)
                THEN format(
                    'the survival fit of min_prefill is of {} rows, {} of them censored, that of min_prefill_logprob_sum of {}, {}',
                    token.num_survival_rows, token.num_censored_rows, logprob.num_survival_rows, logprob.num_censored_rows
                )
        END AS finding
    FROM (FROM counts WHERE predictor = 'min_prefill') AS token
    FULL JOIN (FROM counts WHERE predictor = 'min_prefill_logprob_sum') AS logprob USING (exploit_scope)
)
SELECT 'ERROR' AS severity, format('scope {}: {}', scope, finding) AS finding
FROM compared
WHERE finding IS NOT NULL
ORDER BY ALL
