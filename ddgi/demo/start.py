"""Finished demo files that a training goes on from, in the place of random weights."""

import json
import shutil
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import nn

from ..errors import InputError
from ..files import atomic_path
from ..native import read_metadata
from . import files


class Start:
    """The finished files in `folder`.

    Raises:
        InputError: the folder holds none.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self.files = {path.name: path for path in sorted(folder.glob("*.safetensors"))}
        if not self.files:
            raise InputError(f"There are no finished models in {folder}; give the folder of a trained set, such as "
                             f"demo, or train from the beginning.")

    def load(self, module: nn.Module, name: str, prefix: str = "") -> None:
        """Put the tensors of file `name` whose names begin with `prefix` into a module that has them all.

        Raises:
            InputError: there is no such file, or it holds another network.
        """
        try:
            module.load_state_dict(self._tensors(name, prefix), strict=True)
        except RuntimeError as error:
            first = str(error).strip().splitlines()[-1].strip()
            raise InputError(f"{name} cannot be trained further by this recipe ({first}); begin with a set of the same "
                             f"sizes, or train from the beginning.") from error

    def load_text(self, text: nn.Module, tokenizer: Path) -> None:
        """The text encoder of the set, each word's embedding at the id that the new vocabulary gives it.

        tokenizer: folder of the new vocabulary; words that are new keep their random start.
        """
        tensors = self._tensors(files.DIFFUSION, "text.")
        old, new = (json.loads((folder / "vocab.json").read_text(encoding="utf-8"))
                    for folder in (self.folder / files.TOKENIZER, tokenizer))
        name = "text_model.embeddings.token_embedding.weight"
        table = text.state_dict()[name].clone()
        shared = [word for word in new if word in old]
        table[[new[word] for word in shared]] = tensors[name][[old[word] for word in shared]].to(table)
        text.load_state_dict({**tensors, name: table}, strict=True)

    def _tensors(self, name: str, prefix: str) -> dict[str, torch.Tensor]:
        found = load_file(self.path(name))
        return {key.removeprefix(prefix): value for key, value in found.items() if key.startswith(prefix)}

    def metadata(self, name: str) -> dict:
        """Of file `name`: its "config", and in "provenance" how it was trained."""
        return read_metadata(self.path(name))

    def path(self, name: str) -> Path:
        """
        Raises:
            InputError: there is no such file.
        """
        if name not in self.files:
            raise InputError(f"There is no {name} to begin with among {', '.join(self.files)}; add it to that folder.")
        return self.files[name]

    def copy_missing(self, out: Path) -> None:
        """Files that `out` does not hold yet, so that every stage finds those of the stages that are left out."""
        for name, path in self.files.items():
            if not (out / name).exists():
                with atomic_path(out / name) as temporary:
                    shutil.copyfile(path, temporary)
