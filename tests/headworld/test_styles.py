import pytest
import torch

from ddgi.cameras import look_at_label
from ddgi.cli import main
from ddgi.errors import InputError
from ddgi.headworld import STYLES, render_batch, style_sheet

DRAWN = [name for name in STYLES if name != "studio"]
SEEDS = (100, 101, 106, 109)                       # beard, beanie, brimmed hat, glasses


@pytest.fixture(scope="module")
def pictures():
    return {name: render_batch(SEEDS, 64, style=name) for name in STYLES}


def test_the_default_is_the_studio(pictures):
    plain = render_batch(SEEDS, 64)
    assert torch.equal(plain.image, pictures["studio"].image)
    assert plain.captions == pictures["studio"].captions


@pytest.mark.parametrize("style", DRAWN)
def test_a_style_changes_the_picture_and_nothing_else(pictures, style):
    drawn, studio = pictures[style], pictures["studio"]
    for name in ("mask", "depth", "scribble", "label", "attributes", "z"):
        assert torch.equal(getattr(drawn, name), getattr(studio, name)), name
    assert drawn.styles == [style] * len(SEEDS)
    assert torch.isfinite(drawn.image).all()
    assert drawn.image.abs().max() <= 1


def test_styles_look_different(pictures):
    """Mean difference on the heads, of 2: the closest two, studio and watercolour, are .15 apart."""
    head = (pictures["studio"].mask > 0)[:, None].float()
    for index, one in enumerate(STYLES):
        for other in list(STYLES)[index + 1:]:
            apart = ((pictures[one].image - pictures[other].image).abs() * head).sum() / head.sum() / 3
            assert apart > 0.12, (one, other)


@pytest.mark.parametrize("style", DRAWN)
def test_the_same_picture_every_time(pictures, style):
    assert torch.equal(render_batch(SEEDS, 64, style=style).image, pictures[style].image)


def test_styles_mixed_in_a_batch_equal_batches_of_one_style():
    styles = [*STYLES, "studio", "pencil"]
    mixed = render_batch(range(len(styles)), 32, style=styles)
    plain = render_batch(range(len(styles)), 32)
    assert torch.equal(mixed.mask, plain.mask)
    assert mixed.styles == styles
    for row, style in enumerate(styles):
        whole = render_batch(range(len(styles)), 32, style=style)
        # The same operations on other strides: rounding only, but for a pixel at a threshold.
        assert ((mixed.image[row] - whole.image[row]).abs() > 1 / 127.5).float().mean() < 0.002, style
        assert mixed.captions[row] == whole.captions[row]


@pytest.mark.parametrize("style", STYLES)
def test_batch_equals_singles(style):
    batch = render_batch(range(6), 32, style=style)
    for seed in range(6):
        single = render_batch([seed], 32, style=style)
        # As in the studio: a ray that grazes an edge, and here a line or a cell along it.
        assert ((single.image[0] - batch.image[seed]).abs().amax(0) > 2 / 127.5).float().mean() < 0.02, seed
        assert single.captions[0] == batch.captions[seed]


@pytest.mark.parametrize("style", STYLES)
def test_white_stays_white_away_from_the_head(style):
    batch = render_batch(SEEDS, 64, style=style, white_background=True)
    near = torch.nn.functional.max_pool2d((batch.mask > 0)[:, None].float(), 7, 1, 3)   # lines and bleeding end there
    assert (batch.image * (1 - near) == 1 - near).all()
    assert batch.image.mean() < 0.9


@pytest.mark.parametrize("style", ["pencil", "marble"])
def test_a_style_that_hides_colours_shows_none(pictures, style):
    assert STYLES[style].hides == {"hair_colour", "eye_colour"}
    head = (pictures[style].mask > 0)[:, None].float()
    spread = (pictures[style].image.amax(1) - pictures[style].image.amin(1)) * head[:, 0]
    studio = pictures["studio"].image
    colourful = (studio.amax(1) - studio.amin(1)) * head[:, 0]
    assert spread.sum() < 0.25 * colourful.sum()


@pytest.mark.parametrize("style", [name for name in DRAWN if not STYLES[name].hides])
def test_eyes_keep_their_colours(pictures, style):
    """Blue eyes are bluer than red, brown ones redder than blue."""
    label = look_at_label(torch.zeros(2), torch.zeros(2))
    batch = render_batch([100, 105], 64, label, style=style)                             # blue, brown
    assert [row[3] for row in batch.attributes.tolist()] == [1, 0]
    for face, mask, sign in zip(batch.image, batch.mask, (1, -1)):
        eye = (mask == 4) | (mask == 5)
        assert sign * (face[2] - face[0])[eye].mean() > 0.03


@pytest.mark.parametrize("resolution", [16, 40, 72, 104])
def test_every_size_is_drawn(resolution):
    batch = render_batch(range(7), resolution, style=list(STYLES))
    assert batch.image.shape == (7, 3, resolution, resolution)
    assert torch.isfinite(batch.image).all()


def test_pixel_art_has_square_cells():
    image = render_batch([100], 64, style="pixel").image
    assert torch.equal(image[..., ::2, ::2], image[..., 1::2, 1::2])
    assert torch.equal(image[..., ::2, ::2], image[..., ::2, 1::2])


def test_wrong_styles_are_refused():
    with pytest.raises(InputError, match="no style 'oil'.*studio, cartoon"):
        render_batch([0], 32, style="oil")
    with pytest.raises(InputError, match="2 styles.*3 heads"):
        render_batch(range(3), 32, style=["studio", "pencil"])


def test_the_sheet_has_a_row_for_each_head_and_a_column_for_each_style():
    one, two = (style_sheet(seeds, size=20, resolution=24).size for seeds in ([100], [100, 101]))
    assert one[0] == two[0] == 7 * 20 and two[1] - one[1] == 20


def test_the_command_refuses_a_sheet_of_no_kind(capsys):
    assert main(["examples", "--styles", "styles.gif"]) != 0
    assert "ends in .jpg or .png" in capsys.readouterr().err
