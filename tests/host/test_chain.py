"""The diffusion model under a sampler, as evaluations, batches and trainings run it."""

import dataclasses
import importlib

import pytest
import torch

WORDS = ""                      # of the prompt and of the negative one, so that they do not guide


@pytest.fixture(scope="module")
def hint():
    return torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def finishers(pack):
    """Who runs the sampler: hints [1, 3, R, R] or None and CFG to a finished picture."""
    chains = importlib.import_module(f"{pack.__name__}.host.chain")
    chain = chains.Chain.of_demo(pack.host.folders.DEMO, chains.Sampling(steps=2))
    recipe = importlib.import_module(f"{pack.__name__}.host.training.recipe")
    encoder = recipe.open_encoder(recipe.ModelTable(steps=2))

    @torch.inference_mode()
    def by_chain(hint, cfg):
        chain.sampling = dataclasses.replace(chain.sampling, cfg=cfg)
        return chain.sample([WORDS], hint if hint is None else hint.movedim(1, -1), 0)[0]

    def by_encoder(hint, cfg):
        encoder.cfg = cfg
        return encoder.finish([WORDS], [None if hint is None else hint[0]], [0])
    return {"chain": by_chain, "encoder": by_encoder}


@pytest.mark.parametrize("name", ["chain", "encoder"])
def test_guidance_acts_through_the_drawing_too(finishers, hint, name):
    finish = finishers[name]
    plain, guided = finish(hint, 1.0), finish(hint, 3.0)
    torch.testing.assert_close(finish(None, 1.0), finish(None, 3.0), atol=1e-3, rtol=0)     # sums of rows at once
    assert (guided - plain).abs().mean() > 0.02


@pytest.mark.parametrize("name", ["chain", "encoder"])
def test_other_models_are_guided_by_words_alone(finishers, hint, pack, monkeypatch, name):
    described = importlib.import_module(f"{pack.__name__}.host.core_models")._SmallSD15
    monkeypatch.setattr(described, "hint_guides", False)
    plain, guided = (finishers[name](hint, cfg) for cfg in (1.0, 3.0))
    torch.testing.assert_close(plain, guided, atol=1e-3, rtol=0)
