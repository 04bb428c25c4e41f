"""One of the processes that test_processes.py starts: `torchrun ... toy_process.py FOLDER`."""

import sys
from pathlib import Path

import torch

HERE = Path(__file__).resolve().parent
sys.path += [str(HERE), str(HERE.parents[1])]  # last: ComfyUI and this pack both have a top-level `nodes`

import trainer_toys as toys  # noqa: E402

from ddgi.errors import InputError  # noqa: E402
from ddgi.training.processes import find_processes  # noqa: E402
from ddgi.training.watch import Watch  # noqa: E402


def settings(batch: int, cache: str = "none"):
    """Every row is rendered: with a share, two batches would not render the rows that a doubled one does."""
    stage = {"batch": batch, "rendered_share": 1.0}
    return toys.config(log_every=2, features={"cache": cache}, mapping=stage, modulation=stage)


def train(folder: Path) -> None:
    """A whole training; then one that process 1 alone interrupts, and that both go on with."""
    processes = find_processes(cpu=True)

    def stop(what, done, total):
        if processes.rank == 1 and (what, done) == ("mapping", 3):
            raise KeyboardInterrupt

    torch.save(toys.trainer(folder / "whole", settings(2)).run().state_dict(), folder / f"whole-{processes.rank}.pt")
    try:
        toys.trainer(folder / "parts", settings(2, "disk"), Watch(progress=stop)).run()
    except (KeyboardInterrupt, InputError) as error:
        (folder / f"stopped-{processes.rank}.txt").write_text(f"{type(error).__name__} {error}")
    toys.trainer(folder / "parts", settings(2, "disk")).run()
    processes.close()
    threads = [path.read_text() for path in Path("/proc/self/task").glob("*/comm")]  # none where there is no /proc
    (folder / f"threads-{processes.rank}.txt").write_text("".join(threads))


if __name__ == "__main__":
    train(Path(sys.argv[1]))
