"""Stage 4: the judges, trained on head-world images that no other stage sees."""

import torch
from torch.nn import functional as F

from ..evaluation.judges import Judges
from ..evaluation.metrics import attribute_hits, confusion, mean_iou, pixel_accuracy
from ..training.stage import Stage, batches
from .data import HeadWorldData
from .settings import Settings


def train_judges(settings: Settings, judges: Judges, data: HeadWorldData, folder, report) -> None:
    """Cross entropy per pixel and per attribute; noise, blur and brightness changes keep them from being brittle."""
    optimizer = torch.optim.AdamW(judges.parameters(), lr=2e-3, weight_decay=1e-3)
    stage = Stage("judges", settings.judge_steps, {"judges": judges}, {"adam": optimizer}, folder, ema_decay=0.99,
                  report=report)
    judges.requires_grad_(True).train()

    def step_fn(step: int, generator: torch.Generator) -> dict[str, float]:
        index = batches(len(data), settings.judge_batch, step, seed=5)
        image = augment(data.images(index), generator).to(settings.device)
        segmentation = F.cross_entropy(judges.segmenter(image), data.mask[index].long().to(settings.device))
        truth = data.attributes[index].to(settings.device)
        attributes = sum(F.cross_entropy(logits, truth[:, i]) for i, logits in enumerate(judges.classifier(image)))
        optimizer.zero_grad(set_to_none=True)
        (segmentation + attributes / truth.shape[1]).backward()
        optimizer.step()
        return {"segmentation": segmentation.item(), "attributes": attributes.item() / truth.shape[1]}

    stage.run(step_fn)
    stage.apply_ema()
    judges.requires_grad_(False).eval()


def augment(image: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Random noise, blur, contrast and brightness, as strong as the flaws of small generators."""
    size = len(image)
    amount = torch.rand(4, size, 1, 1, 1, generator=generator)
    blurred = F.avg_pool2d(F.pad(image, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
    image = torch.lerp(image, blurred, (amount[0] * 1.5 - 0.5).clamp(0, 1))
    noise = torch.randn(image.shape, generator=generator)
    return image * (0.85 + 0.3 * amount[1]) + (amount[2] - 0.5) * 0.2 + noise * 0.06 * amount[3]


@torch.no_grad()
def score_judges(judges: Judges, data: HeadWorldData) -> dict[str, float]:
    """The judges' own accuracy on true head-world images they never saw."""
    counts, hits = 0, []
    for index in torch.arange(len(data)).split(64):
        image = data.images(index)
        counts = counts + confusion(judges.segmenter(image).argmax(1), data.mask[index])
        hits.append(attribute_hits(judges.classifier(image), data.attributes[index]))
    return {"miou": mean_iou(counts), "pixel_accuracy": pixel_accuracy(counts),
            "attribute_accuracy": torch.cat(hits).float().mean().item()}
