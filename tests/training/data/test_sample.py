"""Splits are stable, broken items are stood in for, problems are grouped."""

import pytest
import torch

from ddgi.errors import InputError
from ddgi.training.data import BrokenFile, Problem, Sample, Source, problem_lines, split
from ddgi.training.data.sample import Items, name_hash


class Toy(Items):
    def __init__(self, names, broken=()):
        self.names, self.broken, self.problems = list(names), set(broken), []

    def __len__(self):
        return len(self.names)

    def name(self, index):
        return self.names[index]

    def read(self, index, rng):
        if self.names[index] in self.broken:
            raise BrokenFile(f"{self.names[index]}.png", "it is damaged")
        return Sample(self.names[index], "", torch.zeros(3, 8, 8), "mask")

    def describe(self):
        return {"source": "toy"}


def names(part):
    return [part.name(index) for index in range(len(part))]


def test_the_split_covers_all_and_is_about_the_share_asked_for():
    source = Toy(str(number) for number in range(2000))
    training, held_out = split(source, 0.1)
    assert sorted(names(training) + names(held_out), key=int) == source.names
    assert 146 < len(held_out) < 254  # 200, four standard deviations are 54


def test_an_item_keeps_its_side_when_others_come_and_go():
    small, large = Toy(str(n) for n in range(0, 400, 3)), Toy(str(n) for n in range(1000))
    assert set(names(split(small, 0.2)[1])) <= set(names(split(large, 0.2)[1]))
    assert not set(names(split(small, 0.2)[0])) & set(names(split(large, 0.2)[1]))


def test_the_hash_of_a_name_is_fixed_for_good():
    # `printf foo | sha256sum` begins with these digits; 53 of their 64 bits are used.
    assert name_hash("foo") == (0x2C26B46B68FFC68F >> 11) / 2 ** 53


def test_even_tiny_sources_have_both_parts():
    training, held_out = split(Toy("ab"), 0.001)
    assert len(training) == len(held_out) == 1
    with pytest.raises(InputError, match="too few"):
        split(Toy("a"))
    with pytest.raises(InputError, match="share of 1.0"):
        split(Toy("ab"), 1.0)


def test_the_next_item_of_the_same_part_stands_in_for_a_broken_one():
    source = Toy("abcdefgh")
    training, held_out = split(source, 0.4)
    assert len(held_out) >= 2 and len(training) >= 2
    source.broken = {held_out.name(0)}
    assert held_out.sample(0, torch.Generator()).name == held_out.name(1)
    held_out.sample(0, torch.Generator())
    assert source.problems == [Problem(f"{held_out.name(0)}.png", "it is damaged")]
    source.broken = set("abcdefgh")
    with pytest.raises(InputError, match="None of the"):
        held_out.sample(0, torch.Generator())


def test_parts_are_sources_and_say_what_they_are():
    training, _ = split(Toy("abcd"), 0.3)
    assert isinstance(training, Source)
    assert training.describe() == {"source": "toy", "part": "train", "part_items": len(training)}


def test_problems_are_listed_by_kind_the_commonest_first():
    problems = [Problem("x.png", "it is damaged"), *(Problem(f"{n}.txt", "the caption is empty") for n in range(7))]
    assert problem_lines(problems, examples=2) == ["7 x the caption is empty: 0.txt, 1.txt, ...",
                                                   "1 x it is damaged: x.png"]
