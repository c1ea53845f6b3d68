"""Settings of access: who may ask, from where, and how often. They are part of `Settings`."""

import re
from ipaddress import ip_network
from typing import Annotated, Any, Self

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode

from registry.schemas.access import check_grant
from shared.domain.access.issuers import MAX_ISSUERS, TrustedIssuer
from shared.domain.strict_json import parse_list
from shared.runtime.listed_values import each, listed_values

_ORIGIN = re.compile(
    r"https?://[A-Za-z0-9._-]+(:[0-9]{1,5})?|https?://\[[0-9a-fA-F:]+\](:[0-9]{1,5})?"
)
_SCOPES = r"^([!#-\[\]-~]+ )*openid( [!#-\[\]-~]+)*$"


def _check_network(address: str) -> None:
    ip_network(address, strict=False)


def _check_origin(origin: str) -> None:
    if origin != "*" and not _ORIGIN.fullmatch(origin):
        raise ValueError("must be origins such as https://host or https://host:8443, or *")


class AccessSettings(BaseSettings):
    """Credentials, what they grant, and the limits of who asks."""

    registry_admin_token: SecretStr | None = Field(None, min_length=32)
    """Token of the administrator, who makes all others; at least 32 characters."""
    anonymous_grants: Annotated[str, each(check_grant)] = ""
    """Grants of requests without a credential, separated by commas, such as reader:public.*"""
    audit_retention_days: int = Field(365, ge=0, le=20_000)
    """Days after which entries of the audit are forgotten; 0: never."""
    oidc_issuers: Annotated[tuple[TrustedIssuer, ...], NoDecode] = Field((), max_length=MAX_ISSUERS)
    """OIDC issuers whose tokens count, and what they grant: a JSON list, see docs/oidc.md."""
    oidc_sign_in_issuer: str = Field("", max_length=1024)
    """Issuer at which people sign in to the page: the url of one of OIDC_ISSUERS; empty: none."""
    oidc_client_id: str = Field("", max_length=1024)
    """Name by which that issuer knows the registry's web page."""
    oidc_client_secret: SecretStr | None = Field(None, min_length=1, max_length=4096)
    """Secret by which the page proves to that issuer who it is; empty: it is a public client."""
    oidc_scopes: str = Field("openid", max_length=1024, pattern=_SCOPES)
    """Scopes that the page asks for, separated by spaces; openid is one of them."""

    trusted_proxies: Annotated[str, each(_check_network)] = ""
    """Addresses or networks of proxies whose X-Forwarded-For and -Proto count, by commas."""
    cors_origins: Annotated[str, each(_check_origin)] = ""
    """Origins whose pages may read answers in a browser, separated by commas; none by default."""
    address_requests_per_second: float = Field(5000.0, ge=0)
    """Requests that one address may make of a service, on average; 0: as many as it likes."""
    address_requests_burst: int = Field(10_000, ge=1)
    """Requests that one address may make at once after a rest."""
    principal_requests_per_second: float = Field(5000.0, ge=0)
    """Requests that one principal may make of a service, on average; 0: as many as it likes."""
    principal_requests_burst: int = Field(10_000, ge=1)
    """Requests that one principal may make at once after a rest."""
    refused_credentials_per_second: float = Field(10.0, ge=0)
    """Wrong credentials of one address that are looked up, on average; 0: all of them."""
    refused_credentials_burst: int = Field(100, ge=1)
    """Wrong credentials of one address that are looked up at once after a rest."""

    @field_validator("oidc_issuers", mode="before")
    @classmethod
    def _read_issuers(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        return parse_list(value) if value.strip() else ()

    @field_validator("oidc_issuers")
    @classmethod
    def _are_different(cls, value: tuple[TrustedIssuer, ...]) -> tuple[TrustedIssuer, ...]:
        if len({issuer.url for issuer in value}) != len(value):
            raise ValueError("must name each issuer once")
        return value

    @field_validator("oidc_client_secret", mode="before")
    @classmethod
    def _is_none_where_empty(cls, value: Any) -> Any:
        return value or None

    @model_validator(mode="after")
    def _can_sign_in(self) -> Self:
        if not self.oidc_sign_in_issuer:
            return self
        if self.sign_in_issuer is None:
            raise ValueError("OIDC_SIGN_IN_ISSUER must be the url of one of OIDC_ISSUERS")
        if not self.oidc_client_id:
            raise ValueError("OIDC_CLIENT_ID must be given where OIDC_SIGN_IN_ISSUER is")
        return self

    @property
    def sign_in_issuer(self) -> TrustedIssuer | None:
        """The issuer at which people sign in; None without any."""
        wanted = self.oidc_sign_in_issuer
        return next((issuer for issuer in self.oidc_issuers if issuer.url == wanted), None)

    @property
    def granted_to_anonymous(self) -> list[str]:
        """Grants of requests without a credential."""
        return listed_values(self.anonymous_grants)

    @property
    def proxies(self) -> list[str]:
        """Addresses and networks of the proxies that are believed."""
        return listed_values(self.trusted_proxies)

    @property
    def origins(self) -> list[str]:
        """Origins whose pages may read answers."""
        return listed_values(self.cors_origins)
