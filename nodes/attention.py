"""DDGI Attention View: where the diffusion model looks for the words of its prompt."""

import torch
from comfy.model_management import intermediate_device
from comfy_api.latest import io, ui

from ..ddgi.errors import InputError
from ..ddgi.pictures import from_image, to_image
from ..host.sockets import FEATURES, Features

_STEPS = ("last", "one step", "mean")
_SIZE = 512     # of maps without a picture, in pixels


class AttentionView(io.ComfyNode):
    """Word maps as pictures and masks."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="DDGIAttentionView",
            display_name="DDGI Attention View",
            category=FEATURES,
            description="Shows where the diffusion model looks for each word of the prompt, as pictures and as masks "
                        "for inpainting and regional prompts.",
            search_aliases=["daam", "cross attention", "heatmap", "word map", "mask from words", "segment"],
            inputs=[
                Features.Input("features", tooltip="The features of a sampling run whose prompt is DDGI Prompt's."),
                io.String.Input("words", default="",
                                tooltip="The words to look for, with commas; words that stand side by side, such as "
                                        "long hair, are seen together. Empty shows every word of the prompt."),
                io.Combo.Input("step", options=list(_STEPS), default="mean",
                               tooltip="Which captured sampling steps to use: the last, the one that step_index names, "
                                       "or the average of all."),
                io.Int.Input("step_index", default=0, min=-1000, max=1000,
                             tooltip="The number of the captured step that 'one step' uses, counted from 0; -1 is the "
                                     "last."),
                io.Int.Input("stage", default=0, min=0, max=16,
                             tooltip="The stage of the model's decoder: 1 is the coarsest, 0 the average of all."),
                io.Boolean.Input("contrast", default=True,
                                 tooltip="Shows where a word looks more than the prompt's other words do. Off shows "
                                         "its attention as it is."),
                io.Float.Input("threshold", default=0.0, min=0.0, max=1.0, step=0.05,
                               tooltip="Masks are 1 above this value and 0 below; 0 keeps soft masks."),
                io.Image.Input("image", optional=True,
                               tooltip="The picture to lay the maps over: what the sampler made, or the face."),
            ],
            outputs=[
                io.Image.Output(display_name="overlays", tooltip="The picture, bright where the word looks: word by "
                                                                 "word, and for each word picture by picture."),
                io.Mask.Output(display_name="masks", tooltip="The same as masks, for inpainting and regional prompts."),
                io.String.Output(display_name="words", tooltip="The words, one a line, in the order of the pictures."),
            ],
            is_output_node=True,
        )

    @classmethod
    def execute(cls, features, words, step, step_index, stage, contrast, threshold, image=None) -> io.NodeOutput:
        from ..ddgi.features import overlay, word_maps

        if not features.spelling:
            raise InputError("The features do not know the words of their prompt; write it in DDGI Prompt.")
        groups = _chosen(features.spelling, words)
        size = (_SIZE, _SIZE) if image is None else tuple(image.shape[1:3])
        steps = features.steps if step == "mean" else [features.select(step_index if step == "one step" else step)]
        every = torch.stack([word_maps(one, features.spelling, size, stage - 1 if stage else None, contrast)
                             for one in steps]).mean(0)
        maps = torch.stack([every[:, group].amax(1) for group in groups.values()])      # [words, B, H, W]
        if threshold:
            maps = (maps >= threshold).float()
        pictures = maps.new_ones(1, 3, 1, 1) if image is None else from_image(image).to(maps)
        if len(pictures) not in (1, maps.shape[1]):
            raise InputError(f"The image has {len(pictures)} pictures and the features are of {maps.shape[1]}; give as "
                             "many, or one.")
        overlays = to_image(overlay(pictures, maps.unsqueeze(2)).flatten(0, 1)).to(intermediate_device())
        single = to_image(overlay(pictures[:1], every[0].unsqueeze(1)))                 # for the strip of words
        shown = {"ddgi_words": [word.text for word in features.spelling],
                 "ddgi_overlays": ui.PreviewImage(single, cls=cls).as_dict()["images"]}
        return io.NodeOutput(overlays, maps.flatten(0, 1).to(intermediate_device()), "\n".join(groups), ui=shown)


def _chosen(spelling, wanted: str) -> dict[str, list[int]]:
    """Numbers of the prompt's words for each wanted phrase, at the first place where the phrase stands."""
    known = [word.text.lower() for word in spelling]
    phrases = [phrase.lower().split() for phrase in wanted.replace("\n", ",").split(",") if phrase.strip()]
    found = {}
    for phrase in phrases or [[word] for word in dict.fromkeys(known)]:
        start = next((at for at in range(len(known)) if known[at:at + len(phrase)] == phrase), None)
        if start is None:
            raise InputError(f"The prompt does not have {' '.join(phrase)!r}; choose of its words: {', '.join(known)}.")
        found[" ".join(phrase)] = list(range(start, start + len(phrase)))
    return found


NODES = [AttentionView]
