"""Figures of trust: what is odd in the books, what was changed, and whether the runs work."""

from dataclasses import dataclass

import duckdb

from p4books.publish.figures.filters import Filters
from p4books.publish.figures.tables import TODAY, FigureTable, TableQuery, read_table


@dataclass(frozen=True)
class TrustFigures:
    """Findings, changes of documents in the period, and what the last runs read.

    `rules` counts the findings by rule. They are about all currencies.
    """

    rules: FigureTable
    findings: FigureTable
    balances: FigureTable
    changes: FigureTable
    voided: FigureTable
    runs: FigureTable


def load_trust(con: duckdb.DuckDBPyConnection, filters: Filters) -> TrustFigures:
    """Load the figures of trust. Raises duckdb.Error."""
    return TrustFigures(
        **{
            field: read_table(con, TableQuery(field, f"reporting.{model}", sql, filters.values))
            for field, (model, sql) in _QUERIES.items()
        },
    )


# An instant counts for the day that it was in the tenant's time zone.
_SEEN_IN_PERIOD = f"""
    timezone((select timezone from {TODAY}), {{instant}})::date between $first_on and $last_on
"""

_QUERIES = {
    "rules": (
        "data_quality",
        """
        select severity, rule, entity, count(*) as findings
        from reporting.data_quality
        group by severity, rule, entity
        order by severity, findings desc, rule, entity
        """,
    ),
    "findings": (
        "data_quality",
        "from reporting.data_quality order by severity, rule, entity, entity_id, place",
    ),
    "balances": (
        "customer_balance_reconciliation",
        """
        from reporting.customer_balance_reconciliation
        where not is_reconciled and ($customer_id is null or customer_id = $customer_id)
        order by abs(difference) desc nulls last, customer_id
        """,
    ),
    "changes": (
        "document_changes",
        f"""
        from reporting.document_changes where {_SEEN_IN_PERIOD.format(instant="seen_at")}
        order by seen_at desc, document_type, document_id
        """,
    ),
    "voided": (
        "void_and_deleted",
        f"""
        from reporting.void_and_deleted where {_SEEN_IN_PERIOD.format(instant="last_seen_at")}
        order by last_seen_at desc, document_type, document_id
        """,
    ),
    "runs": ("sync_health", "from reporting.sync_health order by run_id desc, endpoint"),
}
