"""Which version this program is."""

from importlib.metadata import version

VERSION = version("prefect-cloudtrail")
