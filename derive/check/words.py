"""What a report says, before any language of it: words, formulas by others, and notation of our own."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import sympy

from derive.check.lines import Line, Report
from derive.check.written import Span, differing, expression, read
from derive.expr import DeriveError, Instant, var
from derive.judge import Counterexample
from derive.printing.names import Style, letter, split, symbol, with_accent
from derive.printing.notation import Fence, Grid, Listed, Node, Num, Rel, Sym, Word
from derive.reader.statements import Link

MOST_ENTRIES, MOST_LISTED = 36, 12  # of a matrix and of a list that are shown whole
MOST_SIDES = 6  # entries of sides that are shown whole, where it is told at which they part
MOST_PARTS = 3
SHORT = 48  # letters of a slip's words that stand beside the line
TRIVIAL = (
    "same canonical form",
    "the same expression on both sides",
    "equal wherever it was evaluated",
    "a new name",
    "the sides differ",
)


@dataclass(frozen=True)
class Maths:
    """LaTeX by others, or in their notation; `marked` stands out in a colour: "no" for what is wrong, "ok" for what is right."""

    tex: str
    marked: tuple[Span, ...] = ()
    colour: str = "no"

    @property
    def link(self) -> Link | None:
        return read(self.tex)


Piece = str | Maths | Node


# -- the whole ------------------------------------------------------------------------------------------------------


def summary(report: Report) -> str:
    """12 lines: 9 hold, 2 don't, 1 can't be read; first wrong: line 4."""
    counts = report.summary
    total = len(report.lines)
    notes = "".join(f"; {note}" for note in report.notes)
    if not total:
        return f"nothing to judge: no relation was found{notes}"
    holds = counts["proved"] + counts["agrees"]
    parts = [
        (holds, "holds" if holds == 1 else "hold"),
        (counts["refuted"], "doesn't" if counts["refuted"] == 1 else "don't"),
        (counts["undecided"], "undecided"),
        (counts["unreadable"], "can't be read"),
        (counts["definition"], "definition" if counts["definition"] == 1 else "definitions"),
    ]
    said = ", ".join(f"{n} {words}" for n, words in parts if n) or "none holds"
    first = f"; first wrong: line {report.first_wrong}" if report.first_wrong is not None else ""
    return f"{total} {'line' if total == 1 else 'lines'}: {said}{first}{notes}"


def goes_on(lines: Sequence[Line], k: int) -> bool:
    """Whether a line is the next link of the chain before it: its left side stands there already, as the right one."""
    if not k or lines[k].display is None or lines[k].display != lines[k - 1].display:
        return False
    before, here = read(lines[k - 1].tex), read(lines[k].tex)
    if before is None or here is None or any(start < here.left.end for start, _ in wrong(lines[k]).marked):
        return False
    return _side(before, before.right) == _side(here, here.left)


def _side(link: Link, node: Any) -> str:
    return "".join(link.source[node.start : node.end].split())


# -- one line -------------------------------------------------------------------------------------------------------


def wrong(line: Line) -> Maths:
    """The person's formula, with what the slip says is wrong standing out."""
    if line.verdict != "refuted" or line.slip is None or not line.slip.corrected:
        return Maths(line.tex)
    return Maths(line.tex, tuple(differing(line.tex, line.slip.corrected)[0]))


def note(line: Line) -> list[Piece]:
    """What stands beside a line, after its verdict."""
    if line.verdict == "refuted":
        beside = said(line.slip.words) if line.slip is not None and 0 < len(line.slip.words) <= SHORT else []
    else:
        clauses = _few_ends(line.reason).split("; ")
        kept = [c for k, c in enumerate(clauses) if c and not (k == 0 and c.startswith(TRIVIAL))]
        beside = said("; ".join(kept))
    if line.follows is not None:
        beside += ["; " if beside else "", f"follows from line {line.follows}"]
    return beside


def _few_ends(reason: str) -> str:
    """The first boundary instants of many."""
    head, found, ends = reason.partition("not at the boundary: ")
    listed = ends.split("; ")
    if len(listed) <= MOST_PARTS:
        return reason
    return f"{head}{found}{', or '.join(listed[:2])}, and {len(listed) - 2} more"


def verdict(line: Line) -> str:
    """The word for it: the kind of slip where there is one."""
    if line.verdict == "refuted":
        return line.slip.kind if line.slip is not None else "refuted"
    return {"unreadable": "can't be read"}.get(line.verdict, line.verdict)


def details(line: Line, names: Names) -> list[tuple[str, list[Piece]]]:
    """What is said below a wrong line: (heading, words)."""
    if line.verdict != "refuted":
        return []
    found: list[tuple[str, list[Piece]]] = []
    slip = line.slip
    reason = line.reason.partition("; it follows from line")[0]
    words = slip.words if slip is not None else ""
    if len(words) > SHORT:
        found.append(("", said(words)))
    if reason and reason not in words and not reason.startswith(TRIVIAL):
        found.append(("", said(reason)))
    corrected = slip.corrected if slip is not None else ""
    if corrected and corrected != line.tex:
        found.append(("right", [Maths(corrected, tuple(differing(line.tex, corrected)[1]), "ok")]))
    if line.expected and _bare(line.expected) not in _bare(corrected):
        found.append(("the engine has", [Maths(line.expected)]))
    if line.counterexample is not None:
        found.append(("counterexample", example(line.counterexample, names)))
    elif reason.startswith("the sides differ") and not corrected:
        found.append(("", [reason]))
    return found


def _bare(tex: str) -> str:
    return re.sub(r"\s|\\left|\\right", "", tex)


# -- words with formulas in them ------------------------------------------------------------------------------------

_BETWEEN = re.compile(r"(\s(?:for|and|is|or|not|where|instead of|in place of|by|with|read as)\s|[;:]\s|,\s|\s(?=\(column))")
_WORD = re.compile(r"(?<![\\A-Za-z{])[A-Za-z]{3,}")
_SPACE = re.compile(r"\bR\^(\([^()]*\)|\w+)")
_TEX = re.compile(r"[\\^_]")


def said(words: str) -> list[Piece]:
    """Words as pieces: $…$, and names such as \\bar h_t that stand in them bare, are formulas."""
    parts = words.split("$")
    if len(parts) % 2 == 0:
        return [words]
    pieces: list[Piece] = []
    for k, part in enumerate(parts):
        pieces += [Maths(part)] if k % 2 else _with_names(part)
    return [p for p in pieces if p != ""]


def _with_names(words: str) -> Iterable[Piece]:
    if not _TEX.search(words):
        return [words]
    pieces: list[Piece] = []
    space = _SPACE.search(words)
    if space is not None:
        sizes = space[1].strip("()").replace(" x ", r" \times ")
        return [*_with_names(words[: space.start()]), Maths(rf"\mathbb{{R}}^{{{sizes}}}"), *_with_names(words[space.end() :])]
    for part in _BETWEEN.split(words):
        if _TEX.search(part) and not _WORD.search(part) and _readable(part):
            pieces.append(Maths(part))
        else:
            pieces += _single_names(part)
    return pieces


def _single_names(words: str) -> list[Piece]:
    pieces: list[Piece] = []
    for token in re.split(r"(\s+)", words):
        pieces.append(Maths(token) if _TEX.search(token) and _readable(token) else token)
    return pieces


def _readable(tex: str) -> bool:
    return expression(tex.strip()) is not None


# -- counterexamples ------------------------------------------------------------------------------------------------


class Names:
    """How the person writes time and layers: h^{(t)} or h_t, W^{(1)} or W_1."""

    def __init__(self, report: Report):
        self.text = " ".join(line.tex for line in report.lines)
        self.time = "subscript" if self._more(r"_\{?\s*[tT]\b", r"\^\{?\s*\(\s*[tT]\b") else "superscript"
        self.layers = self._layers("[A-Za-z]", "superscript")

    def _more(self, first: str, second: str) -> bool:
        return len(re.findall(first, self.text)) > len(re.findall(second, self.text))

    def _layers(self, base: str, default: str) -> str:
        below, above = rf"{base}\}}*_\{{?\s*\d", rf"{base}\}}*\^\{{?\s*[(\[]\s*\d"
        return "subscript" if self._more(below, above) else "superscript" if self._more(above, below) else default

    def style(self, name: str) -> Style:
        base, *_ = split(name)
        return Style(time=self.time, layers=self._layers(rf"(?<![A-Za-z]){re.escape(base)}", self.layers))

    def of(self, key: str, value: Any = None) -> Node:
        """The symbol of a key: W1, h[0], bar x, and the names that only the derivation has."""
        name, bar = key.removeprefix("bar "), key.startswith("bar ")
        name = re.sub(r"^(stranger|dummy)_", "", name)
        found = re.fullmatch(r"(.*)\[(-?\d+)\]", name)
        name, when = (found[1], Instant("", int(found[2]))) if found else (name, None)
        try:
            plain = symbol(var(name, (sympy.Symbol("n"),) if isinstance(value, list) else (), time=when), self.style(name))
        except (DeriveError, TypeError, ValueError):
            return Word(key)
        return with_accent(plain, "bar") if bar and isinstance(plain, Sym) else plain


def example(c: Counterexample, names: Names) -> list[Piece]:
    """Sizes, values, both sides and where they part, as short as they can be said."""
    pieces: list[Piece] = []
    for given in (_grouped({letter(k): v for k, v in c.sizes.items()}), _grouped({letter(k): v for k, v in c.times.items()})):
        pieces += [*_listed(given), "; "] if given else []
    pieces += _values(c.values, names)
    entries = [p for p in c.parts if p[0] != "value"]
    if entries and max(_count(c.left), _count(c.right)) > MOST_SIDES:
        return [*pieces, " — left and right part at ", *_parts(entries)]
    pieces += [" — the left side is ", _shown(c.left, c.right), ", the right one ", _shown(c.right, c.left)]
    return [*pieces, "; they part at ", *_parts(entries)] if entries and _count(c.left) > 1 else pieces


def _parts(entries: Sequence[tuple[str, Any, Any]]) -> list[Piece]:
    pieces: list[Piece] = []
    for k, (place, left, right) in enumerate(entries[:MOST_PARTS]):
        pieces += [", " if k else "", f"{place}: ", _number(left, right), " and ", _number(right, left)]
    more = len(entries) - MOST_PARTS
    return [*pieces, f", and {more} more"] if more > 0 else pieces


def _values(values: dict[str, Any], names: Names) -> list[Piece]:
    """Equal values are said together; the most common one of 0 and 1 is that of all the rest."""
    told = {k: v for k, v in values.items() if not isinstance(v, str)}
    groups: dict[str, list[str]] = {}
    for key, value in told.items():
        groups.setdefault(repr(_simple(value)), []).append(key)
    common = max((k for k in groups if k in ("0", "1")), key=lambda k: len(groups[k]), default="")
    rest = common if len(groups.get(common, [])) > 3 else ""
    shown: list[Node] = []
    for same, keys in groups.items():
        if same != rest:
            shown.append(_equal([names.of(k, told[k]) for k in keys], _array(_simple(told[keys[0]]))))
    pieces = _listed(shown)
    if rest:
        pieces += [", the rest " if shown else "everything ", Num(rest)]
    for key, words in values.items():
        if isinstance(words, str):
            pieces += [", " if pieces else "", names.of(key), f" is {words}"]
    return pieces


def _grouped(named: dict[Sym, Any]) -> list[Node]:
    """d = n = 1."""
    groups: dict[Any, list[Node]] = {}
    for name, value in named.items():
        groups.setdefault(value, []).append(name)
    return [Rel((*names, Num(str(value))), ("=",) * len(names)) for value, names in groups.items()]


def _equal(names: list[Node], value: Node) -> Node:
    return Rel((*names, value), ("=",) * len(names))


def _listed(nodes: Sequence[Node]) -> list[Piece]:
    return [piece for k, node in enumerate(nodes) for piece in ((", ", node) if k else (node,))]


def _simple(value: Any) -> Any:
    """Arrays of one entry, or of equal ones, as that number."""
    flat = list(_entries(value))
    if not flat or any(x != flat[0] for x in flat) or isinstance(flat[0], str):
        return value
    return int(flat[0]) if float(flat[0]).is_integer() else flat[0]


def _entries(value: Any) -> Iterable[Any]:
    if isinstance(value, list):
        for v in value:
            yield from _entries(v)
    else:
        yield value


def _count(value: Any) -> int:
    return sum(1 for _ in _entries(value))


def _shown(value: Any, other: Any) -> Node:
    """A side of a counterexample: an array of one entry is that number."""
    if _count(value) == 1 and _count(other) == 1:
        return _number(next(iter(_entries(value))), next(iter(_entries(other))))
    return _array(value)


def _array(value: Any) -> Node:
    if not isinstance(value, list):
        return _number(value)
    if _count(value) > MOST_ENTRIES:
        return Word(f"an array of {_count(value)} entries")
    if any(isinstance(v, list) for v in value) and all(
        isinstance(v, list) and not any(isinstance(x, list) for x in v) for v in value
    ):
        return Grid(tuple(tuple(map(_number, row)) for row in value))
    return Fence("paren", Listed(tuple(map(_array, value))))


def _number(value: Any, other: Any = None) -> Num:
    """As many digits as are needed to tell two numbers apart, at least four."""
    if isinstance(value, int) or not isinstance(value, float):
        return Num(str(value))
    for digits in (4, 6, 9, 12, 17):
        text = f"{value:.{digits}g}"
        if not isinstance(other, float | int) or other == value or text != f"{float(other):.{digits}g}":
            break
    return Num(text)
