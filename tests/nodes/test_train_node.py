"""DDGI Train Bridge in ComfyUI's own executor: it trains, stops, goes on, and refuses in sentences."""

import asyncio
import shutil
from pathlib import Path

import pytest
import torch

import ddgi.bridge

TINY = {"name": "tiny", "data": "generator's own samples", "data.samples": 8, "data.words": "head-world", "steps_m": 3,
        "steps_t": 2, "batch": 2, "learning_rate": 1e-3, "seed": 0, "preview_every": 2, "own_pictures": 2,
        "sampling_steps": 2, "cfg": 2.0, "size": 0, "held_out": 2, "attention_source": "output", "refinement": "both",
        "denoising_steps": "uniform", "precision": "fp32", "cache": "none"}
LINKS = {name: ["1", slot] for slot, name in enumerate(("model", "clip", "vae", "control_net", "generator"))}


class Server:
    """What the executor needs of ComfyUI's server."""

    client_id, last_node_id = None, None

    def send_sync(self, event, data, sid=None):
        pass


class Host:
    """ComfyUI's executor with this pack's nodes; keeps what progress bars showed."""

    def __init__(self, pack):
        import comfy.utils
        import execution
        import folder_paths

        import nodes

        for node in pack.nodes.node_classes():
            nodes.NODE_CLASS_MAPPINGS[node.GET_SCHEMA().node_id] = node
        comfy.utils.set_progress_bar_global_hook(self.progress)
        self.execution = execution
        self.executor = execution.PromptExecutor(Server(), cache_args={"lru": 0, "ram": 0, "ram_inactive": 0})
        self.bridges = Path(folder_paths.get_folder_paths("ddgi_bridges")[0])
        self.output = Path(folder_paths.get_output_directory())

    def progress(self, value, total, preview, node_id=None):
        import comfy.model_management

        self.seen.append((value, total, preview))
        if (value, total) == self.interrupt_at:
            comfy.model_management.interrupt_current_processing()

    def graph(self, **changes):
        return {"1": {"class_type": "DDGILoadDemoModels", "inputs": {"kind": "2D face (StyleGAN2)"}},
                "2": {"class_type": "DDGITrainBridge", "inputs": {**TINY, **LINKS, **changes}}}

    def refusal(self, **changes):
        """Why ComfyUI does not even queue it, "" if it does."""
        errors = asyncio.run(self.execution.validate_prompt("prompt", self.graph(**changes), None))[3]
        return "; ".join(error["details"] for entry in errors.values() for error in entry["errors"])

    def run(self, interrupt_at=None, **changes):
        """Train with TINY and `changes`; gives the last status message and the node's outputs (None if it failed)."""
        self.seen, self.interrupt_at = [], interrupt_at
        assert not self.refusal(**changes)
        self.executor.execute(self.graph(**changes), "prompt", execute_outputs=["2"])
        found = asyncio.run(self.executor.caches.outputs.get("2"))
        return self.executor.status_messages[-1], found and [values[0] for values in found.outputs]

    def sentence(self, **changes):
        """What a run that fails says."""
        (kind, message), _ = self.run(**changes)
        assert kind == "execution_error"
        return message["exception_message"]


@pytest.fixture(scope="module")
def host_with_nodes(pack):
    return Host(pack)


@pytest.fixture(scope="module")
def whole(host_with_nodes):
    """An uninterrupted run: (outputs, what progress bars showed)."""
    (kind, message), outputs = host_with_nodes.run()
    assert kind == "execution_success", message.get("exception_message")
    return outputs, host_with_nodes.seen


def test_it_gives_the_saved_bridge_a_preview_and_a_report(pack, host_with_nodes, whole):
    (bridge, preview, report), seen = whole
    saved = ddgi.load_bridge(host_with_nodes.bridges / "tiny.safetensors")
    assert all(torch.equal(value, saved.state_dict()[key]) for key, value in bridge.load().state_dict().items())
    assert saved.record["stages"]["modulation"]["step"] == 2
    assert preview.shape == (1, 512, 512, 3) and 0 <= preview.min() < preview.max() <= 1
    assert "3 steps of" in report and "T held out" in report and "tiny.safetensors" in report
    assert {picture[1].size for *_, picture in seen if picture} == {(512, 512)}


def test_a_cancelled_training_goes_on_to_the_same_bridge(pack, host_with_nodes, whole):
    (kind, _), outputs = host_with_nodes.run(name="cancelled", interrupt_at=(1, 3))
    assert kind == "execution_interrupted" and outputs is None
    checkpoint = host_with_nodes.output / "ddgi_train" / "cancelled" / "mapping.pt"
    assert torch.load(checkpoint, weights_only=True)["position"] == 1
    (kind, _), (bridge, *_) = host_with_nodes.run(name="cancelled")
    assert kind == "execution_success"
    assert [value for value, total, _ in host_with_nodes.seen if total == 3][0] == 2
    first = whole[0][0].value.state_dict()
    assert all(torch.equal(value, first[key]) for key, value in bridge.value.state_dict().items())


def test_the_front_end_keeps_the_seed(pack):
    seed = pack.nodes.train.TrainBridge.INPUT_TYPES()["required"]["seed"]
    assert seed[1]["control_after_generate"] is False  # where it is absent, each run would get a new seed


def test_choices_and_defaults_are_the_trainers(pack):
    """The node writes them itself, so that ComfyUI starts without the trainer."""
    from ddgi.bridge import ATTENTION_SOURCES, REFINEMENTS, BridgeSizes
    from ddgi.training.config import CACHES, PRECISIONS, FeatureConfig, TrainConfig
    from ddgi.training.denoising import DISTRIBUTIONS
    from ddgi.training.sources import GRAMMARS, SOURCES, DataTable

    types = pack.nodes.train.TrainBridge.INPUT_TYPES()
    inputs = types["required"] | types["optional"]
    features, sizes = FeatureConfig(), BridgeSizes()
    data = {option["key"]: option["inputs"]["required"] for option in inputs["data"][1]["options"]}
    made_up, folder = data["generator's own samples"], data["folder of pictures"]
    for widget, choices, default in (
            (inputs["denoising_steps"], DISTRIBUTIONS, features.denoising_steps),
            (inputs["precision"], PRECISIONS, TrainConfig.precision), (inputs["cache"], CACHES, features.cache),
            (inputs["attention_source"], ATTENTION_SOURCES, sizes.attention_source),
            (inputs["refinement"], REFINEMENTS, sizes.refinement),
            (made_up["words"], GRAMMARS, DataTable.grammar)):
        assert (widget[1]["options"], widget[1]["default"]) == (list(choices), default)
    for widget, default in ((inputs["own_pictures"], features.own_images), (inputs["held_out"], TrainConfig.held_out),
                            (folder["prompt"], DataTable.prompt), (inputs["rough_share"], DataTable.rough_share),
                            (inputs["no_hint_share"], DataTable.no_hint_share)):
        assert widget[1]["default"] == default
    assert tuple(pack.nodes.train.SOURCES.values()) == tuple(SOURCES)


def test_a_name_belongs_to_one_training(host_with_nodes, whole):
    assert "mapping.steps = 3, and now it is 4" in host_with_nodes.sentence(steps_m=4)
    shutil.copy(host_with_nodes.bridges / "tiny.safetensors", host_with_nodes.bridges / "taken.safetensors")
    assert "bridge of another training" in host_with_nodes.sentence(name="taken", seed=1)


@pytest.mark.parametrize(("changes", "words"), [
    ({"data": "folder of pictures", "data.folder": "", "data.prompt": "a face"}, "give the folder"),
    ({"data": "CelebAMask-HQ folder", "data.folder": "nowhere", "data.prompt": "a face"}, "nowhere"),
    ({"data": "the internet"}, "choose from"),
    ({"size": 60}, "give a multiple of"),
])
def test_wrong_settings_are_sentences(host_with_nodes, changes, words):
    assert words in host_with_nodes.sentence(name="wrong", **changes)


@pytest.mark.parametrize("name", ["", "../up", "end.", "a:b"])
def test_names_are_file_names(host_with_nodes, name):
    assert "cannot be a file name" in host_with_nodes.sentence(name=name)


def test_values_out_of_range_are_refused(host_with_nodes):
    assert "steps_m" in host_with_nodes.refusal(steps_m=0)
    assert "data.samples" in host_with_nodes.refusal(**{"data.samples": 1})
