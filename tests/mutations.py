"""Single wrong changes to the numerics, made one by one on a copy of the tree: does a test notice each of them?

    python tests/mutations.py               # all; exit status 1 where one survives
    python tests/mutations.py softplus      # those whose name has "softplus"

A mutation is a piece of code that stands exactly once below a folder, what it becomes, and the tests that must
fail then. Where the piece is gone, because the code was rewritten, the script stops and names it: the mutation has
to follow the code. `tests/test_mutations.py` says so too, without running anything.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# What no test of numerics needs; weights are linked, not copied.
LEFT_OUT = shutil.ignore_patterns(".git", ".venv", ".host", "__pycache__", "output", "*.safetensors", "workflows",
                                  "web")
LIMIT = 600.0  # seconds for one run of tests

FORMULAS = "tests/bridge/test_formulas.py"
VALUES = "tests/features/test_attention.py"
STEPS = "tests/features/test_steps.py"
SCORES = "tests/evaluation/test_evaluation.py"
VIEWS = "tests/evaluation/test_views.py"
MARCH = "tests/gan/eg3d/test_march.py"
MAPPING = "tests/gan/test_mapping.py"
PICTURES = "tests/test_pictures.py"


class Lost(Exception):
    """The code that a mutation changes is not there, or not once."""


@dataclass(frozen=True)
class Mutation:
    """name: what the change is. where: a file or folder. old: the code, once below it. new: what it becomes."""

    name: str
    where: str
    old: str
    new: str
    tests: str

    def place(self, root: Path) -> Path:
        """The one file that holds `old`."""
        below = root / self.where
        files = sorted(below.rglob("*.py")) if below.is_dir() else [below]
        found = [file for file in files if file.is_file() and self.old in file.read_text(encoding="utf-8")]
        count = sum(file.read_text(encoding="utf-8").count(self.old) for file in found)
        if count != 1:
            raise Lost(f"{self.name}: {self.old!r} stands {count} times below {self.where} and must stand once; give "
                       f"the mutation the code as it is now")
        return found[0]


MUTATIONS = (
    # Refinement
    Mutation("local F * A becomes F + A", "ddgi/bridge", "resize(x, self.map_size) * a for",
             "resize(x, self.map_size) + a for", FORMULAS),
    Mutation("global F * A becomes F + A", "ddgi/bridge", "average * self.word_norm(inputs.words)",
             "average + self.word_norm(inputs.words)", FORMULAS),
    Mutation("F-bar: mean over stages becomes sum", "ddgi/bridge", "for conv, x in zip(self.projections, f)) / len(f)",
             "for conv, x in zip(self.projections, f))", FORMULAS),
    Mutation("A-bar: mean over stages becomes sum", "ddgi/bridge",
             "torch.stack([resize(m, config.map_size) for m in mean]).mean(0)",
             "torch.stack([resize(m, config.map_size) for m in mean]).sum(0)", FORMULAS),
    Mutation("A-bar over all tokens", "ddgi/bridge", "weight = chosen.to(maps.dtype)",
             "weight = torch.ones_like(chosen).to(maps.dtype)", FORMULAS),
    # Networks
    Mutation("heads: LeakyReLU becomes ReLU", "ddgi/bridge", "x = F.leaky_relu(conv(x), LEAKY_SLOPE)",
             "x = F.relu(conv(x))", FORMULAS),
    Mutation("scale and shift nets: second LeakyReLU becomes ReLU", "ddgi/bridge",
             "return F.leaky_relu(self.second(F.leaky_relu(self.first(x), LEAKY_SLOPE)), LEAKY_SLOPE)",
             "return F.relu(self.second(F.leaky_relu(self.first(x), LEAKY_SLOPE)))", FORMULAS),
    Mutation("scale and shift nets: first LeakyReLU becomes ReLU", "ddgi/bridge",
             "return F.leaky_relu(self.second(F.leaky_relu(self.first(x), LEAKY_SLOPE)), LEAKY_SLOPE)",
             "return F.leaky_relu(self.second(F.relu(self.first(x))), LEAKY_SLOPE)", FORMULAS),
    Mutation("timestep: LeakyReLU becomes ReLU", "ddgi/bridge",
             "F.leaky_relu(self.first(embed_timestep(timestep, self.channels).to(x.dtype)), LEAKY_SLOPE)",
             "F.relu(self.first(embed_timestep(timestep, self.channels).to(x.dtype)))", FORMULAS),
    Mutation("LeakyReLU's slope", "ddgi/bridge", "LEAKY_SLOPE = 0.2", "LEAKY_SLOPE = 0.01", FORMULAS),
    Mutation("blend of local and global swapped", "ddgi/bridge", "torch.lerp(g(whole), l(local), a)",
             "torch.lerp(l(local), g(whole), a)", FORMULAS),
    Mutation("M without the mean latent", "ddgi/bridge", "return self.w_avg + self.head(", "return self.head(",
             FORMULAS),
    Mutation("w: strength of the scale", "ddgi/bridge", "w_m * (1 + gamma * (w_gamma - 1)) + beta * w_beta",
             "w_m * gamma * w_gamma + beta * w_beta", FORMULAS),
    Mutation("w: product becomes sum", "ddgi/bridge", "w_m * (1 + gamma * (w_gamma - 1)) + beta * w_beta",
             "w_m + gamma * (w_gamma - 1) + beta * w_beta", FORMULAS),
    Mutation("training: w without the shift", "ddgi/training", "return w_m * w_gamma + w_beta",
             "return w_m * w_gamma", "tests/training/test_latents.py"),
    Mutation("head widths: twice as wide", "ddgi/bridge", "sizes.modulation_width * 2 ** level)",
             "sizes.modulation_width * 2 ** (level + 1))", FORMULAS),
    Mutation("head widths: no limit", "ddgi/bridge", "min(sizes.head_width, sizes.modulation_width * 2 ** level)",
             "sizes.modulation_width * 2 ** level", FORMULAS),
    Mutation("M's widths", "ddgi/bridge", "(sizes.mapping_width,) * (middle.bit_length() - 1)",
             "(sizes.modulation_width,) * (middle.bit_length() - 1)", FORMULAS),
    # Statistics
    Mutation("standard deviation becomes mean absolute value", "ddgi/bridge",
             "(x - mean[:, None, None]).square().mean((0, 2, 3)).sqrt()",
             "(x - mean[:, None, None]).abs().mean((0, 2, 3))", FORMULAS),
    Mutation("h and f are not centred", "ddgi/bridge", "mean = x.mean((0, 2, 3)) if centre else",
             "mean = x.mean((0, 2, 3)) if not centre else", FORMULAS),
    Mutation("A^n is centred", "ddgi/bridge", "norm.measure(x, centre=False)", "norm.measure(x)", FORMULAS),
    Mutation("A-bar is centred", "ddgi/bridge", "self.word_norm.measure(inputs.words, centre=False)",
             "self.word_norm.measure(inputs.words)", FORMULAS),
    # Attention and steps
    Mutation("attention without 1/sqrt(d)", "ddgi/features", "torch.matmul(q * d**-0.5, k)", "torch.matmul(q, k)",
             VALUES),
    Mutation("repeated tokens: sum becomes mean", "ddgi/features", '"... (repeats tokens) -> ... tokens", "sum"',
             '"... (repeats tokens) -> ... tokens", "mean"', VALUES),
    Mutation("step tolerance x 100", "ddgi/features", "d <= 1e-4 * abs(schedule[i])", "d <= 1e-2 * abs(schedule[i])",
             STEPS),
    # Scores
    Mutation("mIoU counts classes that are only predicted", "ddgi/evaluation", "present = counts.sum(1) > 0",
             "present = union > 0", SCORES),
    Mutation("mIoU counts classes that never occur", "ddgi/evaluation",
             "return (hit[present] / union[present]).mean().item()",
             "return (hit / union.clamp(min=1)).mean().item()", SCORES),
    Mutation("score table: two columns swapped", "ddgi/evaluation",
             '"miou": "mask mIoU", "pixel_accuracy": "pixel accuracy", "attribute_accuracy": "attribute accuracy",\n'
             '           "distance"',
             '"miou": "pixel accuracy", "pixel_accuracy": "mask mIoU", "attribute_accuracy": "attribute accuracy",\n'
             '           "distance"', SCORES),
    Mutation("table of views: two columns swapped", "ddgi/evaluation",
             '"depth_error": "depth error", "silhouette": "silhouette IoU"',
             '"depth_error": "silhouette IoU", "silhouette": "depth error"', VIEWS),
    Mutation("table of drawings: two columns swapped", "ddgi/evaluation",
             '"glasses": "drawn glasses seen", "hat": "drawn hats seen"',
             '"glasses": "drawn hats seen", "hat": "drawn glasses seen"', SCORES),
    # Generators and pictures
    Mutation("march: softplus(x - 1) becomes softplus(x)", "ddgi/gan",
             "F.softplus((raw_density[..., :-1] + raw_density[..., 1:]) / 2 - 1) * length",
             "F.softplus((raw_density[..., :-1] + raw_density[..., 1:]) / 2) * length", MARCH),
    Mutation("truncation towards zero, not the average", "ddgi/gan", "moved = w_avg.to(ws).lerp(",
             "moved = torch.zeros_like(w_avg).to(ws).lerp(", MAPPING),
    Mutation("truncation of all layers", "ddgi/gan", "ws if cutoff is None else ws[:, :cutoff], psi)\n"
             "    return moved if cutoff is None else", "ws, psi)\n    return moved if True else", MAPPING),
    Mutation("sampled average: mean becomes median", "ddgi/gan", "c_dim, rng)).mean(dim=0)",
             "c_dim, rng)).median(dim=0).values", MAPPING),
    Mutation("sampled average: one class alone", "ddgi/gan", "torch.randint(c_dim, (count,), generator=rng)",
             "torch.randint(1, (count,), generator=rng)", MAPPING),
    Mutation("running average: its share", "ddgi/gan", "mean(dim=0), 1.0 - beta)", "mean(dim=0), beta)", MAPPING),
    Mutation("pictures: halves round to even", "ddgi/pictures.py",
             "(pictures.float() * 127.5 + 128).clamp(0, 255).to(torch.uint8)",
             "(pictures.float() * 127.5 + 127.5).round().clamp(0, 255).to(torch.uint8)", PICTURES),
    Mutation("pictures: rounding becomes truncation", "ddgi/pictures.py",
             "(pictures.float() * 127.5 + 128).clamp(0, 255).to(torch.uint8)",
             "(pictures.float() * 127.5 + 127.5).clamp(0, 255).to(torch.uint8)", PICTURES),
    Mutation("images: rounding becomes truncation", "ddgi/pictures.py", "(image.float() * 255).round()",
             "(image.float() * 255)", PICTURES),
)


def apply(mutation: Mutation, root: Path) -> tuple[Path, str]:
    """Make the change below `root`; the changed file and its text before."""
    file = mutation.place(root)
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace(mutation.old, mutation.new), encoding="utf-8")
    return file, text


def copy_tree(target: Path) -> Path:
    """The project at `target`, without what is built or downloaded."""
    shutil.copytree(ROOT, target, ignore=LEFT_OUT)
    for weights in (ROOT / "demo").glob("*.safetensors"):
        (target / "demo" / weights.name).symlink_to(weights)
    return target


def passes(root: Path, tests: set[str]) -> bool:
    """Whether all of these tests pass. Raises RuntimeError where they cannot be run at all."""
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}  # a mutated file may keep its size and its second
    done = subprocess.run([sys.executable, "-m", "pytest", "-q", "-x", "--no-header", *sorted(tests)], cwd=root,
                          env=environment, capture_output=True, text=True, timeout=LIMIT)
    if done.returncode not in (0, 1):
        raise RuntimeError(f"pytest ended with {done.returncode}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.returncode == 0


def main() -> int:
    parser = argparse.ArgumentParser(description="which wrong changes to the numerics no test notices")
    parser.add_argument("name", nargs="?", default="", help="only mutations whose name contains this")
    chosen = [mutation for mutation in MUTATIONS if parser.parse_args().name in mutation.name]
    survivors = []
    with tempfile.TemporaryDirectory(prefix="mutations-") as folder:
        root = copy_tree(Path(folder) / "tree")
        for mutation in chosen:
            mutation.place(root)
        if not passes(root, {mutation.tests for mutation in chosen}):
            print("the tests fail without any mutation; mend them first")
            return 2
        for number, mutation in enumerate(chosen, 1):
            start = time.monotonic()
            file, text = apply(mutation, root)
            noticed = not passes(root, {mutation.tests})
            file.write_text(text, encoding="utf-8")
            survivors += [] if noticed else [mutation]
            print(f"{number}/{len(chosen)} {'noticed ' if noticed else 'SURVIVED'} {mutation.name} "
                  f"({time.monotonic() - start:.0f} s)", flush=True)
    print(f"{len(survivors)} of {len(chosen)} survived" + "".join(f"\n  {m.name}: {m.tests}" for m in survivors))
    return 1 if survivors else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Lost as lost:
        sys.exit(str(lost))
