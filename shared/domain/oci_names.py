"""Models as OCI clients name them: in lower case, and by the grammar of the distribution spec.

https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-manifests
"""

import re

from registry.schemas.names import check_model_name
from shared.domain.hub_names import DEFAULT_NAMESPACE

_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_NAME = re.compile(rf"{_PART}(?:/{_PART})*\Z")
_TAG = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}\Z")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}\Z")


def model_of_oci_name(name: str) -> str:
    """Return the model that a name stands for; raises ValueError with the rule that it breaks.

    `risk.churn` and `risk/churn` are one model, and so are `churn` and `default/churn`.
    """
    if name.lower() != name:
        raise ValueError(
            "must be lower case: OCI clients cannot name a model that has upper-case letters"
        )
    if not _NAME.match(name) or name.count("/") > 1:
        raise ValueError(
            "must be NAME or NAMESPACE/NAME, of lower-case letters and digits, with one of . _ - "
            "between them: OCI clients cannot name any other model"
        )
    namespace, slash, rest = name.partition("/")
    if not slash:
        return check_model_name(name)
    if "." in namespace:
        raise ValueError("must not have a dot in its namespace: what follows the dot is the name")
    if namespace == DEFAULT_NAMESPACE and "." in rest:
        raise ValueError(f"must not have a dot in its name where it is in {DEFAULT_NAMESPACE!r}")
    return check_model_name(rest if namespace == DEFAULT_NAMESPACE else f"{namespace}.{rest}")


def is_tag(text: str) -> bool:
    """Whether a text can be a tag."""
    return _TAG.match(text) is not None


def is_digest(text: str) -> bool:
    """Whether a text is a digest of the one kind that is served."""
    return _DIGEST.match(text) is not None
