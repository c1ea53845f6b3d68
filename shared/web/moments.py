"""Moments in the parameters of requests."""

from typing import Annotated

from fastapi import Query
from pydantic import AfterValidator, AwareDatetime

from shared.domain.moments import possible

PossibleMoment = Annotated[AwareDatetime, AfterValidator(possible)]
Moment = Annotated[PossibleMoment | None, Query(description="With its offset from UTC")]
