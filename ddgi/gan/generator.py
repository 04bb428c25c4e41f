"""The generator as users see it: weights, config, fingerprint, `map` and `render`."""

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import nn

from ..errors import InputError
from ..files import fingerprint, save_tensors
from .config import StyleGAN2Config
from .infer import check_tensors, drop_filters, infer_config
from .latent import GanLatent
from .output import RenderOutput
from .stylegan2 import StyleGAN2

FORMAT = "ddgi.stylegan2"
DTYPES = (None, torch.float32, torch.float16, torch.bfloat16)


class Generator(nn.Module):
    """A generator with its identity: StyleGAN2, and the base of `EG3DGenerator`.

    Attributes:
        config: sizes.
        module: the network, with `.mapping` and `.synthesis`.
        name: for people and messages.
        provenance: where the weights come from.
        is_3d: whether it takes cameras.
    """

    format = FORMAT
    is_3d = False

    def __init__(self, config: StyleGAN2Config, module: StyleGAN2, *, name: str = "unnamed",
                 provenance: dict | None = None, fingerprint: str | None = None):
        super().__init__()
        self.config, self.module, self.name = config, module, name
        self.provenance = provenance or {}
        self._fingerprint = fingerprint

    @classmethod
    def from_state_dict(cls, tensors: dict[str, torch.Tensor], *, conv_clamp: float | None = None,
                        num_fp16_res: int = 0, name: str = "unnamed", provenance: dict | None = None,
                        operations=nn) -> "Generator":
        """Build from tensors under the public names; sizes are read off their shapes.

        Args:
            tensors: `mapping.*` and `synthesis.*`; copied, converted to fp32.
            conv_clamp, num_fp16_res: what tensors cannot tell (256 and 4 for most public files).
            operations: supplies the linear layer class.

        Raises:
            InputError: the tensors are no StyleGAN2 generator, or incomplete.
        """
        config = infer_config(tensors, conv_clamp=conv_clamp, num_fp16_res=num_fp16_res)
        tensors = drop_filters(tensors)
        check_tensors(tensors, config)
        return cls._loaded(config, tensors, StyleGAN2, operations, name=name, provenance=provenance)

    @classmethod
    def _loaded(cls, config, tensors: dict[str, torch.Tensor], network: type[nn.Module], operations,
                **identity) -> "Generator":
        """A generator whose `network` holds tensors that were checked against the config; all weights frozen."""
        with torch.random.fork_rng(devices=[]):     # the initial weights are replaced below; leave no trace of them
            module = network(config, operations)
        module.load_state_dict(tensors)
        return cls(config, module.eval().requires_grad_(False), **identity)

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

    def map(self, z: torch.Tensor, c: torch.Tensor | None = None, truncation_psi: float = 1.0,
            truncation_cutoff: int | None = None) -> torch.Tensor:
        """z [B, z_dim] and label c [B, c_dim] to ws [B, num_ws, w_dim].

        `truncation_psi` 1 keeps w, 0 gives the mean; it acts on the first `truncation_cutoff` ws (None: on all).
        """
        device = self.w_avg.device
        with torch.set_grad_enabled(z.requires_grad and torch.is_grad_enabled()):
            c = None if c is None else c.to(device)
            return self.module.mapping(z.to(device), c, truncation_psi, truncation_cutoff)

    def latent(self, ws: torch.Tensor, camera: torch.Tensor | None = None) -> GanLatent:
        """Wrap ws [B, num_ws, w_dim] as a latent of this generator."""
        return GanLatent(ws, self.fingerprint, self.name, camera)

    def render(self, ws: "torch.Tensor | GanLatent", cameras=None, noise_mode: str = "const",
               seed: int | Sequence[int] = 0, *, dtype: torch.dtype | None = None, relative: bool = False,
               progress: Callable[[int, int], None] | None = None) -> RenderOutput:
        """Pictures for latents.

        Samples are rendered one by one, which bounds memory and makes a batch equal to its singles; when
        `ws` needs a gradient, the batch goes through at once.

        Args:
            ws: [B, num_ws, w_dim] or a latent, which must belong to this generator (or to a `relative`).
            cameras: must be None for StyleGAN2.
            noise_mode: "const", "random" or "none".
            seed: of the random noise; one number for all samples, or one each.
            dtype: fp16 or bf16 for the highest resolutions; None is fp32.
            progress: called with (done, total) after each sample; it may raise to stop.

        Raises:
            InputError: another generator's latent, a wrong shape, unknown mode or dtype, or cameras given.
        """
        if cameras is not None:
            raise InputError(f"Cameras were given, but {self.name!r} is a 2D StyleGAN2 generator; "
                             f"remove the camera input or load an EG3D generator.")
        ws, seeds, dtype = self._render_inputs(ws, seed, dtype, relative)
        if ws.requires_grad and torch.is_grad_enabled():
            return RenderOutput(self.module.synthesis(ws, noise_mode, seeds, dtype=dtype))
        return RenderOutput(self._render_singles(ws, noise_mode, seeds, dtype, progress))

    @torch.no_grad()
    def _render_singles(self, ws, noise_mode, seeds, dtype, progress) -> torch.Tensor:
        size = self.config.img_resolution
        images = torch.empty(len(ws), self.config.img_channels, size, size, device=ws.device)
        for index in range(len(ws)):
            images[index] = self.module.synthesis(ws[index:index + 1], noise_mode, seeds[index], dtype=dtype)[0]
            if progress is not None:
                progress(index + 1, len(ws))
        return images

    def _render_inputs(self, ws: "torch.Tensor | GanLatent", seed: int | Sequence[int], dtype: torch.dtype | None,
                       relative: bool) -> tuple[torch.Tensor, list[int], torch.dtype | None]:
        """Checked ws on the generator's device, one seed for each latent, and the dtype with None for fp32."""
        if dtype not in DTYPES:
            raise InputError(f"The precision {dtype} is not supported; use float32, float16 or bfloat16.")
        ws = self._tensor(ws, relative)
        seeds = [seed] * len(ws) if isinstance(seed, int) else list(seed)
        if len(seeds) != len(ws):
            raise InputError(f"{len(seeds)} noise seeds were given for {len(ws)} latents; give one number or one each.")
        return ws, seeds, None if dtype == torch.float32 else dtype

    def _tensor(self, ws: "torch.Tensor | GanLatent", relative: bool) -> torch.Tensor:
        latent = ws if isinstance(ws, GanLatent) else GanLatent(ws, "", "")
        latent.check(self, relative=relative or latent is not ws)
        return latent.ws.to(self.w_avg.device, torch.float32)

    def save(self, path: str | Path, provenance: dict | None = None) -> None:
        """Write a safetensors file of the kind's own format, atomically."""
        provenance = {**self.provenance, **(provenance or {}), "name": self.name}
        save_tensors(path, self.module.state_dict(), format=self.format, config=self.config.to_json(),
                     provenance=provenance)
