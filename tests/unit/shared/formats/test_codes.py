"""The list of codes has each that stands in the parsers."""

import re
from pathlib import Path

from shared import formats
from shared.formats.codes import CODES

FOLDER = Path(formats.__file__).parent
PREFIXES = {
    "json_members.py": (r"self\.error", "safetensors_header_"),
    "safetensors.py": ("_entry_error", "safetensors_tensor_"),
    "gguf_tensors.py": ("_error", "gguf_tensor_"),
}
"""Functions that make the codes of their files, of which a caller tells the end."""


def written(file: Path) -> set[str]:
    text = file.read_text(encoding="utf-8")
    found = set(re.findall(r'\bFormatError\(\s*"(\w+)"', text))
    if file.name in PREFIXES:
        function, prefix = PREFIXES[file.name]
        found |= {prefix + rule for rule in re.findall(rf'\b{function}\(\s*"(\w+)"', text)}
        found |= {prefix + rule for rule in re.findall(r'\brule(?:, sentence)? = "(\w+)"', text)}
    return found


def test_the_list_has_every_code_of_the_parsers_and_no_other() -> None:
    found = {code for file in FOLDER.rglob("*.py") for code in written(file)}
    assert found == CODES
