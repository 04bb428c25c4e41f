"""The one exception the library raises for input a user can mend, and what it quotes of other errors."""


class InputError(ValueError):
    """Bad input: the message says what was given, what is needed and what to do."""


def first_line(error: BaseException) -> str:
    """The first line of an error's message, 200 characters at most; its kind where there is none."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]


def last_line(error: BaseException) -> str:
    """As `first_line`, the last one: where torch lists what does not fit, the first line is only a heading."""
    return (str(error).strip().splitlines() or [type(error).__name__])[-1].strip()[:200]
