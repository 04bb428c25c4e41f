"""Numbers that the paper states for itself and for others (Kim et al., CVPR 2024, table 1), never measured here.

Their data is CelebAMask-HQ; which pictures, networks and crops they took is not published.
"""

PAPER = "DDGI paper, table 1, CelebAMask-HQ"
_KEYS = ("fid", "lpips", "ms_ssim", "identity", "pixel_accuracy", "miou")
# The table heads the third column SSIM. Accuracies are given in percent.
_ROWS = {
    "mask": {"TediGAN": (54.83, .31, .62, .63, 81.68, 40.01), "IDE-3D": (39.05, .40, .41, .54, 47.07, 10.98),
             "UaC": (45.87, .38, .59, .32, 81.49, 42.68), "ControlNet": (46.41, .41, .53, .30, 82.42, 42.77),
             "Collaborative": (48.23, .39, .62, .31, 74.06, 30.69), "DDGI 2D": (46.68, .30, .63, .76, 83.41, 43.82),
             "DDGI 3D": (44.91, .284, .64, .78, 83.05, 43.74)},
    "scribble": {"ControlNet": (93.26, .52, .25, .21), "DDGI 2D": (55.60, .32, .56, .72),
                 "DDGI 3D": (48.76, .34, .49, .62)}}


def paper_scores(hint: str) -> dict[str, dict[str, float]]:
    """{method: {metric: value}} for one kind of hint, accuracies as shares."""
    return {name: {key: round(value / 100, 4) if key in ("pixel_accuracy", "miou") else value
                   for key, value in zip(_KEYS, values)} for name, values in _ROWS[hint].items()}
