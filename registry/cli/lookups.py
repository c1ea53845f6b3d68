"""`registry show`, `registry list` and `registry versions`."""

from registry.cli.options import AsJson, ModelName, Url, VersionName
from registry.cli.output import print_json, print_list, print_version


def show(
    model: ModelName,
    version: VersionName = "latest",
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Show one version of a model, and of the latest one what is said of the model as well."""
    from registry.client import ModelRegistryClient

    with ModelRegistryClient(url) as client:
        found = client.get_version(model, version)
        about = client.get_model_info(model) if version == "latest" and not as_json else None
    if as_json:
        print_json(found)
    else:
        print_version(found, about)


def list_models(url: Url = None, as_json: AsJson = False) -> None:
    """List the models; with --json one document a line."""
    from registry.client import ModelRegistryClient

    with ModelRegistryClient(url) as client:
        print_list(
            client.list_models(),
            ("MODEL", "LATEST", "VERSIONS"),
            lambda m: (m.name, m.latest_number, m.version_count),
            as_json=as_json,
        )


def versions(model: ModelName, url: Url = None, as_json: AsJson = False) -> None:
    """List the versions of a model, newest first; with --json one document a line."""
    from registry.client import ModelRegistryClient

    with ModelRegistryClient(url) as client:
        print_list(
            client.list_versions(model),
            ("NUMBER", "LABEL", "STATE", "BYTES", "CREATED"),
            lambda v: (
                *(v.number, v.label, v.state, v.size_bytes),
                v.created_at.isoformat(timespec="seconds"),
            ),
            as_json=as_json,
        )
