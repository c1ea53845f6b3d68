"""Settings of traces, by OpenTelemetry's own names. They are part of `Settings`."""

from urllib.parse import unquote

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings

from shared.runtime.listed_values import listed_values


class TelemetrySettings(BaseSettings):
    """Where traces go, and how many of them."""

    otel_exporter_otlp_endpoint: str = Field("", pattern=r"^(https?://[^/\s@?#]+(/[^\s?#]*)?)?$")
    """Base URL of what takes traces by OTLP over HTTP (protobuf); empty: there are no traces."""
    otel_exporter_otlp_headers: SecretStr = SecretStr("")
    """Headers that it is sent, name=value separated by commas, percent-encoded, such as a key."""
    otel_traces_sampler_arg: float = Field(1.0, ge=0, le=1)
    """Share of traces that are kept, of those that begin here; a caller's own go as it decided."""

    @field_validator("otel_exporter_otlp_headers")
    @classmethod
    def _are_pairs(cls, value: SecretStr) -> SecretStr:
        if not all(each.find("=") > 0 for each in listed_values(value.get_secret_value())):
            raise ValueError("must be name=value, separated by commas")
        return value

    @property
    def is_traced(self) -> bool:
        """Whether there are traces at all."""
        return bool(self.otel_exporter_otlp_endpoint)

    @property
    def otlp_headers(self) -> dict[str, str]:
        """Headers that are sent with traces."""
        listed = listed_values(self.otel_exporter_otlp_headers.get_secret_value())
        pairs = (each.partition("=") for each in listed)
        return {unquote(name.strip()).lower(): unquote(text.strip()) for name, _, text in pairs}
