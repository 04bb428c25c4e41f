"""A toy world for the trainer: a tiny generator, a diffusion model made of fixed convolutions, known latents."""

import torch
from torch.nn import functional as F

from ddgi.config import build
from ddgi.features import FeatureLayout, StageLayout, StepFeatures
from ddgi.gan import StyleGAN2Config, StyleGAN2Generator
from ddgi.gan.stylegan2.network import StyleGAN2
from ddgi.training.bridge_trainer import BridgeTrainer
from ddgi.training.config import TrainConfig
from ddgi.training.data import Sample
from ddgi.training.data.sample import Items

WORDS = ("", "bright", "dark")
RECIPE = {
    "held_out_share": 0.2, "held_out": 4, "evaluate_every": 5, "save_every": 1000.0, "log_every": 4,
    "features": {"own_images": 8, "passes": 16, "statistics": 8},
    "bridge": {"mapping_width": 16, "modulation_width": 8, "head_width": 16},
    "mapping": {"steps": 8, "batch": 4, "rate": 3e-3, "warmup": 2, "rendered_share": 0.5, "known_rendered": True},
    "modulation": {"steps": 4, "batch": 4, "rate": 3e-3, "warmup": 2, "rendered_share": 0.5},
}


def config(**changes) -> TrainConfig:
    """RECIPE with changes; a dict changes keys of a table."""
    recipe = {k: dict(v) if isinstance(v, dict) else v for k, v in RECIPE.items()}
    for key, value in changes.items():
        recipe[key] = {**recipe.get(key, {}), **value} if isinstance(value, dict) else value
    return build(TrainConfig, recipe)


def generator(seed=0) -> StyleGAN2Generator:
    torch.manual_seed(seed)
    sizes = StyleGAN2Config(z_dim=8, w_dim=8, img_resolution=8, channel_base=64, channel_max=8, num_mapping_layers=2)
    module = StyleGAN2(sizes).eval().requires_grad_(False)
    return StyleGAN2Generator(sizes, module, name="toy")


class ToySource(Items):
    """Samples of the generator with known w; the prompt says whether the picture is bright."""

    problems = []

    def __init__(self, network: StyleGAN2Generator, count: int = 40, **flags):
        self.flags = flags
        self.ws = network.map(torch.randn(count, 8, generator=torch.Generator().manual_seed(1)))
        self.images = network.render(self.ws).image.clamp(-1, 1)

    def __len__(self):
        return len(self.ws)

    def name(self, index):
        return f"toy-{index}"

    def read(self, index, rng):
        image = self.images[index]
        kind = ("mask", "scribble")[int(torch.randint(2, (), generator=rng))]
        hint = (image > 0).float() if kind == "scribble" else (image + 1) / 2
        mask = (image[0] > 0).to(torch.uint8) if self.flags.get("on_white") else None
        return Sample(self.name(index), "bright" if image.mean() > 0 else "dark", hint, kind, image, mask,
                      w=self.ws[index], **self.flags)

    def describe(self):
        return {"source": "toy", "items": len(self)}


def as_batch(hints):
    """Hints of rows as [B, 3, H, W], grey where there is none."""
    return torch.stack([torch.full((3, 8, 8), 0.5) if hint is None else hint for hint in hints])


class ToyEncoder:
    """Fixed random convolutions of the noised picture, the hint and the prompt; counts its calls."""

    layout = FeatureLayout("custom", 8, (StageLayout(8, 2, (0,), 1), StageLayout(4, 1, (1,), 1)), (8, 8), 4)
    size = 8
    num_timesteps = 100
    finish_passes = 2
    device = torch.device("cpu")

    def __init__(self):
        draw = torch.Generator().manual_seed(7)
        self.kernels = [torch.randn(c, 6, 3, 3, generator=draw) / 7 for c in (8, 8, 4)]
        self.encoded = self.finished = 0

    def _maps(self, pictures, hints, prompts):
        both = torch.cat([F.interpolate(x, size=(8, 8), mode="bilinear") for x in (pictures, as_batch(hints))], 1)
        tone = torch.tensor([WORDS.index(p) - 1.5 for p in prompts])[:, None, None, None]
        return [F.conv2d(F.avg_pool2d(both, s) if s > 1 else both, kernel, padding=1) + tone
                for kernel, s in zip(self.kernels, (2, 2, 1))]

    def encode(self, images, prompts, hints, timesteps, seeds):
        self.encoded += len(images)
        noise = torch.stack([torch.randn(images.shape[1:], generator=torch.Generator().manual_seed(s)) for s in seeds])
        share = (timesteps.float() / self.num_timesteps)[:, None, None, None]
        h, *f = self._maps(images * (1 - share) + noise * share, hints, prompts)
        peak = [x.abs().amax(1, keepdim=True).expand(-1, 3, -1, -1).clamp(0, 1) for x in f]
        words = torch.tensor([[False, True, False]]).expand(len(images), -1)
        return StepFeatures(0, 0.0, 0.0, h, f, [x.abs() for x in f], peak, peak), words

    def finish(self, prompts, hints, seeds):
        self.finished += len(hints)
        tone = torch.tensor([0.3 if p == "bright" else -0.3 for p in prompts])[:, None, None, None]
        return (as_batch(hints) * 2 - 1 + tone).clamp(-1, 1)

    def perceptual(self):
        return lambda image: [F.conv2d(image, self.kernels[0][:, :3])]

    def describe(self):
        return {"name": "toy"}


def trainer(folder, settings=None, watch=None, encoder=None, start=None, **flags) -> BridgeTrainer:
    network = generator()
    watch = {} if watch is None else {"watch": watch}
    source = ToySource(network, **flags)
    return BridgeTrainer(settings or config(), source, encoder or ToyEncoder(), network, folder, start=start, **watch)
