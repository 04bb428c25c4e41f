"""What all pictures that follow a hand share: a page's request, its answer, and names for those who may ask."""

from __future__ import annotations

import dataclasses
import io
import secrets
import threading
import weakref
from abc import ABC, abstractmethod
from collections import OrderedDict
from typing import Any, ClassVar

import torch
from PIL import Image

from ...ddgi.cameras import FOV, PIVOT, RADIUS, Camera
from ...ddgi.errors import InputError
from ...ddgi.gan import EG3DGenerator, GanLatent
from ...ddgi.pictures import resize, to_bytes
from ..managed import ManagedModel

MOST_SESSIONS = 32
LEAST_PICTURE = 256                 # smaller faces are enlarged to this side, in pixels
_QUALITY = 88                       # of JPEGs


def check_number(name: str, value: object, least: float, most: float) -> None:
    """
    Raises:
        InputError: it is no number from `least` to `most`.
    """
    if type(value) not in (int, float) or not least <= value <= most:
        raise InputError(f"The {name} must be a number from {least:g} to {most:g}.")


@dataclasses.dataclass(frozen=True)
class View:
    """Where a 3D head is seen from, as in `Camera.from_angles`; 2D faces do not turn.

    Raises:
        InputError: a value of another type or out of range.
    """

    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0
    radius: float = RADIUS
    fov: float = FOV
    pivot_x: float = PIVOT[0]
    pivot_y: float = PIVOT[1]
    pivot_z: float = PIVOT[2]

    def __post_init__(self):
        for name, least, most in (("yaw", -180, 180), ("pitch", -90, 90), ("roll", -180, 180), ("radius", 0, 20),
                                  ("fov", 0, 180), ("pivot_x", -10, 10), ("pivot_y", -10, 10), ("pivot_z", -10, 10)):
            check_number(name, getattr(self, name), least, most)

    @property
    def camera(self) -> Camera:
        pivot = (self.pivot_x, self.pivot_y, self.pivot_z)
        return Camera.from_angles(self.yaw, self.pitch, self.roll, self.radius, self.fov, pivot)

    @property
    def still(self) -> View:
        """The same request, seen from the front: what stays while a head only turns."""
        return dataclasses.replace(self, **{field.name: field.default for field in dataclasses.fields(View)})


class Session(ABC):
    """A face that a page asks for again and again.

    It holds models, latents and directions weakly, so that the host can free them at any time.

    Attributes:
        Request: what it is asked by.
        options: of `EG3DGenerator.render_planes`, for 3D generators.
    """

    Request: ClassVar[type[View]]
    options: dict[str, Any] = {}

    def __init__(self, generator: ManagedModel, **values):
        self._held = {name: value if value is None else weakref.ref(value) for name, value in values.items()}
        self._held["generator"] = weakref.ref(generator, self._forget)
        self._last: tuple[View, GanLatent, torch.Tensor | None] | None = None     # of the face that may be turned
        self.lock = threading.Lock()

    def _forget(self, _) -> None:
        self._last = None

    @abstractmethod
    def latent(self, request: View, held: dict[str, Any]) -> GanLatent:
        """The face that is asked for; held: what `__init__` got, by the same names."""

    def planes(self, network: EG3DGenerator, latent: GanLatent) -> torch.Tensor:
        """The head's planes, which serve every view."""
        return network.planes(latent.ws.to(network.w_avg))

    @property
    def turns(self) -> bool:
        """Whether the view counts."""
        generator = self._held["generator"]()
        return generator is not None and generator.value.is_3d

    @property
    def busy(self) -> bool:
        """Whether a face is being made."""
        return self.lock.locked()

    def request(self, values: dict) -> View:
        """What a page sent.

        Raises:
            InputError: other fields than a request has, or values that are none of theirs.
        """
        if unknown := values.keys() - {field.name for field in dataclasses.fields(self.Request)}:
            raise InputError(f"The request has {len(unknown)} fields that no node sends.")
        return self.Request(**values)

    @torch.inference_mode()
    def picture(self, request: View) -> Image.Image:
        """The face at its generator's size, or enlarged to `LEAST_PICTURE`.

        Raises:
            InputError: a request that cannot be met, or models that were freed.
        """
        with self.lock:
            held = self.held()
            generator: ManagedModel = held["generator"]
            latent, planes = self._read(request, held)
            network = generator.load(memory_required=generator.value.memory_estimate())
            if planes is None:
                picture = network.render(latent, relative=True).image
            else:
                camera = request.camera.label.to(generator.device)
                picture = network.render_planes(planes, latent.ws.to(generator.device), camera,
                                                **self.options).image
        side = max(LEAST_PICTURE, picture.shape[-1])
        levels = to_bytes(resize(picture[:1].float().cpu().clamp(-1, 1), side))
        return Image.fromarray(levels[0].movedim(0, -1).numpy())

    def held(self) -> dict[str, Any]:
        """
        Raises:
            InputError: they were freed.
        """
        held = {name: value and value() for name, value in self._held.items()}
        if any(value is None and self._held[name] for name, value in held.items()):
            raise InputError("The models or faces were freed; press Run once, and the face follows again.")
        return held

    def _read(self, request: View, held: dict) -> tuple[GanLatent, torch.Tensor | None]:
        """The face and, of a 3D generator, its planes; both kept while only the view changes."""
        still = request.still
        if self._last is None or self._last[0] != still:
            latent, generator = self.latent(request, held), held["generator"]
            planes = self.planes(generator.load(), latent) if generator.value.is_3d else None
            self._last = still, latent, planes
        return self._last[1:]


def jpeg(picture: Image.Image) -> bytes:
    """A picture as a small file."""
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=_QUALITY)
    return file.getvalue()


class Sessions:
    """The last few sessions, by names that nobody can guess."""

    def __init__(self, most: int = MOST_SESSIONS):
        self._most, self._open = most, OrderedDict[str, Session]()

    def open(self, session: Session) -> str:
        """Keep it; returns its name."""
        name = secrets.token_urlsafe(16)
        self._open[name] = session
        while len(self._open) > self._most:
            self._open.popitem(last=False)
        return name

    def find(self, name: object) -> Session:
        """
        Raises:
            InputError: there is none of that name (any more).
        """
        if not isinstance(name, str) or name not in self._open:
            raise InputError("Press Run once: then the face follows.")
        self._open.move_to_end(name)
        return self._open[name]


SESSIONS = Sessions()
