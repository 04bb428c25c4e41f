"""Nodes that say how well faces fit what was asked for, and keep the best."""

import torch
from comfy_api.latest import io
from comfy_execution.graph_utils import ExecutionBlocker

from ..ddgi.errors import InputError
from ..ddgi.facemask import read_mask
from ..ddgi.gan import GanLatent
from ..ddgi.pictures import from_image
from ..host import scoring
from ..host.node_text import say
from ..host.sockets import BATCH, Latent, Scores

_WEIGHT = {"default": 1.0, "min": 0.0, "max": 10.0, "step": 0.1, "advanced": True}


class Score(io.ComfyNode):
    """Words, drawing and likeness as numbers."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="DDGIScore",
            display_name="DDGI Score",
            category=BATCH,
            description="Says how well each picture fits its prompt, its face mask and a face that it should look "
                        "like. For the demo models' characters nothing else is needed; for photographs and other "
                        "generators choose a CLIP, a face parser and a face recognition file.",
            search_aliases=["rank", "rate", "clip score", "miou", "similarity", "identity", "quality", "judge"],
            inputs=[
                io.Image.Input("image", tooltip="The faces to score, one or a batch."),
                io.String.Input("prompt", default="", multiline=True,
                                tooltip="What the pictures should show; empty leaves the words out."),
                io.Image.Input("drawing", optional=True,
                               tooltip="The face mask that the pictures should follow, as DDGI Face Mask gives it: one "
                                       "for all, or as many as there are pictures."),
                io.Image.Input("reference", optional=True,
                               tooltip="A face that the pictures should look like, or as many as there are pictures."),
                io.Combo.Input("clip", options=scoring.choices("clip"), default=scoring.JUDGES,
                               tooltip="Who compares picture and words. The demo judges know drawn characters alone; "
                                       "for photographs put a whole CLIP (model.safetensors) into models/ddgi/clip."),
                io.Combo.Input("parser", options=scoring.choices("parser"), default=scoring.JUDGES,
                               tooltip="Who finds the parts of a face: the demo judges, or a BiSeNet face parser in "
                                       "models/ddgi/parsers."),
                io.Combo.Input("identity", options=scoring.choices("identity"), default=scoring.JUDGES,
                               tooltip="Who compares faces: the demo judges, by what can be said of a face, or an "
                                       "ArcFace file in models/ddgi/identities, by whose face it is."),
                io.Float.Input("words_weight", tooltip="What the words count in the score.", **_WEIGHT),
                io.Float.Input("drawing_weight", tooltip="What the drawing counts in the score.", **_WEIGHT),
                io.Float.Input("likeness_weight", tooltip="What the likeness counts in the score.", **_WEIGHT),
            ],
            hidden=[io.Hidden.unique_id],
            outputs=[
                Scores.Output(display_name="scores", tooltip="The scores, for DDGI Best of Batch."),
                io.Float.Output(display_name="mean", tooltip="The mean score of the batch, higher is better."),
                io.String.Output(display_name="report", tooltip="The scores of each picture, one line for each."),
            ],
        )

    @classmethod
    def validate_inputs(cls, clip: str, parser: str, identity: str) -> bool | str:
        return scoring.check(clip=clip, parser=parser, identity=identity)

    @classmethod
    def fingerprint_inputs(cls, clip: str, parser: str, identity: str, **settings) -> list[float]:
        return scoring.changed(clip=clip, parser=parser, identity=identity)

    @classmethod
    def execute(cls, image: torch.Tensor, prompt: str, clip: str, parser: str, identity: str, words_weight: float,
                drawing_weight: float, likeness_weight: float, drawing=None, reference=None) -> io.NodeOutput:
        from ..ddgi.evaluation.rating import rate

        # Only what is looked through is read from disk.
        needed = {"clip": prompt.strip(), "parser": drawing is not None, "identity": reference is not None}
        names = {"clip": clip, "parser": parser, "identity": identity}
        networks = scoring.open_choices(**{name: file for name, file in names.items() if needed[name]})
        rating = rate(networks, from_image(image), prompt=prompt,
                      drawn=None if drawing is None else read_mask(drawing),
                      reference=None if reference is None else from_image(reference),
                      weights={"words": words_weight, "drawing": drawing_weight, "likeness": likeness_weight})
        lines = rating.lines()
        say(cls, *lines)
        return io.NodeOutput(rating, rating.total.mean().item(), "\n".join(lines))


class BestOfBatch(io.ComfyNode):
    """The pictures with the highest scores."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="DDGIBestOfBatch",
            display_name="DDGI Best of Batch",
            category=BATCH,
            description="Keeps the pictures of a batch that DDGI Score likes best, the best first, and their latents.",
            search_aliases=["top", "pick", "choose", "select", "rank", "filter", "cherry pick"],
            inputs=[
                io.Image.Input("image", tooltip="The pictures that were scored."),
                Scores.Input("scores", tooltip="The scores from DDGI Score."),
                io.Int.Input("count", default=1, min=1, max=4096, tooltip="How many to keep."),
                Latent.Input("latent", optional=True, tooltip="The faces of the pictures, to keep the same ones."),
            ],
            outputs=[
                io.Image.Output(display_name="image", tooltip="The best pictures, the best first."),
                Latent.Output(display_name="latent", tooltip="Their faces; only with a latent."),
                io.String.Output(display_name="numbers", tooltip="Their numbers in the batch, counted from 0, for DDGI "
                                                                 "Pick Faces."),
            ],
        )

    @classmethod
    def execute(cls, image: torch.Tensor, scores, count: int, latent: GanLatent | None = None) -> io.NodeOutput:
        from ..ddgi.latents import pick

        for what, given in (("image", image), ("latent", latent and latent.ws)):
            if given is not None and len(given) != len(scores):
                raise InputError(f"The {what} has {len(given)} faces and the scores are of {len(scores)}; connect what "
                                 f"DDGI Score has scored.")
        best = scores.best(count)
        kept = ExecutionBlocker("No latent is connected to DDGI Best of Batch; connect the faces of the pictures.") \
            if latent is None else pick(latent, best)
        return io.NodeOutput(image[best], kept, ", ".join(map(str, best)))


NODES = [Score, BestOfBatch]
