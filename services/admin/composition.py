"""Composition root of the operator's commands: settings of the process, clients, one use case."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from pydantic import ValidationError

from services.admin.errors import bad_settings, told_errors
from services.admin.operator import Operator, open_operator
from services.indexer.context import Context
from shared.database.client import open_database
from shared.runtime.logs import configure_logs
from shared.runtime.service_users import ProvisioningSettings
from shared.storage.adapter import open_storage

T = TypeVar("T")


def run_with_context(use: Callable[[Context], Awaitable[T]]) -> T:
    """Open the clients that the environment names, run the use case, and close them.

    Raises the errors of `registry.errors`.
    """
    settings = _read_settings()

    async def run() -> T:
        async with open_database(settings) as database, open_storage(settings) as storage:
            return await use(Context.create(settings, database, storage))

    with told_errors():
        return asyncio.run(run())


def run_as_operator(use: Callable[[Operator], Awaitable[T]]) -> T:
    """Do the same for a use case of an administrator of the servers."""
    settings = _read_settings()

    async def run() -> T:
        async with open_operator(settings) as operator:
            return await use(operator)

    with told_errors():
        return asyncio.run(run())


def _read_settings() -> ProvisioningSettings:
    try:
        settings = ProvisioningSettings()  # pyright: ignore[reportCallIssue] - the environment has the values
    except ValidationError as error:
        raise bad_settings(error) from None
    if "log_level" not in settings.model_fields_set:
        settings = settings.model_copy(update={"log_level": "error"})  # the report tells the rest
    configure_logs(settings, "admin")
    # It reports each server that it does not reach; the command's error says so once.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    return settings
