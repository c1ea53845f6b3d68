"""`python -m local`."""

from local.commands.cli import main

if __name__ == "__main__":
    main()
