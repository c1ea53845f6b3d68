"""How a signed URL is reached: directly or through the environment's proxy, as httpx decides it."""

import ipaddress
from base64 import b64encode
from dataclasses import dataclass, field
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import getproxies

DEFAULT_PORTS = {"http": 80, "https": 443}


class UnusableProxyError(Exception):
    """The environment names a proxy of a kind that downloads cannot speak to."""


@dataclass(frozen=True, slots=True)
class Route:
    """Where the bytes of one origin come from."""

    scheme: str
    host: str
    port: int
    proxy: SplitResult | None = field(default=None, repr=False)
    """Its URL may hold a password."""

    @property
    def origin(self) -> str:
        """Return the other end as people know it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"

    def proxy_headers(self) -> dict[str, str]:
        """Return what the proxy wants to see."""
        if self.proxy is None or self.proxy.username is None:
            return {}
        pair = f"{unquote(self.proxy.username)}:{unquote(self.proxy.password or '')}"
        return {"Proxy-Authorization": f"Basic {b64encode(pair.encode()).decode()}"}


def is_http_url(url: str) -> bool:
    """Return whether a URL can be asked for as it is: HTTP, a host, no character to be escaped."""
    if not all("!" <= character <= "~" for character in url):
        return False
    try:
        split = urlsplit(url)
        host, _ = (split.hostname or "").encode("idna"), split.port
    except ValueError:
        return False
    return split.scheme in DEFAULT_PORTS and bool(host)


def find_route(url: str) -> Route:
    """Return the way to a URL by the environment.

    Raises UnusableProxyError for a proxy that is itself spoken to by TLS or SOCKS.
    """
    split = urlsplit(url)
    host, scheme = split.hostname or "", split.scheme
    port = split.port or DEFAULT_PORTS[scheme]
    proxies = getproxies()
    address = proxies.get(scheme) or proxies.get("all")
    if not address or _bypasses(proxies.get("no", ""), scheme, host, port):
        return Route(scheme, host, port)
    proxy = urlsplit(address if "://" in address else f"http://{address}")
    if proxy.scheme != "http":
        raise UnusableProxyError(f"downloads cannot use a proxy by {proxy.scheme}, only by http")
    return Route(scheme, host, port, proxy)


def _bypasses(no_proxy: str, scheme: str, host: str, port: int) -> bool:
    """Read NO_PROXY as httpx does: `*`, addresses, names with all below them, ports, whole URLs."""
    for entry in (part.strip().lower() for part in no_proxy.split(",")):
        if entry == "*":
            return True
        only, separator, name = entry.rpartition("://")
        split = None if _is_address(name) else urlsplit(f"//{name}")
        if separator and only not in ("all", scheme):
            continue
        if split is not None and split.port is not None and split.port != port:
            continue
        name = name if split is None else split.hostname or ""
        exact = bool(separator) or _is_address(name) or name == "localhost"
        below = name if name.startswith(".") else f".{name}"
        if name and (host == name or (not exact and host.endswith(below))):
            return True
    return False


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
