"""∂p_i/∂z_i = … and ∂p_i/∂z_j = … side by side: the second is said of j ≠ i, which the first leaves it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from derive.check import said
from derive.check.lines import Line
from derive.check.prose import ALL
from derive.reader.scope import flat
from derive.reader.statements import Link
from derive.reader.syntax import Differential, Fraction, Node, Relation, Scripted, Symbol, walk

if TYPE_CHECKING:
    from derive.check.checker import Checker

LATEST = 6  # lines between the two cases

_APART = "is judged apart"
Pair = tuple[str, str]  # what is differentiated, and by what, without their indices


def remember(checker: Checker, link: Link) -> None:
    """Note the derivatives of an entry by the entry of the same index; lines of the other case that waited are judged again."""
    found = [pair for pair, a, b in _pairs(checker, link) if a == b]
    if _APART not in checker.lines[-1].reason:
        for pair in [pair for pair, a, b in _pairs(checker, link) if a != b]:
            checker.equal.pop(pair, None)  # the formula for both cases: what comes after it is no other case
    checker.equal |= dict.fromkeys(found, len(checker.lines))
    for n, earlier, part in checker.waiting if found else ():
        was = checker.lines[n - 1]
        if part is checker.part and len(checker.lines) - n < LATEST and was.verdict == "refuted" and not earlier.conditions:
            checker.lines[n - 1] = judged(checker, earlier, Line(n, was.display, was.tex, "undecided", "")) or was


def judged(checker: Checker, link: Link, line: Line) -> Line | None:
    """A line that holds where the two indices differ, after or before a line for where they don't."""
    if ALL.search(link.tex) or ALL.search(checker.said.after[:30]):
        return None
    for pair, a, b in _pairs(checker, link):
        if a == b or len(checker.lines) - checker.equal.get(pair, -LATEST) >= LATEST:
            continue
        apart = Relation((Symbol(a), Symbol(b)), ("≠",))
        if (held := said.where(checker, link, (apart,), line, f"{a} = {b} {_APART}")) is not None:
            return held
    return None


def _pairs(checker: Checker, link: Link) -> list[tuple[Pair, str, str]]:
    """(pair, index of what is differentiated, index of what it is by) of the derivatives of entries on the left side."""
    scope, found = checker.part.scope, []
    for n in walk(link.left):
        if not isinstance(n, Fraction):
            continue
        top, below = _entry(n.top), _entry(n.bottom)
        if top is not None and below is not None and not {top[1], below[1]} & {*scope.times, scope.clock}:
            found.append(((top[0], below[0]), top[1], below[1]))
    return found


def _entry(node: Node) -> tuple[str, str] | None:
    """(name, index) behind a ∂."""
    body = node.body if isinstance(node, Differential) and node.order == 1 else None
    if not isinstance(body, Scripted) or not isinstance(body.sub, Symbol) or body.sub.accents:
        return None
    return flat(replace(body, sub=None)), body.sub.head


__all__ = ["judged", "remember"]
