"""Truncation and the average it goes towards, written out."""

import pytest
import torch

from ddgi.gan.mapping import AVERAGE_SAMPLES, MappingNetwork, sampled_average, truncate

WS = torch.tensor([[[4.0, -2.0], [0.0, 6.0], [1.0, 1.0]]])     # [1, num_ws 3, w_dim 2]
AVERAGE = torch.tensor([2.0, 1.0])


@pytest.mark.parametrize("psi, cutoff, expected", [
    (0.5, None, [[3.0, -0.5], [1.0, 3.5], [1.5, 1.0]]), (0.0, None, [[2.0, 1.0]] * 3),
    (0.5, 1, [[3.0, -0.5], [0.0, 6.0], [1.0, 1.0]]), (1.5, 2, [[5.0, -3.5], [-1.0, 8.5], [1.0, 1.0]]),
])
def test_w_is_moved_towards_the_average(psi, cutoff, expected):
    assert truncate(WS, AVERAGE, psi, cutoff).tolist() == [expected]


def test_psi_1_keeps_w_bit_for_bit():
    ws = torch.randn(2, 3, 2, generator=torch.Generator().manual_seed(0))
    assert torch.equal(truncate(ws, AVERAGE, 1.0), ws)


def network(c_dim=0) -> MappingNetwork:
    torch.manual_seed(0)
    return MappingNetwork(6, c_dim, 4, 2, 2).requires_grad_(False)


@pytest.mark.parametrize("c_dim", [0, 3], ids=["", "classes"])
def test_the_average_of_a_file_without_one_is_the_mean_of_many_w(c_dim):
    mapping = network(c_dim)
    average = sampled_average({f"mapping.{name}": value for name, value in mapping.state_dict().items()
                               if name != "w_avg"})
    rng = torch.Generator().manual_seed(1)
    labels = torch.eye(c_dim).repeat(AVERAGE_SAMPLES // c_dim + 1, 1)[:AVERAGE_SAMPLES] if c_dim else None
    ws = mapping.single(torch.randn(AVERAGE_SAMPLES, 6, generator=rng), labels)
    # Means of two times 4,096 draws: their difference is within five of its standard errors.
    assert ((average - ws.mean(0)).abs() < 5 * ws.std(0) * (2 / AVERAGE_SAMPLES) ** 0.5).all()


def test_the_running_average_moves_by_its_share():
    mapping = network()
    mapping.w_avg.copy_(torch.tensor([1.0, 0.0, 0.0, 0.0]))
    mapping.update_w_avg(torch.tensor([[3.0, 4.0, 0.0, 0.0], [1.0, 0.0, 0.0, 8.0]]), beta=0.75)
    assert mapping.w_avg.tolist() == [1.25, 0.5, 0.0, 1.0]
