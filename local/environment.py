"""Settings as environment variables: what the user set, what the runner found out, as files."""

import os
import re
import secrets
from collections.abc import Mapping
from pathlib import Path

from dotenv import dotenv_values

from shared.runtime.service_users import USER_SECRETS, ProvisioningSettings

SETTING_NAMES = frozenset(name.upper() for name in ProvisioningSettings.model_fields)

CREDENTIAL_NAMES = (
    "MINIO_ACCESS_KEY",
    "MINIO_SECRET_KEY",
    "MONGODB_USERNAME",
    "MONGODB_PASSWORD",
    "REGISTRY_ADMIN_TOKEN",
    *USER_SECRETS,
)
CREDENTIAL_BYTES = 32
"""Random bytes in each credential."""

_PLAIN = re.compile(r"[A-Za-z0-9_./:@%+,=-]*")  # also safe for a shell that sources the file


def read_env_file(path: Path) -> dict[str, str]:
    """The variables of a dotenv file; nothing when there is no such file."""
    values = dotenv_values(path, interpolate=False)
    return {name: value for name, value in values.items() if value is not None}


def write_env_file(path: Path, values: Mapping[str, str]) -> None:
    """Write a dotenv file that only its owner can read, replacing an old one in one step.

    Raises ValueError for a value with a line break.
    """
    content = "".join(f"{name}={_quoted(value)}\n" for name, value in values.items())
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.new")
    temporary.unlink(missing_ok=True)
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(content)
    temporary.replace(path)


def user_settings(
    environment: Mapping[str, str], env_file: Mapping[str, str], recorded: Mapping[str, str]
) -> dict[str, str]:
    """The settings that a person chose; the environment wins over the `.env` file.

    `recorded` are the addresses that the runner chose last time: a shell that loaded them does
    not mean to fix them.
    """
    chosen = {**env_file, **environment}
    return {
        name: value
        for name, value in chosen.items()
        if name in SETTING_NAMES and recorded.get(name) != value
    }


def ensure_credentials(path: Path) -> dict[str, str]:
    """The random credentials kept in the file, those that are missing made first."""
    kept = read_env_file(path)
    missing = [name for name in CREDENTIAL_NAMES if name not in kept]
    if missing:
        kept |= {name: secrets.token_hex(CREDENTIAL_BYTES) for name in missing}
        write_env_file(path, kept)
    return kept


def _quoted(value: str) -> str:
    if "\n" in value or "\r" in value:
        raise ValueError("a setting cannot have a line break")
    if _PLAIN.fullmatch(value):
        return value
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
