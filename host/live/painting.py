"""A face in one pass, again and again: what a painter's brush, words, seed and camera make of it."""

import dataclasses

import comfy.model_management
import torch

from ...ddgi.errors import InputError
from ...ddgi.features import DiffusionFeatures, FeatureLayout
from ...ddgi.gan import GanLatent
from ...ddgi.painting import read_painting
from ...ddgi.pictures import to_image
from ..chain import Chain, Sampling
from ..diffusion import Diffusion
from ..managed import ManagedModel
from .sessions import Session, View, check_number

NO_WORDS = "a face"
MOST_WORDS = 2000                   # characters of a prompt


@dataclasses.dataclass(frozen=True)
class PaintRequest(View):
    """What the painter sends.

    Attributes:
        drawing, kind: see `ddgi.painting.read_painting`; nothing painted means words alone.
        prompt: empty is "a face". seed: of the noise. strength: of the drawing, 0 to 10.

    Raises:
        InputError: a value of another type or out of range.
    """

    drawing: str = ""
    kind: str = "mask"
    prompt: str = ""
    seed: int = 0
    strength: float = 1.0

    def __post_init__(self):
        super().__post_init__()
        for name in ("drawing", "kind", "prompt"):
            if not isinstance(getattr(self, name), str):
                raise InputError(f"The {name} must be a text.")
        if len(self.prompt) > MOST_WORDS:
            raise InputError(f"The prompt has {len(self.prompt):,} characters; at most {MOST_WORDS:,} are read.")
        if type(self.seed) is not int or not 0 <= self.seed < 2 ** 64:
            raise InputError("The seed must be a whole number from 0 to 2^64 - 1.")
        check_number("strength", self.strength, 0, 10)


class LiveFace(Session):
    """Models that make a face in one pass.

    Raises:
        InputError: the bridge is for another diffusion model, or another generator.
    """

    Request = PaintRequest

    def __init__(self, model, clip, control_net, bridge: ManagedModel, generator: ManagedModel, size: int = 0):
        super().__init__(generator, model=model, clip=clip, control_net=control_net, bridge=bridge)
        bridge.value.config.check_generator(generator.value)
        self._size, self._texts = size, {}
        latent_size = self._chain(model, clip, control_net).latent_size
        bridge.value.config.check_layout(FeatureLayout.of(model.get_model_object("diffusion_model"), latent_size))

    def _chain(self, model, clip, control_net, strength: float = 1.0) -> Chain:
        return Chain(Diffusion(model, clip, None, control_net), Sampling(strength=strength), self._size, self._texts)

    @torch.inference_mode()
    def finished(self, request: PaintRequest, steps: int, cfg: float) -> tuple[GanLatent, torch.Tensor]:
        """The face after a whole sampling run of `steps` steps (0: as the brush has it), and its picture as IMAGE."""
        with self.lock:
            held = self.held()
            latent = self._sampled(request, held, steps, cfg) if steps else self.latent(request, held)
            generator: ManagedModel = held["generator"]
            network = generator.load(memory_required=generator.value.memory_estimate())
            return latent, to_image(network.render(latent, request.camera if generator.value.is_3d else None).image)

    def latent(self, request: PaintRequest, held: dict) -> GanLatent:
        """
        Raises:
            InputError: a drawing that cannot be read, or one without a ControlNet.
        """
        chain = self._chain(held["model"], held["clip"], held["control_net"], request.strength)
        return self._face_of(chain.one_pass(*_words_and_hint(request), request.seed), held)

    def _sampled(self, request: PaintRequest, held: dict, steps: int, cfg: float) -> GanLatent:
        chain = self._chain(held["model"], held["clip"], held["control_net"], request.strength)
        chain.sampling = dataclasses.replace(chain.sampling, steps=steps, cfg=cfg)
        return self._face_of(chain.latents(*_words_and_hint(request), request.seed)[1], held)

    @staticmethod
    def _face_of(features: DiffusionFeatures, held: dict) -> GanLatent:
        bridge: ManagedModel = held["bridge"]
        latent = bridge.load()(features.to(bridge.device))
        return dataclasses.replace(latent, ws=latent.ws.to(comfy.model_management.intermediate_device()))


def _words_and_hint(request: PaintRequest) -> tuple[list[str], torch.Tensor | None]:
    painting = read_painting(request.drawing, request.kind)
    return [request.prompt.strip() or NO_WORDS], painting and painting.hint
