"""The judges, trained on head-world pictures of every style that no other stage sees."""

import torch
from torch.nn import functional as F

from ..evaluation.judges import Judges, JudgesConfig
from ..evaluation.metrics import attribute_hits, confusion, mean_iou, pixel_accuracy
from ..headworld import STYLES
from ..pictures import from_bytes
from ..training.data.heads import HeadWorld
from ..training.stage import Stage, batches
from .prompts import VALUES
from .settings import Settings


def judge_config(resolution: int) -> JudgesConfig:
    """Sizes of the judges for pictures of this side; they look at patches of a 64th of it."""
    return JudgesConfig(resolution, (24, 48, 64, 96), {name: tuple(values) for name, values in VALUES.items()},
                        patch=max(1, resolution // 64))


def visible(rows: dict[str, torch.Tensor]) -> torch.Tensor:
    """int64 [B, len(VALUES)]: the value of each attribute of `HeadWorld.rows`, -1 where the style hides it."""
    truth = torch.cat([rows["attributes"], rows["style"][:, None]], 1)
    hides = torch.tensor([[name in style.hides for name in VALUES] for style in STYLES.values()])
    return truth.masked_fill(hides[rows["style"]], -1)


def train_judges(settings: Settings, judges: Judges, data: HeadWorld, folder, report, name: str) -> None:
    """Cross entropy per pixel and per attribute; noise, blur and brightness changes keep them from being brittle."""
    optimizer = torch.optim.AdamW(judges.parameters(), lr=2e-3, weight_decay=1e-3)
    stage = Stage(name, settings.judge_steps, {"judges": judges}, {"adam": optimizer}, folder, ema_decay=0.99,
                  report=report)
    judges.requires_grad_(True).train()

    def step_fn(step: int, rng: torch.Generator) -> dict[str, float]:
        rows = data.rows(batches(len(data), settings.judge_batch, step, seed=5).tolist())
        image = augment(from_bytes(rows["image"]), rng).to(settings.device)
        segmentation = F.cross_entropy(judges.segmenter(image), rows["mask"].long().to(settings.device))
        truth = visible(rows).to(settings.device)
        attributes = sum(F.cross_entropy(logits, truth[:, i], ignore_index=-1)
                         for i, logits in enumerate(judges.classifier(image)))
        optimizer.zero_grad(set_to_none=True)
        (segmentation + attributes / truth.shape[1]).backward()
        optimizer.step()
        return {"segmentation": segmentation.item(), "attributes": attributes.item() / truth.shape[1]}

    stage.run(step_fn)
    stage.apply_ema()
    judges.requires_grad_(False).eval()


def augment(image: torch.Tensor, rng: torch.Generator) -> torch.Tensor:
    """Random noise, blur, contrast and brightness, as strong as the flaws of small generators."""
    size = len(image)
    amount = torch.rand(4, size, 1, 1, 1, generator=rng)
    blurred = F.avg_pool2d(F.pad(image, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
    image = torch.lerp(image, blurred, (amount[0] * 1.5 - 0.5).clamp(0, 1))
    noise = torch.randn(image.shape, generator=rng)
    return image * (0.85 + 0.3 * amount[1]) + (amount[2] - 0.5) * 0.2 + noise * 0.06 * amount[3]


@torch.no_grad()
def score_judges(judges: Judges, data: HeadWorld) -> dict[str, float]:
    """The judges' own accuracy on true pictures they never saw."""
    counts, hits, seen = 0, [], []
    for index in torch.arange(len(data)).split(32):
        rows = data.rows(index.tolist())
        image, truth = from_bytes(rows["image"]), visible(rows)
        counts = counts + confusion(judges.segmenter(image).argmax(1), rows["mask"])
        hits.append(attribute_hits(judges.classifier(image), truth))
        seen.append(truth >= 0)
    hit, seen = torch.cat(hits).float(), torch.cat(seen).float()
    shares = (hit * seen).sum(0) / seen.sum(0)
    return {"miou": mean_iou(counts), "pixel_accuracy": pixel_accuracy(counts),
            "attribute_accuracy": shares[:-1].mean().item(),
            "by_attribute": dict(zip(VALUES, (round(share, 4) for share in shares.tolist())))}
