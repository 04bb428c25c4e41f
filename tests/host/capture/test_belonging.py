"""What does not belong together is found in the graph, before the sampler runs."""

import dataclasses
import importlib

import pytest

import ddgi.bridge

FILES = {"bridge": ("DDGILoadBridge", "bridge_name", "demo/bridge_{}.safetensors"),
         "generator": ("DDGILoadGenerator", "generator_name", "demo/generator_{}.safetensors")}


@pytest.fixture(scope="module")
def belonging(pack):
    pack.host.folders.register()
    return importlib.import_module(f"{pack.__name__}.host.belonging")


@pytest.fixture(scope="module")
def layout(belonging, pack):
    """The layout that the demo's bridges are for."""
    return ddgi.bridge.read_config(pack.host.folders.DEMO / "bridge_stylegan2.safetensors").layout


@pytest.fixture(autouse=True)
def classes(pack, monkeypatch):
    """The pack's and core's node classes, as the host knows them."""
    import nodes as core

    for node in pack.nodes.node_classes():
        monkeypatch.setitem(core.NODE_CLASS_MAPPINGS, node.GET_SCHEMA().node_id, node)


def loader(part, kind):
    class_type, widget, name = FILES[part]
    return {"class_type": class_type, "inputs": {widget: name.format(kind)}}


def graph(bridge="stylegan2", generator="stylegan2", **render):
    """Tap, sampler, collect, latent, render; loaders as named."""
    return {
        "1": {"class_type": "DDGIFeatureTap", "inputs": {"model": ["9", 0]}},
        "2": {"class_type": "KSampler", "inputs": {"model": ["1", 0]}},
        "3": {"class_type": "DDGICollectFeatures", "inputs": {"tap": ["1", 1], "latent": ["2", 0]}},
        "4": {"class_type": "DDGIMappingAbSMNetLatent", "inputs": {"features": ["3", 0], "bridge": ["5", 0]}},
        "5": loader("bridge", bridge),
        "6": {"class_type": "DDGIRender", "inputs": {"latent": ["4", 0], "generator": ["7", 0], **render}},
        "7": loader("generator", generator),
    }


@pytest.fixture
def held(pack):
    """A generator that somebody holds, as the host's cache does after its loader ran."""
    return lambda kind: pack.host.managed.managed_generator(pack.host.folders.DEMO / f"generator_{kind}.safetensors")


def test_what_belongs_together_passes(belonging, layout, held):
    generator = held("stylegan2")
    belonging.check_graph(graph(), "1", layout)
    belonging.check_graph(None, None, layout)     # outside the host's executor
    del generator


def test_a_bridge_of_another_diffusion_model_is_found_from_its_file(pack, belonging, layout):
    other = dataclasses.replace(layout, family="sd2")
    with pytest.raises(ddgi.InputError, match="node 4 .* do not fit this bridge: U-Net family sd2 in the place of"):
        belonging.check_graph(graph(), "1", other)
    far = graph()
    far["4"]["inputs"].pop("bridge")
    belonging.check_graph(far, "1", other)      # no bridge reads these features
    elsewhere = graph()
    elsewhere["4"]["inputs"]["features"] = ["8", 0]
    belonging.check_graph(elsewhere, "1", other)


@pytest.mark.parametrize("demo", [False, True], ids=["loaders", "demo loader"])
def test_a_3d_bridge_with_a_2d_generator_is_found_once_both_are_loaded(pack, belonging, layout, held, demo):
    mixed = graph(bridge="eg3d")
    if demo:
        mixed["5"] = {"class_type": "DDGILoadDemoModels", "inputs": {"kind": "3D head (EG3D)"}}
        mixed["4"]["inputs"]["bridge"] = ["5", 5]
    belonging.check_graph(mixed, "1", layout)     # nobody has loaded the generator: its weights are not known
    generator = held("stylegan2")
    for allowed in (False, True):               # no relative has layers in another number
        mixed["6"]["inputs"]["allow_relative"] = allowed
        with pytest.raises(ddgi.InputError, match="node 6 .* This bridge was made for generator 'demo-eg3d' .* "
                                                  "'demo-stylegan2' needs .14, 128."):
            belonging.check_graph(mixed, "1", layout)
    del generator


def test_a_generator_of_the_same_sizes_passes_where_the_node_allows_it(pack, belonging, layout, tmp_path, monkeypatch):
    import folder_paths

    own = ddgi.load_generator(pack.host.folders.DEMO / "generator_stylegan2.safetensors")
    own.module.synthesis.b4.const.data += 1
    other = ddgi.gan.StyleGAN2Generator(own.config, own.module, name="other")       # it names no ancestry
    other.save(tmp_path / "other.safetensors")
    monkeypatch.setitem(folder_paths.folder_names_and_paths, pack.host.folders.GENERATORS,
                        ([str(tmp_path)], {".safetensors"}))
    related = graph()
    related["7"]["inputs"]["generator_name"] = "other.safetensors"
    generator = pack.host.managed.managed_generator(tmp_path / "other.safetensors")
    with pytest.raises(ddgi.InputError, match="node 6 .* This bridge was made for generator 'demo-stylegan2' .*, not "
                                              "for 'other' .* allow_relative on the node"):
        belonging.check_graph(related, "1", layout)
    related["6"]["inputs"]["allow_relative"] = True
    belonging.check_graph(related, "1", layout)
    del generator


def test_a_broken_bridge_file_is_left_to_its_loader(belonging, layout):
    broken = graph()
    broken["5"]["inputs"]["bridge_name"] = "nowhere.safetensors"
    belonging.check_graph(broken, "1", layout)


@pytest.mark.parametrize("name, inputs", [
    ("FeatureExtract", {"steps": 2, "cfg": 2.0, "sampler_name": "euler", "scheduler": "normal", "denoise": 1.0,
                        "capture_steps": "last", "every": 1, "step_list": ""}),
    ("FeatureTapNode", {"capture_steps": "last", "every": 1, "step_list": ""}),
    ("EncodeImage", {"noise_level": 0.5}),
])
def test_the_nodes_that_read_a_model_look_first(pack, tiny, name, inputs):
    """With the graph that the host gives them."""
    from comfy_api.latest import io

    node = getattr(pack.nodes.capture, name)
    model, calls = tiny.reference(tiny.model())
    below = graph()
    below["1"]["class_type"] = node.GET_SCHEMA().node_id
    if name != "FeatureTapNode":
        below["4"]["inputs"]["features"] = ["1", 0 if name == "EncodeImage" else 1]
    given = {"seed": 0, "positive": tiny.prompt(), "negative": tiny.prompt(), "latent_image": tiny.latent(),
             "latent": tiny.latent(), **inputs}
    wanted = {entry.id for entry in node.GET_SCHEMA().inputs} & set(given)
    hidden = {io.Hidden.prompt: below, io.Hidden.unique_id: "1"}
    prepared = node.PREPARE_CLASS_CLONE({"hidden_inputs": hidden})
    with pytest.raises(ddgi.InputError, match="do not fit this bridge: middle channels 64 in the place of"):
        prepared.execute(model, **{key: given[key] for key in wanted})
    assert not calls
