"""Where tables live: typed partitions, replaced whole, and a DuckDB file to query them."""
