"""3x3 convolution with a quarter of the multiplications (Lavin and Gray 2016, F(4x4, 3x3)), on a CPU without gradients.

A tile of 4x4 outputs needs 6x6 inputs. Both are polynomials' values at the points 0, 1, -1, 2, -2 and infinity, where a
convolution is a product: 36 of them in the place of 144, as 36 matrix products over all tiles. In fp32 it is within
1e-4 of the direct way, in units of the output's spread.
"""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F

WORK_BYTES = 16 * 2 ** 20       # of the tiles' values at a time: less makes the matrix products too small
CHANNELS, PIXELS = 128, 48 ** 2     # from here on what is multiplied less outweighs the sums around it

# What a kernel's row of three becomes.
_KERNEL = torch.tensor([[1 / 4, 0, 0], [-1 / 6, -1 / 6, -1 / 6], [-1 / 6, 1 / 6, -1 / 6], [1 / 24, 1 / 12, 1 / 6],
                        [1 / 24, -1 / 12, 1 / 6], [0, 0, 1]], dtype=torch.float64)


class Winograd:
    """One kernel [O, I, 3, 3], made ready to be laid over pictures of which `pays` is true.

    Attributes:
        kernel: [36, I, O].
    """

    def __init__(self, kernel: torch.Tensor):
        outputs, inputs = kernel.shape[:2]
        both = torch.kron(_KERNEL, _KERNEL).to(kernel)
        self.kernel = (both @ kernel.reshape(-1, 9).T).view(36, outputs, inputs).transpose(1, 2)
        self._work = kernel.new_empty(0)

    @staticmethod
    def pays(kernel: torch.Tensor, height: int, width: int) -> bool:
        """Whether outputs of this size come sooner so than by the library's convolution."""
        return (not torch.is_grad_enabled() and kernel.device.type == "cpu" and kernel.dtype == torch.float32
                and kernel.shape[-1] == 3 and min(kernel.shape[:2]) >= CHANNELS and height * width >= PIXELS)

    def __call__(self, x: torch.Tensor, rows: int = 0) -> torch.Tensor:
        """`F.conv2d(x, kernel, padding=(rows, 1))`, channels last: [B, I, H + 2 - 2 rows, W] to [B, O, H, W]."""
        height, width = x.shape[2] + 2 * rows - 2, x.shape[3]
        down, across = -(-height // 4), -(-width // 4)          # tiles; the last ones may stand out
        if rows or width % 4 or height % 4:
            x = F.pad(x, (0, 4 * across - width, rows, rows + 4 * down - height))
        x = x.contiguous(memory_format=torch.channels_last)
        out = x.new_empty((len(x), 4 * down, 4 * across, self.kernel.shape[2]))
        step = max(1, WORK_BYTES // (4 * 36 * across * sum(self.kernel.shape[1:])))
        for sample, target in zip(x.permute(0, 2, 3, 1), out):
            for first in range(0, down, step):
                last = min(first + step, down)
                self._tiles(sample[4 * first:4 * last + 2], target[4 * first:4 * last])
        return out[:, :height, :width].permute(0, 3, 1, 2)

    def _tiles(self, x: torch.Tensor, out: torch.Tensor) -> None:
        """x [4 n + 2, 4 m, I] to out [4 n, 4 m, O]."""
        rows, columns, outputs = len(out) // 4, out.shape[1] // 4, out.shape[2]
        strip, tiles, products, lines, sums = self._buffers(rows, columns)
        strip[:, :, 0], strip[:, :, -1] = 0, 0
        _to_points([x[k:k + 4 * rows - 3:4] for k in range(6)], strip[:, :, 1:-1])
        _to_points([strip[:, :, k:k + 4 * columns - 3:4] for k in range(6)], tiles.transpose(0, 1))
        torch.bmm(tiles.view(36, rows * columns, -1), self.kernel, out=products)
        _from_points(products.view(6, 6, rows, columns, outputs), lines, sums)
        target = out.view(rows, 4, columns, 4, outputs).permute(3, 1, 0, 2, 4)
        _from_points(lines.transpose(0, 1), target, sums[:, :4])

    def _buffers(self, rows: int, columns: int) -> list[torch.Tensor]:
        """Cut from memory that is used again: the first touch of fresh pages would cost as much as all sums."""
        inputs, outputs = self.kernel.shape[1:]
        shapes = [(6, rows, 4 * columns + 2, inputs), (6, 6, rows, columns, inputs), (36, rows * columns, outputs),
                  (4, 6, rows, columns, outputs), (2, 6, rows, columns, outputs)]
        sizes = [math.prod(shape) for shape in shapes]
        if len(self._work) < sum(sizes):
            self._work = self.kernel.new_empty(sum(sizes))
        parts = self._work[:sum(sizes)].split(sizes)
        return [part.view(shape) for part, shape in zip(parts, shapes)]


def _to_points(pixels: Sequence[torch.Tensor], values: Sequence[torch.Tensor]) -> None:
    """Six pixels in a row to the values at the six points: B^T of the paper."""
    a, b, c, d, e, f = pixels
    zero, one, minus_one, two, minus_two, infinity = values
    even, odd = torch.sub(e, c, alpha=4, out=one), torch.sub(d, b, alpha=4, out=zero)
    torch.sub(even, odd, out=minus_one)
    one.add_(odd)
    even, odd = torch.sub(e, c, out=two), torch.sub(d, b, out=zero)
    torch.sub(even, odd, alpha=2, out=minus_two)
    two.add_(odd, alpha=2)
    torch.sub(e, c, alpha=5, out=zero).add_(a, alpha=4)
    torch.sub(f, d, alpha=5, out=infinity).add_(b, alpha=4)


def _from_points(values: Sequence[torch.Tensor], pixels: Sequence[torch.Tensor], work: Sequence[torch.Tensor]) -> None:
    """The values at the six points to four pixels in a row: A^T of the paper; `work` is as large as two of them."""
    zero, one, minus_one, two, minus_two, infinity = values
    a, b, c, d = pixels
    near, far = torch.add(one, minus_one, out=work[0]), torch.add(two, minus_two, out=work[1])
    torch.add(zero, near, out=a).add_(far)
    torch.add(near, far, alpha=4, out=c)
    near, far = torch.sub(one, minus_one, out=work[0]), torch.sub(two, minus_two, out=work[1])
    torch.add(near, far, alpha=2, out=b)
    torch.add(infinity, near, out=d).add_(far, alpha=8)
