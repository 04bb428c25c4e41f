"""Damaged and hostile files of every kind that the pack reads: one sentence in a moment, and nothing is executed.

    DDGI_FUZZ=5000 pytest tests/test_fuzz_files.py

makes that many mutated files (generators, bridges, latents, directions, judges, recipes, data folders), reads each, and
says how many were executed, ended in a traceback, took over 5 s of processor time or over 1 GiB of memory: all must be
none. Without the number a seeded sample of 150 runs in the suite.
"""

import dataclasses
import json
import random
import resource
import shutil
import struct
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save

from ddgi.bridge import Bridge, BridgeConfig, load_bridge
from ddgi.checkpoints import inspect_file, load_generator
from ddgi.config import build, read_recipe
from ddgi.errors import InputError
from ddgi.evaluation.judges import Judges, JudgesConfig, load_judges
from ddgi.gan import Generator
from ddgi.latents.direction import Direction
from ddgi.latents.direction_files import load_directions, save_directions
from ddgi.latents.latent_files import PICTURE_KEY, latent_text, load_latent
from ddgi.training.config import TrainConfig
from ddgi.training.data import CelebAMaskHQ, Folder, Grammar, Hints, Reading
from ddgi.training.data.celebamask import write_celebamask_hq
from ddgi.training.sources import DataTable

from .checkpoints import writers

SECONDS, MIB = 5.0, 1024
# What reading never does; the interpreter tells of it as it happens.
FORBIDDEN = {"os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "os.forkpty", "subprocess.Popen",
             "pickle.find_class", "socket.connect", "socket.bind"}
RECIPE = """precision = "fp32"
held_out = 8

[models]
checkpoint = "demo"
steps = 20

[data]
source = "generator"
count = 100
mask_share = 0.5

[mapping]
steps = 300
batch = 4
rate = 1e-3

[mapping.losses]
known_w = 1.0

[modulation]
steps = 10

[features]
cache = "none"
passes = 20
"""
GRAMMAR = """start:
  a photo of [who](, smiling)( with [colour] hair)

who:
  a/an woman
  2: a man

colour:
  brown
  black
"""
# Whole values in the place of others, in text and in JSON.
LIES = ("-1", "0", "1e308", "-1e-320", "nan", "inf", "1e999", "9" * 400, '"x"', "[]", "{}", "true", "null",
        "[[[[]]]]", "''", "1e9", "2147483648", '"' + "x" * 5000 + '"', "[" * 3000 + "]" * 3000, "\x1b[31m", "\x00",
        "\ud7ff")


@dataclasses.dataclass(frozen=True)
class Form:
    """One kind of file or folder: how whole ones are made, and what reads them."""

    name: str
    make: Callable[[Path], None]        # writes the file, or what lies in the folder
    read: Callable[[Path], object]
    is_folder: bool = False


def generator() -> Generator:
    return Generator.from_state_dict(writers.small_stylegan2(), name="tiny")


def bridge() -> Bridge:
    return Bridge(BridgeConfig(
        family="sd1", middle_channels=4, middle_size=2, stage_channels=(4, 4), map_size=4, num_ws=4, w_dim=4,
        mapping_channels=(4,), modulation_channels=4, head_channels=(4, 4), attention_source="output",
        refinement="both", generator_fingerprint="abc", generator_name="tiny", stage_downsample=(4, 2),
        stage_attention_layers=(3, 3), context_channels=8))


def direction() -> Direction:
    return Direction("smile", torch.ones(4), generator().lineage, (0, 1), {"method": "file"})


def npz(path: Path) -> None:
    np.savez(path, w=np.ones((1, 4, 4), np.float32))


def png(path: Path) -> None:
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_text(PICTURE_KEY, latent_text(generator().latent(torch.zeros(1, 4, 4))))
    Image.new("RGB", (8, 8)).save(path, pnginfo=info)


def face(seed: int, size: int = 24) -> Image.Image:
    rng = np.random.default_rng(seed)
    return Image.fromarray(rng.integers(0, 255, (size, size, 3), np.uint8))


def data_folder(folder: Path) -> None:
    camera = [1.0, 0, 0, 0, 0, -1, 0, 0, 0, 0, -1, 2.7, 0, 0, 0, 1, 4.26, 0, 0.5, 0, 4.26, 0.5, 0, 0, 1]
    for name in ("a", "b"):
        face(ord(name)).save(folder / f"{name}.png")
        (folder / f"{name}.txt").write_text("a woman\nsmiling\n", encoding="utf-8")
        (folder / f"{name}.json").write_text(json.dumps(camera), encoding="utf-8")
    face(3).save(folder / "c.jpg")
    mask = np.zeros((24, 24), np.uint8)
    mask[4:20, 4:20] = 1
    Image.fromarray(mask).save(folder / "a_mask.png")
    lines = np.full((24, 24), 255, np.uint8)
    lines[8] = 0
    Image.fromarray(lines).save(folder / "b_scribble.png")
    (folder / "dataset.json").write_text(json.dumps({"labels": [["c.jpg", camera]]}), encoding="utf-8")


def read_data(source) -> None:
    for index in range(len(source)):
        source.sample(index, torch.Generator().manual_seed(index))
    source.describe()


def whole_recipe(path: Path) -> None:
    tables = read_recipe(path)
    tables.pop("models", None)
    build(DataTable, tables.pop("data", {}), "data.")
    build(TrainConfig, tables)


def looked_at(read: Callable[[Path], object]) -> Callable[[Path], object]:
    """Every other file is inspected in the place of being read, as `python -m ddgi inspect --json` does."""
    def look(path: Path) -> object:
        if path.stat().st_size % 2:
            return read(path)
        return json.dumps(inspect_file(path))
    return look


def reading() -> Reading:
    return Reading(16, Hints(mask_share=0.5, size=16))


def content_of(value: bytes | Callable[[], bytes]) -> Callable[[Path], None]:
    return lambda path: path.write_bytes(value() if callable(value) else value)


def forms() -> list[Form]:
    """All kinds. Each is as likely as another."""
    axes = torch.eye(3)[torch.tensor([[0, 1, 2], [0, 2, 1], [2, 0, 1]])]
    eg3d = {"plane_axes": axes, "neural_rendering_resolution": 4}
    own = {"stylegan2": writers.small_stylegan2, "stylegan3": writers.small_stylegan3, "eg3d": writers.small_eg3d}
    checkpoint = {"g_ema": writers.small_rosinality(), "latent_avg": torch.zeros(4)}
    latent = generator().latent(torch.zeros(2, 4, 4))
    foreign_latent, foreign_direction = (lambda path: load_latent(path, generator())), (
        lambda path: load_directions(path, generator()))
    return [
        *(Form(f"{name}.safetensors", lambda path, make=make: Generator.from_state_dict(make()).save(path),
               looked_at(load_generator)) for name, make in own.items()),
        *(Form(f"{name}-{protocol}.pkl", content_of(writers.nvidia_bytes(make(), protocol, conv_clamp=256)),
               looked_at(load_generator)) for name, make in own.items() if name != "eg3d" for protocol in (2, 3, 4)),
        *(Form(f"eg3d-{protocol}.pkl", content_of(writers.eg3d_bytes(writers.small_eg3d(), protocol, **eg3d)),
               looked_at(load_generator)) for protocol in (2, 4)),
        *(Form(f"rosinality{'-old' * legacy}.pt", content_of(writers.torch_bytes(checkpoint, legacy=legacy)),
               looked_at(load_generator)) for legacy in (False, True)),
        Form("whole.pt", content_of(writers.whole_bytes(writers.small_stylegan2())), looked_at(load_generator)),
        Form("bare.safetensors", content_of(save(writers.small_rosinality())), looked_at(load_generator)),
        Form("bridge.safetensors", lambda path: bridge().save(path), looked_at(load_bridge)),
        Form("judges.safetensors", lambda path: Judges(JudgesConfig(16, (4, 4), {"hat": ("no", "yes")})).save(path),
             looked_at(load_judges)),
        Form("face.latent.safetensors", lambda path: latent.save(path), looked_at(load_latent)),
        Form("face.png", png, load_latent), Form("face.npz", npz, foreign_latent),
        Form("face.npy", lambda path: np.save(path, np.ones((4, 4), np.float32)), foreign_latent),
        Form("face.pt", content_of(writers.torch_bytes({"latent": [torch.ones(1, 4, 4)] * 3})), foreign_latent),
        Form("smile.safetensors", lambda path: save_directions(path, [direction()]), looked_at(load_directions)),
        Form("smile.npy", lambda path: np.save(path, np.ones(4, np.float32)), foreign_direction),
        Form("recipe.toml", content_of(RECIPE.encode()), whole_recipe),
        Form("grammar.txt", content_of(GRAMMAR.encode()), lambda path: Grammar.load(path).draw(1)),
        Form("folder", data_folder, lambda path: read_data(Folder(path, reading())), is_folder=True),
        Form("celebamask", lambda path: write_celebamask_hq(path, range(2), resolution=24),
             lambda path: read_data(CelebAMaskHQ(path, reading())), is_folder=True),
    ]


# Ways to damage a file.


def flip(content: bytearray, chance: random.Random) -> None:
    content[_place(content, chance)] ^= 1 << chance.randrange(8)


def scramble(content: bytearray, chance: random.Random) -> None:
    start, length = _place(content, chance), chance.choice((1, 2, 4, 8, 64, 1024))
    content[start:start + length] = chance.choice((chance.randbytes(length), b"\xff" * length, b"\0" * length))


def cut(content: bytearray, chance: random.Random) -> None:
    start = _place(content, chance)
    del content[start:chance.choice((len(content), start + chance.choice((1, 4, 64))))]


def repeat(content: bytearray, chance: random.Random) -> None:
    start, length = _place(content, chance), chance.choice((1, 8, 64, 1024))
    content[start:start] = content[start:start + length] * chance.choice((1, 1, 2, 1000))


def swap(content: bytearray, chance: random.Random) -> None:
    one, two, length = _place(content, chance), _place(content, chance), chance.choice((1, 8, 64))
    content[one:one + length], content[two:two + length] = content[two:two + length], content[one:one + length]


def lie(content: bytearray, chance: random.Random) -> None:
    """Another value behind a colon or an equals sign; the header of a safetensors file keeps its right length."""
    places = [index for index, letter in enumerate(content[:8192]) if letter in b":="]
    if not places:
        return scramble(content, chance)
    start = chance.choice(places) + 1
    end = min((place for mark in b",\n}]" if (place := content.find(mark, start)) >= 0), default=len(content))
    told = chance.choice(LIES).encode()
    is_safetensors = content[8:9] == b"{"
    size = struct.unpack("<Q", content[:8])[0] if is_safetensors else 0
    if is_safetensors and start < size + 8:
        inside = b'\\"' in content[start:start + 3]      # the config is text in a text
        told = json.dumps(told.decode())[1:-1].encode() if inside else told
        content[:8] = struct.pack("<Q", (size + len(told) - (end - start)) % 2 ** 64)
    content[start:end] = told
    return None


def inject(content: bytearray, chance: random.Random) -> None:
    """Calls that an unpickler would run, and numbers that ask for much, in the middle of a pickle."""
    command = b"touch executed"
    text = b"X" + struct.pack("<I", len(command)) + command
    payload = chance.choice((
        b"cos\nsystem\n" + text + b"\x85R", b"cbuiltins\neval\n" + text + b"\x85R", b"cos\nsystem\n)\x81}b",
        b"csubprocess\nPopen\n" + text + b"\x85R", b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\nttR",
        b"(" * 1000, b"]" * 10_000, b"2\x86" * 500, b"\x8a\xff" + b"\xff" * 255, b"X\xff\xff\xff\x7f",
        b"r\xff\xff\xff\xff",
        b"}" + b"K\x01K\x02s" * 100, b"I" + b"9" * 5000 + b"\n", b"c" + b"x" * 3000 + b"\n\n"))
    start = _place(content, chance)
    content[start:start] = payload


MUTATIONS = (flip, scramble, cut, repeat, swap, lie, lie, inject)


def _place(content: bytearray, chance: random.Random) -> int:
    """Half of all damage lies in the first 4 KiB, where the headers are."""
    most = len(content) if chance.random() < 0.5 else min(4096, len(content))
    return chance.randrange(max(1, most)) if content else 0


def mutate(content: bytes, chance: random.Random) -> bytes:
    """The content with one to three faults."""
    changed = bytearray(content)
    for _ in range(chance.choice((1, 1, 2, 3))):
        if changed:
            chance.choice(MUTATIONS)(changed, chance)
    return bytes(changed)


class Watch:
    """What happened while files were read."""

    def __init__(self):
        self.outcomes, self.faults = Counter(), []
        self.slowest, self.active, self.executed = ("", 0.0), False, []
        sys.addaudithook(self._heard)

    def _heard(self, event: str, arguments: tuple) -> None:
        if self.active and event in FORBIDDEN:
            self.executed.append(f"{event} {arguments!r:.80}")

    def read(self, form: Form, path: Path, number: int) -> None:
        """Read one file and keep the score."""
        before, start, base = len(self.executed), time.process_time(), _peak()
        self.active = True
        try:
            form.read(path)
            outcome = "read"
        except InputError as error:
            outcome = "refused"
            if len(str(error)) > 700 or "\n" in str(error):
                self._fault(form, number, "message", str(error)[:200])
        except Exception:
            outcome = "traceback"
            self._fault(form, number, outcome, traceback.format_exc(limit=-3))
        self.active = False
        seconds, grown = time.process_time() - start, _peak() - base
        self.outcomes[outcome] += 1
        self.slowest = max(self.slowest, (f"{form.name} {number}", seconds), key=lambda pair: pair[1])
        if seconds > SECONDS:
            self._fault(form, number, "slow", f"{seconds:.1f} s")
        if grown > MIB:
            self._fault(form, number, "large", f"{grown:.0f} MiB")
        if len(self.executed) > before or Path("executed").exists():
            self._fault(form, number, "executed", "; ".join(self.executed[before:]))

    def _fault(self, form: Form, number: int, kind: str, what: str) -> None:
        self.outcomes[kind] += kind != "traceback"
        self.faults.append(f"{form.name}, file {number}: {kind}: {what}")

    def result(self) -> dict:
        kinds = ("read", "refused", "executed", "traceback", "slow", "large", "message")
        return {kind: self.outcomes[kind] for kind in kinds} | {
            "slowest": f"{self.slowest[0]}: {self.slowest[1]:.2f} s", "peak_mib": round(_peak())}


def _peak() -> float:
    """MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform != "darwin" else 2**20)


def run(count: int, seed: int, folder: Path) -> tuple[dict, list[str]]:
    """Read `count` mutated files: (numbers by outcome, what went wrong)."""
    watch, kinds = Watch(), forms()
    whole = folder / "whole"
    for form in kinds:
        (whole / form.name).parent.mkdir(parents=True, exist_ok=True)
        if form.is_folder:
            (whole / form.name).mkdir()
        form.make(whole / form.name)
        form.read(whole / form.name)        # an unharmed file is read without a word
    for number in range(count):
        form = kinds[number % len(kinds)]
        path = _harmed(form, whole / form.name, folder / "harmed", random.Random(f"{seed} {number}"))
        watch.read(form, path, number)
    return watch.result(), watch.faults


def _harmed(form: Form, source: Path, folder: Path, chance: random.Random) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    path = folder / form.name
    if not form.is_folder:
        path.write_bytes(mutate(source.read_bytes(), chance))
        return path
    shutil.copytree(source, path)
    files = sorted(file for file in path.rglob("*") if file.is_file())
    for file in chance.sample(files, chance.choice((1, 1, 2, 3))):
        file.write_bytes(mutate(file.read_bytes(), chance))
    return path
