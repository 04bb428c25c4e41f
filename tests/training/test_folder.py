"""What was started with a training's folder is what goes on there, and what is damaged in it is said."""

import contextlib
import json
import resource
import signal
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from ddgi.errors import InputError
from ddgi.lock import FolderLock
from ddgi.training.bridge_trainer import BridgeTrainer
from ddgi.training.data import Folder, Hints, Reading
from ddgi.training.folder import last_lines
from ddgi.training.watch import Watch, last_preview, save_preview

sys.path.append(str(Path(__file__).parent))
import trainer_toys as toys  # noqa: E402


class Stop(Exception):
    pass


def stopped(folder, settings=None):
    """A training that stops in the middle of M, with nothing kept of the object."""
    def progress(what, done, total):
        if (what, done) == ("mapping", 5):
            raise Stop

    with pytest.raises(Stop):
        toys.trainer(folder, settings, Watch(progress=progress)).run()


@pytest.fixture
def data(tmp_path):
    """A folder of six pictures with captions, and one table of cameras."""
    folder = tmp_path / "data"
    folder.mkdir()
    for index in range(6):
        pixels = np.random.default_rng(index).integers(0, 256, (8, 8, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{index}.png")
        (folder / f"{index}.txt").write_text("bright")
    return folder


def on_files(folder, data):
    source = Folder(data, Reading(8, Hints(mask_share=0.0, size=8)))
    return BridgeTrainer(toys.config(held_out=2), source, toys.ToyEncoder(), toys.generator(), folder)


@pytest.mark.parametrize("name", ["2.txt", "3.png"])
def test_a_file_that_was_rewritten_is_named(tmp_path, data, name):
    on_files(tmp_path / "run", data)
    on_files(tmp_path / "run", data)  # unchanged data go on
    if name.endswith("txt"):
        (data / name).write_text("dark")
    else:
        Image.fromarray(np.arange(192, dtype=np.uint8).reshape(8, 8, 3)).save(data / name)
    with pytest.raises(InputError, match=f"was started with other data: {name} has changed; set it back"):
        on_files(tmp_path / "run", data)


def test_files_that_came_or_went_are_named(tmp_path, data):
    on_files(tmp_path / "run", data)
    (data / "2.txt").rename(data / "away")
    with pytest.raises(InputError, match="other data: 2.txt is gone"):
        on_files(tmp_path / "run", data)
    (data / "away").rename(data / "2.txt")
    Image.fromarray(np.arange(192, dtype=np.uint8).reshape(8, 8, 3)).save(data / "7.png")
    with pytest.raises(InputError, match="other data: 7.png is new"):
        on_files(tmp_path / "run", data)


def test_the_record_names_the_data_by_their_contents(tmp_path, data):
    before = on_files(tmp_path / "a", data).identity()["data"]["contents"]
    assert on_files(tmp_path / "b", data).identity()["data"]["contents"] == before
    (data / "2.txt").write_text("dark")
    assert on_files(tmp_path / "c", data).identity()["data"]["contents"] != before


@pytest.mark.parametrize("text", ["", "[]", '{"config": {"seed"', "[" * 100_000])
def test_a_damaged_identity_is_a_sentence(tmp_path, text):
    toys.trainer(tmp_path)
    (tmp_path / "training.json").write_text(text)
    with pytest.raises(InputError, match=r"training.json (cannot be read|holds no settings).*train in another folder"):
        toys.trainer(tmp_path)


def test_a_model_of_another_name_with_the_same_weights_goes_on(tmp_path):
    class Renamed(toys.ToyEncoder):
        def describe(self):
            return {**super().describe(), "name": "renamed"}

    class Other(toys.ToyEncoder):
        def describe(self):
            return {**super().describe(), "weights": {"vae": "0" * 16}}

    toys.trainer(tmp_path)
    toys.trainer(tmp_path, encoder=Renamed())
    with pytest.raises(InputError, match="was started with diffusion.weights.vae = None, and now it is '0000"):
        toys.trainer(tmp_path, encoder=Other())


def test_two_trainings_in_one_folder_are_refused(tmp_path):
    first, second = toys.trainer(tmp_path), toys.trainer(tmp_path)
    with FolderLock(tmp_path, "training.lock"):
        for start in (second.run, lambda: toys.trainer(tmp_path)):
            with pytest.raises(InputError, match="is in use by process .* since .*; wait until that is through"):
                start()
    first.train_mapping()


def test_a_cut_line_of_the_curves_is_left_out_and_said(tmp_path):
    stopped(tmp_path)
    log, said = tmp_path / "mapping.jsonl", []
    lines = log.read_text().splitlines()
    assert len(lines) == 2  # losses at step 4, a score at step 5
    log.write_text('{"step": 1, "lo\n' + "[]\n" + "\n".join(lines) + '\n{"step": 2')
    assert last_lines(log) == json.loads(lines[0]) | json.loads(lines[1])
    bridge = toys.trainer(tmp_path, watch=Watch(report=said.append)).run()
    assert said[0] == f"problem          3 lines of {log} cannot be read and are left out"
    assert bridge.record["stages"]["mapping"]["step"] == 8
    assert all(json.loads(line)["step"] for line in log.read_text().splitlines())


def test_cut_features_and_pictures_are_made_anew_and_said(tmp_path):
    settings, said = toys.config(features={"cache": "disk"}), []
    toys.trainer(tmp_path / "whole", settings).run()
    whole = toys.trainer(tmp_path / "whole", settings).run()
    stopped(tmp_path / "cut", settings)
    toys.trainer(tmp_path / "cut", settings).own.fill()
    files = [*(tmp_path / "cut" / "features").rglob("*.safetensors"), *(tmp_path / "cut" / "own").iterdir()]
    assert len(files) == 3  # of M, of the held-out passes, and the finished pictures
    for file in files:
        file.write_bytes(file.read_bytes()[:-10])
    bridge = toys.trainer(tmp_path / "cut", settings, Watch(report=said.append)).run()
    assert sum("is damaged and is made anew" in line for line in said) == 3
    assert all((bridge.state_dict()[key] == value).all() for key, value in whole.state_dict().items())


@contextlib.contextmanager
def full_disk(most):
    """The kernel refuses files longer than this many bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    old = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, old)


@pytest.mark.parametrize("what", ["features", "own", "previews", "curves", "settings"])
def test_a_full_disk_is_the_same_sentence_whatever_is_written(tmp_path, what):
    trainer = toys.trainer(tmp_path, toys.config(features={"cache": "disk"}))
    stage = trainer.trainer("mapping", None).stage
    (tmp_path / "other").mkdir()
    writes = {"features": lambda: trainer._kept("mapping", trainer.passes("mapping")), "own": trainer.own.fill,
              "previews": lambda: save_preview(tmp_path, "mapping", 1, torch.zeros(2, 4, 3, 64, 64)),
              "curves": lambda: stage.note({"loss": 1.0}), "settings": lambda: toys.trainer(tmp_path / "other")}
    with full_disk(16), pytest.raises(InputError, match=r"could not be written \(.*File too large.*\); free space"):
        writes[what]()


def test_a_folder_that_cannot_be_made_is_a_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"could not be written \((Not a directory|File exists)\); free space"):
        toys.trainer(tmp_path / "file")


def test_the_last_whole_preview_is_shown(tmp_path):
    for step in (1, 2):
        save_preview(tmp_path, "mapping", step, torch.full((2, 1, 3, 8, 8), step - 2.0))
    newest = tmp_path / "previews" / "mapping-0000002.png"
    newest.write_bytes(newest.read_bytes()[:40])
    assert last_preview(tmp_path).getpixel((0, 0)) == (0, 0, 0)
    for file in newest.parent.iterdir():
        file.unlink()
    assert last_preview(tmp_path) is None
