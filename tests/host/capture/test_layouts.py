"""Layouts of the published U-Nets, built without weights, and refusal of everything else."""

import pytest
import torch

import ddgi.features

SHARED = {"image_size": 32, "in_channels": 4, "out_channels": 4, "model_channels": 320, "use_spatial_transformer": True,
          "legacy": False}
SD = {**SHARED, "channel_mult": [1, 2, 4, 4], "num_res_blocks": [2] * 4, "transformer_depth": [1] * 6 + [0] * 2,
      "transformer_depth_middle": 1, "transformer_depth_output": [1] * 9 + [0] * 3}
CONFIGS = {
    "sd1": {**SD, "context_dim": 768, "num_heads": 8, "num_head_channels": -1},
    "sd2": {**SD, "context_dim": 1024, "num_heads": -1, "num_head_channels": 64, "use_linear_in_transformer": True},
    "sdxl": {**SHARED, "channel_mult": [1, 2, 4], "num_res_blocks": [2] * 3, "transformer_depth": [0, 0, 2, 2, 10, 10],
             "transformer_depth_middle": 10, "transformer_depth_output": [0, 0, 0, 2, 2, 2, 10, 10, 10],
             "context_dim": 2048, "num_heads": -1, "num_head_channels": 64, "use_linear_in_transformer": True,
             "num_classes": "sequential", "adm_in_channels": 2816},
}
# (channels, downsample, blocks, cross-attention layers): docs/method.md's table for SD 1.x
SD_STAGES = [(1280, 4, (3, 4, 5), 3), (640, 2, (6, 7, 8), 3), (320, 1, (9, 10, 11), 3)]
STAGES = {"sd1": SD_STAGES, "sd2": SD_STAGES, "sdxl": [(1280, 4, (0, 1, 2), 30), (640, 2, (3, 4, 5), 6)]}


@pytest.mark.parametrize("family", CONFIGS)
def test_published_layouts(pack, family):
    from comfy.ldm.modules.diffusionmodules.openaimodel import UNetModel

    unet = UNetModel(**CONFIGS[family], dtype=torch.float16, device="meta")
    layout = ddgi.features.FeatureLayout.of(unet)
    assert (layout.family, layout.middle_channels) == (family, 1280)
    assert layout.context_channels == CONFIGS[family]["context_dim"]
    assert [(s.channels, s.downsample, s.blocks, s.attention_layers) for s in layout.stages] == STAGES[family]


def test_unet_without_decoder_attention_is_refused(pack):
    from comfy.ldm.modules.diffusionmodules.openaimodel import UNetModel

    plain = {**CONFIGS["sd1"], "transformer_depth_output": [0] * 12}
    with pytest.raises(ddgi.InputError, match="no cross-attention in its decoder"):
        ddgi.features.FeatureLayout.of(UNetModel(**plain, dtype=torch.float16, device="meta"))


def test_other_networks_are_refused(pack):
    with pytest.raises(ddgi.InputError, match="which DDGI cannot read"):
        ddgi.features.FeatureLayout.of(torch.nn.Identity())
