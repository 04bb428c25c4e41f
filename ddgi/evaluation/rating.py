"""How well each picture of a batch fits what was asked for: its words, its drawing, a face to look like."""

from dataclasses import dataclass

import torch
from torch import Tensor

from ..errors import InputError
from ..pictures import resize_classes
from .measure import Networks
from .metrics import confusion, mean_iou


@dataclass(frozen=True)
class Rating:
    """Scores of B pictures; higher is better.

    Attributes:
        parts: "words", "drawing" and "likeness" to scores [B] of about 0..1, those that were asked for.
        total: [B], their weighted mean.
    """

    parts: dict[str, Tensor]
    total: Tensor

    def __len__(self) -> int:
        return len(self.total)

    def best(self, count: int) -> list[int]:
        """Numbers of the `count` best pictures, the best first; of equals the earlier one.

        Raises:
            InputError: there are fewer.
        """
        if not 1 <= count <= len(self):
            raise InputError(f"The best {count} were asked for and there are {len(self)} pictures; ask for 1 to "
                             f"{len(self)}.")
        return self.total.argsort(descending=True, stable=True)[:count].tolist()

    def lines(self) -> list[str]:
        """One line of text for each picture."""
        named = {**self.parts, "score": self.total}
        return [f"{row}: " + ", ".join(f"{name} {scores[row]:.3f}" for name, scores in named.items())
                for row in range(len(self))]


@torch.no_grad()
def rate(networks: Networks, pictures: Tensor, *, prompt: str = "", drawn: Tensor | None = None,
         reference: Tensor | None = None, weights: dict[str, float] | None = None) -> Rating:
    """Rate pictures [B, 3, H, W] in -1..1.

    Args:
        prompt: what they should show: a hundredth of CLIP's score, or the share of what it names that judges see.
        drawn: classes uint8 [1 or B, h, w]: mean IoU of the picture's parts with them, over the parts that are drawn.
        reference: a face [1 or B, 3, h, w] in -1..1: the cosine of both face vectors, at least 0.
        weights: of the parts in the total, 1 where not given.

    Raises:
        InputError: nothing was asked for, the counts do not fit, the prompt says nothing that the judges know, or all
            weights are 0.
    """
    parts, count = {}, len(pictures)
    if prompt.strip():
        parts["words"] = networks.words(pictures, [prompt] * count).float().cpu()
        if parts["words"].isnan().any():
            raise InputError(f"The prompt {prompt[:60]!r} names nothing that the demo judges know; write words such as "
                             f"glasses, beard or red hair, or choose a CLIP file.")
    if drawn is not None:
        seen = networks.parse(pictures).cpu()
        masks = resize_classes(_as_many("drawing", drawn, count), *seen.shape[1:])
        parts["drawing"] = torch.tensor([mean_iou(confusion(a, b)) for a, b in zip(seen, masks)])
    if reference is not None:
        vectors = _as_many("reference", networks.identity(reference).cpu(), count)
        parts["likeness"] = (networks.identity(pictures).cpu() * vectors).sum(1).clamp_min(0)
    if not parts:
        raise InputError("Nothing is given to score the pictures by; write a prompt, or connect a drawing or a face to "
                         "look like.")
    shares = torch.tensor([(weights or {}).get(name, 1.0) for name in parts])
    if not shares.sum() > 0:
        raise InputError("The weights of all scores are 0; give one of them more.")
    return Rating(parts, shares @ torch.stack(list(parts.values())) / shares.sum())


def _as_many(what: str, values: Tensor, count: int) -> Tensor:
    if len(values) not in (1, count):
        raise InputError(f"The {what} has {len(values)} pictures and {count} are scored; give as many, or one.")
    return values.expand(count, *values.shape[1:])
