"""What mkdocs does with the pages of docs/ while it builds the site.

Reference pages are made from the code, and kept nowhere else. A link out of docs/, to a file of the
checkout, becomes its text: the site does not have that file.
"""

import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from tools.site.cli_page import cli_page
from tools.site.http_pages import http_page
from tools.site.metrics_page import metrics_page
from tools.site.pages import events_page, sdk_page, settings_page

_LINK = re.compile(r"\[([^\]\n]+)\]\(((?:\.\./)+[^)\s#]+)(#[^)\s]*)?\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the reference pages."""
    pages = {
        "reference/ingest.md": http_page("ingest"),
        "reference/query.md": http_page("query"),
        "reference/events.md": events_page(),
        "reference/settings.md": settings_page(),
        "reference/metrics.md": metrics_page(),
        "reference/sdk.md": sdk_page(),
        "reference/cli.md": cli_page(),
    }
    for name, text in pages.items():
        files.append(File.generated(config, name, content=text))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Return a page without its links to files outside docs/ that are there."""
    source = page.file.abs_src_path
    if source is None:
        return markdown
    folder, docs = Path(source).parent, Path(config.docs_dir)

    def told(link: re.Match[str]) -> str:
        target = (folder / link[2]).resolve()
        is_outside = not target.is_relative_to(docs) and target.exists()
        return link[1] if is_outside else link[0]

    return _LINK.sub(told, markdown)
