"""Settings: where they are looked up, their types, defaults and validation."""

from p4books.settings.backup import KeepRules
from p4books.settings.delivery import DELIVERY_KINDS, Delivery
from p4books.settings.groups import Group, GroupInvalid
from p4books.settings.lake import Lake
from p4books.settings.load import (
    describe_place,
    list_published_tenants,
    load_groups,
    load_settings,
    locate_backups,
    locate_place,
    project_root,
)
from p4books.settings.model import (
    ENV_PREFIX,
    Settings,
    normalize_address,
    split_as_of,
    validate_settings,
)
from p4books.settings.places import check_folder, check_place, is_url
from p4books.settings.sources import collect_settings, read_sources
from p4books.settings.tenants import ConfiguredTenant, load_group_files, load_tenants

__all__ = [
    "DELIVERY_KINDS",
    "ENV_PREFIX",
    "ConfiguredTenant",
    "Delivery",
    "Group",
    "GroupInvalid",
    "KeepRules",
    "Lake",
    "Settings",
    "check_folder",
    "check_place",
    "collect_settings",
    "describe_place",
    "is_url",
    "list_published_tenants",
    "load_group_files",
    "load_groups",
    "load_settings",
    "load_tenants",
    "locate_backups",
    "locate_place",
    "normalize_address",
    "project_root",
    "read_sources",
    "split_as_of",
    "validate_settings",
]
