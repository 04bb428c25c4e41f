"""The protocol of an evaluation: one TOML file that decides what is compared, and that the report repeats."""

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path

from ..config import build, check_choice, check_count, check_number, read_recipe
from ..errors import InputError
from ..facemask import READINGS
from .networks import NetworkTable

SOURCES, SPLITS, HINTS = ("head-world", "celebamask-hq", "folder"), ("held-out", "train", "all"), ("mask", "scribble")
KINDS = ("bridge", "diffusion", "folder")
DEMO = "demo"
_STEPS = ("last", "first", "mean", "schedule")


@dataclass(frozen=True)
class DataTable:
    """The `[data]` table: true pictures with masks and captions.

    Attributes:
        source: "celebamask-hq", "folder" (see `ddgi.training.data.Folder`) or "head-world", drawn heads by seed.
        root: the folder of pictures. captions: for CelebAMask-HQ, another folder or a JSON file.
        prompt: for pictures without a caption. masks: how masks of a folder are read.
        split: "held-out" as a training with the same held_out_share holds it out, "train" or "all".
        held_out_share: share of the data. count: pictures used, the first of the split; 0 is all of it.
        first_seed: of head-world's first head; the demo models never saw 0 to 255.
    """

    source: str = "head-world"
    root: str = ""
    captions: str = ""
    prompt: str = "a photo of a face"
    masks: str = READINGS[0]
    split: str = "held-out"
    held_out_share: float = 0.05
    count: int = 0
    first_seed: int = 0

    def __post_init__(self):
        for name, choices in (("source", SOURCES), ("split", SPLITS), ("masks", READINGS)):
            check_choice(name, getattr(self, name), choices)
        check_count("count", self.count, 0, 10_000_000)
        check_count("first_seed", self.first_seed, 0, 2 ** 48)
        check_number("held_out_share", self.held_out_share, above=0, most=0.99)
        if self.source != "head-world" and not self.root:
            raise InputError(f"source is {self.source!r} but root is empty; give the folder of the pictures.")
        if self.source == "head-world" and not self.count:
            raise InputError("source is 'head-world' and count is 0; heads are drawn without end, say how many.")


@dataclass(frozen=True)
class ModelTable:
    """The `[models]` table: the diffusion model that draws, or that bridges read.

    Attributes:
        checkpoint: Stable Diffusion file, or "demo". control_net, vae: files, by path or by name.
        size: side in pixels of its pictures; 0 is 512, or the demo model's.
        steps, cfg, sampler, scheduler, negative: of the sampler. strength: of the ControlNet.
    """

    checkpoint: str = DEMO
    control_net: str = ""
    vae: str = ""
    size: int = 0
    steps: int = 20
    cfg: float = 7.0
    sampler: str = "euler"
    scheduler: str = "normal"
    negative: str = ""
    strength: float = 1.0

    def __post_init__(self):
        check_count("size", self.size, 0, 8192)
        check_count("steps", self.steps, 1, 10_000)
        check_number("cfg", self.cfg, least=0, most=1000)
        check_number("strength", self.strength, least=0, most=10)


@dataclass(frozen=True)
class Method:
    """A `[methods.NAME]` table: a row of pictures to be scored.

    Attributes:
        kind: "bridge", "diffusion" (the diffusion model's own picture) or "folder".
        bridge, generator: files, by path or by name; 2D or 3D. The demo's where both are empty.
        step: captured step that the bridge reads, see `ddgi.bridge.Bridge`. one_pass: read a single U-Net pass on
            pure noise in the place of a sampling run.
        gamma, beta, truncation: as of DDGI Face Latent.
        on_white: the generator draws heads alone before white: the true pictures are white where their masks show
            none of the head, for this method.
        folder: of pictures named as the data's samples; of other names, for FID and KID alone.
    """

    kind: str = "bridge"
    bridge: str = ""
    generator: str = ""
    step: str = "last"
    one_pass: bool = False
    gamma: float = 1.0
    beta: float = 1.0
    truncation: float = 1.0
    on_white: bool = False
    folder: str = ""

    def __post_init__(self):
        check_choice("kind", self.kind, KINDS)
        for name, most in (("gamma", 2), ("beta", 2), ("truncation", 1.5)):
            check_number(name, getattr(self, name), least=0, most=most)
        if self.step not in _STEPS and not self.step.removeprefix("-").isdecimal():
            raise InputError(f"step is {self.step[:40]!r}; give {', '.join(_STEPS)} or a step's number.")
        if (self.kind == "folder") != bool(self.folder):
            raise InputError(f"kind is {self.kind!r} and folder is {self.folder[:60]!r}; a method of kind folder names "
                             f"its folder, and no other does.")
        if bool(self.bridge) != bool(self.generator):
            raise InputError("One of bridge and generator is named; a bridge belongs to its generator, name both.")

    @property
    def bridge_step(self) -> str | int:
        return self.step if self.step in _STEPS else int(self.step)


@dataclass(frozen=True)
class Protocol:
    """Everything that decides an evaluation's numbers.

    Attributes:
        title: of the report.
        size: side in pixels that all pictures are brought to. crop: share of that side, in the middle, that is
            compared.
        hint: what the ControlNet is given, "mask" or "scribble".
        seed: of the first picture's noise; the next has the next number. batch: pictures in a sampler call.
        kid_subsets, kid_subset_size: of KID.
        paper: whether the paper's numbers stand beside.
        show: pictures in the report.
    """

    title: str = "Evaluation"
    size: int = 256
    crop: float = 1.0
    hint: str = "mask"
    seed: int = 0
    batch: int = 8
    kid_subsets: int = 100
    kid_subset_size: int = 1000
    paper: bool = True
    show: int = 8
    data: DataTable = field(default_factory=lambda: DataTable(count=256))
    models: ModelTable = field(default_factory=ModelTable)
    networks: NetworkTable = field(default_factory=NetworkTable)
    methods: dict[str, Method] = field(default_factory=dict)

    def __post_init__(self):
        check_count("size", self.size, 16, 4096)
        check_number("crop", self.crop, above=0, most=1)
        check_choice("hint", self.hint, HINTS)
        check_count("seed", self.seed, 0, 2 ** 48)
        check_count("batch", self.batch, 1, 1024)
        check_count("kid_subsets", self.kid_subsets, 1, 10_000)
        check_count("kid_subset_size", self.kid_subset_size, 2, 100_000)
        check_count("show", self.show, 0, 64)
        if not self.methods:
            raise InputError("The protocol has no methods; add a table such as [methods.\"bridge 2D\"].")

    def values(self) -> dict:
        """JSON values of all of it, defaults included."""
        return dataclasses.asdict(self)


def read_protocol(path: str | Path) -> Protocol:
    """A protocol from a TOML file.

    Raises:
        InputError: it cannot be read, or something in it is not as it must be; the message names the key.
    """
    tables = read_recipe(path, "protocol")
    parts = {name: build(kind, tables.pop(name), f"{name}.", "protocol")
             for name, kind in (("data", DataTable), ("models", ModelTable), ("networks", NetworkTable))
             if name in tables}
    methods = tables.pop("methods", {})
    if not isinstance(methods, dict):
        raise InputError("methods is no table in the protocol; write [methods.\"bridge 2D\"] above the keys of one.")
    parts["methods"] = {name: build(Method, table, f"methods.{name}.", "protocol") for name, table in methods.items()}
    plain = build(_Plain, tables, what="protocol")
    return Protocol(**dataclasses.asdict(plain), **parts)


# The keys above all tables.
_Plain = dataclasses.make_dataclass("_Plain", [
    (f.name, f.type, field(default=f.default)) for f in dataclasses.fields(Protocol)
    if f.default is not dataclasses.MISSING], frozen=True)
