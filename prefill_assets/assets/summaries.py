"""What the metadata of a partition says of its rows, as SQL over the partition."""

SUMMARIES: dict[str, dict[str, str]] = {
    "problems": {"num_exploit_types": "count(DISTINCT exploit_type)"},
    "prefill_traces": {"mean_reasoning_words": "avg(reasoning_words)"},
    "eval_samples": {
        "num_errors": "count(error)",
        "output_tokens": "sum(output_tokens)",
        "share_cut_by_length": "avg((finish_reason = 'length')::INTEGER)",
    },
    "eval_results": {
        "num_known": "count(*) FILTER (error IS NULL AND exploit_success IS NOT NULL)",
        "num_exploits": "count(*) FILTER (error IS NULL AND exploit_success)",
        "num_errors": "count(*) FILTER (error IS NOT NULL OR exploit_success IS NULL)",
        "exploit_rate": "avg(exploit_success::INTEGER) FILTER (error IS NULL)",
    },
    "prefill_logprobs": {
        "num_errors": "count(*) FILTER (error IS NOT NULL OR prefill_logprob_sum IS NULL)",
        "prefill_tokens": "sum(prefill_num_tokens)",
        "mean_logprob_sum_nats": "avg(prefill_logprob_sum)",
    },
    "trajectory": {
        "num_exploitable": "count(*) FILTER (exploitable)",
        "num_unknown": "count(*) FILTER (exploitable IS NULL)",
        "median_min_prefill_words": "median(min_prefill)",
    },
    "trajectory_analysis": {
        "num_problems": "count(DISTINCT (task_id, exploit_type))",
        "num_ever_at_threshold": "count(DISTINCT (task_id, exploit_type)) FILTER (ever_reaches_threshold)",
    },
    "trajectory_with_logprob": {"num_matched": "count(min_prefill_logprob_sum)"},
    "predictor_comparison": {
        "r2_min_prefill": "any_value(r2) FILTER (predictor = 'min_prefill' AND exploit_scope = 'all')",
        "r2_min_prefill_logprob_sum": "any_value(r2) FILTER (predictor = 'min_prefill_logprob_sum' AND exploit_scope = 'all')",
    },
    "threshold_comparison": {
        "num_both": "count(*) FILTER (reached = 'both')",
        "num_token_only": "count(*) FILTER (reached = 'token_only')",
        "num_logprob_only": "count(*) FILTER (reached = 'logprob_only')",
        "num_neither": "count(*) FILTER (reached = 'neither')",
    },
}
"""Name of a metadata entry, and the aggregate that gives it; an unknown one is left out."""
