"""Several processes that train one bridge together, through Hugging Face Accelerate (optional).

Every process holds the whole bridge and takes the same step on its own share of the passes; gradients and values
are averaged, so that all of them stay equal. The main process alone writes files.
"""

import contextlib
import datetime
import os
from collections.abc import Iterable, Iterator

import torch
from torch import nn

from ..errors import InputError

# The others wait this long while the main process makes features or pictures; a dead process ends the wait at once.
PATIENCE = datetime.timedelta(days=2)


class Processes:
    """This process among `count`; `rank` 0 is the main one. Without a `state` it is alone and nothing is exchanged.

    Args:
        state: `accelerate.PartialState`.
    """

    def __init__(self, state=None):
        self.state = state
        self.rank, self.count = (0, 1) if state is None else (state.process_index, state.num_processes)
        self.device = None if state is None else state.device

    @property
    def main(self) -> bool:
        return self.rank == 0

    def mean(self, values: dict[str, float]) -> dict[str, float]:
        """The mean of each value over the processes: the same numbers in all of them."""
        if self.state is None:
            return values
        return dict(zip(values, self._mean(torch.tensor(list(values.values()), dtype=torch.float64)).tolist()))

    def average_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Put the mean over the processes in the place of each gradient, all in one exchange."""
        gradients = [p.grad for p in parameters if p.grad is not None]
        if self.state is None or not gradients:
            return
        means = self._mean(torch.cat([g.flatten() for g in gradients])).split([g.numel() for g in gradients])
        for gradient, mean in zip(gradients, means):
            gradient.copy_(mean.view_as(gradient))

    @torch.no_grad()
    def match(self, module: nn.Module) -> None:
        """Give `module` the main process's weights and buffers in all of them."""
        if self.state is None:
            return
        from accelerate.utils import broadcast

        for value in module.state_dict().values():
            value.copy_(broadcast(value.to(self.device)))

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """What one process raises inside ends all of them; nothing may be exchanged inside.

        Raises:
            InputError: in the processes where all went well, if it did not elsewhere.
        """
        raised = None
        try:
            yield
        except BaseException as error:  # Ctrl-C too
            raised = error
        self._agree(raised)

    @contextlib.contextmanager
    def main_first(self) -> Iterator[None]:
        """The others enter when the main process is through, and find what it made; see also `together`."""
        if self.main:
            with self.together():
                yield
        else:
            self._agree(None)
            yield

    def wait(self) -> None:
        """Until all are here: what the main process wrote before can be read."""
        self._agree(None)

    def _agree(self, raised: BaseException | None) -> None:
        failed = self.mean({"failed": float(raised is not None)})["failed"]
        if raised is not None:
            raise raised
        if failed:
            raise InputError("Another process of this training stopped; see its message.")

    def _mean(self, values: torch.Tensor) -> torch.Tensor:
        from accelerate.utils import reduce

        return reduce(values.to(self.device), "mean")

    def close(self) -> None:
        """Leave the others, when all is done."""
        if self.state is not None:
            self.state.destroy_process_group()


def find_processes(cpu: bool = False) -> Processes:
    """The processes that `accelerate launch` or `torchrun` started, by what they set in the environment.

    On graphics cards, the one of this process becomes torch's current device.

    Args:
        cpu: use the CPU even where there is a graphics card.

    Raises:
        InputError: there are several, but Accelerate is not installed or cannot connect them on this hardware.
    """
    count = int(os.environ.get("WORLD_SIZE", 1))
    if count == 1 or "RANK" not in os.environ:
        return Processes()
    try:
        # Defaults of its functions are the process group there is when it is imported, which torch's optimisers do. The
        # group would then outlive `close`, and its threads, alive as Python ends, abort a training that is done.
        import torch.distributed.nn.functional  # noqa: F401
        from accelerate import PartialState
        from accelerate.utils import parse_flag_from_env
    except ImportError as error:
        raise InputError(f"{count} processes were started to train together, which needs Accelerate; run: pip install "
                         f"accelerate, or start one process.") from error
    cpu = cpu or parse_flag_from_env("ACCELERATE_USE_CPU") or not torch.cuda.is_available()
    state = PartialState(cpu=cpu, timeout=PATIENCE)
    if state.num_processes != count:
        raise InputError(f"{count} processes were started, but Accelerate connects {state.num_processes} on this "
                         f"hardware; start them with torchrun, add --cpu, or start one.")
    return Processes(state)
