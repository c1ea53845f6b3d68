"""Moments in the parameters of requests."""

from typing import Annotated

from fastapi import Query
from pydantic import AwareDatetime

Moment = Annotated[AwareDatetime | None, Query(description="With its offset from UTC")]
