"""The files of groups as assets: each is made of the published files of its tenants."""

from collections.abc import Collection, Iterator

import dagster as dg

from p4books.dagster.failures import run_step
from p4books.dagster.models import read_published_file
from p4books.dagster.tenant import PUBLISHED, TenantAssets
from p4books.fleet.groups.publish import publish_while_due
from p4books.settings import Settings
from p4books.spelling import fold_name


def build_group(settings: Settings, tenants: Collection[str]) -> dg.AssetsDefinition:
    """Build the asset of a group's file; `tenants` are those that have assets."""
    names = TenantAssets(settings.tenant)
    known = {fold_name(tenant): tenant for tenant in tenants}
    members = [known[fold_name(each)] for each in settings.members if fold_name(each) in known]

    @dg.asset(
        key=names.key(PUBLISHED),
        deps=[TenantAssets(member).key(PUBLISHED) for member in members],
        group_name=names.identifier,
        description=f"One file with the books of {', '.join(settings.members)}.",
        kinds={"duckdb"},
        output_required=False,
    )
    def published(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[None]]:
        outcomes = run_step(context, lambda: publish_while_due(settings.tenant))
        done = [outcome.published for outcome in outcomes or () if outcome.published]
        for warning in done[-1].warnings if done else ():
            context.log.warning(warning)
        if file := run_step(context, lambda: read_published_file(settings)):
            yield dg.MaterializeResult(
                metadata=file.describe(), data_version=dg.DataVersion(file.digest)
            )
        if faults := [str(fault) for outcome in outcomes or () for fault in outcome.faults]:
            raise dg.Failure("\n".join(faults), allow_retries=False)

    return published
