"""Settings of a stylisation."""

import dataclasses

from ..config import check_count, check_number


@dataclasses.dataclass(frozen=True)
class StyliseConfig:
    """How a copy of a generator learns a style.

    Attributes:
        steps: of the training. batch: faces in a step.
        rate: of the weights at its highest; it rises over a few steps and falls over the last two fifths.
        pixel: weight of the squared difference of pixels beside the perceptual distance, where pictures have faces.
        texture: weight of how differently patches are distributed in the copy's pictures and in those of the style.
        structure: weight of how differently a picture of the copy is laid out from the generator's of the same face.
        fine: weight of changes finer than the style's pictures, where those are smaller than the generator's.
        seed: of what is drawn.

    Raises:
        InputError: a value is out of range.
    """

    steps: int = 400
    batch: int = 4
    rate: float = 2e-3
    pixel: float = 1.0
    texture: float = 2.0
    structure: float = 1.0
    fine: float = 1.0
    seed: int = 0

    def __post_init__(self):
        check_count("The number of steps", self.steps, 1, 100_000)
        check_count("The batch", self.batch, 1, 1024)
        check_number("The rate", self.rate, above=0.0, most=1.0)
        for name in ("pixel", "texture", "structure", "fine"):
            check_number(f"The stylisation's {name}", getattr(self, name), least=0.0, most=1e4)
