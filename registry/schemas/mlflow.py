"""How what MLflow says of a version is kept here: by the services, by importing, by the plugin.

MLflow's tags and metrics may have dots in their names, which entries here may not.
"""

import re
from collections.abc import Iterable, Mapping

from pydantic import JsonValue

from registry.schemas.names import check_file_path

RUN_ID = "mlflow_run_id"
"""Tag that holds the id of the run that made a version."""
RUN_LINK = "mlflow_run_link"
SOURCE = "mlflow_source"
"""Tag that holds where MLflow had the version's files from."""
MODEL_ID = "mlflow_model_id"
OWN_TAGS = frozenset((RUN_ID, RUN_LINK, SOURCE, MODEL_ID))
"""Tags that MLflow's clients see as fields of a version, and not among its tags."""
EMPTY_FILES = "mlflow_empty_files"
"""Property that lists the paths of files without a byte: a version here has none."""

MAX_ADDRESS_CHARACTERS = 1024
"""Of a source or a link to a run that is kept."""

_ESCAPED = re.compile(r"%(25|2E|24)")
_SPECIAL = re.compile(r"[.$]|%(?=25|2E|24)")


def entry_name(key: str) -> str:
    """Return the name of an entry that stands for a key of MLflow's: `a.b` is kept as `a%2Eb`."""
    return _SPECIAL.sub(lambda found: f"%{ord(found[0]):02X}", key)


def key_of(entry: str) -> str:
    """Return the key that an entry's name stands for."""
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), entry)


def own_tags(
    *, run_id: str | None, run_link: str | None, source: str | None, model_id: str | None
) -> dict[str, str]:
    """Return the tags that hold what MLflow has fields for; of what is not known there is none.

    Every reader of the version sees them: an address that may hold a secret is left out.
    """
    if source and "?" in source:  # it may be signed
        source = None
    told = {RUN_ID: run_id, RUN_LINK: _known(run_link), SOURCE: _known(source), MODEL_ID: model_id}
    return {name: value for name, value in told.items() if value}


def _known(address: str | None) -> str | None:
    """Return an address that names no user, and so no password, up to a bound; else nothing."""
    if address is None or "@" in address.partition("://")[2].partition("/")[0]:
        return None
    return address[:MAX_ADDRESS_CHARACTERS]


def empty_files(properties: Mapping[str, JsonValue]) -> Iterable[str]:
    """Yield the paths of a version's files without a byte; what is no path is passed over."""
    listed = properties.get(EMPTY_FILES)
    for each in listed if isinstance(listed, list) else ():
        if isinstance(each, str) and each:
            try:
                yield check_file_path(each)
            except ValueError:
                continue
