"""Where the demo's diffusion model looks for the words of its prompts: the pointing game."""

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch.nn import functional as F

from ...ddgi.features import StepFeatures, Word, pointing_game, word_maps
from ...ddgi.headworld import ATTRIBUTES, HeadWorldBatch, render_batch, stack_seeds
from ...ddgi.headworld.words import SYNONYMS
from ...ddgi.palette import CLASS_NAMES
from .. import folders
from ..capture.words import prompt_spelling, prompt_words
from ..chain import DEFAULT_SAMPLING, Chain, Sampling, hint_images

SEEDS = range(256)
# Words that mean a part, and the classes that show it; a beard has no class: see `_areas`.
PARTS = {
    "glasses": (SYNONYMS["glasses"]["yes"], ("eyeglasses",)),
    "hat": (SYNONYMS["hat"]["yes"], ("hat",)),
    "hair": (("hair",), ("hair",)),
    "eyes": (("eyes",), ("left eye", "right eye")),
    "mouth": (tuple(word for words in SYNONYMS["expression"].values() for word in words),
              ("mouth", "upper lip", "lower lip")),
    "beard": (SYNONYMS["beard"]["yes"], ()),
    "earrings": (SYNONYMS["earrings"]["yes"], ("earring",)),
    "necklace": (SYNONYMS["necklace"]["yes"], ("necklace",)),
}
_SIZE, _BATCH, _GROWN = 64, 32, 0.2     # how different a beard makes a pixel, in -1..1


@torch.no_grad()
def run(seeds: range = SEEDS, sampling: Sampling = DEFAULT_SAMPLING, *, folder: Path = folders.DEMO,
        report: Callable[[str], None] = lambda line: None) -> dict[str, dict[str, float]]:
    """How often the highest point of a word's map lies on its part, beside the mean of all words' maps, over the last
    step of sampling runs; a point half a cell of the model's finest maps beside the part counts, too.

    Returns:
        {part: {"word": share, "all_words": share, "area": mean share of the picture that counts, "count": prompts that
        name it and pictures that show it}}.

    Raises:
        InputError: a model file is missing or broken.
    """
    chain = Chain.of_demo(folder, sampling)
    hits: dict[str, list[tuple[float, float, float]]] = {part: [] for part in PARTS}
    for first in range(0, len(seeds), _BATCH):
        chosen = seeds[first:first + _BATCH]
        truth = render_batch(chosen, _SIZE)
        _, features = chain.latents(truth.captions, hint_images(truth, sampling.hint), chosen[0])
        areas = _areas(chosen, truth)
        step = features.select("last")
        near = _SIZE // max(maps.shape[-1] for maps in step.word_mean) // 2
        for row, prompt in enumerate(truth.captions):
            words = _spelling(chain, prompt)
            one = _alone(step, row)
            sharp = word_maps(one, words, (_SIZE, _SIZE), contrast=True)[0]
            mean = word_maps(one, words, (_SIZE, _SIZE)).mean(1)
            for part, area in areas.items():
                named = [number for number, word in enumerate(words) if word.text.lower() in PARTS[part][0]]
                wide = _wider(area[row], near)
                if named and wide.any():
                    pointed = pointing_game(sharp[named[:1]], wide), pointing_game(mean, wide), wide.float().mean()
                    hits[part].append(tuple(map(float, pointed)))
        report(f"looked at the words of {first + len(chosen)}/{len(seeds)} prompts")
    return {part: _share(scores) for part, scores in hits.items()}


def _alone(step: StepFeatures, row: int) -> StepFeatures:
    """One prompt's features; each has words of its own."""
    return step.apply(lambda tensor: tensor[row:row + 1])


def _areas(seeds: Sequence[int], truth: HeadWorldBatch) -> dict[str, torch.Tensor]:
    """bool [B, S, S] of every part; a beard is what changes when the same heads are shaved."""
    z = stack_seeds(seeds)
    beard = list(ATTRIBUTES).index("beard")
    z[:, beard] = -z[:, beard].abs()        # half of all heads have none; only the direction of z counts
    grown = (render_batch(z, _SIZE).image - truth.image).abs().amax(1) > _GROWN
    seen = {part: torch.stack([truth.mask == CLASS_NAMES.index(name) for name in names]).any(0)
            for part, (_, names) in PARTS.items() if names}
    return {**seen, "beard": grown}


def _wider(area: torch.Tensor, pixels: int) -> torch.Tensor:
    """[S, S] to [1, S, S], grown by so many pixels on each side."""
    return F.max_pool2d(area[None].float(), 2 * pixels + 1, 1, pixels) > 0


def _spelling(chain: Chain, prompt: str) -> tuple[Word, ...]:
    tokens = chain.clip.tokenize(prompt)
    return prompt_spelling(chain.clip, tokens, prompt_words(chain.clip, tokens))


def _share(scores: list[tuple[float, float, float]]) -> dict[str, float]:
    word, mean, area = torch.tensor(scores).mean(0).tolist() if scores else (0.0, 0.0, 0.0)
    return {"word": round(word, 4), "all_words": round(mean, 4), "area": round(area, 4), "count": len(scores)}
