"""Names of models and versions as clients of Hugging Face write them."""

import hashlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.schemas.names import check_model_name
from shared.domain.hub_names import (
    RESERVED_NAMES,
    RESERVED_NAMESPACES,
    commit_of_version,
    model_of_repo,
    repo_of_model,
    version_of_commit,
)
from shared.domain.records import new_id

parts = st.sampled_from(
    [*"aZ7._-é", "default", "risk", "churn", "models", "api", "refs", ".git", "..", "--", "x"]
)
texts = st.lists(parts, min_size=1, max_size=6).map("".join)
repo_ids = st.lists(texts, min_size=1, max_size=3).map("/".join)


def is_name(text: str) -> bool:
    try:
        check_model_name(text)
    except ValueError:
        return False
    return bool(text)


models = texts.filter(is_name)


def client_takes(repo_id: str) -> bool:
    """What validate_repo_id of huggingface_hub 2.4.0 lets through."""
    if repo_id.count("/") > 1 or "--" in repo_id or ".." in repo_id or repo_id.endswith(".git"):
        return False
    return bool(re.match(r"^(\b[\w\-.]+\b/)?\b[\w\-.]{1,96}\b$", repo_id))


def expected_model(repo_id: str) -> str | None:
    """The rule as plain steps, one part after the other."""
    if not client_takes(repo_id):
        return None
    if "/" not in repo_id:
        return repo_id if is_name(repo_id) else None
    namespace, name = repo_id.split("/")
    if namespace in RESERVED_NAMESPACES or name in RESERVED_NAMES or "." in namespace:
        return None
    if namespace == "default":
        return name if "." not in name and is_name(name) else None
    model = namespace + "." + name
    return model if is_name(model) else None


def read(repo_id: str) -> str | None:
    try:
        return model_of_repo(repo_id)
    except ValueError:
        return None


@pytest.mark.parametrize(
    ("repo_id", "model"),
    [
        ("default/churn", "churn"),
        ("risk/churn", "risk.churn"),
        ("risk/churn.v2", "risk.churn.v2"),
        ("churn", "churn"),
        ("risk.churn", "risk.churn"),
        ("models.churn", "models.churn"),
    ],
)
def test_an_id_stands_for_a_model(repo_id: str, model: str) -> None:
    assert model_of_repo(repo_id) == model


@pytest.mark.parametrize(
    ("repo_id", "rule"),
    [
        ("models/churn", "reserved"),
        ("datasets/churn", "reserved"),
        ("risk/refs", "reserved"),
        ("a.b/c", "dot in its namespace"),
        ("default/a.b", "dot in its name"),
        ("a/b/c", "NAMESPACE/NAME"),
        ("a--b", "'--'"),
        ("a/b.git", "'.git'"),
        ("", "NAMESPACE/NAME"),
        ("churn\n", "NAMESPACE/NAME"),
        ("a" * 60 + "/" + "b" * 60, "at most 96"),
        ("_a/b", "start with a letter"),
    ],
)
def test_what_stands_for_none_is_refused_with_its_rule(repo_id: str, rule: str) -> None:
    with pytest.raises(ValueError, match=re.escape(rule)):
        model_of_repo(repo_id)


@given(repo_ids)
def test_ids_are_read_as_the_plain_rule_says(repo_id: str) -> None:
    assert read(repo_id) == expected_model(repo_id)


@given(models)
def test_a_model_is_found_again_by_the_id_it_is_told_under(model: str) -> None:
    repo_id = repo_of_model(model)
    if repo_id is None:
        assert expected_model(model) is None
    else:
        assert client_takes(repo_id)
        assert expected_model(repo_id) == model


@given(repo_ids)
def test_an_id_with_a_slash_is_the_one_that_its_model_is_told_under(repo_id: str) -> None:
    model = read(repo_id)
    if model is not None and "/" in repo_id:
        assert repo_of_model(model) == repo_id


@pytest.mark.parametrize(
    ("model", "repo_id"),
    [
        ("default.churn", "default.churn"),
        ("models.churn", "models.churn"),
        ("risk-.churn", "risk-.churn"),
        ("churn.git", "churn/git"),
        ("risk.churn.git", None),
    ],
)
def test_a_model_that_no_slash_fits_is_told_by_its_own_name(
    model: str, repo_id: str | None
) -> None:
    assert repo_of_model(model) == repo_id


@given(st.uuids(version=4))
def test_a_version_is_found_again_by_its_commit(given_id: object) -> None:
    version_id = str(given_id).replace("-", "")
    commit_id = commit_of_version(version_id)
    assert re.fullmatch(r"[0-9a-f]{40}", commit_id)
    assert version_of_commit(commit_id) == version_id


@given(st.binary(max_size=40))
def test_the_id_of_a_commit_elsewhere_is_that_of_no_version(content: bytes) -> None:
    assert version_of_commit(hashlib.sha1(content, usedforsecurity=False).hexdigest()) is None


def test_a_changed_commit_id_is_that_of_no_version() -> None:
    commit_id = commit_of_version(new_id())
    for place, digit in enumerate(commit_id):
        other = "0" if digit != "0" else "1"
        assert version_of_commit(commit_id[:place] + other + commit_id[place + 1 :]) is None
    assert version_of_commit(commit_id.upper()) is None
    assert version_of_commit(commit_id + "\n") is None
    assert version_of_commit(commit_id[:32]) is None


@pytest.mark.parametrize("text", ["", "7", "g" * 32, "A" * 32, "0" * 40, "0" * 32 + "\n"])
def test_what_is_no_id_of_a_version_has_no_commit(text: str) -> None:
    with pytest.raises(ValueError, match="32 lower-case hex"):
        commit_of_version(text)
