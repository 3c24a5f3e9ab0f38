"""From verdicts to answers: SQL for the tables, statistics for the comparison."""
