"""Runs the process of one check: `python -m services.indexer.verify.sandbox`."""

from services.indexer.verify.sandbox.child import main

main()
