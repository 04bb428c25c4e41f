"""Scores as tables for people."""

from .drawings import COLUMNS as DRAWING_COLUMNS

COLUMNS = {"miou": "mask mIoU", "pixel_accuracy": "pixel accuracy", "attribute_accuracy": "attribute accuracy",
           "distance": "distance (lower is better)"}
ROWS = {"mean_face": "mean face", "m_only": "M alone", "m_t": "M + T", "one_pass": "M + T, one pass",
        "diffusion": "diffusion model's own image", "ground_truth": "true images"}
VIEW_COLUMNS = {"depth_error": "depth error", "silhouette": "silhouette IoU", "miou": "mask mIoU",
                "pixel_accuracy": "pixel accuracy", "attribute_accuracy": "attribute accuracy"}
WORD_COLUMNS = {"word": "the word's map", "all_words": "mean of all words' maps", "area": "share of the picture",
                "count": "pictures"}
PROJECTION_COLUMNS = {"picture_distance": "picture distance", "distance": "distance as judges see",
                      "attribute_accuracy": "attribute accuracy", "miou": "mask mIoU", "seconds": "seconds a picture",
                      "edits": "gain of edits"}
PROJECTION_ROWS = {"bridge": "bridge (words and mask)", "mean_w+": "w+ from the mean face", "w": "w from the bridge",
                   "w+": "w+ from the bridge", "tuned": "and the generator tuned"}
GROUPS = {"words_alone": "words alone", "drawing_alone": "drawing alone", "at_256": "at 256 px"}


def markdown_table(scores: dict[str, dict[str, float]]) -> str:
    """{"m_t": {"miou": ...}, ...} as a Markdown table; "m_t (mine)" is the row "M + T (mine)".

    Groups of scores stand below it, each row with the group's name.
    """
    columns = {**COLUMNS, **({"sharpness": "sharpness (true images have 1)"} if "at_256" in scores else {})}
    lines = _head("", columns)
    for name, rows in {"": _ungrouped(scores), **{name: scores[name] for name in GROUPS if name in scores}}.items():
        for key, values in rows.items():
            method = f"{GROUPS[name]}: {_method(key)}" if name else _method(key)
            lines.append(_row(method, values, columns))
    return "\n".join(lines)


def drawing_table(scores: dict[str, dict]) -> str:
    """{"mask": {"a face": {"m_t": {...}}}} of drawings by hand as a Markdown table."""
    lines = _head("", DRAWING_COLUMNS)
    for kind, by_words in scores.items():
        for words, methods in by_words.items():
            for key, values in methods.items():
                cells = " | ".join(f"{values[column]:.2f}" for column in DRAWING_COLUMNS)
                lines.append(f"| {kind}, {words}: {_method(key)} | {cells} |")
    return "\n".join(lines)


def direction_table(scores: dict[str, dict]) -> str:
    """{"smile": {"strength_1": {...}, "strength_2", "sefa"}} of sliders as a Markdown table."""
    ways = list(next(iter(scores.values())))
    columns = [f"{way.replace('_', ' ')}: {column}" for way in ways for column in ("gain", "others", "kept mIoU")]
    lines = _head("slider", dict(zip(columns, columns)))
    for name, by_way in scores.items():
        cells = [f"{by_way[way][column]:{form}}" for way in ways
                 for column, form in (("gain", "+.2f"), ("others", ".3f"), ("kept_miou", ".2f"))]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def random_table(scores: dict) -> str:
    """{"world": {attribute: {value: share}}, "faces": {truncation: the same}} as a Markdown table."""
    columns = {"world": scores["world"], **{f"faces, truncation {psi}": read for psi, read in scores["faces"].items()}}
    lines = _head("share of pictures", dict(zip(columns, columns)))
    for name, values in scores["world"].items():
        for value in values:
            cells = " | ".join(f"{read[name][value]:.2f}" for read in columns.values())
            lines.append(f"| {name.replace('_', ' ')}: {value} | {cells} |")
    near = " | ".join(f"{share:.2f}" for share in scores["within_a_third"].values())
    return "\n".join([*lines, f"| of these, within a third of the world's | 1.00 | {near} |"])


def word_table(scores: dict[str, dict[str, float]]) -> str:
    """{"glasses": {"word": ..., "all_words": ...}} of the pointing game as a Markdown table."""
    return "\n".join([*_head("points at", WORD_COLUMNS), *(_row(part, scores[part], WORD_COLUMNS) for part in scores)])


def projection_table(scores: dict[str, dict[str, float]]) -> str:
    """{"bridge": {"picture_distance": ...}} of pictures searched in a generator as a Markdown table."""
    rows = (_row(PROJECTION_ROWS[way], scores[way], PROJECTION_COLUMNS) for way in scores)
    return "\n".join([*_head("", PROJECTION_COLUMNS), *rows])


def _row(name: str, values: dict[str, float], columns: dict[str, str]) -> str:
    """A value of each column, "-" where there is none; counts stay whole."""
    cells = ["-" if value is None else str(value) if isinstance(value, int) else f"{value:.3f}"
             for value in map(values.get, columns)]
    return f"| {name} | " + " | ".join(cells) + " |"


def _ungrouped(scores: dict[str, dict]) -> dict[str, dict]:
    return {name: values for name, values in scores.items() if name not in GROUPS}


def attribute_table(scores: dict[str, dict]) -> str:
    """The "by_attribute" accuracies of {"m_t": {...}, ...} as a Markdown table: a row for each attribute."""
    columns = {_method(key): values for key, values in _ungrouped(scores).items()}
    for name in ("words_alone", "drawing_alone"):
        columns |= {f"{GROUPS[name]}: {_method(key)}": values for key, values in scores.get(name, {}).items()}
    lines = _head("attribute accuracy", {name: name for name in columns})
    for attribute in next(iter(columns.values()))["by_attribute"]:
        cells = [f"{values['by_attribute'][attribute]:.2f}" for values in columns.values()]
        lines.append(f"| {attribute.replace('_', ' ')} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def view_tables(scores: dict[str, dict]) -> str:
    """What `evaluate --demo --views` measured as two Markdown tables; the true pictures' scores stand in brackets.

    Args:
        scores: {"views", "ground_truth": {yaw: {...}}, "consistency", "ratio_30": {"m_t", "ground_truth": {...}}}.
    """
    lines = _head("yaw", VIEW_COLUMNS)
    for yaw, values in scores["views"].items():
        lines.append(_pair_row(yaw, [(values[c], scores["ground_truth"][yaw][c]) for c in VIEW_COLUMNS], 3))
    ratios = [scores["ratio_30"][kind] for kind in ("m_t", "ground_truth")]
    if all(ratios):
        lines.append(_pair_row("30 over 0", [tuple(r.get(c) for r in ratios) for c in VIEW_COLUMNS], 2))
    ours, true = (scores["consistency"][kind] for kind in ("m_t", "ground_truth"))
    lines += ["", *_head("from one view to the next", {"psnr": "PSNR in dB"})]
    lines += [_pair_row(name, [(ours["pairs"][name], true["pairs"][name])], 1) for name in ours["pairs"]]
    lines.append(_pair_row("all", [(ours["psnr"], true["psnr"])], 1))
    return "\n".join(lines)


def _method(key: str) -> str:
    """"m_t (mine)" as "M + T (mine)"."""
    method, gap, details = key.partition(" (")
    return f"{ROWS.get(method, method)}{gap}{details}"


def _head(first: str, columns: dict[str, str]) -> list[str]:
    return [f"| {first} | ".replace("|  |", "| |") + " | ".join(columns.values()) + " |",
            "|---" * (len(columns) + 1) + "|"]


def _pair_row(name: str, cells: list[tuple], digits: int) -> str:
    texts = [tuple("-" if value is None else f"{value:.{digits}f}" for value in pair) for pair in cells]
    return f"| {name} | " + " | ".join(f"{ours} ({true})" for ours, true in texts) + " |"
