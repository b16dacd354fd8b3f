"""The report in a terminal: a line for each relation, what is wrong below it, a summary."""

from __future__ import annotations

import re
import textwrap
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
    room = min(room, max((columns(_CODE.sub("", f)) for f in formulas), default=0))
    style = words.style_of(report)
    out = [_painted(visible(report.title), "1", colour), ""] if report.title else []
    for line, formula in zip(lines, formulas, strict=True):
        out += _entry(line, formula, number, room, width, colour)
        if details:
            out += _below(line, style, number + 3, width, colour)
    return "\n".join([*out, *([""] if lines else []), words.summary(report)])


def _entry(line: Line, formula: str, number: int, room: int, width: int, colour: bool) -> list[str]:
    """Number, mark, formula, verdict; words that don't fit beside the verdict go below."""
    mark = _painted(MARKS[line.verdict], COLOURS[line.verdict], colour)
    kind = words.verdict(line)
    beside = _spoken(words.note(line), colour)
    shown = cut(formula, room)
    row = f"{line.n:>{number}} {mark} {shown}{' ' * (room - columns(_CODE.sub('', shown)))}  {_painted(kind, COLOURS[line.verdict], colour)}"
    if not beside:
        return [row]
    left = width - number - 5 - room - len(kind) - 2
    if columns(_CODE.sub("", beside)) <= left:
        return [f"{row}: {beside}"]
    return [row, *_wrapped(beside, number + 3, width)]


def _below(line: Line, style: words.Style, indent: int, width: int, colour: bool) -> list[str]:
    found: list[str] = []
    for heading, pieces in words.details(line, style):
        found += _wrapped(f"{heading}: {_spoken(pieces, colour)}" if heading else _spoken(pieces, colour), indent, width)
    return found


def _wrapped(text: str, indent: int, width: int) -> list[str]:
    blanks = " " * indent
    room = max(width, indent + 20)
    return textwrap.wrap(
        text, room, initial_indent=blanks, subsequent_indent=blanks + "  ", break_long_words=False, break_on_hyphens=False
    )


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
    if columns(_CODE.sub("", text)) <= room:
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
