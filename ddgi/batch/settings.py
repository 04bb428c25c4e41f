"""What `set` of a row without a workflow may hold: models, sampling, and strengths of the bridge."""

import dataclasses

from ..config import build, check_count, check_number
from ..errors import InputError

DEMO = "demo"
_DEMO_CFG, _USUAL_CFG = 2.0, 7.0    # of the example workflows: for the demo models, and for Stable Diffusion
_STEPS = ("last", "first", "mean", "schedule")


@dataclasses.dataclass(frozen=True)
class FaceSettings:
    """How a face is made; the defaults are those of the example workflows.

    Attributes:
        checkpoint: a Stable Diffusion file, or "demo" for the models of this pack, ControlNet, generator and bridge
            included. control_net, vae, generator, bridge: files, by path or by name in ComfyUI's model folders.
        size: side in pixels of what the diffusion model sees; 0 is 512, or the demo model's.
        steps, cfg, sampler, scheduler, negative: of the sampler; cfg 0 is 2 with the demo models, else 7.
        strength: of the ControlNet.
        step: the captured step that the bridge reads: last, first, mean, schedule or a number.
        gamma, beta, truncation: as of DDGI Face Latent.
    """

    checkpoint: str = DEMO
    control_net: str = ""
    vae: str = ""
    generator: str = ""
    bridge: str = ""
    size: int = 0
    steps: int = 20
    cfg: float = 0.0
    sampler: str = "euler"
    scheduler: str = "normal"
    negative: str = ""
    strength: float = 1.0
    step: str = "last"
    gamma: float = 1.0
    beta: float = 1.0
    truncation: float = 1.0

    def __post_init__(self):
        check_count("size", self.size, 0, 8192)
        check_count("steps", self.steps, 1, 10_000)
        for name, most in (("cfg", 1000), ("strength", 10), ("gamma", 2), ("beta", 2), ("truncation", 1.5)):
            check_number(name, getattr(self, name), least=0, most=most)
        if self.step not in _STEPS and not self.step.removeprefix("-").isdecimal():
            raise InputError(f"step is {self.step[:40]!r}; give {', '.join(_STEPS)} or a step's number.")
        if not self.is_demo:
            for name in ("generator", "bridge"):
                if not getattr(self, name):
                    raise InputError(f"checkpoint is {self.checkpoint[:60]!r} and no {name} is named; the demo's is of "
                                     f"no use to it, so set {name} too.")

    @property
    def is_demo(self) -> bool:
        return self.checkpoint == DEMO

    @property
    def guidance(self) -> float:
        """cfg with the default filled in."""
        return self.cfg or (_DEMO_CFG if self.is_demo else _USUAL_CFG)

    @property
    def bridge_step(self) -> str | int:
        return self.step if self.step in _STEPS else int(self.step)

    @property
    def every_step(self) -> bool:
        """Whether more than the last step has to be captured."""
        return self.step != "last"


def face_settings(values: dict) -> FaceSettings:
    """Settings from the `set` of a row.

    Raises:
        InputError: an unknown name, a wrong type or a value out of range.
    """
    if isinstance(values.get("step"), int) and not isinstance(values["step"], bool):
        values = {**values, "step": str(values["step"])}
    return build(FaceSettings, values, "set.", "row")
