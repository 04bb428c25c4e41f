"""What a person looks at when a batch is done: contact sheets and an HTML index."""

import html
import textwrap
import urllib.parse
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw

from ..files import atomic_path
from .plan import Job, Plan
from .store import FACES, MANIFEST, Store

_TILE, _COLUMNS, _TILES, _SHEETS = 128, 10, 200, 5
_TEXT, _LETTERS = 36, 24            # pixels and letters a line of the words under a tile
_PER_PAGE = 500
_PICTURES = (".png", ".jpg", ".jpeg", ".webp")
_STYLE = """
:root { color-scheme: light dark; font: 15px/1.4 system-ui, sans-serif; }
body { margin: 2rem auto; max-width: 1100px; padding: 0 1rem; }
main { display: grid; grid-template-columns: repeat(auto-fill, minmax(160px, 1fr)); gap: 1rem; }
figure { margin: 0; } figure img { width: 100%; border-radius: 4px; background: #8882; }
figcaption { font-size: .8rem; overflow-wrap: anywhere; } figcaption b { font-weight: 600; }
td { padding: .2rem 1rem .2rem 0; vertical-align: top; } nav a { margin-right: 1rem; }
"""


def write_pages(store: Store, plan: Plan, problems: dict[str, str]) -> None:
    """Write sheet.jpg (and sheet_2.jpg ...) and index.html (and page_2.html ...) of what is done."""
    jobs = [job for job in plan.jobs if job.key in store.done]
    write_sheets(store, jobs)
    parts = [jobs[start:start + _PER_PAGE] for start in range(0, len(jobs), _PER_PAGE)] or [[]]
    for number, part in enumerate(parts):
        body = [_head(len(plan), len(jobs), number, len(parts))]
        if number == 0 and problems:
            body.append(_problems(problems))
        body.append("<main>" + "\n".join(_figure(job, store.done[job.key]["files"]) for job in part) + "</main>")
        store.write_text(_page_name(number), page("Faces", "\n".join(body)))


def page(title: str, body: str, style: str = "") -> str:
    """A whole HTML page that needs no other file; `style` comes after the common one."""
    return (f'<!doctype html>\n<html lang="en"><meta charset="utf-8"><title>{html.escape(title)}</title>\n'
            f'<meta name="viewport" content="width=device-width"><style>{_STYLE}{style}</style>\n<body>\n{body}\n'
            f'</body></html>\n')


def _page_name(number: int) -> str:
    return f"page_{number + 1}.html" if number else "index.html"


def _head(rows: int, done: int, number: int, count: int) -> str:
    links = "".join(f'<a href="{_page_name(other)}">{other + 1}</a>' for other in range(count) if count > 1)
    return (f'<h1>{done:,} of {rows:,} rows</h1>\n<p>What made them: <a href="{MANIFEST}">{MANIFEST}</a>.</p>\n'
            f'<nav>{links}</nav>')


def _problems(problems: dict[str, str]) -> str:
    rows = "\n".join(f"<tr><td>{html.escape(label)}</td><td>{html.escape(text)}</td></tr>"
                     for label, text in problems.items())
    return f"<h2>{len(problems):,} rows could not be rendered</h2>\n<table>\n{rows}\n</table>"


def _figure(job: Job, files: dict) -> str:
    shown = []
    for name in files:
        link = f"{FACES}/{urllib.parse.quote(name)}"
        inner = (f'<img loading="lazy" src="{link}" alt="{html.escape(job.prompt)}">' if name.endswith(_PICTURES)
                 else html.escape(name))
        shown.append(f'<a href="{link}">{inner}</a>')
    asked = job.row.values()
    facts = ", ".join(f"{name} {value}" for name, value in asked.items() if name not in ("prompt", "workflow"))
    return (f'<figure id="{job.key}">{"".join(shown)}<figcaption><b>{html.escape(job.label)}</b> '
            f'{html.escape(job.prompt)}<br>{html.escape(facts)}</figcaption></figure>')


def write_sheets(store: Store, jobs: Sequence[Job]) -> None:
    """The first thousand faces on sheets of 200, each over its words."""
    tiles = [(store.path(name), f"{job.label}  {job.prompt}") for job in jobs[:_TILES * _SHEETS]
             if (name := next((name for name in store.done[job.key]["files"] if name.endswith(_PICTURES)), None))]
    for number, start in enumerate(range(0, len(tiles), _TILES)):
        with atomic_path(store.folder / (f"sheet_{number + 1}.jpg" if number else "sheet.jpg")) as temporary:
            draw_sheet(tiles[start:start + _TILES]).save(temporary, format="JPEG", quality=88)


def draw_sheet(tiles: Sequence[tuple[Path, str]], columns: int = _COLUMNS) -> Image.Image:
    """Pictures in rows of `columns`, each in a square over its words."""
    columns = min(columns, len(tiles))
    cell = _TILE + _TEXT
    sheet = Image.new("RGB", (columns * _TILE, -(-len(tiles) // columns) * cell), "white")
    draw = ImageDraw.Draw(sheet)
    for index, (path, words) in enumerate(tiles):
        left, top = index % columns * _TILE, index // columns * cell
        with Image.open(path) as picture:
            tile = fitted(picture.convert("RGB"), _TILE)
        sheet.paste(tile, (left + (_TILE - tile.width) // 2, top + (_TILE - tile.height) // 2))
        text = "\n".join(textwrap.wrap(words, _LETTERS)[:3])
        draw.multiline_text((left + 2, top + _TILE), text, fill="black", font_size=10, spacing=1)
    return sheet


def fitted(picture: Image.Image, size: int) -> Image.Image:
    """A picture whose longer side is `size`: small ones by whole pixels where that fits, so that they stay crisp."""
    scale = size / max(picture.size)
    shape = tuple(max(1, round(side * scale)) for side in picture.size)
    return picture.resize(shape, Image.Resampling.NEAREST if scale == round(scale) else Image.Resampling.LANCZOS)
