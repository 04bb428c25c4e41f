"""The mutations of `mutations.py` follow the code: each finds its place, changes it, and names tests that exist."""

import ast

import pytest

from . import mutations
from .mutations import MUTATIONS, ROOT


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_it_has_its_place(mutation):
    text = mutation.place(ROOT).read_text(encoding="utf-8")
    changed = text.replace(mutation.old, mutation.new)
    assert ast.dump(ast.parse(changed)) != ast.dump(ast.parse(text))
    assert (ROOT / mutation.tests).exists()


def test_a_lost_place_is_named():
    gone = mutations.Mutation("an old line", "ddgi/bridge", "no such code", "", "tests")
    with pytest.raises(mutations.Lost, match="an old line: 'no such code' stands 0 times below ddgi/bridge"):
        gone.place(ROOT)
