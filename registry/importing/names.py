"""Which name each model is given here."""

from collections.abc import Mapping

from registry.importing.sources import ImportRefused
from registry.schemas.names import check_model_name


class Names:
    """Names of models at the source, and here; two there never get one name here."""

    def __init__(self, renamed: Mapping[str, str]) -> None:
        self._renamed = renamed
        self._taken: dict[str, str] = {}

    def given(self, name: str) -> str:
        """Return the name of a model here; raises ImportRefused with the rule."""
        here = self._renamed.get(name, name)
        try:
            check_model_name(here)
        except ValueError as error:
            told = f"the name {here!r} {error}; give another one: --rename {name!r}=NAME"
            raise ImportRefused(told) from None
        other = self._taken.setdefault(here, name)
        if other != name:
            raise ImportRefused(f"the name {here!r} is that of {other!r} already")
        return here
