"""How well a picture fits its words: CLIP (Radford et al. 2021) in the host's own classes, from one file."""

from collections.abc import Sequence
from pathlib import Path

import comfy.clip_model
import comfy.model_management
import comfy.ops
import comfy.sd1_clip
import comfy.utils
import torch
from torch import Tensor
from torch.nn import functional as F

from ...ddgi.errors import InputError, first_line
from ...ddgi.evaluation.networks import in_parts

_HEAD = 64              # channels of an attention head, in every CLIP
_END = 49407            # the token that ends a text
_MEAN, _DEVIATION = [0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711]
_PATCHES = "vision_model.embeddings.patch_embedding.weight"
_PLACES = "vision_model.embeddings.position_embedding.weight"
_WORDS = "text_model.embeddings.token_embedding.weight"
_WHICH = "a whole CLIP model as transformers saves it, such as model.safetensors of openai/clip-vit-large-patch14"


class ClipScore:
    """CLIP score [B] (Hessel et al. 2021, as torchmetrics has it): 100 x the cosine of picture and words, at least 0.

    Args:
        state: tensors by transformers' names.
        tokenizer: of the host, see `comfy.sd1_clip.SDTokenizer`.
    """

    def __init__(self, state: dict[str, Tensor], tokenizer=None):
        self.tokenizer = (tokenizer or comfy.sd1_clip.SDTokenizer()).tokenizer
        self.device = comfy.model_management.get_torch_device()
        self.side, vision, text = _configs(state)
        self.vision = self._built(comfy.clip_model.CLIPVisionModelProjection, vision, state)
        self.text = self._built(comfy.clip_model.CLIPTextModel, text, state)

    def _built(self, kind, config: dict, state: dict[str, Tensor]):
        network = kind(config, torch.float32, self.device, comfy.ops.manual_cast)
        wanted = network.state_dict()
        network.load_state_dict({name: state[name].float() for name in wanted})
        return network.to(self.device).requires_grad_(False).eval()

    @torch.no_grad()
    def __call__(self, pictures: Tensor, prompts: Sequence[str]) -> Tensor:
        """Scores of pictures [B, 3, H, W] in -1..1 and as many prompts, of which 75 tokens are read."""
        seen = in_parts(self._see, self.device)(pictures)
        read = torch.cat([self._read(prompt) for prompt in prompts])
        return 100 * F.cosine_similarity(seen, read).clamp(min=0).cpu()

    def _see(self, pictures: Tensor) -> Tensor:
        image = ((pictures + 1) / 2).clamp(0, 1).movedim(1, -1)
        pixels = comfy.clip_model.clip_preprocess(image, size=self.side, mean=_MEAN, std=_DEVIATION, crop=True)
        return self.vision(pixel_values=pixels.float())[2]

    def _read(self, prompt: str) -> Tensor:
        tokens = self.tokenizer(prompt, truncation=True, max_length=77)["input_ids"]
        return self.text(torch.tensor([tokens + [_END] * (77 - len(tokens))], device=self.device))[2]


def load_clip(path: str | Path) -> ClipScore:
    """Read a CLIP file.

    Raises:
        InputError: the file is missing, broken, or holds no whole CLIP.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"There is no file {path}; give {_WHICH}.")
    try:
        return ClipScore(comfy.utils.load_torch_file(str(path), safe_load=True))
    except (KeyError, RuntimeError, ValueError, OSError, AttributeError) as error:
        raise InputError(f"{path.name} holds no whole CLIP ({first_line(error)}); give {_WHICH}.") from error
    except Exception as error:      # whatever a hostile or foreign file raises
        raise InputError(f"{path.name} cannot be read ({first_line(error)}); give {_WHICH}.") from error


def _configs(state: dict[str, Tensor]) -> tuple[int, dict, dict]:
    """Side of the pictures, and the configs of both networks as the host's classes take them, from tensor shapes."""
    width, _, patch, _ = state[_PATCHES].shape
    side = round((len(state[_PLACES]) - 1) ** 0.5) * patch
    words = state[_WORDS].shape[1]
    # The first models were trained with another activation than the larger ones after them.
    activation = "quick_gelu" if words <= 768 else "gelu"
    shared = {"hidden_act": activation, "max_position_embeddings": 77, "eos_token_id": _END}
    vision = {**shared, "model_type": "clip_vision_model", "image_size": side, "patch_size": patch, "num_channels": 3,
              "projection_dim": len(state["visual_projection.weight"]), **_sizes(state, "vision_model", width)}
    return side, vision, {**shared, **_sizes(state, "text_model", words)}


def _sizes(state: dict[str, Tensor], part: str, width: int) -> dict:
    inside = f"{part}.encoder.layers."
    layers = {name.removeprefix(inside).split(".")[0] for name in state if name.startswith(inside)}
    return {"hidden_size": width, "num_hidden_layers": len(layers), "num_attention_heads": max(1, width // _HEAD),
            "intermediate_size": len(state[f"{inside}0.mlp.fc1.weight"])}
