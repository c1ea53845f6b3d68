"""transformers loads from the registry as from Hugging Face, told so by HF_ENDPOINT alone."""

import json
import os
from pathlib import Path

import pytest

from local.processes.ports import HOST
from registry import AsyncModelRegistryClient
from shared.runtime.settings import Settings
from tests.support.access import token_of
from tests.support.client_environments import versions_of
from tests.support.hub_client import hub_client

NEWEST = ("transformers==5.24.0", "huggingface_hub==2.4.0")
OLD = ("transformers==4.57.6", "huggingface_hub==0.36.2")
TORCH = os.environ.get("HUB_TORCH", "")
"""1: load weights as well, by a torch of several GB that is installed for it."""
FILES = {
    "config.json": {"model_type": "bert", "hidden_size": 8, "num_attention_heads": 2},
    "tokenizer_config.json": {"tokenizer_class": "PreTrainedTokenizerFast", "unk_token": "[UNK]"},
    "tokenizer.json": {
        "version": "1.0",
        "pre_tokenizer": {"type": "Whitespace"},
        "model": {
            "type": "WordLevel",
            "vocab": {"[UNK]": 0, "hello": 1, "world": 2},
            "unk_token": "[UNK]",
        },
        "added_tokens": [
            {
                "id": 0,
                "content": "[UNK]",
                "special": True,
                "normalized": False,
                "single_word": False,
                "lstrip": False,
                "rstrip": False,
            }
        ],
    },
}


@pytest.mark.parametrize("requirements", versions_of(NEWEST, OLD))
async def test_configuration_and_tokenizer_are_loaded_by_an_alias(
    requirements: tuple[str, ...],
    settings: Settings,
    client: AsyncModelRegistryClient,
    model: str,
    tmp_path: Path,
) -> None:
    source = tmp_path / "source"
    source.mkdir()
    for name, content in FILES.items():
        (source / name).write_text(json.dumps(content))
    await client.upload(model, source)
    await client.set_alias(model, "production", 1)
    endpoint = f"http://{HOST}:{settings.query_port}"
    hub = await hub_client(requirements, endpoint, token_of(settings), tmp_path)
    told = await hub.run(f"""
        from transformers import AutoConfig, AutoTokenizer

        for name in ("production", "main"):
            config = AutoConfig.from_pretrained("default/{model}", revision=name)
            tokenizer = AutoTokenizer.from_pretrained("default/{model}", revision=name)
            told[name] = [config.hidden_size, tokenizer("hello world there").input_ids]
        told["missing"] = error_of(AutoConfig.from_pretrained, "default/{model}2")
    """)
    assert told["production"] == told["main"] == [8, [1, 2, 0]]
    assert told["missing"][0] == "OSError"
    assert f"default/{model}2 is not a local folder" in told["missing"][1]


@pytest.mark.skipif(not TORCH, reason="HUB_TORCH=1 installs torch, and loads weights by it")
async def test_weights_that_were_made_on_the_spot_are_loaded_as_they_were(
    settings: Settings, client: AsyncModelRegistryClient, model: str, tmp_path: Path
) -> None:
    endpoint = f"http://{HOST}:{settings.query_port}"
    requirements = (*NEWEST, "torch", "safetensors")
    hub = await hub_client(requirements, endpoint, token_of(settings), tmp_path)
    await hub.run(f"""
        from transformers import BertConfig, BertModel

        config = BertConfig(
            hidden_size=8, num_hidden_layers=2, num_attention_heads=2, intermediate_size=16,
            vocab_size=30,
        )
        BertModel(config).save_pretrained({str(tmp_path / "source")!r})
    """)
    await client.upload(model, tmp_path / "source")
    told = await hub.run(f"""
        from transformers import AutoModel

        made = AutoModel.from_pretrained({str(tmp_path / "source")!r}).state_dict()
        loaded = AutoModel.from_pretrained("default/{model}").state_dict()
        told["equal"] = [bool((made[name] == loaded[name]).all()) for name in made]
        told["names"] = list(made) == list(loaded)
    """)
    assert told["names"]
    assert len(told["equal"]) > 20
    assert all(told["equal"])
