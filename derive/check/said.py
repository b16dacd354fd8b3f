"""What the words around formulas say of them, and for how long: a condition on indices, the sign of a quantity, a T."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from derive.check import given
from derive.check.kinds import index_condition, index_range
from derive.check.lines import Line
from derive.check.prose import (
    CASE,
    DENIED,
    EVERY,
    FOR,
    FOR_ALL,
    GENERAL,
    HOT,
    LAST,
    NEGATED,
    OTHER,
    OTHER_THAN,
    OTHERWISE,
    OTHERWISE_AFTER,
    SAID_AFTER,
    SUPPOSED,
    SUPPOSING,
    THEN,
)
from derive.reader.document import Formula
from derive.reader.scope import Scope, flat
from derive.reader.statements import Broken, Chain, Link, opposite, placeless, statements
from derive.reader.syntax import Number, Relation

if TYPE_CHECKING:
    from derive.check.checker import Checker
    from derive.check.claims import Claim

CLAUSE = 160  # characters in which "otherwise" stands
NEAR = 3  # formulas from a case to the other one, "otherwise"
CASED = 8  # displays after the first of a case


@dataclass(frozen=True)
class Condition:
    """What the indices are: "If i ≠ j:". It is said of one display, or of those of a case."""

    relations: tuple[Relation, ...]
    source: str
    by: Formula | None  # the formula that says it
    display: int | None  # the display for which it is said; None for the next one
    more: int = 0  # how many displays after that one it is said of, too: "1) i = k:"

    def __str__(self) -> str:
        return ", ".join(self.source[r.start : r.end].strip() or f" {r.ops[0]} ".join(map(flat, r.parts)) for r in self.relations)


@dataclass(frozen=True)
class Side:
    """The sign of a quantity: "if z > 0:", right before the display of which it is said."""

    link: Link
    display: int | None  # None for the next one
    tex: str = ""  # of the formula that says it, until its display comes

    @property
    def relation(self) -> Relation:
        return placeless(self.link.left, self.link.right, self.link.op)


class Said:
    """What the words of a document have said when a formula is judged."""

    def __init__(self) -> None:
        self.before = self.after = ""  # the words around the formula
        self.hot = ""  # the index that they say to be that of the right class
        self.earlier = ""  # the words of the last lines
        self.heading = False  # whether the formula is a heading by itself
        self.condition: Condition | None = None
        self.side: Side | None = None
        self.steps = 0  # formulas so far
        self.lately: tuple[Relation, int] | None = None  # the condition of the last case, and at which formula it was said
        self.last: tuple[int, int] | None = None  # (a T that the document takes, how many lines stood before)

    def around(self, text: str, formula: Formula) -> None:
        """Take the words around a formula."""
        self.steps += 1
        self.before = text[max(0, formula.start - 200) : formula.start]
        self.earlier = text[max(0, formula.start - 500) : formula.start]
        self.after = text[formula.end : formula.end + 80]
        found = HOT.match(text[formula.end : formula.end + 200])
        self.hot = found["letter"] if found is not None and formula.display is not None else ""

    def general(self, words: str) -> bool:
        """Whether words since the last formula end every case. "Otherwise" begins the other one."""
        over = GENERAL.search(words) is not None or OTHER.search(words) is not None
        if over:
            tail = words if len(words) < CLAUSE else "…" + words[-CLAUSE:]
            other = OTHERWISE.search(tail) is not None and not GENERAL.search(OTHER.sub(" ", words))
            self.condition = self._other_case() if other else None
            self.lately = None
        return over and self.condition is None

    def _other_case(self) -> Condition | None:
        """i = j after what was said of i ≠ j."""
        said, steps = self.lately or (None, 0)
        other = opposite(said) if said is not None and self.steps - steps <= NEAR else None
        return Condition((other,), "", None, None) if other is not None else None

    def come_to(self, formula: Formula) -> None:
        """What is said of the next display is said of this one, or is over."""
        if formula.display is None:
            return
        if (c := self.condition) is not None:
            self.condition = c = replace(c, display=formula.display) if c.display is None else c
            self.condition = c if c.display is not None and 0 <= formula.display - c.display <= c.more else None
        if (side := self.side) is not None:
            follows = side.display is None and side.tex in self.before and THEN.fullmatch(self._between(side)) is not None
            follows = follows and not EVERY.search(formula.tex) and not EVERY.match(self.after.lstrip(" $.,"))
            self.side = Side(side.link, formula.display) if follows or side.display == formula.display else None

    def _between(self, side: Side) -> str:
        return self.before.rpartition(side.tex or "$")[2].rstrip("\\[(")

    # -- what formulas say ----------------------------------------------------------------------------------

    def on_indices(self, formula: Formula, link: Link, alone: bool) -> None:
        """A condition on indices, where it is one of a display, of a heading, or after "if"."""
        if DENIED.search(self.before[-60:].rstrip("$ \\([")):
            return
        if formula.display is not None or self.heading or SUPPOSED.search(self.before[-80:]) or FOR_ALL.match(formula.tex):
            self._on_indices(formula, link, alone)

    def _on_indices(self, formula: Formula, link: Link, alone: bool) -> None:
        others = self.condition.relations if self.condition is not None and self.condition.by is formula else ()
        here = Relation((link.left, link.right), (link.op,), start=link.left.start, end=link.right.end)
        follows = alone and (SUPPOSED.search(self.before[-80:]) or FOR_ALL.match(formula.tex))  # If $$k = y_i$$, of the display that follows
        lasting = self.heading or CASE.search(self.before[-80:]) is not None
        display = None if follows else formula.display
        self.condition = Condition((*others, here), link.source, formula, display, CASED if lasting else 0)
        self.lately = (placeless(here.parts[0], here.parts[1], link.op), self.steps) if not others else None

    def other_than(self, scope: Scope, formula: Formula, tex: str) -> bool:
        """Whether a formula in the text is an index that words say to be another: ω different from o."""
        other = OTHER_THAN.match(self.after) if formula.display is None else None
        name = LAST.search(tex[-40:]) if other is not None else None
        if other is None or name is None:
            return False
        apart = _index_condition(scope, statements(rf"{name[0]} \neq {other['tex']}", scope.words, Chain()))
        if apart is not None:
            self._on_indices(formula, apart, alone=True)
        return apart is not None

    def following(self, scope: Scope, formula: Formula) -> Relation | None:
        """The condition on indices in the words after a formula: "y_w = 0 for every w ≠ o"."""
        if OTHERWISE_AFTER.match(self.after) and (other := self._other_case()) is not None:  # A if i = j and B otherwise
            self.condition = None
            return other.relations[0]
        found = FOR.match(self.after) if not formula.tex.rstrip().endswith(".") else None
        rest = self.after[found.end() :] if found is not None else ""
        mine = SAID_AFTER.match(rest) is not None
        before = self.condition is not None and formula.display is not None and self.condition.display == formula.display
        if found is None or rest.lstrip().startswith(":") or (before and not mine):
            return None  # one before it has the word, or one that is said of what follows
        link = _index_condition(scope, statements(found["tex"], scope.words, Chain()))
        if link is None:
            return None
        if before:
            self.condition = None  # it has its own
        relation = placeless(link.left, link.right, link.op)
        self.lately = relation, self.steps
        return relation

    def on_a_side(self, formula: Formula, link: Link) -> None:
        """The sign of a quantity, in a formula in the text."""
        supposed = SUPPOSING.search(self.before) and not NEGATED.search(self.before[-60:])
        self.side = Side(link, None, formula.tex) if supposed else None

    def in_range(self, scope: Scope, formula: Formula, link: Link, n: int) -> bool:
        """Whether a relation only says what an index runs over; T = 3 is remembered."""
        last = flat(link.left) in scope.last
        if not (formula.display is None or last) or not index_range(scope, link):
            return False
        if link.op == "=" and last and isinstance(link.right, Number) and link.right.text.isdigit():
            self.last = int(link.right.text), n
        return True

    # -- what is said of a line -----------------------------------------------------------------------------

    def sided(self, line: Line) -> Side | None:
        """The sign of a quantity that is said of a line's display."""
        return self.side if self.side is not None and line.display is not None and self.side.display == line.display else None

    def conditions(self, line: Line) -> tuple[Relation, ...]:
        """What is said of a line, of the sign of a quantity or of indices."""
        if (side := self.sided(line)) is not None:
            return (side.relation,)
        return self.condition.relations if self.condition is not None else ()


def _index_condition(scope: Scope, found: list[Link | Broken]) -> Link | None:
    return found[0] if len(found) == 1 and isinstance(found[0], Link) and index_condition(scope, found[0]) else None


# -- lines that hold under what is said ---------------------------------------------------------------------


def where(checker: Checker, link: Link, relations: tuple[Relation, ...], line: Line, words: str) -> Line | None:
    """A line that holds where indices and signs are as these relations say."""
    claims = checker.claims(replace(link, conditions=relations))[0]
    for claim in used(checker, claims):
        if claim.strangers or (claim is not claims[0] and not checker.says(claim)):
            continue
        verdict = checker.decide(claim)
        if verdict is not None and verdict.holds:
            return replace(line, verdict=verdict.verdict, reason=f"{verdict.reason}; {words}", bound=verdict.bound)
        if (held := given.for_targets(checker, [claim], line)) is not None:
            return replace(held, reason=f"{held.reason}; {words}")
    return None


def used(checker: Checker, claims: Iterable[Claim]) -> list[Claim]:
    """The claims in which the conditions of their relation say something, and are met somewhere."""
    said = [c for c in claims if any(n.startswith("for ") for n in c.notes)]
    return [c for c in said if checker.met(c)]


def under_condition(checker: Checker, link: Link, line: Line) -> Line | None:
    """A line that holds under the condition on indices that the words before it gave."""
    condition = checker.said.condition
    if condition is None or link.conditions:
        return None
    return where(checker, link, condition.relations, line, f"under the condition said before, {condition}")


def on_its_side(checker: Checker, link: Link, line: Line) -> Line | None:
    """∂relu(z)/∂z = 1, after "if z > 0"."""
    side = checker.said.sided(line)
    if side is None or link.conditions:
        return None
    if (held := where(checker, link, (side.relation,), line, f"where {side.link.tex}, as was said before")) is not None:
        return held
    if used(checker, checker.claims(replace(link, conditions=(side.relation,)))[0]):
        return None
    return replace(line, verdict="undecided", reason=f"said where {side.link.tex}, which is met at no point that was tried")


__all__ = ["Said", "on_its_side", "under_condition", "used", "where"]
