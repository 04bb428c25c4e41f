"""Pictures of what the demo models make, for README and docs."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from ..ddgi.bridge import load_bridge, step_strip
from ..ddgi.cameras import orbit
from ..ddgi.checkpoints import load_generator
from ..ddgi.demo import files
from ..ddgi.demo.styles import style_files
from ..ddgi.gan import GanLatent
from ..ddgi.headworld import STYLES, render_batch
from ..ddgi.latents import direction_sheet, pick, word_direction
from ..ddgi.lettering import lettered
from ..ddgi.pictures import from_image, image_from_pil, resize, to_bytes
from .chain import Chain, hint_images

SIZE = 192                          # of a picture on a sheet, in pixels
SEED = 1                            # of all noise
FRAMES, FRAME_MS = 24, 80
READINGS = 32                       # faces read of either prompt for a slider
EXAMPLES = (("mask_long_hair_glasses.png", "a calm woman with long blond hair, brown eyes and glasses"),
            ("mask_hat.png", "a happy woman with short red hair, blue eyes, a hat and earrings"),
            ("mask_bald.png", "a sad bald man with brown eyes, a beard and earrings"),
            ("scribble_long_hair.png", "an astonished woman with long red hair, green eyes and earrings"))
SAME_DRAWING = "mask_curly.png"
PROMPTS = ("a calm lady with curly grey hair and blue eyes", "a calm lady with curly red hair and green eyes",
           "a calm lady with curly black hair and brown eyes", "a calm lady with curly blond hair and green eyes",
           "a smiling lady with curly brown hair and blue eyes", "an astonished lady with curly red hair")
EDITED = ("mask_bun.png", "a calm woman with a black bun and brown eyes")
SLIDERS = (("smile", "a smiling person", "a sad person"), ("glasses", "a person with glasses", "a person"),
           ("beard", "a man with a beard", "a man"), ("grey hair", "a person with grey hair",
                                                      "a person with black hair"))
STRENGTHS = (-1.0, 0.0, 0.5, 1.0, 1.5)
STYLED_HEADS = (111, 104, 100, 125)  # head-world seeds that nothing was trained on


class Gallery:
    """The demo models in `folder`, and the drawings in `drawings`.

    Raises:
        InputError: a file is missing or broken.
    """

    def __init__(self, folder: Path, drawings: Path):
        self.drawings, self.chain = drawings, Chain.of_demo(folder)
        self.generator, self.bridge = load_generator(folder / files.GENERATOR), load_bridge(folder / files.BRIDGE)
        self.copies = {style: load_generator(path) for style, path in style_files(folder).items()}
        self.head_generator = load_generator(folder / files.EG3D)
        self.head_bridge = load_bridge(folder / files.BRIDGE_3D)

    @torch.no_grad()
    def write(self, output: Path, report: Callable[[str], None] = lambda line: None) -> list[str]:
        """All pictures; returns their names."""
        output.mkdir(parents=True, exist_ok=True)
        panels = {"faces.jpg": self.faces, "prompts.jpg": self.prompts, "edits.jpg": self.edits,
                  "steps.jpg": self.steps, "styles.jpg": self.styles, "stylised.jpg": self.stylised}
        for name, panel in panels.items():
            panel().save(output / name, quality=80, optimize=True)
            report(str(output / name))
        frames = self.turned()
        frames[0].save(output / "orbit.webp", save_all=True, append_images=frames[1:], duration=FRAME_MS, loop=0,
                       quality=80)
        report(str(output / "orbit.webp"))
        return [*panels, "orbit.webp"]

    def faces(self) -> Image.Image:
        """Four prompts, what was drawn, and the face."""
        drawn = torch.cat([self._drawing(name) for name, _ in EXAMPLES])
        prompts = [prompt for _, prompt in EXAMPLES]
        found = self._draw(self._latent(prompts, drawn))
        return lettered(_shown([from_image(drawn), found]), ["you draw", "you get"], prompts)

    def prompts(self) -> Image.Image:
        """One drawing under several prompts."""
        drawn = self._drawing(SAME_DRAWING)
        found = self._draw(self._latent(PROMPTS, drawn.expand(len(PROMPTS), -1, -1, -1)))
        row = torch.cat([resize(from_image(drawn), SIZE), resize(found, SIZE)])
        return lettered(_shown([row]), [""], ["the drawing", *PROMPTS])

    def edits(self) -> Image.Image:
        """One face under sliders made of words."""
        name, prompt = EDITED
        face = pick(self._latent([prompt], self._drawing(name)), [0])
        sliders = [word_direction(self._read(asked), self._read(plain), name) for name, asked, plain in SLIDERS]
        sheet = direction_sheet(self.generator, face, sliders, STRENGTHS, size=SIZE)
        return Image.fromarray(np.asarray(sheet))

    def steps(self) -> Image.Image:
        """How two faces come about, every fourth step of the sampling run."""
        drawn = torch.cat([self._drawing(name) for name, _ in EXAMPLES[1:3]])
        features = self.chain.sample([prompt for _, prompt in EXAMPLES[1:3]], drawn, SEED, every_step=True)[1]
        some = dataclasses.replace(features, steps=(*features.steps[::4], features.steps[-1]))
        return step_strip(some, self.bridge, self.generator, SIZE)[1]

    def styles(self) -> Image.Image:
        """The diffusion model's own pictures in every style that it knows."""
        rows = []
        for seed in STYLED_HEADS:
            heads = render_batch([seed] * len(STYLES), self.chain.size, style=list(STYLES))
            rows.append(self.chain.sample(heads.captions, hint_images(heads, "mask"), SEED)[0])
        return lettered(_shown(rows), [""] * len(rows), list(STYLES))

    def stylised(self) -> Image.Image:
        """The same latents in the generator and in its stylised copies."""
        drawn = torch.cat([self._drawing(name) for name, _ in EXAMPLES])
        latent = self._latent([prompt for _, prompt in EXAMPLES], drawn)
        pictures = [generator.render(latent, noise_mode="const", relative=True).image
                    for generator in (self.generator, *self.copies.values())]
        rows = torch.stack([resize(each, SIZE) for each in pictures], 1)
        return lettered(_shown(list(rows)), [""] * len(rows), ["as it was learnt", *self.copies])

    def turned(self) -> list[Image.Image]:
        """Frames of a 3D head."""
        name, prompt = EXAMPLES[1]
        features = self.chain.sample([prompt], self._drawing(name), SEED)[1]
        views = self.head_generator.render(self.head_bridge(features), orbit(FRAMES, yaw_range=35.0).label).image
        levels = to_bytes(resize(views, 2 * SIZE).clamp(-1, 1)).permute(0, 2, 3, 1)
        return [Image.fromarray(frame.numpy()) for frame in levels]

    def _drawing(self, name: str) -> torch.Tensor:
        """IMAGE [1, H, W, 3] in 0..1."""
        return image_from_pil(Image.open(self.drawings / name))

    def _latent(self, prompts, drawn: torch.Tensor) -> GanLatent:
        return self.bridge(self.chain.sample(list(prompts), drawn, SEED)[1])

    def _draw(self, latent: GanLatent) -> torch.Tensor:
        return self.generator.render(latent, noise_mode="const").image

    def _read(self, prompt: str) -> GanLatent:
        """Faces that the bridge reads from words alone, in single passes."""
        return self.bridge(self.chain.one_pass([prompt] * READINGS, None, SEED))


def _shown(rows: list[torch.Tensor]) -> torch.Tensor:
    """Bytes [R, N, 3, SIZE, SIZE] of rows of pictures [N, 3, H, W] in -1..1."""
    return to_bytes(torch.stack([resize(row.float(), SIZE) for row in rows]).clamp(-1, 1))
