"""Inputs of the models beside the rows of the warehouse: seeds, runs, the as-of instant."""

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

from p4books.settings import Settings
from p4books.storage.run_log import Run
from p4books.transform.as_of import record_as_of
from p4books.transform.models import SEEDS_SCHEMA, SqlSources
from p4books.transform.seeds import load_seeds

INPUTS = "memory.raw"  # schema of the inputs; for the models it is a part of `raw`
USER_TABLES = f"memory.{SEEDS_SCHEMA}"  # schema of the user's own tables


@dataclass(frozen=True)
class ModelInputs:
    """Where the inputs come from: the settings, the folders of SQL, and all runs of the log."""

    settings: Settings
    sql: SqlSources
    runs: Sequence[Run]

    def load(self, con: duckdb.DuckDBPyConnection) -> None:
        """Load the inputs into the schema `raw` in use. Raises BrokenSeed, with file and line."""
        load_seeds(con, self.sql)
        record_as_of(con, self.settings, self.runs)


def use_inputs(con: duckdb.DuckDBPyConnection) -> None:
    """Use the inputs, and beside them the rows of the attached database `warehouse`, as `raw`.

    The user's own tables are not loaded before the custom models, which alone read them.
    """
    con.execute(f"create schema if not exists {INPUTS}; create schema if not exists {USER_TABLES}")
    con.execute(f"set search_path = '{INPUTS},warehouse.raw,memory.main'")
