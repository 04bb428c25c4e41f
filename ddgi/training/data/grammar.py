"""Prompts from a small grammar in a text file that anyone can edit.

    # A line that starts with # is a comment.
    start:
        3: a/an [age] [person] with [hair](, [eyes])( and [worn])
        portrait of a [person](0.2: in [style])
    person:
        woman
        man
    age:
        young
        old
        -

A name and a colon at the start of a line begin a rule; the indented lines below it are its options, one of which is
drawn. A number and a colon before an option are its weight; without it the weight is 1. `[name]` puts in what the rule
`name` draws. `(text)` is put in half of the times, `(0.2: text)` with that probability. `a/an` becomes "a" or "an"
before the word that follows. `-` is the empty text. Spaces are tidied. Drawing begins at the rule `start`.
"""

import random
import re
from dataclasses import dataclass
from pathlib import Path

from ...config import short
from ...errors import InputError

START = "start"
_RULE = re.compile(r"([a-z][a-z0-9_]*):\s*$", re.IGNORECASE)
_WEIGHT = re.compile(r"(-?\d+(?:\.\d+)?):\s*(.*)$")
_DEPTH_LIMIT = 50                                   # nested brackets in one option, rules in one another
_MOST = 1e9                                         # of a weight
_LONGEST = 10_000                                   # letters of a prompt
_LARGEST_FILE = 1 << 20


@dataclass(frozen=True)
class _Reference:
    rule: str


@dataclass(frozen=True)
class _Maybe:
    probability: float
    pieces: tuple


@dataclass(frozen=True)
class _Option:
    weight: float
    pieces: tuple


@dataclass(frozen=True)
class Grammar:
    """Rules by name; `draw` writes a prompt.

    Attributes:
        name: for messages and the training record.
        rules: options of each rule.
        text: what was parsed.
    """

    name: str
    rules: dict[str, tuple[_Option, ...]]
    text: str

    @classmethod
    def parse(cls, text: str, name: str = "the grammar") -> "Grammar":
        """Read the format above.

        Raises:
            InputError: names the line and what is wrong with it.
        """
        rules: dict[str, list[_Option]] = {}
        current = None
        for number, line in enumerate(text.splitlines(), 1):
            where = f"{name}, line {number}"
            if not line.strip() or line.lstrip().startswith("#"):
                continue
            if not line[0].isspace():
                current = _rule_name(line, rules, where)
            elif current is None:
                raise InputError(f"{where}: an option stands before any rule; begin with a line such as 'start:'.")
            else:
                rules[current].append(_option(line.strip(), where))
        _check_rules(rules, name)
        return cls(name, {rule: tuple(options) for rule, options in rules.items()}, text)

    @classmethod
    def load(cls, path: str | Path) -> "Grammar":
        """Read a UTF-8 text file.

        Raises:
            InputError: missing, no text, or a mistake in it.
        """
        path = Path(path)
        try:
            if path.stat().st_size > _LARGEST_FILE:
                raise InputError(f"{path.name} is larger than 1 MiB, so it is no grammar; check the name.")
            return cls.parse(path.read_text(encoding="utf-8-sig"), path.name)
        except FileNotFoundError as error:
            raise InputError(f"There is no file {path}; check the name or put the file there.") from error
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"{path.name} is no UTF-8 text; save it as plain text.") from error

    def draw(self, seed: int) -> str:
        """One prompt; the same seed always gives the same one."""
        text = self._expand((_Reference(START),), random.Random(seed))
        text = re.sub(r"\s+", " ", text)
        text = re.sub(r" ([,.;:!?])", r"\1", text).strip(" ,")
        return re.sub(r"\b([Aa])/an (?=(.))", lambda match: _article(match[1], match[2]), text)

    def words(self) -> set[str]:
        """Every word that any prompt can have, in lower case."""
        found: set[str] = set()

        def collect(pieces: tuple) -> None:
            for piece in pieces:
                if isinstance(piece, str):
                    found.update(re.findall(r"[a-z]+(?:[-'][a-z]+)*", piece.lower()))
                elif isinstance(piece, _Maybe):
                    collect(piece.pieces)

        for options in self.rules.values():
            for option in options:
                collect(option.pieces)
        return found

    def _expand(self, pieces: tuple, draws: random.Random) -> str:
        parts = []
        for piece in pieces:
            if isinstance(piece, str):
                parts.append(piece)
            elif isinstance(piece, _Maybe):
                parts.append(self._expand(piece.pieces, draws) if draws.random() < piece.probability else "")
            else:
                parts.append(self._expand(_choose(self.rules[piece.rule], draws).pieces, draws))
        return "".join(parts)


def _article(word: str, following: str) -> str:
    return f"{word}n " if following.lower() in "aeiou" else f"{word} "


def _choose(options: tuple[_Option, ...], draws: random.Random) -> _Option:
    mark = draws.random() * sum(option.weight for option in options)
    for option in options:
        mark -= option.weight
        if mark < 0:
            return option
    return options[-1]                              # rounding can leave a rest of zero


def _rule_name(line: str, rules: dict, where: str) -> str:
    match = _RULE.match(line)
    if match is None:
        raise InputError(f"{where}: {short(line.strip())} is no rule; begin a rule with its name and a colon, and "
                         f"indent its options.")
    if match[1] in rules:
        raise InputError(f"{where}: the rule {short(match[1])} is there twice; join the two.")
    rules[match[1]] = []
    return match[1]


def _option(text: str, where: str) -> _Option:
    match = _WEIGHT.match(text)
    weight = float(match[1]) if match else 1.0
    if weight <= 0:
        raise InputError(f"{where}: the weight {match[1][:20]} is not above 0; remove the option instead.")
    if weight > _MOST:
        raise InputError(f"{where}: the weight is larger than {_MOST:g}; use smaller ones, only their ratio counts.")
    text = match[2] if match else text
    pieces, rest = _pieces("" if text == "-" else text, where, 0)
    if rest:
        raise InputError(f"{where}: a ')' has no '('; add or remove one.")
    return _Option(weight, pieces)


def _pieces(text: str, where: str, depth: int) -> tuple[tuple, str]:
    """Pieces up to the end or the ')' that closes them, and what is left from that bracket on."""
    if depth > _DEPTH_LIMIT:
        raise InputError(f"{where}: more than {_DEPTH_LIMIT} brackets stand inside one another; use rules instead.")
    pieces: list = []
    while text and text[0] != ")":
        if text[0] == "[":
            rule, closed, text = text[1:].partition("]")
            if not closed:
                raise InputError(f"{where}: a '[' is never closed; write [name].")
            pieces.append(_Reference(rule.strip()))
        elif text[0] == "(":
            probability, inner = _probability(text[1:], where)
            inside, text = _pieces(inner, where, depth + 1)
            if not text:
                raise InputError(f"{where}: a '(' is never closed; add a ')'.")
            pieces.append(_Maybe(probability, inside))
            text = text[1:]
        else:
            plain = re.match(r"[^()\[]+", text)[0]
            pieces.append(plain)
            text = text[len(plain):]
    return tuple(pieces), text


def _probability(text: str, where: str) -> tuple[float, str]:
    match = re.match(r"(-?\d+(?:\.\d+)?):", text)
    if match is None:
        return 0.5, text
    value = float(match[1])
    if not 0 <= value <= 1:
        raise InputError(f"{where}: the probability {match[1][:20]} is not between 0 and 1.")
    return value, text[match.end():]


def _references(pieces: tuple) -> list[str]:
    found = []
    for piece in pieces:
        if isinstance(piece, _Reference):
            found.append(piece.rule)
        elif isinstance(piece, _Maybe):
            found += _references(piece.pieces)
    return found


def _check_rules(rules: dict[str, list[_Option]], name: str) -> None:
    """Every rule has options, every reference a rule, and no rule leads back to itself."""
    if START not in rules:
        raise InputError(f"{name} has no rule 'start'; add one: drawing begins there.")
    leads = {}
    for rule, options in rules.items():
        if not options:
            raise InputError(f"{name}: the rule {short(rule)} has no options; add indented lines below it.")
        leads[rule] = [other for option in options for other in _references(option.pieces)]
        for other in leads[rule]:
            if other not in rules:
                raise InputError(f"{name}: the rule {short(rule)} names {short(other)}, which is no rule; add it or "
                                 f"correct the name.")
    letters: dict[str, int] = {}                    # most that a rule can draw

    def visit(rule: str, path: tuple[str, ...]) -> None:
        if rule in path:
            circle = " -> ".join((*path[path.index(rule):], rule))[:200]
            raise InputError(f"{name}: the rules lead in a circle ({circle}); a prompt would never end.")
        if len(path) > _DEPTH_LIMIT:
            raise InputError(f"{name}: more than {_DEPTH_LIMIT} rules lead into one another; join some.")
        if rule not in letters:
            for other in dict.fromkeys(leads[rule]):
                visit(other, (*path, rule))
            letters[rule] = max(_letters(option.pieces, letters) for option in rules[rule])
            if letters[rule] > _LONGEST:
                raise InputError(f"{name}: the rule {short(rule)} can draw more than {_LONGEST:,} letters; a prompt is "
                                 f"much shorter.")

    for rule in rules:
        visit(rule, ())


def _letters(pieces: tuple, letters: dict[str, int]) -> int:
    """The most letters that pieces can draw, where those of the rules are known."""
    return sum(len(piece) if isinstance(piece, str) else _letters(piece.pieces, letters) if isinstance(piece, _Maybe)
               else letters[piece.rule] for piece in pieces)


def faces() -> Grammar:
    """The default: prompts about photographs of faces."""
    return Grammar.load(Path(__file__).with_name("faces.txt"))


def head_world() -> Grammar:
    """Prompts in the words that the demo models know."""
    return Grammar.load(Path(__file__).with_name("head_world.txt"))
