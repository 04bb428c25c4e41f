"""Settings of a projection."""

import dataclasses

from ..config import check_choice, check_count, check_number

SPACES = ("w", "w+", "both")


@dataclasses.dataclass(frozen=True)
class ProjectionConfig:
    """How pictures are searched in a generator.

    Attributes:
        space: "w" (one vector for all layers: edits best), "w+" (one for each: fits best), or "both" (w for the first
            half of the steps, w+ from there).
        steps: of the search for each picture.
        rate: largest step, in standard deviations of the generator's own w.
        jitter: noise on w at the start of the search, in standard deviations; it falls to none at three quarters. It
            helps pictures that are unlike the generator's (Karras et al. 2020, section 5).
        pixel: weight of the squared difference of pixels beside the perceptual distance.
        together: weight of how far the layers' vectors lie apart (Tov et al. 2021), which keeps w+ editable.
        home: weight of how far w lies from the mean.
        batch: pictures searched at once; only memory and time depend on it.
        seed: of the noise.

    Raises:
        InputError: a value is out of range.
    """

    space: str = "w+"
    steps: int = 300
    rate: float = 0.1
    jitter: float = 0.1
    pixel: float = 1.0
    together: float = 0.1
    home: float = 0.02
    batch: int = 1
    seed: int = 0

    def __post_init__(self):
        check_choice("The space", self.space, SPACES)
        check_count("The number of steps", self.steps, 1, 100_000)
        check_count("The batch", self.batch, 1, 1024)
        check_number("The rate", self.rate, above=0.0, most=10.0)
        for name in ("jitter", "pixel", "together", "home"):
            check_number(f"The projection's {name}", getattr(self, name), least=0.0, most=1e4)


@dataclasses.dataclass(frozen=True)
class TuningConfig:
    """How a copy of a generator is tuned to pictures whose latents were found (Roich et al. 2022, "Pivotal tuning").

    Attributes:
        steps: of the tuning, over all pictures.
        rate: of the weights. noise_rate: of the stored noise pictures, 0 leaves them alone.
        pixel: weight of the squared difference of pixels beside the perceptual distance.
        locality: weight of how far other faces near the pictures' move (eq. 4 and 5), so that edits still work.
        batch: pictures in a step.
        seed: of what is drawn.

    Raises:
        InputError: a value is out of range.
    """

    steps: int = 150
    rate: float = 1e-3
    noise_rate: float = 0.01
    pixel: float = 1.0
    locality: float = 0.3
    batch: int = 4
    seed: int = 0

    def __post_init__(self):
        check_count("The number of tuning steps", self.steps, 1, 100_000)
        check_count("The batch", self.batch, 1, 1024)
        for name in ("rate", "noise_rate", "pixel", "locality"):
            check_number(f"The tuning's {name}", getattr(self, name), least=0.0, most=1e4)
