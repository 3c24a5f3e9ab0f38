"""`prefill sql`: a question to the warehouse."""

from __future__ import annotations

import argparse
import sys

from prefill_assets.errors import InputError
from prefill_assets.locations import Locations


def answer_sql(arguments: argparse.Namespace) -> int:
    import duckdb

    from prefill_assets.warehouse.catalog import open_catalog
    from prefill_assets.warehouse.store import Warehouse

    locations = Locations.find()
    connection = open_catalog(Warehouse(locations.warehouse), locations.catalog)
    try:
        relation = connection.sql(arguments.query)
        if relation is None:
            return 0
        if arguments.csv:
            relation.write_csv("/dev/stdout", header=True)
        else:
            relation.show(max_rows=200, max_width=max(_terminal_width(), 80))
    except duckdb.Error as error:
        raise InputError(f"the statement fails: {error}", remedy='`prefill sql "SHOW TABLES"` lists what there is') from error
    return 0


def _terminal_width() -> int:
    import shutil

    return shutil.get_terminal_size((160, 40)).columns if sys.stdout.isatty() else 400
