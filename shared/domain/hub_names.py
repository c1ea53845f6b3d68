"""Models and versions as clients of Hugging Face name them: `namespace/name`, and 40 hex digits.

`risk/churn` is the model `risk.churn`, and `default/churn` is `churn`. Without a slash the name is
the model's own: so any model can be read whose name such a client lets through at all.
"""

import hashlib
import re

from registry.schemas.names import check_model_name

DEFAULT_NAMESPACE = "default"
"""Stands before a model that has no namespace."""
RESERVED_NAMESPACES = frozenset(
    ("models", "datasets", "spaces", "api", "v1", "v2", "health", "mlflow", "openapi.json")
)
"""The first part of other paths: of those clients', and of the services' own."""
RESERVED_NAMES = frozenset(
    (
        *("resolve", "raw", "blob", "revision", "tree", "paths-info", "refs", "commits"),
        *(
            "commit",
            "preupload",
            "branch",
            "tag",
            "compare",
            "settings",
            "auth-check",
            "super-squash",
            "xet-write-token",
        ),
    )
)
"""What follows a repository's id in a path, so that an id without a slash can be told by it."""
_CLIENTS_RULE = re.compile(r"(?:\b[\w.-]+\b/)?\b[\w.-]{1,96}\b\Z")
"""As huggingface_hub checks ids before it sends anything (utils/_validators.py, 0.36 to 2.4)."""
_VERSION_ID = re.compile(r"[0-9a-f]{32}\Z")
_COMMIT_ID = re.compile(r"[0-9a-f]{40}\Z")
_CHECK_DIGITS = 8
NEWEST = "main"
"""The revision that these clients ask for where nobody names one: the newest ready version."""


def model_of_repo(repo_id: str) -> str:
    """Return the name of the model that a repository's id stands for.

    Raises ValueError with the rule that it breaks. No two ids with a slash stand for one model.
    """
    if "--" in repo_id or ".." in repo_id or repo_id.endswith(".git"):
        raise ValueError("must not contain '--' or '..', nor end with '.git'")
    if not _CLIENTS_RULE.match(repo_id):
        raise ValueError(
            "must be NAMESPACE/NAME, of letters, digits or any of . _ -, "
            "and neither begin nor end with . or -"
        )
    namespace, slash, name = repo_id.partition("/")
    if not slash:
        return check_model_name(repo_id)
    if "." in namespace:
        raise ValueError("must not have a dot in its namespace: what follows the dot is the name")
    if namespace in RESERVED_NAMESPACES:
        raise ValueError(f"must not have the namespace {namespace!r}, which is reserved")
    if name in RESERVED_NAMES:
        raise ValueError(f"must not have the name {name!r}, which is reserved")
    if namespace != DEFAULT_NAMESPACE:
        return check_model_name(f"{namespace}.{name}")
    if "." in name:
        raise ValueError(f"must not have a dot in its name where it is in {DEFAULT_NAMESPACE!r}")
    return check_model_name(name)


def repo_of_model(model: str) -> str | None:
    """Return the id under which these clients know a model; None where they refuse any.

    It is `namespace/name` unless that is reserved or stands for another model: then it is the
    model's own name.
    """
    namespace, dot, name = model.partition(".")
    with_slash = f"{namespace}/{name}" if dot else f"{DEFAULT_NAMESPACE}/{model}"
    for repo_id in (with_slash, model):
        if _stands_for(repo_id, model):
            return repo_id
    return None


def commit_of_version(version_id: str) -> str:
    """Return the commit id of a version: its own id, and a check of it.

    These clients take 40 hex digits alone for a commit, and cache what they fetched by it. Raises
    ValueError for what is no version's id.
    """
    if not _VERSION_ID.match(version_id):
        raise ValueError("must be the id of a version: 32 lower-case hex digits")
    return version_id + _check_of(version_id)


def version_of_commit(commit_id: str) -> str | None:
    """Return the id of the version that has this commit id; None for any other text."""
    if not _COMMIT_ID.match(commit_id):
        return None
    version_id = commit_id[:-_CHECK_DIGITS]
    return version_id if commit_id == version_id + _check_of(version_id) else None


def _stands_for(repo_id: str, model: str) -> bool:
    try:
        return model_of_repo(repo_id) == model
    except ValueError:
        return False


def _check_of(version_id: str) -> str:
    return hashlib.sha256(version_id.encode()).hexdigest()[:_CHECK_DIGITS]
