"""The networks that DDGI Score looks through: the demo models' judges, or files of the user's folders."""

from . import folders

JUDGES = "demo judges"
# The drop-downs of the node: the network of `NetworkTable` that each names, and the folder of its files.
CHOICES = {"parser": folders.PARSERS, "clip": folders.CLIPS, "identity": folders.IDENTITIES}


def choices(network: str) -> list[str]:
    """What a drop-down offers."""
    return [JUDGES, *folders.file_names(CHOICES[network])]


def check_choice(network: str, name: str) -> bool | str:
    """For `validate_inputs`: True, or the sentence that says what is missing."""
    return True if name == JUDGES else folders.check_file(CHOICES[network], name)


def changed(**names: str) -> list[float]:
    """When the chosen files were written, for `fingerprint_inputs`."""
    return [folders.file_path(CHOICES[network], name).stat().st_mtime
            for network, name in names.items() if name != JUDGES]


def open_choices(**names: str):
    """The chosen networks by the names of `CHOICES`, on the host's device, as `ddgi.evaluation.measure.Networks`.

    Raises:
        InputError: a file is missing, broken, or holds another network.
    """
    import comfy.model_management

    from ..ddgi.demo import files
    from ..ddgi.evaluation.networks import NetworkTable, open_networks
    from .evaluation.clip import load_clip

    table = NetworkTable(**{network: str(folders.file_path(CHOICES[network], name))
                            for network, name in names.items() if name != JUDGES})
    return open_networks(table, folders.DEMO / files.JUDGES, comfy.model_management.get_torch_device(), load_clip)
