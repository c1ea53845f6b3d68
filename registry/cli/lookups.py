"""`registry show`, `registry list` and `registry versions`."""

from registry.cli.options import AsJson, ModelName, Url, VersionName
from registry.cli.output import print_json, print_table, print_version


def show(
    model: ModelName,
    version: VersionName = "latest",
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Show one version of a model."""
    from registry.client import ModelRegistryClient

    with ModelRegistryClient(url) as client:
        found = client.get_version(model, version)
    (print_json if as_json else print_version)(found)


def list_models(url: Url = None, as_json: AsJson = False) -> None:
    """List the models; with --json one document a line."""
    from registry.client import ModelRegistryClient

    with ModelRegistryClient(url) as client:
        models = client.list_models()
        if as_json:
            for model in models:
                print_json(model)
            return
        rows = [(each.name, each.latest_number, each.version_count) for each in models]
    print_table(("MODEL", "LATEST", "VERSIONS"), rows)


def versions(model: ModelName, url: Url = None, as_json: AsJson = False) -> None:
    """List the versions of a model, newest first; with --json one document a line."""
    from registry.client import ModelRegistryClient

    with ModelRegistryClient(url) as client:
        found = client.list_versions(model)
        if as_json:
            for version in found:
                print_json(version)
            return
        rows = [
            (v.number, v.label, v.state, v.size_bytes, v.created_at.isoformat(timespec="seconds"))
            for v in found
        ]
    print_table(("NUMBER", "LABEL", "STATE", "BYTES", "CREATED"), rows)
