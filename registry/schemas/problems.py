"""How every refusal is answered over HTTP: RFC 9457, `application/problem+json`."""

from pydantic import Field

from registry.schemas.base import Answer


class FieldProblem(Answer):
    """A field of the request, and the rule that it breaks."""

    field: str
    """As the request has it, e.g. "files.0.size_bytes"."""
    rule: str


class Problem(Answer):
    """Why a request was refused. Some codes add members, e.g. `missing`."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    """Stable name of the problem, e.g. "version_exists"."""
    errors: list[FieldProblem] = Field(default_factory=list[FieldProblem])
    """The fields that break a rule; of very many the first ones."""
