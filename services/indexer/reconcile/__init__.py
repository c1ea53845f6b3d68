"""The reconciler: bucket and records compared both ways, and repaired.

Events are hints that can be lost; what it finds here is found without any.
"""

from services.indexer.reconcile.report import Report
from services.indexer.reconcile.round import reconcile
from services.indexer.reconcile.schedule import Reconciler

__all__ = ["Reconciler", "Report", "reconcile"]
