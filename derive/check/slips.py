"""The slip behind a wrong line: one edit of the person's own formula (two where one doesn't do) that makes it right."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from derive.check.edits import Edit, edits
from derive.check.engine import expected, texts, truth
from derive.check.lines import Slip
from derive.check.missing import Bag, bag, distance, missing
from derive.check.page import Page, page_of
from derive.expr import DeriveError
from derive.reader.meaning import Reading
from derive.reader.statements import Link
from derive.reader.syntax import Scripted, Symbol

if TYPE_CHECKING:
    from derive.check.checker import Checker, Claim

SECONDS = 2.0
MOST = 600
MARGIN = 0.3  # a survivor ends the search of edits that cost this much more


@dataclass
class Trial:
    """Tries candidates of one relation: read, judged fast, confirmed."""

    checker: Checker
    page: Page
    readings: list[Reading]
    until: float
    tried: int = 0
    seen: set[str] = field(default_factory=set)

    def spent(self) -> bool:
        return self.tried >= MOST or time.monotonic() > self.until

    def claim(self, text: str) -> Claim | None:
        """The claim of a changed relation that the floats don't refute."""
        try:
            link = self.page.read(text)
        except (DeriveError, RecursionError):
            return None
        if link.left == link.right or (link.left, link.right) == self.page.parts:
            return None
        for reading in self.readings:
            try:
                claim = self.checker.claim(link, reading)
            except (DeriveError, RecursionError, ArithmeticError):
                continue
            if claim.left is claim.right and isinstance(link.right, Symbol | Scripted):
                continue
            if self.checker.court().quick(claim.left, claim.right):
                return claim
        return None

    def survives(self, edit: Edit) -> Claim | None:
        text = self.page.applied(edit.changes)
        key = "".join(text.split())
        if key in self.seen:
            return None
        self.seen.add(key)
        self.tried += 1
        return self.claim(text)

    def holds(self, claim: Claim) -> bool:
        return self.checker.court().judge(claim.left, claim.right, budget=1.0, explain=False).holds


def search(checker: Checker, link: Link, claim: Claim | None) -> Slip | None:
    """The edit that makes the relation hold. `claim`: the refuted one, None where no reading gave two sides of one shape."""
    page = page_of(checker, link, claim.reading if claim is not None else None)
    if page is None:
        return None
    trial = Trial(checker, page, _readings(checker, link, claim), time.monotonic() + SECONDS)
    best = single(trial, candidates(checker, page))
    return _slip(page, best) if best is not None else None


def candidates(checker: Checker, page: Page) -> list[Edit]:
    """Every single edit, the likeliest first: what comes closer to the engine's formula is likelier."""
    formulas = texts(checker, page.link, page)
    other = [page.text[slice(*page.bounds[0])]]
    found = [*edits(page), *missing(page, 1, formulas or other)]
    return sorted(_weighed(page, found, [bag(f) for f in formulas]), key=lambda e: e.cost)


def _weighed(page: Page, found: list[Edit], formulas: list[Bag]) -> Iterator[Edit]:
    own = bag(page.text[slice(*page.bounds[1])])
    before = min((distance(own, f) for f in formulas), default=0)
    for e in found:
        if e.side == 1 and formulas:
            changed = own.copy()
            for a, b, new in e.changes:
                changed.subtract(bag(page.text[a:b]))
                changed.update(bag(new))
            after = min(distance(changed, f) for f in formulas)
            bonus = 0.6 if not after < 0 and after == 0 else 0.2 if after < before else 0.0 if after == before else -0.1
            e = replace(e, cost=e.cost - bonus)
        yield e


def _readings(checker: Checker, link: Link, claim: Claim | None) -> list[Reading]:
    from derive.check.checker import readings

    return [claim.reading] if claim is not None else list(readings(checker.part.scope, link, checker.part.repeated))


def single(trial: Trial, candidates: Iterable[Edit]) -> Edit | None:
    """The cheapest edit that holds."""
    best: Edit | None = None
    for edit in candidates:
        if trial.spent() or (best is not None and edit.cost > best.cost + MARGIN):
            break
        if best is not None and edit.cost >= best.cost:
            continue
        claim = trial.survives(edit)
        if claim is not None and trial.holds(claim):
            best = edit
    return best


def _slip(page: Page, edit: Edit) -> Slip:
    return Slip(edit.kind, page.applied(edit.changes), edit.words)


def scalar_form(checker: Checker, link: Link) -> bool:
    return False


__all__ = ["expected", "scalar_form", "search", "truth"]
