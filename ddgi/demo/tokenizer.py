"""A CLIP tokenizer whose every token of the caption grammar is one whole word."""

import json
from pathlib import Path

from ..files import write_text
from ..headworld import LATER_WORDS, VOCABULARY

START, END = "<|startoftext|>", "<|endoftext|>"


def write_tokenizer(folder: Path) -> int:
    """Learn byte-pair merges on the grammar's words and write vocab.json and merges.txt; returns the vocabulary size.

    Unknown words fall apart into smaller pieces, as with the real CLIP tokenizer. `LATER_WORDS` get ids behind those of
    all other words, so that a trained text encoder keeps its rows as words are added.
    """
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE(end_of_word_suffix="</w>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    alphabet = [chr(c) for c in range(ord("a"), ord("z") + 1)] + list("0123456789,.-'")
    trainer = trainers.BpeTrainer(vocab_size=4000, min_frequency=1, initial_alphabet=alphabet, show_progress=False,
                                  end_of_word_suffix="</w>")
    tokenizer.train_from_iterator([" ".join(VOCABULARY[:-len(LATER_WORDS)])], trainer)
    model = json.loads(tokenizer.to_str())["model"]
    merges = [tuple(m) if isinstance(m, list) else tuple(m.split(" ")) for m in model["merges"]]
    vocabulary = dict.fromkeys(alphabet) | dict.fromkeys(f"{c}</w>" for c in alphabet)
    # Sorted, because equally frequent merges come in another order in every process, and a trained text encoder
    # needs the ids it was trained with.
    vocabulary |= dict.fromkeys(sorted(map("".join, merges)))
    for word in LATER_WORDS:
        added = _join_pieces(_pieces(word, merges))
        merges += added
        vocabulary |= dict.fromkeys(map("".join, added))
    vocabulary |= dict.fromkeys((START, END))  # last, as in CLIP
    ids = {token: index for index, token in enumerate(vocabulary)}
    folder.mkdir(parents=True, exist_ok=True)
    lines = ["#version: 0.2", *map(" ".join, merges)]
    for name, text in (("vocab.json", json.dumps(ids)), ("merges.txt", "\n".join(lines) + "\n")):
        write_text(folder / name, text)
    return len(ids)


def _pieces(word: str, merges: list[tuple[str, str]]) -> list[str]:
    """What byte-pair encoding makes of a word: the earliest merge that fits goes first."""
    pieces = [*word[:-1], f"{word[-1]}</w>"]
    while pairs := set(zip(pieces, pieces[1:])) & set(merges):
        pair = min(pairs, key=merges.index)
        place = list(zip(pieces, pieces[1:])).index(pair)
        pieces[place:place + 2] = ["".join(pair)]
    return pieces


def _join_pieces(pieces: list[str]) -> list[tuple[str, str]]:
    """Merges that make one token of the pieces, from the left."""
    return [("".join(pieces[:count]), pieces[count]) for count in range(1, len(pieces))]
