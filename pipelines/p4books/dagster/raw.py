"""The asset `raw` of a tenant: one sync, from the API to the published file."""

from collections.abc import Iterator
from datetime import UTC, datetime

import dagster as dg
from pydantic import Field

from p4books.dagster.failures import count_attempts, is_repeated, run_step
from p4books.dagster.stop import run_stoppable
from p4books.dagster.tenant import RAW, TenantAssets, build_freshness_policy, name_pool
from p4books.errors import P4BooksError, SettingsError, fold_errors
from p4books.fleet.tenant_sync import SyncChoices, sync_and_notify
from p4books.settings import Settings
from p4books.storage.run_log import EndpointRun, RunLog, SyncSummary

COMPLETE = "complete"  # name of the check
_DESCRIPTION = (
    "What P4 Books has, with every version, in the private warehouse. A run reads the lists, loads "
    "what changed, and publishes the reports. If another run of the tenant is in progress, this "
    "one is skipped."
)


class SyncConfig(dg.Config):
    """What a person can choose for one run in the launchpad; see `p4books sync --help`."""

    endpoints: list[str] = Field([], description="The lists to read; none: those of the settings.")
    full: bool = Field(False, description="Read every list completely, regardless of the cost.")
    allow_gone: list[str] = Field([], description="Lists with mass deletions to accept.")
    allow_changed: list[str] = Field([], description="Lists whose rows may have become others.")
    trust_clock: bool = Field(False, description="Load even if the clock seems to be wrong.")


def build_raw(settings: Settings) -> dg.AssetsDefinition:
    """Build the asset that syncs a tenant."""
    names = TenantAssets(settings.tenant)

    @dg.asset(
        key=names.key(RAW),
        group_name=names.identifier,
        description=_DESCRIPTION,
        kinds={"duckdb"},
        output_required=False,
        pool=name_pool(settings),
        freshness_policy=build_freshness_policy(settings),
    )
    def raw(
        context: dg.AssetExecutionContext, config: SyncConfig
    ) -> Iterator[dg.MaterializeResult[None]]:
        if summary := run_step(context, lambda: _sync(context, settings, config)):
            yield dg.MaterializeResult(
                metadata=_describe(summary), data_version=_find_version(settings)
            )

    return raw


def build_complete_check(settings: Settings) -> dg.AssetChecksDefinition:
    """Build the check that a sync did all that it was to do; a run without that fails.

    It is a step of its own, so that what was loaded is published all the same.
    """
    names = TenantAssets(settings.tenant)
    key = names.key(RAW)

    @dg.multi_asset_check(
        name=f"{names.identifier}__{COMPLETE}",
        specs=[
            dg.AssetCheckSpec(
                COMPLETE,
                asset=key,
                description="Every list was read and loaded, and what changed was published.",
            )
        ],
    )
    def complete(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        faults = _load_faults(context.instance, settings, key)
        yield dg.AssetCheckResult(
            passed=not faults,
            description="\n\n".join(faults),
            metadata={"faults": len(faults)},
        )
        if faults:
            raise dg.Failure("\n".join(faults), allow_retries=False)

    return complete


def build_broken(name: str, fault: SettingsError | None) -> dg.AssetsDefinition:
    """Build the asset of a tenant or group whose settings are wrong: to run it says what is."""
    names = TenantAssets(name)

    @dg.asset(
        key=names.key(RAW),
        group_name=names.identifier,
        description=f"The settings of this tenant are wrong: {fault}",
    )
    def raw() -> None:
        raise dg.Failure(str(fault), allow_retries=False)

    return raw


def _sync(context: dg.AssetExecutionContext, settings: Settings, config: SyncConfig) -> SyncSummary:
    """Sync, and log what it has to say. Raises what `sync` does, and its error if no list was read.

    The alerts are sent unless the step will be tried again.
    """
    summary = SyncSummary(settings.tenant)
    choices = SyncChoices(
        endpoints=config.endpoints,
        full=config.full,
        allow_gone=config.allow_gone,
        allow_changed=config.allow_changed,
        trust_clock=config.trust_clock,
    )
    attempt = count_attempts(context)
    run_stoppable(
        lambda: sync_and_notify(
            settings, summary, choices, lambda error: is_repeated(error, attempt)
        )
    )
    for note in summary.notes:
        context.log.warning(note)
    for message in fold_errors(summary.faults):
        context.log.error(message)
    if summary.failure:
        raise summary.failure
    return summary


def _load_faults(instance: dg.DagsterInstance, settings: Settings, key: dg.AssetKey) -> list[str]:
    """Load what went wrong in the last run that Dagster knows."""
    event = instance.get_latest_materialization_event(key)
    number = event.asset_materialization.metadata.get("run") if event else None  # type: ignore[union-attr]
    if number is None or not isinstance(number.value, int):
        return []
    faults = RunLog(settings.run_log).load_faults(number.value)
    return fold_errors(P4BooksError(fault.sentence) for fault in faults)


def _find_version(settings: Settings) -> dg.DataVersion:
    """Return what changes only if the rows in the warehouse do: the last run that changed any."""
    return dg.DataVersion(f"run {RunLog(settings.run_log).find_change_since(0)}")


def _describe(summary: SyncSummary) -> dict[str, dg.MetadataValue]:
    readings = summary.readings
    read_at = [reading.ended_at for reading in readings]
    counts = {
        "dagster/row_count": sum(reading.held for reading in readings),
        **{count: summary.sum(count) for count in ("new", "changed", "gone")},
        "requests": summary.requests,
    }
    return {
        **{name: dg.MetadataValue.int(count) for name, count in counts.items()},
        **({"as_of": dg.MetadataValue.timestamp(min(read_at))} if read_at else {}),
        "seconds": dg.MetadataValue.float(round(summary.seconds, 2)),
        "seconds_waited": dg.MetadataValue.float(round(summary.waited, 2)),
        "published": dg.MetadataValue.bool(summary.published),
        "run": dg.MetadataValue.int(summary.run or 0),
        "lists": dg.MetadataValue.table([_describe_reading(reading) for reading in readings]),
    }


def _describe_reading(reading: EndpointRun) -> dg.TableRecord:
    current_to = reading.current_to and datetime.fromtimestamp(reading.current_to, UTC)
    return dg.TableRecord(
        {
            "list": reading.endpoint,
            "rows": reading.held,
            "new": reading.new,
            "changed": reading.changed,
            "gone": reading.gone,
            "requests": reading.requests,
            "current to": f"{current_to:%Y-%m-%d %H:%M:%S} UTC" if current_to else "",
        }
    )
