"""CLIP scores from a file, against transformers' own CLIP with random weights."""

import importlib

import pytest
import torch
from safetensors.torch import save_file

from ddgi.errors import InputError


@pytest.fixture(scope="module")
def clip(pack):
    return importlib.import_module(f"{pack.__name__}.host.evaluation.clip")


@pytest.fixture(scope="module")
def reference(clip):
    from transformers import CLIPConfig, CLIPModel

    shared = {"hidden_size": 128, "intermediate_size": 192, "num_attention_heads": 2, "num_hidden_layers": 3,
              "projection_dim": 128}
    config = CLIPConfig(text_config={**shared, "eos_token_id": 49407, "bos_token_id": 49406, "pad_token_id": 49407},
                        vision_config={**shared, "image_size": 64, "patch_size": 16}, projection_dim=128)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return CLIPModel(config).eval()


def test_scores_are_those_of_transformers(clip, reference, tmp_path):
    state = {name: value.contiguous() for name, value in reference.state_dict().items()}
    save_file(state, tmp_path / "clip.safetensors")
    score = clip.load_clip(tmp_path / "clip.safetensors")
    pictures = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(1)) * 2 - 1
    prompts = ["a woman with (red) hair", "a man"]
    tokens = [score.tokenizer(prompt)["input_ids"] for prompt in prompts]
    padded = torch.tensor([row + [49407] * (77 - len(row)) for row in tokens])
    mean, deviation = (torch.tensor(values)[:, None, None] for values in (clip._MEAN, clip._DEVIATION))
    levels = ((pictures + 1) / 2 * 255).round() / 255                # the host rounds to what a file would hold
    with torch.no_grad():
        found = reference(input_ids=padded, pixel_values=(levels - mean) / deviation)
        expected = 100 * (found.image_embeds * found.text_embeds).sum(1)
    assert found.text_embeds[0].dist(found.text_embeds[1]) > 0.01   # the words count
    assert (score(pictures, prompts) - expected.clamp(min=0)).abs().max() < 1e-3


def test_other_files_are_refused(clip, tmp_path):
    with pytest.raises(InputError, match="no file .*nothing.safetensors"):
        clip.load_clip(tmp_path / "nothing.safetensors")
    save_file({"vision_model.x": torch.zeros(1)}, tmp_path / "half.safetensors")
    with pytest.raises(InputError, match="half.safetensors holds no whole CLIP"):
        clip.load_clip(tmp_path / "half.safetensors")
