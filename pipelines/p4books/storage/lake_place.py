"""Place of a tenant's lake: a schema in the catalog, and a prefix in the storage.

Writers of one DuckLake collide on the number of the snapshot, even if they write other tables, so
each tenant has one of its own.
"""

import hashlib
from dataclasses import dataclass

from pydantic import SecretStr

from p4books.settings import Settings, is_url
from p4books.spelling import fold_name
from p4books.storage.run_log import LakeRecord

_PREFIX = "p4books_"
_LONGEST = 63  # bytes of a name in Postgres, which cuts off the rest
_DIGEST = 12  # hexadecimal digits that stand for the end of a longer one


@dataclass(frozen=True)
class LakePlace:
    """Where the lake of a tenant is.

    `catalog` is the setting; `schema` is in its database, and `data` is where DuckLake keeps files.
    """

    tenant: str
    catalog: SecretStr
    schema: str
    storage: str

    @property
    def data(self) -> str:
        """The folder or URL of the tenant's files, with a slash at the end."""
        return f"{self.storage.rstrip('/')}/{fold_name(self.tenant)}/"

    @property
    def is_in_s3(self) -> bool:
        """Whether the files are in an S3-compatible storage."""
        return is_url(self.storage)

    @property
    def identity(self) -> str:
        """What is another one if the lake is elsewhere; it shows no password."""
        text = f"{self.catalog.get_secret_value()} {self.schema} {self.data}"
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def has_all(self, record: LakeRecord | None, digest: str) -> bool:
        """Return whether the lake has all of a published file, by what this machine wrote last."""
        return record is not None and (record.digest, record.place) == (digest, self.identity)


def find_lake(settings: Settings) -> LakePlace | None:
    """Return where the lake of a tenant is; None if the settings name no storage for it."""
    lake = settings.lake
    if lake is None or not lake.storage:
        return None
    return LakePlace(settings.tenant, lake.catalog, _name_schema(settings.tenant), lake.storage)


def _name_schema(tenant: str) -> str:
    """Return the schema of a tenant: the same for all spellings, and no two tenants share one."""
    name = _PREFIX + fold_name(tenant)
    if len(name) <= _LONGEST:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:_DIGEST]
    return f"{name[: _LONGEST - _DIGEST - 1]}_{digest}"  # names of tenants have no underscore
