"""transformers pushes to the registry as to Hugging Face: each object is a commit of its own."""

import json
from pathlib import Path
from uuid import uuid4

from local.processes.ports import HOST
from shared.runtime.settings import Settings
from tests.e2e.test_hub_transformers import FILES, NEWEST
from tests.support.api import Api
from tests.support.hub_client import hub_client

CARDS = "jinja2==3.1.6"
"""What transformers writes model cards with."""


async def test_configuration_and_tokenizer_are_pushed_and_loaded_again(
    settings: Settings, api: Api, tmp_path: Path
) -> None:
    namespace = f"hub{uuid4().hex[:8]}"
    model = f"{namespace}.bert"
    source = tmp_path / "source"
    source.mkdir()
    for name, content in FILES.items():
        (source / name).write_text(json.dumps(content))
    token = (await api.token(f"writer:{model}")).token
    with_cards = (*NEWEST, CARDS)
    hub = await hub_client(with_cards, f"http://{HOST}:{settings.query_port}", token, tmp_path)
    told = await hub.run(f"""
        from transformers import AutoConfig, AutoTokenizer

        AutoTokenizer.from_pretrained("{source}").push_to_hub("{namespace}/bert")
        AutoConfig.from_pretrained("{source}").push_to_hub("{namespace}/bert", revision="dev")
        config = AutoConfig.from_pretrained("{namespace}/bert", revision="dev")
        tokenizer = AutoTokenizer.from_pretrained("{namespace}/bert", revision="dev")
        told["loaded"] = [config.hidden_size, tokenizer("hello world there").input_ids]
    """)
    assert told["loaded"] == [8, [1, 2, 0]]
    first, second = await api.version(model, 1), await api.version(model, "@dev")
    assert second.number == 2
    files = {each.path for each in second.artifacts}
    assert files == {each.path for each in first.artifacts} | {"config.json"}
    assert {"tokenizer.json", "config.json"} <= files
