"""A generator that grows out of a smaller one, and learns its upper blocks from crops."""

import torch
from torch.nn import functional as F

from ddgi.demo.generator import CROP, CROP_MARGIN, CROP_UNIT, crops, cut, grow, inner, render_parts
from ddgi.gan import StyleGAN2Config
from ddgi.gan.stylegan2.network import StyleGAN2


def generator(resolution, channels, seed):
    torch.manual_seed(seed)
    return StyleGAN2(StyleGAN2Config(z_dim=8, w_dim=8, img_resolution=resolution, channels=channels,
                                     num_mapping_layers=2)).requires_grad_(False)


def test_a_grown_generator_begins_with_the_smaller_ones_picture():
    small, large = generator(16, (8, 8, 4), 0), generator(64, (8, 8, 6, 4, 4), 1)
    grow(large, small.state_dict())
    w = torch.randn(2, 1, 8, generator=torch.Generator().manual_seed(2))
    blocks = {}
    large.synthesis(w.expand(-1, large.config.num_ws, -1), noise_mode="none", blocks=blocks)
    picture = small.synthesis(w.expand(-1, small.config.num_ws, -1), noise_mode="none")
    # The wider layer sums more numbers, all of the further ones zero: fp32 rounding only.
    assert torch.allclose(blocks[16][1], picture, atol=1e-5)


def test_a_crop_is_the_picture_there():
    module = generator(256, (4, 4, 4, 4, 4, 4, 4), 0)
    ws = torch.randn(1, module.config.num_ws, 8, generator=torch.Generator().manual_seed(1))
    picture = module.synthesis(ws, noise_mode="none")
    for corner in ((0, 0), (10, 20), (32, 32)):
        whole, crop = render_parts(module, ws, corner)
        assert whole.shape[-1] == 64 and crop.shape[-1] == CROP * CROP_UNIT
        seen = inner(torch.ones(1, 1, *crop.shape[2:]), corner, 256) > 0
        # A layer sees one pixel further than the one before; 8 px from the edge the filters' tails are left.
        assert torch.allclose(torch.where(seen, crop, 0), torch.where(seen, cut(picture, corner), 0), atol=2e-3)
    assert (inner(torch.ones(1, 1, 128, 128), (0, 5), 256)[0, 0, 0] > 0).any()           # the picture's own edge counts
    assert (inner(torch.ones(1, 1, 128, 128), (0, 5), 256)[0, 0, -CROP_MARGIN:] == 0).all()


def test_crops_lie_over_what_weighs():
    weights = torch.ones(2, 1, 256, 256)
    weights[:, :, 144:208, 48:112] = 12.0
    rng = torch.Generator().manual_seed(0)
    corners = [crops(weights, rng) for _ in range(40)]
    covered = [cut(weights, corner).max().item() > 1 for corner in corners]
    assert sum(covered) > 30  # seven of eight draws fall there
    assert all(0 <= place <= 64 - CROP for corner in corners for place in corner)
    assert F.avg_pool2d(weights, CROP_UNIT).shape[-1] == 64
