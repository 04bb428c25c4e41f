"""Tensor operations shared by the generators: FIR resampling, bias + activation, convolutions."""

from .activation import bias_act, normalize_2nd_moment
from .fir import blur, downsample, fir_kernel, upfirdn, upsample
from .frozen import frozen_layer
from .modulated import conv_down, conv_same, conv_up, modulated_conv, modulated_kernel, modulated_rgb
from .winograd import Winograd

__all__ = ["Winograd", "bias_act", "blur", "conv_down", "conv_same", "conv_up", "downsample", "fir_kernel",
           "frozen_layer", "modulated_conv", "modulated_kernel", "modulated_rgb", "normalize_2nd_moment", "upfirdn",
           "upsample"]
