"""Which tokens of a prompt are words, and how they are spelt."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch

CLIP_CHUNK = 77  # tokens of one CLIP call: start, 75 words, end
_WORD_END = "</w>"  # how CLIP's vocabulary marks the last piece of a word


@dataclass(frozen=True)
class Word:
    """A word of a prompt, and the positions of its tokens."""

    text: str
    tokens: tuple[int, ...]


def join_pieces(pieces: Sequence[str | None]) -> tuple[Word, ...]:
    """The words that CLIP's tokens spell, in their order; commas and other signs alone are no words.

    pieces: the vocabulary's text of each token, such as "spec", "tacles</w>"; None for tokens that are no text.
    """
    words, text, tokens = [], "", []
    for position, piece in enumerate(pieces):
        if piece is not None:
            text, tokens = text + piece.removesuffix(_WORD_END), [*tokens, position]
        if tokens and (piece is None or piece.endswith(_WORD_END)):
            if any(letter.isalnum() for letter in text):
                words.append(Word(text, tuple(tokens)))
            text, tokens = "", []
    return (*words, *([Word(text, tuple(tokens))] if tokens else []))


def words_of_ids(ids: Sequence[Sequence], empty_ids: Iterable) -> torch.Tensor:
    """True on prompt words: bool [1, tokens] over all chunks of a tokenised prompt.

    ids: token ids per chunk. An id that the tokeniser also gives for the empty prompt is
    a start, end or padding token; anything else is a word. An embedding (textual
    inversion, not a number) is a word.
    """
    special = {token for token in empty_ids if isinstance(token, int)}
    flags = [not (isinstance(token, int) and token in special) for chunk in ids for token in chunk]
    return torch.tensor(flags, dtype=torch.bool)[None]


def words_of_length(tokens: int) -> torch.Tensor:
    """The guess for a prompt whose ids are unknown: all tokens but the first of each 77-token chunk.

    A prompt of another length is one chunk. -> bool [1, tokens].
    """
    chunk = CLIP_CHUNK if tokens % CLIP_CHUNK == 0 else tokens
    return (torch.arange(tokens) % chunk != 0)[None]


def fit_words(words: torch.Tensor | None, tokens: int) -> torch.Tensor:
    """bool [1, tokens]: `words` cut to the prompt's length, and guessed where it is too short
    (a prompt that was concatenated after its words were marked) or missing."""
    guess = words_of_length(tokens)
    if words is None:
        return guess
    known = min(tokens, words.shape[-1])
    guess[:, :known] = words.reshape(1, -1)[:, :known].to(guess.device)
    return guess
