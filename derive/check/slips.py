"""The slip behind a wrong line: one edit of the person's own formula (two where one doesn't do) that makes it right."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from derive.check import numbers
from derive.check.descent import Descent, Part, beside
from derive.check.edits import Edit, Editor
from derive.check.edits import edits as single_edits
from derive.check.engine import expected, further, texts, truth
from derive.check.groups import everywhere
from derive.check.lines import Slip
from derive.check.missing import Bag, bag, distance, missing, unapplied
from derive.check.page import Page, page_of
from derive.check.pairs import best_pair
from derive.check.readings import readings
from derive.check.repair import Repair, fault
from derive.check.scalars import scalar_form
from derive.check.trial import Trial
from derive.expr import DeriveError, Jac, Var, time_indices
from derive.reader.meaning import Reading
from derive.reader.statements import Link
from derive.reader.syntax import Scripted, Symbol, walk

if TYPE_CHECKING:
    from derive.check.checker import Checker
    from derive.check.claims import Claim

SECONDS = 2.0
LEAST = 0.12  # even where a document has used up its time
LONG = 800  # signs of a relation in which all edits are found
LONGEST = 4000  # of one whose slip is searched at all
FIRST = 0.6  # of it for the usual reading, where there are others
EARLY = 0.4  # of that for the likely edits of a line that has many
ALONE = 0.7  # of it for edits of the line by itself, before it is laid beside the engine's
MOST = 600
FEWER = 200  # edits in a reading that isn't the usual one
SHARE = 4  # of what is left of a document's time, one line gets a part: early lines don't use it up
LIKELY = 1.65  # the cost of edits that are paired before dearer ones are tried alone
ADVANTAGE = 0.6  # what a single edit costs less than a pair that it is preferred to
RENAMED = 10  # names of each side that are tried before shapes are put right
DEAREST = 2.7  # of them
FITTING = 4  # formulas with repaired shapes in which a slip is looked for
MARGIN = 0.3  # a survivor ends the search of edits that cost this much more


def _seconds(checker: Checker) -> float:
    """The time for one line: what is left of the document's."""
    return min(SECONDS, max(LEAST, checker.slip_seconds / SHARE), max(0.0, checker.slip_time()))


def search(checker: Checker, link: Link, claim: Claim | None) -> Slip | None:
    """The edit that makes the relation hold. `claim`: the refuted one, None where no reading gave two sides of one shape."""
    if checker.slip_time() < 0.02 or _nodes(link) > LONGEST:
        return None
    page = page_of(checker, link, claim.reading if claim is not None else None)
    if page is None:
        return None
    if numbers.is_numeric(link.right) and claim is not None:
        return _valued(checker, page, claim)
    best = _searched(checker, page, claim)
    if best is not None:
        return _slip(page, best)
    return _unsummed(checker, page, claim)


def _nodes(link: Link) -> int:
    return sum(1 for side in (link.left, link.right) for _ in walk(side))


def _searched(checker: Checker, page: Page, claim: Claim | None) -> Edit | None:
    edits = candidates(checker, page) if _nodes(page.link) <= LONG else []
    readings = _readings(checker, page.link, claim)
    start = time.process_time()
    if claim is None:
        return misfitting(checker, page.read_as(readings[0]), readings, edits, start + _seconds(checker))
    for k, reading in enumerate(readings):
        until = start + _seconds(checker) * (FIRST if k == 0 and len(readings) > 1 else 1)
        here = page.read_as(reading)
        trial = Trial(checker, here, reading, until, MOST if k == 0 else FEWER)
        if len(edits) > MOST or not edits:  # too many to try them all: the likely ones, then the parts that differ
            trial.until = start + EARLY * (until - start)
            best = trial.best(e for e in edits if e.cost < LIKELY)
            trial.until = until
            best = best or compared(checker, here, trial) or alone_or_paired(trial, edits)
        else:
            trial.until = start + ALONE * (until - start)
            best = alone_or_paired(trial, edits)
            trial.until = until
            best = best or compared(checker, here, trial)
        if best is not None:
            return best
    return None


def alone_or_paired(trial: Trial, edits: list[Edit]) -> Edit | None:
    """The likeliest single edit, or a pair of likely ones where no single one is much likelier than the pair."""
    likely = sum(e.cost < LIKELY for e in edits)
    best = trial.best(edits[:likely])
    if best is not None:
        return best
    pair = best_pair(trial)
    if pair is not None:
        return trial.best(e for e in edits[likely:] if e.cost < pair.cost - ADVANTAGE) or pair
    return trial.best(edits[likely:]) or best_pair(trial)


def _valued(checker: Checker, page: Page, claim: Claim) -> Slip:
    """A number that is another one; only its sign is looked at."""
    trial = Trial(checker, page, claim.reading, time.process_time() + _seconds(checker), MOST)
    best = trial.best(e for e in Editor(page, 1).all() if e.kind == "sign")
    if best is not None:
        return _slip(page, best)
    return Slip("value", truth(checker, page.link) or "", "another number")


def _unsummed(checker: Checker, page: Page, claim: Claim | None) -> Slip | None:
    """A formula in t for what has no instant: a sum over t is missing, whatever else is."""
    if claim is None:
        return None
    ends = {v for j in claim.left.atoms(Jac) for v in (j.top, j.below) if isinstance(v, Var)}
    if any(v.time is not None for v in claim.left.atoms(Var) | ends) or "t" not in time_indices(claim.right):
        return None
    return Slip("term", truth(checker, page.link) or "", "the sum over t is missing")


def misfitting(checker: Checker, page: Page, readings: list[Reading], edits: list[Edit], until: float) -> Edit | None:
    """The edit that does where the shapes don't fit: at the place where they part, in any reading."""
    trial = Trial(checker, page, readings[0], until, MOST, tuple(readings[1:]))
    where, there = fault(page), edits
    if where is not None and where.node is not page.parts[where.side]:
        a, b = where.node.start, where.node.end
        there = [e for e in edits if any(c <= b and a <= d for c, d, _ in e.changes)]
    return trial.best(there) or fitted(checker, page, trial) or renamed(checker, page, trial, edits)


def renamed(checker: Checker, page: Page, trial: Trial, edits: list[Edit]) -> Edit | None:
    """Another name, and the shapes that then are left put right."""
    repair = Repair(trial)
    names = [e for e in edits if e.kind in ("symbol", "time") and e.cost < DEAREST]
    for edit in [e for side in (0, 1) for e in [n for n in names if n.side == side][:RENAMED]]:
        if trial.spent():
            break
        try:
            new = page.turned(page.applied(edit.changes))
        except DeriveError:
            continue
        if fault(new) is None:
            inner = Trial(checker, new, trial.reading, min(trial.until, time.process_time() + 0.2), MOST, trial.others)
            more = inner.best(e for e in candidates(checker, new) if e.cost < 1.3 and e.kind not in ("term", "factor"))
            text = new.applied(more.changes) if more is not None else ""
        else:
            more = Repair(trial, 2, 30).search(new)
            text = new.applied(more.changes) if more is not None else ""
        if more is not None:
            return repair.told(page, text, (edit, more))
    return None


def compared(checker: Checker, page: Page, trial: Trial) -> Edit | None:
    """The edits that are left when the line is laid beside the engine's formula, or beside the other side."""

    def solve(small: Page, until: float) -> Edit | None:
        inner = Trial(checker, small, trial.reading, until, MOST, part=True)
        return inner.best(e for e in candidates(checker, small) if e.side == 1 and e.cost < 2.0)

    def expand(part: Part) -> list[Part]:
        link = Link(part.node, "=", part.node, part.page.text)
        return parts_of(page, texts(checker, link, page))

    formulas = parts_of(page, texts(checker, page.link, page))
    if not isinstance(page.parts[0], Symbol | Scripted):
        formulas.append(Part(page, page.parts[0]))
    for formula in formulas:
        if trial.spent():
            break
        best = Descent(trial, expand, solve).search(page, formula)
        if best is not None:
            return best
    return None


def parts_of(page: Page, formulas: list[str]) -> list[Part]:
    """Formulas as pages of their own."""
    pages = [beside(page, f, f) for f in formulas]
    return [Part(p, p.parts[1]) for p in pages if p is not None]


def fitted(checker: Checker, page: Page, trial: Trial) -> Edit | None:
    """Transposes and orders put right; where that doesn't do, a slip besides."""
    repair = Repair(trial)
    best = repair.search(page)
    for other, done in repair.fitting[:FITTING] if best is None else ():
        inner = Trial(checker, other, trial.reading, min(trial.until, time.process_time() + 0.4), MOST, trial.others)
        more = inner.best(e for e in candidates(checker, other) if e.cost < 2.0)
        if more is not None:
            return repair.told(page, other.applied(more.changes), (*done, more))
    return best


def candidates(checker: Checker, page: Page) -> list[Edit]:
    """Every single edit, the likeliest first: what comes closer to the engine's formula is likelier."""
    formulas = texts(checker, page.link, page)
    other = [page.text[slice(*page.bounds[0])]]
    more = further(checker, page.link, page) if formulas else []
    found = [
        *single_edits(page),
        *everywhere(page),
        *unapplied(page, 1, formulas),
        *missing(page, 1, [*formulas, *more] or other, 0.0 if formulas else 0.6),
    ]
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
    if claim is None:
        return list(readings(checker.part.scope, link, checker.part.repeated))
    return [claim.reading, *(c.reading for c in checker.claims(link)[0] if c.reading != claim.reading)]


def _slip(page: Page, edit: Edit) -> Slip:
    return Slip(edit.kind, page.applied(edit.changes), edit.words)


__all__ = ["expected", "scalar_form", "search", "truth"]
