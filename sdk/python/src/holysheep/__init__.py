"""The Python client of a Bellwether gateway, on top of the openai package."""

from ._version import __version__ as __version__
