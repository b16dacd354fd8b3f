"""A document, formula by formula: what each statement of it is for, in the order in which a person reads it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from derive.check import assumptions, numbers, results, spelled, targets, unequal
from derive.check.define import declared, define, defines
from derive.check.kinds import index_condition
from derive.check.lines import Line
from derive.check.prose import CONVENTION, alone_on_its_line
from derive.check.settings import Part, put_in
from derive.expr import DeriveError
from derive.reader.document import Document, Formula, labelled, read_document
from derive.reader.statements import Broken, Chain, Link, statements
from derive.reader.syntax import Symbol, unscripted, walk

if TYPE_CHECKING:
    from derive.check.checker import Checker

POT = 1.5  # seconds for the slips of a formula
LATEST = 8  # lines after which a definition explains nothing of an earlier one
MOST_LINES = 2_000


class Walk:
    """One way through a document."""

    def __init__(self, checker: Checker):
        self.checker, self.said = checker, checker.said
        self.chain = Chain()  # what a display that begins with "=" goes on from
        self.met: set[str] = set()  # aliases that the document has
        self.alone = Chain()  # the same, through inline formulas that have lines of their own

    def text(self, text: str, latex: bool | None = None) -> None:
        """The lines of a document. Raises DeriveError where it can't be used as a whole."""
        checker, document = self.checker, read_document(text, latex)
        spelled.verify(checker.pieces, " ".join(formula.tex for formula in document.formulas))
        starts, end, last = _starts(checker.pieces, text), 0, 0
        _sums(checker.pieces, text)
        for formula in document.formulas:
            part = checker.pieces[max((k for k, at in starts if at < formula.end), default=0)]
            between = document.text[end : formula.start]
            self.said.around(document.text, formula)
            assumptions.ended(checker, part, between)
            if self.said.general(between):
                checker.equal.clear()
            if part is not checker.part:
                checker.part, checker.wrong, self.chain, self.said.condition = part, [], Chain(), None
            end = formula.end
            if formula.display is not None:
                self.formula(formula, document.words)
            else:
                self._inline(formula, document, document.text[last : formula.start])
                last = end

    def _inline(self, formula: Formula, document: Document, between: str) -> None:
        assumptions.symmetric(self.checker, formula, document.text)
        alone = alone_on_its_line(document.text, formula)
        if alone and "\n#" in between:
            self.said.condition = None
        self.said.heading = alone is not None and (alone.startswith("#") or self.said.after.lstrip("$ )").startswith(":"))
        held, self.chain = self.chain, self.alone if alone else Chain()
        self.formula(formula, document.words)
        self.chain, self.said.heading = held, False

    def formula(self, formula: Formula, words: Iterable[str]) -> None:
        """The lines of a formula. What no rule foresees ends this formula, and not the document."""
        checker = self.checker
        try:
            with targets.hot(checker.part.scope, self.said.hot):
                self._statements(formula, words)
        except Exception as error:
            if len(checker.lines) >= MOST_LINES:
                raise
            checker.faults += [] if isinstance(error, DeriveError) else [error]
            why = str(error) if isinstance(error, DeriveError) else type(error).__name__
            self._add(formula, formula.tex[:80], "undecided", f"beyond what can be read: {why}")

    def _statements(self, formula: Formula, words: Iterable[str]) -> None:
        checker, said = self.checker, self.said
        said.come_to(formula)
        tex = put_in(checker.part.macros, formula.tex, self.met)
        found = statements(tex, [*checker.part.scope.words, *words], self.chain, mend=True)
        if said.other_than(checker.part.scope, formula, tex):
            return
        checker.pot = POT
        checker.part.scope.lying = {}
        for k, s in enumerate(found, 1):
            checker.following = len(found) - k
            if k == len(found) and isinstance(s, Link) and s.op == "=":
                after = said.following(checker.part.scope, formula)
                s = replace(s, conditions=(*s.conditions, after)) if after is not None else s
            if len(checker.lines) >= MOST_LINES:
                raise DeriveError(f"more than {MOST_LINES} relations in one document")
            if isinstance(s, Broken):
                self._add(formula, s.tex, "unreadable", f"{s.error} (column {s.error.column})")
            else:
                self._statement(formula, s, len(found) == 1)
        self._labels(tex, words)

    def _statement(self, formula: Formula, link: Link, alone: bool) -> None:
        """What a relation is for: a declaration, a range or a condition on indices, a case, or a line to judge."""
        checker, scope = self.checker, self.checker.part.scope
        if link.op == "∈":
            declared(scope, link)
        elif self.said.in_range(scope, formula, link, len(checker.lines)):
            pass
        elif index_condition(scope, link):
            self.said.on_indices(formula, link, alone)
        elif link.op == "≠":
            assumptions.over(checker.part)  # "if y ≠ 1:"
        elif link.op in ("<", ">", "≤", "≥") and formula.display is None:
            assumptions.over(checker.part)  # y < 1 is no case of y = 1
            self.said.on_a_side(formula, link)
        elif link.op == "←":
            self._add(formula, link.tex, "definition", "an update")
        elif link.op in ("=", "≈"):
            checker.lines.append(checker.relation(link, formula.display))
            self._again(link)

    def _labels(self, tex: str, words: Iterable[str]) -> None:
        """The new names that stand under braces."""
        checker, scope = self.checker, self.checker.part.scope
        for label, body in labelled(tex):
            found = statements(f"{label} = {body}", [*scope.words, *words], Chain())
            link = found[0] if len(found) == 1 and isinstance(found[0], Link) else None
            base = unscripted(link.left) if link is not None else None
            if link is None or not isinstance(base, Symbol) or base.head in scope.sizes or base.head in "ijklmnt":
                continue
            with suppress(DeriveError):
                if defines(scope, link):
                    define(checker, link)

    def _again(self, link: Link) -> None:
        """Lines that used a name before it was said what it is: "= PX, where P = …"."""
        checker = self.checker
        line = checker.lines[-1]
        if line.verdict in ("proved", "agrees"):
            unequal.remember(checker, link)
        elif line.verdict in ("unreadable", "refuted"):
            checker.waiting = [*checker.waiting[-LATEST:], (line.n, link, checker.part)]
        elif line.verdict == "definition" and line.reason != assumptions.SAID:
            for n, earlier, part in list(checker.waiting):
                if line.reason == results.GIVEN and not (numbers.is_numeric(earlier.left) or numbers.is_numeric(earlier.right)):
                    continue  # x = 1, said later, doesn't make what was said before of any x a special case
                if part is checker.part and line.n - n <= LATEST and (
                    _uses(earlier, link) or checker.lines[n - 1].verdict == "unreadable"
                ):
                    self._judge_again(n, earlier)

    def _judge_again(self, n: int, link: Link) -> None:
        was = self.checker.lines[n - 1]
        judged = self.checker.relation(link, was.display)
        if judged.verdict in ("unreadable", "definition", was.verdict) or (was.verdict, judged.verdict) == ("refuted", "undecided"):
            return
        self.checker.lines[n - 1] = replace(judged, n=n)

    def _add(self, formula: Formula, tex: str, verdict: str, reason: str) -> None:
        lines = self.checker.lines
        lines.append(Line(len(lines) + 1, formula.display, " ".join(tex.split()), verdict, reason))


def _uses(link: Link, definition: Link) -> bool:
    return any(n == definition.left for side in (link.left, link.right) for n in walk(side))


def _starts(pieces: list[Part], text: str) -> list[tuple[int, int]]:
    """(part, place) of the parts that a text holds, in order."""
    found, at = [(0, -1)], 0
    for k, part in enumerate(pieces):
        if not part.start:
            continue
        where = text.find(part.start, at)
        if where < 0:
            raise DeriveError(f"the scope's part {part.start!r} begins nowhere in the document, after the part before it")
        found.append((k, where))
        at = where + 1
    return found


def _sums(pieces: list[Part], text: str) -> None:
    """Whether a document writes its sums, or says that it leaves them out."""
    convention = CONVENTION.search(text) is not None
    written = re.search(r"\\sum(?![a-zA-Z])|∑|Σ_", text) is not None
    for part in pieces:
        part.scope.summing = convention
        if written and not convention:
            part.scope.implied = False


__all__ = ["Walk"]
