"""Words and numbers for layers."""

import pytest

from ddgi.errors import InputError
from ddgi.latents import layer_groups, parse_layers


@pytest.mark.parametrize("num_ws, ends", [(18, (4, 8)), (16, (4, 8)), (14, (4, 8)), (10, (3, 6)), (6, (2, 4))])
def test_groups_are_the_papers_and_none_is_empty(num_ws, ends):
    first, second = ends
    assert layer_groups(num_ws) == {"coarse": range(first), "middle": range(first, second),
                                    "fine": range(second, num_ws)}


@pytest.mark.parametrize("text, layers", [
    ("all", tuple(range(18))), ("coarse", (0, 1, 2, 3)), ("Coarse, middle", tuple(range(8))),
    ("0-3, 8", (0, 1, 2, 3, 8)), ("17", (17,)), ("middle 2", (2, 4, 5, 6, 7)), ("fine+0", (0, *range(8, 18)))])
def test_words_and_numbers(text, layers):
    assert parse_layers(text, 18) == layers


@pytest.mark.parametrize("text", ["", "18", "0-18", "rough", "3-", "5-2", "all!"])
def test_what_is_no_layer_is_refused(text):
    with pytest.raises(InputError):
        parse_layers(text, 18)
