"""Verification of a model file's container format, by ranged reads of its header only."""

from services.indexer.checks.formats import check_format
from services.indexer.checks.report import FormatError, FormatReport, RangeReader

__all__ = ["FormatError", "FormatReport", "RangeReader", "check_format"]
