"""The networks of the metrics from files; where one is not given, the demo models' judges stand in for it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from ..faces import load_parser
from ..faces.identity import load_identity
from ..files import file_digest
from ..headworld import named_attributes
from ..lpips import load_lpips
from ..perceptual import feature_distance
from ..pictures import resize_classes
from .inception import load_inception
from .judges import Judges, load_judges
from .measure import Networks

Words = Callable[[Tensor, Sequence[str]], Tensor]
# Attributes of `Networks`: the key of `NetworkTable` that names the file of each, and what it is called in reports.
_ROLES = {"features": ("inception", "Inception v3"), "distance": ("lpips", "LPIPS"),
          "identity": ("identity", "face recognition"), "parse": ("parser", "BiSeNet"), "words": ("clip", "CLIP")}
_TINY = 16              # pictures that a network sees at once


@dataclass(frozen=True)
class NetworkTable:
    """The `[networks]` table of a protocol: files; an empty one leaves its metric to the judges.

    Attributes:
        inception: the Inception v3 of FID, for FID and KID. lpips: a state dict of the package lpips.
        identity: IResNet-50 or IR-SE50. parser: a BiSeNet face parser.
        clip: a whole CLIP model (openai/clip-vit-large-patch14 and its kind), for the text.
        judges: the file of judges; empty is the demo models'.
    """

    inception: str = ""
    lpips: str = ""
    identity: str = ""
    parser: str = ""
    clip: str = ""
    judges: str = ""


def open_networks(table: NetworkTable, judges: str | Path, device: torch.device,
                  open_clip: Callable[[str], Words]) -> Networks:
    """The networks of a table, on a device.

    Args:
        judges: the file that stands in where the table names none. open_clip: from a file to scores of words.

    Raises:
        InputError: a file is missing, broken, or holds another network.
    """
    judges = Path(table.judges or judges)
    missing = not all(getattr(table, key) for key, _ in _ROLES.values())
    judged = Stand(load_judges(judges).to(device)) if missing else None
    opened = {"inception": lambda file: in_parts(load_inception(file).to(device), device),
              "lpips": lambda file: _pairs(load_lpips(file).to(device), device),
              "identity": lambda file: in_parts(load_identity(file).to(device), device),
              "parser": lambda file: parser_of(load_parser(file).to(device)), "clip": open_clip}
    return Networks(**{role: opened[key](getattr(table, key)) if getattr(table, key) else getattr(judged, role)
                       for role, (key, _) in _ROLES.items()})


def network_names(table: NetworkTable, judges: str | Path) -> dict[str, str]:
    """What each network of `open_networks` is, by attribute of `Networks`, with the digest of its file."""
    judges = table.judges or judges
    return {role: _named(label, getattr(table, key) or judges, bool(getattr(table, key)))
            for role, (key, label) in _ROLES.items()}


def _named(label: str, file: str | Path, own: bool) -> str:
    kind = label if own else "stand-in: judges of the demo models"
    return f"{kind} ({Path(file).name} {file_digest(file)})"


class Stand:
    """The judges in the place of larger networks: they know the drawn heads of the demo models and nothing else.

    features: means of the attribute classifier's last maps. distance: as LPIPS, in the segmenter's features without
    learned weights. identity: the probabilities of all attribute values as one vector, so that a cosine of 1 says
    "described alike". words: share of the attributes a prompt names that are read in the picture.
    """

    def __init__(self, judges: Judges):
        self.judges = judges
        self.device = next(judges.parameters()).device

    def _fit(self, pictures: Tensor) -> Tensor:
        return self.judges.fit(pictures.to(self.device).float().clamp(-1, 1))

    def features(self, pictures: Tensor) -> Tensor:
        return self.judges.classifier.encoder(self._fit(pictures))[-1].mean((2, 3))

    def distance(self, a: Tensor, b: Tensor) -> Tensor:
        return feature_distance(self.judges.features, self._fit(a), self._fit(b))

    def identity(self, pictures: Tensor) -> Tensor:
        return F.normalize(torch.cat([logits.softmax(1) for logits in self._read(pictures).values()], 1), dim=1)

    def parse(self, pictures: Tensor) -> Tensor:
        classes = self.judges.segmenter(self._fit(pictures)).argmax(1).to(torch.uint8)
        return resize_classes(classes, *pictures.shape[-2:])

    def words(self, pictures: Tensor, prompts: Sequence[str]) -> Tensor:
        read = {name: logits.argmax(1).tolist() for name, logits in self._read(pictures).items()}
        values = self.judges.config.attributes
        scores = []
        for row, prompt in enumerate(prompts):
            told = {name: value for name, value in named_attributes(prompt).items() if value in values.get(name, ())}
            seen = [values[name][read[name][row]] == value for name, value in told.items()]
            scores.append(sum(seen) / len(seen) if seen else float("nan"))
        return torch.tensor(scores)

    def _read(self, pictures: Tensor) -> dict[str, Tensor]:
        return self.judges.read(self._fit(pictures))


def in_parts(network: Callable[[Tensor], Tensor], device: torch.device) -> Callable[[Tensor], Tensor]:
    """A network that sees a few pictures at a time, wherever they are."""
    def look(pictures: Tensor) -> Tensor:
        return torch.cat([network(part.to(device)) for part in pictures.float().split(_TINY)])
    return look


def _pairs(network: Callable[[Tensor, Tensor], Tensor], device: torch.device) -> Callable[[Tensor, Tensor], Tensor]:
    def look(a: Tensor, b: Tensor) -> Tensor:
        return torch.cat([network(x.to(device), y.to(device)) for x, y in zip(a.split(_TINY), b.split(_TINY))])
    return look


def parser_of(parser) -> Callable[[Tensor], Tensor]:
    """A face parser as a function of pictures [B, 3, S, S] in -1..1; one without a face is all background."""
    def look(pictures: Tensor) -> Tensor:
        return torch.stack([parser.classes(face) for face in ((pictures.movedim(1, -1) + 1) / 2).clamp(0, 1)])
    return look
