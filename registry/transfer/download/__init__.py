"""From a version to files: placement and sinks, led by the downloader."""
