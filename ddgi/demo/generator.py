"""Stage 3: the StyleGAN2, first from known head-world parameters, then with an adversarial polish."""

from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional as F

from ..gan import StyleGAN2Config
from ..gan.mapping import MappingNetwork
from ..gan.stylegan2.discriminator import Discriminator
from ..gan.stylegan2.network import StyleGAN2
from ..gan.stylegan2.synthesis import noise_source
from ..headworld import ATTRIBUTES, FACTORS, Z_DIM, HeadParameters, parameters_from_z, stack_seeds
from ..pictures import from_bytes
from ..training.data.heads import HeadWorld
from ..training.losses import edge_l1, part_weights, pyramid_l1, r1_penalty
from ..training.stage import Stage, batches
from .settings import Settings

EDGE_WEIGHT = 2.0
# Mapping weights are stored at 1 / lr_mul = 100 times their effective size, so their rate is raised alike.
MAPPING_RATE = 100.0
ADVERSARIAL_WEIGHT, R1_WEIGHT, R1_EVERY = 0.03, 2.0, 8
# Blocks above a CROP_UNIT-th of the picture's side learn from crops; CROP in pixels at that size, CROP_MARGIN in full.
CROP_UNIT, CROP, CROP_MARGIN = 4, 32, 8
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


def grow(module: StyleGAN2, small: dict[str, torch.Tensor]) -> None:
    """Give a generator the weights of a smaller one, so that at first it draws the smaller one's picture, enlarged.

    Blocks carry over; where a layer is wider here, its further channels start unused: nothing reads them, and the
    pictures of blocks that the smaller one lacks are black until they learn.
    """
    with torch.no_grad():
        for name, mine in module.state_dict().items():
            if name in small:
                place = tuple(slice(0, side) for side in small[name].shape)
                if mine.ndim == 4 and mine.shape[1] > small[name].shape[1]:
                    mine[:, small[name].shape[1]:] = 0
                # A picture's branch divides by the square root of its channels, so more of them weigh more.
                scale = (mine.shape[1] / small[name].shape[1]) ** 0.5 if name.endswith("torgb.weight") else 1.0
                mine[place] = small[name].to(mine) * scale
            elif ".torgb." in name and "affine" not in name:
                mine.zero_()


def _picture(generator: StyleGAN2, network: CodeNetwork, code: torch.Tensor) -> torch.Tensor:
    return generator.synthesis(_ws(generator, network, code), noise_mode="none")


def _ws(generator: StyleGAN2, network: CodeNetwork, code: torch.Tensor) -> torch.Tensor:
    return network(code)[:, None].expand(-1, generator.config.num_ws, -1)


def crops(weights: torch.Tensor, rng: torch.Generator) -> tuple[int, int]:
    """Corner (row, column) of one crop for a batch, in units of `CROP_UNIT` pixels, mostly over the small parts.

    weights: [B, 1, R, R] of `part_weights`.
    """
    places = F.avg_pool2d(weights.mean(0, keepdim=True), CROP_UNIT)[0, 0] - 0.9
    row, column = divmod(int(torch.multinomial(places.flatten(), 1, generator=rng)), places.shape[1])
    reach, shift = len(places) - CROP, torch.randint(-CROP // 2, 1, (2,), generator=rng).tolist()
    return tuple(min(max(place + offset, 0), reach) for place, offset in zip((row, column), shift))


def render_parts(generator: StyleGAN2, ws: torch.Tensor, corner: tuple[int, int]) -> tuple[torch.Tensor, torch.Tensor]:
    """The whole picture at a `CROP_UNIT`-th of its side, [B, 3, R / U, R / U], and the crop at `corner`, [B, 3, P, P].

    Convolutions are local, so blocks above that size learn from crops as well as from whole pictures, for a quarter
    of the price. Where a crop ends inside the picture its last pixels lack neighbours, see `inner`.
    """
    synthesis, config = generator.synthesis, generator.config
    x = img = whole = None
    start, (row, column) = 0, corner
    silent = noise_source("none", None, None, len(ws))
    for resolution in config.block_resolutions:
        count = 2 if resolution == 4 else 3
        x, img = getattr(synthesis, f"b{resolution}")(x, img, ws[:, start:start + count], silent, torch.float32)
        if resolution * CROP_UNIT == config.img_resolution:
            whole = img
            x, img = (part[:, :, row:row + CROP, column:column + CROP].contiguous() for part in (x, img))
        start += count - 1
    return whole, img


def cut(pictures: torch.Tensor, corner: tuple[int, int]) -> torch.Tensor:
    """What the crop should be, of whole pictures [B, C, R, R]."""
    (top, left), side = (place * CROP_UNIT for place in corner), CROP * CROP_UNIT
    return pictures[:, :, top:top + side, left:left + side]


def inner(weight: torch.Tensor, corner: tuple[int, int], side: int) -> torch.Tensor:
    """Weights [B, 1, P, P] of a crop, 0 along its edges that lie inside the picture of `side` pixels."""
    (top, left), reach = corner, side // CROP_UNIT - CROP
    kept = torch.zeros_like(weight)
    rows, columns = (slice(CROP_MARGIN if place > 0 else 0, None if place == reach else -CROP_MARGIN)
                     for place in (top, left))
    kept[:, :, rows, columns] = weight[:, :, rows, columns]
    return kept


def _optimizer(generator: StyleGAN2, network: CodeNetwork | None, rate: float) -> torch.optim.Optimizer:
    """network: None leaves the latents as they are."""
    codes = [{"params": list(network.parameters()), "lr": rate / 2}] if network else []
    return torch.optim.Adam([*codes, {"params": list(generator.synthesis.parameters()), "lr": rate}],
                            betas=(0.9, 0.99))


def _heads(heads: HeadWorld, index: torch.Tensor, device: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Pictures [B, 3, R, R] and their weights [B, 1, R, R]."""
    rows = heads.rows(index.tolist())
    return from_bytes(rows["image"]).to(device), part_weights(rows["mask"]).to(device)


def train_generator(settings: Settings, generator: StyleGAN2, network: CodeNetwork, heads: HeadWorld, folder,
                    report) -> None:
    """The head world says what it draws for each z, so synthesis learns by plain regression on those parameters:
    the whole picture small, and a crop of it sharp.
    """
    _regress_pictures("generator", settings.generator_steps, _optimizer(generator, network, 3e-3), settings, generator,
                      network, heads, folder, report)


def sharpen_generator(settings: Settings, generator: StyleGAN2, network: CodeNetwork, heads: HeadWorld, folder,
                      report) -> None:
    """Synthesis goes on by itself: every latent keeps its head, so bridges can be trained meanwhile."""
    network.requires_grad_(False)
    _regress_pictures("sharpen", settings.sharpen_steps, _optimizer(generator, None, 2e-3), settings, generator,
                      network, heads, folder, report)


def _regress_pictures(name: str, steps: int, optimizer: torch.optim.Optimizer, settings: Settings,
                      generator: StyleGAN2, network: CodeNetwork, heads: HeadWorld, folder, report) -> None:
    stage = Stage(name, steps, {"generator": generator, "code": network}, {"adam": optimizer}, folder,
                  ema_decay=0.998, report=report)
    codes = head_code(stack_seeds(heads.seeds))

    def step_fn(step: int, rng: torch.Generator) -> dict[str, float]:
        index = batches(len(heads), settings.generator_batch, step, seed=3)
        image, weight = _heads(heads, index, settings.device)
        corner = crops(weight, rng)
        whole, crop = render_parts(generator, _ws(generator, network, codes[index].to(settings.device)), corner)
        small, small_edges = reconstruction(whole, F.avg_pool2d(image, CROP_UNIT), F.avg_pool2d(weight, CROP_UNIT))
        pixels, edge = reconstruction(crop, cut(image, corner), inner(cut(weight, corner), corner, image.shape[-1]))
        optimizer.zero_grad(set_to_none=True)
        (small + pixels + EDGE_WEIGHT * (small_edges + edge)).backward()
        optimizer.step()
        return {"small": small.item(), "small edges": small_edges.item(), "pixels": pixels.item(),
                "edges": edge.item()}

    stage.run(step_fn)
    stage.apply_ema()


def polish_generator(settings: Settings, generator: StyleGAN2, network: CodeNetwork, heads: HeadWorld, folder,
                     report) -> None:
    """Non-saturating GAN loss with lazy R1 on crops, on top of the reconstruction that keeps each face in place.

    Latents keep their heads, as in `sharpen_generator`.
    """
    side = CROP * CROP_UNIT
    critic = Discriminator(StyleGAN2Config(img_resolution=side, channel_base=16 * side, channel_max=64))
    critic.to(settings.device)
    optimizers = {"generator": _optimizer(generator, None, 1e-3),
                  "critic": torch.optim.Adam(critic.parameters(), lr=2e-3, betas=(0.0, 0.99))}
    stage = Stage("polish", settings.polish_steps, {"generator": generator, "code": network, "critic": critic},
                  optimizers, folder, ema_decay=0.99, report=report)
    codes = head_code(stack_seeds(heads.seeds))

    def step_fn(step: int, rng: torch.Generator) -> dict[str, float]:
        index = batches(len(heads), settings.generator_batch, step, seed=4)
        image, weight = _heads(heads, index, settings.device)
        corner = crops(weight, rng)
        output = _picture(generator, network, codes[index].to(settings.device))
        seen, real = cut(output, corner), cut(image, corner)
        critic_loss = F.softplus(critic(seen.detach())).mean() + F.softplus(-critic(real)).mean()
        if step % R1_EVERY == 0:
            critic_loss = critic_loss + R1_WEIGHT * R1_EVERY / 2 * r1_penalty(critic, real)
        optimizers["critic"].zero_grad(set_to_none=True)
        critic_loss.backward()
        optimizers["critic"].step()
        pixels, edge = reconstruction(output, image, weight)
        fooled = F.softplus(-critic(seen)).mean()
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
