-- Which indicator predicts steps to threshold better. Key: experiment, exploit_scope, predictor.
CREATE TABLE predictor_comparison (
    experiment              VARCHAR NOT NULL, -- sensitivity run the row belongs to
    exploit_scope           VARCHAR NOT NULL, -- all, or intentional (without the unintentional exploit types)
    predictor               VARCHAR NOT NULL, -- min_prefill, min_prefill_logprob_sum or fixed_level_logprob_sum
    num_rows                INTEGER NOT NULL, -- (problem, checkpoint) rows in the fit; the same rows for every predictor but the fixed-level one
    num_problems            INTEGER NOT NULL, -- problems those rows come from
    r2                      DOUBLE,           -- pooled least squares R2; NULL where undefined
    p_value                 DOUBLE,           -- two-sided p of the slope, rows taken as independent: too small, see the interval
    slope                   DOUBLE,           -- steps per unit of the predictor
    intercept               DOUBLE,           -- steps
    r2_low                  DOUBLE,           -- 2.5 % of the bootstrap over problems
    r2_high                 DOUBLE,           -- 97.5 % of the bootstrap over problems
    r2_difference           DOUBLE,           -- r2 minus the r2 of min_prefill on the same rows
    r2_difference_low       DOUBLE,           -- 2.5 % of the bootstrap over problems
    r2_difference_high      DOUBLE,           -- 97.5 % of the bootstrap over problems
    r2_relative_difference  DOUBLE,           -- r2_difference divided by the r2 of min_prefill
    num_survival_rows       INTEGER NOT NULL, -- rows of the survival fit, censored ones included; the same rows for every predictor but the fixed-level one
    num_censored_rows       INTEGER NOT NULL, -- rows whose problem had not crossed by the last checkpoint
    concordance             DOUBLE,           -- Harrell's C of the predictor for time to threshold; 0.5 is chance
    cox_log_hazard_ratio    DOUBLE,           -- Cox coefficient for one standard deviation of the predictor, clustered by problem
    cox_p_value             DOUBLE,           -- two-sided p of that coefficient, robust to clustering by problem
    PRIMARY KEY (experiment, exploit_scope, predictor)
);
