"""Sliders made of words: whether they bring what they name, and leave the rest alone; beside SeFa's best."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from statistics import mean

import torch

from ...ddgi.checkpoints import load_generator
from ...ddgi.demo import files
from ...ddgi.evaluation import load_judges
from ...ddgi.evaluation.judges import Judges
from ...ddgi.evaluation.metrics import class_iou, confusion
from ...ddgi.gan import GanLatent, Generator
from ...ddgi.headworld import ATTRIBUTES
from ...ddgi.latents import Move, edit, save_directions, sefa_directions, word_direction
from .. import folders
from ..chain import Chain
from ..managed import managed_bridge
from ..word_faces import word_faces

FACES = 64                  # that a direction is found from, and as many others that it is tried on
SEFA, SEFA_STRENGTH = 16, 2.0           # axes that are tried, both ways, at two standard deviations
_SEED, _TRIED_SEED, _AT_ONCE = 0, 1, 32
_WHO, _EYES, _WORN = "{woman|man}", "{blue|brown|green} eyes", "{|, wearing glasses|, wearing earrings|, wearing a hat}"
_HAIR, _MOOD = "{short|long|curly} {black|brown|blond|red|grey} hair", "{smiling|neutral|sad|surprised}"
_ANYBODY = f"a {_MOOD} {_WHO} with {_EYES} and {_HAIR}"
_MOUTH = ("mouth", "upper lip", "lower lip")
_BROWS = ("left brow", "right brow")


@dataclasses.dataclass(frozen=True)
class Slider:
    """A thing that words bring.

    Attributes:
        words, without: the two prompts.
        attribute, value: what a judge reads where the thing is.
        parts: of the face, that may change.
        first_layer: layers before it stay: they hold poses and shapes, which some things need not move.
        step: strength 1, as a share of the difference between the prompts: about as little as shows the thing on more
            faces than not, so that the rest stays. Twice that shows it on nearly all.
    """

    words: str
    without: str
    attribute: str
    value: str = "yes"
    parts: tuple[str, ...] = ()
    first_layer: int = 0
    step: float = 1.0


SLIDERS = {
    "smile": Slider(f"a smiling {_WHO} with {_EYES} and {_HAIR}", f"a neutral {_WHO} with {_EYES} and {_HAIR}",
                    "expression", "smiling", _MOUTH, 3, 0.85),
    "surprise": Slider(f"a surprised {_WHO} with {_EYES} and {_HAIR}", f"a neutral {_WHO} with {_EYES} and {_HAIR}",
                       "expression", "surprised", (*_MOUTH, *_BROWS), step=0.9),
    "glasses": Slider(f"{_ANYBODY}, wearing glasses", _ANYBODY, "glasses",
                      parts=("eyeglasses", "left eye", "right eye", *_BROWS), first_layer=4, step=0.9),
    "beard": Slider(f"a {_MOOD} man with {_EYES}, {_HAIR} and a beard", f"a {_MOOD} man with {_EYES} and {_HAIR}",
                    "beard", parts=("hair", "skin", "neck", *_MOUTH), step=0.65),
    "hat": Slider(f"{_ANYBODY}, wearing a hat", _ANYBODY, "hat",
                  parts=("hat", "hair", "skin", "left ear", "right ear", *_BROWS), step=0.5),
    "long hair": Slider(f"a {_MOOD} {_WHO} with {_EYES} and long {{black|brown|blond|red|grey}} hair",
                        f"a {_MOOD} {_WHO} with {_EYES} and short {{black|brown|blond|red|grey}} hair",
                        "hair_style", "long", ("hair", "neck", "cloth", "left ear", "right ear", "background"),
                        step=0.65),
    "grey hair": Slider(f"a {_MOOD} {_WHO} with {_EYES} and {{short|long|curly}} grey hair",
                        f"a {_MOOD} {_WHO} with {_EYES} and {{short|long|curly}} {{black|brown|blond|red}} hair",
                        "hair_colour", "grey", first_layer=6, step=0.7),
    "blue eyes": Slider(f"a {_MOOD} {_WHO} with blue eyes and {_HAIR}",
                        f"a {_MOOD} {_WHO} with {{brown|green}} eyes and {_HAIR}", "eye_colour", "blue", first_layer=4,
                        step=0.7),
    "earrings": Slider(f"{_ANYBODY}, wearing earrings", _ANYBODY, "earrings", parts=("earring",), step=0.65),
    "necklace": Slider(f"{_ANYBODY}, wearing a necklace", _ANYBODY, "necklace", parts=("necklace",), first_layer=2,
                       step=0.6),
}


@torch.no_grad()
def run(*, folder: Path = folders.DEMO, faces: int = FACES, keep: Path | None = None,
        report: Callable[[str], None] = lambda line: None) -> dict[str, dict]:
    """What each slider of `SLIDERS` does to faces without the thing, made as *DDGI Word Direction* makes it.

    keep: a file for the directions.

    Returns:
        {slider: {"strength_1": {"gain": mean growth of the probability that a judge gives what was asked for, "others":
        mean change of its other readings (total variation, mean over attributes), "kept_miou": mIoU, before and after,
        of the parts that should not change}, "strength_2", "sefa": the same of SeFa's best axis, and its "axis"}}.

    Raises:
        InputError: a model file is missing or broken.
    """
    chain, judges = Chain.of_demo(folder), load_judges(folder / files.JUDGES)
    generator, bridge = load_generator(folder / files.GENERATOR), managed_bridge(folder / files.BRIDGE)

    def read(text: str, seed: int) -> GanLatent:
        return word_faces(chain.model, chain.clip, bridge, text, faces, seed)

    trial = Trial(drawn(generator), judges, read(_ANYBODY + _WORN, _TRIED_SEED))
    axes = {f"{'-' if sign < 0 else '+'}{axis.name}": trial.after(Move(axis, sign * SEFA_STRENGTH))
            for axis in sefa_directions(generator, SEFA) for sign in (1, -1)}
    found, directions = {}, []
    for name, slider in SLIDERS.items():
        record = {"words": slider.words, "without": slider.without, "seed": _SEED, "step": slider.step}
        direction = word_direction(read(slider.words, _SEED), read(slider.without, _SEED), name, clean=0.0,
                                   record=record)
        layers = tuple(range(slider.first_layer, generator.config.num_ws)) if slider.first_layer else None
        direction = dataclasses.replace(direction, offset=direction.offset * slider.step, layers=layers)
        directions.append(direction)
        scores = {f"strength_{strength}": trial.score(slider, trial.after(Move(direction, strength)))
                  for strength in (1, 2)}
        best = max(axes, key=lambda axis: trial.score(slider, axes[axis])["gain"])
        found[name] = {**scores, "sefa": {**trial.score(slider, axes[best]), "axis": best}}
        report(f"{name}: " + "; ".join(
            f"{way.replace('_', ' ')} {score['gain']:+.2f}, others {score['others']:.3f}, kept mIoU "
            f"{score['kept_miou']:.3f}" for way, score in found[name].items()))
    if keep:
        save_directions(keep, directions)
    return found


def drawn(generator: Generator) -> Callable[[GanLatent], torch.Tensor]:
    """Draws the pictures [B, 3, R, R] in -1..1 of a latent, some at a time."""
    return lambda latent: torch.cat([generator.draw(ws).clamp(-1, 1) for ws in latent.ws.split(_AT_ONCE)])


class Trial:
    """Faces before and after an edit, as judges see them: probabilities by attribute, and part numbers."""

    def __init__(self, draw: Callable[[GanLatent], torch.Tensor], judges: Judges, latent: GanLatent):
        self.draw, self.judges, self.latent = draw, judges, latent
        self.before = self._seen(latent)

    def after(self, move: Move) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
        return self._seen(edit(self.latent, [move]))

    @torch.no_grad()
    def _seen(self, latent: GanLatent) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
        pictures = self.judges.fit(self.draw(latent))
        read = {name: logits.softmax(1) for name, logits in self.judges.read(pictures).items()}
        return read, self.judges.segmenter(pictures).argmax(1)

    def score(self, slider: Slider, after: tuple[dict[str, torch.Tensor], torch.Tensor]) -> dict[str, float]:
        (read, parts), (new, new_parts) = self.before, after
        place = ATTRIBUTES[slider.attribute].index(slider.value)
        without = read[slider.attribute].argmax(1) != place
        if slider.attribute == "beard":
            without &= read["gender"].argmax(1) == ATTRIBUTES["gender"].index("man")
        change = {name: (new[name] - read[name])[without] for name in ATTRIBUTES}
        others = [change[name].abs().sum(1).mean() / 2 for name in ATTRIBUTES if name != slider.attribute]
        kept = [iou for part, iou in class_iou(confusion(new_parts[without], parts[without])).items()
                if part not in slider.parts]
        return {"gain": round(change[slider.attribute][:, place].mean().item(), 4),
                "others": round(torch.stack(others).mean().item(), 4),
                "kept_miou": round(mean(kept), 4)}
