"""What users are told of the tensors of a file."""

from dataclasses import asdict

from registry.schemas import TensorSummary
from shared.formats.inventory import Totals


def summary_of(totals: Totals) -> TensorSummary:
    """Return the totals of a file as answers and events have them."""
    return TensorSummary.model_validate(asdict(totals))
