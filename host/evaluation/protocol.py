"""An evaluation by a protocol: true pictures, methods and networks to a report."""

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import comfy.model_management
import torch
from comfyui_version import __version__ as comfyui_version
from torch import Tensor

from ...ddgi.batch.pages import page
from ...ddgi.demo import files
from ...ddgi.errors import InputError
from ...ddgi.evaluation import report as reports
from ...ddgi.evaluation.measure import Measure, Networks, Truth
from ...ddgi.evaluation.networks import network_names, open_networks
from ...ddgi.evaluation.papers import paper_scores
from ...ddgi.evaluation.protocol import Protocol, read_protocol
from ...ddgi.files import make_folder, write_text
from ...ddgi.pictures import resize
from ...ddgi.seeds import numbered
from ...ddgi.stopwatch import Stopwatch
from ...ddgi.training.data import CelebAMaskHQ, Folder, HeadWorld, Hints, Reading, Sample, problem_lines, split
from .. import folders
from .clip import load_clip
from .methods import KINDS, Round, open_chain

TRUE, DRAWING = "true pictures", "drawing"
_JUDGES = folders.DEMO / files.JUDGES
_TALK = 64                  # pictures between two lines of progress


@torch.no_grad()
def run(path: str | Path, out: str | Path, *, report: Callable[[str], None] = lambda line: None,
        progress: Callable[[str, int, int], None] = lambda what, done, total: None) -> dict:
    """Score everything that a protocol names; writes report.json, report.md and index.html into `out`.

    Returns:
        {"title", "count", "side", "methods": {name: {metric: value or None, "iou": {part: value}, "count"}}, "paper":
        {method: {metric: value}} as papers state them, "networks", "data", "notes", "device", "versions", "protocol"}.

    Raises:
        InputError: something in the protocol, the data, the models or the networks is not as it must be.
    """
    protocol = read_protocol(path)
    device = comfy.model_management.get_torch_device()
    networks = open_networks(protocol.networks, _JUDGES, device, load_clip)
    evaluation = _Evaluation(protocol, networks, device, progress)
    evaluation.run(report)
    found = evaluation.report()
    _write(make_folder(out), found, evaluation)
    return found


class _Evaluation:
    """All of one protocol."""

    def __init__(self, protocol: Protocol, networks: Networks, device: torch.device, progress):
        self.protocol, self.networks, self.device, self.progress = protocol, networks, device, progress
        self.network_names = network_names(protocol.networks, _JUDGES)
        self.methods = {name: KINDS[method.kind](method) for name, method in protocol.methods.items()}
        self.chain = open_chain(protocol) if any(m.needs_chain for m in self.methods.values()) else None
        self.source, self.notes = self._source()
        whole = protocol.data.count or len(self.source)
        if whole > len(self.source):
            raise InputError(f"count is {whole}, and the data's split {protocol.data.split!r} has {len(self.source)} "
                             f"pictures; lower it.")
        self.count = whole
        self.paired = {name: self._is_paired(name) for name in self.methods}
        self.measures = {name: Measure(networks) for name in self.methods}
        self.truth = Measure(networks)
        self.features: dict[bool, list[Tensor]] = {}
        self.shown: dict[str, list[Tensor]] = {}
        self.prompts: list[str] = []

    def _source(self):
        """The samples of the split, and sentences about them."""
        protocol, data = self.protocol, self.protocol.data
        side = protocol.size if self.chain is None else self.chain.latent_size[0] * getattr(
            self.chain.control_net, "compression_ratio", 8)
        hints = Hints(mask_share=float(protocol.hint == "mask"), size=side)
        reading = Reading(protocol.size, hints, masks=data.masks, min_side=0)
        if data.source == "head-world":
            source = HeadWorld(range(data.first_seed, data.first_seed + data.count), protocol.size, hints)
            return source, []
        if data.source == "celebamask-hq":
            source = CelebAMaskHQ(data.root, reading, captions=data.captions or None, prompt=data.prompt,
                                  progress=lambda *done: self.progress("checking the data", *done))
        else:
            source = Folder(data.root, reading, prompt=data.prompt,
                            needed=("mask",) if protocol.hint == "mask" and self.chain is not None else (),
                            progress=lambda *done: self.progress("checking the data", *done))
        notes = [*source.notes, *problem_lines(source.problems)]
        if data.split == "all":
            return source, notes
        train, held_out = split(source, data.held_out_share)
        return (held_out if data.split == "held-out" else train), notes

    def _is_paired(self, name: str) -> bool:
        method = self.methods[name]
        if self.protocol.methods[name].kind != "folder":
            return True
        paired = method.paired([self.source.name(index) for index in range(self.count)])
        if not paired:
            self.notes.append(f"{name}: its pictures have other names than the data's samples, so FID and KID alone "
                              f"are measured, over all {len(method.files)} of them.")
        return paired

    def run(self, report: Callable[[str], None]) -> None:
        """Measure everything."""
        done, watch = 0, Stopwatch(self.device)
        every_step = any(method.kind == "bridge" and method.step != "last" for method in self.protocol.methods.values())
        for indices, samples in self._rounds():
            seeds = [self.protocol.seed + index for index in indices]
            self._measure(Round(self.chain, samples, seeds, watch, every_step))
            before, done = done, done + len(samples)
            self.progress("evaluated", done, self.count)
            if done // _TALK > before // _TALK or done == self.count:
                report(f"evaluated {done}/{self.count} pictures")
        for name, method in self.methods.items():
            if not self.paired[name]:
                names = list(method.files)
                for start in range(0, len(names), self.protocol.batch):
                    part = [method.read(each, self.protocol.size) for each in names[start:start + self.protocol.batch]]
                    self.measures[name].add(self._framed(torch.stack(part)))

    def _rounds(self) -> Iterator[tuple[list[int], list[Sample]]]:
        """Batches of samples, in each as many tokens."""
        for start in range(0, self.count, self.protocol.batch):
            indices = range(start, min(start + self.protocol.batch, self.count))
            groups: dict[int, list[tuple[int, Sample]]] = {}
            for index in indices:
                sample = self.source.sample(index, numbered(self.protocol.seed, index))
                tokens = 0 if self.chain is None else self.chain.tokens(sample.prompt)
                groups.setdefault(tokens, []).append((index, sample))
            for group in groups.values():
                yield [index for index, _ in group], [sample for _, sample in group]

    def _measure(self, given: Round) -> None:
        wanted = {method.on_white for name, method in self.protocol.methods.items() if self.paired[name]} | {False}
        truths = {on_white: self._truth(given.samples, on_white) for on_white in sorted(wanted)}
        for on_white, truth in truths.items():
            self.features.setdefault(on_white, []).append(truth.features)
        self._measure_truth(truths[False])
        shown = {DRAWING: torch.stack([resize(sample.hint[None], self._side)[0] for sample in given.samples]) * 2 - 1,
                 TRUE: truths[False].pictures}
        for name, method in self.methods.items():
            if self.paired[name]:
                pictures, seconds = method.make(given)
                shown[name] = self._framed(pictures)
                self.measures[name].add(shown[name], truths[self.protocol.methods[name].on_white], seconds)
        self._keep(shown, given.prompts)

    def _measure_truth(self, truth: Truth) -> None:
        """What the networks read in the true pictures: the most that can be reached."""
        self.truth.values["words"].append(self.networks.words(truth.pictures, truth.prompts).cpu())
        self.truth.features.append(truth.features)
        if truth.masks is not None:
            self.truth.count_parts(truth.pictures, truth.masks)

    def _truth(self, samples: Sequence[Sample], on_white: bool) -> Truth:
        pictures = torch.stack([sample.image for sample in samples])
        masks = None
        if all(sample.mask is not None for sample in samples):
            masks = torch.stack([sample.mask for sample in samples])
        if on_white:
            if masks is None:
                raise InputError("A method is on_white and the data has pictures without masks; a mask says where the "
                                 "head is, so leave on_white out.")
            pictures = torch.where((masks == 0)[:, None], torch.ones(()), pictures)
        return Truth.of(self._framed(pictures), None if masks is None else self._cut(masks),
                        [sample.prompt for sample in samples], self.networks)

    @property
    def _side(self) -> int:
        return max(1, round(self.protocol.size * self.protocol.crop))

    def _framed(self, pictures: Tensor) -> Tensor:
        return self._cut(resize(pictures.float().cpu().clamp(-1, 1), self.protocol.size))

    def _cut(self, pictures: Tensor) -> Tensor:
        start = (self.protocol.size - self._side) // 2
        return pictures[..., start:start + self._side, start:start + self._side]

    def _keep(self, shown: dict[str, Tensor], prompts: Sequence[str]) -> None:
        """The first pictures, for the page."""
        left = self.protocol.show - len(self.prompts)
        if left > 0:
            self.prompts += prompts[:left]
            for name, pictures in shown.items():
                self.shown.setdefault(name, []).append(pictures[:left])

    def report(self) -> dict:
        protocol = self.protocol
        truths = {on_white: torch.cat(parts) for on_white, parts in self.features.items()}
        settings = {"subsets": protocol.kid_subsets, "subset_size": protocol.kid_subset_size, "seed": protocol.seed}
        methods = {name: measure.result(truths[protocol.methods[name].on_white and self.paired[name]], **settings)
                   for name, measure in self.measures.items()}
        true = self.truth.result(truths[False], **settings) | {"fid": None, "kid": None}
        described = self.source.describe()
        return {"title": protocol.title, "count": self.count, "side": self._side, "methods": {**methods, TRUE: true},
                "paper": paper_scores(protocol.hint) if protocol.paper else {}, "networks": self.network_names,
                "data": described, "notes": self.notes, "device": _device_name(self.device),
                "versions": {"ComfyUI": comfyui_version, "torch": torch.__version__}, "protocol": protocol.values()}


def _write(out: Path, found: dict, evaluation: _Evaluation) -> None:
    pictures = {name: torch.cat(parts) for name, parts in evaluation.shown.items()}
    body = reports.html_body(found, pictures, evaluation.prompts)
    texts = {"report.json": json.dumps(found, indent=2) + "\n", "report.md": reports.markdown(found),
             "index.html": page(found["title"], body, reports.STYLE)}
    for name, text in texts.items():
        write_text(out / name, text)


def _device_name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type.upper()
