"""Hostile and damaged files: one clear error, nothing executed, little time and memory."""

import io
import json
import os
import pickle
import random
import resource
import struct
import time
import zipfile
from pathlib import Path

import pytest
import torch
from safetensors.torch import save as save_safetensors

from ddgi.checkpoints import inspect_file, load_generator
from ddgi.errors import InputError
from ddgi.fields import to_json
from ddgi.gan import EG3DGenerator, Generator

SECONDS = 5.0
EXTRA_MIB = 300     # of peak memory; the files themselves are small
RELEASED_AXES = torch.eye(3)[torch.tensor([[0, 1, 2], [0, 2, 1], [2, 0, 1]])]


class Calls:
    """Pickles as a call of any function."""

    def __init__(self, function, *arguments):
        self.function, self.arguments = function, arguments

    def __reduce__(self):
        return self.function, self.arguments


def text(value):
    return b"X" + struct.pack("<I", len(value)) + value


def call(module, name, argument=b")"):
    return b"c" + module + b"\n" + name + b"\n" + argument + b"R"


def marker_command(folder):
    return f"touch {folder}/executed"


def dangerous(folder):
    """Pickles that would run code in Python's own unpickler."""
    command, code = marker_command(folder), f"open({str(folder / 'executed')!r}, 'w')"
    argument = b"(" + text(command.encode()) + b"t"
    return {
        "system": pickle.dumps({"G_ema": Calls(os.system, command)}),
        "eval": pickle.dumps({"G_ema": Calls(eval, code)}), "exec": pickle.dumps({"G_ema": Calls(exec, code)}),
        "getattr": pickle.dumps({"G_ema": Calls(getattr, "a", "upper")}),
        "import": pickle.dumps({"G_ema": Calls(__import__, "os")}),
        "stack_global": b"\x80\x04\x8c\x02os\x8c\x06system\x93" + argument + b"R.",
        "dotted": b"\x80\x04\x8c\x05torch\x8c\x0cos.path.join\x93)R.",
        "instance": b"\x80\x02(" + text(command.encode()) + b"ios\nsystem\n.",
        "object": b"\x80\x02(cos\nsystem\n" + text(command.encode()) + b"o.",
        "new_object": b"\x80\x02cos\nsystem\n" + argument + b"\x81.",
        "call_a_result": b"\x80\x02" + call(b"collections", b"OrderedDict") + argument + b"R.",
        "build_a_function": b"\x80\x02ctorch\nload\n}b.",
        "extension": b"\x80\x02\x82\x01.", "persistent": b"\x80\x02Pos.system\n.",
        "persistent_binary": b"\x80\x02" + text(b"os.system") + b"Q.",
    }


def nested(content):
    """An NVIDIA-style nested torch.load of `content`."""
    inner = call(b"torch.storage", b"_load_from_bytes", b"B" + struct.pack("<I", len(content)) + content + b"\x85")
    return b"\x80\x03" + inner + b"."


def legacy(body, keys=b"]"):
    start = pickle.dumps(0x1950A86A20F9469CFC6C, 2) + pickle.dumps(1001, 2) + pickle.dumps({"little_endian": True}, 2)
    return start + b"\x80\x02" + body + b".\x80\x02" + keys + b"."


def storage_id(count, kind=b"FloatStorage"):
    return b"(" + text(b"storage") + b"ctorch\n" + kind + b"\n" + text(b"0") + text(b"cpu") + count + b"NtQ"


def bombs():
    """Files that ask for far more memory or time than they are large."""
    huge = b"\x8a\x06" + (2 ** 40).to_bytes(6, "little")
    deep = b"\x80\x02" + b"]" * 300_000
    laughs = b"\x80\x02)" + b"2\x86" * 200_000 + b"."
    key = b"\x80\x02}N\x85" + b"2\x86" * 60 + b"Ns."
    text_megabyte = text(b"a" * 1_000_000) + b"q\x00"
    encode = b"h\x00X\x06\x00\x00\x00latin1\x86"
    return {
        "length_of_text": b"\x80\x04\x8d" + struct.pack("<Q", 2 ** 62) + b"a.",
        "length_of_bytes": b"\x80\x04\x8e" + struct.pack("<Q", 2 ** 40) + b"a.",
        "negative_length": b"\x80\x02T" + struct.pack("<i", -5) + b"a.",
        "long_number": b"\x80\x02\x8b" + struct.pack("<i", 5_000_000) + b"\xff" * 5_000_000 + b".",
        "number_in_text": b"\x80\x02I" + b"9" * 5_000_000 + b"\n.",
        "memo_index": b"\x80\x02Nr\xff\xff\xff\xff" + b"0" * 3, "deep": deep, "laughs": laughs, "key": key,
        "operations": b"\x80\x02" + b"N0" * 3_000_000 + b".",
        "empty_dicts": b"\x80\x02" + b"}" * 6_000_000 + b".",
        "repeated_bytes": b"\x80\x02" + text_megabyte + (b"c_codecs\nencode\n" + encode + b"R") * 5000 + b".",
        "nested_system": nested(b"\x80\x02cos\nsystem\n" + text(b"x") + b"\x85R."),
        "nested_zip": nested(b"PK\x03\x04" + b"\0" * 60), "nested_call": nested(legacy(b"cos\nsystem\n)R")),
        "nested_huge": nested(legacy(storage_id(huge), b"]" + text(b"0") + b"a") + struct.pack("<q", 2 ** 40)),
        "nested_nested": nested(legacy(call(b"torch.storage", b"_load_from_bytes", b"C\x00\x85"))),
        "nested_repeated": b"\x80\x03B" + struct.pack("<I", 300_000) + b"N0" * 150_000 + b"\x85q\x00"
                           + (b"ctorch.storage\n_load_from_bytes\nh\x00R") * 20_000 + b".",
        "repeated_items": b"\x80\x03](" + b"X\x01\x00\x00\x00aN\x86" * 50_000 + b"e\x85q\x00"
                          + (b"ccollections\nOrderedDict\nh\x00R") * 20_000 + b".",
        "legacy_huge": legacy(storage_id(huge), b"]" + text(b"0") + b"a") + struct.pack("<q", 2 ** 40),
    }


def refused(path, content, function=load_generator):
    """The one error for this file, after checking time and memory."""
    path.write_bytes(content)
    before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    with pytest.raises(InputError) as caught:
        function(path)
    assert time.process_time() - start < SECONDS
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024 < EXTRA_MIB
    message = str(caught.value)
    assert path.name in message and "\n" not in message and len(message) < 400
    return message


@pytest.mark.parametrize("name", sorted(dangerous(Path("folder"))))
@pytest.mark.parametrize("container", ["pickle", "zip", "legacy"])
def test_code_is_never_executed(tmp_path, name, container):
    content = dangerous(tmp_path)[name]
    if container == "zip":
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr("archive/data.pkl", content)
        content = buffer.getvalue()
    elif container == "legacy":
        content = legacy(content[2:-1])
    refused(tmp_path / "x.pkl", content)
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize("name", sorted(bombs()))
def test_bombs_cost_little(tmp_path, name):
    refused(tmp_path / "x.pkl", bombs()[name])


def zip_bytes(parts, compression=zipfile.ZIP_STORED):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, content in parts.items():
            archive.writestr(f"archive/{name}", content)
    return buffer.getvalue()


def test_compressed_zip_is_refused(tmp_path):
    content = zip_bytes({"data.pkl": b"\x80\x02" + b"N0" * 20_000_000 + b"."}, zipfile.ZIP_DEFLATED)
    assert "compressed" in refused(tmp_path / "x.pt", content)


def test_zip_with_a_huge_directory_is_refused(tmp_path):
    content = zip_bytes({"data.pkl": b"\x80\x02N."})
    entry = content[content.index(b"PK\x01\x02"):content.index(b"PK\x05\x06")]
    end = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, 65535, 65535, len(entry) * 100_000, 0, 0)
    assert "absurdly long" in refused(tmp_path / "x.pt", b"PK\x03\x04" + entry * 100_000 + end)


def test_zip_storage_must_have_its_size(tmp_path, write):
    content = write.torch_bytes({"g_ema": {"conv1.conv.weight": torch.zeros(64)}})
    parts = {"data.pkl": zipfile.ZipFile(io.BytesIO(content)).read("archive/data.pkl"), "data/0": b"\0" * 16}
    assert "size" in refused(tmp_path / "x.pt", zip_bytes(parts))


def tensor_pickle(size, stride, stored=b"\0" * 16):
    storage = legacy(storage_id(b"K\x04"), b"]" + text(b"0") + b"a") + struct.pack("<q", 4) + stored
    storage = call(b"torch.storage", b"_load_from_bytes", b"B" + struct.pack("<I", len(storage)) + storage + b"\x85")
    arguments = b"(" + storage + b"K\x00" + size + stride + b"\x89}t"
    tensor = call(b"torch._utils", b"_rebuild_tensor_v2", arguments)
    def item(name, value):
        return b"}" + text(name) + value + b"s"
    state = item(b"_parameters", item(b"const", tensor))
    meta = b"}(" + text(b"class_name") + text(b"Generator") + text(b"state") + state + b"u\x85"
    return b"\x80\x03}" + text(b"G") + call(b"torch_utils.persistence", b"_reconstruct_persistent_obj", meta) + b"s."


@pytest.mark.parametrize("size, stride", [
    (b"J\x00\x00\x00\x40\x85", b"K\x01\x85"), (b"J\x00\x00\x00\x40\x85", b"K\x00\x85"),
    (b"J\xff\xff\xff\xff\x85", b"K\x01\x85"), (b"K\x02\x85", b"J\xff\xff\xff\xff\x85"), (b"N\x85", b"K\x01\x85"),
    (b"K\x01\x85", b")"), (b"(" + b"K\x01" * 100 + b"t", b"(" + b"K\x01" * 100 + b"t"), (b"K\x05\x85", b"K\x01\x85"),
])
def test_tensors_must_fit_their_data(tmp_path, size, stride):
    assert "tensor" in refused(tmp_path / "x.pkl", tensor_pickle(size, stride))


def test_modules_that_contain_themselves_are_refused(tmp_path):
    inner = b"}" + text(b"_modules") + b"}q\x01s"
    meta = b"}(" + text(b"class_name") + text(b"G") + text(b"state") + inner + b"u\x85"
    module = call(b"torch_utils.persistence", b"_reconstruct_persistent_obj", meta) + b"q\x02"
    loop = b"h\x01(" + text(b"a") + b"h\x02" + text(b"b") + b"h\x02" + b"u0"
    refused(tmp_path / "x.pkl", b"\x80\x03}" + text(b"G") + module + loop + b"s.")


def test_tensorflow_files_are_named(tmp_path):
    network = b"cdnnlib.tflib.network\nNetwork\n)\x81}b"
    message = refused(tmp_path / "x.pkl", b"\x80\x03" + network * 3 + b"\x87.")
    assert "TensorFlow" in message


@pytest.mark.parametrize("header", [
    b"{", b"{}" + b" " * 6, b'{"a": ' * 20_000, b'{"__metadata__": {"config": "' + b"[" * 100_000 + b'"}}',
    b'{"a":{"dtype":"F32","shape":[1000000,1000000],"data_offsets":[0,4]}}',
    b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4000000000]}}',
])
@pytest.mark.parametrize("function", [load_generator, inspect_file])
def test_hostile_safetensors(tmp_path, header, function):
    refused(tmp_path / "x.safetensors", struct.pack("<Q", len(header)) + header, function)
    refused(tmp_path / "x.safetensors", struct.pack("<Q", 2 ** 60) + header, function)


@pytest.mark.parametrize("config, version", [
    ("[1]", "1"), ("{", "1"), ('{"conv_clamp": "a"}', "1"), ('{"conv_clamp": -1}', "1"), ('{"num_fp16_res": []}', "1"),
    ("{}", "99"), ("{}", "x"), ("[" * 100_000, "1"), ('{"num_fp16_res": -3}', "1"),
])
def test_hostile_settings(tmp_path, small_weights, config, version):
    metadata = {"format": "ddgi.stylegan2", "version": version, "config": config, "provenance": "{}"}
    refused(tmp_path / "x.safetensors", save_safetensors(dict(small_weights), metadata))


@pytest.mark.parametrize("name, value", [
    ("c_scale", float("nan")), ("avg_camera_pivot", [0, 0, float("inf")]), ("avg_camera_pivot", [0]),
    ("avg_camera_pivot", 0), ("ray_start", "near"), ("ray_start", None), ("ray_end", -1), ("box_warp", 0),
    ("depth_resolution", 10 ** 9), ("depth_resolution", 8.5), ("depth_resolution_importance", -1),
    ("plane_axes", "zz"), ("plane_axes", []), ("unknown", 1),
])
def test_hostile_rendering_settings(tmp_path, small_eg3d, name, value):
    config = json.loads(json.dumps(to_json(EG3DGenerator.from_state_dict(small_eg3d).config)))
    config["rendering"][name] = value
    metadata = {"format": "ddgi.eg3d", "version": "1", "config": json.dumps(config), "provenance": "{}"}
    refused(tmp_path / "x.safetensors", save_safetensors(dict(small_eg3d), metadata))


@pytest.mark.parametrize("config", [
    "{}", "[1]", '{"backbone": {}, "rendering": 1}', '{"backbone": {"num_mapping_layers": 1e9}, "sr_kind": []}',
    '{"backbone": {"img_channels": 96}, "neural_rendering_resolution": 1e9}',
    '{"backbone": {"img_channels": 96}, "sr_conv_clamp": NaN}', '{"backbone": {"img_channels": 96}, "sr_channels": 3}',
])
def test_hostile_eg3d_settings(tmp_path, small_eg3d, config):
    metadata = {"format": "ddgi.eg3d", "version": "1", "config": config, "provenance": "{}"}
    refused(tmp_path / "x.safetensors", save_safetensors(dict(small_eg3d), metadata))


@pytest.mark.parametrize("name, value", [
    ("ray_start", float("nan")), ("ray_start", "near"), ("ray_start", "auto"), ("ray_start", None), ("ray_start", 4),
    ("ray_end", float("inf")), ("ray_end", 10 ** 2000), ("box_warp", 0), ("box_warp", -1.0), ("box_warp", True),
    ("depth_resolution", 10 ** 12), ("depth_resolution", 8.0), ("depth_resolution", 0), ("depth_resolution", [8]),
    ("depth_resolution_importance", -1), ("depth_resolution_importance", 2 ** 62), ("c_scale", "1"),
    ("avg_camera_radius", 0), ("avg_camera_pivot", "abc"), ("avg_camera_pivot", [0, 0]), ("clamp_mode", "relu"),
    ("avg_camera_pivot", [0, 0, float("nan")]), ("avg_camera_pivot", torch.zeros(3)), ("white_back", "yes"),
    ("sr_antialias", None), ("decoder_lr_mul", {}), ("decoder_lr_mul", float("nan")), ("box_warp", {"a": {}}),
])
def test_hostile_rendering_kwargs(tmp_path, small_eg3d, write, name, value):
    content = write.eg3d_bytes(small_eg3d, rendering_kwargs={name: value}, neural_rendering_resolution=4)
    assert "damaged" not in refused(tmp_path / "x.pkl", content)


@pytest.mark.parametrize("options", [
    {"neural_rendering_resolution": 10 ** 9}, {"neural_rendering_resolution": "a"}, {"sr_class": "SomethingElse"},
    {"sr_clamp": float("nan")}, {"sr_clamp": -1}, {"plane_axes": torch.eye(3)}, {"plane_axes": [1] * 27},
    {"plane_axes": torch.zeros(3, 3, 3)}, {"plane_axes": torch.full((3, 3, 3), float("nan"))},
    {"plane_axes": torch.eye(3).repeat(3, 1, 1)},
])
def test_hostile_eg3d_attributes(tmp_path, small_eg3d, write, options):
    content = write.eg3d_bytes(small_eg3d, **({"neural_rendering_resolution": 4} | options))
    assert "damaged" not in refused(tmp_path / "x.pkl", content)


@pytest.fixture(scope="module")
def originals(small_weights, small_eg3d, rosinality_small, write, tmp_path_factory):
    """One small valid file of each container."""
    path = tmp_path_factory.mktemp("native") / "a.safetensors"
    EG3DGenerator.from_state_dict(small_eg3d).save(path)
    eg3d = path.read_bytes()
    Generator.from_state_dict(small_weights).save(path)
    checkpoint = {"g_ema": rosinality_small, "latent_avg": torch.zeros(4)}
    return {"a.safetensors": path.read_bytes(), "b.pkl": write.nvidia_bytes(small_weights, protocol=3),
            "c.pkl": write.nvidia_bytes(small_weights, protocol=2), "d.pt": write.torch_bytes(checkpoint),
            "e.pt": write.torch_bytes(checkpoint, legacy=True), "f.safetensors": eg3d,
            "g.pkl": write.eg3d_bytes(small_eg3d, plane_axes=RELEASED_AXES, neural_rendering_resolution=4)}


def test_originals_are_read(originals, tmp_path):
    for name, content in originals.items():
        (tmp_path / name).write_bytes(content)
        assert load_generator(tmp_path / name).config.img_resolution == (16 if name[0] in "fg" else 8)


def mutate(content, chance):
    """Damage: changed, cut, repeated, swapped or removed bytes."""
    content, kind = bytearray(content), chance.randrange(6)
    start = chance.randrange(len(content)) if chance.random() < 0.5 else chance.randrange(min(4096, len(content)))
    length = chance.choice((1, 1, 2, 4, 8, 64, 1024))
    if kind == 0:
        content[start] ^= 1 << chance.randrange(8)
    elif kind == 1:
        content[start:start + length] = chance.randbytes(length)
    elif kind == 2:
        del content[start:]
    elif kind == 3:
        del content[start:start + length]
    elif kind == 4:
        content[start:start] = content[start:start + length]
    else:
        content[start:start + length] = b"\xff" * length
    return bytes(content)


def test_a_thousand_mutated_files(originals, tmp_path):
    chance, outcomes = random.Random(0), {"refused": 0, "read": 0}
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for index in range(1000):
        name = sorted(originals)[index % len(originals)]
        path = tmp_path / name
        path.write_bytes(mutate(originals[name], chance))
        start = time.process_time()
        try:
            load_generator(path)        # damage inside the numbers of a weight cannot be seen
            outcomes["read"] += 1
        except InputError as error:
            assert name in str(error) and "\n" not in str(error)
            outcomes["refused"] += 1
        assert time.process_time() - start < SECONDS
    assert outcomes["refused"] > 500
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024 < EXTRA_MIB


def test_every_truncation_is_refused(originals, tmp_path):
    for name, content in originals.items():
        for share in range(20):
            refused(tmp_path / name, content[:len(content) * share // 20])
