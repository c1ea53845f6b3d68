"""What every schema shares."""

from pydantic import BaseModel, ConfigDict


class Schema(BaseModel):
    """A frozen value of the wire; a request with an unknown field is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Answer(Schema):
    """What a server says: a newer server may say more, so an older client ignores the rest."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)
