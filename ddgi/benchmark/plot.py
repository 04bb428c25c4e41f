"""A small line chart as SVG text."""

from collections.abc import Sequence
from html import escape

WIDTH, HEIGHT = 420, 220
LEFT, RIGHT, TOP, BOTTOM = 52, 16, 30, 40
_STYLE = "font-family='sans-serif' font-size='11' fill='#444'"


def line_chart(title: str, x_label: str, points: Sequence[tuple[float, float]]) -> str:
    """Points (x, y), both from 0 up, joined by a line; every point has its numbers at the axes."""
    widest, highest = (max(values) or 1 for values in zip(*points))

    def place(x: float, y: float) -> tuple[float, float]:
        return (LEFT + x / widest * (WIDTH - LEFT - RIGHT), HEIGHT - BOTTOM - y / highest * (HEIGHT - TOP - BOTTOM))

    left, bottom = place(0, 0)
    places = [place(x, y) for x, y in points]
    lines = [f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {WIDTH} {HEIGHT}' width='{WIDTH}'>",
             f"<rect width='{WIDTH}' height='{HEIGHT}' fill='#fff'/>",
             f"<text x='{LEFT}' y='18' {_STYLE} font-weight='bold'>{escape(title)}</text>",
             f"<path d='M{left} {TOP}V{bottom}H{WIDTH - RIGHT}' fill='none' stroke='#999'/>",
             f"<text x='{WIDTH - RIGHT}' y='{HEIGHT - 6}' {_STYLE} text-anchor='end'>{escape(x_label)}</text>",
             f"<polyline points='{' '.join(f'{x:.1f},{y:.1f}' for x, y in places)}' fill='none' stroke='#2a6fb0' "
             f"stroke-width='2'/>"]
    for (x, _), (across, down) in zip(points, places):
        lines += [f"<circle cx='{across:.1f}' cy='{down:.1f}' r='3' fill='#2a6fb0'/>",
                  f"<text x='{across:.1f}' y='{bottom + 15:.1f}' {_STYLE} text-anchor='middle'>{x:g}</text>"]
    for y in (0, highest / 2, highest):
        lines.append(f"<text x='{LEFT - 6}' y='{place(0, y)[1] + 4:.1f}' {_STYLE} text-anchor='end'>{y:.3g}</text>")
    return "\n".join([*lines, "</svg>", ""])
