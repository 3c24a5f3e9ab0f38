-- The fits as rows of table predictor_comparison, with its types.
SELECT fit.*
FROM (
    SELECT
        unnest($fits::STRUCT(
            experiment VARCHAR,
            exploit_scope VARCHAR,
            predictor VARCHAR,
            num_rows INTEGER,
            num_problems INTEGER,
            r2 DOUBLE,
            p_value DOUBLE,
            slope DOUBLE,
            intercept DOUBLE,
            r2_low DOUBLE,
            r2_high DOUBLE,
            r2_difference DOUBLE,
            r2_difference_low DOUBLE,
            r2_difference_high DOUBLE,
            r2_relative_difference DOUBLE,
            num_survival_rows INTEGER,
            num_censored_rows INTEGER,
            concordance DOUBLE,
            cox_log_hazard_ratio DOUBLE,
            cox_p_value DOUBLE
        )[]) AS fit
)
