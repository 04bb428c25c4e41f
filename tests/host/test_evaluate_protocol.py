"""A drawn CelebAMask-HQ through a whole protocol: copies of the truth score what equality must, a bridge what its
pictures do, strangers FID alone."""

import importlib
import json
import re
import shutil

import pytest
import torch

from ddgi.cli import main
from ddgi.evaluation.report import LABELS

PROTOCOL = """
title = "Drawn heads"
size = 176
crop = 0.9375
batch = 4
show = 2
kid_subsets = 3

[data]
source = "celebamask-hq"
root = "{root}"
split = "all"
count = 5

[models]
steps = 1
cfg = 1.0

[methods.copies]
kind = "folder"
folder = "{root}/CelebA-HQ-img"

[methods.strangers]
kind = "folder"
folder = "{strangers}"

[methods."one pass"]
one_pass = true

[methods."diffusion model"]
kind = "diffusion"
"""
SIDE = 165      # 0.9375 of 176


@pytest.fixture(scope="module")
def part(pack):
    return lambda path: importlib.import_module(f"{pack.__name__}.{path}")


@pytest.fixture(scope="module")
def written(part, tmp_path_factory):
    """Folders of the data and of the report."""
    folder = tmp_path_factory.mktemp("evaluation")
    root, strangers = folder / "data", folder / "strangers"
    part("ddgi.training.data").write_celebamask_hq(root, range(6), resolution=176)
    strangers.mkdir()
    for number in range(3):
        shutil.copy(root / "CelebA-HQ-img" / f"{number}.jpg", strangers / f"other-{number}.jpg")
    (folder / "protocol.toml").write_text(PROTOCOL.format(root=root.as_posix(), strangers=strangers.as_posix()))
    assert main(["evaluate", str(folder / "protocol.toml"), str(folder / "out"), "--json"]) == 0
    return root, folder / "out"


@pytest.fixture(scope="module")
def report(written):
    return json.loads((written[1] / "report.json").read_text())


def test_copies_of_the_truth_score_as_equals(report):
    copies, true = report["methods"]["copies"], report["methods"]["true pictures"]
    assert copies["fid"] == pytest.approx(0, abs=1e-4) and copies["lpips"] == 0
    assert copies["ms_ssim"] == copies["identity"] == 1
    same = ("pixel_accuracy", "miou", "words", "iou")
    assert [copies[name] for name in same] == [true[name] for name in same]
    assert 0.5 < true["miou"] < 1 and copies["seconds"] is None


def test_pictures_of_other_names_have_fid_and_kid_alone(report):
    strangers = report["methods"]["strangers"]
    assert {name for name in LABELS if strangers[name] is not None} == {"fid", "kid"}
    assert strangers["count"] == 3 and strangers["fid"] > 1e-3
    assert any(note.startswith("strangers: its pictures have other names") for note in report["notes"])


def test_a_bridges_numbers_are_those_of_its_pictures(report, written, part):
    """The same pictures by hand, through the pieces that nodes use."""
    data, folders, files = part("ddgi.training.data"), part("host.folders"), part("ddgi.demo.files")
    hints = data.Hints(mask_share=1.0, size=part("host.chain").Chain.of_demo(folders.DEMO).latent_size[0] * 8)
    source = data.CelebAMaskHQ(written[0], data.Reading(176, hints))
    samples = [source.sample(index, part("ddgi.seeds").numbered(0, index)) for index in range(5)]
    chain = part("host.chain").Chain.of_demo(folders.DEMO)
    generator = part("ddgi").load_generator(folders.DEMO / files.GENERATOR)
    bridge = part("ddgi").load_bridge(folders.DEMO / files.BRIDGE)
    judges = part("ddgi.evaluation").load_judges(folders.DEMO / files.JUDGES)
    pictures = []
    with torch.no_grad():
        for start, stop in ((0, 4), (4, 5)):
            batch = samples[start:stop]
            features = chain.one_pass([sample.prompt for sample in batch],
                                      torch.stack([sample.hint for sample in batch]).movedim(1, -1),
                                      list(range(start, stop)))
            pictures.append(generator.render(bridge(features), noise_mode="const").image)
        seen = part("ddgi.pictures").resize(torch.cat(pictures).clamp(-1, 1), 176)[..., 5:170, 5:170]
        truth = torch.stack([sample.image for sample in samples])[..., 5:170, 5:170]
        distance = part("ddgi.perceptual").feature_distance(judges.features, judges.fit(seen), judges.fit(truth))
    found = report["methods"]["one pass"]
    assert found["lpips"] == pytest.approx(distance.mean().item(), abs=1e-4)
    assert found["seconds"] > 0 and found["fid"] > report["methods"]["copies"]["fid"]


def test_the_report_repeats_the_protocol_and_names_the_stand_ins(report, written):
    assert report["side"] == SIDE and report["count"] == 5
    assert report["protocol"]["crop"] == 0.9375 and report["protocol"]["methods"]["one pass"]["one_pass"] is True
    assert all(name.startswith("stand-in: judges of the demo models (judges") for name in report["networks"].values())
    text = (written[1] / "report.md").read_text(encoding="utf-8")
    assert json.loads(re.search(r"```json\n(.+)```", text, re.DOTALL)[1]) == report["protocol"]


def test_papers_stand_in_columns_of_their_own(report, written):
    text = (written[1] / "report.md").read_text(encoding="utf-8")
    head = next(line for line in text.splitlines() if line.startswith("| | "))
    columns = [cell.strip() for cell in head.strip("|").split("|")][1:]
    assert columns[:5] == ["copies", "strangers", "one pass", "diffusion model", "true pictures"]
    assert columns[5:] == [f"*{name}, theirs*" for name in report["paper"]] and "DDGI 3D" in report["paper"]
    row = next(line for line in text.splitlines() if line.startswith("| FID"))
    assert row.split("|")[-2].strip() == "44.91"


def test_the_page_needs_no_other_file(written):
    text = (written[1] / "index.html").read_text(encoding="utf-8")
    assert text.count("<img ") == text.count('src="data:image/jpeg;base64,') == 2 * 5   # drawing, truth, three methods
    assert text.count("<svg ") == 9 and not re.search(r'(href|src)="(?!data:)', text)


def test_half_a_folder_is_named(written, tmp_path, capsys):
    half = tmp_path / "half"
    half.mkdir()
    shutil.copy(written[0] / "CelebA-HQ-img" / "0.jpg", half)
    (tmp_path / "p.toml").write_text(PROTOCOL.format(root=written[0].as_posix(), strangers=half.as_posix()))
    assert main(["evaluate", str(tmp_path / "p.toml"), str(tmp_path / "out")]) == 1
    assert "no picture for 4 of 5 samples, the first is '1'" in capsys.readouterr().err


HEADS = """
size = 64
hint = "scribble"
batch = 3
kid_subsets = 3

[data]
source = "head-world"
split = "all"
count = 4

[models]
steps = 1
cfg = 1.0

[methods."on white"]
kind = "folder"
folder = "{white}"
on_white = true

[methods."not on white"]
kind = "folder"
folder = "{white}"

[methods."bridge 3D"]
bridge = "demo/bridge_eg3d.safetensors"
generator = "demo/generator_eg3d.safetensors"
one_pass = true
on_white = true
"""


def test_heads_of_a_3d_generator_are_compared_on_white_from_their_own_cameras(part, tmp_path):
    from PIL import Image

    chain = part("host.chain").Chain.of_demo(part("host.folders").DEMO)
    data, pictures = part("ddgi.training.data"), part("ddgi.pictures")
    hints = data.Hints(mask_share=0.0, size=chain.latent_size[0] * 8)
    source = data.HeadWorld(range(4), 64, hints)
    samples = [source.sample(index, part("ddgi.seeds").numbered(0, index)) for index in range(4)]
    white = torch.stack([torch.where(sample.mask == 0, 1.0, sample.image) for sample in samples])
    (tmp_path / "white").mkdir()
    for sample, picture in zip(samples, white):
        Image.fromarray(pictures.to_bytes(picture).permute(1, 2, 0).numpy()).save(
            tmp_path / "white" / f"{sample.name}.png")
    (tmp_path / "heads.toml").write_text(HEADS.format(white=(tmp_path / "white").as_posix()))
    assert main(["evaluate", str(tmp_path / "heads.toml"), str(tmp_path / "out"), "--json"]) == 0
    found = json.loads((tmp_path / "out" / "report.json").read_text())["methods"]
    assert found["on white"]["lpips"] == 0 < found["not on white"]["lpips"]
    assert found["on white"]["fid"] == pytest.approx(0, abs=1e-4) and found["not on white"]["fid"] > 1e-3

    folders, files = part("host.folders"), part("ddgi.demo.files")
    generator = part("ddgi").load_generator(folders.DEMO / files.EG3D)
    bridge = part("ddgi").load_bridge(folders.DEMO / files.BRIDGE_3D)
    judges = part("ddgi.evaluation").load_judges(folders.DEMO / files.JUDGES)
    drawn = []
    with torch.no_grad():
        for batch, start in ((samples[:3], 0), (samples[3:], 3)):
            features = chain.one_pass([sample.prompt for sample in batch],
                                      torch.stack([sample.hint for sample in batch]).movedim(1, -1),
                                      list(range(start, start + len(batch))))
            ws = bridge(features).ws
            drawn += [generator.render(ws[row:row + 1], sample.camera[None]).image for row, sample in enumerate(batch)]
        seen = pictures.resize(torch.cat(drawn).clamp(-1, 1), 64)
        distance = part("ddgi.perceptual").feature_distance(judges.features, seen, white)
    assert found["bridge 3D"]["lpips"] == pytest.approx(distance.mean().item(), abs=1e-4)
