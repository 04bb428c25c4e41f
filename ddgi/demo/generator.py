"""Stage 3: the StyleGAN2, first from known head-world parameters, then with an adversarial polish."""

from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional as F

from ..gan import Discriminator, StyleGAN2
from ..gan.mapping import MappingNetwork
from ..headworld import ATTRIBUTES, FACTORS, Z_DIM, HeadParameters, parameters_from_z
from ..training.losses import edge_l1, pyramid_l1, r1_penalty
from ..training.stage import Stage, batches
from .data import HeadWorldData
from .settings import Settings

EDGE_WEIGHT = 2.0
# Mapping weights are stored at 1 / lr_mul = 100 times their effective size, so their rate is raised alike.
MAPPING_RATE = 100.0
ADVERSARIAL_WEIGHT, R1_WEIGHT, R1_EVERY = 0.03, 2.0, 8
CYCLIC = ("background_hue", "cloth_hue", "hat_hue")  # factors where -1 and 1 are the same colour


def head_code(z: torch.Tensor, unseen: tuple[str, ...] = ()) -> torch.Tensor:
    """What the head world draws for z [B, 64], as numbers [B, code]: one-hot attributes, factors, hues on a circle.

    Factors in `unseen` read as zero.
    """
    parameters = parameters_from_z(z)
    seen = torch.tensor([name not in unseen for name in FACTORS], device=z.device)
    parameters = HeadParameters(parameters.attributes, parameters.factors * seen)
    choices = [F.one_hot(column, len(values)).float()
               for column, values in zip(parameters.attributes.unbind(1), ATTRIBUTES.values())]
    hues = torch.stack([parameters.factor(name) for name in CYCLIC], dim=1) * torch.pi
    return torch.cat([*choices, parameters.factors, hues.sin(), hues.cos()], dim=1)


class CodeNetwork(nn.Module):
    """A code of `head_code` to w [B, w_dim]: stands in for the mapping network while pictures are learnt."""

    def __init__(self, w_dim: int, operations=nn):
        super().__init__()
        widths = (head_code(torch.ones(1, Z_DIM)).shape[1], 2 * w_dim, 2 * w_dim, w_dim)
        self.layers = nn.ModuleList(operations.Linear(a, b) for a, b in zip(widths, widths[1:]))

    def forward(self, code: torch.Tensor) -> torch.Tensor:
        for layer in self.layers[:-1]:
            code = F.leaky_relu(layer(code), 0.2)
        return self.layers[-1](code)


def reconstruction(output: torch.Tensor, image: torch.Tensor,
                    weight: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """L1 of pixels and of edges, weighted by `weight` [B, 1, R, R]."""
    return pyramid_l1(output, image, 1, weight), edge_l1(output, image, weight)


def _picture(generator: StyleGAN2, network: CodeNetwork, code: torch.Tensor) -> torch.Tensor:
    ws = network(code)[:, None].expand(-1, generator.config.num_ws, -1)
    return generator.synthesis(ws, noise_mode="none")


def _optimizer(generator: StyleGAN2, network: CodeNetwork, rate: float) -> torch.optim.Optimizer:
    return torch.optim.Adam([{"params": list(network.parameters()), "lr": rate / 2},
                             {"params": list(generator.synthesis.parameters()), "lr": rate}], betas=(0.9, 0.99))


def train_generator(settings: Settings, generator: StyleGAN2, network: CodeNetwork, data: HeadWorldData, folder,
                    report) -> None:
    """The head world says what it draws for each z, so synthesis learns by plain regression on those parameters."""
    optimizer = _optimizer(generator, network, 4e-3)
    stage = Stage("generator", settings.generator_steps, {"generator": generator, "code": network},
                  {"adam": optimizer}, folder, ema_decay=0.998, report=report)
    codes = head_code(data.z)

    def step_fn(step: int, rng: torch.Generator) -> dict[str, float]:
        index = batches(len(data), settings.generator_batch, step, seed=3)
        output = _picture(generator, network, codes[index].to(settings.device))
        weight = data.part_weights(index).to(settings.device)
        pixels, edge = reconstruction(output, data.images(index).to(settings.device), weight)
        optimizer.zero_grad(set_to_none=True)
        (pixels + EDGE_WEIGHT * edge).backward()
        optimizer.step()
        return {"pixels": pixels.item(), "edges": edge.item()}

    stage.run(step_fn)
    stage.apply_ema()


def polish_generator(settings: Settings, generator: StyleGAN2, network: CodeNetwork, data: HeadWorldData, folder,
                     report) -> None:
    """Non-saturating GAN loss with lazy R1, on top of the reconstruction loss that keeps each face in place."""
    critic = Discriminator(generator.config).to(settings.device)
    optimizers = {"generator": _optimizer(generator, network, 1e-3),
                  "critic": torch.optim.Adam(critic.parameters(), lr=2e-3, betas=(0.0, 0.99))}
    stage = Stage("polish", settings.polish_steps, {"generator": generator, "code": network, "critic": critic},
                  optimizers, folder, ema_decay=0.99, report=report)
    codes = head_code(data.z)

    def step_fn(step: int, rng: torch.Generator) -> dict[str, float]:
        index = batches(len(data), settings.generator_batch, step, seed=4)
        image = data.images(index).to(settings.device)
        output = _picture(generator, network, codes[index].to(settings.device))
        critic_loss = F.softplus(critic(output.detach())).mean() + F.softplus(-critic(image)).mean()
        if step % R1_EVERY == 0:
            critic_loss = critic_loss + R1_WEIGHT * R1_EVERY / 2 * r1_penalty(critic, image)
        optimizers["critic"].zero_grad(set_to_none=True)
        critic_loss.backward()
        optimizers["critic"].step()
        pixels, edge = reconstruction(output, image, data.part_weights(index).to(settings.device))
        fooled = F.softplus(-critic(output)).mean()
        optimizers["generator"].zero_grad(set_to_none=True)
        (pixels + EDGE_WEIGHT * edge + ADVERSARIAL_WEIGHT * fooled).backward()
        optimizers["generator"].step()
        return {"pixels": pixels.item(), "edges": edge.item(), "fooled": fooled.item(), "critic": critic_loss.item()}

    stage.run(step_fn)
    stage.apply_ema()


Known = Callable[[torch.Tensor], torch.Tensor]  # z [B, 64] to the w [B, w_dim] that synthesis learnt for it


def train_mapping_network(settings: Settings, mapping: MappingNetwork, known_w: Known, folder, report,
                          name: str = "z_to_w") -> None:
    """The mapping network learns z -> w from fresh z without end: w is known for each, and nothing is rendered."""
    optimizer = torch.optim.Adam(mapping.parameters(), lr=1e-3 * MAPPING_RATE, betas=(0.9, 0.99))
    stage = Stage(name, settings.z_steps, {"mapping": mapping}, {"adam": optimizer}, folder, report=report)
    _regress(stage, optimizer, _mapped(mapping), known_w, settings.device)


def train_code_network(settings: Settings, network: CodeNetwork, code: Callable[[torch.Tensor], torch.Tensor],
                       mapping: MappingNetwork, folder, report, name: str = "code") -> None:
    """The other way round, for a generator out of a file, which has no code network: w as its mapping network has it.

    code: z to what the network reads.
    """
    optimizer = torch.optim.Adam(network.parameters(), lr=2e-3, betas=(0.9, 0.99))
    stage = Stage(name, settings.code_steps, {"code": network}, {"adam": optimizer}, folder, report=report)
    _regress(stage, optimizer, lambda z: network(code(z)), _mapped(mapping), settings.device)


def _mapped(mapping: MappingNetwork) -> Known:
    return lambda z: mapping.single(z, no_camera(mapping, z))


def _regress(stage: Stage, optimizer: torch.optim.Optimizer, learner: Known, known_w: Known, device: str) -> None:
    """Train `learner` to give the w of `known_w` for any z; each number of w counts by its own spread."""
    with torch.no_grad():
        z = torch.randn(4096, Z_DIM, generator=torch.Generator().manual_seed(9))
        spread = known_w(z.to(device)).std(0).clamp_min(1e-3)

    def step_fn(step: int, rng: torch.Generator) -> dict[str, float]:
        z = torch.randn(512, Z_DIM, generator=rng).to(device)
        with torch.no_grad():
            known = known_w(z)
        loss = ((learner(z) - known) / spread).square().mean()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        return {"unexplained": loss.item()}

    stage.run(step_fn)
    stage.apply_ema()


@torch.no_grad()
def set_w_avg(mapping: MappingNetwork, samples: int = 4096) -> None:
    """Store the mean of w over random z as `mapping.w_avg`."""
    z = torch.randn(samples, mapping.z_dim, generator=torch.Generator().manual_seed(0)).to(mapping.w_avg.device)
    mapping.w_avg.copy_(_mapped(mapping)(z).mean(0))


def no_camera(mapping: MappingNetwork, z: torch.Tensor) -> torch.Tensor | None:
    """The conditioning label of a mapping network that is trained to see none."""
    return z.new_zeros(len(z), mapping.c_dim) if mapping.c_dim else None
