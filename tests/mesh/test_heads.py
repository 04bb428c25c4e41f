"""Density on a lattice and coloured meshes, on a generator whose density is a known ball."""

import pytest
import torch

from ddgi.errors import InputError
from ddgi.gan import StyleGAN2Config, StyleGAN2Generator
from ddgi.gan.eg3d.planes import PLANE_AXES
from ddgi.gan.stylegan2.network import StyleGAN2
from ddgi.mesh import density_grid, head_meshes, head_voxels, linear_light

SIDE = 40


@pytest.fixture
def grid(ball):
    return density_grid(ball.generator, ball.planes, SIDE)


def cell_centres(box):
    step = ((torch.arange(SIDE) + 0.5) / SIDE - 0.5) * box
    z, y, x = torch.meshgrid(step, step, step, indexing="ij")
    return torch.stack([x, y, z], -1)


def test_grid_is_the_density_that_query_gives_at_the_cell_centres(ball, grid):
    density, _ = ball.generator.query(ball.planes, cell_centres(ball.box).reshape(1, -1, 3))
    assert torch.allclose(grid.flatten(), density[0], rtol=0, atol=5e-3)    # fp32: see the axes below
    inside = (cell_centres(ball.box) - ball.centre).norm(dim=-1) < ball.radius - 0.05
    assert inside.sum() > 500 and (grid[inside] > 10).all()


@pytest.mark.parametrize("plane_axes", PLANE_AXES)
def test_grid_follows_the_plane_axes(ball_with, plane_axes):
    generator, planes = ball_with(plane_axes)
    points = cell_centres(2.0).reshape(1, -1, 3)
    expected = generator.query(planes, points)[0].view(SIDE, SIDE, SIDE)
    assert expected.std() > 0.5
    # Raw densities are differences of numbers around 4,000 (the fixture's offsets): 5e-4 each in fp32.
    assert torch.allclose(density_grid(generator, planes, SIDE), expected, rtol=0, atol=5e-3)


def test_chunks_change_nothing_and_are_counted(ball, grid):
    calls = []
    small = density_grid(ball.generator, ball.planes, SIDE, memory_mib=0.25, progress=lambda *call: calls.append(call))
    # Products of other sizes are summed in another order, at 4,000 before the fixture's offsets cancel.
    assert torch.allclose(small, grid, rtol=0, atol=5e-3)
    assert len(calls) > 20 and calls == [(done, len(calls)) for done in range(1, len(calls) + 1)]


def test_a_raising_progress_stops_the_queries(ball):
    def stop(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        head_meshes(ball.generator, ball.ws, SIDE, progress=stop)


def test_crops_empty_the_back_and_the_bottom_only(ball, grid):
    cropped = density_grid(ball.generator, ball.planes, SIDE, crop_back=0.25, crop_bottom=0.5)
    assert not cropped[:10].any() and not cropped[:, :20].any()
    assert torch.equal(cropped[10:, 20:], grid[10:, 20:])


def test_mesh_is_the_ball_where_it_belongs(ball):
    first, second = head_meshes(ball.generator, ball.ws, SIDE)
    away = first.vertices - ball.centre
    # A tenth of a cell for chords at a radius of 8 cells; bilinear planes cut paraboloids: 3 h^2 / 4 / (2 radius).
    assert (away.norm(dim=1) - ball.radius).abs().max() < 0.1 * ball.box / SIDE + 0.004
    assert torch.equal(first.vertices, second.vertices) and torch.equal(first.faces, second.faces)
    a, b, c = first.vertices[first.faces].unbind(1)
    assert (torch.linalg.cross(b - a, c - a) * (a + b + c - 3 * ball.centre)).sum(1).min() > 0


def test_colours_are_those_just_below_the_surface(ball):
    mesh = head_meshes(ball.generator, ball.ws[:1], SIDE)[0]
    expected = torch.sigmoid(ball.sharpness * mesh.vertices[:, 0])
    # A colour comes from at most 0.04 of the box below its vertex, and red rises by at most SHARPNESS / 4 a unit.
    assert (mesh.colours[:, 0] - expected).abs().max() < 0.04 * ball.box * ball.sharpness / 4
    assert (mesh.colours[:, 1:] - 0.5).abs().max() < 1e-3


def test_higher_threshold_gives_a_smaller_mesh(ball):
    sizes = [head_meshes(ball.generator, ball.ws[:1], SIDE, threshold)[0].vertices.std() for threshold in (5, 10, 20)]
    assert sizes[0] > sizes[1] > sizes[2]


def test_voxels_cross_core_threshold_at_ours(ball, grid):
    voxels = head_voxels(ball.generator, ball.ws, SIDE, threshold=10.0)
    assert voxels.shape == (2, SIDE, SIDE, SIDE) and voxels.min() >= 0 and voxels.max() < 1
    clear = (grid - 10).abs() > 1e-3            # float rounding exactly at the threshold
    assert torch.equal((voxels[0] > 0.6)[clear], (grid > 10)[clear])


def test_progress_counts_all_heads(ball):
    calls = []
    head_voxels(ball.generator, ball.ws, SIDE, memory_mib=1, progress=lambda *call: calls.append(call))
    total = calls[-1][1]
    assert [done for done, _ in calls] == list(range(1, total + 1)) and {total} == {end for _, end in calls}


def test_threshold_above_the_density_says_how_high_it_goes(ball, grid):
    with pytest.raises(InputError, match=rf"Head 1 has no surface.*{grid.max():.3g}.*500.*lower the threshold"):
        head_meshes(ball.generator, ball.ws, SIDE, threshold=500.0)


def test_a_2d_generator_is_refused_by_name():
    config = StyleGAN2Config(z_dim=8, w_dim=8, img_resolution=8, channel_base=64, channel_max=8, num_mapping_layers=2)
    flat = StyleGAN2Generator(config, StyleGAN2(config), name="flat")
    with pytest.raises(InputError, match="'flat' is a 2D StyleGAN2 generator"):
        head_meshes(flat, torch.zeros(1, 4, 8))


@pytest.mark.parametrize("settings, sentence", [
    ({"resolution": 8}, "resolution of 8"), ({"threshold": 0.0}, "threshold of 0"), ({"crop_back": 0.95}, "crop_back"),
    ({"crop_bottom": -0.1}, "crop_bottom"), ({"memory_mib": 0}, "memory limit of 0"),
    ({"threshold": float("nan")}, "threshold of nan")])
def test_settings_out_of_range_are_refused(ball, settings, sentence):
    with pytest.raises(InputError, match=sentence):
        head_voxels(ball.generator, ball.ws, **{"resolution": SIDE, **settings})


def test_linear_light_of_known_values():
    assert torch.allclose(linear_light(torch.tensor([0.0, 0.04045, 0.5, 1.0])),
                          torch.tensor([0.0, 0.0031308, 0.2140411, 1.0]), atol=1e-6)
