"""Lake: the published tables of each tenant as snapshots in DuckLake, for many readers."""

from p4books.lake.errors import LakeMissing, LakeTrouble
from p4books.lake.read import open_lake
from p4books.lake.write import LakeSnapshot, write_lake
from p4books.storage.lake_place import LakePlace, find_lake

__all__ = [
    "LakeMissing",
    "LakePlace",
    "LakeSnapshot",
    "LakeTrouble",
    "find_lake",
    "open_lake",
    "write_lake",
]
