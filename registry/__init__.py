"""Client of the model registry: upload, find, download and follow model versions.

Example:
    import registry

    with registry.ModelRegistryClient("http://localhost:8000") as client:
        version = client.upload("churn", "churn.safetensors", metrics={"auc": 0.91})
        print(version.number, version.state)
"""

from registry._legacy import UploadedModel
from registry._retry import RetryPolicy
from registry.aio import AsyncModelRegistryClient
from registry.client import ModelRegistryClient
