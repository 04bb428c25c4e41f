"""A CLIP tokenizer whose every token of the caption grammar is one whole word."""

import json
from pathlib import Path

from ..files import atomic_path
from ..headworld import VOCABULARY

START, END = "<|startoftext|>", "<|endoftext|>"


def write_tokenizer(folder: Path) -> int:
    """Learn byte-pair merges on the grammar's words and write vocab.json and merges.txt; returns the vocabulary size.

    Unknown words fall apart into smaller pieces, as with the real CLIP tokenizer.
    """
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE(end_of_word_suffix="</w>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    alphabet = [chr(c) for c in range(ord("a"), ord("z") + 1)] + list("0123456789,.-'")
    trainer = trainers.BpeTrainer(vocab_size=4000, min_frequency=1, initial_alphabet=alphabet, show_progress=False,
                                  end_of_word_suffix="</w>")
    tokenizer.train_from_iterator([" ".join(VOCABULARY)], trainer)
    model = json.loads(tokenizer.to_str())["model"]
    merges = [" ".join(m) if isinstance(m, list) else m for m in model["merges"]]
    vocabulary = dict.fromkeys(alphabet) | dict.fromkeys(f"{c}</w>" for c in alphabet)
    # Sorted, because equally frequent merges come in another order in every process, and a trained text encoder
    # needs the ids it was trained with.
    vocabulary |= dict.fromkeys(sorted(m.replace(" ", "") for m in merges))
    vocabulary |= dict.fromkeys((START, END))  # last, as in CLIP
    ids = {token: index for index, token in enumerate(vocabulary)}
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in (("vocab.json", json.dumps(ids)), ("merges.txt", "\n".join(["#version: 0.2", *merges]) + "\n")):
        with atomic_path(folder / name) as temporary:
            temporary.write_text(text, encoding="utf-8")
    return len(ids)
