"""Blends and stylised copies in the graph: kept as differences, also after a cancel, and refused for strangers."""

import importlib

import pytest
import torch
from PIL import Image

import ddgi
import ddgi.gan
import ddgi.native

TINY = ddgi.gan.StyleGAN2Config(z_dim=8, w_dim=8, img_resolution=16, channel_base=64, channel_max=8,
                                num_mapping_layers=2)


@pytest.fixture(scope="module")
def network():
    return ddgi.gan.StyleGAN2Generator.untrained(TINY, name="tiny")


@pytest.fixture
def styled(pack, network):
    copy = network.copy("styled")
    for value in copy.drawing_weights().values():
        value.mul_(1.5)
    return pack.host.managed.managed_copy(copy)


def run(node, *args, **inputs):
    with torch.inference_mode():        # as the host runs nodes
        return node.PREPARE_CLASS_CLONE(None).execute(*args, **inputs).args


def test_a_blend_with_a_name_is_a_file_of_differences(pack, folders, generator, styled):
    node = pack.nodes.style.BlendGenerators
    blend, = run(node, generator, styled, 0.5, 4, 1024)
    assert blend.path is None and blend.value.name == "tiny + styled"
    kept, = run(node, generator, styled, 0.5, 4, 1024, name="half")
    path = folders / "half.safetensors"
    assert ddgi.native.read_metadata(path)["format"] == "ddgi.difference"
    again = pack.host.managed.managed_generator(path).value
    assert again.fingerprint == kept.value.fingerprint
    ws = again.map(torch.randn(2, 8, generator=torch.Generator().manual_seed(0)))
    plain, whole, half = (one.render(ws, relative=True).image for one in (generator.value, styled.value, again))
    assert 0 < (half - whole).abs().mean() < (plain - whole).abs().mean()
    with pytest.raises(ddgi.InputError, match="already"):
        run(node, generator, styled, 0.5, 4, 1024, name="half")


def test_a_stranger_is_refused_with_both_names(pack, generator):
    other = ddgi.gan.StyleGAN2Generator.untrained(TINY, seed=4, name="stranger")
    with pytest.raises(ddgi.InputError, match="'tiny'.*'stranger'"):
        run(pack.nodes.style.BlendGenerators, generator, pack.host.managed.managed_copy(other), 0.5, 4, 1024)


WORDS = {"style": "words", "prompt": "a smiling woman", "negative": "", "denoise": 0.6, "faces": 2,
         "sampling_steps": 2, "cfg": 1.0, "control_strength": 1.0, "size": 0}


@pytest.fixture(scope="module")
def diffusion(pack):
    demo = importlib.import_module(f"{pack.__name__}.host.demo_models")
    model, clip, vae = demo.load_diffusion()
    return {"model": model, "clip": clip, "vae": vae, "control_net": demo.load_control_net()}


@pytest.fixture
def ink():
    """Two style pictures as IMAGE: stripes."""
    image = torch.zeros(2, 16, 16, 3)
    image[:, ::4] = 1
    return image


def stylise(pack, generator, style, steps=3, **inputs):
    return run(pack.nodes.style.StyliseGenerator, generator, inputs.pop("name", "ink"), style, steps, **inputs)[0]


def texture(generator, image):
    """How far random faces are from style pictures, in patches."""
    from ddgi.latents import random_faces
    from ddgi.pictures import from_image
    from ddgi.seeds import seeded
    from ddgi.style.texture import texture_distance

    drawn = generator.render(random_faces(generator, range(4))).image
    return texture_distance(drawn, from_image(image)[[0, 1, 0, 1]], seeded(0))


def test_words_teach_a_copy_that_is_a_relative_and_a_file_of_differences(pack, folders, generator, diffusion):
    styled = stylise(pack, generator, WORDS, **diffusion)
    path = folders / "ink.safetensors"
    assert ddgi.native.read_metadata(path)["format"] == "ddgi.difference"
    again = pack.host.managed.managed_generator(path).value
    assert again.fingerprint == styled.value.fingerprint != generator.value.fingerprint
    assert again.provenance["stylised"] == {"from": "own faces", "pictures": 2, "steps": 3}
    again.render(generator.value.latent(torch.randn(1, 6, 8)))


def test_little_denoising_stays_near_the_pictures(pack, diffusion):
    chain_of = importlib.import_module(f"{pack.__name__}.host.chain")
    parts = importlib.import_module(f"{pack.__name__}.host.diffusion").Diffusion(*diffusion.values())
    chain = chain_of.Chain(parts, chain_of.Sampling(steps=4, cfg=1.0))
    with torch.inference_mode():
        pictures = ddgi.load_generator(pack.host.folders.DEMO / "generator_stylegan2.safetensors")
        pictures = pictures.render(pictures.map(torch.randn(2, 64, generator=torch.Generator().manual_seed(1)))).image
        pictures = torch.nn.functional.interpolate(pictures, (chain.size,) * 2, mode="bilinear", antialias=True)
        near, far = (chain.redraw(pictures, ["a woman"] * 2, None, [1, 2], denoise) for denoise in (0.25, 1.0))
        single = chain.redraw(pictures[1:], ["a woman"], None, [2], 0.25)
    assert (near - pictures).abs().mean() < 0.5 * (far - pictures).abs().mean()
    torch.testing.assert_close(near[1:], single, atol=1e-3, rtol=1e-3)      # each face has its own noise; batched sums


@pytest.mark.parametrize("kind", ["pictures", "folder"])
def test_pictures_teach_their_texture(pack, folders, generator, ink, kind):
    style = {"style": "pictures", "search_steps": 2}
    if kind == "folder":
        place = folders / "style"
        place.mkdir()
        for number, picture in enumerate(ink):
            Image.fromarray((picture * 255).byte().numpy()).resize((24, 16), 0).save(place / f"{number}.png")
        (place / "broken.png").write_bytes(b"nothing")
        style = {"style": "folder of pictures", "folder": str(place), "search_steps": 2}
    styled = stylise(pack, generator, style, 15, rate=0.02, **({"pictures": ink} if kind == "pictures" else {}))
    assert texture(styled.value, ink) < 0.8 * texture(generator.value, ink)
    assert styled.value.provenance["stylised"]["pictures"] == 2
    more = stylise(pack, generator, {"style": "pictures", "search_steps": 1}, 1, pictures=ink, start=styled,
                   replace=True)
    assert styled.value.fingerprint in more.value.lineage.ancestry


def test_pictures_of_known_faces_are_learnt_as_pairs(pack, folders, generator):
    from ddgi.latents import random_faces
    from ddgi.pictures import to_image

    faces = random_faces(generator.value, range(6))
    negative = -generator.value.render(faces).image
    style = {"style": "pictures", "search_steps": 10_000}       # a search would not end
    styled = stylise(pack, generator, style, 40, rate=0.02, pictures=to_image(negative), latent=faces)
    assert styled.value.provenance["stylised"]["from"] == "own faces"
    before, after = ((one.value.render(faces, relative=True).image - negative).abs().mean()
                     for one in (generator, styled))
    assert after < 0.5 * before
    with pytest.raises(ddgi.InputError, match="6 style pictures of 16 x 16 were given with 5 faces"):
        stylise(pack, generator, style, pictures=to_image(negative), latent=random_faces(generator.value, range(5)),
                name="fewer")


def test_a_cancel_keeps_what_was_learnt(pack, folders, generator, ink, monkeypatch):
    import comfy.model_management

    shown = importlib.import_module(f"{pack.__name__}.host.shown")
    calls = []

    def interrupt():
        calls.append(1)
        if len(calls) == 2 + 4:         # two steps of the search, then the fourth of the training
            raise comfy.model_management.InterruptProcessingException

    monkeypatch.setattr(shown, "throw_exception_if_processing_interrupted", interrupt)
    with pytest.raises(comfy.model_management.InterruptProcessingException):
        stylise(pack, generator, {"style": "pictures", "search_steps": 2}, 10, pictures=ink)
    kept = pack.host.managed.managed_generator(folders / "ink.safetensors").value
    assert kept.provenance["stylised"]["steps"] == 4 and kept.lineage.is_relative(generator.value.lineage)


def test_what_cannot_be_learnt_is_refused(pack, folders, generator, ink, diffusion):
    with pytest.raises(ddgi.InputError, match="clip is not connected"):
        stylise(pack, generator, WORDS, model=diffusion["model"])
    pictures = {"style": "pictures", "search_steps": 2}
    with pytest.raises(ddgi.InputError, match="none is connected"):
        stylise(pack, generator, pictures)
    with pytest.raises(ddgi.InputError, match="8 x 16.*Align Face"):
        stylise(pack, generator, pictures, pictures=ink[:, :, :8])
    with pytest.raises(ddgi.InputError, match="no picture in"):
        stylise(pack, generator, {"style": "folder of pictures", "folder": str(folders), "search_steps": 2})
    with pytest.raises(ddgi.InputError, match="already"):
        stylise(pack, generator, pictures, pictures=ink, name="base")
    assert not (folders / "ink.safetensors").exists()
