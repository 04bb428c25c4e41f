"""What every generator family is to the rest of the pack: identity, latents, pictures, facts."""

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import torch
from torch import nn

from ..cameras import Camera
from ..errors import InputError
from ..fields import to_json
from ..files import fingerprint, save_tensors
from ..native import check_finite, check_tensors, described, skeleton, without_weights
from .foreign import ForeignModule
from .latent import GanLatent
from .lineage import Lineage, ancestry_of
from .mapping import random_labels, truncate
from .options import Option
from .output import RenderOutput
from .styles import StyleLayer
from .tensors import Tensors

DTYPES = (None, torch.float32, torch.float16, torch.bfloat16)
Progress = Callable[[int, int], None]
ACTIVATION_COPIES = 5       # feature maps of the largest layer that live at the same time: in, out, and resampled


def activation_bytes(largest: int) -> int:
    """What layers around a feature map of `largest` fp32 numbers take."""
    return 4 * ACTIVATION_COPIES * largest


class Generator(nn.Module, ABC):
    """A generator with its identity. Each family is a subclass and a row of `ddgi.gan.FAMILIES`.

    What a family says of itself:
        family: name in file formats ("ddgi.<family>") and facts. label: name for people.
        config_type: frozen dataclass; has z_dim, c_dim, w_dim, num_ws, img_resolution and img_channels.
        is_3d: whether it takes cameras.
        read_options, render_options: what `ddgi.load_generator` and `render` take beyond the common arguments.

    Attributes:
        config: sizes. module: the network. name: for people and messages. provenance: where the weights come from.
    """

    family: ClassVar[str]
    label: ClassVar[str]
    config_type: ClassVar[type]
    is_3d: ClassVar[bool] = False
    read_options: ClassVar[tuple[Option, ...]] = ()
    render_options: ClassVar[tuple[Option, ...]] = ()

    def __init__(self, config, module: nn.Module, *, name: str = "unnamed", provenance: dict | None = None):
        super().__init__()
        self.config, self.module, self.name = config, module, name
        self.provenance = provenance or {}
        self._fingerprint: str | None = None

    @staticmethod
    @abstractmethod
    def network(config, operations=nn) -> nn.Module:
        """The network of these sizes; its `mapping(z, c, psi, cutoff)` gives ws. Its module is read here and not
        before, so that a table of all families costs a host little time to start."""

    # From tensors: what a family knows of its files.

    @staticmethod
    @abstractmethod
    def owns(names: Iterable[str]) -> bool:
        """True if these are tensor names of this family."""

    @staticmethod
    @abstractmethod
    def infer(tensors: Tensors, **settings):
        """The config that fits the tensors' shapes; `settings` are what shapes cannot tell.

        Raises:
            InputError: a tensor is missing or the sizes are impossible.
        """

    @staticmethod
    def settings_of(network: ForeignModule) -> dict:
        """Keyword arguments of `infer` from the attributes of a foreign file's network."""
        return {}

    @classmethod
    def adopt(cls, tensors: Tensors, network: ForeignModule | None, **read_options) -> tuple[Tensors, object, dict]:
        """(Tensors, config, notes for the provenance) of a foreign file under the public names.

        Args:
            tensors: of the file; a family may complete them.
            network: the file's network, or None where it holds bare tensors.
            read_options: those of `read_options` that were chosen.

        Raises:
            InputError: no whole generator of this family, or an impossible setting.
        """
        return tensors, cls.infer(tensors, **({} if network is None else cls.settings_of(network))), {}

    @classmethod
    def configured(cls, config, **read_options):
        """The config of a file of ours with the chosen `read_options` in place of its own."""
        return config

    @classmethod
    def cleaned(cls, tensors: Tensors) -> Tensors:
        """Tensors without constants that the network does not keep, after checking them."""
        return tensors

    @classmethod
    def from_state_dict(cls, tensors: Tensors, *, config=None, name: str = "unnamed", provenance: dict | None = None,
                        operations=nn, **settings) -> "Generator":
        """Build from tensors under the public names; family and sizes are read off them.

        Args:
            tensors: copied, converted to fp32.
            config: None infers it from the shapes and the `settings` (see `infer` of the family).
            operations: supplies the linear layer class.

        Raises:
            InputError: the tensors are no generator of this (or any) family, are incomplete or do not fit the config.
        """
        if cls is Generator:
            from .families import family_of
            cls = family_of(tensors)
        config = cls.infer(tensors, **settings) if config is None else config
        tensors = cls.cleaned(tensors)
        what = f"The {cls.label} generator"
        check_tensors(described(tensors), skeleton(lambda: cls.network(config)), what)
        check_finite(tensors, what)
        return cls.built(config, tensors, operations, name=name, provenance=provenance)

    @classmethod
    def built(cls, config, tensors: Tensors, operations=nn, **identity) -> "Generator":
        """A generator with tensors that were checked against the config; all weights frozen. They are copied."""
        with without_weights():         # no time for initial weights that are replaced below
            module = cls.network(config, operations)
        module.load_state_dict({key: value.detach().to(torch.float32, copy=True) for key, value in tensors.items()},
                               assign=True)
        return cls(config, module.eval().requires_grad_(False), **identity)

    @classmethod
    def untrained(cls, config, *, seed: int = 0, name: str = "random weights") -> "Generator":
        """A frozen generator with seeded initial weights, the same at every call."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            module = cls.network(config)
        return cls(config, module.eval().requires_grad_(False), name=name)

    def copy(self, name: str, **provenance) -> "Generator":
        """A copy with weights of its own, on the same device, which knows that it comes from this generator.

        Its weights may stand in a graph where it is made outside of inference mode.
        """
        provenance = {**self.provenance, **provenance, "ancestry": list(self.lineage.descend())}
        return type(self)(self.config, copy.deepcopy(self.module), name=name, provenance=provenance)

    def rebuilt(self, tensors: Tensors, name: str, provenance: dict) -> "Generator":
        """A generator of the same sizes with other weights, frozen."""
        check_tensors(described(tensors), described(self.module.state_dict()), f"The {self.label} generator")
        check_finite(tensors, f"The {self.label} generator")
        module = copy.deepcopy(self.module)
        module.load_state_dict(tensors)
        return type(self)(self.config, module.eval().requires_grad_(False), name=name, provenance=provenance)

    def drawing_weights(self) -> dict[str, torch.Tensor]:
        """Parameters by name of all that turns ws into pictures: everything but the mapping network."""
        return {name: value for name, value in self.module.named_parameters() if "mapping." not in name}

    # Identity.

    @property
    def w_avg(self) -> torch.Tensor:
        """Mean of w, [w_dim]."""
        return self.module.mapping.w_avg

    @property
    def fingerprint(self) -> str:
        """Short name of the weights, the same in every file format; computed at the first use."""
        if self._fingerprint is None:
            self._fingerprint = fingerprint(self.module.state_dict())
        return self._fingerprint

    @property
    def lineage(self) -> Lineage:
        """Its identity, with the generators it comes from."""
        return Lineage(self.fingerprint, self.name, ancestry_of(self.provenance.get("ancestry")))

    def facts(self) -> dict:
        """What `inspect` prints, as plain values for JSON."""
        config = self.config
        return {"kind": "generator", "name": self.name, "family": self.label, **self._own_facts(),
                "resolution": config.img_resolution, "img_channels": config.img_channels, "num_ws": config.num_ws,
                "z_dim": config.z_dim, "w_dim": config.w_dim, "c_dim": config.c_dim,
                "parameters": sum(value.numel() for value in self.module.parameters()),
                "provenance": self.provenance, "fingerprint": self.fingerprint}

    @abstractmethod
    def _own_facts(self) -> dict:
        """What only this family has to tell."""

    @abstractmethod
    def memory_estimate(self, **render_options) -> int:
        """Bytes that rendering one picture takes beyond the weights, about."""

    def save(self, path: str | Path, provenance: dict | None = None) -> None:
        """Write a safetensors file of the family's own format, atomically."""
        provenance = {**self.provenance, **(provenance or {}), "name": self.name}
        save_tensors(path, self.module.state_dict(), format=f"ddgi.{self.family}", config=to_json(self.config),
                     provenance=provenance)

    # Latents.

    def map(self, z: torch.Tensor, c: torch.Tensor | None = None, truncation_psi: float = 1.0,
            truncation_cutoff: int | None = None) -> torch.Tensor:
        """z [B, z_dim] and label c [B, c_dim] to ws [B, num_ws, w_dim]; truncation as in `truncate`."""
        device = self.w_avg.device
        with torch.set_grad_enabled(z.requires_grad and torch.is_grad_enabled()):
            c = None if c is None else c.to(device)
            return self.module.mapping(z.to(device), c, truncation_psi, truncation_cutoff)

    def random_label(self, rng: torch.Generator) -> torch.Tensor | None:
        """A label [1, c_dim] for `map`, its class drawn evenly; None where none is needed."""
        return random_labels(1, self.config.c_dim, rng)

    def truncate(self, ws: torch.Tensor, psi: float, cutoff: int | None = None) -> torch.Tensor:
        """ws [B, num_ws, w_dim] moved towards the mean: psi 1 keeps them, 0 gives the mean."""
        return truncate(ws, self.w_avg.to(ws.device), psi, cutoff)

    def latent(self, ws: torch.Tensor, camera: torch.Tensor | None = None) -> GanLatent:
        """Wrap ws [B, num_ws, w_dim] as a latent of this generator."""
        return GanLatent(ws, self.fingerprint, self.name, camera, self.lineage.ancestry)

    @abstractmethod
    def style_layers(self) -> list[StyleLayer]:
        """The layers that w vectors drive, in the order in which they are applied."""

    @abstractmethod
    def resolution_of(self, name: str) -> int | None:
        """Pixels per side at which a tensor of `module` works; None for the mapping network, which makes no picture."""

    # Cameras, for 3D families.

    def camera(self, yaw: float = 0.0, pitch: float = 0.0) -> Camera | None:
        """A camera on this generator's own sphere, angles in degrees; None for a 2D generator."""
        return None

    def camera_labels(self, cameras: Sequence[torch.Tensor | None]) -> torch.Tensor | None:
        """Labels [B, 25] of each sample's camera [25], from the front where it is None; None for a 2D generator."""
        front = self.camera()
        if front is None:
            return None
        return torch.stack([front.label[0] if camera is None else camera.to(front.label) for camera in cameras])

    def need_3d(self, what: str) -> None:
        """Refuse a 2D generator.

        Raises:
            InputError: it says that a 2D generator `what`.
        """
        if not self.is_3d:
            raise InputError(f"{self.name!r} is a 2D {self.label} generator, which {what}; load a 3D generator and a "
                             f"latent made for it.")

    # Pictures.

    @abstractmethod
    def draw(self, ws: torch.Tensor, cameras: torch.Tensor | None = None, *, noise_mode: str = "const",
             dtype: torch.dtype | None = None) -> torch.Tensor:
        """Pictures with gradients for `ws`, the whole batch at once.

        Args:
            ws: [B, num_ws, w_dim] on the generator's device.
            cameras: labels [B, 25], None: from the front; 2D generators take no notice.
            noise_mode: "const", "none" or "random" (fresh noise at every call).
            dtype: fp16 or bf16 for what is safe in it; None is fp32.

        Returns:
            [B, 3, R, R], about -1 to 1.
        """

    @abstractmethod
    def render(self, ws: "torch.Tensor | GanLatent", cameras: Camera | torch.Tensor | None = None,
               noise_mode: str = "const", seed: int | Sequence[int] = 0, *, dtype: torch.dtype | None = None,
               relative: bool = False, progress: Progress | None = None, **render_options) -> RenderOutput:
        """Pictures for latents, one after another, which bounds memory and makes a batch equal to its singles.

        Args:
            ws: [B, num_ws, w_dim] or a latent, which must belong to this generator (or to a `relative`).
            cameras: of 3D generators: Camera or labels [V, 25]; None: the latent's own camera for each, else the
                frontal one. B latents x V cameras give B * V pictures, latent by latent.
            noise_mode: "const", "random" or "none".
            seed: of the random noise; one number for all samples, or one each.
            dtype: fp16 or bf16 for the highest resolutions; None is fp32.
            progress: called with (done, total) after each picture; it may raise to stop.
            render_options: of the family.

        Raises:
            InputError: another generator's latent, a wrong shape, unknown mode or dtype, cameras for a 2D generator
                or cameras that do not see the head.
        """

    def _render_inputs(self, ws: "torch.Tensor | GanLatent", seed: int | Sequence[int], dtype: torch.dtype | None,
                       relative: bool) -> tuple[torch.Tensor, list[int], torch.dtype | None]:
        """Checked ws on the generator's device, one seed for each latent, and the dtype with None for fp32."""
        if dtype not in DTYPES:
            raise InputError(f"The precision {dtype} is not supported; use float32, float16 or bfloat16.")
        latent = ws if isinstance(ws, GanLatent) else GanLatent(ws, "", "")
        latent.check(self, relative=relative or latent is not ws)
        seeds = [seed] * len(latent.ws) if isinstance(seed, int) else list(seed)
        if len(seeds) != len(latent.ws):
            raise InputError(f"{len(seeds)} noise seeds were given for {len(latent.ws)} latents; give one number or "
                             f"one each.")
        return latent.ws.to(self.w_avg.device, torch.float32), seeds, None if dtype == torch.float32 else dtype

    def own_options(self, options: Mapping[str, object]) -> dict:
        """Those of the values that this family's `render_options` name."""
        return {option.name: options[option.name] for option in self.render_options if option.name in options}
