"""Runs the process of one check: `python -m shared.formats.sandbox`."""

from shared.formats.sandbox.child import main

main()
