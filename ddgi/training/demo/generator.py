"""Stage 3: the StyleGAN2, first from known head-world parameters, then with an adversarial polish."""

import torch
from torch import nn
from torch.nn import functional as F

from ...gan import Discriminator, StyleGAN2
from ...headworld import ATTRIBUTES, Z_DIM, parameters_from_z
from ..losses import edge_l1, edges, pyramid_l1, r1_penalty
from ..stage import Stage, batches
from .data import HeadWorldData
from .settings import Settings

EDGE_WEIGHT = 2.0
# Mapping weights are stored at 1 / lr_mul = 100 times their effective size, so their rate is raised alike.
MAPPING_RATE = 100.0
ADVERSARIAL_WEIGHT, R1_WEIGHT, R1_EVERY = 0.03, 2.0, 8
CYCLIC = ("background_hue", "cloth_hue", "hat_hue")  # factors where -1 and 1 are the same colour


def head_code(z: torch.Tensor) -> torch.Tensor:
    """What the head world draws for z [B, 64], as numbers [B, code]: one-hot attributes, factors, hues on a circle."""
    parameters = parameters_from_z(z)
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


def _reconstruction(output: torch.Tensor, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    return pyramid_l1(output, image, levels=2), edge_l1(output, image)


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
        pixels, edge = _reconstruction(output, data.images(index).to(settings.device))
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
        pixels, edge = _reconstruction(output, image)
        fooled = F.softplus(-critic(output)).mean()
        optimizers["generator"].zero_grad(set_to_none=True)
        (pixels + EDGE_WEIGHT * edge + ADVERSARIAL_WEIGHT * fooled).backward()
        optimizers["generator"].step()
        return {"pixels": pixels.item(), "edges": edge.item(), "fooled": fooled.item(), "critic": critic_loss.item()}

    stage.run(step_fn)
    stage.apply_ema()


def detail_generator(settings: Settings, generator: StyleGAN2, network: CodeNetwork, data: HeadWorldData, folder,
                     report) -> None:
    """Synthesis alone, with the small parts of the face (eyes, lips, glasses, ...) weighted up; w keeps its meaning."""
    network.requires_grad_(False)
    optimizer = torch.optim.Adam(generator.synthesis.parameters(), lr=3e-3, betas=(0.9, 0.99))
    stage = Stage("detail", settings.detail_steps, {"generator": generator}, {"adam": optimizer}, folder,
                  ema_decay=0.998, report=report)
    codes = head_code(data.z)

    def step_fn(step: int, rng: torch.Generator) -> dict[str, float]:
        index = batches(len(data), settings.generator_batch, step, seed=11)
        weight = data.part_weights(index).to(settings.device)
        image = data.images(index).to(settings.device)
        output = _picture(generator, network, codes[index].to(settings.device))
        pixels = ((output - image).abs() * weight).mean()
        edge = ((edges(output) - edges(image)).abs() * weight[..., 1:, 1:]).mean()
        optimizer.zero_grad(set_to_none=True)
        (pixels + EDGE_WEIGHT * edge).backward()
        optimizer.step()
        return {"pixels": pixels.item(), "edges": edge.item()}

    stage.run(step_fn)
    stage.apply_ema()


def train_mapping_network(settings: Settings, generator: StyleGAN2, network: CodeNetwork, folder, report) -> None:
    """The mapping network learns z -> w from fresh z without end: w is known for each, and nothing is rendered."""
    mapping = generator.mapping
    optimizer = torch.optim.Adam(mapping.parameters(), lr=1e-3 * MAPPING_RATE, betas=(0.9, 0.99))
    stage = Stage("z_to_w", settings.z_steps, {"mapping": mapping}, {"adam": optimizer}, folder, report=report)
    with torch.no_grad():
        z = torch.randn(4096, Z_DIM, generator=torch.Generator().manual_seed(9))
        spread = network(head_code(z).to(settings.device)).std(0).clamp_min(1e-3)

    def step_fn(step: int, rng: torch.Generator) -> dict[str, float]:
        z = torch.randn(512, Z_DIM, generator=rng)
        with torch.no_grad():
            known = network(head_code(z).to(settings.device))
        loss = ((mapping.single(z.to(settings.device)) - known) / spread).square().mean()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        return {"unexplained": loss.item()}

    stage.run(step_fn)
    stage.apply_ema()


@torch.no_grad()
def set_w_avg(generator: StyleGAN2, samples: int = 4096) -> None:
    """Store the mean of w over random z as `mapping.w_avg`."""
    z = torch.randn(samples, generator.config.z_dim, generator=torch.Generator().manual_seed(0))
    device = generator.mapping.w_avg.device
    generator.mapping.w_avg.copy_(generator.mapping(z.to(device))[:, 0].mean(0))
