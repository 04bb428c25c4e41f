"""The demo models in core's hands: prompt and mask decide the face, and the model card tells the truth."""

import importlib

import pytest
import torch

from ddgi import load_generator
from ddgi.latents import load_directions

# What the shipped models reach on the heads of these tests; raised when better ones are shipped.
REACHED = {"m_t": {"miou": 0.653, "pixel_accuracy": 0.930, "attribute_accuracy": 0.987},
           "one_pass": {"miou": 0.661, "pixel_accuracy": 0.926, "attribute_accuracy": 0.975},
           "diffusion": {"miou": 0.633, "pixel_accuracy": 0.914, "attribute_accuracy": 0.956}}
# Attribute accuracy without a drawing, and without words.
REACHED_ALONE = {"words_alone": {"m_t": 0.962, "one_pass": 0.975, "diffusion": 0.943},
                 "drawing_alone": {"m_t": 0.731, "one_pass": 0.718, "diffusion": 0.793}}
SEEN_STYLES = {"studio", "pencil", "watercolour", "marble", "clay", "pixel"}   # cartoon is seen as studio mostly
REACHED_3D = {"0": {"silhouette": 0.952, "depth_error": 0.0132}, "30": {"silhouette": 0.957, "depth_error": 0.0130}}
# Another processor rounds otherwise: room for 3 of 160 attributes, and for a class or two of a small part.
MARGIN = 0.02
DEPTH_MARGIN = 0.002    # world units; a head is about 0.5 wide


@pytest.fixture(scope="module")
def room(pack):
    """The pack's `host` with the parts that these tests use loaded."""
    for name in ("demo_models", "managed", "evaluation.added", "evaluation.demo", "evaluation.directions",
                 "evaluation.random_faces", "evaluation.styles", "evaluation.views"):
        importlib.import_module(f"{pack.__name__}.host.{name}")
    return pack.host


@pytest.fixture(scope="module")
def scores(room):
    """Sixteen held-out heads, all methods."""
    return room.evaluation.demo.run(range(16), batch=16)


@pytest.mark.parametrize("method", REACHED)
def test_the_models_still_reach_what_they_reached(scores, method):
    for key, reached in REACHED[method].items():
        assert scores[method][key] >= reached - MARGIN, key


@pytest.mark.parametrize("group", REACHED_ALONE)
def test_words_and_drawings_count_by_themselves(scores, group):
    for method, reached in REACHED_ALONE[group].items():
        assert scores[group][method]["attribute_accuracy"] >= reached - MARGIN, method


def test_a_judge_sees_the_styles_that_were_asked_for(room):
    found = room.evaluation.styles.run(heads=4, samples=16)
    assert {style for style, share in found["diffusion"].items() if share == 1} >= SEEN_STYLES - {"studio"}
    assert found["diffusion"]["studio"] >= 0.75     # of the card's 16 heads one is read as another style
    assert set(found["generators"]) == {"cartoon", "pencil", "watercolour", "marble"}
    for copy in found["generators"].values():
        assert copy["read"] == 1 and copy["mask_miou"] >= 0.85 * copy["plain_mask_miou"]


def test_random_faces_show_what_head_world_shows(room):
    found = room.evaluation.random_faces.run((0.3, 1.25), faces=96)
    assert "style" not in found["world"] and found["faces"].keys() == {"0.3", "1.25"}
    for name, shares in found["world"].items():
        assert sum(shares.values()) == pytest.approx(1, abs=0.001)
        assert found["faces"]["0.3"][name].keys() == shares.keys()
    # .8 and more of 512 faces; a share of a tenth has a chance error of a third in 96.
    assert found["within_a_third"]["1.25"] >= 0.6 > found["within_a_third"]["0.3"]
    assert found["faces"]["0.3"]["glasses"]["yes"] < 0.1 < found["faces"]["1.25"]["glasses"]["yes"]


def test_words_add_what_a_drawing_lacks(room):
    shares = room.evaluation.added.run(tries=4)
    assert set(shares) == {"glasses", "beard", "earrings", "expression"}
    # Of the card's 64 tries nearly all; of 16 here, four may go wrong on another processor.
    for method in ("one_pass", "m_t"):
        assert sum(row[method] for row in shares.values()) / 4 >= 0.75


def test_a_slider_made_of_words_brings_what_it_names_and_little_else(room, monkeypatch, tmp_path):
    directions = room.evaluation.directions
    monkeypatch.setattr(directions, "SLIDERS", {"glasses": directions.SLIDERS["glasses"]})
    monkeypatch.setattr(directions, "SEFA", 1)
    scores = directions.run(faces=12, keep=tmp_path / "mine.safetensors")["glasses"]
    # Of the card's 64 faces .67, .03 and .99; a dozen say less exactly.
    assert scores["strength_1"]["gain"] > 0.4 and scores["strength_1"]["others"] < 0.1
    assert scores["strength_2"]["gain"] > 0.8
    assert scores["sefa"]["gain"] < scores["strength_1"]["gain"] and scores["sefa"]["axis"][1:] == "SeFa 0"
    kept, = load_directions(tmp_path / "mine.safetensors")
    assert kept.name == "glasses" and kept.layers == tuple(range(4, 14))


def test_the_demos_sliders_are_those_that_are_scored(room):
    kept = load_directions(room.folders.DEMO / "directions.safetensors")
    assert [direction.name for direction in kept] == list(room.evaluation.directions.SLIDERS)
    generator = load_generator(room.folders.DEMO / room.demo_models.files.GENERATOR)
    for direction, slider in zip(kept, room.evaluation.directions.SLIDERS.values()):
        direction.check(generator.lineage, 14, 128)
        assert (direction.record["words"], direction.record["step"]) == (slider.words, slider.step)


def test_a_face_that_stays_scores_nothing(room):
    directions = room.evaluation.directions
    generator = load_generator(room.folders.DEMO / room.demo_models.files.GENERATOR)
    judges = directions.load_judges(room.folders.DEMO / room.demo_models.files.JUDGES)
    trial = directions.Trial(directions.drawn(generator), judges, generator.latent(generator.map(torch.randn(8, 64))))
    assert trial.score(directions.SLIDERS["smile"], trial.before) == {"gain": 0, "others": 0, "kept_miou": 1}


def test_judges_read_true_images_best(scores):
    for method in ("mean_face", "m_only", "m_t", "diffusion"):
        for key in ("miou", "attribute_accuracy"):
            assert scores["ground_truth"][key] > scores[method][key]
        assert scores["ground_truth"]["distance"] == 0 < scores[method]["distance"]


def test_bridges_and_steps_are_scored_on_the_same_runs(room):
    file, seeds = room.folders.DEMO / room.demo_models.files.BRIDGE, range(4)
    scores = room.evaluation.demo.run(seeds)
    several = room.evaluation.demo.run(seeds, bridges={"one": file, "two": file}, bridge_steps=("last", "mean"))
    assert several["m_t (one, step last)"] == several["m_t (two, step last)"] == scores["m_t"]
    assert several["m_t (one, step mean)"]["distance"] != scores["m_t"]["distance"]
    assert several["m_only (two)"] == scores["m_only"]


@pytest.mark.parametrize("is_3d", [False, True], ids=["2D", "3D"])
def test_each_bridge_belongs_to_its_generator(room, is_3d):
    generator_file, bridge_file = list(room.folders.DEMO_KINDS.values())[is_3d]
    generator = room.managed.managed_generator(room.folders.DEMO / generator_file).value
    bridge = room.managed.managed_bridge(room.folders.DEMO / bridge_file).value
    assert generator.is_3d == is_3d
    assert bridge.config.generator_fingerprint == generator.fingerprint
    assert bridge.config.num_ws == generator.config.num_ws
    assert bridge.record["stages"].keys() == {"mapping", "modulation"}
    assert bridge.record["generator"]["fingerprint"] == generator.fingerprint


def test_heads_have_the_true_shape_from_the_side(room):
    result = room.evaluation.views.run(range(8), yaws=(0, 30), batch=8)
    for yaw, reached in REACHED_3D.items():
        assert result["views"][yaw]["silhouette"] >= reached["silhouette"] - MARGIN
        assert result["views"][yaw]["depth_error"] <= reached["depth_error"] + DEPTH_MARGIN


def test_random_faces_of_the_mapping_network_differ(room):
    generator = room.managed.managed_generator(room.folders.DEMO / room.demo_models.files.GENERATOR).value
    z = torch.randn(4, generator.config.z_dim, generator=torch.Generator().manual_seed(0))
    image = generator.render(generator.map(z)).image
    distances = [(image[i] - image[j]).abs().mean().item() for i in range(4) for j in range(i)]
    assert min(distances) > 0.05  # in -1..1; two equal pictures would give 0


def test_the_card_names_every_file_and_the_folder_stays_small(room):
    demo = room.folders.DEMO
    card = (demo / "README.md").read_text(encoding="utf-8")
    weights = sorted(demo.glob("*.safetensors"))
    assert len(weights) >= 5
    for path in weights:
        assert f"`{path.name}`" in card
    assert sum(path.stat().st_size for path in demo.rglob("*") if path.is_file()) < 40 * 2**20
