"""The node that finds photographs in a generator."""

from __future__ import annotations

from comfy_api.latest import io

from ..host.managed import ManagedModel
from ..host.sockets import PHOTOS, Generator, Latent

SPACES = ("w+", "both", "w")        # those of ddgi.projection
NO, TUNE = "no", "yes"


class ProjectImage(io.ComfyNode):
    """A picture to a latent, by gradients."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        steps = io.Int.Input("tuning_steps", default=200, min=1, max=100_000,
                             tooltip="How many steps the copy learns; more fit better and bend it more.")
        name = io.String.Input("name", default="tuned", tooltip="The name of the copy's file in "
                                                                "models/ddgi/generators.")
        replace = io.Boolean.Input("replace", default=False, tooltip="Overwrites a generator file of this name.")
        return io.Schema(
            node_id="DDGIProjectImage",
            display_name="DDGI Project Image",
            category=PHOTOS,
            description="Finds the generator's face that looks like a picture, so that a photograph can be edited, "
                        "mixed and rendered. The picture must be aligned like the generator's own: use DDGI Align "
                        "Face. Cancel at any time: the nearest face so far is kept in output/ddgi.",
            search_aliases=["inversion", "photo", "projector", "pti", "pivotal tuning", "face", "portrait", "encode",
                            "gan inversion"],
            inputs=[
                io.Image.Input("image", tooltip="One or more square pictures of faces, aligned."),
                Generator.Input("generator", tooltip="The generator to search in."),
                io.Int.Input("steps", default=300, min=1, max=100_000,
                             tooltip="How long to search for each picture. 100 shows whether it works, 300 is usual, "
                                     "1000 is patient."),
                io.Combo.Input("space", options=list(SPACES), default=SPACES[0],
                               tooltip="Where to search. w+: one vector for each layer, which fits best. w: one for "
                                       "all, which edits best. both: w first, then w+."),
                io.DynamicCombo.Input("tune_generator", options=[io.DynamicCombo.Option(NO, []),
                                                                 io.DynamicCombo.Option(TUNE, [steps, name, replace])],
                                      tooltip="Whether a copy of the generator learns the picture afterwards (pivotal "
                                              "tuning), which fits nearly everything and takes the same edits. The "
                                              "copy is saved as the differences to this generator."),
                Latent.Input("start", optional=True,
                             tooltip="Faces to begin with, for example a bridge's reading of the picture; without them "
                                     "the search begins at the average face."),
                io.Mask.Input("mask", optional=True, tooltip="White where the picture counts; the rest, such as the "
                                                             "background, is ignored."),
                io.Vae.Input("vae", optional=True, tooltip="The VAE of a Stable Diffusion checkpoint; pictures are "
                                                           "then compared as it sees them, too, which is slower and "
                                                           "finer."),
                io.Boolean.Input("search_camera", default=True, optional=True,
                                 tooltip="Also searches where a 3D head is seen from; a 2D generator takes no "
                                         "notice."),
                io.Int.Input("batch", default=1, min=1, max=256, optional=True, advanced=True,
                             tooltip="How many pictures are searched at once; more are faster on a graphics card and "
                                     "need more memory."),
                io.Int.Input("seed", default=0, min=0, max=2**31 - 1, control_after_generate=False, optional=True,
                             advanced=True, tooltip="Decides the noise of the search."),
            ],
            outputs=[Latent.Output(display_name="latent", tooltip="The faces, with the camera of a 3D head, for DDGI "
                                                                  "Render Face."),
                     Generator.Output(display_name="generator", tooltip="The generator to render them with: the tuned "
                                                                        "copy, or the same as before.")],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(cls, image, generator: ManagedModel, steps: int, space: str, tune_generator: dict, start=None,
                mask=None, vae=None, search_camera: bool = True, batch: int = 1, seed: int = 0) -> io.NodeOutput:
        from ..ddgi.projection import ProjectionConfig, TuningConfig
        from ..host.projection import project

        config = ProjectionConfig(space=space, steps=steps, batch=batch, seed=seed)
        is_tuned = tune_generator["tune_generator"] == TUNE
        tuning = TuningConfig(steps=tune_generator["tuning_steps"], seed=seed) if is_tuned else None
        latent, network = project(image, generator, config, cls.hidden.unique_id, start=start, mask=mask, vae=vae,
                                  turn=search_camera and generator.value.is_3d, tuning=tuning,
                                  name=tune_generator.get("name", ""), replace=tune_generator.get("replace", False))
        return io.NodeOutput(latent, network)


NODES = [ProjectImage]
