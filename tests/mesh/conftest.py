"""A tiny EG3D whose decoder and planes are set by hand, so that its density is a known ball."""

import types

import pytest
import torch

import ddgi.gan

BOX = 2.0
CENTRE = (0.3, 0.2, -0.4)       # world units: to the viewer's right, up, away from the viewer
STEEPNESS, REACH = 200.0, 0.2
SHARPNESS = 4.0                 # red is sigmoid(SHARPNESS * x)
# Raw density is STEEPNESS * (REACH - |p - CENTRE|^2); density is softplus(raw - 1), so it is 10 where raw is 11.
RADIUS = (REACH - 11 / STEEPNESS) ** 0.5
KNOWN = {"box": BOX, "centre": torch.tensor(CENTRE), "radius": RADIUS, "sharpness": SHARPNESS}


def build(plane_axes="xy_xz_zx"):
    """(Generator, planes [1, 3, 4, 32, 32])."""
    torch.manual_seed(0)
    backbone = ddgi.gan.StyleGAN2Config(z_dim=8, c_dim=25, w_dim=8, img_resolution=32, img_channels=12,
                                        channel_base=64, channel_max=8, num_mapping_layers=2)
    config = ddgi.gan.EG3DConfig(
        backbone, img_resolution=64, neural_rendering_resolution=16, feature_channels=4, decoder_width=8,
        sr_input_resolution=16, sr_channels=(8, 8),
        rendering=ddgi.gan.RenderingConfig(box_warp=BOX, plane_axes=plane_axes))
    module = ddgi.gan.EG3DGenerator.network(config).eval().requires_grad_(False)
    generator = ddgi.gan.EG3DGenerator(config, module, name="tiny3d")
    _set_decoder(module.decoder.net)
    return generator, _planes()


def _set_decoder(net):
    """Feature 0 times STEEPNESS to raw density, feature 1 times SHARPNESS to the logit of red."""
    first, second = net["0"], net["2"]
    for layer in (first, second):
        layer.weight.zero_()
        layer.bias.zero_()
    first.bias.fill_(20.0)                      # far up the softplus, where it is the identity
    for unit in (0, 1):                         # stored weights are divided by the root of their inputs: 4, then 8
        first.weight[unit, unit] = 4**0.5
    for unit, gain in ((0, STEEPNESS), (1, SHARPNESS)):
        second.weight[unit, unit] = gain * 8**0.5
        second.bias[unit] = -20.0 * gain


def _planes():
    step = ((torch.arange(32) + 0.5) / 32 - 0.5) * BOX
    share = (1.0, 3.0, 1.5)                     # the mean of planes xy, xz, zx holds x three times, y once, z twice
    planes = torch.zeros(1, 3, 4, 32, 32)
    for plane, (column, row) in enumerate(((0, 1), (0, 2), (2, 0))):
        across = share[column] * (step - CENTRE[column]) ** 2
        planes[0, plane, 0] = REACH - across - share[row] * (step[:, None] - CENTRE[row]) ** 2
    planes[0, 0, 1] = 3 * step
    return planes


@pytest.fixture
def ball_with():
    """Builds (generator, planes) with another order of plane axes; the density is no ball then."""
    def make(plane_axes):
        generator, _ = build(plane_axes)
        return generator, torch.randn(1, 3, 4, 32, 32, generator=torch.Generator().manual_seed(3)) * 0.05
    return make


@pytest.fixture
def ball(monkeypatch):
    """The generator with the ball as the planes of every latent, and two latents."""
    generator, planes = build()
    monkeypatch.setattr(generator, "planes", lambda ws: planes)
    return types.SimpleNamespace(generator=generator, planes=planes, ws=torch.zeros(2, 8, 8), **KNOWN)


@pytest.fixture
def pack_ball(pack, monkeypatch):
    """The same as sockets carry it: a managed generator and a latent of two heads."""
    generator, planes = build()
    monkeypatch.setattr(generator, "planes", lambda ws: planes)
    managed = pack.host.managed.ManagedModel(generator, generator)
    return types.SimpleNamespace(generator=managed, latent=generator.latent(torch.zeros(2, 8, 8)), **KNOWN)
