"""Nodes that make, mix, edit and keep faces, on a tiny generator; word directions on the demo models."""

import dataclasses
import importlib
import json

import numpy as np
import pytest
import torch
from PIL import Image

import ddgi
import ddgi.gan
import ddgi.native
from ddgi.choices import choose

WORKFLOW, PROMPT = {"nodes": [1]}, {"1": {"class_type": "X", "inputs": {"text": "a smiling woman", "seed": 7}},
                                    "2": {"class_type": "DDGISaveLatent", "inputs": {"latent": ["1", 0]}}}


@pytest.fixture(scope="module")
def generator(pack):
    config = ddgi.gan.StyleGAN2Config(z_dim=8, w_dim=8, img_resolution=16, channel_base=64, channel_max=8,
                                      num_mapping_layers=2)
    network = ddgi.gan.StyleGAN2Generator.untrained(config, name="tiny")
    network.w_avg.normal_(generator=torch.Generator().manual_seed(0))
    return pack.host.managed.ManagedModel(network, network)


@pytest.fixture
def faces(pack, generator):
    def draw(seed=0, count=1, truncation=1.0, truncated_layers=0):
        return pack.nodes.latent_faces.RandomFace.execute(generator, seed, count, truncation, truncated_layers).args[0]
    return draw


@pytest.fixture
def folders(host, tmp_path, monkeypatch):
    import folder_paths

    for kind in ("input", "output", "temp"):
        (tmp_path / kind).mkdir()
        monkeypatch.setattr(folder_paths, f"{kind}_directory", str(tmp_path / kind))
    monkeypatch.setitem(folder_paths.folder_names_and_paths, "ddgi_directions",
                        ([str(tmp_path / "directions")], {".safetensors", ".npy", ".pt"}))
    return tmp_path


def with_graph(node):
    return node.PREPARE_CLASS_CLONE({"hidden_inputs": {
        "PROMPT": PROMPT, "EXTRA_PNGINFO": {"workflow": WORKFLOW}, "UNIQUE_ID": "2"}})


def render(generator, latent):
    return generator.value.render(latent).image.add(1).div(2).clamp(0, 1).movedim(1, -1)


def test_random_faces_count_up_from_the_seed(faces):
    batch = faces(5, count=3)
    assert torch.equal(batch.ws[2], faces(7).ws[0])
    assert batch.record["seeds"] == [5, 6, 7]


def test_truncation_is_the_same_in_both_nodes(pack, generator, faces):
    later = pack.nodes.latent_faces.TruncateFaces.execute(faces(3), generator, 0.5, 2).args[0]
    assert torch.equal(later.ws, faces(3, truncation=0.5, truncated_layers=2).ws)


def test_faces_are_mixed_walked_combined_and_picked(pack, generator, faces):
    nodes = pack.nodes.latent_faces
    a, b = faces(1), faces(2)
    mixed = nodes.MixFaces.execute(a, b, "coarse", 1.0).args[0]
    assert torch.equal(mixed.ws[:, :2], b.ws[:, :2]) and torch.equal(mixed.ws[:, 2:], a.ws[:, 2:])
    batch = nodes.CombineFaces.execute({"faces_0": a, "faces_1": b, "faces_2": None}, "batch").args[0]
    assert torch.equal(batch.ws, torch.cat([a.ws, b.ws]))
    film = nodes.FaceWalk.execute(batch, 4, "round", False, False, generator).args[0]
    assert torch.equal(film.ws[[0, 4]], batch.ws) and len(film.ws) == 5
    middle = nodes.CombineFaces.execute({"faces_0": batch}, "average").args[0]
    torch.testing.assert_close(middle.ws, batch.ws.mean(0, keepdim=True))
    assert torch.equal(nodes.PickFaces.execute(batch, "-1").args[0].ws, b.ws)
    assert torch.equal(nodes.PickFaces.execute(batch, "0", b).args[0].ws, b.ws)


def test_an_edit_with_all_sliders_at_0_is_the_same_picture(pack, generator, faces):
    directions = pack.nodes.directions.FindDirections.execute(
        generator, {"method": pack.nodes.directions.SEFA, "count": 3, "first": 0, "layers": "all"}).args[0]
    latent = faces(0, count=2)
    edit = pack.nodes.edit.EditFace.execute
    still = edit(latent, direction_1=directions[0], strength_1=0.0, direction_2=directions[1], strength_2=0.0).args[0]
    assert torch.equal(render(generator, still), render(generator, latent))
    moved = edit(latent, direction_1=directions[0], strength_1=1.5, layers_1="fine", direction_4=directions[2],
                 strength_4=-1.0).args[0]
    expected = latent.ws - directions[2].offset
    expected[:, 4:] += 1.5 * directions[0].offset
    torch.testing.assert_close(moved.ws, expected)


def test_unmoved_directions_can_be_kept(pack, generator, faces):
    example = pack.nodes.directions.ExampleDirection.execute
    first, second = (example(faces(seed, count=12), faces(seed + 100, count=12), f"pile {seed}").args[0]
                     for seed in (0, 200))
    moved = pack.nodes.edit.EditFace.execute(faces(1), keep_unmoved=True, direction_1=first, strength_1=2.0,
                                             direction_2=second, strength_2=0.0).args[0]
    change = (moved.ws - faces(1).ws).double().flatten()
    along = change @ second.spread(6).flatten()
    assert abs(along) < 1e-4 * change.norm() * second.spread(6).norm() and change.norm() > 0


def test_every_method_finds_directions(pack, generator):
    find, nodes = pack.nodes.directions.FindDirections.execute, pack.nodes.directions
    for method in (nodes.SEFA, nodes.PCA):
        found = find(generator, {"method": method, "count": 2, "first": 1, "layers": "middle"}).args[0]
        assert [one.record["number"] for one in found] == [1, 2] and found[0].layers == (2, 3)
    channel = find(generator, {"method": nodes.CHANNEL, "layer": 3, "channel": 2}).args[0]
    assert channel[0].record["channel"] == 2


def test_a_sheet_has_a_row_a_direction_and_a_column_a_strength(pack, generator, faces):
    found = pack.nodes.directions.FindDirections.execute(
        generator, {"method": pack.nodes.directions.PCA, "count": 2, "first": 0, "layers": "all"}).args[0]
    sheet = pack.nodes.edit.DirectionSheet.execute([generator], [faces(4)], found, [-1.0], [1.0], [3], ["all"],
                                                   [32]).args[0]
    left, top = sheet.shape[2] - 3 * 32, sheet.shape[1] - 2 * 32
    assert left > 0 and top > 0
    for row in range(2):
        middle = sheet[0, top + 32 * row:top + 32 * row + 32, left + 32:left + 64]
        shown = torch.nn.functional.interpolate(generator.value.render(faces(4)).image, size=32, mode="bilinear")
        expected = (shown[0].movedim(0, -1).clamp(-1, 1) * 127.5 + 128).floor() / 255
        torch.testing.assert_close(middle, expected, atol=1.01 / 255, rtol=0)   # one level where rounding falls


def test_directions_are_saved_listed_and_loaded(pack, generator, faces, folders):
    nodes = pack.nodes.directions
    found = nodes.FindDirections.execute(
        generator, {"method": nodes.SEFA, "count": 2, "first": 0, "layers": "all"}).args[0]
    nodes.SaveDirection.execute(found, ["pair"], [False])
    nodes.SaveDirection.execute(found[:1], ["single"], [False])
    np.save(folders / "directions" / "age.npy", np.ones(8, np.float32))
    listed = pack.host.directions.names()
    assert [name for name in listed if not name.startswith("demo/")] == [
        "age.npy", "pair.safetensors: SeFa 0", "pair.safetensors: SeFa 1", "single.safetensors"]
    assert nodes.LoadDirection.validate_inputs("pair.safetensors: SeFa 1") is True
    again = nodes.LoadDirection.execute("pair.safetensors: SeFa 1").args[0]
    assert torch.equal(again.offset, found[1].offset) and again.lineage == generator.value.lineage
    assert nodes.LoadDirection.execute("age.npy", generator).args[0].name == "age"
    with pytest.raises(ddgi.InputError, match="already"):
        nodes.SaveDirection.execute(found, ["pair"], [False])
    nodes.SaveDirection.execute(found, ["pair"], [True])
    with pytest.raises(ddgi.InputError, match="file name"):
        nodes.SaveDirection.execute(found, ["../pair"], [False])


def test_a_broken_file_is_left_out_of_the_list(pack, folders):
    (folders / "directions").mkdir()
    (folders / "directions" / "broken.safetensors").write_bytes(b"no")
    assert not [name for name in pack.host.directions.names() if not name.startswith("demo/")]
    assert "my.npy" in pack.nodes.directions.LoadDirection.validate_inputs("my.npy")


def test_words_become_a_direction_of_the_bridges_generator(pack):
    demo, nodes = importlib.import_module(f"{pack.__name__}.host.demo_models"), pack.nodes.directions
    model, clip, _ = demo.load_diffusion()
    bridge = pack.host.managed.managed_bridge(pack.host.folders.DEMO / demo.files.BRIDGE)
    found = nodes.WordDirection.execute(model, clip, bridge, "a face with red hair", "a face with black hair", 4, 0,
                                        0.0, 3, 0).args[0]
    assert found.lineage.fingerprint == bridge.value.config.generator_fingerprint
    assert found.name == "a face with red hair" and found.record["without"] == "a face with black hair"
    whole = nodes.WordDirection.execute(model, clip, bridge, "a face with red hair", "a face with black hair", 4, 0,
                                        0.0, 4, 0).args[0]
    # The batch only bounds memory; sums in another order move the last digits of fp32.
    torch.testing.assert_close(found.offset, whole.offset, atol=1e-3, rtol=1e-3)
    hair = "a {woman|man} with {red|black} hair"        # the same people on both sides, as if they had been told alone
    chosen = nodes.WordDirection.execute(model, clip, bridge, f"{hair} and glasses", hair, 3, 0, 0.0, 2, 0, "specs")
    told = [choose(hair, 0, number) for number in range(3)]
    read = importlib.import_module(f"{pack.__name__}.host.word_faces").word_faces
    alone = [read(model, clip, bridge, f"{text} and glasses", 3, 0).ws[number] -
             read(model, clip, bridge, text, 3, 0).ws[number] for number, text in enumerate(told)]
    assert len(set(told)) > 1 and chosen.args[0].name == "specs"
    torch.testing.assert_close(chosen.args[0].offset, torch.stack(alone).mean(0), atol=1e-3, rtol=1e-3)
    with pytest.raises(ddgi.InputError, match="empty"):
        nodes.WordDirection.execute(model, clip, bridge, " ", "a face", 2, 0, 0.0, 2, 0)


def test_a_saved_latent_keeps_its_graph_prompt_and_faces(pack, generator, faces, folders):
    latents = pack.nodes.latents
    latent = faces(7, count=2, truncation=0.6)
    out = with_graph(latents.SaveLatent).execute(latent, "anna", render(generator, latent))
    assert out.ui["latents"][0]["filename"] == "anna_00001_.latent.safetensors" and len(out.ui["images"]) == 2
    path = folders / "output" / "anna_00001_.latent.safetensors"
    metadata = ddgi.native.read_metadata(path)
    assert json.loads(metadata["workflow"]) == WORKFLOW and json.loads(metadata["prompt"]) == PROMPT
    loaded = latents.LoadLatent.execute("anna_00001_.latent.safetensors [output]")
    assert torch.equal(loaded.args[0].ws, latent.ws) and loaded.args[0].lineage == latent.lineage
    assert loaded.args[0].record == {"prompts": ["a smiling woman"], "seeds": [7, 8], "truncation_psi": 0.6,
                                     "truncation_cutoff": None}
    assert len(loaded.ui.as_dict()["images"]) == 2


def test_metadata_can_be_switched_off(pack, faces, folders, monkeypatch):
    from comfy.cli_args import args

    monkeypatch.setattr(args, "disable_metadata", True)
    with_graph(pack.nodes.latents.SaveLatent).execute(faces(1), "anna")
    metadata = ddgi.native.read_metadata(folders / "output" / "anna_00001_.latent.safetensors")
    assert "workflow" not in metadata and "prompt" not in metadata
    assert "prompts" not in metadata["provenance"]["record"]


def test_a_picture_gives_its_very_face_back(pack, generator, faces, folders):
    latents, latent = pack.nodes.latents, faces(3, count=2)
    views = render(generator, latent).repeat_interleave(2, 0)
    out = with_graph(latents.SaveFacePicture).execute(views, latent, "people/anna")
    names = [saved["filename"] for saved in out.ui.as_dict()["images"]]
    assert names == [f"anna_{number:05}_.png" for number in range(1, 5)]
    (folders / "output" / "people" / names[2]).rename(folders / "input" / "dropped.png")
    with Image.open(folders / "input" / "dropped.png") as picture:
        assert json.loads(picture.text["workflow"]) == WORKFLOW      # what the front end opens
    back, image = latents.LoadFacePicture.execute("dropped.png").args
    assert torch.equal(back.ws, latent.ws[1:]) and back.lineage == latent.lineage
    assert ((image - views[2]).abs() <= 1.01 / 255).all()
    with pytest.raises(ddgi.InputError, match="3 pictures .* 2 faces"):
        with_graph(latents.SaveFacePicture).execute(views[:3], latent, "anna")


def test_latents_of_other_programs_are_listed_and_need_their_generator(pack, generator, folders):
    np.savez(folders / "input" / "projected_w.npz", w=np.ones((1, 6, 8), np.float32))
    load = pack.nodes.latents.LoadLatent
    assert "projected_w.npz [input]" in pack.nodes.latents._latent_names()
    assert load.execute("projected_w.npz [input]", generator).args[0].lineage == generator.value.lineage
    with pytest.raises(ddgi.InputError, match="connect that generator"):
        load.execute("projected_w.npz [input]")


def test_strangers_are_refused_by_every_node(pack, generator, faces):
    stranger = dataclasses.replace(faces(1), generator_fingerprint="12", generator_name="cousin")
    nodes = pack.nodes.latent_faces
    for call in (lambda: nodes.MixFaces.execute(faces(1), stranger, "all", 1.0),
                 lambda: nodes.TruncateFaces.execute(stranger, generator, 0.5, 0),
                 lambda: nodes.CombineFaces.execute({"faces_0": faces(1), "faces_1": stranger}, "batch"),
                 lambda: nodes.FaceWalk.execute(stranger, 4, "round", False, False, generator)):
        with pytest.raises(ddgi.InputError, match="'cousin'.*'tiny'"):
            call()


def test_choices_written_in_nodes_are_the_librarys(pack):
    from ddgi.latents import PATHS
    from ddgi.latents.arrays import SUFFIXES

    assert pack.nodes.latent_faces.PATHS == PATHS
    assert {*pack.nodes.latents.FOREIGN} == {*SUFFIXES} - {".safetensors"}
