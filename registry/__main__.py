"""`python -m registry`: the command `registry`."""

from registry.cli import main

if __name__ == "__main__":
    main()
