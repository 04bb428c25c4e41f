"""What pictures cost: generators of full size with random weights, beside the formulas as papers write them."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import torch

from ..gan import EG3DGenerator, Generator, StyleGAN2Config, StyleGAN2Generator
from ..gan.eg3d.generator import MEMORY_MIB
from ..gan.eg3d.rays import rays_per_chunk
from ..gan.stylegan3 import StyleGAN3Config, StyleGAN3Generator
from ..seeds import seeded
from . import plain
from .ratios import REPEATS, compare

Report = Callable[[str], None]
# What is measured beside fp32; a CPU has no fp16 arithmetic.
HALVES = {"cpu": {"bf16": torch.bfloat16}, "cuda": {"fp16": torch.float16, "bf16": torch.bfloat16}}


def _latents(generator, batch: int) -> torch.Tensor:
    ws = torch.randn(batch, generator.config.num_ws, generator.config.w_dim, generator=seeded(0))
    return ws.to(generator.w_avg.device)


@torch.inference_mode()
def stylegan2_costs(sizes: Sequence[int] = (256, 1024), batch: int = 1, *, device: torch.device,
                    repeats: int = REPEATS, report: Report = lambda line: None) -> dict[str, dict]:
    """{"<size>_px": the dict of `compare`} for FFHQ's channels at these sizes, `batch` pictures in a call."""
    cases = {}
    for size in sizes:
        report(f"StyleGAN2, {size} px, {batch} at once, {repeats} times in turn with the formulas")
        generator = StyleGAN2Generator.untrained(StyleGAN2Config(img_resolution=size)).to(device)
        network, ws = generator.module.synthesis, _latents(generator, batch)
        cases[f"{size}_px"] = compare(partial(network, ws), partial(plain.stylegan2, network, ws), device,
                                      repeats=repeats) | {"batch": batch}
    return cases


@torch.inference_mode()
def stylegan3_costs(configs: Mapping[str, StyleGAN3Config], batch: int = 1, *, device: torch.device,
                    repeats: int = REPEATS, report: Report = lambda line: None) -> dict[str, dict]:
    """{name: the dict of `compare`} for these configs, `batch` pictures in a call."""
    cases = {}
    for name, config in configs.items():
        report(f"StyleGAN3 {name.upper()}, {config.img_resolution} px, {batch} at once, {repeats} times in turn with "
               f"the formulas")
        generator = StyleGAN3Generator.untrained(config).to(device)
        network, ws = generator.module.synthesis, _latents(generator, batch)
        cases[name] = compare(partial(network, ws), partial(plain.stylegan3, network, ws), device,
                              repeats=repeats) | {"batch": batch}
    return cases


@torch.inference_mode()
def eg3d_costs(generator: EG3DGenerator, *, repeats: int = REPEATS,
               report: Report = lambda line: None) -> dict[str, dict]:
    """{"planes", "rays", "first_view", "further_view": the dict of `compare`} of one head."""
    network, device, ws = generator.module, generator.w_avg.device, _latents(generator, 1)
    label, size = generator.camera(yaw=20.0).label.to(device), generator.config.neural_rendering_resolution
    planes, chunk = generator.planes(ws), rays_per_chunk(generator.config.rendering, MEMORY_MIB, device)

    def view(planes: torch.Tensor) -> torch.Tensor:
        return generator.render_planes(planes, ws, label).image

    pairs = {
        "planes": (lambda: generator.planes(ws), lambda: plain.eg3d_planes(network, ws)),
        "rays": (lambda: network.rays(planes, label, size, chunk=chunk),
                 lambda: plain.rays(network, planes, label, size)),
        "first_view": (lambda: view(generator.planes(ws)),
                       lambda: plain.eg3d_view(network, plain.eg3d_planes(network, ws), ws, label)),
        "further_view": (lambda: view(planes), lambda: plain.eg3d_view(network, planes, ws, label))}
    cases = {}
    for name, pair in pairs.items():
        report(f"EG3D, {name.replace('_', ' ')}, {repeats} times in turn with the formulas")
        cases[name] = compare(*pair, device, repeats=repeats)
    return cases


@torch.inference_mode()
def half_costs(makers: Mapping[str, Callable[[], Generator]], *, device: torch.device, repeats: int = REPEATS,
               report: Report = lambda line: None) -> dict[str, dict]:
    """One picture of each generator that `makers` make, in half precision, in turn with fp32.

    Returns:
        {"<name>_<precision>": the dict of `compare`, with "levels", how far both pictures are apart in the mean, of
        the 255 levels from black to white}.
    """
    cases = {}
    for name, make in makers.items():
        generator = make().to(device)
        render = partial(_picture, generator, _latents(generator, 1))
        for precision, dtype in HALVES.get(device.type, {}).items():
            report(f"{name} in {precision}, {repeats} times in turn with fp32")
            levels = (render(dtype) - render(None)).abs().mean().item() * 127.5
            cases[f"{name}_{precision}"] = compare(partial(render, dtype), partial(render, None), device,
                                                   repeats=repeats) | {"levels": levels}
    return cases


def _picture(generator: Generator, ws: torch.Tensor, dtype: torch.dtype | None) -> torch.Tensor:
    return generator.render(ws, dtype=dtype).image.float().clamp(-1, 1)
