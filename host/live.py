"""A face in one pass, again and again: what a painter's brush, words, seed and camera make of it."""

import dataclasses
import io
import secrets
import threading
import weakref
from collections import OrderedDict

import comfy.model_management
import torch
from PIL import Image

from ..ddgi.cameras import Camera
from ..ddgi.errors import InputError
from ..ddgi.features import DiffusionFeatures, FeatureLayout
from ..ddgi.gan import GanLatent
from ..ddgi.painting import read_painting
from ..ddgi.pictures import resize, to_bytes, to_image
from .chain import Chain, Sampling
from .diffusion import Diffusion
from .managed import ManagedModel

NO_WORDS = "a face"
MOST_SESSIONS = 32
MOST_WORDS = 2000                   # characters of a prompt
LEAST_PICTURE = 256                 # smaller faces are enlarged to this side, in pixels
_QUALITY = 88                       # of JPEGs


@dataclasses.dataclass(frozen=True)
class Request:
    """What the painter sends.

    Attributes:
        drawing, kind: see `ddgi.painting.read_painting`; nothing painted means words alone.
        prompt: empty is "a face". seed: of the noise. strength: of the drawing, 0 to 10.
        yaw, pitch: degrees, for 3D generators.

    Raises:
        InputError: a value of another type or out of range.
    """

    drawing: str = ""
    kind: str = "mask"
    prompt: str = ""
    seed: int = 0
    strength: float = 1.0
    yaw: float = 0.0
    pitch: float = 0.0

    def __post_init__(self):
        for name in ("drawing", "kind", "prompt"):
            if not isinstance(getattr(self, name), str):
                raise InputError(f"The {name} must be a text.")
        if len(self.prompt) > MOST_WORDS:
            raise InputError(f"The prompt has {len(self.prompt):,} characters; at most {MOST_WORDS:,} are read.")
        if type(self.seed) is not int or not 0 <= self.seed < 2 ** 64:
            raise InputError("The seed must be a whole number from 0 to 2^64 - 1.")
        for name, most in (("strength", 10.0), ("yaw", 180.0), ("pitch", 90.0)):
            value = getattr(self, name)
            if type(value) not in (int, float) or not (0 if name == "strength" else -most) <= value <= most:
                raise InputError(f"The {name} must be a number of at most {most:g}.")


class LiveFace:
    """Models that make a face in one pass; it holds none of them, so that the host can free them at any time.

    Raises:
        InputError: the bridge is for another diffusion model, or another generator.
    """

    def __init__(self, model, clip, control_net, bridge: ManagedModel, generator: ManagedModel, size: int = 0):
        bridge.value.config.check_generator(generator.value)
        held = {"model": model, "clip": clip, "control_net": control_net, "bridge": bridge, "generator": generator}
        self._held = {name: value and weakref.ref(value) for name, value in held.items()}
        self._size, self._texts = size, {}
        self._last: tuple[Request, GanLatent, object] | None = None       # of the face that may be turned
        self._busy = threading.Lock()
        latent_size = self._chain(model, clip, control_net).latent_size
        bridge.value.config.check_layout(FeatureLayout.of(model.get_model_object("diffusion_model"), latent_size))

    def _chain(self, model, clip, control_net, strength: float = 1.0) -> Chain:
        return Chain(Diffusion(model, clip, None, control_net), Sampling(strength=strength), self._size, self._texts)

    @property
    def turns(self) -> bool:
        """Whether yaw and pitch count."""
        generator = self._held["generator"]()
        return generator is not None and generator.value.is_3d

    @property
    def busy(self) -> bool:
        """Whether a face is being made."""
        return self._busy.locked()

    @torch.inference_mode()
    def finished(self, request: Request, steps: int, cfg: float) -> tuple[GanLatent, torch.Tensor]:
        """The face after a whole sampling run of `steps` steps (0: as the brush has it), and its picture as IMAGE."""
        with self._busy:
            held = self._models()
            latent = self._sampled(request, held, steps, cfg) if steps else self._read(request, held)
            generator: ManagedModel = held["generator"]
            network = generator.load(memory_required=generator.value.memory_estimate())
            camera = Camera.from_angles(request.yaw, request.pitch) if generator.value.is_3d else None
            return latent, to_image(network.render(latent, camera).image)

    @torch.inference_mode()
    def face(self, request: Request) -> Image.Image:
        """The face, at its generator's size.

        Raises:
            InputError: a drawing that cannot be read, one without a ControlNet, or models that were freed.
        """
        with self._busy:
            held = self._models()
            generator: ManagedModel = held["generator"]
            latent, planes = self._latent(request, held)
            network = generator.load(memory_required=generator.value.memory_estimate())
            if planes is None:
                picture = network.render(latent).image
            else:
                camera = Camera.from_angles(request.yaw, request.pitch).label.to(generator.device)
                picture = network.render_planes(planes, latent.ws.to(generator.device), camera).image
        side = max(LEAST_PICTURE, picture.shape[-1])
        levels = to_bytes(resize(picture[:1].float().cpu().clamp(-1, 1), side))
        return Image.fromarray(levels[0].movedim(0, -1).numpy())

    def _models(self) -> dict:
        held = {name: value and value() for name, value in self._held.items()}
        if any(value is None and self._held[name] for name, value in held.items()):
            raise InputError("The models were freed; press Run once, and the face follows the brush again.")
        return held

    def _latent(self, request: Request, held: dict) -> tuple[GanLatent, object]:
        """The face and, for a 3D generator, its planes; both kept while only the camera moves."""
        still = dataclasses.replace(request, yaw=0.0, pitch=0.0)
        if self._last is None or self._last[0] != still:
            latent = self._read(request, held)
            generator: ManagedModel = held["generator"]
            planes = generator.load().planes(latent.ws.to(generator.device)) if generator.value.is_3d else None
            self._last = still, latent, planes
        return self._last[1:]

    def _read(self, request: Request, held: dict) -> GanLatent:
        chain = self._chain(held["model"], held["clip"], held["control_net"], request.strength)
        return self._face_of(chain.one_pass(*_words_and_hint(request), request.seed), held)

    def _sampled(self, request: Request, held: dict, steps: int, cfg: float) -> GanLatent:
        chain = self._chain(held["model"], held["clip"], held["control_net"], request.strength)
        chain.sampling = dataclasses.replace(chain.sampling, steps=steps, cfg=cfg)
        return self._face_of(chain.latents(*_words_and_hint(request), request.seed)[1], held)

    @staticmethod
    def _face_of(features: DiffusionFeatures, held: dict) -> GanLatent:
        bridge: ManagedModel = held["bridge"]
        latent = bridge.load()(features.to(bridge.device))
        return dataclasses.replace(latent, ws=latent.ws.to(comfy.model_management.intermediate_device()))


def _words_and_hint(request: Request) -> tuple[list[str], torch.Tensor | None]:
    painting = read_painting(request.drawing, request.kind)
    return [request.prompt.strip() or NO_WORDS], painting and painting.hint


def jpeg(picture: Image.Image) -> bytes:
    """A picture as a small file."""
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=_QUALITY)
    return file.getvalue()


class Sessions:
    """The last few `LiveFace`, by names that nobody can guess."""

    def __init__(self, most: int = MOST_SESSIONS):
        self._most, self._faces = most, OrderedDict[str, LiveFace]()

    def open(self, face: LiveFace) -> str:
        """Keep it; returns its name."""
        name = secrets.token_urlsafe(16)
        self._faces[name] = face
        while len(self._faces) > self._most:
            self._faces.popitem(last=False)
        return name

    def find(self, name: object) -> LiveFace:
        """
        Raises:
            InputError: there is none of that name (any more).
        """
        if not isinstance(name, str) or name not in self._faces:
            raise InputError("Press Run once: then the face follows the brush.")
        self._faces.move_to_end(name)
        return self._faces[name]


SESSIONS = Sessions()
