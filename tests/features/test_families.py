"""Another family of networks is a class and a row of the table: a small diffusion transformer as the example."""

from contextlib import ExitStack, contextmanager

import pytest
import torch
from einops import rearrange
from torch import nn
from torch.nn import Conv2d, Linear
from torch.nn import functional as F

from ddgi.errors import InputError
from ddgi.features import FeatureLayout, NetworkTaps, StageLayout, capture_pass, families

WIDTH, HEADS, CONTEXT = 8, 2, 6


class Block(nn.Module):
    """Cross-attention of image tokens over the prompt's, with a residual."""

    def __init__(self):
        super().__init__()
        self.to_q, self.to_k, self.to_v = (Linear(n, WIDTH) for n in (WIDTH, CONTEXT, CONTEXT))
        self.to_out = Linear(WIDTH, WIDTH)

    def forward(self, tokens, text):
        q, k, v = (rearrange(t, "b n (h d) -> b h n d", h=HEADS)
                   for t in (self.to_q(tokens), self.to_k(text), self.to_v(text)))
        return tokens + self.to_out(rearrange(F.scaled_dot_product_attention(q, k, v), "b h n d -> b n (h d)"))


class Transformer(nn.Module):
    """Tokens lie row by row over patches of 2 x 2 latents; the arguments of a call are not a U-Net's."""

    def __init__(self):
        super().__init__()
        self.patches = Conv2d(4, WIDTH, 2, stride=2)
        self.double_blocks = nn.ModuleList(Block() for _ in range(3))

    def forward(self, x, timestep, context, guidance, control, transformer_options):
        tokens = rearrange(self.patches(x), "b c h w -> b (h w) c")
        for block in self.double_blocks:
            tokens = block(tokens, context)
        return tokens


class TransformerTaps(NetworkTaps):
    """The row: the first block is the middle, each of the others a stage."""

    models = "toy transformers"

    @classmethod
    def knows(cls, network):
        return hasattr(network, "double_blocks")

    def __init__(self, network, latent_size=None):
        self.network = network
        stages = tuple(StageLayout(WIDTH, 2, (n,), 1) for n in range(1, len(network.double_blocks)))
        self.layout = FeatureLayout("toy", WIDTH, stages, latent_size, CONTEXT)

    @staticmethod
    def options_of_call(args, kwargs):
        return args[5]

    @contextmanager
    def attach(self, call, options):
        def as_map(tokens):
            return rearrange(tokens, "b (h w) c -> b c h w", h=options["rows"])

        middle, *blocks = self.network.double_blocks
        with ExitStack() as stack:
            on = lambda module, hook: stack.callback(module.register_forward_hook(hook).remove)  # noqa: E731
            on(middle, lambda m, args, out: call.take_middle(as_map(out), options["timesteps"]))
            for block, maps in zip(blocks, call.stages):
                q = []
                on(block.to_q, lambda m, args, out, q=q: q.append(out))
                on(block.to_k, lambda m, args, out, q=q, maps=maps: maps.add_words(q.pop(), out, HEADS))
                on(block.to_out, lambda m, args, out, maps=maps: maps.add_output(args[0]))
                on(block, lambda m, args, out, maps=maps: maps.end(as_map(out)))
            yield


class Model:
    """The host's calling convention: wrappers around one call of the network."""

    def __init__(self, network):
        self.diffusion_model = network

    def apply_model(self, x, sigma, c_crossattn, control, transformer_options):
        options = {**transformer_options, "rows": x.shape[-2] // 2, "timesteps": sigma * 1000}
        wrapper, = transformer_options["wrappers"]["diffusion_model"]["ddgi_capture_pass"]

        class Executor:
            class_obj = self.diffusion_model

            def __call__(self, *args):
                return self.class_obj(*args)

        return wrapper(Executor(), x, sigma, c_crossattn, None, control, options)


def test_a_transformer_is_read_by_a_row_of_its_own(monkeypatch):
    torch.manual_seed(0)
    network = Transformer().requires_grad_(False)
    with pytest.raises(InputError, match="a Transformer, which DDGI cannot read; use one of these: SD 1.x"):
        FeatureLayout.of(network)
    monkeypatch.setattr(families, "FAMILIES", (*families.FAMILIES, TransformerTaps))
    noised, text = torch.randn(2, 4, 6, 4), torch.randn(2, 5, CONTEXT)
    step = capture_pass(Model(network), noised, torch.tensor([0.5, 0.25]), text)
    layout = FeatureLayout.of(network, (6, 4))
    assert (layout.family, layout.latent_size, [s.blocks for s in layout.stages]) == ("toy", (6, 4), [(1,), (2,)])
    assert step.h.shape == step.f[0].shape == step.attention[1].shape == (2, WIDTH, 3, 2)
    assert step.timestep.tolist() == [500.0, 250.0]
    assert torch.equal(step.f[1], rearrange(network(noised, None, text, None, None, {}), "b (h w) c -> b c h w", h=3))
    assert torch.allclose(step.word_mean[0].sum(1), torch.ones(2, 3, 2))  # probabilities over the prompt's tokens
    assert not any(module._forward_hooks for module in network.modules())
