"""The networks that DDGI Score looks through: the demo models' judges, or files of the user's folders."""

from pathlib import Path

from . import folders

JUDGES = "demo judges"
# The drop-downs of the node: the network of `NetworkTable` that each names, and the folder of its files.
CHOICES = {"parser": folders.PARSERS, "clip": folders.CLIPS, "identity": folders.IDENTITIES}


def choices(network: str) -> list[str]:
    """What a drop-down offers."""
    return [JUDGES, *folders.file_names(CHOICES[network])]


def check(**names: str) -> bool | str:
    """For `validate_inputs`, names by the keys of `CHOICES`: True, or the sentence that says what is missing."""
    checks = (folders.check_file(CHOICES[network], name) for network, name in _files(names).items())
    return next((check for check in checks if check is not True), True)


def changed(**names: str) -> list[float]:
    """When the chosen files were written, for `fingerprint_inputs`."""
    return [path.stat().st_mtime for path in _paths(names).values()]


def open_choices(**names: str):
    """The chosen networks by the names of `CHOICES`, on the host's device, as `ddgi.evaluation.measure.Networks`.

    Raises:
        InputError: a file is missing, broken, or holds another network.
    """
    import comfy.model_management

    from ..ddgi.demo import files
    from ..ddgi.evaluation.networks import NetworkTable, open_networks
    from .evaluation.clip import load_clip

    table = NetworkTable(**{network: str(path) for network, path in _paths(names).items()})
    return open_networks(table, folders.DEMO / files.JUDGES, comfy.model_management.get_torch_device(), load_clip)


def _files(names: dict[str, str]) -> dict[str, str]:
    return {network: name for network, name in names.items() if name != JUDGES}


def _paths(names: dict[str, str]) -> dict[str, Path]:
    return {network: folders.file_path(CHOICES[network], name) for network, name in _files(names).items()}
