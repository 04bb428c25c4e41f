"""DDGI Prompt: CLIP text encoding that remembers which tokens are words."""

from comfy_api.latest import io

from ..ddgi.errors import InputError
from ..host.sockets import FEATURES


class Prompt(io.ComfyNode):
    """Text to CONDITIONING with the word flags beside it."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="DDGIPrompt",
            display_name="DDGI Prompt",
            category=FEATURES,
            description="Describes the face in words. It works like CLIP Text Encode, and also tells the DDGI nodes "
                        "which parts of the prompt are real words, so that they look at nothing else.",
            search_aliases=["text", "clip text encode", "face", "portrait", "character", "smile"],
            inputs=[
                io.Clip.Input("clip", tooltip="The text model that belongs to your diffusion model."),
                io.String.Input("text", multiline=True, dynamic_prompts=True,
                                tooltip="What the face should look like, for example: a smiling woman with long red "
                                        "hair, green eyes and glasses."),
            ],
            outputs=[io.Conditioning.Output(display_name="positive",
                                            tooltip="The prompt for a sampler or a ControlNet node.")],
        )

    @classmethod
    def execute(cls, clip, text: str) -> io.NodeOutput:
        from ..host.capture.words import SPELLING_KEY, WORDS_KEY, prompt_spelling, prompt_words

        if clip is None:
            raise InputError("there is no CLIP: the checkpoint has no text model; load a CLIP with a loader of its own")
        tokens = clip.tokenize(text)
        words = prompt_words(clip, tokens)
        known = {WORDS_KEY: words, SPELLING_KEY: prompt_spelling(clip, tokens, words)}
        return io.NodeOutput(clip.encode_from_tokens_scheduled(tokens, add_dict=known))


NODES = [Prompt]
