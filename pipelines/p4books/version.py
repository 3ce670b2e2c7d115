"""Which version is this?"""

from importlib.metadata import PackageNotFoundError, version

try:
    VERSION = version("p4books")
except PackageNotFoundError:  # read from a tree that nobody installed
    VERSION = "0"
