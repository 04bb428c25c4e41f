"""Mixing, averaging, picking, stacking: what is taken is taken bit for bit."""

import dataclasses

import pytest
import torch

from ddgi.cameras import Camera
from ddgi.errors import InputError
from ddgi.latents import average, mix, nearest, parse_numbers, pick, stack


def test_a_mix_takes_the_layers_bit_for_bit(faces):
    first, second = pick(faces, [0]), pick(faces, [1])
    mixed = mix(first, second, (0, 3, 9))
    for layer in range(10):
        assert torch.equal(mixed.ws[:, layer], (second if layer in (0, 3, 9) else first).ws[:, layer])


def test_amount_0_is_the_first_and_half_is_between(faces):
    first, second = pick(faces, [0]), pick(faces, [1])
    assert torch.equal(mix(first, second, range(10), 0.0).ws, first.ws)
    torch.testing.assert_close(mix(first, second, range(10), 0.5).ws, (first.ws + second.ws) / 2)


def test_one_face_goes_with_all_of_a_batch(faces):
    mixed = mix(pick(faces, [0]), faces, (2,))
    assert torch.equal(mixed.ws[:, 2], faces.ws[:, 2])
    assert torch.equal(mixed.ws[4, 3], faces.ws[0, 3])
    with pytest.raises(InputError, match="2 faces were given with 5"):
        mix(pick(faces, [0, 1]), faces, (2,))


def test_an_average_is_the_weighted_mean(faces):
    torch.testing.assert_close(average(faces).ws, faces.ws.mean(0, keepdim=True))
    torch.testing.assert_close(average(pick(faces, [0, 1]), [3, 1]).ws[0], 0.75 * faces.ws[0] + 0.25 * faces.ws[1])
    with pytest.raises(InputError):
        average(faces, [1, 1])


def test_a_stack_holds_all_faces_and_cameras(faces):
    front, side = Camera.from_angles(0).label, Camera.from_angles(20).label
    first = dataclasses.replace(pick(faces, [0, 1]), camera=front)
    second = dataclasses.replace(pick(faces, [2]), camera=side)
    stacked = stack([first, second])
    assert torch.equal(stacked.ws, faces.ws[:3])
    assert torch.equal(stacked.camera, torch.cat([front, front, side]))
    assert stack([first, pick(faces, [2])]).camera is None


def test_strangers_are_refused_with_both_names(faces, make):
    stranger = make(seed=1, name="cousin").latent(faces.ws)
    for combined in (lambda: stack([faces, stranger]), lambda: mix(faces, stranger, (0,)),
                     lambda: nearest(faces, stranger)):
        with pytest.raises(InputError, match="'cousin'.*'tiny'"):
            combined()


def test_the_nearest_face_is_found(faces):
    close = dataclasses.replace(faces, ws=faces.ws[3:4] + 0.01)
    assert nearest(faces, close) == [3]
    assert nearest(faces, close, 2)[0] == 3


def test_numbers_are_read_in_order():
    assert parse_numbers("0, 2-4, -1", 5) == [0, 2, 3, 4, -1]
    for text in ("one", "1-", "0-900000", "1.5"):
        with pytest.raises(InputError):
            parse_numbers(text, 5)


def test_a_missing_face_is_named(faces):
    with pytest.raises(InputError, match="Face 5 .* 0 to 4"):
        pick(faces, [5])
