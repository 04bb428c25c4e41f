"""Runs in one process leave nothing behind: memory stays flat, models keep no hooks, "free memory" gives all back."""

import asyncio
import gc
from pathlib import Path

import pytest
import torch

from ddgi.runner.prompts import load_workflow, set_input

WORKFLOWS = Path(__file__).resolve().parents[2] / "workflows"
# A node that samples, a tap around a sampler of core's, and a 3D head: where the seed goes, and what is made small.
GRAPHS = {"01 Face from words and mask (DDGI)": ("DDGIFeatureExtract.seed", {"DDGIFeatureExtract.steps": 2}),
          "07 Face with any sampler (DDGI)": ("RandomNoise.noise_seed", {"BasicScheduler.steps": 2}),
          "04 Head as a 3D model (DDGI)": ("DDGIFeatureExtract.seed",
                                    {"DDGIFeatureExtract.steps": 2, "DDGIMesh.resolution": 32})}


class Worker:
    """ComfyUI's executor with this pack's nodes, and what its prompt worker does when memory is to be freed."""

    client_id = last_node_id = None

    def __init__(self, pack):
        import execution

        import nodes

        samplers = Path(nodes.__file__).parent / "comfy_extras" / "nodes_custom_sampler.py"
        asyncio.run(nodes.load_custom_node(str(samplers), module_parent="comfy_extras"))
        nodes.NODE_CLASS_MAPPINGS.update({node.GET_SCHEMA().node_id: node for node in pack.nodes.node_classes()})
        self.executor = execution.PromptExecutor(self, cache_args={"lru": 0, "ram": 0, "ram_inactive": 0})

    def send_sync(self, event, data, sid=None):
        pass

    def run(self, name, seed):
        """A workflow up to the pictures that it makes; the outputs of its loader."""
        graph = {key: node for key, node in load_workflow(WORKFLOWS / f"{name}.json").items()
                 if not node["class_type"].startswith(("Preview", "Save"))}
        seed_input, small = GRAPHS[name]
        for key, value in {seed_input: seed, **small}.items():
            set_input(graph, key, value)
        ends = [key for key, node in graph.items() if node["class_type"] in ("DDGIRender", "DDGIMesh")]
        self.executor.execute(graph, "prompt", execute_outputs=ends)
        assert self.executor.status_messages[-1][0] == "execution_success", self.executor.status_messages[-1]
        loaded = asyncio.run(self.executor.caches.outputs.get("2"))
        return [values[0] for values in loaded.outputs]

    def free(self):
        import comfy.model_management

        comfy.model_management.unload_all_models()
        self.executor.reset()


@pytest.fixture
def held(pack):
    """A function that gives the bytes of all tensors that were made since and that something still holds."""
    gc.collect()
    gc.freeze()             # what is there already is not looked at

    def count():
        gc.collect()
        tensors = [thing for thing in gc.get_objects() if issubclass(type(thing), torch.Tensor)]
        storages = [tensor.untyped_storage() for tensor in tensors]
        return sum({storage.data_ptr(): storage.nbytes() for storage in storages}.values())

    yield count
    gc.unfreeze()


@pytest.fixture
def worker(pack, held):
    return Worker(pack)     # after `held`, which collects no circles of older objects


@pytest.mark.parametrize("name", GRAPHS)
def test_memory_stays_flat_and_all_of_it_comes_back_twice(held, worker, name):
    for _ in range(2):
        seen = []
        for seed in (0, 1, 0, 1):           # a mesh is as large as its head
            worker.run(name, seed)
            seen.append(held())
        assert seen[0] == seen[2] and seen[1] == seen[3] and min(seen) > 2**20
        worker.free()
        assert held() == 0


@pytest.mark.parametrize("name", GRAPHS)
def test_models_keep_no_hooks(worker, name):
    model, clip, vae, control_net, *_ = worker.run(name, 0)
    networks = (model.model, clip.cond_stage_model, vae.first_stage_model, control_net.control_model)
    hooks = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    assert not [module for network in networks for module in network.modules()
                if any(getattr(module, kind) for kind in hooks)]
    assert model.model_options == {"transformer_options": {}} and not any(model.wrappers.values())
    assert not any(model.callbacks.values()) and not model.patches and not model.hook_patches
