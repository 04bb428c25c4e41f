"""StyleGAN3: mapping and synthesis (Karras et al. 2021) under the parameter names of the public checkpoints."""

import torch
import torch.nn.functional as F
from torch import nn

from ...ops import bias_act, modulated_conv, modulated_rgb
from ..linear import equalised_linear, init_linear
from ..mapping import MappingNetwork
from .config import StyleGAN3Config
from .filters import filtered_lrelu, low_pass
from .fourier import FourierInput
from .schedule import LayerPlan, input_signal, layer_plans


def modulated(x: torch.Tensor, weight: torch.Tensor, styles: torch.Tensor, input_gain: torch.Tensor) -> torch.Tensor:
    """Demodulated convolution of [B, I, H, W] with [O, I, k, k] and styles [B, I]; zero padding k - 1 on each side.

    Weights (of each output channel) and styles are divided by their rms before demodulation, as trained.
    """
    weight = weight * weight.square().mean((1, 2, 3), keepdim=True).rsqrt()
    styles = styles * styles.square().mean(1, keepdim=True).rsqrt()
    margin = weight.shape[-1] // 2          # the other half of the padding is the convolution's own
    x = F.pad(x, (margin,) * 4) if margin else x
    return modulated_conv(x, weight, styles, gain=input_gain)


class Layer(nn.Module):
    """Modulated convolution, then a leaky ReLU between two filters; the last layer only makes colours."""

    def __init__(self, plan: LayerPlan, w_dim: int, conv_clamp: float | None, operations=nn):
        super().__init__()
        self.plan, self.conv_clamp = plan, conv_clamp
        source, target = plan.source, plan.target
        self.weight = nn.Parameter(torch.randn(target.channels, source.channels, plan.kernel, plan.kernel))
        self.bias = nn.Parameter(torch.zeros(target.channels))
        self.affine = init_linear(operations.Linear(w_dim, source.channels), bias=1.0)
        self.register_buffer("magnitude_ema", torch.ones([]))   # mean square of what the layer read in training
        for name, taps, signal, radial in (("up_filter", plan.up_taps, source, False),
                                           ("down_filter", plan.down_taps, target, plan.radial)):
            taps = None if taps == 1 else low_pass(taps, signal.cutoff, signal.half_width, plan.rate, radial)
            self.register_buffer(name, taps)

    def forward(self, x: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
        """x [B, I, in, in], w [B, w_dim]; returns [B, O, out, out] in the dtype of x."""
        plan, styles = self.plan, equalised_linear(self.affine, w)
        input_gain = self.magnitude_ema.float().rsqrt()
        if plan.is_rgb:
            x = modulated_rgb(x, self.weight, styles * (input_gain * x.shape[1] ** -0.5))
            return bias_act(x, self.bias, activate=False, clamp=self.conv_clamp)
        x = modulated(x, self.weight, styles, input_gain)
        return filtered_lrelu(x, self.bias, self.up_filter, self.down_filter, plan.up, plan.down, plan.padding * 2,
                              clamp=self.conv_clamp)


class Synthesis(nn.Module):
    """Fourier features, then the layers; ws[0] drives the input and ws[i + 1] layer i."""

    def __init__(self, config: StyleGAN3Config, operations=nn):
        super().__init__()
        self.output_scale = config.output_scale
        self.input = FourierInput(config.w_dim, input_signal(config), operations)
        self.layer_names = []
        for plan in layer_plans(config):
            self.layer_names.append(plan.name)
            setattr(self, plan.name, Layer(plan, config.w_dim, config.conv_clamp, operations))

    def forward(self, ws: torch.Tensor, moved: torch.Tensor | None = None, dtype: torch.dtype | None = None,
                features: dict | None = None) -> torch.Tensor:
        """Pictures [B, img_channels, R, R], fp32, about -1 to 1.

        Args:
            ws: [B, num_ws, w_dim].
            moved: [3, 3] of `fourier.movement`, on top of the file's own transform; None: as the file has it.
            dtype: fp16 or bf16 runs the layers in it that were trained so; None is fp32.
            features: if given, filled with {layer name, or "input": its output}.
        """
        ws = ws.float()
        x = self.input(ws[:, 0], moved)
        seen = {"input": x}
        for name, w in zip(self.layer_names, ws[:, 1:].unbind(1)):
            layer = getattr(self, name)
            half = dtype is not None and layer.plan.half
            x = seen[name] = layer(x.to(dtype if half else torch.float32), w)
            if features is None:
                seen.clear()
        if features is not None:
            features.update(seen)
        return (x.float() * self.output_scale).contiguous()


class StyleGAN3(nn.Module):
    """Generator module with `.mapping` and `.synthesis`; `operations` supplies the linear layer class."""

    def __init__(self, config: StyleGAN3Config, operations=nn):
        super().__init__()
        self.config = config
        self.mapping = MappingNetwork(config.z_dim, config.c_dim, config.w_dim, config.num_ws,
                                      config.num_mapping_layers, operations)
        self.synthesis = Synthesis(config, operations)
