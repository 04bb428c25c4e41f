"""EG3D against reference numbers; 1e-4 of the largest absolute value covers summation order, rays 1e-6."""

import pytest
import torch
from safetensors.torch import load_file

from ddgi.cameras import rays_from_label
from ddgi.gan import EG3DConfig, StyleGAN2Config
from ddgi.gan.eg3d.decoder import OSGDecoder
from ddgi.gan.eg3d.march import expected_depth, interval_weights, sample_weights
from ddgi.gan.eg3d.planes import PLANE_AXES, PlaneTable, mean_features, plane_features, project
from ddgi.gan.eg3d.rays import march_rays
from ddgi.gan.eg3d.sampling import box_bounds, importance, inverse_cdf, ray_bounds
from ddgi.gan.eg3d.superresolution import SuperResolution

AXES = {"released_xy_xz_zx": "xy_xz_zx", "branch_fixed_triplanes_xy_yz_zx": "xy_yz_zx", "xy_xz_zy": "xy_xz_zy",
        "xy_xz_yz": "xy_xz_yz"}


def assert_close(actual, expected, tolerance=1e-4):
    """Golden planes, features of rays and pictures hold the first heads, channels and rays only."""
    actual = actual[tuple(map(slice, expected.shape))]
    assert actual.shape == expected.shape
    assert (actual - expected).abs().max() <= tolerance * expected.abs().max()


@pytest.fixture(scope="module")
def ops(golden):
    return load_file(golden / "eg3d_ops.safetensors")


@pytest.fixture(scope="module")
def rays(tensors):
    origins, directions = rays_from_label(tensors["in.c"], 16)
    return origins[:, None].expand_as(directions), directions


@pytest.fixture(scope="module")
def planes(tensors, build):
    return build().planes(tensors["out.ws"])


def march(module, planes, rays, **uniforms):
    bounds = ray_bounds(*rays, module.config.rendering)
    return march_rays(module.field(planes), *rays, bounds, module.config.rendering, **uniforms)


def test_mapping(tensors, build):
    z, c = tensors["in.z"], tensors["in.c_cond"]
    assert_close(build().mapping(z, c), tensors["out.ws"])
    assert_close(build().mapping(z, c, 0.7, 4), tensors["out.ws_psi07_cutoff4"])
    assert_close(build(c_gen_conditioning_zero=True).mapping(z, c), tensors["out.ws_condzero"])
    assert_close(build(c_scale=0.5).mapping(z, c), tensors["out.ws_cscale05"])


def test_planes_and_views(tensors, build, planes):
    assert_close(planes.flatten(1, 2), tensors["out.planes"])
    out = build().view(planes, tensors["out.ws"], tensors["in.c"])
    assert_close(out.image, tensors["out.det.image"])
    assert_close(out.image_raw, tensors["out.det.image_raw"])
    assert_close(out.image_depth, tensors["out.det.image_depth"])
    assert_close(out.image_alpha.flatten(2).mT, tensors["out.det.weight_total"])


def test_rays_are_the_reference_rays(tensors, rays):
    assert_close(rays[0], tensors["out.ray_origins"], 1e-6)
    assert_close(rays[1], tensors["out.ray_dirs"], 1e-6)


def test_deterministic_march(tensors, build, planes, rays):
    seen = march(build(), planes, rays)
    assert_close(seen.feature.mT, tensors["out.det.feature"])
    assert_close(seen.depth[..., None], tensors["out.det.depth"])
    assert_close(seen.depths_coarse[..., None], tensors["out.det.depths_coarse"])
    assert_close(seen.weights_coarse[..., None], tensors["out.det.weights_coarse"])
    assert_close(seen.depths_fine[..., None], tensors["out.det.depths_fine"])


def test_march_with_given_uniforms(tensors, build, planes, rays):
    fine = tensors["in.u_fine"].reshape(2, 256, 8)
    seen = march(build(), planes, rays, u_coarse=tensors["in.u_coarse"][..., 0], u_fine=fine)
    assert_close(seen.feature.mT, tensors["out.given_u.feature"])
    assert_close(seen.depth[..., None], tensors["out.given_u.depth"])
    assert_close(seen.depths_coarse[..., None], tensors["out.given_u.depths_coarse"])
    assert_close(seen.depths_fine[..., None], tensors["out.given_u.depths_fine"])


def test_rendering_options(tensors, build, planes, rays):
    coarse = march(build(depth_resolution_importance=0), planes, rays)
    assert_close(coarse.feature.mT, tensors["out.coarse_only.feature"])
    assert_close(coarse.depth[..., None], tensors["out.coarse_only.depth"])
    assert_close(coarse.weight_total[..., None], tensors["out.coarse_only.weight_total"])
    assert_close(march(build(white_back=True), planes, rays).feature.mT, tensors["out.white_back.feature"])
    box = march(build(ray_start=None, ray_end=None), planes, rays)
    assert_close(box.feature.mT, tensors["out.auto.feature"])
    assert_close(box.depth[..., None], tensors["out.auto.depth"])
    disparity = march(build(disparity_space_sampling=True), planes, rays)
    assert_close(disparity.depths_coarse[..., None], tensors["out.disparity.depths_coarse"])


def test_rays_that_miss_the_box(tensors, build, planes):
    module = build(ray_start=None, ray_end=None)
    origins, directions = rays_from_label(tensors["in.c_wide"], 8)
    origins = origins[:, None].expand_as(directions)
    near, far = box_bounds(origins, directions, 1.0)
    assert_close(near[..., None], tensors["out.auto_wide.tmin"])
    assert_close(far[..., None], tensors["out.auto_wide.tmax"])
    seen = march(module, planes[:1], (origins, directions))
    assert_close(seen.depths_coarse[..., None], tensors["out.auto_wide.depths_coarse"])
    assert_close(seen.feature.mT, tensors["out.auto_wide.feature"])
    assert_close(seen.depth[..., None], tensors["out.auto_wide.depth"])
    assert_close(seen.weight_total[..., None], tensors["out.auto_wide.weight_total"])


@pytest.mark.parametrize(("name", "axes"), AXES.items())
def test_plane_axes(tensors, ops, build, planes, name, axes):
    density, colours = build(plane_axes=axes).field(planes)(tensors["in.points"])
    assert_close(density[..., None], tensors[f"out.axes.{name}.sigma"])
    assert_close(colours.mT, tensors[f"out.axes.{name}.rgb"])
    assert_close(project(ops["in.coords"], axes).flatten(0, 1), ops[f"out.project.{name}"])


def test_fork_convention_through_the_whole_march(tensors, build, planes, rays):
    seen = march(build(plane_axes="xy_yz_zx"), planes, rays)
    assert_close(seen.feature.mT, tensors["out.axes.branch_fixed_triplanes_xy_yz_zx.feature"])


def test_features_and_decoder_at_points(tensors, ops, planes):
    found = plane_features(planes, tensors["in.points"][:, :16], 1.0, "xy_xz_zx")
    assert_close(found.mT, tensors["out.points.plane_features"])
    for side in (1.0, 0.8, 1.6):
        found = plane_features(ops["in.planes"], ops["in.pts"], side, "xy_xz_zx")
        assert_close(found.mT, ops[f"out.sample_from_planes_bw{side}"])
    decoder = OSGDecoder(32, 64)
    decoder.load_state_dict({key.removeprefix("sd.decoder."): value for key, value in ops.items()
                             if key.startswith("sd.decoder.")})
    features = ops["in.dec_in"].mean(1).mT
    density, colours = decoder(features)
    assert_close(density[..., None], ops["out.dec.sigma"])
    assert_close(colours.mT, ops["out.dec.rgb"])
    assert_close(decoder.density(features), density)


@pytest.mark.parametrize("axes", PLANE_AXES)
@pytest.mark.parametrize("box_warp", [1.0, 0.7])
def test_a_table_of_planes_gives_their_mean_features_inside_on_and_beyond_the_box(ops, axes, box_warp):
    planes, points = ops["in.planes"][:1], ops["in.pts"][:1]
    edge = torch.cartesian_prod(*[torch.tensor([-0.5, -0.4999, 0.0, 0.5, 0.51, 40.0]) * box_warp] * 3)[None]
    for places in (points, edge):
        expected = mean_features(planes, places, box_warp, axes)[0].mT
        # 12 products in another order, and pixel coordinates rounded otherwise, of features of about 1.
        torch.testing.assert_close(PlaneTable(planes[0], box_warp, axes)(places[0]), expected, rtol=0, atol=2e-5)


def test_a_point_that_is_no_number_reads_no_strange_memory(ops):
    table = PlaneTable(ops["in.planes"][0], 1.0, "xy_xz_zx")
    assert table(torch.tensor([[float("nan")] * 3, [0.0] * 3])).isnan().any(1).tolist() == [True, False]


@pytest.mark.parametrize("white", [False, True])
def test_marching_alone(ops, white):
    depths, case = ops["in.depths"][..., 0], f"out.march_wb{int(white)}"
    weights = interval_weights(ops["in.densities"][..., 0], depths)
    assert_close(weights[..., None], ops[f"{case}.weights"])
    rgb = (ops["in.colors"] * sample_weights(weights)[..., None]).sum(2)
    rgb = rgb + 1 - weights.sum(-1, keepdim=True) if white else rgb
    assert_close(rgb * 2 - 1, ops[f"{case}.rgb"])
    far = depths.max().reshape(1, 1)
    assert_close(expected_depth(weights, depths, far)[..., None], ops[f"{case}.depth"])


def test_sampling_alone(ops):
    bins, weights = ops["in.bins"], ops["in.pdf_w"]
    assert_close(inverse_cdf(bins, weights, 12), ops["out.sample_pdf_det12"])
    assert_close(inverse_cdf(bins, weights, 12, ops["in.pdf_u"]), ops["out.sample_pdf_u"])
    fine = importance(ops["in.imp_z"][..., 0], ops["in.imp_w"][..., 0], 10)
    assert_close(fine[..., None], ops["out.sample_importance_det10"])
    near, far = box_bounds(ops["in.ro"], ops["in.rd"], 1.0)
    assert_close(near[..., None], ops["out.box_tmin"])
    assert_close(far[..., None], ops["out.box_tmax"])


def test_super_resolution_resizes_first(tensors, build):
    network = build().superresolution
    for size in (12, 24):
        assert_close(network(tensors[f"in.f{size}"], tensors["out.ws"][:1]), tensors[f"out.sr.f{size}_aa1"])
    feature = tensors["out.det.feature"].mT.unflatten(2, (16, 16))
    assert_close(network(feature, tensors["out.ws"], noise_mode="const"), tensors["out.sr.same_noise_const"])


@pytest.mark.parametrize(("kind", "size"), [("2X", "same"), ("2X", "small"), ("2X", "large"), ("4X", "same"),
                                            ("4X", "small"), ("8X", "same"), ("8X", "small"), ("8X", "large")])
def test_super_resolution_kinds(golden, kind, size):
    tensors = load_file(golden / "eg3d_sr_variants.safetensors")
    backbone = StyleGAN2Config(z_dim=8, c_dim=25, w_dim=32, img_resolution=16, img_channels=48)
    config = EG3DConfig(backbone, img_resolution=64 if kind == "8X" else 32, neural_rendering_resolution=16,
                        feature_channels=16, sr_kind=kind, sr_input_resolution=16, sr_channels=(12, 8))
    network = SuperResolution(config)
    network.load_state_dict({key.removeprefix(f"sd.{kind}."): value for key, value in tensors.items()
                             if key.startswith(f"sd.{kind}.") and not key.endswith("resample_filter")})
    with torch.no_grad():
        assert_close(network(tensors[f"in.f_{size}"], tensors["in.ws"]), tensors[f"out.{kind}.f_{size}"])
