"""The lake that the settings of a tenant name."""

from p4books.lake.errors import NoLake
from p4books.settings import Settings, describe_place
from p4books.storage.lake_place import LakePlace, find_lake


def require_lake(settings: Settings) -> LakePlace:
    """Return where the lake of a tenant is. Raises NoLake if the settings name none."""
    if place := find_lake(settings):
        return place
    raise NoLake(settings.tenant, describe_place(settings))
