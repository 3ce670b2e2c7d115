"""What all definitions of a tenant have in common: names, pool, schedule, freshness."""

import hashlib
import re
from dataclasses import dataclass
from datetime import timedelta

import dagster as dg

from p4books.extract.rate_limiter import hash_key
from p4books.fleet.schedule.interval import format_cron, round_down
from p4books.settings import ConfiguredTenant, Settings
from p4books.settings.model import TENANT_NAME

TENANT_TAG = "p4books/tenant"  # of a run
RAW = "raw"  # the last part of an asset key, after the tenant
PUBLISHED = "published"


@dataclass(frozen=True)
class TenantAssets:
    """The names of a tenant in Dagster, where only letters, digits and underscores are allowed.

    `name` is as the settings have it, which may be invalid.
    """

    name: str

    @property
    def identifier(self) -> str:
        """The name for groups, jobs, operations; no two tenants have the same.

        A valid name has no underscore, so that one for each hyphen is enough.
        """
        if TENANT_NAME.fullmatch(self.name):
            return self.name.replace("-", "_")
        digest = hashlib.sha256(self.name.encode(errors="surrogatepass")).hexdigest()
        return f"{re.sub('[^A-Za-z0-9]', '_', self.name)[:60]}_{digest[:8]}"

    @property
    def tag(self) -> str:
        """The name for tags."""
        return self.name if TENANT_NAME.fullmatch(self.name) else self.identifier

    def key(self, *parts: str) -> dg.AssetKey:
        """Return the key of an asset: the tenant, and for a model its schema and name."""
        return dg.AssetKey([self.tag, *parts])


def name_pool(settings: Settings) -> str:
    """Return the pool of the API key: tenants that share a key share its limit.

    It has a hash of the key, from which the key cannot be computed.
    """
    return f"p4books_{hash_key(settings.key)}"


def choose_cron(settings: Settings) -> tuple[str, timedelta]:
    """Return when cron syncs a tenant, and how often.

    That is the setting `sync_interval`, or the next shorter interval that cron can express.
    """
    every = round_down(timedelta(minutes=settings.sync_interval))
    digest = hashlib.sha256(settings.tenant.encode()).digest()
    return format_cron(every, int.from_bytes(digest[:4], "big")), every


def build_freshness_policy(settings: Settings) -> dg.FreshnessPolicy:
    """Build the policy by which figures are old as `p4books status` calls them.

    That is when the second run in a row is due and none has ended since the one before.
    """
    cron, every = choose_cron(settings)
    return dg.FreshnessPolicy.cron(cron, every, settings.timezone)


def build_schedule(
    tenant: ConfiguredTenant, selection: dg.AssetSelection, *, is_running: bool
) -> dg.ScheduleDefinition:
    """Build the job that syncs a tenant, and its schedule in the tenant's time zone.

    A tenant whose settings are wrong fails every hour.
    """
    names = TenantAssets(tenant.name)
    cron, zone = "0 * * * *", None
    if tenant.settings:
        (cron, _), zone = choose_cron(tenant.settings), tenant.settings.timezone
    status = dg.DefaultScheduleStatus.RUNNING if is_running else dg.DefaultScheduleStatus.STOPPED
    return dg.ScheduleDefinition(
        name=f"sync_{names.identifier}",
        job=dg.define_asset_job(
            f"sync_{names.identifier}",
            selection=selection,
            description=f"Sync {tenant.name}.",
            tags={TENANT_TAG: names.tag},
            executor_def=dg.in_process_executor,
        ),
        cron_schedule=cron,
        execution_timezone=zone,
        default_status=status,
    )
