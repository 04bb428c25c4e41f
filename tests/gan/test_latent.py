"""Latents refuse foreign generators and survive a file."""

import pytest
import torch

from ddgi.cameras import Camera
from ddgi.errors import InputError
from ddgi.gan import GanLatent


def test_own_latent_renders(generator, ws):
    assert torch.equal(generator.render(generator.latent(ws)).image, generator.render(ws).image)


def test_foreign_latent_names_both(generator, make, ws):
    latent = make(seed=1, name="cousin").latent(ws)
    with pytest.raises(InputError, match=r"'cousin'.*'tiny'"):
        generator.render(latent)
    assert torch.equal(generator.render(latent, relative=True).image, generator.render(ws).image)


def test_relatives_need_the_same_sizes(generator, make):
    other = make(seed=1, name="small", img_resolution=8)
    latent = other.latent(other.map(torch.randn(1, 8)))
    with pytest.raises(InputError, match=r"'small'.*'tiny'"):
        generator.render(latent, relative=True)


@pytest.mark.parametrize("ws, camera", [
    (torch.zeros(6, 8), None), (torch.zeros(0, 6, 8), None), (torch.zeros(1, 6, 8, dtype=torch.int32), None),
    (torch.full((1, 6, 8), float("inf")), None), (torch.zeros(3, 6, 8), torch.zeros(2, 25)),
])
def test_bad_values_are_refused(ws, camera):
    with pytest.raises(InputError):
        GanLatent(ws, "", "", camera)


@pytest.mark.parametrize(("camera", "words"), [
    (Camera.from_angles(pivot=(0, 0, 5)).label, "looks away from the head"),
    (Camera.from_angles().label * torch.tensor([1.0] * 16 + [512] * 6 + [1] * 3), "in pixels"),
    (torch.zeros(1, 25), "no valid pose"),
])
def test_cameras_are_checked_as_those_of_nodes(ws, camera, words):
    with pytest.raises(InputError, match=words):
        GanLatent(ws, "", "", camera)


def test_file_round_trip(generator, ws, tmp_path):
    latent = generator.latent(ws, camera=Camera.from_angles(yaw=20).label)
    latent.save(tmp_path / "face.safetensors")
    again = GanLatent.load(tmp_path / "face.safetensors")
    assert torch.equal(again.ws, ws) and torch.equal(again.camera, latent.camera)
    assert (again.generator_fingerprint, again.generator_name) == (generator.fingerprint, "tiny")


def relative_of(generator, *parents, seed=5, make=None):
    from ddgi.gan.lineage import joined_ancestry

    copy = make(seed=seed, name="copy")
    copy.provenance["ancestry"] = list(joined_ancestry(parent.lineage for parent in parents))
    return copy


def test_relatives_are_known_by_ancestry(generator, make, ws):
    """A copy reads its parent's latents, the parent the copy's, and two copies each other's."""
    copy, sibling = (relative_of(generator, generator, seed=seed, make=make) for seed in (5, 6))
    grandchild = relative_of(generator, copy, seed=7, make=make)
    for maker in (generator, copy, sibling, grandchild):
        for reader in (generator, copy, sibling, grandchild):
            maker.latent(ws).check(reader)
    stranger = make(seed=1, name="cousin")
    with pytest.raises(InputError, match=r"'copy'.*'cousin'"):
        copy.latent(ws).check(stranger)
    with pytest.raises(InputError, match=r"'cousin'.*'copy'"):
        stranger.latent(ws).check(copy)


def test_ancestry_and_record_survive_files(generator, make, ws, tmp_path):
    import dataclasses

    import ddgi

    copy = relative_of(generator, generator, make=make)
    copy.save(tmp_path / "copy.safetensors")
    again = ddgi.load_generator(tmp_path / "copy.safetensors")
    assert again.lineage == copy.lineage and again.lineage.ancestry == (generator.fingerprint,)
    latent = dataclasses.replace(copy.latent(ws), record={"seeds": [1]})
    latent.save(tmp_path / "face.safetensors")
    kept = GanLatent.load(tmp_path / "face.safetensors")
    assert (kept.generator_ancestry, kept.record) == ((generator.fingerprint,), {"seeds": [1]})


def test_nobody_is_a_relative_of_an_unknown_generator(generator, ws):
    with pytest.raises(InputError, match="no fingerprint"):
        GanLatent(ws, "", "").check(generator)
