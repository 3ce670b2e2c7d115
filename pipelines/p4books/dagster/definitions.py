"""All definitions for the tenants and groups of the settings."""

import logging
import os
from collections.abc import Collection, Sequence
from pathlib import Path

import dagster as dg

from p4books.dagster.failures import build_failure_sensor
from p4books.dagster.groups import build_group
from p4books.dagster.lake import LAKE, build_lake
from p4books.dagster.models import ModelAssets, build_models, build_published, load_model_assets
from p4books.dagster.raw import build_broken, build_complete_check, build_raw
from p4books.dagster.tenant import PUBLISHED, RAW, TenantAssets, build_schedule
from p4books.errors import SettingsError, describe_unknown
from p4books.settings import ConfiguredTenant, Settings, load_group_files, load_tenants
from p4books.spelling import fold_name
from p4books.storage.lake_place import find_lake
from p4books.transform.models import SqlSources

log = logging.getLogger(__name__)


class P4Books(dg.Component, dg.Model, dg.Resolvable):
    """The tenants of p4books, for a `defs.yaml`; the attributes are those of build_definitions."""

    root: str | None = None
    tenants: list[str] | None = None
    models: bool = True
    running: bool = False

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """Build the definitions; `root` is relative to the folder of the file."""
        root = context.path / self.root if self.root else None
        return build_definitions(root, self.tenants, models=self.models, running=self.running)


def build_definitions(
    root: Path | str | None = None,
    tenants: Collection[str] | None = None,
    *,
    models: bool = True,
    running: bool = False,
) -> dg.Definitions:
    """Build the assets, checks, jobs, schedules and sensors for the tenants of the settings.

    `root` is the folder of the settings; None is the one that DLT_PROJECT_DIR names, or the current
    one. For all of this process it becomes that of DLT_PROJECT_DIR. With `tenants` there are only
    these, and the groups of which all tenants are among them. Without `models` these and their
    checks are no assets, only the files are. Schedules and sensors are stopped until a person
    starts them, unless they are to be `running`.

    A tenant whose settings are wrong has an asset that fails and says why. Raises SettingsError if
    the settings cannot be read or name no tenant, BrokenSql about a built-in model.
    """
    if root is not None:
        os.environ["DLT_PROJECT_DIR"] = str(Path(root).resolve())
    configured = _load_tenants(tenants)
    valid = [each.settings for each in configured if each.settings]
    groups = _choose_groups(configured, everything=tenants is None)
    catalogue = load_model_assets(SqlSources.at()) if models else ModelAssets()
    raws = [build_raw(settings) for settings in valid]
    checks = [build_complete_check(settings) for settings in valid]
    steps = frozenset(each.node_def.name for each in (*raws, *checks))
    alerted = {TenantAssets(each.tenant).tag: each for each in valid if each.notify}
    return dg.Definitions(
        assets=[
            *raws,
            *(build_published(settings, catalogue) for settings in valid),
            *(build_models(settings, catalogue) for settings in valid if models),
            *(build_lake(settings) for settings in valid if find_lake(settings)),
            *(build_group(settings, {each.tenant for each in valid}) for settings in groups),
            *(build_broken(each.name, each.fault) for each in configured if each.fault),
        ],
        asset_checks=checks,
        schedules=[
            build_schedule(each, _select_assets(each, groups), is_running=running)
            for each in configured
        ],
        sensors=[build_failure_sensor(alerted, steps, is_running=running)] if alerted else [],
        executor=dg.in_process_executor,  # the steps of a run share the files of its machine
    )


def _load_tenants(names: Collection[str] | None) -> list[ConfiguredTenant]:
    """Load the tenants of these names, by default all. Raises SettingsError."""
    configured = load_tenants(names=names)
    found = {fold_name(each.name) for each in configured}
    for name in names or ():
        if fold_name(name) not in found:
            known = [each.name for each in load_tenants()]
            raise SettingsError(describe_unknown("tenant", name, known))
    if not configured:
        raise SettingsError(
            "The settings name no tenant, so that there is nothing to define. Add a table such as "
            "[sources.p4books.tenants.north] with its api_key to .dlt/secrets.toml."
        )
    return configured


def _choose_groups(configured: Sequence[ConfiguredTenant], *, everything: bool) -> list[Settings]:
    """Return the settings of the groups' files, or of those of which all tenants are configured.

    Groups that the settings have wrong are left out, and a warning says so.
    """
    known = {fold_name(each.name) for each in configured}
    groups = []
    for group in _load_groups():
        if group.settings is None:
            log.warning("%s has no assets: %s", group.name, group.fault)
        elif everything or known.issuperset(map(fold_name, group.settings.members)):
            groups.append(group.settings)
    return groups


def _load_groups() -> list[ConfiguredTenant]:
    try:
        return load_group_files()
    except SettingsError as error:
        log.warning("No group has assets: %s", error)
        return []


def _select_assets(tenant: ConfiguredTenant, groups: Sequence[Settings]) -> dg.AssetSelection:
    """Select what a sync of a tenant makes, and the files of its groups."""
    names = TenantAssets(tenant.name)
    parts = [RAW, *([PUBLISHED] if tenant.settings else [])]
    if tenant.settings and find_lake(tenant.settings):
        parts.append(LAKE)
    files = [
        TenantAssets(group.tenant).key(PUBLISHED)
        for group in groups
        if fold_name(tenant.name) in map(fold_name, group.members)
    ]
    return dg.AssetSelection.assets(*map(names.key, parts), *files)
