"""The terms of the objective on scenes whose losses are known, and the optional judges' files."""

import dataclasses

import pytest
import torch

from ddgi.bridge import BridgeInputs
from ddgi.training.objective import TERMS, Objective
from ddgi.training.passes import Batch


class Space:
    """A generator whose picture is w itself, on a 4x4 grid."""

    size, w_avg, w_std = 4, torch.zeros(2), torch.tensor([1.0, 2.0])

    def draw(self, ws, camera):
        return ws.mean((1, 2))[:, None, None, None].expand(-1, 3, 4, 4)

    def distance(self, ws, others):
        return ((ws - others) / self.w_std).square().mean((1, 2))


def scene(count=2):
    empty = torch.zeros(count, 1, 1, 1)
    pictures = torch.full((count, 3, 4, 4), 0.5)
    return Batch(BridgeInputs(empty, (), (), empty), pictures, pictures, torch.zeros(count, 3, 2),
                 torch.tensor([True] + [False] * (count - 1)))


def values(weights, ws, batch, **options):
    options = {"perceptual": lambda a, b: (a - b).abs().mean((1, 2, 3)), **options}
    return Objective(weights, Space(), **options)(ws, batch)


def test_each_term_is_what_it_says():
    ws = torch.ones(2, 3, 2)
    loss, terms = values({"pixel": 1.0, "perceptual": 2.0, "known_w": 1.0, "w_avg": 4.0}, ws, scene())
    # known_w: the first row is (1 + 1/4) / 2 away, the second is not known.
    assert terms == pytest.approx({"loss": loss.item(), "pixel": 0.25, "perceptual": 0.5, "known_w": 0.3125,
                                   "w_avg": 0.625})
    assert loss.item() == pytest.approx(0.25 + 2 * 0.5 + 0.3125 + 4 * 0.625)


def test_heavy_pixels_count_more():
    batch = scene()
    weight = torch.ones(2, 1, 4, 4)
    weight[:, :, 0] = 5.0  # a quarter of the picture
    _, terms = values({"pixel": 1.0}, torch.ones(2, 3, 2), dataclasses.replace(batch, weight=weight))
    assert terms["pixel"] == pytest.approx(0.25 * (0.75 + 0.25 * 5))


def test_a_term_without_weight_is_not_computed_and_identity_needs_its_file():
    _, terms = values({"pixel": 1.0, "perceptual": 0.0, "identity": 1.0}, torch.ones(2, 3, 2), scene())
    assert set(terms) == {"loss", "pixel"}


def test_identity_is_one_minus_the_cosine():
    def vectors(pictures):
        brightness = pictures.mean((1, 2, 3))
        return torch.stack([brightness, (1 - brightness.square()).clamp_min(0).sqrt()], 1)

    _, terms = values({"identity": 1.0}, torch.zeros(1, 3, 2), scene(1), identity=vectors)
    assert terms["identity"] == pytest.approx(1 - 0.75 ** 0.5)  # between brightness 0 and 0.5


def test_pictures_of_rows_without_a_known_latent_come_first_and_all_rows_count_for_w():
    ws = torch.stack([torch.full((3, 2), 9.0), torch.full((3, 2), 0.5)])  # the data knows the first one's
    _, terms = values({"pixel": 1.0, "w_avg": 1.0}, ws, scene(), rendered_share=0.5)
    assert terms["pixel"] == pytest.approx(0.0)
    assert terms["w_avg"] > 20


def test_what_has_a_known_latent_need_not_be_rendered():
    ws = torch.stack([torch.full((3, 2), 9.0), torch.full((3, 2), 0.5)])     # the data knows the first one's
    batch, weights = scene(), {"pixel": 1.0, "known_w": 1.0}
    assert values(weights, ws, batch, known_rendered=False)[1]["pixel"] == pytest.approx(0.0)
    known = dataclasses.replace(batch, has_w=torch.tensor([True, True]))
    assert values(weights, ws, known, known_rendered=False)[1].keys() == {"loss", "known_w"}
    assert values({"pixel": 1.0}, ws, known, known_rendered=False)[1]["pixel"] > 30     # nothing else to learn from


def test_pictures_are_compared_at_the_size_asked_for():
    sizes = []

    def look(a, b):
        sizes.append((tuple(a.shape), tuple(b.shape)))
        return a.new_zeros(len(a))

    values({"perceptual": 1.0}, torch.ones(2, 3, 2), scene(), perceptual=look, size=2)
    assert sizes == [((2, 3, 2, 2), (2, 3, 2, 2))]


def test_a_new_term_is_one_function(monkeypatch):
    monkeypatch.setitem(TERMS, "brightness", lambda scene: scene.image.mean())
    assert values({"brightness": 3.0}, torch.ones(2, 3, 2), scene())[0].item() == pytest.approx(3.0)


def test_terms_that_look_at_latents_alone_render_nothing():
    class Unseen(Space):
        def draw(self, ws, camera):
            raise AssertionError("a picture was rendered")

    objective = Objective({"known_w": 1.0, "w_avg": 1.0, "pixel": 0.0}, Unseen(), perceptual=None)
    assert objective(torch.ones(2, 3, 2), scene())[1]["known_w"] == pytest.approx(0.3125)
