"""Ory Hydra: an OpenID Connect server that companies run, built from its source once.

It is Apache-2.0, and only ever run. Its store is SQLite in memory, for which Go needs a C compiler.
"""

import os
import secrets
import shutil
import subprocess
import time
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
from joserfc.jwk import RSAKey

from local.processes.ports import HOST, choose_port
from local.programs.cache import cache_folder, exclusive
from local.programs.go import build_environment, install_go, run_go

VERSION = "v2.3.0"
MINIMUM_GO = (1, 22, 5)
ACCESS_TOKEN_KEYS = "hydra.jwt.access-token"
"""The set of keys that access tokens are signed with, by the newest of them."""
READY_SECONDS = 60

_MODULE = f"""module hydra

go 1.22

require github.com/ory/hydra/v2 {VERSION}

// As in the server's own go.mod, which counts only where it is built from its own folder.
replace github.com/gobuffalo/pop/v6 => github.com/ory/pop/v6 v6.2.1-0.20241121111754-e5dfc0f3344b
"""
_MAIN = """package main

import "github.com/ory/hydra/v2/cmd"

func main() { cmd.Execute() }
"""


def is_to_be_had() -> bool:
    """Whether there is the program, or the C compiler that its build needs."""
    return _program().exists() or shutil.which("gcc") is not None


def install_hydra(report: Callable[[str], None] = print) -> Path:
    """The program, built into the cache folder when it is not there yet, in about 4 minutes.

    Raises UnavailableError when it cannot be built.
    """
    program = _program()
    with exclusive(cache_folder() / "locks" / "hydra"):
        if not program.exists():
            _build(program, cache_folder() / "build-hydra", report)
    return program


def _program() -> Path:
    return cache_folder() / "hydra" / VERSION / "hydra"


def _build(program: Path, build: Path, report: Callable[[str], None]) -> None:
    source = build / "source"
    shutil.rmtree(source, ignore_errors=True)
    source.mkdir(parents=True)
    (source / "go.mod").write_text(_MODULE, encoding="utf-8")
    (source / "main.go").write_text(_MAIN, encoding="utf-8")
    go = install_go(MINIMUM_GO, build, report)
    options = ("-mod=mod", "-v", "-trimpath", "-ldflags", "-s -w", "-tags", "sqlite")
    command = [str(go), "build", *options, "-o", str(build / "hydra"), "."]
    # Its SQLite is optimized by nobody: that takes longer than all that it does here.
    environment = build_environment(build, CGO_ENABLED="1", CGO_CFLAGS="-O0")
    run_go("Hydra", command, environment, report, source)
    program.parent.mkdir(parents=True, exist_ok=True)
    (build / "hydra").replace(program)
    shutil.rmtree(build)


class Hydra:
    """A running server, and what tests ask of it as its administrator."""

    def __init__(self, folder: Path, people_url: str = "") -> None:
        """`people_url` is where people are led to sign in, and to be asked what they allow."""
        self._folder = folder
        public, admin = (choose_port(name, "free", None) for name in ("hydra", "hydra-admin"))
        self.url = f"http://{HOST}:{public}"
        """What it calls itself in tokens."""
        self._http = httpx.Client(trust_env=False, timeout=30)
        self._admin_url = f"http://{HOST}:{admin}/admin"
        self._environment = {
            "PATH": os.defpath,
            "HOME": str(folder),
            "DSN": "memory",
            "SECRETS_SYSTEM": secrets.token_hex(16),
            "STRATEGIES_ACCESS_TOKEN": "jwt",
            "URLS_SELF_ISSUER": self.url,
            "SERVE_PUBLIC_HOST": HOST,
            "SERVE_PUBLIC_PORT": str(public),
            "SERVE_ADMIN_HOST": HOST,
            "SERVE_ADMIN_PORT": str(admin),
        }
        if people_url:
            self._environment["URLS_LOGIN"] = f"{people_url}/login"
            self._environment["URLS_CONSENT"] = f"{people_url}/consent"
        self._process: subprocess.Popen[bytes] | None = None
        self._secrets: dict[str, str] = {}

    def start(self) -> None:
        """Have it running, on the same ports as before, with an empty store."""
        log = self._folder / "hydra.log"
        command = [install_hydra(), "serve", "all", "--dev", "--sqa-opt-out"]
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                command, env=self._environment, cwd=self._folder, stdout=output, stderr=output
            )
        deadline = time.monotonic() + READY_SECONDS
        while not self._is_ready():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"Hydra did not start: {log.read_text()[-2000:]}")
            time.sleep(0.05)
        # It makes its keys when it is first asked for them, which takes seconds of a core.
        keys = self._http.get(f"{self.url}/.well-known/jwks.json", timeout=READY_SECONDS)
        keys.raise_for_status()

    def stop(self) -> None:
        """End it; may be repeated."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait()
            self._process = None

    def register(self, client_id: str, *audiences: str) -> None:
        """Let a workload ask for tokens for these audiences."""
        self._secrets[client_id] = secrets.token_hex(16)
        self._post(
            f"{self._admin_url}/clients",
            client_id=client_id,
            client_secret=self._secrets[client_id],
            grant_types=["client_credentials"],
            token_endpoint_auth_method="client_secret_post",
            audience=list(audiences),
        )

    def register_page(self, client_id: str, secret: str, redirect_uri: str) -> None:
        """Let a page have people sign in here."""
        self._post(
            f"{self._admin_url}/clients",
            client_id=client_id,
            client_secret=secret,
            grant_types=["authorization_code"],
            response_types=["code"],
            redirect_uris=[redirect_uri],
            scope="openid",
            token_endpoint_auth_method="client_secret_basic",
        )

    def accept(self, what: str, challenge: str, **told: Any) -> str:
        """Say that somebody signed in ("login"), or allows it ("consent"); returns where to go."""
        url = f"{self._admin_url}/oauth2/auth/requests/{what}/accept"
        answer = self._http.put(url, params={f"{what}_challenge": challenge}, json=told)
        return answer.raise_for_status().json()["redirect_to"]

    def consent(self, challenge: str) -> dict[str, Any]:
        """Return who is to be asked what they allow."""
        url = f"{self._admin_url}/oauth2/auth/requests/consent"
        answer = self._http.get(url, params={"consent_challenge": challenge})
        return answer.raise_for_status().json()

    def token(self, client_id: str, audience: str) -> str:
        """Ask for an access token as the workload itself would."""
        form = {
            "grant_type": "client_credentials",
            "client_id": client_id,
            "client_secret": self._secrets[client_id],
            "audience": audience,
        }
        answer = self._http.post(f"{self.url}/oauth2/token", data=form).raise_for_status()
        return answer.json()["access_token"]

    def signing_keys(self) -> list[RSAKey]:
        """The private keys that it signs access tokens with: for tokens that it would not sign."""
        listed = self._http.get(self._keys_url()).raise_for_status().json()["keys"]
        return [RSAKey.import_key(key) for key in listed]

    def add_key(self, kid: str) -> None:
        """Sign with a new key from now on."""
        self._post(self._keys_url(), alg="RS256", use="sig", kid=kid)

    def remove_key(self, kid: str) -> None:
        """Publish a key no longer."""
        self._http.delete(f"{self._keys_url()}/{kid}").raise_for_status()

    def close(self) -> None:
        """End it, and the connections to it."""
        self.stop()
        self._http.close()

    def _keys_url(self) -> str:
        return f"{self._admin_url}/keys/{ACCESS_TOKEN_KEYS}"

    def _is_ready(self) -> bool:
        try:
            return self._http.get(f"{self.url}/health/ready").is_success
        except httpx.TransportError:
            return False

    def _post(self, url: str, **body: Any) -> None:
        self._http.post(url, json=body).raise_for_status()


@contextmanager
def running_hydra(folder: Path, people_url: str = "") -> Generator[Hydra]:
    """Have it running inside the block, on ports of its own; its log goes to the folder."""
    with closing(Hydra(folder, people_url)) as hydra:
        hydra.start()
        yield hydra
