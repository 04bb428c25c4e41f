"""The one exception the library raises for input a user can mend."""


class InputError(ValueError):
    """Bad input: the message says what was given, what is needed and what to do."""
