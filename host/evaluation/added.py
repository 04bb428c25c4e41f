"""Words that name what a drawing lacks, and does not contradict: whether it is seen in the picture."""

from collections.abc import Callable
from pathlib import Path

import torch

from ...ddgi.bridge import load_bridge
from ...ddgi.checkpoints import load_generator
from ...ddgi.demo import files
from ...ddgi.evaluation import load_judges
from ...ddgi.facemask import mask_to_hint
from ...ddgi.headworld import ATTRIBUTES, caption, render_batch
from ...ddgi.roughness import leave_out
from .. import folders
from ..chain import DEFAULT_SAMPLING, Chain, Sampling
from .demo import method_pictures

TRIES = 16                  # of each word
# What the words name: an attribute, its value, and the part that is erased from the mask where it would say otherwise.
NAMED = {"glasses": ("yes", ()), "beard": ("yes", ()), "earrings": ("yes", ()), "expression": ("smiling", ("mouth",))}
_SEEDS = range(256)


@torch.no_grad()
def run(sampling: Sampling = DEFAULT_SAMPLING, *, folder: Path = folders.DEMO, tries: int = TRIES, seed: int = 0,
        report: Callable[[str], None] = lambda line: None) -> dict[str, dict[str, float]]:
    """{"glasses": {"m_t": share of pictures in which a judge sees them, "one_pass", "diffusion"}, ...}.

    Held-out heads without the thing (men, for beards); the mask is theirs, the words are theirs and name the thing.

    Raises:
        InputError: a model file is missing or broken.
    """
    chain, judges = Chain.of_demo(folder, sampling), load_judges(folder / files.JUDGES)
    generator, bridge = load_generator(folder / files.GENERATOR), load_bridge(folder / files.BRIDGE)
    names, shares = list(ATTRIBUTES), {}
    heads = render_batch(_SEEDS, 16).attributes
    for name, (value, erased) in NAMED.items():
        place, wanted = names.index(name), ATTRIBUTES[name].index(value)
        without = heads[:, place] != wanted
        if name == "beard":
            without &= heads[:, names.index("gender")] == ATTRIBUTES["gender"].index("man")
        chosen = [_SEEDS[row] for row in without.nonzero()[:tries, 0].tolist()]
        truth = render_batch(chosen, judges.resolution)
        told = truth.attributes.clone()
        told[:, place] = wanted
        prompts = [caption(row, seed) for row in told.tolist()]
        hints = mask_to_hint(torch.stack([leave_out(mask, erased) for mask in truth.mask]))
        pictures = method_pictures(chain, generator, bridge, prompts, hints, seed)
        shares[name] = {key: round(judges.share(shown, name, value), 4) for key, shown in pictures.items()}
        report(f"{value if name == 'expression' else name} in words alone: " + ", ".join(
            f"{key} {share:.2f}" for key, share in shares[name].items()))
    return shares
