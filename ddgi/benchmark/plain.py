"""Generators formula by formula, as papers write them: what the pack's own speed is a ratio to.

One kernel for each sample in a grouped convolution, zeros between pixels before every filter, all rays of a view at
once. They read the weights of the pack's modules and give its pictures, to rounding.
"""

import torch
import torch.nn.functional as F

from ..cameras import rays_from_label
from ..gan.eg3d.network import EG3D
from ..gan.eg3d.planes import plane_features
from ..gan.eg3d.sampling import importance, stratified
from ..gan.stylegan2.layers import SynthesisLayer, ToRGB
from ..gan.stylegan2.synthesis import SynthesisNetwork
from ..gan.stylegan3.network import Layer, Synthesis
from ..ops import fir_kernel, upfirdn


def modulated(x: torch.Tensor, weight: torch.Tensor, styles: torch.Tensor, *, demodulate: bool,
              up: bool) -> torch.Tensor:
    """x [B, I, H, W] with weight [O, I, k, k] and styles [B, I] to [B, O, H', W'] (Karras 2020, equations 1 to 3)."""
    batch, outputs = len(x), len(weight)
    kernels = weight[None] * styles[:, None, :, None, None]                     # [B, O, I, k, k]
    if demodulate:
        kernels = kernels * (kernels.square().sum((2, 3, 4), keepdim=True) + 1e-8).rsqrt()
    x = x.reshape(1, -1, *x.shape[2:])
    if up:
        x = F.conv_transpose2d(x, kernels.transpose(1, 2).flatten(0, 1), stride=2, groups=batch)
        x = x.reshape(batch, outputs, *x.shape[2:])
        return upfirdn(x, fir_kernel(4.0), padding=(1, 1, 1, 1))
    x = F.conv2d(x, kernels.flatten(0, 1), padding=weight.shape[-1] // 2, groups=batch)
    return x.reshape(batch, outputs, *x.shape[2:])


def affine(layer: torch.nn.Linear, w: torch.Tensor) -> torch.Tensor:
    return F.linear(w, layer.weight * w.shape[1] ** -0.5, layer.bias)


def layer(part: SynthesisLayer, x: torch.Tensor, w: torch.Tensor, noise: bool) -> torch.Tensor:
    x = modulated(x, part.weight, affine(part.affine, w), demodulate=True, up=part.up)
    if noise:
        x = x + part.noise_const * part.noise_strength
    x = F.leaky_relu(x + part.bias[:, None, None], 0.2) * 2 ** 0.5
    return x if part.conv_clamp is None else x.clamp(-part.conv_clamp, part.conv_clamp)


def to_rgb(part: ToRGB, x: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
    styles = affine(part.affine, w) * x.shape[1] ** -0.5
    x = modulated(x, part.weight, styles, demodulate=False, up=False) + part.bias[:, None, None]
    return x if part.conv_clamp is None else x.clamp(-part.conv_clamp, part.conv_clamp)


def enlarged(img: torch.Tensor) -> torch.Tensor:
    return upfirdn(img, fir_kernel(4.0), up=2, padding=(2, 1, 2, 1))


def stylegan2(network: SynthesisNetwork, ws: torch.Tensor) -> torch.Tensor:
    """ws [B, num_ws, w_dim] to pictures [B, C, R, R] with constant noise; "skip" architecture (Karras 2020, fig. 7)."""
    x, img = network.b4.const.expand(len(ws), -1, -1, -1), None
    places = iter(range(ws.shape[1]))
    for resolution in network.config.block_resolutions:
        block = getattr(network, f"b{resolution}")
        if resolution > 4:
            x = layer(block.conv0, x, ws[:, next(places)], True)
            img = enlarged(img)
        place = next(places)
        x = layer(block.conv1, x, ws[:, place], True)
        rgb = to_rgb(block.torgb, x, ws[:, place + 1])
        img = rgb if img is None else img + rgb
    return img


def filtered(x: torch.Tensor, taps: torch.Tensor | None, *, up: int = 1, down: int = 1,
             padding: tuple[int, int, int, int] = (0, 0, 0, 0)) -> torch.Tensor:
    """Zeros between pixels, every pixel filtered along both axes ([t]) or at once ([t, t]), every `down`-th kept."""
    kernels = [torch.ones(1, 1)] if taps is None else [taps] if taps.ndim == 2 else [taps[None], taps[:, None]]
    x = upfirdn(x, kernels[0], up=up, padding=padding, gain=up ** 2)
    for kernel in kernels[1:]:
        x = upfirdn(x, kernel)
    return x[:, :, ::down, ::down]


def alias_free_layer(part: Layer, x: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
    """Karras et al. 2021, figure 4b; weights and styles divided by their rms."""
    plan, styles, gain = part.plan, affine(part.affine, w), part.magnitude_ema.rsqrt()
    if plan.is_rgb:
        x = modulated(x, part.weight, styles * gain * x.shape[1] ** -0.5, demodulate=False, up=False)
        return (x + part.bias[:, None, None]).clamp(-part.conv_clamp, part.conv_clamp)
    weight = part.weight * part.weight.square().mean((1, 2, 3), keepdim=True).rsqrt()
    styles = styles * styles.square().mean(1, keepdim=True).rsqrt()
    x = F.pad(x, (weight.shape[-1] // 2,) * 4)          # the convolution pads as much again
    x = modulated(x, weight, styles, demodulate=True, up=False) * gain + part.bias[:, None, None]
    x = filtered(x, part.up_filter, up=plan.up, padding=plan.padding * 2)
    x = (F.leaky_relu(x, 0.2) * 2 ** 0.5).clamp(-part.conv_clamp, part.conv_clamp)
    return filtered(x, part.down_filter, down=plan.down)


def stylegan3(network: Synthesis, ws: torch.Tensor) -> torch.Tensor:
    """ws [B, num_ws, w_dim] to pictures [B, C, R, R]; the input's waves are the pack's own."""
    x = network.input(ws[:, 0])
    for name, w in zip(network.layer_names, ws[:, 1:].unbind(1)):
        x = alias_free_layer(getattr(network, name), x, w)
    return x * network.output_scale


def look(network: EG3D, planes: torch.Tensor, points: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Points [B, R, S, 3] to raw density [B, R, S, 1] and colours [B, R, S, C] (Chan et al. 2022, section 4.1)."""
    rendering, shape = network.config.rendering, points.shape[:3]
    features = plane_features(planes, points.flatten(1, 2), rendering.box_warp, rendering.plane_axes)
    x = features.mean(1).transpose(1, 2)                                        # [B, M, C]
    first, second = network.decoder.net["0"], network.decoder.net["2"]
    x = affine(second, F.softplus(affine(first, x.flatten(0, 1)))).reshape(*shape, -1)
    return x[..., :1], torch.sigmoid(x[..., 1:]) * (1 + 2 * 0.001) - 0.001


def march(colours: torch.Tensor, density: torch.Tensor,
          depths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Light [B, R, C] and interval weights [B, R, S - 1, 1] of samples [B, R, S, ...] by mid-points (Max 1995)."""
    length = depths[:, :, 1:] - depths[:, :, :-1]
    middle = (density[:, :, :-1] + density[:, :, 1:]) / 2
    alpha = 1 - torch.exp(-F.softplus(middle - 1) * length)
    passed = torch.cat([torch.ones_like(alpha[:, :, :1]), 1 - alpha + 1e-10], 2).cumprod(2)[:, :, :-1]
    weights = alpha * passed
    return (weights * (colours[:, :, :-1] + colours[:, :, 1:]) / 2).sum(2), weights


def rays(network: EG3D, planes: torch.Tensor, label: torch.Tensor, size: int) -> torch.Tensor:
    """Planes [B, 3, C, P, P] from a camera [B, 25] to the feature picture [B, C, size, size]."""
    rendering = network.config.rendering
    origins, directions = rays_from_label(label, size)
    origins, towards = origins[:, None, None], directions[:, :, None]
    start, end = (torch.full(directions.shape[:2], value) for value in (rendering.ray_start, rendering.ray_end))
    coarse = stratified(start, end, rendering)
    density, colours = look(network, planes, origins + coarse[..., None] * towards)
    weights = march(colours, density, coarse[..., None])[1]
    fine = importance(coarse, weights[..., 0], rendering.depth_resolution_importance)
    further = look(network, planes, origins + fine[..., None] * towards)
    depths, order = torch.cat([coarse, fine], -1)[..., None].sort(2)
    density, colours = (torch.cat(pair, 2) for pair in zip((density, colours), further))
    density, colours = density.gather(2, order), colours.gather(2, order.expand_as(colours))
    light = march(colours, density, depths)[0] * 2 - 1
    return light.transpose(1, 2).reshape(len(planes), -1, size, size)


def resolved(network: EG3D, feature: torch.Tensor, ws: torch.Tensor) -> torch.Tensor:
    """Feature picture [B, C, h, h] to the finished one [B, 3, R, R] (Chan et al. 2022, section 4.3)."""
    x, img, w = feature, feature[:, :3], ws[:, -1]
    for block in (network.superresolution.block0, network.superresolution.block1):
        x = layer(block.conv1, layer(block.conv0, x, w, False), w, False)
        img = (enlarged(img) if block.up else img) + to_rgb(block.torgb, x, w)
    return img


def eg3d_planes(network: EG3D, ws: torch.Tensor) -> torch.Tensor:
    planes = stylegan2(network.backbone.synthesis, ws)
    return planes.reshape(len(ws), 3, -1, *planes.shape[2:])


def eg3d_view(network: EG3D, planes: torch.Tensor, ws: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
    """One view of each head; labels [B, 25]; as many rays a side as super-resolution takes in."""
    return resolved(network, rays(network, planes, label, network.config.neural_rendering_resolution), ws)
