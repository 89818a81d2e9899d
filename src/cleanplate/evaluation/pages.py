"""HTML that needs nothing from elsewhere: whole pages, tables, figures."""

from __future__ import annotations

import base64
import html
from collections.abc import Sequence
from typing import NamedTuple

_STYLE = """
:root { color-scheme: light dark; --ink: #1c2733; --ground: #fbfbf9; --faint: #566370;
  --line: #dcdfe2; --raised: #f0f2f4; --accent: #0b62a4; --alarm: #b3261e }
@media (prefers-color-scheme: dark) { :root { --ink: #e3e7ea; --ground: #15191d; --faint: #a2adb7;
  --line: #343b42; --raised: #22282e; --accent: #7fbdf0; --alarm: #ff9d94 } }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 1240px; margin: 2rem auto; padding: 0 1rem;
  color: var(--ink); background: var(--ground) }
h1 { font-weight: 600; margin-bottom: .2rem } h2 { font-weight: 600; margin: 2.6rem 0 .3rem }
h3 { font-weight: 600; font-size: 1.05rem; margin: 1.6rem 0 .2rem }
p, ul.notes { max-width: 50rem }
ul.notes { color: var(--faint); font-size: .9rem; padding: 0 1.1rem }
a { color: var(--accent) } nav a { margin-right: 1rem; white-space: nowrap }
table { border-collapse: separate; border-spacing: 0; margin: 1.2rem 0 }
th { text-align: left; font-weight: 600 } caption { text-align: left; color: var(--faint) }
td, th { padding: .35rem .9rem; border-bottom: 1px solid var(--line) }
td.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap }
tr.best td, td.best { font-weight: 700 }
tr.mean td, tr.mean th { border-top: 2px solid var(--faint) }
.scroll { overflow: auto; max-height: 88vh; margin: .8rem 0 } .scroll table { margin: 0 }
.scroll td, .scroll th { padding: .3rem .7rem }
thead th { position: sticky; top: 0; z-index: 1; background: var(--raised); vertical-align: bottom }
.scroll thead th + th { text-align: right; font-size: .9rem }
.scroll tbody th { position: sticky; left: 0; background: var(--ground); font-weight: 500 }
.scroll thead th:first-child { left: 0; z-index: 2 }
.scroll .words td, .scroll .words thead th { text-align: left; white-space: normal }
.alarm { border-left: 4px solid var(--alarm); padding-left: 1rem }
figure { margin: 1.4rem 0 } img, video { max-width: 100%; border-radius: 4px }
figure .scroll { max-height: none } figure .scroll img { background: #fff; height: auto }
.scroll img:focus { max-width: none }
figcaption { color: var(--faint); font-size: .9rem }
code { background: var(--raised); padding: .1rem .3rem }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1.2rem }
dt { color: var(--faint) } dd { margin: 0; overflow-wrap: anywhere }
summary { cursor: pointer; color: var(--accent) }
@media print { .scroll { max-height: none; overflow: visible } thead th { position: static } }
"""


class Cell(NamedTuple):
    """A value of a table; the best of its column or row is bold."""

    text: str
    is_best: bool = False


def page(title: str, body: str) -> str:
    """Return a whole HTML page that needs nothing from elsewhere."""
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}'
        '</title><meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{_STYLE}</style></head><body><h1>{html.escape(title)}</h1>{body}</body></html>\n"
    )


def figure(source: str, caption: str) -> str:
    """Return an HTML figure of a picture or, by its ending, a video beside the page."""
    is_video = source.endswith(".mp4")
    media = (
        f'<video src="{html.escape(source)}" controls loop muted autoplay></video>'
        if is_video
        else f'<img src="{html.escape(source)}" alt="{html.escape(caption)}">'
    )
    return f"<figure>{media}<figcaption>{html.escape(caption)}</figcaption></figure>"


def embedded(picture: bytes, caption: str, alt: str, width_px: int) -> str:
    """Return an HTML figure that holds its picture, a PNG or a JPEG.

    Args:
        picture: the file.
        caption: stands below it.
        alt: what it shows, for who cannot see it.
        width_px: how wide it is shown where there is room; a click gives it that room.
    """
    kind = "png" if picture.startswith(b"\x89PNG") else "jpeg"
    source = f"data:image/{kind};base64,{base64.b64encode(picture).decode()}"
    return (
        f'<figure><div class="scroll"><img tabindex="0" src="{source}" width="{width_px}" '
        f'alt="{html.escape(alt)}"></div><figcaption>{html.escape(caption)}</figcaption></figure>'
    )


def table(
    head: Sequence[str],
    rows: Sequence[Sequence[str | Cell]],
    *,
    caption: str,
    words: bool = False,
    means: int = 0,
) -> str:
    """Return an HTML table that scrolls below its head; each row's first cell names the row.

    Args:
        head: titles of the columns.
        rows: as many cells in each.
        caption: what it shows.
        words: the cells are words, not numbers.
        means: so many rows at the end are means of those above.
    """
    titles = "".join(f'<th scope="col">{_breakable(name)}</th>' for name in head)
    lines = []
    for index, (name, *cells) in enumerate(rows):
        kind = "mean" if index == len(rows) - means else "other"
        first = name.text if isinstance(name, Cell) else name
        shown = "".join(_cell(one, words) for one in cells)
        lines.append(f'<tr class="{kind}"><th scope="row">{html.escape(first)}</th>{shown}</tr>')
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{html.escape(caption)}">'
        f'<table class="{"words" if words else "numbers"}">'
        f"<caption>{html.escape(caption)}</caption><thead><tr>{titles}</tr></thead>"
        f"<tbody>{''.join(lines)}</tbody></table></div>"
    )


def _cell(value: str | Cell, words: bool) -> str:
    text, is_best = value if isinstance(value, Cell) else (value, False)
    kinds = [*([] if words else ["number"]), *(["best"] if is_best else [])]
    attribute = f' class="{" ".join(kinds)}"' if kinds else ""
    return f"<td{attribute}>{html.escape(text)}</td>"


def _breakable(name: str) -> str:
    """Let a long title break before its capitals, as CDNet's categories are written."""
    if name.isupper():
        return html.escape(name)
    return "".join(f"<wbr>{one}" if one.isupper() else html.escape(one) for one in name)


def notes(lines: Sequence[str]) -> str:
    """Return a list in small print."""
    return f'<ul class="notes">{"".join(f"<li>{html.escape(line)}</li>" for line in lines)}</ul>'


def section(name: str, title: str, body: str, *, alarm: bool = False) -> str:
    """Return a part of a page that ``#name`` leads to."""
    kind = "alarm" if alarm else "part"
    heading = f"<h2>{html.escape(title)}</h2>"
    return f'<section id="{html.escape(name)}" class="{kind}">{heading}{body}</section>'


def folded(summary: str, body: str) -> str:
    """Return what is shown when its summary is clicked."""
    return f"<details><summary>{html.escape(summary)}</summary>{body}</details>"
