"""A batch of w+ latents that knows its generator."""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from ..cameras import Camera, check_view
from ..errors import InputError
from ..files import save_tensors
from ..native import load_tensors, naming
from .lineage import Lineage, ancestry_of

if TYPE_CHECKING:
    from .generator import Generator

FORMAT = "ddgi.latent"
THUMBNAILS = "thumbnails"   # tensor in a file of latents


@dataclasses.dataclass(frozen=True)
class GanLatent:
    """w+ vectors and the generator they were made for.

    Attributes:
        ws: [B, num_ws, w_dim], finite floats.
        generator_fingerprint: `Generator.fingerprint` of that generator.
        generator_name: its name, for messages.
        camera: [1 or B, 25] camera labels, or None.
        generator_ancestry: fingerprints of the generators that one comes from.
        record: how the faces were made, as plain values for JSON, for example {"seeds": [7], "truncation_psi": 0.7}.

    Raises:
        InputError: wrong shape, values that are not finite, or cameras that cannot be or look away.
    """

    ws: torch.Tensor
    generator_fingerprint: str
    generator_name: str
    camera: torch.Tensor | None = None
    generator_ancestry: tuple[str, ...] = ()
    record: dict = dataclasses.field(default_factory=dict)

    def __post_init__(self):
        if self.ws.ndim != 3 or not self.ws.is_floating_point() or self.ws.numel() == 0:
            raise InputError(f"A latent of shape {tuple(self.ws.shape)} and type {self.ws.dtype} was given; it must be "
                             f"floats of shape [batch, num_ws, w_dim].")
        if not torch.isfinite(self.ws).all():
            raise InputError("The latent holds values that are not finite; lower the strengths that made it "
                             "or use a bridge trained to the end.")
        camera = self.camera
        if camera is not None and tuple(camera.shape) not in ((1, 25), (len(self.ws), 25)):
            raise InputError(f"The latent's camera has shape {tuple(camera.shape)}; it must be [1, 25] or "
                             f"[{len(self.ws)}, 25].")
        if camera is not None:
            check_view(Camera(camera))

    @property
    def lineage(self) -> Lineage:
        """The generator it was made for."""
        return Lineage(self.generator_fingerprint, self.generator_name, self.generator_ancestry)

    def check(self, generator: "Generator", relative: bool = False) -> None:
        """Refuse a latent of another generator, but for relatives that are known by their ancestry.

        Args:
            generator: the one about to render.
            relative: true accepts any generator of the same sizes, for copies whose ancestry nobody wrote down.

        Raises:
            InputError: the message has both names.
        """
        check_made_for("This latent", tuple(self.ws.shape[1:]), self.lineage, generator, relative)

    def save(self, path: str | Path, provenance: dict | None = None, *, thumbnails: torch.Tensor | None = None,
             notes: dict[str, str] | None = None) -> None:
        """Write a "ddgi.latent" safetensors file.

        Args:
            thumbnails: uint8 [N, h, w, 3], small pictures of the faces.
            notes: further metadata as text; ComfyUI finds a graph in "workflow" and "prompt".
        """
        tensors = {"ws": self.ws.float()} | ({} if self.camera is None else {"camera": self.camera.float()})
        tensors |= {} if thumbnails is None else {THUMBNAILS: thumbnails}
        config = {"generator_fingerprint": self.generator_fingerprint, "generator_name": self.generator_name,
                  "generator_ancestry": list(self.generator_ancestry)}
        save_tensors(path, tensors, format=FORMAT, config=config, notes=notes,
                     provenance={"record": self.record, **(provenance or {})})

    @classmethod
    def load(cls, path: str | Path) -> "GanLatent":
        """Read a file written by `save`.

        Raises:
            InputError: the file is missing, broken or no latent.
        """
        tensors, metadata = load_tensors(path, format=FORMAT)
        if "ws" not in tensors:
            raise InputError(f"{Path(path).name} holds no latent ('ws' is missing); save it again.")
        config, record = metadata["config"], metadata["provenance"].get("record")
        names = [value if isinstance(value, str) else "" for value in map(config.get, (
            "generator_fingerprint", "generator_name"))]
        with naming(path):
            return cls(tensors["ws"], *names, tensors.get("camera"), ancestry_of(config.get("generator_ancestry")),
                       record if isinstance(record, dict) else {})


def check_made_for(what: str, sizes: tuple[int, int], lineage: Lineage, generator: "Generator",
                   relative: bool = False) -> None:
    """The one rule of belonging between generators and what was made for one: relatives belong together.

    Args:
        what: begins the sentence, for example "This latent".
        sizes: (num_ws, w_dim) of it. lineage: the generator it was made for.
        relative: true accepts another generator of the same sizes, for copies whose ancestry nobody wrote down.

    Raises:
        InputError: the message has both names.
    """
    needed = (generator.config.num_ws, generator.config.w_dim)
    made = f"{what} was made for generator {lineage.called()}"
    if sizes != needed:
        raise InputError(f"{made} and has {list(sizes)} numbers a picture, but {generator.name!r} needs "
                         f"{list(needed)}; load the generator it was made for.")
    if not relative and not lineage.is_relative(generator.lineage):
        raise InputError(f"{made}, not for {generator.lineage.called()}; load the generator it was made for. If one of "
                         f"the two is a fine-tuned copy of the other, allow it: allow_relative on the node, "
                         f"relative=True in Python.")
