"""The report of an evaluation as Markdown, and as the body of one HTML page with pictures and plots."""

import base64
import html
import io
import json
from collections.abc import Sequence

from PIL import Image
from torch import Tensor

from ..pictures import to_bytes
from .measure import METRICS
from .papers import PAPER

LABELS = {"fid": "FID", "kid": "KID", "lpips": "LPIPS", "ms_ssim": "MS-SSIM", "identity": "identity",
          "pixel_accuracy": "pixel accuracy", "miou": "mask mIoU", "words": "text", "seconds": "seconds a picture"}
SEEN_BY = {"fid": "features", "kid": "features", "lpips": "distance", "identity": "identity",
           "pixel_accuracy": "parse", "miou": "parse", "words": "words"}
_DIGITS = {"fid": 2, "kid": 4, "seconds": 2, "words": 2}
_ARROWS = {"lower": "\N{DOWNWARDS ARROW}", "higher": "\N{UPWARDS ARROW}"}
_TILE, _BAR, _ROW, _LEFT = 128, 260, 22, 190


def markdown(report: dict) -> str:
    """The whole report; see `host.evaluation.protocol.run` for its keys."""
    return "\n\n".join([f"# {report['title']}", _summary(report), table(report), *_notes(report), "## Parts",
                        _parts(report), "## Protocol",
                        f"```json\n{json.dumps(report['protocol'], indent=2)}\n```"]) + "\n"


def _summary(report: dict) -> str:
    data = report["data"]
    return (f"{report['count']:,} pictures of {data['source']} at {report['side']} px, a {report['protocol']['hint']} "
            f"and words given. {', '.join(f'{name} {version}' for name, version in report['versions'].items())}, "
            f"{report['device']}.")


def _columns(report: dict) -> dict[str, dict]:
    """The scores of each column: what was measured, then what papers say."""
    return report["methods"] | {f"*{name}, theirs*": values for name, values in report["paper"].items()}


def table(report: dict) -> str:
    """Metrics as rows; what was measured, then what papers say, as columns; Markdown."""
    columns = _columns(report)
    lines = ["| | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
    for metric, better in METRICS.items():
        cells = [shown(metric, values.get(metric)) for values in columns.values()]
        lines.append(f"| {LABELS[metric]} {_ARROWS[better]} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def shown(metric: str, value: float | None) -> str:
    return "-" if value is None else f"{value:.{_DIGITS.get(metric, 3)}f}"


def _notes(report: dict) -> list[str]:
    """What the numbers were measured through, and what stands beside them."""
    by_name: dict[str, list[str]] = {}
    for metric, network in SEEN_BY.items():
        by_name.setdefault(report["networks"][network], []).append(LABELS[metric])
    lines = ["Measured through:", "\n".join(f"- {', '.join(metrics)}: {name}" for name, metrics in by_name.items())]
    if any(name.startswith("stand-in") for name in by_name):
        lines.append("A stand-in is a small network that knows the demo models' drawn heads: its numbers compare the "
                     "columns of this table with each other and with no other table.")
    if report["paper"]:
        lines.append(f"*Theirs*: numbers of papers, as printed ({PAPER}); other pictures, networks and crops than "
                     f"measured here. Their MS-SSIM column is headed SSIM.")
    return lines + [f"- {note}" for note in report["notes"]]


def _parts(report: dict) -> str:
    """IoU of each part as a table."""
    methods = {name: values["iou"] for name, values in report["methods"].items() if values.get("iou")}
    if not methods:
        return "The data has no masks."
    lines = ["| IoU | " + " | ".join(methods) + " |", "|---" * (len(methods) + 1) + "|"]
    for part in next(iter(methods.values())):
        lines.append(f"| {part} | " + " | ".join(f"{iou.get(part, 0):.3f}" for iou in methods.values()) + " |")
    return "\n".join(lines)


def html_body(report: dict, pictures: dict[str, Tensor], prompts: Sequence[str]) -> str:
    """The body of a page that needs no other file.

    Args:
        pictures: {method: [N, 3, S, S] in -1..1}, drawing and true picture among them.
        prompts: of the N samples.
    """
    parts = [f"<h1>{html.escape(report['title'])}</h1>", f"<p>{html.escape(_summary(report))}</p>",
             _html_table(table(report)), *(_html_note(note) for note in _notes(report)), "<h2>Plots</h2>",
             '<div class="plots">' + "".join(_plot(metric, report) for metric in METRICS) + "</div>"]
    if prompts:
        parts += ["<h2>Pictures</h2>", _grid(pictures, prompts)]
    parts += ["<h2>Parts</h2>", _html_table(_parts(report)), "<h2>Protocol</h2>",
              f"<pre>{html.escape(json.dumps(report['protocol'], indent=2))}</pre>"]
    return "\n".join(parts)


def _html_table(text: str) -> str:
    """A Markdown table as HTML; other text as a paragraph."""
    if not text.startswith("|"):
        return f"<p>{html.escape(text)}</p>"
    head, _, *rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines()]
    lines = [f"<tr>{''.join(_cell(cell, tag) for cell in cells)}</tr>"
             for tag, cells in [("th", head), *(("td", row) for row in rows)]]
    return "<table>\n" + "\n".join(lines) + "\n</table>"


def _cell(text: str, tag: str) -> str:
    is_theirs = len(text) > 2 and text[0] == text[-1] == "*"
    inner = f"<em>{html.escape(text.strip('*'))}</em>" if is_theirs else html.escape(text)
    return f"<{tag}>{inner}</{tag}>"


def _html_note(note: str) -> str:
    if note.startswith("- "):
        return "<ul>" + "".join(f"<li>{html.escape(line[2:])}</li>" for line in note.splitlines()) + "</ul>"
    return f"<p>{html.escape(note.replace('*', ''))}</p>"


def _plot(metric: str, report: dict) -> str:
    """A bar for each column that has the metric, those of papers hatched."""
    rows = [(name.strip("*"), values[metric], name.startswith("*")) for name, values in _columns(report).items()
            if values.get(metric) is not None]
    if not rows:
        return ""
    longest = max(abs(value) for _, value, _ in rows) or 1.0
    bars = []
    for place, (name, value, theirs) in enumerate(rows):
        top, width = place * _ROW + 4, max(1.0, max(value, 0) / longest * _BAR)
        bars.append(f'<text x="{_LEFT - 8}" y="{top + 12}" text-anchor="end">{html.escape(name)}</text>'
                    f'<rect x="{_LEFT}" y="{top}" width="{width:.1f}" height="14" rx="2" '
                    f'class="{"theirs" if theirs else "ours"}"/>'
                    f'<text x="{_LEFT + width + 6:.1f}" y="{top + 12}">{shown(metric, value)}</text>')
    height, width = len(rows) * _ROW + 4, _LEFT + _BAR + 70
    title = f"{LABELS[metric]}, {METRICS[metric]} is better"
    return (f'<figure><figcaption>{html.escape(title)}</figcaption><svg viewBox="0 0 {width} {height}" '
            f'width="{width}" height="{height}" role="img" aria-label="{html.escape(title)}">{"".join(bars)}</svg>'
            f'</figure>')


def _grid(pictures: dict[str, Tensor], prompts: Sequence[str]) -> str:
    head = "".join(f"<th>{html.escape(name)}</th>" for name in pictures)
    rows = []
    for place, prompt in enumerate(prompts):
        cells = "".join(f"<td>{_image(shown[place], f'{name}: {prompt}')}</td>" for name, shown in pictures.items())
        rows.append(f"<tr>{cells}<td>{html.escape(prompt)}</td></tr>")
    return f'<table class="pictures"><tr>{head}<th>words</th></tr>\n' + "\n".join(rows) + "\n</table>"


def _image(picture: Tensor, text: str) -> str:
    """A picture [3, H, W] inside the page."""
    image = Image.fromarray(to_bytes(picture.clamp(-1, 1)).permute(1, 2, 0).contiguous().cpu().numpy())
    image.thumbnail((_TILE, _TILE), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    image.save(buffer, format="JPEG", quality=85)
    data = base64.b64encode(buffer.getvalue()).decode()
    return f'<img width="{_TILE}" src="data:image/jpeg;base64,{data}" alt="{html.escape(text)}">'


STYLE = """
body { max-width: 1200px; } table { border-collapse: collapse; display: block; overflow-x: auto; }
td, th { padding: .2rem .8rem .2rem 0; text-align: left; vertical-align: middle; }
em { opacity: .7; } .plots { display: flex; flex-wrap: wrap; gap: 1rem 2rem; } figcaption { font-weight: 600; }
svg text { font-size: 12px; fill: currentColor; } .ours { fill: #4c78a8; }
.theirs { fill: none; stroke: #888; stroke-dasharray: 3 2; } .pictures img { border-radius: 4px; }
"""
