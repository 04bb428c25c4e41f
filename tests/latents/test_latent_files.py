"""Faces out of files: pictures that carry them, and what projectors and encoders wrote."""

import dataclasses

import numpy as np
import pytest
import torch
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from ddgi.cameras import Camera
from ddgi.errors import InputError
from ddgi.gan import GanLatent
from ddgi.latents import latent_of_picture, latent_text, load_latent, pick
from ddgi.latents.latent_files import PICTURE_KEY, read_thumbnails


def save_picture(path, text):
    info = PngInfo()
    info.add_text(PICTURE_KEY, text)
    Image.fromarray(np.zeros((4, 4, 3), np.uint8)).save(path, pnginfo=info)


def test_a_latent_out_of_a_picture_is_bit_identical(tmp_path, faces):
    latent = dataclasses.replace(pick(faces, [2]), camera=Camera.from_angles(20).label, record={"seeds": [7]},
                                 generator_ancestry=("12",))
    latent.ws[0, 0, 0] = 1e-41          # a denormal, which text formats lose
    save_picture(tmp_path / "anna.png", latent_text(latent))
    again = load_latent(tmp_path / "anna.png")
    assert torch.equal(again.ws, latent.ws) and torch.equal(again.camera, latent.camera)
    assert (again.lineage, again.record) == (latent.lineage, latent.record)


def test_a_picture_without_a_face_says_what_to_do(tmp_path):
    Image.new("RGB", (4, 4)).save(tmp_path / "plain.png")
    with pytest.raises(InputError, match="plain.png carries no face.*Project Image"):
        load_latent(tmp_path / "plain.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / "plain.png").read_bytes()[:20])
    with pytest.raises(InputError, match="cut.png"):
        latent_of_picture(tmp_path / "cut.png")
    save_picture(tmp_path / "damaged.png", "####")
    with pytest.raises(InputError, match="damaged.png carries a damaged face"):
        load_latent(tmp_path / "damaged.png")


def test_our_file_keeps_thumbnails_and_a_graph_for_the_front_end(tmp_path, faces):
    from ddgi.native import read_metadata

    path, small = tmp_path / "anna.latent.safetensors", torch.arange(48, dtype=torch.uint8).reshape(1, 4, 4, 3)
    faces.save(path, thumbnails=small, notes={"workflow": "{}", "prompt": '{"1": 2}'})
    assert torch.equal(read_thumbnails(path), small)
    assert read_metadata(path)["prompt"] == '{"1": 2}' and read_metadata(path)["workflow"] == "{}"
    assert torch.equal(load_latent(path).ws, faces.ws)
    faces.save(path)
    assert read_thumbnails(path) is None


@pytest.mark.parametrize("shape, count", [((8,), 1), ((1, 8), 1), ((3, 8), 3), ((10, 8), 1), ((1, 10, 8), 1),
                                          ((3, 10, 8), 3), ((3, 1, 8), 3)])
def test_w_and_wplus_of_any_projector(tmp_path, generator, shape, count):
    values = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    np.savez(tmp_path / "projected_w.npz", w=values.numpy())                     # NVIDIA
    torch.save(values, tmp_path / "0.pt")                                        # PTI, e4e
    torch.save({"latent": values, "img": torch.zeros(3, 4, 4)}, tmp_path / "named.pt")
    np.save(tmp_path / "latents.npy", values.numpy())                            # pSp
    for name in ("projected_w.npz", "0.pt", "named.pt", "latents.npy"):
        latent = load_latent(tmp_path / name, generator)
        assert latent.ws.shape == (count, 10, 8) and latent.lineage == generator.lineage
        assert torch.equal(latent.ws[0, 3], values.flatten()[3 * 8:4 * 8] if shape[-2:] == (10, 8)
                           else values.flatten()[:8])


def test_several_faces_of_one_file_are_a_batch(tmp_path, generator):
    """rosinality's projector: one entry a picture, with the picture and its noises beside the latent."""
    entry = {"latent": torch.ones(8), "img": torch.zeros(3, 4, 4), "noise": [torch.zeros(1, 1, 4, 4)]}
    torch.save({"a.png": entry, "b.png": {**entry, "latent": torch.zeros(8)}}, tmp_path / "faces.pt")
    assert load_latent(tmp_path / "faces.pt", generator).ws[:, 0, 0].tolist() == [1.0, 0.0]


def test_what_does_not_fit_is_refused(tmp_path, generator):
    torch.save(torch.zeros(1, 18, 8), tmp_path / "large.pt")
    with pytest.raises(InputError, match=r"\[1, 18, 8\].*\[10, 8\]"):
        load_latent(tmp_path / "large.pt", generator)
    with pytest.raises(InputError, match="connect that generator"):
        load_latent(tmp_path / "large.pt")
    np.save(tmp_path / "objects.npy", np.array({"a": 1}), allow_pickle=True)
    with pytest.raises(InputError, match="Python objects"):
        load_latent(tmp_path / "objects.npy", generator)
    with pytest.raises(InputError, match="no file"):
        load_latent(tmp_path / "nothing.pt", generator)


def test_other_files_of_ours_are_no_latents(tmp_path, generator):
    generator.save(tmp_path / "generator.safetensors")
    with pytest.raises(InputError, match="ddgi.stylegan2"):
        load_latent(tmp_path / "generator.safetensors", generator)


def test_an_unpacking_bomb_is_refused(tmp_path, generator):
    np.savez_compressed(tmp_path / "bomb.npz", w=np.zeros((1 << 27,), np.float32))
    assert (tmp_path / "bomb.npz").stat().st_size < 1 << 20
    with pytest.raises(InputError, match="unpacks to more than"):
        load_latent(tmp_path / "bomb.npz", generator)


def test_a_latent_file_of_before_is_read(tmp_path, faces):
    """Without ancestry and record, as the pack wrote it."""
    from ddgi.files import save_tensors

    save_tensors(tmp_path / "old.safetensors", {"ws": faces.ws}, format="ddgi.latent",
                 config={"generator_fingerprint": "12", "generator_name": "old"}, provenance={"prompt": {}})
    old = GanLatent.load(tmp_path / "old.safetensors")
    assert (old.generator_ancestry, old.record) == ((), {})
