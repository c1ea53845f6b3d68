"""What is told of search's state: whether it answers, its lag, and what checks have mended."""

from typing import Any

from services.query.search.projection.projection import Projection
from shared.runtime.progress import troubles


async def health_of(projection: Projection) -> dict[str, Any]:
    """Return what search waits for, nothing where it is up, and its figures."""
    figures = projection.figures
    waits_for = [] if figures.is_loaded else ["search is loading"]
    compared, checked = figures.compared_at, figures.checked_at
    return {
        "waits_for": waits_for + troubles(projection.marks),
        "lag_seconds": round(projection.lag_seconds(), 3),
        "lag_models": projection.hints.models,
        "compared_at": compared.isoformat() if compared else None,
        "behind_at_comparison": figures.behind,
        "checked_at": checked.isoformat() if checked else None,
        "mended_rows": figures.mended,
        "file_bytes": await projection.size_bytes(),
    }
