"""One module per command of `python -m ddgi`; imports that take time are made when the command runs."""
