"""Scores as a table for people."""

COLUMNS = {"miou": "mask mIoU", "pixel_accuracy": "pixel accuracy", "attribute_accuracy": "attribute accuracy",
           "distance": "distance (lower is better)"}
ROWS = {"mean_face": "mean face", "m_only": "M alone", "m_t": "M + T", "diffusion": "diffusion model's own image",
        "ground_truth": "true images (the judges' own accuracy)"}


def markdown_table(scores: dict[str, dict[str, float]]) -> str:
    """{"m_t": {"miou": ...}, ...} as a Markdown table; unknown rows keep their key."""
    lines = ["| | " + " | ".join(COLUMNS.values()) + " |", "|---" * (len(COLUMNS) + 1) + "|"]
    for key, values in scores.items():
        cells = [f"{values[column]:.3f}" for column in COLUMNS]
        lines.append(f"| {ROWS.get(key, key)} | " + " | ".join(cells) + " |")
    return "\n".join(lines)
