"""The report in a terminal: a line for each relation, what is wrong below it, a summary."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from derive.check import words
from derive.check.lines import Line, Report
from derive.check.plain import Plain, columns, visible
from derive.check.words import Maths, Piece
from derive.check.written import Unwritable, expression
from derive.printing.text import text as notation_text

MARKS = {"proved": "✓", "agrees": "✓", "refuted": "✗", "undecided": "?", "unreadable": "–", "definition": "≝"}
COLOURS = {"proved": "32", "agrees": "32", "refuted": "31", "undecided": "33", "unreadable": "33", "definition": "36"}
WRONG, RIGHT = ("\x1b[31;4m", "\x1b[0m"), ("\x1b[32;4m", "\x1b[0m")
WIDTH = 100
LEAST_ROOM, NOTE_ROOM = 24, 34
_CODE = re.compile(r"(\x1b\[[\d;]*m)")


def show(report: Report, colour: bool = False, details: bool = True, width: int = WIDTH) -> str:
    """The report as text. colour: with the codes of a terminal; details: what is said below wrong lines."""
    lines = report.lines
    formulas = [_formula(lines, k, colour) for k in range(len(lines))]
    number = len(str(len(lines)))
    room = max(LEAST_ROOM, width - number - 4 - NOTE_ROOM)
    room = min(room, max((length(f) for f in formulas), default=0))
    names = words.Names(report)
    out = [_painted(visible(report.title), "1", colour), ""] if report.title else []
    for line, formula in zip(lines, formulas, strict=True):
        out += _entry(line, formula, number, room, width, colour, details)
        if details:
            out += _below(line, names, number + 3, width, colour)
    return unicodedata.normalize("NFC", "\n".join([*out, *([""] if lines else []), words.summary(report)]))


def _entry(line: Line, formula: str, number: int, room: int, width: int, colour: bool, details: bool) -> list[str]:
    """Number, mark, formula, verdict; the rest of a long wrong formula, and words that don't fit beside the verdict, go below."""
    kind = words.verdict(line)
    rest: list[str] = []
    if details and line.verdict == "refuted":
        shown, *rest = wrapped(formula, room)
    else:
        shown = cut(formula, room)
    mark = _painted(MARKS[line.verdict], COLOURS[line.verdict], colour)
    row = f"{line.n:>{number}} {mark} {shown}{' ' * (room - length(shown))}  {_painted(kind, COLOURS[line.verdict], colour)}"
    beside = _spoken(words.note(line), colour)
    left = width - number - 5 - room - len(kind) - 2
    blanks = " " * (number + 3)
    below = [blanks + "  " + r for r in rest]
    if not beside:
        return [row, *below]
    if length(beside) <= left or not details:
        return [f"{row}: {cut(beside, max(left, 1))}", *below]
    return [row, *below, *_indented(beside, number + 3, width)]


def _below(line: Line, names: words.Names, indent: int, width: int, colour: bool) -> list[str]:
    found: list[str] = []
    for heading, pieces in words.details(line, names):
        found += _indented(f"{heading}: {_spoken(pieces, colour)}" if heading else _spoken(pieces, colour), indent, width)
    return found


def _indented(text: str, indent: int, width: int) -> list[str]:
    lines = wrapped(text, max(width - indent - 2, 20))
    return [" " * (indent + 2 * (k > 0)) + line for k, line in enumerate(lines)]


def wrapped(text: str, room: int) -> list[str]:
    """The text in lines of so many columns, broken at blanks; colours end with the line and begin again on the next."""
    lines: list[str] = [""]
    lead = len(text) - len(text.lstrip(" "))
    for word in text[lead:].split(" "):
        if lines[-1] and length(lines[-1]) + 1 + length(word) > room:
            lines.append(word)
        else:
            lines[-1] += (" " if lines[-1] else " " * lead) + word
    state = ""
    for k, line in enumerate(lines):
        codes = _CODE.findall(line)
        before, state = state, (codes[-1] if codes else state)
        state = "" if state == RIGHT[1] else state
        lines[k] = before + line + (RIGHT[1] if state else "")
    return lines


def length(text: str) -> int:
    """Columns, without the codes of colours."""
    return columns(_CODE.sub("", text))


def _formula(lines: Sequence[Line], k: int, colour: bool) -> str:
    maths = words.wrong(lines[k])
    chained = words.goes_on(lines, k)
    link = maths.link
    codes = WRONG if colour else ("", "")
    if link is None:
        return _source(maths.tex)
    writer = Plain(link.source, maths.marked, codes)
    try:
        whole = writer.relation((link.left, link.right), (link.op,))
        return f"  {link.op} {writer.node(link.right)}" if chained else whole
    except (Unwritable, RecursionError, KeyError):
        return _source(maths.tex)


def _spoken(pieces: Sequence[Piece], colour: bool) -> str:
    return "".join(
        [visible(p) if isinstance(p, str) else _maths(p, colour) if isinstance(p, Maths) else notation_text(p) for p in pieces]
    )


def _maths(maths: Maths, colour: bool) -> str:
    codes = ("", "") if not colour else RIGHT if maths.colour == "ok" else WRONG
    try:
        link = maths.link
        if link is not None:
            return Plain(link.source, maths.marked, codes).relation((link.left, link.right), (link.op,))
        node = expression(maths.tex)
        return _source(maths.tex) if node is None else Plain(maths.tex, maths.marked, codes).node(node)
    except (Unwritable, RecursionError, KeyError):
        return _source(maths.tex)


def _source(tex: str) -> str:
    return visible(" ".join(tex.split()))


def cut(text: str, room: int) -> str:
    """The text in so many columns; codes of colours take none."""
    if length(text) <= room:
        return text
    out, left, coloured = [], room - 1, False
    for piece in _CODE.split(text):
        if piece.startswith("\x1b"):
            out.append(piece)
            coloured = piece != RIGHT[1]
            continue
        for c in piece:
            if columns(c) > left:
                return "".join(out) + (RIGHT[1] if coloured else "") + "…"
            out.append(c)
            left -= columns(c)
    return "".join(out)


def _painted(text: str, code: str, colour: bool) -> str:
    return f"\x1b[{code}m{text}\x1b[0m" if colour else text
