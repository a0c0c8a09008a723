"""The one place that says which version this is, read from what was installed."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("bellwether-holysheep")
except PackageNotFoundError:  # run from a source tree that nobody installed
    __version__ = "0+source"
