"""A registry in memory that knows an administrator and a token, for the command."""

from pathlib import Path
from typing import Any

import pytest

from registry.client import ModelRegistryClient
from tests.unit.client_fake import URL, FakeRegistry, identity

ADMINISTRATOR = "the-administrator-5ec2e7"
MADE = "mr_0001_5ec2e75ec2e7"


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeRegistry:
    fake = FakeRegistry()
    fake.identities = {
        ADMINISTRATOR: identity("administrator", "administrator", "admin:*"),
        MADE: identity("token:0001", "token", "writer:risk.*", "events:*"),
    }

    def connect(url: str | None = None, **options: Any) -> ModelRegistryClient:
        return ModelRegistryClient(url, **fake.options(options))

    monkeypatch.setattr("registry.client.ModelRegistryClient", connect)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("REGISTRY_URL", URL)
    return fake
