"""What `make docs` does to the pages before they become a site."""

from __future__ import annotations

import re
from typing import Any

OUTSIDE = re.compile(r"\[([^\]]+)\]\(\.\./([^)\s]+)\)")
"""A link from a page to a file of the repository that is no page."""


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Name files outside the site in the place of linking to them: the site stands alone."""
    return OUTSIDE.sub(lambda link: f"`{link[2]}`", markdown)
