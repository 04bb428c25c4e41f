"""Faces from seeds."""

import torch

from ddgi.latents import random_faces


def test_a_batch_is_its_singles(generator, generator_3d):
    for network in (generator, generator_3d):
        batch = random_faces(network, [7, 8, 9], 0.7).ws
        assert torch.equal(batch[1:2], random_faces(network, [8], 0.7).ws)


def test_psi_0_is_the_mean_face_and_a_cutoff_leaves_the_rest(generator):
    mean = random_faces(generator, [1, 2], 0.0)
    assert torch.equal(mean.ws, generator.w_avg.expand(2, 10, 8))
    half = random_faces(generator, [1], 0.0, cutoff=4).ws
    assert torch.equal(half[:, 4:], random_faces(generator, [1]).ws[:, 4:])


def test_a_latent_says_how_it_was_drawn(generator):
    assert random_faces(generator, [5], 0.6).record == {"seeds": [5], "truncation_psi": 0.6, "truncation_cutoff": None}


def test_large_seeds_are_seeds(generator):
    a, b = random_faces(generator, [2 ** 64 - 1, 0]).ws
    assert not torch.equal(a, b)
