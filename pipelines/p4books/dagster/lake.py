"""The lake of a tenant as an asset; the sync has written it."""

from collections.abc import Iterator

import dagster as dg

from p4books.dagster.failures import run_step
from p4books.dagster.models import read_published_file
from p4books.dagster.tenant import PUBLISHED, TenantAssets
from p4books.settings import Settings
from p4books.storage.lake_place import find_lake
from p4books.storage.run_log import RunLog

LAKE = "lake"


def build_lake(settings: Settings) -> dg.AssetsDefinition:
    """Build the asset of the tenant's lake: its last snapshot, if that has all of the file."""
    names = TenantAssets(settings.tenant)

    @dg.asset(
        key=names.key(LAKE),
        deps=[names.key(PUBLISHED)],
        group_name=names.identifier,
        description="The published tables in the lake, and their earlier snapshots.",
        kinds={"ducklake", "postgres"},
        output_required=False,
    )
    def lake(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[None]]:
        record = run_step(context, lambda: RunLog(settings.run_log).load_lake())
        file = run_step(context, lambda: read_published_file(settings))
        place = find_lake(settings)
        if not (place and record and file and place.has_all(record, file.digest)):
            context.log.warning("The lake does not have all of the published file yet.")
            return
        yield dg.MaterializeResult(
            metadata={"snapshot": dg.MetadataValue.int(record.snapshot), **file.describe()},
            data_version=dg.DataVersion(f"snapshot {record.snapshot}"),
        )

    return lake
