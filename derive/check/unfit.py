"""Relations of which no reading gives two sides of one shape: wrong, unreadable, or of something else than the network."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from derive.check import called, given, numbers, slips
from derive.check.claims import Claim, Unlike, told
from derive.check.define import define
from derive.check.kinds import loss_by_another_name, numbered
from derive.check.lines import Line, Slip
from derive.check.prose import LET
from derive.check.readings import readings
from derive.expr import DeriveError, Expr, Misread, ShapeError, Var
from derive.reader import names
from derive.reader.meaning import Meaning, Reading
from derive.reader.scope import LOSSES, flat
from derive.reader.statements import Link
from derive.reader.syntax import Differential, Fraction, Nabla, Scripted, Symbol, unscripted, walk
from derive.reader.tokens import Unreadable

if TYPE_CHECKING:
    from derive.check.checker import Checker

MOST = 3  # indices of which one may be left out
ASIDE = 3  # lines that an example with letters of its own may have


def approximation(link: Link, line: Line) -> Line | None:
    """What an approximation is that is no equation."""
    return replace(line, verdict="undecided", reason="an approximation that is no equation") if link.op == "≈" else None


def entry_by_entry(checker: Checker, link: Link, line: Line, errors: list[Exception]) -> Line | None:
    """u (1 - u) of vectors has no other meaning than the product entry by entry: a line that holds so holds."""
    if not any(isinstance(e, ShapeError) for e in errors):
        return None
    claims: dict[tuple[Expr, Expr], Claim] = {}
    for reading in readings(checker.part.scope, link, checker.part.repeated):
        with suppress(DeriveError):
            claim = checker.claim(link, replace(reading, elementwise=True, scaled=_of_jacobian(checker, link)))
            claims.setdefault((claim.left, claim.right), claim)
    known = [claim for claim in claims.values() if not claim.strangers]
    for claim in known:
        verdict = checker.decide(claim)
        if verdict is not None and verdict.holds and checker.says(claim):
            return replace(line, verdict=verdict.verdict, reason=told(verdict, claim, checker.usual(link)), bound=verdict.bound)
    held = given.at_values(checker, known, line) if known else None
    return held if held is not None and held.verdict in ("proved", "agrees") else None


def _of_jacobian(checker: Checker, link: Link) -> bool:
    """∂h_t/∂h_{t-1} = …: whether the left side is a derivative of a vector."""
    top = link.left.top if isinstance(link.left, Fraction) else None
    body = top.body if isinstance(top, Differential) else None
    found = names.find(Meaning(checker.part.scope, Reading(), link.source), body) if isinstance(body, Symbol | Scripted) else None
    return found is not None and len(found.expr.shape) == 1 and not found.places


def judged(checker: Checker, link: Link, line: Line, errors: list[Exception]) -> Line:
    """No reading gives two sides of one shape: unreadable, or a formula whose shapes don't fit."""
    misfits = [e for e in errors if isinstance(e, ShapeError)]
    if misfits and (unread := _unread(checker, link)) is not None:
        return replace(line, verdict="unreadable", reason=f"{unread} (column {unread.column})")
    if misfits and loss_by_another_name(checker.part.scope, link):
        return replace(line, verdict="definition", reason=define(checker, link))
    if not misfits:
        error = errors[0]
        column = f" (column {error.column})" if isinstance(error, Unreadable) else ""
        return replace(line, verdict="unreadable" if isinstance(error, Unreadable) else "undecided", reason=f"{error}{column}")
    if (approximate := approximation(link, line)) is not None:
        return approximate
    if _of_another_kind(checker, link, misfits):
        other = f"another {flat(unscripted(link.left))} than that of the problem may be meant"
        return replace(line, verdict="undecided", reason=f"{misfits[0]}: {other}")
    if _aside(checker, link):
        return replace(line, verdict="undecided", reason=f"the letters may be other ones than those of the problem: {misfits[0]}")
    if not checker.part.values and any(numbered(n) for n in (link.left, link.right)):
        return replace(line, verdict="undecided", reason=f"{misfits[0]}: numbers of an example, for which nothing is given")
    if _as_entries(checker, link):
        unwritten = "a scalar where the entries are added up, which isn't written"
        return replace(line, verdict="undecided", reason=f"{misfits[0]}: {unwritten}")
    if _without_index(checker, link):
        return replace(line, verdict="undecided", reason=f"{misfits[0]}: right for the entry of the index that is left out")
    slip = checker.slip(link, None)
    if slip is None or slip.kind == "shape":
        return _of_scalars(checker, link, line, slip, misfits)
    expected = slips.expected(checker, link) if checker.explain else None
    return replace(line, verdict="refuted", reason=str(misfits[0]), slip=slip, expected=expected)


def _of_scalars(checker: Checker, link: Link, line: Line, slip: Slip | None, misfits: list[ShapeError]) -> Line:
    """A line that no edit puts right. Where no form that fits is known either, it is left open if notation is rather meant otherwise: where
    it is right for scalars, or one of two sides that are fine by themselves is a name, x_1 = x."""
    started = time.process_time()
    scalar = checker.pot > 0 and slips.scalar_form(checker, link)
    doubt = _doubt(checker, link, misfits) if not scalar else ""
    fits = slip.corrected if slip is not None else (slips.truth(checker, link) if not doubt and checker.pot > 0 else None) or ""
    checker.pot -= time.process_time() - started
    words = f"right for scalars, but the shapes don't fit: {misfits[0]}" if scalar else f"the shapes don't fit: {misfits[0]}"
    named = isinstance(misfits[0], Unlike) and any(isinstance(side, Symbol | Scripted) for side in (link.left, link.right))
    named = named and not any(isinstance(n, Differential | Nabla) for side in (link.left, link.right) for n in walk(side))
    arrays = slip is None and all("R^(" in str(e) and str(e).count(" x ") > 2 for e in misfits)  # a row beside a batch, several indices
    if doubt or arrays or (not fits and (scalar or named)):
        return replace(line, verdict="undecided", reason=f"{words}; {doubt or 'no form near this one fits'}")
    if not checker.explain:
        return replace(line, verdict="refuted", reason=str(misfits[0]))
    return replace(
        line, verdict="refuted", reason=str(misfits[0]), slip=Slip("shape", fits, words), expected=slips.expected(checker, link)
    )


def _unread(checker: Checker, link: Link) -> Unreadable | None:
    """Why a side can't be read in any reading, where all that is known is that the other doesn't fit by itself in some."""
    for side in (link.left, link.right):
        why: list[Exception] = []
        for reading in readings(checker.part.scope, link, checker.part.repeated):
            m = checker.meaning(link, reading)
            try:
                m.value(side)
            except Unreadable as error:
                why.append(error)
                continue
            except DeriveError:
                pass
            why.clear()
            break
        if why and isinstance(why[0], Unreadable):
            return why[0]
    return None


def _as_entries(checker: Checker, link: Link) -> bool:
    """L = -y log ŷ of vectors: a scalar that it is where the products of the entries are added up."""
    if not any(isinstance(n, Symbol) and n.head in ("log", "ln") for n in walk(link.right)):
        return False
    if not isinstance(link.left, Symbol | Scripted) and not called.bracketed(link.left):
        return False
    return _holds(checker, link, lambda claim: not claim.left.shape, elementwise=True, added=True)


def _without_index(checker: Checker, link: Link) -> bool:
    """∂z_j/∂W_{ji} = ∂/∂W_{ji} (W h + b): what is differentiated lacks the index of the other side, with which the line holds."""
    fractions = [n for side in (link.left, link.right) for n in walk(side) if isinstance(n, Fraction)]
    if not any(isinstance(n.top, Differential) and not isinstance(n.top.body, Symbol | Scripted) for n in fractions):
        return False
    return any(_holds(checker, link, lambda _: True, shown=which) for which in range(1, MOST + 1))


def in_one_column(checker: Checker, link: Link) -> bool:
    """Whether a line of matrices holds in the column of an index that some of its names show and others don't."""
    with suppress(DeriveError):
        whole = checker.claim(link, checker.usual(link)).left.shape
        return _holds(checker, link, lambda claim: claim.left.shape != whole, shown=1)
    return False


def _holds(checker: Checker, link: Link, fits: Callable[[Claim], bool], **how: Any) -> bool:
    """Whether a line holds in the usual reading but for these of its fields, where its claim then fits."""
    with suppress(DeriveError):
        claim = checker.claim(link, replace(checker.usual(link), **how))
        verdict = checker.decide(claim) if not claim.strangers and fits(claim) else None
        return verdict is not None and verdict.holds
    return False


def _doubt(checker: Checker, link: Link, misfits: list[ShapeError]) -> str:
    """Why a line whose shapes don't fit may not mean what it is read as, where no slip explains it."""
    if isinstance(misfits[0], Misread):
        return "the signs may be meant otherwise"
    named = isinstance(misfits[0], Unlike) and _gives(checker, link)
    return f"another {flat(unscripted(link.left))} than that of the problem may be meant" if named else ""


def _of_another_kind(checker: Checker, link: Link, misfits: list[ShapeError]) -> bool:
    """H_i = √u, of one example: a quantity of the network said to be one of another shape, which may have its letter alone."""
    return _gives(checker, link) and all(isinstance(e, Unlike) and 0 in e.ranks for e in misfits)


def _gives(checker: Checker, link: Link) -> bool:
    """Whether a line says what a quantity is that the network computes."""
    if link.op != "=" or not isinstance(link.left, Symbol | Scripted) or numbers.is_numeric(link.right):
        return False
    found, system = names.find(Meaning(checker.part.scope, Reading(), link.source), link.left), checker.part.scope.system
    if found is None or found.bar or found.primes or found.named.introduced or not isinstance(found.expr, Var):
        return False
    return system is not None and system.owner(found.expr) is not None and found.expr is not checker.part.scope.loss


def _aside(checker: Checker, link: Link) -> bool:
    """Let y = Wx: an example with letters of its own, to which the lines after it may belong."""
    letters = {n.head for side in (link.left, link.right) for n in walk(side) if isinstance(n, Symbol)}
    if isinstance(link.left, Symbol) and LET.search(checker.said.before):
        checker.example = len(checker.lines), letters
    n, known = checker.example
    return len(checker.lines) - n <= ASIDE and letters - set(LOSSES) <= known
