-- The stamps inside the files of a pattern, one row a file: the ground of `partitions` and `superseded_partitions`.
WITH stamps AS (
    SELECT file_name, map_from_entries(list((decode(key), decode(value)))) AS stamp
    FROM parquet_kv_metadata({files})
    GROUP BY file_name
)
SELECT
    regexp_extract(file_name, '([^/]+)/experiment=', 1) AS table_name,
    regexp_extract(file_name, '/experiment=([^/]+)/', 1) AS experiment,
    TRY_CAST(nullif(regexp_extract(file_name, '/checkpoint=([0-9]+)/', 1), '') AS INTEGER) AS checkpoint,
    TRY_CAST(nullif(regexp_extract(file_name, '/prefill_level=([0-9]+)/', 1), '') AS INTEGER) AS prefill_level,
    stamp['num_rows']::BIGINT AS num_rows,
    stamp['data_version'] AS data_version,
    stamp['code_version'] AS code_version,
    stamp['input_version'] AS input_version,
    stamp['run_id'] AS run_id,
    stamp['written_at']::TIMESTAMPTZ AS written_at,
    stamp['parts_json']::JSON AS made_from,
    file_name
FROM stamps
WHERE experiment <> '_'
