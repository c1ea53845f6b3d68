"""What a check may not cost."""


class TooCostly(Exception):
    """The check needs more than its budget; that says nothing about the file yet."""

    def __init__(self, limit: str) -> None:
        super().__init__(f"the check needs more than {limit}")
        self.limit = limit
        """What there would have to be more of, with its number."""
