"""The face on its way: what each step's features give is shown at the node that samples."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from comfy.utils import ProgressBar
from PIL import Image

from ...ddgi.features import DiffusionFeatures, FeatureLayout, StepSelection
from ...ddgi.pictures import resize, sheet
from ..managed import ManagedModel
from .run import FeatureTap

if TYPE_CHECKING:
    from ...ddgi.bridge import Bridge
    from ...ddgi.gan import Generator

SHARE = 0.2             # of the sampling time that previews may take
_SIDE, _MOST = 256, 4   # pixels of a face, and faces of a batch that are shown
_KEY = "ddgi_face_preview"


class FacePreview:
    """Shows faces while a model samples, through the host's own preview channel.

    On a slow machine it shows fewer of them: they never take more than `SHARE` of the time.

    clock: seconds.
    """

    def __init__(self, bridge: ManagedModel[Bridge], generator: ManagedModel[Generator],
                 clock: Callable[[], float] = time.perf_counter):
        self.bridge, self.generator, self.clock = bridge, generator, clock
        self._not_before = -float("inf")

    def attach(self, model):
        """A clone of the ModelPatcher `model` that shows faces while it samples.

        Raises:
            InputError: the bridge does not read this model, or was not trained for this generator.
        """
        layout = FeatureLayout.of(model.get_model_object("diffusion_model"))
        self.bridge.value.config.check_layout(layout)
        self.bridge.value.config.check_generator(self.generator.value, relative=True)
        shown = FeatureTap(StepSelection("all"), self).attach(model)
        # They are loaded beside the diffusion model: loading them while it samples could put it out of memory.
        shown.set_additional_models(_KEY, [self.bridge.patcher, self.generator.patcher])
        return shown

    def due(self) -> bool:
        """Whether the next face is in time, and its networks can draw it."""
        return self.clock() >= self._not_before and self._is_loaded(self.bridge) and self._is_loaded(self.generator)

    def show(self, features: DiffusionFeatures, steps: int) -> None:
        """The face that a step of so many gives, at the node that samples."""
        start, step = self.clock(), features.step_numbers[-1]
        ProgressBar(steps).update_absolute(step + 1, steps, ("JPEG", self._picture(features), None))
        took = self.clock() - start
        self._not_before = start + took / SHARE

    @staticmethod
    def _is_loaded(managed: ManagedModel) -> bool:
        """Whether all weights are on the device; the host keeps some elsewhere where memory is short."""
        return all(weight.device == managed.device for weight in managed.patcher.model.parameters())

    @torch.no_grad()
    def _picture(self, features: DiffusionFeatures) -> Image.Image:
        latent = self.bridge.value(features.to(self.bridge.device))
        pictures = self.generator.value.draw(latent.ws[:_MOST].to(self.generator.device))
        small = resize(pictures.float(), min(_SIDE, pictures.shape[-1])).clamp(-1, 1).cpu()
        return sheet([small])
