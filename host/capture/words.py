"""Which tokens of a prompt are words, and how they are spelt, by the host's own tokenizer."""

from ...ddgi.features import Word, join_pieces, words_of_ids

WORDS_KEY = "ddgi_words"  # entry of a conditioning: bool [1, tokens], True on prompt words
SPELLING_KEY = "ddgi_spelling"  # entry of a conditioning: tuple of `Word`


def prompt_words(clip, tokens: dict):
    """bool [1, tokens]: the words of a prompt tokenised by `clip`.

    SDXL's two tokenisers split text alike; the first one's ids are used.
    """
    name = next(iter(tokens))
    ids, empty = ([[entry[0] for entry in chunk] for chunk in source[name]] for source in (tokens, clip.tokenize("")))
    return words_of_ids(ids, [token for chunk in empty for token in chunk])


def prompt_spelling(clip, tokens: dict, words) -> tuple[Word, ...]:
    """The words of a prompt tokenised by `clip`, `words` of `prompt_words`; a textual inversion is no word."""
    entries = [entry for chunk in tokens[next(iter(tokens))] for entry in chunk]
    texts = [flag and isinstance(entry[0], int) for flag, entry in zip(words[0].tolist(), entries)]
    spelt = iter(clip.tokenizer.untokenize([entry[:2] for entry, text in zip(entries, texts) if text]))
    return join_pieces([next(spelt)[1] if text else None for text in texts])
