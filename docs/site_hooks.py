"""What `make docs` does to the pages before they become a site."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

OUTSIDE = re.compile(r"\[([^\]]+)\]\(\.\./([^)\s]+)\)")
"""A link from a page to a file of the repository that is no page."""


def on_config(config: Any) -> Any:
    """Leave out of the navigation what this copy of the repository has no page for."""
    config.nav = present(config.nav, Path(config.docs_dir))
    return config


def present(nav: list[Any], folder: Path) -> list[Any]:
    """Return the entries ``{title: page or entries}`` whose pages lie in the folder."""
    kept: list[Any] = []
    for entry in nav:
        ((title, target),) = entry.items()
        if isinstance(target, list):
            kept.append({title: present(target, folder)})
        elif (folder / target).is_file():
            kept.append(entry)
    return kept


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Name files outside the site in the place of linking to them: the site stands alone."""
    return OUTSIDE.sub(lambda link: f"`{link[2]}`", markdown)
