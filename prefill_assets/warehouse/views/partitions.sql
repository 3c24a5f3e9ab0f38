-- How every partition of every table was made: one row a partition, from the metadata inside its file.
CREATE OR REPLACE VIEW partitions AS
{stamps of /*/experiment=*/**/*.parquet}
