-- What partitions were before: one row for each superseded version of one, and when it was written.
CREATE OR REPLACE VIEW superseded_partitions AS
FROM (
{stamps of /superseded/*/experiment=*/**/*.parquet}
) AS kept
WHERE NOT EXISTS (
    FROM partitions AS p
    WHERE p.table_name = kept.table_name AND p.experiment = kept.experiment
        AND p.written_at = kept.written_at AND p.data_version = kept.data_version
)
