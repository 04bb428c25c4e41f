"""Step choices and the step a noise level belongs to."""

import pytest

from ddgi.errors import InputError
from ddgi.features import StepSelection, step_of_sigma


@pytest.mark.parametrize("text, total, expected", [
    ("all", 3, (0, 1, 2)), ("last", 7, (6,)), ("every 4", 10, (0, 4, 8, 9)), ("every 1", 2, (0, 1)),
    ("0, 5, -1", 8, (0, 5, 7)), ("-1 -2", 4, (2, 3)), ("3,3, -1", 4, (3,)), ("ALL", 1, (0,)),
])
def test_resolve(text, total, expected):
    assert StepSelection.parse(text).resolve(total) == expected


@pytest.mark.parametrize("text", ["", "some", "every", "every 0", "every x", "1.5", "0 to 4"])
def test_unreadable_choices(text):
    with pytest.raises(InputError):
        StepSelection.parse(text)


@pytest.mark.parametrize("index", [4, -5])
def test_steps_outside_the_run(index):
    with pytest.raises(InputError, match="the run has 4 steps"):
        StepSelection("list", indices=(index,)).resolve(4)


def test_step_of_sigma():
    schedule = [14.6, 5.0, 1.0, 0.03, 0.0]
    assert [step_of_sigma(sigma, schedule) for sigma in schedule] == [0, 1, 2, 3, None]
    assert step_of_sigma(5.0001, schedule) == 1  # rounding of samplers that work in log sigma
    assert step_of_sigma(3.0, schedule) is None
    assert step_of_sigma(5.01, schedule) is step_of_sigma(4.99, schedule) is None  # levels of a sampler's own


def test_a_level_visited_twice_is_the_later_step_once_it_runs():
    schedule = [10.0, 2.0, 10.0, 2.0, 0.0]
    assert step_of_sigma(10.0, schedule) == 0
    assert step_of_sigma(10.0, schedule, first=1) == 2
    assert step_of_sigma(2.0, schedule, first=4) == 3
