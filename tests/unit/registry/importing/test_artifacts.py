"""Where an MLflow server says that files are, and what is believed of that."""

from pathlib import Path

import pytest

from registry._certificates import find_certificates
from registry._retry import RetryPolicy
from registry.importing.mlflow.artifacts import fetch_files, proxied_path
from registry.importing.mlflow.server import MlflowServer
from registry.importing.names import Names
from registry.importing.sources import ImportRefused

ADDRESS = "http://mlflow:5000"


@pytest.mark.parametrize(
    ("place", "path"),
    [
        ("mlflow-artifacts:/0/ab/artifacts/model", "0/ab/artifacts/model"),
        ("mlflow-artifacts://mlflow:5000/0/a%20b", "0/a b"),
        (f"{ADDRESS}/api/2.0/mlflow-artifacts/artifacts/churn/3", "churn/3"),
    ],
)
def test_what_the_server_hands_out_is_known_by_its_address(place: str, path: str) -> None:
    assert proxied_path(place, ADDRESS) == path


@pytest.mark.parametrize("place", ["s3://key:secret@bucket/x?sig=secret", "http://mlflow:5000/x"])
def test_what_it_does_not_hand_out_is_refused_without_a_secret(place: str) -> None:
    with pytest.raises(ImportRefused, match="does not hand out") as raised:
        proxied_path(place, ADDRESS)
    assert "secret" not in str(raised.value)


async def test_a_folder_of_this_machine_is_read_only_where_somebody_allowed_it(
    tmp_path: Path,
) -> None:
    server = MlflowServer(ADDRESS, find_certificates(), RetryPolicy())
    inside, outside = tmp_path / "allowed" / "model", tmp_path / "private"
    for each in (inside, outside):
        each.mkdir(parents=True)
    (inside.parent / "link").symlink_to(outside)
    root = inside.parent
    assert await fetch_files(server, inside.as_uri(), tmp_path, root) == inside
    for place in (outside.as_uri(), str(outside), str(root / ".." / "private"), str(root / "link")):
        with pytest.raises(ImportRefused, match="--local-artifacts"):
            await fetch_files(server, place, tmp_path, root)
    with pytest.raises(ImportRefused, match="--local-artifacts"):
        await fetch_files(server, inside.as_uri(), tmp_path, None)
    await server.close()


def test_two_models_never_get_one_name() -> None:
    names = Names({"A model": "a", "Another": "a"})
    assert names.given("A model") == names.given("A model") == "a"
    with pytest.raises(ImportRefused, match="is that of 'A model' already"):
        names.given("Another")
    with pytest.raises(ImportRefused, match="--rename 'b b'=NAME"):
        names.given("b b")
