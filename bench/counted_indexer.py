"""The indexer as valgrind runs it: some 140 times as slow, 7 events a second in place of 1,000.

So it makes as many times fewer spans a second, and sends them as many times less often. Else each
version of a backlog had its spans, and they were sent in hundreds of requests. What counts is the
steady share of a long backlog: its first seconds have more spans.
"""

import os
import runpy

from shared.runtime.telemetry import share

SLOWER = 140
SENT_EVERY_MILLISECONDS = 5000
"""The SDK's default."""

share.SPANS_PER_SECOND /= SLOWER
os.environ["OTEL_BSP_SCHEDULE_DELAY"] = str(SENT_EVERY_MILLISECONDS * SLOWER)
runpy.run_module("services.indexer", run_name="__main__")
