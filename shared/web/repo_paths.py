"""Ids of repositories in paths: `namespace/name`, or a name alone, as clients of Hugging Face ask.

A route names it `{repo:repo}`. What follows an id is told by its word, so that the id of
`/api/models/churn/refs` is `churn`: no model has such a word for its name there.
"""

import re

from starlette.convertors import Convertor, register_url_convertor

from shared.domain.errors import NotFound
from shared.domain.hub_names import RESERVED_NAMES, model_of_repo

_WORDS = "|".join(sorted(map(re.escape, RESERVED_NAMES)))


class RepoConvertor(Convertor[str]):
    """One or two parts of a path."""

    regex = rf"[^/]+/(?!(?:{_WORDS})(?:/|$))[^/]+|[^/]+"

    def convert(self, value: str) -> str:
        """Return the id as it stands."""
        return value

    def to_string(self, value: str) -> str:
        """Return the part of a path that the id is."""
        return value


register_url_convertor("repo", RepoConvertor())


def model_of(repo: str) -> str:
    """Return the model that an id stands for; raises NotFound where it can stand for none."""
    try:
        return model_of_repo(repo)
    except ValueError as error:
        raise NotFound("model_not_found", f"there is no model {repo!r}: it {error}") from None
