"""The profile by which the client finds a registry that this checkout runs, and its token."""

from collections.abc import Mapping

from local.processes.ports import HOST
from registry._profiles import Profile, change_profiles, read_profiles
from shared.runtime.settings import Settings


def local_profile(settings: Mapping[str, str]) -> Profile | None:
    """Return the profile of services with these settings; None where their ports are not known.

    Both services are named as `localhost` and by number, however a person writes them.
    """
    if not {"REGISTRY_PORT", "QUERY_PORT", "REGISTRY_ADMIN_TOKEN"} <= settings.keys():
        return None
    found = Settings.model_validate({name.lower(): value for name, value in settings.items()})
    ports = (found.registry_port, found.query_port)
    local = (f"http://{host}:{port}" for host in ("localhost", HOST) for port in ports)
    origins = dict.fromkeys((*local, found.query_url))
    origins.pop(found.ingest_url, None)
    return Profile(found.ingest_url, tuple(origins), settings["REGISTRY_ADMIN_TOKEN"])


def client_environment(profile: Profile) -> dict[str, str]:
    """Return what a client finds the registry by where it cannot read the profile."""
    return {
        "REGISTRY_URL": profile.url,
        "REGISTRY_ORIGINS": ",".join(profile.origins),
        "REGISTRY_TOKEN": profile.token or "",
    }


def keep_profile(profile: Profile) -> bool:
    """Keep a profile, and return whether it is a new one; raises ProfileError."""
    if read_profiles().made_for(profile.url) == profile:
        return False
    change_profiles(lambda profiles: profiles.put(profile))
    return True


def forget_profile(profile: Profile) -> None:
    """Remove a profile, unless another registry's has taken its place; raises ProfileError."""
    if profile in read_profiles().kept:
        change_profiles(lambda profiles: profiles.without(profile))
