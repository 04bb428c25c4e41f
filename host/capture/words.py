"""Which tokens of a prompt are words, by the host's own tokenizer."""

from ...ddgi.features import words_of_ids

WORDS_KEY = "ddgi_words"  # entry of a conditioning: bool [1, tokens], True on prompt words


def prompt_words(clip, tokens: dict):
    """bool [1, tokens]: the words of a prompt tokenised by `clip`.

    SDXL's two tokenisers split text alike; the first one's ids are used.
    """
    name = next(iter(tokens))
    ids, empty = ([[entry[0] for entry in chunk] for chunk in source[name]] for source in (tokens, clip.tokenize("")))
    return words_of_ids(ids, [token for chunk in empty for token in chunk])
