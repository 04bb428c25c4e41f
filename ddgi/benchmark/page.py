"""`docs/performance.md` and its charts, written from the records of `bench all`."""

from collections.abc import Mapping

from .plot import line_chart
from .ratios import BUSY
from .record import COLUMNS, MARGIN

MOST_RATIO = "ratio at the ceiling"
SAME_RESULT = ("stylegan2", "at_once", "stylegan3", "eg3d")     # sections whose ratio is to another way to one result
DEVICES = {"cpu": "CPU", "cuda": "Graphics card"}
# Title of each section and what its rows are.
SECTIONS = {
    "stylegan2": ("StyleGAN2", "One picture with FFHQ's channels; ratio: to the formulas as the paper writes them. "
                               "Large 3x3 convolutions take a quarter of their multiplications on a CPU, here and "
                               "below; the sums in their place are below the ceiling."),
    "at_once": ("StyleGAN2, several pictures at once", "Of 256 px, all of a call; ratio as above."),
    "stylegan3": ("StyleGAN3", "One picture of 256 px, configs T and R; ratio as above."),
    "eg3d": ("EG3D", "A head with FFHQ-512's sizes; a further view needs no planes. Ratio as above."),
    "views": ("EG3D, views of one head", "A small generator of 64 px, so many views in a call; planes are made once."),
    "half": ("Half precision", "A picture of StyleGAN2, 1024 px, and a head of EG3D with FFHQ-512's sizes; ratio: to "
                               "fp32. A processor needs bf16 arithmetic (AVX-512 BF16, AMX) to be quicker with it."),
    "bridge": ("Bridge", "M, T and all from features to latent, at the sizes of the demo models and of SD 1.5 with "
                         "StyleGAN2 of 1024 px."),
    "encode": ("From a drawing to a face", "The demo models, one pass, the drawing another every time, up to the JPEG. "
                                           "Words count once (text), as they are kept; rest is the host's own work."),
    "chain": ("One pass beside a sampling run", "The demo models in 2D and 3D; ratio: to 20 steps, bridge and render."),
    "capture": ("Capture", "A step of a U-Net of SD 1.5's sizes, 512 px, cfg 7; ratio: to a step that is not kept."),
    "kept": ("Steps that are kept", "20 steps of the demo's diffusion model."),
    "train": ("Training", "A step of one picture between the demo's diffusion model and its generator."),
    "batch": ("Batches", "Rows of the demo, in one batch (ratio: to row by row) and row by row through the server."),
    "boot": ("ComfyUI's start", "What the pack's imports add to it."),
}
# Sections with a chart: the title, and what its rows count.
CHARTS = {"at_once": ("computing seconds of a call", "pictures at once"),
          "views": ("computing seconds of a call", "views of one head"),
          "kept": ("computing seconds of 20 steps", "steps kept")}


def page_files(records: Mapping[str, dict]) -> dict[str, str]:
    """Texts by their paths from the folder of the page; `records` by device, of `DEVICES`."""
    files, parts = {}, [_HEAD.format(margin=f"{MARGIN:.0%}")]
    for device, title in DEVICES.items():
        parts.append(f"## {title}")
        if device not in records:
            parts += [_MISSING[device], *_empty(records)]
            continue
        parts.append(_machine(records[device]))
        for name, section in records[device]["sections"].items():
            parts += _section(name, section)
            if name in CHARTS:
                path = f"performance/{device}_{name}.svg"
                files[path] = _chart(name, section["rows"])
                parts.append(f"![{CHARTS[name][0]}]({path})")
    return {"performance.md": "\n\n".join(parts) + "\n"} | files


_HEAD = """# Performance

Written by `python -m ddgi bench all --out docs`; the numbers are in `docs/performance/`. Each row is the median of
repeats, in turn with what it is compared with, in one process. *Seconds* are what a user waits, *computing seconds*
what all threads of the process worked: where others used the machine, only these and their ratio mean something.
*Ratio*: how many times faster than the comparison. The *ceiling* is the fastest convolution that the machine did in the
same run; *ratio at the ceiling*: the most that the ratio could be there, if all arithmetic ran so and nothing else took
time. `make bench-check` measures the ratios of computing again and fails where one is more than {margin} worse."""
# What stands in the place of a device's numbers.
_MISSING = {
    "cpu": "Not measured yet; `python -m ddgi bench all --out docs` fills the rows in.",
    "cuda": "No graphics card was at hand when this was written, so the rows stand empty; `python -m ddgi bench all "
            "--out docs` on a machine with one fills them in."}


def _machine(record: dict) -> str:
    facts, most = record["machine"], record["ceilings"]
    pages = "huge pages" if facts["huge_pages"] else "plain pages"
    return (f"{facts['device']}, {facts['cores']} cores, {facts['threads']} thread{'s' * (facts['threads'] > 1)}, "
            f"{facts['system']}, torch {facts['torch']}, {pages}, fp32, {facts['date']}. At most: "
            f"{most['product_gflops']:.0f} GFLOP/s in matrix products, {most['convolution_gflops']:.0f} in "
            f"convolutions, {most['copy_gib_per_second']:.1f} GiB/s in copies.")


def _section(name: str, section: dict) -> list[str]:
    title, text = SECTIONS[name]
    cases = {row: _with_most(case) if name in SAME_RESULT else case for row, case in section["rows"].items()}
    names = {**COLUMNS, "most": MOST_RATIO}
    columns = [column for column in names if any(column in case for case in cases.values())]
    rows = [[_words(row), *(_number(case.get(column)) for column in columns)] for row, case in cases.items()]
    parts = [f"### {title}", text, _table(["", *(names[column] for column in columns)], rows)]
    if (section["busy"] or 0) > BUSY:
        parts.append(f"Others took {section['busy']:.0%} of the machine meanwhile: seconds and their ratio say little.")
    return parts


def _with_most(case: dict[str, float]) -> dict[str, float]:
    """With what the ratio would be if all arithmetic ran at the ceiling, where both are known."""
    known = {"ratio", "ceiling_share"} <= case.keys()
    return case | {"most": case["ratio"] / case["ceiling_share"]} if known else case


def _empty(records: Mapping[str, dict]) -> list[str]:
    """The rows of all records without numbers."""
    rows = [[SECTIONS[name][0], _words(row), "", "", ""] for name in SECTIONS
            for row in dict.fromkeys(row for record in records.values()
                                     for row in record["sections"].get(name, {}).get("rows", {}))]
    return [_table(["", "", COLUMNS["seconds"], COLUMNS["ratio"], COLUMNS["peak_mib"]], rows)]


def _chart(name: str, rows: dict) -> str:
    title, unit = CHARTS[name]
    return line_chart(title, unit, [(int(row.split("_")[0]), case["cpu_seconds"]) for row, case in rows.items()])


def _words(row: str) -> str:
    return row.replace("_", " ")


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def _table(head: list[str], rows: list[list[str]]) -> str:
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows))
