"""Head world and the generator's own samples as sources: the right latent, camera, hint and prompt for each picture."""

import dataclasses
import json

import pytest
import torch

from ddgi.cameras import Camera
from ddgi.errors import InputError
from ddgi.gan import EG3DConfig, EG3DGenerator, RenderingConfig, StyleGAN2Config, StyleGAN2Generator
from ddgi.gan.eg3d.network import EG3D
from ddgi.gan.stylegan2.network import StyleGAN2
from ddgi.headworld import ATTRIBUTES, named_attributes, parse_caption, render_batch, stack_seeds
from ddgi.scribble import lines_from_image
from ddgi.training.data import GeneratorSamples, HeadWorld, Hints, Source, faces
from ddgi.training.data.rows import CHUNK, KeptRows, rows_for

MASKS, SCRIBBLES = Hints(mask_share=1.0), Hints(mask_share=0.0)
SMALL = {"z_dim": 8, "w_dim": 8, "channel_max": 8, "num_mapping_layers": 2}


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def rounded(image):
    """As kept: 8 bits a channel."""
    return ((image + 1) * 127.5).round().clamp(0, 255) / 127.5 - 1


@pytest.fixture(scope="module")
def generator():
    torch.manual_seed(0)
    module = StyleGAN2(StyleGAN2Config(**SMALL, img_resolution=16, channel_base=128))
    module.mapping.w_avg.normal_()
    return StyleGAN2Generator(module.config, module.eval().requires_grad_(False), name="tiny")


@pytest.fixture(scope="module")
def generator_3d():
    torch.manual_seed(0)
    config = EG3DConfig(
        StyleGAN2Config(**SMALL, c_dim=25, img_resolution=8, img_channels=12, channel_base=64), img_resolution=16,
        neural_rendering_resolution=8, feature_channels=4, decoder_width=8, sr_kind="2X", sr_input_resolution=8,
        sr_channels=(8, 4), rendering=RenderingConfig(depth_resolution=6, depth_resolution_importance=6))
    return EG3DGenerator(config, EG3D(config).eval().requires_grad_(False), name="tiny3d")


def test_heads_are_those_of_their_seeds():
    source, batch = HeadWorld([4, 9], 16, MASKS), render_batch([4, 9], 16)
    assert isinstance(source, Source) and source.problems == [] and source.name(1) == "head-9"
    sample = source.sample(1, seeded())
    assert torch.equal(sample.image, rounded(batch.image[1])) and torch.equal(sample.mask, batch.mask[1])
    assert torch.equal(sample.camera, batch.label[1]) and sample.w is None
    assert parse_caption(sample.prompt) == parse_caption(batch.captions[1])
    drawn = HeadWorld([4, 9], 16, SCRIBBLES).sample(1, seeded())
    assert torch.equal(drawn.hint, batch.scribble_image[1])
    json.dumps(source.describe())


def test_heads_turn_within_the_angles_asked_for_and_mirror():
    source = HeadWorld(range(4), 16, MASKS, yaw=40.0, pitch=10.0, flip=True)
    cameras = [[Camera(source.sample(index, seeded(seed)).camera[None]) for seed in range(8)] for index in range(4)]
    yaws = {round(abs(camera.yaw.item()), 2) for several in cameras for camera in several}
    assert len(yaws) == 4 and max(yaws) <= 40  # one camera a head, and its mirror image
    assert any(len({camera.yaw.sign().item() for camera in several}) == 2 for several in cameras)


def test_partial_captions_name_some_of_what_is_there_and_describe_nobody():
    source = HeadWorld(range(200), 16, MASKS, partial_share=0.5)
    samples = [source.sample(index, seeded(index)) for index in range(200)]
    partial = [(sample, row) for sample, row in zip(samples, source.looks()[0].tolist()) if not sample.described]
    assert 70 <= len(partial) <= 130                        # of 200 at one half: beyond four standard deviations
    told = [named_attributes(sample.prompt) for sample, _ in partial]
    assert 0.2 < sum(not found for found in told) / len(told) < 0.65
    truth = [dict(zip(ATTRIBUTES, (values[place] for values, place in zip(ATTRIBUTES.values(), row))))
             for _, row in partial]
    assert all(found.items() <= row.items() for found, row in zip(told, truth))
    whole = HeadWorld(range(200), 16, MASKS)
    assert all(whole.sample(index, seeded(index)).described for index in range(8))


def test_a_known_head_latent_comes_with_its_picture_which_is_never_mirrored():
    source = HeadWorld(range(3), 16, MASKS, flip=True, latents=lambda z: z[:, None, :8].repeat(1, 2, 1))
    for seed in range(6):
        sample = source.sample(2, seeded(seed))
        assert torch.equal(sample.w, stack_seeds([2])[0, :8].expand(2, 8))
        assert torch.equal(sample.image, rounded(render_batch(range(3), 16).image[2]))


def test_pictures_belong_to_their_latents(generator):
    source = GeneratorSamples(generator, faces(), range(10, 13), 16, truncation_psi=(0.5, 0.5))
    for index in range(3):
        sample = source.sample(index, seeded())
        assert torch.equal(sample.image, rounded(generator.render(sample.w[None]).image[0]))
        z = torch.randn(1, 8, generator=seeded(10 + index))
        assert torch.equal(sample.w, generator.map(z, truncation_psi=0.5)[0])
        assert sample.name == f"generated-{10 + index}" and sample.camera is None and sample.mask is None
        assert sample.prompt == faces().draw(10 + index) == source.prompt(index)
        lines = lines_from_image((sample.image[None].movedim(1, -1) + 1) / 2)
        assert sample.hint_kind == "scribble" and torch.equal(sample.hint, lines.expand(3, -1, -1))


def test_truncation_is_drawn_within_its_range(generator):
    source = GeneratorSamples(generator, faces(), range(40), 16, truncation_psi=(0.0, 1.0))
    shares = []
    for seed in range(40):
        whole = generator.map(torch.randn(1, 8, generator=seeded(seed))) - generator.w_avg
        shares.append(((source._latent(seed) - generator.w_avg).norm() / whole.norm()).item())
    assert 0 <= min(shares) < 0.2 and 0.8 < max(shares) <= 1


def test_masks_come_from_the_segmenter(generator):
    def segmenter(picture):
        assert picture.shape == (1, 3, 16, 16)
        return (picture[:, 0] > 0).long() * 13

    source = GeneratorSamples(generator, faces(), range(2), 8, Hints(mask_share=1.0, size=16), segmenter=segmenter)
    sample = source.sample(0, seeded())
    whole = generator.render(sample.w[None]).image[0, 0] > 0
    assert torch.equal(sample.mask, (whole[1::2, 1::2] * 13).to(torch.uint8))
    assert sample.hint_kind == "mask" and sample.hint.shape == (3, 16, 16) and sample.image.shape == (3, 8, 8)
    for wrong, message in ((lambda p: p[:, 0], "integer classes"), (lambda p: p[:, 0].long() + 30, "class 3[0-9]")):
        with pytest.raises(InputError, match=message):
            GeneratorSamples(generator, faces(), [1], 16, MASKS, segmenter=wrong).sample(0, seeded())


def test_3d_samples_know_their_cameras(generator_3d):
    source = GeneratorSamples(generator_3d, faces(), range(3), 16, yaw=25, pitch=5, truncation_psi=(1, 1))
    samples = [source.sample(index, seeded()) for index in range(3)]
    for sample in samples:
        camera = Camera(sample.camera[None])
        assert abs(camera.yaw.item()) <= 25 and abs(camera.pitch.item()) <= 5 + 1e-3
        assert camera.radius.item() == pytest.approx(generator_3d.config.rendering.avg_camera_radius, abs=1e-5)
        assert torch.equal(sample.image, rounded(generator_3d.render(sample.w[None], camera).image[0]))
    assert len({round(Camera(s.camera[None]).yaw.item(), 3) for s in samples}) == 3


@pytest.mark.parametrize("changes, message", [
    ({"hints": MASKS}, "without a segmenter"), ({"seeds": []}, "0 seeds"), ({"seeds": [1, 1]}, "2 seeds with 1"),
    ({"truncation_psi": (1.0, 0.5)}, "truncation range"), ({"resolution": 4}, "resolution of 4")])
def test_what_cannot_work_is_refused(generator, changes, message):
    arguments = {"seeds": range(2), "resolution": 16} | changes
    with pytest.raises(InputError, match=message):
        GeneratorSamples(generator, faces(), **arguments)


def numbered(rows):
    numbered.calls.append(rows)
    return {"value": torch.tensor(list(rows))}


@pytest.fixture
def calls():
    numbered.calls = []
    return numbered.calls


def test_a_chunk_is_rendered_once_and_the_oldest_leaves_a_full_memory(calls):
    count = 2 * CHUNK + 3
    kept = KeptRows(count, numbered, key={}, memory_mib=CHUNK * 8 * 2 / 2 ** 20)
    assert [kept.row(index)["value"].item() for index in range(count)] == list(range(count))
    assert calls == [range(CHUNK), range(CHUNK, 2 * CHUNK), range(2 * CHUNK, count)]
    kept.row(CHUNK)
    assert len(calls) == 3
    kept.row(0)
    assert calls[3] == range(CHUNK)
    with pytest.raises(IndexError):
        kept.row(count)


def test_large_pictures_come_one_by_one(calls):
    assert [rows_for(size) for size in (64, 128, 256, 512, 1024, 2048)] == [32, 32, 16, 4, 1, 1]
    kept = KeptRows(3, numbered, key={}, rows=1)
    assert kept.row(2)["value"] == 2 and kept.row(1)["value"] == 1 and calls == [range(2, 3), range(1, 2)]


def test_kept_files_are_used_again_but_not_for_other_settings_or_when_damaged(calls, tmp_path):
    def make(key):
        return KeptRows(5, numbered, key=key, folder=tmp_path)

    assert make({"size": 1}).row(3)["value"] == 3
    assert make({"size": 1}).row(4)["value"] == 4 and len(calls) == 1
    make({"size": 2}).row(0)
    assert len(calls) == 2
    path = make({"size": 1}).path(0)
    path.write_bytes(path.read_bytes()[:-8])
    assert make({"size": 1}).row(2)["value"] == 2 and len(calls) == 3


def test_samples_kept_on_disk_equal_fresh_ones(generator, tmp_path):
    arguments = (generator, faces(), range(2), 16)
    first = GeneratorSamples(*arguments, folder=tmp_path).sample(1, seeded())
    again = GeneratorSamples(*arguments, folder=tmp_path).sample(1, seeded())
    for field in dataclasses.fields(first):
        a, b = getattr(first, field.name), getattr(again, field.name)
        assert torch.equal(a, b) if isinstance(a, torch.Tensor) else a == b
