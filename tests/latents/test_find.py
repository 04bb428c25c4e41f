"""Directions found in weights and latents."""

import pytest
import torch

from ddgi.errors import InputError
from ddgi.latents import fit_direction, pca_directions, random_faces, sefa_directions
from ddgi.latents.find import principal_axes, sefa


def test_sefa_is_the_eigenvectors_of_the_stacked_weights(generator):
    """Against the singular vectors of the stack, another way to the same numbers: 1e-6 of unit vectors."""
    weights = [layer.weight for layer in generator.style_layers()]
    vectors, values = sefa(weights, 8)
    _, sizes, axes = torch.linalg.svd(torch.cat(weights).double(), full_matrices=False)
    torch.testing.assert_close(values, sizes.square(), atol=0, rtol=1e-9)
    signs = (vectors * axes).sum(1, keepdim=True).sign()
    torch.testing.assert_close(vectors, signs * axes, atol=1e-6, rtol=0)


def test_sefa_takes_the_layers_that_are_asked_for(generator):
    layers = (4, 5)
    chosen = [layer.weight for layer in generator.style_layers() if layer.index in layers]
    found = sefa_directions(generator, 1, layers=layers)[0]
    assert found.layers == layers and len(chosen) == 3          # torgb of one block, conv0 and conv1 of the next
    alike = torch.nn.functional.cosine_similarity(found.offset.double(), sefa(chosen, 1)[0][0], dim=0)
    assert alike > 1 - 1e-6


def test_style_layers_are_those_that_w_vectors_drive(generator, generator_3d):
    """Each layer reads the w vector that it names, in the order of the forward pass."""
    for network in (generator, generator_3d):
        layers, seen = network.style_layers(), []
        hooks = [layer.affine.register_forward_pre_hook(lambda module, args, seen=seen: seen.append((module, args[0])))
                 for layer in layers]
        network.draw(torch.arange(network.config.num_ws).float()[None, :, None].expand(1, -1, 8).clone())
        for hook in hooks:
            hook.remove()
        assert [module for module, _ in seen] == [layer.affine for layer in layers]
        read = [float(w[0, 0]) * 8 ** 0.5 for _, w in seen]                     # linear layers scale their input
        assert read == pytest.approx([layer.index for layer in layers], abs=1e-4)


def test_a_strength_of_1_is_one_deviation_of_w(generator):
    w = random_faces(generator, range(2000)).ws[:, 0].double()
    for direction in (sefa_directions(generator, 1)[0], pca_directions(generator, 1)[0]):
        offset = direction.offset.double()
        spread = (w @ (offset / offset.norm())).std()
        assert offset.norm() == pytest.approx(float(spread), rel=0.1)   # 2,000 samples: 1.6 % at one sigma


def test_principal_axes_are_those_of_the_covariance():
    w = torch.randn(500, 4, generator=torch.Generator().manual_seed(0)) * torch.tensor([1.0, 5.0, 2.0, 0.1])
    axes, spread = principal_axes(w, 2)
    assert axes[0].abs().argmax() == 1 and axes[1].abs().argmax() == 2
    torch.testing.assert_close(spread, torch.tensor([5.0, 2.0]).double(), atol=0, rtol=0.1)


def test_labels_give_the_direction_that_tells_them_apart(generator, faces):
    rng = torch.Generator().manual_seed(0)
    ws = torch.randn(200, 10, 8, generator=rng)
    labels = (ws[:, 4, 2] > 0).float()
    found = fit_direction(generator.latent(ws), labels.tolist(), "one number")
    assert found.offset.flatten().abs().argmax() == 4 * 8 + 2
    moved = ws + 2 * found.offset
    assert (moved[labels == 0][:, 4, 2] > 0).float().mean() > 0.9


def test_labels_that_are_alike_are_refused(faces):
    with pytest.raises(InputError, match="alike"):
        fit_direction(faces, [1, 1, 1, 1, 1], "nothing")
    with pytest.raises(InputError, match="2 labels .* 5 faces"):
        fit_direction(faces, [0, 1], "nothing")


def test_there_are_no_more_axes_than_numbers(generator):
    with pytest.raises(InputError):
        sefa_directions(generator, 4, first=6)
