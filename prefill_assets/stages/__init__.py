"""The pipeline's stages, from rows to rows: what each partition depends on, and how its rows are made."""
