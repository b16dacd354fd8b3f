"""Candidates tried: read, compared by floats, confirmed. An edit inside one term is compared with what the other terms leave for it."""

from __future__ import annotations

import copy
import time
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from derive.check import given, numbers
from derive.check.claims import matched
from derive.check.edits import Edit
from derive.check.page import Page
from derive.check.point import Point, close
from derive.expr import DeriveError, Expr, Jac, Var, zeros
from derive.reader.fillers import Filler
from derive.reader.meaning import Meaning, Reading
from derive.reader.parser import parse
from derive.reader.scope import flat
from derive.reader.syntax import Commas, Differential, Fence, Fraction, Node, Scripted, Sum, Symbol, walk
from derive.reader.values import Value, add

if TYPE_CHECKING:
    from derive.check.checker import Checker
    from derive.check.claims import Claim
    from derive.system import System

LIKELY = 1.5  # edits of this cost are tried in other readings, too
MOST_TERMS = 100  # of a sum whose terms are tried one by one: each is compared with all the others
FAULTS = (DeriveError, RecursionError, ArithmeticError)  # what a formula that can't be read, or has no value, may raise


@dataclass
class Terms:
    """The terms of the right side in one reading (or the side as one): where each stands, and what it must be if all else is right."""

    m: Meaning
    spans: list[tuple[int, int]]
    signs: list[int]
    values: list[Value | None]
    targets: list[Value | None]

    @property
    def whole(self) -> bool:
        return len(self.spans) == 1

    def holding(self, edit: Edit) -> int | None:
        """The term that an edit lies in."""
        a, b = min(c[0] for c in edit.changes), max(c[1] for c in edit.changes)
        return next((k for k, (lo, hi) in enumerate(self.spans) if lo <= a and b <= hi), None)


@dataclass(frozen=True)
class Worth:
    """What an edit makes of its side, or of its term: the number of the term (None: the whole), its values, what they must be."""

    term: int | None
    value: np.ndarray
    target: np.ndarray


@dataclass
class Trial:
    """One relation, one reading, a time by which the search ends."""

    checker: Checker
    page: Page
    reading: Reading
    until: float
    most: int
    others: tuple[Reading, ...] = ()  # in which an edit may hold, too
    part: bool = False  # a part of a line beside what should stand there: it may become just that
    tried: int = 0
    seen: set[str] = field(default_factory=set)
    forced: dict[Expr, object] = field(default_factory=dict)
    values: dict[Edit, Worth] = field(default_factory=dict)
    claims: dict[Reading, Claim | None] = field(default_factory=dict)
    point: Point | None = None

    def __post_init__(self) -> None:
        self.terms = self._terms()
        self.forced = dict(given.forced(self.checker))
        self.senseless = _senseless(self.page.parts)

    def spent(self) -> bool:
        return time.process_time() > self.until

    # -- the whole relation -----------------------------------------------------------------------------------

    def claim(self, text: str, reading: Reading) -> Claim | None:
        """The claim of a changed relation, where it makes a sensible one."""
        try:
            link = self.page.read(text)
            if (link.left == link.right and not self.part) or (link.left, link.right) == self.page.parts:
                return None
            if _senseless((link.left, link.right)) > self.senseless:
                return None
            claim = self.checker.claim(link, reading)
            if self.vanishing(claim) - self.vanishing(self.written(reading)):
                return None
        except FAULTS:
            return None
        if claim.strangers or (claim.left is claim.right and isinstance(link.right, Symbol | Scripted) and not self.part):
            return None
        return claim

    def written(self, reading: Reading) -> Claim | None:
        """The claim of the relation as it stands; None where it makes none."""
        if reading not in self.claims:
            try:
                self.claims[reading] = self.checker.claim(self.page.link, reading)
            except FAULTS:
                self.claims[reading] = None
        return self.claims[reading]

    def vanishing(self, claim: Claim | None) -> set[Expr]:
        """Its derivatives by what their tops don't depend on: no slip is put right by a term that is zero."""
        if claim is None or flat(self.page.parts[1]) == "0":
            return set()
        return {j for side in (claim.left, claim.right) for j in side.atoms(Jac) if _vanishes(self.checker.part.scope.system, j)}

    def worth_now(self) -> Worth | None:
        """The values of the two sides as they stand."""
        try:
            claim = self.checker.claim(self.page.read(self.page.text), self.reading)
        except FAULTS:
            return None
        return self.worth(claim, None)

    def term_now(self, k: int) -> np.ndarray | None:
        """The values of a term as it stands."""
        own = self.terms.values[k] if self.terms is not None else None
        target = self.terms.targets[k] if self.terms is not None else None
        if own is None or target is None or self.terms is None or self.point is None:
            return None
        try:
            claim = matched(copy.copy(self.terms.m), target, own, self.reading)
        except FAULTS:
            return None
        return self.point.of(claim.right)

    def worth(self, claim: Claim, term: int | None, side: int = 1) -> Worth | None:
        """The values of the edited side and of the other."""
        if self.point is None:
            try:
                self.point = Point(self.checker.court(), claim.left, claim.right, self.checker.part.last)
            except FAULTS:
                return None
        left, right = self.point.of(claim.left), self.point.of(claim.right)
        if left is None or right is None:
            return None
        return Worth(term, right, left) if side else Worth(term, left, right)

    def maybe(self, claim: Claim, edit: Edit | None = None, term: int | None = None) -> bool:
        """Whether floats say that it may hold."""
        court = self.checker.court()
        if not self.forced:
            worth = self.worth(claim, term, edit.side if edit is not None else 1)
            if worth is None:
                return False
            if edit is not None:
                self.values[edit] = worth
            return bool(close(worth.value, worth.target))
        if court.quick(claim.left, claim.right):
            return True
        return bool(self.forced) and bool(numbers.at_conditions(court, claim.left, claim.right, self.forced))  # type: ignore[arg-type]

    def holds(self, text: str) -> bool:
        """Whether a changed relation holds, and says something."""
        claim = self.claim(text, self.reading)
        return (claim is not None and self.maybe(claim) and self.confirmed(claim)) or (
            bool(self.others) and self._otherwise(text)
        )

    def _otherwise(self, text: str) -> bool:
        """Whether it holds in another reading."""
        claims = (self.claim(text, reading) for reading in self.others)
        return any(c is not None and self.maybe(c) and self.confirmed(c) for c in claims)

    def confirmed(self, claim: Claim) -> bool:
        """Whether a claim holds, and says something."""
        court = self.checker.court()
        if court.quick(claim.left, zeros(claim.left.shape)) is not False and flat(self.page.parts[1]) != "0":
            return False
        if self.forced and not court.quick(claim.left, claim.right):
            return True
        return court.judge(claim.left, claim.right, budget=1.0, explain=False, last=self.checker.part.last).holds

    # -- one term -------------------------------------------------------------------------------------------

    def _terms(self) -> Terms | None:
        left, right = self.page.parts
        if (
            self.page.link.conditions
            or isinstance(right, Commas)
            or (isinstance(right, Fence) and isinstance(right.body, Commas))
        ):
            return None
        m = Meaning(self.page.scope, self.reading, self.page.text)
        try:
            m.learn(left)
            m.learn(right)
            raw = copy.copy(m).raw(left)
            value = raw if isinstance(raw, Filler) else replace(m.settled(raw), chain=raw.chain)
        except FAULTS:
            return None
        m.outside = frozenset(value.labels)
        if not isinstance(right, Sum) or not 2 <= len(right.terms) <= MOST_TERMS or isinstance(value, Filler):
            return Terms(m, [self.page.bounds[1]], [1], [self._value(m, right)], [value])
        values = [self._value(m, term) for _, term in right.terms]
        signs = [sign for sign, _ in right.terms]
        targets = [_target(value, values, signs, k) for k in range(len(signs))]
        return Terms(m, [self.page.span(t) for _, t in right.terms], signs, values, targets)

    def _value(self, m: Meaning, node: Node) -> Value | None:
        try:
            return copy.copy(m).value(node)
        except FAULTS:
            return None

    def _locally(self, terms: Terms, k: int, edit: Edit) -> bool | None:
        """Whether the term after the edit may be what it must be; None where it doesn't stand alone."""
        target = terms.targets[k]
        if target is None:
            return False
        lo, hi = terms.spans[k]
        own = replace(edit, changes=tuple((a - lo, b - lo, new) for a, b, new in edit.changes))
        text = Page.applied(replace(self.page, text=self.page.text[lo:hi]), own.changes)
        m = copy.copy(terms.m)
        m.notes, m.strangers = [], type(m.strangers)()
        m.source = text
        try:
            node = parse(text, self.page.words)
            if not terms.whole and isinstance(node, Sum | Commas) and len(getattr(node, "terms", (1, 2))) > 1:
                return None
            value = m.value(node)
            claim = matched(m, target, value, self.reading)
        except FAULTS:
            return False
        if claim.strangers:
            return False
        return self.maybe(claim, edit, None if terms.whole else k)

    # -- edits ----------------------------------------------------------------------------------------------

    def survives(self, edit: Edit) -> bool:
        """Whether the relation holds after an edit."""
        text = self.page.applied(edit.changes)
        key = "".join(text.split())
        if key in self.seen:
            return False
        self.seen.add(key)
        self.tried += 1
        k = self.terms.holding(edit) if self.terms is not None else None
        if k is not None and self.terms is not None:
            local = self._locally(self.terms, k, edit)
            if local:
                return self.holds(text)
            if local is False:
                return bool(self.others) and edit.cost < LIKELY and self._otherwise(text)
        claim = self.claim(text, self.reading)
        return claim is not None and self.maybe(claim, edit) and self.confirmed(claim)

    def best(self, candidates: Iterable[Edit]) -> Edit | None:
        """The cheapest edit that holds; the candidates come in the order of their costs."""
        for edit in candidates:
            if self.tried >= self.most or self.spent():
                break
            if self.survives(edit):
                return edit
        return None


def _target(left: Value, values: list[Value | None], signs: list[int], k: int) -> Value | None:
    """left less the other terms, with the sign of term k."""
    others = [(s, v) for j, (s, v) in enumerate(zip(signs, values, strict=True)) if j != k]
    if any(v is None for _, v in others):
        return None
    try:
        terms = [(1, left), *((-s, v.fill(left.shape, None) if isinstance(v, Filler) else v) for s, v in others)]  # type: ignore[union-attr, arg-type, misc]
        total = add(terms)  # type: ignore[arg-type]
    except FAULTS:
        return None
    return total if signs[k] > 0 else Value(-total.expr, total.labels)


def _vanishes(system: System | None, j: Jac) -> bool:
    """Whether nothing of the top depends on what it is differentiated by."""
    top, below = j.top, j.below
    if system is None or not isinstance(top, Var) or not isinstance(below, Var) or top.bar or below.bar:
        return False
    if (
        top.time is not None
        and below.time is not None
        and top.time.base == below.time.base
        and top.time.offset < below.time.offset
    ):
        return True
    reached, todo = {top.name}, [top.name]
    while todo and below.name not in reached:
        equation = system.by_name.get(todo.pop())
        new = {v.name for v in equation.right.atoms(Var)} - reached if equation is not None else set()
        reached |= new
        todo += new if not j.direct else ()
    return below.name not in reached


def _senseless(parts: tuple[Node, Node]) -> int:
    """How many places say nothing: dx/dx, y - y."""
    count = 0
    for part in parts:
        for n in walk(part):
            if isinstance(n, Fraction) and isinstance(n.top, Differential) and isinstance(n.bottom, Differential):
                count += n.top.body is not None and n.top.body == n.bottom.body
            elif isinstance(n, Sum):
                count += sum((-s, t) in n.terms[:k] for k, (s, t) in enumerate(n.terms))
    return count
