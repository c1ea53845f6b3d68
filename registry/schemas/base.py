"""What every schema shares."""

from pydantic import BaseModel, ConfigDict


class Schema(BaseModel):
    """A frozen value of the wire; unknown fields are refused in requests and kept out of answers."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Answer(Schema):
    """What a server says: a newer server may say more, so an older client ignores the rest."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)
