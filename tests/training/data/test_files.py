"""Folders of pictures and the CelebAMask-HQ layout: what is read, what is refused, and what is merely skipped."""

import json
import time

import numpy as np
import pytest
import torch
from PIL import Image

from ddgi.cameras import Camera
from ddgi.errors import InputError
from ddgi.facemask import read_mask
from ddgi.facemask.order import FROM_BISENET
from ddgi.headworld import parse_caption, render_batch
from ddgi.palette import PALETTE
from ddgi.training.data import Augment, CelebAMaskHQ, Folder, Hints, Reading, Source, split, write_celebamask_hq
from ddgi.training.data.framing import flip_classes
from ddgi.training.data.labels import camera_table

SIZE = 16
CAMERA = Camera.from_angles(yaw=20).label[0]
MASKS, SCRIBBLES = Hints(mask_share=1.0), Hints(mask_share=0.0)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def noise(seed=0, size=SIZE):
    return np.random.default_rng(seed).integers(0, 256, (size, size, 3), dtype=np.uint8)


def classes(seed=0, size=SIZE):
    return np.random.default_rng(seed).integers(0, 19, (size, size), dtype=np.uint8)


def save(path, pixels, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **options)
    return path


def tensor(pixels):
    return torch.from_numpy(pixels).permute(2, 0, 1).float() / 127.5 - 1


def reasons(source):
    return {problem.file: problem.reason for problem in source.problems}


@pytest.fixture
def folder(tmp_path):
    """One picture with everything, one with nothing beside it."""
    save(tmp_path / "a.png", noise(0))
    (tmp_path / "a.txt").write_text("\ufefffirst  caption\n\nsecond caption\n", encoding="utf-8")
    save(tmp_path / "a_mask.png", PALETTE[classes()])
    lines = np.full((SIZE, SIZE), 255, dtype=np.uint8)
    lines[3] = 0
    save(tmp_path / "a_scribble.png", lines)
    (tmp_path / "a.json").write_text(json.dumps(CAMERA.tolist()))
    save(tmp_path / "sub" / "b.JPG", noise(1), quality=100)
    return tmp_path


def test_everything_beside_a_picture_is_read(folder):
    source = Folder(folder, Reading(SIZE, MASKS), prompt="nobody wrote this")
    assert isinstance(source, Source) and len(source) == 2 and source.problems == []
    sample = source.sample(0, seeded())
    assert sample.name == "a" and sample.hint_kind == "mask"
    assert torch.equal(sample.image, tensor(noise(0)))
    assert torch.equal(sample.mask, torch.from_numpy(classes()))
    assert torch.equal(sample.hint, torch.from_numpy(PALETTE[classes()]).permute(2, 0, 1).float() / 255)
    assert torch.equal(sample.camera, CAMERA) and sample.w is None
    prompts = {source.sample(0, seeded(seed)).prompt for seed in range(20)}
    assert prompts == {"first caption", "second caption"}
    plain = source.sample(1, seeded())
    assert (plain.name, plain.prompt, plain.hint_kind) == ("sub/b", "nobody wrote this", "scribble")
    assert plain.mask is None and plain.camera is None


def test_a_drawn_scribble_is_used_dark_on_light_or_light_on_dark(folder):
    source = Folder(folder, Reading(SIZE, SCRIBBLES))
    expected = torch.ones(3, SIZE, SIZE)
    expected[:, 3] = 0
    assert torch.equal(source.sample(0, seeded()).hint, expected)
    inverted = 255 - np.asarray(Image.open(folder / "a_scribble.png"))
    save(folder / "a_scribble.png", inverted)
    assert torch.equal(source.sample(0, seeded()).hint, expected)
    smaller = Folder(folder, Reading(SIZE, Hints(mask_share=0.0, size=8))).sample(0, seeded()).hint
    assert torch.equal(smaller[0].amin(1) == 0, torch.arange(8) == 1)  # row 3 of 16 is in row 1 of 8


def test_a_sample_depends_only_on_its_seed(folder):
    reading = Reading(SIZE, Hints(mask_share=0.5), Augment(flip=True, crop=0.5))
    first, second = Folder(folder, reading), Folder(folder, reading)
    second.sample(1, seeded(9))
    for seed in range(8):
        a, b = first.sample(0, seeded(seed)), second.sample(0, seeded(seed))
        assert a.prompt == b.prompt and a.hint_kind == b.hint_kind
        assert all(torch.equal(getattr(a, name), getattr(b, name)) for name in ("hint", "image", "mask", "camera"))


def test_hints_are_mixed_by_their_share(folder):
    source = Folder(folder, Reading(SIZE, Hints(mask_share=0.25)))
    kinds = [source.sample(0, seeded(seed)).hint_kind for seed in range(200)]
    assert 26 <= kinds.count("mask") <= 74  # 50, four standard deviations are 24


def test_mirrored_samples_are_mirrored_throughout(folder):
    (folder / "a.txt").write_text("a woman")
    source = Folder(folder, Reading(SIZE, MASKS, Augment(flip=True)))
    samples = [source.sample(0, seeded(seed)) for seed in range(20)]
    mirrored = [s for s in samples if torch.equal(s.image, tensor(noise(0)).flip(-1))]
    assert 0 < len(mirrored) < 20
    sample = mirrored[0]
    assert torch.equal(sample.mask, flip_classes(torch.from_numpy(classes())))
    assert torch.equal(sample.hint, torch.from_numpy(PALETTE[sample.mask.numpy()]).permute(2, 0, 1).float() / 255)
    assert Camera(sample.camera[None]).yaw.item() == pytest.approx(-20, abs=1e-3)


def test_wide_pictures_are_cut_to_their_centred_square(tmp_path):
    pixels = np.zeros((SIZE, 3 * SIZE, 3), dtype=np.uint8)
    pixels[:, SIZE:2 * SIZE] = 255
    save(tmp_path / "wide.png", pixels)
    index = np.zeros((SIZE // 2, 3 * SIZE // 2), dtype=np.uint8)
    index[:, SIZE // 2:SIZE] = 13
    save(tmp_path / "wide_mask.png", index)
    sample = Folder(tmp_path, Reading(SIZE, MASKS)).sample(0, seeded())
    assert torch.equal(sample.image, torch.ones(3, SIZE, SIZE)) and (sample.mask == 13).all()


def test_larger_pictures_are_averaged_and_masks_are_not(tmp_path):
    stripes = np.zeros((4 * SIZE, 4 * SIZE), dtype=np.uint8)
    stripes[::2] = 1
    save(tmp_path / "a.png", stripes * 200)
    save(tmp_path / "a_mask.png", stripes)
    sample = Folder(tmp_path, Reading(SIZE, MASKS)).sample(0, seeded())
    # Away from the border Lanczos leaves the mean of fine stripes, to a few grey levels.
    assert (sample.image[:, 3:-3] - (100 / 127.5 - 1)).abs().max() < 0.05
    assert set(sample.mask.unique().tolist()) <= {0, 1}


def test_masks_are_read_as_numbers_colours_or_colour_tables(tmp_path):
    numbers = classes()
    table = Image.fromarray(numbers, mode="P")
    table.putpalette(PALETTE.flatten().tolist())
    foreign = Image.fromarray(numbers, mode="P")
    foreign.putpalette([(37 * i + 90) % 256 for i in range(57)])
    for name in "abcd":
        save(tmp_path / f"{name}.png", noise())
    save(tmp_path / "a_mask.png", numbers)
    save(tmp_path / "b_mask.png", PALETTE[numbers])
    table.save(tmp_path / "c_mask.png")
    foreign.save(tmp_path / "d_mask.png")
    source = Folder(tmp_path, Reading(SIZE, MASKS))
    assert source.problems == [] and len(source) == 4
    for index in range(4):
        assert torch.equal(source.sample(index, seeded()).mask, torch.from_numpy(numbers)), "abcd"[index]


def test_pictures_are_turned_as_the_camera_says_and_transparency_is_white(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 3
    save(tmp_path / "a.png", noise(), exif=exif)
    save(tmp_path / "b.png", np.dstack([noise(), np.zeros((SIZE, SIZE), dtype=np.uint8)]))
    source = Folder(tmp_path, Reading(SIZE))
    assert torch.equal(source.sample(0, seeded()).image, tensor(noise()).flip(1, 2))
    assert (source.sample(1, seeded()).image == 1).all()


def test_masks_beside_images_are_masks(tmp_path):
    """As face data sets are laid out; they were learnt as faces."""
    for part, name in enumerate(("masks", "labels", "seg")):
        save(tmp_path / name / "images" / "sub" / "a.jpg", noise(part), quality=100)
        save(tmp_path / name / name / "sub" / "a.png", PALETTE[classes(part)])
    save(tmp_path / "masks" / "masks" / "lost.png", classes())
    source = Folder(tmp_path, Reading(SIZE, MASKS))
    assert [source.name(index) for index in range(len(source))] == [
        "labels/images/sub/a", "masks/images/sub/a", "seg/images/sub/a"]
    for index, part in enumerate((1, 0, 2)):
        assert torch.equal(source.sample(index, seeded()).mask, torch.from_numpy(classes(part)))
    assert reasons(source) == {"masks/masks/lost.png": "the mask has no picture"}


def test_folders_of_such_names_without_images_hold_pictures(tmp_path):
    save(tmp_path / "masks" / "a.png", noise())
    assert Folder(tmp_path, Reading(SIZE)).name(0) == "masks/a"


@pytest.mark.parametrize("check", ["full", "quick"])
def test_pictures_in_class_colours_are_never_faces(folder, check):
    head = render_batch([3], 32).mask[0].numpy()
    save(folder / "colours.png", PALETTE[head])
    save(folder / "numbers.png", head)
    save(folder / "jpeg.jpg", PALETTE[head.repeat(4, 0).repeat(4, 1)], quality=80)
    source = Folder(folder, Reading(SIZE, check=check))
    assert len(source) == (2 if check == "full" else 5)     # found at once, or when they are read
    assert {source.sample(index, seeded()).name for index in range(len(source))} == {"a", "sub/b"}
    assert reasons(source) == dict.fromkeys(("colours.png", "numbers.png", "jpeg.jpg"),
                                            "the picture is a face mask, not a face")


def test_masks_of_every_kind_are_read_by_the_nodes_rule(tmp_path):
    """Smoothed, JPEG, 16-bit and transparent ones, beside a clean one."""
    mask = render_batch([3], 64).mask[0].numpy()
    large = Image.fromarray(PALETTE[mask.repeat(4, 0).repeat(4, 1)])
    for name in "abcd":
        save(tmp_path / f"{name}.png", noise(size=64))
    large.resize((128, 128), Image.Resampling.BILINEAR).save(tmp_path / "a_mask.png")
    large.save(tmp_path / "b_mask.jpg", quality=90)
    Image.fromarray(mask.astype(np.uint16)).save(tmp_path / "c_mask.png")
    Image.fromarray(np.dstack([PALETTE[mask] | 9, 255 * (mask > 0).astype(np.uint8)])).save(tmp_path / "d_mask.png")
    source = Folder(tmp_path, Reading(64, MASKS))
    assert source.problems == [] and len(source) == 4
    got = [source.sample(index, seeded()).mask.numpy() for index in range(4)]
    for read in got:
        assert set(np.unique(read)) <= set(np.unique(mask)) and (read == mask).mean() > 0.94    # borders at 64 pixels
    assert np.array_equal(got[2], mask)


def test_the_order_of_numbers_is_found_for_a_whole_set_and_said(tmp_path):
    """One mask shows nothing but a shoulder, which tells nothing by itself."""
    def written(mask):
        return np.argsort(FROM_BISENET).astype(np.uint8)[mask]

    heads = render_batch([3, 4, 5], 32).mask.numpy()
    heads[1] = np.where(heads[1] == 18, 18, 0)
    for index, mask in enumerate(heads):
        save(tmp_path / f"{index}.png", noise(size=32))
        save(tmp_path / f"{index}_mask.png", written(mask))
    source = Folder(tmp_path, Reading(32, MASKS))
    for index, mask in enumerate(heads):
        assert np.array_equal(source.sample(index, seeded()).mask.numpy(), mask)
    assert source.describe()["mask_order"] == "BiSeNet" and "BiSeNet order" in source.notes[0]
    assert split(source, 0.4)[0].notes == source.notes
    plain = Folder(tmp_path, Reading(32, MASKS, masks="class numbers"))
    assert np.array_equal(plain.sample(0, seeded()).mask.numpy(), written(heads[0]))
    assert plain.notes == () and plain.describe()["mask_order"] is None


def test_empty_masks_and_scribbles_are_problems(folder):
    for name in "xyz":
        save(folder / f"{name}.png", noise())
    save(folder / "x_mask.png", np.zeros((SIZE, SIZE, 3), dtype=np.uint8))
    save(folder / "y_mask.png", np.zeros((SIZE, SIZE), dtype=np.uint8))
    save(folder / "z_scribble.png", np.full((SIZE, SIZE), 255, dtype=np.uint8))
    background = "the whole mask is background"
    assert reasons(Folder(folder, Reading(SIZE, MASKS))) == {
        "x_mask.png": background, "y_mask.png": background, "z_scribble.png": "there is no line in it"}


def test_scribbles_on_nothing_are_read(folder):
    ink = np.zeros((SIZE, SIZE, 4), dtype=np.uint8)
    ink[3, :, 3] = 255
    save(folder / "a_scribble.png", ink)
    hint = Folder(folder, Reading(SIZE, SCRIBBLES)).sample(0, seeded()).hint
    assert torch.equal(hint[0].amin(1) == 0, torch.arange(SIZE) == 3)


def test_crops_that_lose_a_cameras_middle_are_refused(folder):
    with pytest.raises(InputError, match="A crop of 0.4 can leave out the middle"):
        Folder(folder, Reading(SIZE, MASKS, Augment(crop=0.4)))


def test_every_problem_is_listed_with_its_file_and_the_rest_is_used(folder):
    good = (folder / "a.png").read_bytes()
    (folder / "cut.png").write_bytes(good[:-40])
    (folder / "text.png").write_text("no picture")
    (folder / "empty.jpg").write_bytes(b"")
    save(folder / "tiny.png", noise(0, 4))
    for name in ("silent", "binary", "shape", "colours", "lost", "nowhere"):
        (folder / f"{name}.png").write_bytes(good)
    (folder / "silent.txt").write_text(" \n\n")
    (folder / "binary.txt").write_bytes(b"\xff\xfe\x00")
    save(folder / "shape_mask.png", np.zeros((8, 16), dtype=np.uint8))
    save(folder / "colours_mask.png", np.full((SIZE, SIZE, 3), 128, dtype=np.uint8))
    (folder / "lost.json").write_text("[1, 2, 3]")
    (folder / "nowhere.json").write_text(json.dumps([0.0] * 25))
    save(folder / "orphan_mask.png", classes())
    (folder / "a.jpg").write_bytes(good)
    Image.fromarray(np.zeros((SIZE, SIZE), dtype=np.uint16)).save(folder / "deep.png")
    source = Folder(folder, Reading(SIZE, MASKS))
    damaged = "the picture is damaged or no picture"
    assert reasons(source) == {
        "cut.png": damaged, "text.png": damaged, "empty.jpg": damaged,
        "tiny.png": "the picture is smaller than 8 pixels",
        "silent.txt": "the caption is empty", "binary.txt": "the caption is no UTF-8 text",
        "shape_mask.png": "its shape is not that of its picture",
        "colours_mask.png": "the mask is neither in the CelebAMask-HQ colours nor in class numbers",
        "lost.json": "the camera is not 25 finite numbers",
        "nowhere.json": "the camera is no valid pose and intrinsics",
        "orphan_mask.png": "the mask has no picture",
        "a.png": "another picture of that name is used instead",
        "deep.png": "the picture is of kind I;16, which has no 8-bit colours"}
    assert [source.name(index) for index in range(len(source))] == ["a", "sub/b"]
    assert source.describe()["skipped"] == 11 and source.describe()["items"] == 2


def test_a_small_file_that_claims_a_huge_picture_is_never_decoded(folder):
    Image.new("1", (9000, 9000)).save(folder / "huge.png")
    for check in ("quick", "full"):
        assert reasons(Folder(folder, Reading(SIZE, check=check))) == {
            "huge.png": "the picture has more than 67 million pixels"}


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "BMP"])
def test_however_a_file_is_damaged_it_is_one_problem(folder, kind):
    path = folder / f"z.{kind.lower()}"
    Image.fromarray(noise()).save(path, kind)
    good, draws = path.read_bytes(), np.random.default_rng(1)
    for _ in range(30):
        damaged = bytearray(good[:draws.integers(len(good) // 2, len(good) + 1)])
        for place in draws.integers(0, 40, 4):
            damaged[place] = draws.integers(256)
        path.write_bytes(damaged)
        source = Folder(folder, Reading(SIZE))
        assert len(source) + len(source.problems) == 3 and set(reasons(source)) <= {path.name}


def test_a_quick_check_still_sees_pictures_that_are_cut_short(folder):
    good = (folder / "sub" / "b.JPG").read_bytes()
    (folder / "cut.jpg").write_bytes(good[:-20])    # the header is whole
    (folder / "trailing.jpg").write_bytes(good + b"more bytes")
    source = Folder(folder, Reading(SIZE, check="quick"))
    assert reasons(source) == {"cut.jpg": "the picture is damaged or no picture"}
    assert source.name(2) == "trailing"


def test_what_breaks_later_is_skipped_and_counted_once(folder):
    source = Folder(folder, Reading(SIZE))
    (folder / "a.png").write_bytes(b"gone bad")
    for _ in range(3):
        assert source.sample(0, seeded()).name == "sub/b"
    assert reasons(source) == {"a.png": "the picture is damaged or no picture"}
    (folder / "sub" / "b.JPG").unlink()
    with pytest.raises(InputError, match="None of the 2 items can be read any more"):
        source.sample(0, seeded())


def test_needed_parts_skip_what_lacks_them(folder):
    source = Folder(folder, Reading(SIZE), needed=("mask", "camera"))
    assert len(source) == 1 and reasons(source) == {"sub/b.JPG": "it has no mask"}
    with pytest.raises(InputError, match="needed part 'nose'"):
        Folder(folder, Reading(SIZE), needed=("nose",))


def test_eg3d_labels_name_their_pictures(folder):
    labels = [["sub/b.JPG", CAMERA.tolist()], ["a.png", [float("nan")] * 25]]
    (folder / "dataset.json").write_text(json.dumps({"labels": labels}))
    (folder / "a.json").unlink()
    source = Folder(folder, Reading(SIZE))
    assert reasons(source) == {"a.png": "the camera is not 25 finite numbers"}
    assert torch.equal(source.sample(0, seeded()).camera, CAMERA)
    (folder / "dataset.json").write_text('{"labels": null}')    # as EG3D's tools write a set without cameras
    assert Folder(folder, Reading(SIZE)).sample(0, seeded()).camera is None
    (folder / "dataset.json").write_text("{}")
    with pytest.raises(InputError, match="is no EG3D dataset.json"):
        Folder(folder, Reading(SIZE))


def test_cameras_that_nodes_refuse_are_problems(tmp_path):
    labels = {"front": CAMERA, "away": Camera.from_angles(pivot=(0, 0, 5)).label[0],
              "pixels": CAMERA * torch.tensor([1.0] * 16 + [512.0] * 6 + [1.0] * 3),
              "huge": CAMERA * torch.tensor([1.0] * 3 + [1e9] + [1.0] * 21)}
    for name in labels:
        save(tmp_path / f"{name}.png", noise())
    rows = [[f"{name}.png", label.tolist()] for name, label in labels.items()]
    (tmp_path / "dataset.json").write_text(json.dumps({"labels": rows}))
    source = Folder(tmp_path, Reading(SIZE))
    assert [source.name(index) for index in range(len(source))] == ["front"]
    assert reasons(source) == {"away.png": "the camera looks away from the head",
                               "pixels.png": "the camera's intrinsics are not divided by the picture's size",
                               "huge.png": "the camera is not 25 finite numbers"}
    (tmp_path / "dataset.json").unlink()
    (tmp_path / "away.json").write_text(json.dumps(labels["away"].tolist()))
    assert reasons(Folder(tmp_path, Reading(SIZE))) == {"away.json": "the camera looks away from the head"}


def test_many_cameras_are_looked_at_together(tmp_path):
    """70,000 labels, as FFHQ has, take about 6 s; one at a time they take more than a minute."""
    rows = [[f"{number}.png", label] for number, label in enumerate([CAMERA.tolist()] * 3000)]
    (tmp_path / "dataset.json").write_text(json.dumps({"labels": rows}))
    started = time.process_time()
    assert len(camera_table(tmp_path / "dataset.json")) == 3000
    assert time.process_time() - started < 2


def test_a_folder_without_pictures_or_none_at_all_is_one_sentence(tmp_path):
    with pytest.raises(InputError, match="No usable picture"):
        Folder(tmp_path, Reading(SIZE))
    with pytest.raises(InputError, match="There is no folder"):
        Folder(tmp_path / "none", Reading(SIZE))
    with pytest.raises(InputError, match="has no folder CelebA-HQ-img"):
        CelebAMaskHQ(tmp_path, Reading(SIZE))
    with pytest.raises(InputError, match="The check 'deep'"):
        Reading(SIZE, check="deep")


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("celebamask")
    write_celebamask_hq(folder, [7, 3, 5], resolution=32)
    return folder


@pytest.fixture(scope="module")
def rendered():
    return render_batch([7, 3, 5], 32)


def test_head_world_in_the_celebamask_layout_comes_back(written, rendered):
    source = CelebAMaskHQ(written, Reading(32, MASKS))
    assert source.problems == [] and [source.name(index) for index in range(3)] == ["0", "1", "2"]
    for index in range(3):
        sample = source.sample(index, seeded())
        assert torch.equal(sample.mask, rendered.mask[index])
        assert torch.equal(read_mask(sample.hint.permute(1, 2, 0)[None])[0], rendered.mask[index])
        # JPEG at quality 95: the mean error is some grey levels of 255.
        assert (sample.image - rendered.image[index]).abs().mean() < 0.05
        assert torch.allclose(sample.camera, rendered.label[index], atol=1e-6)
        assert parse_caption(sample.prompt) == parse_caption(rendered.captions[index])
    assert len({source.sample(0, seeded(seed)).prompt for seed in range(30)}) > 3


def test_masks_may_be_smaller_than_pictures_as_in_the_real_set(tmp_path, rendered):
    write_celebamask_hq(tmp_path, [7], resolution=32, mask_resolution=16)
    mask = CelebAMaskHQ(tmp_path, Reading(32, MASKS)).sample(0, seeded()).mask
    halved = rendered.mask[0, 1::2, 1::2]
    assert torch.equal(mask, halved.repeat_interleave(2, 0).repeat_interleave(2, 1))


def test_later_parts_cover_earlier_ones(tmp_path):
    save(tmp_path / "CelebA-HQ-img" / "2001.jpg", noise())
    anno = tmp_path / "CelebAMask-HQ-mask-anno" / "1"
    part = np.zeros((SIZE, SIZE, 3), dtype=np.uint8)  # the real set's parts are RGB
    part[:, :12] = 255
    save(anno / "02001_skin.png", part)
    save(anno / "02001_hair.png", part[:, ::-1].copy())
    sample = CelebAMaskHQ(tmp_path, Reading(SIZE, MASKS), prompt="a face").sample(0, seeded())
    assert sample.prompt == "a face" and sample.mask[0].tolist() == [1] * 4 + [13] * 12


def test_celebamask_problems_are_listed(tmp_path, rendered):
    write_celebamask_hq(tmp_path, range(6), resolution=16)
    images, anno, captions = (tmp_path / name for name in ("CelebA-HQ-img", "CelebAMask-HQ-mask-anno/0",
                                                           "celeba-caption"))
    (captions / "0.txt").write_text("\n")
    (captions / "1.txt").unlink()
    (anno / "00002_skin.png").unlink()
    (anno / "00003_skin.png").write_bytes(b"damaged")
    for path in anno.glob("00004_*.png"):
        path.unlink()
    save(anno / "00005_tail.png", classes())
    save(images / "6.jpg", noise())
    (captions / "6.txt").write_text("a face")
    save(anno / "00006_skin.png", np.zeros((16, 16), dtype=np.uint8))
    save(images / "cover.jpg", noise())
    source = CelebAMaskHQ(tmp_path, Reading(16, MASKS))
    assert reasons(source) == {
        "celeba-caption/0.txt": "the caption is empty", "celeba-caption/1.txt": "the caption is missing",
        "CelebA-HQ-img/2.jpg": "its mask has no skin part",
        "CelebAMask-HQ-mask-anno/0/00003_skin.png": "the picture is damaged or no picture",
        "CelebA-HQ-img/4.jpg": "it has no mask parts",
        "CelebAMask-HQ-mask-anno/0/00005_tail.png": "its name is no number and part",
        "CelebAMask-HQ-mask-anno/0/00006_skin.png": "the whole mask is background",
        "CelebA-HQ-img/cover.jpg": "its name is no number"}
    assert [source.name(index) for index in range(len(source))] == ["5"]
    assert source.describe()["skipped"] == 6


def test_captions_come_from_a_table_too(written, tmp_path):
    table = tmp_path / "captions.json"
    table.write_text(json.dumps({"0.jpg": "zero", "1": ["one", " "], "2.jpg": ""}))
    source = CelebAMaskHQ(written, Reading(32), captions=table)
    assert [source.sample(index, seeded()).prompt for index in range(2)] == ["zero", "one"]
    assert reasons(source) == {"CelebA-HQ-img/2.jpg": "the caption is empty"}
    table.write_text("[]")
    with pytest.raises(InputError, match="it must be an object of names and captions"):
        CelebAMaskHQ(written, Reading(32), captions=table)


def test_a_celebamask_source_splits(written):
    training, held_out = split(CelebAMaskHQ(written, Reading(32)), 0.3)
    assert len(training) + len(held_out) == 3 and len(held_out) >= 1
    assert held_out.sample(0, seeded()).name == held_out.name(0)
