"""Lines that don't hold as they stand, and hold all the same: for the targets, at the instant or in the case that a document speaks of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from derive.check import assumptions, given, outputs, results, said, stationary, unequal, unfit
from derive.check.claims import Claim
from derive.check.define import define
from derive.check.kinds import loss_by_another_name
from derive.check.lines import Line
from derive.check.prose import ANOTHER, AT, WHEN
from derive.expr import Var, at_time, time_indices
from derive.judge.case import FARTHEST
from derive.reader.statements import Link
from derive.reader.syntax import Root, Symbol, walk

if TYPE_CHECKING:
    from derive.check.checker import Checker


@dataclass(frozen=True)
class Refuted:
    """A line that is false as it stands: its claims, the usual one first, and the one by which it was refuted."""

    link: Link
    line: Line
    claims: list[Claim]
    claim: Claim


def judged(checker: Checker, refuted: Refuted) -> Line | None:
    """The verdict by the first of the ways in which the line holds all the same, or says nothing; None where it is false."""
    return next((line for way in WAYS if (line := way(checker, refuted)) is not None), None)


def _of_unknown_names(checker: Checker, r: Refuted) -> Line | None:
    """A line with names that nothing explains: another name for the loss, or true for the targets, or unread."""
    if not r.claim.strangers:
        return None
    unread = f"unknown name {', '.join(r.claim.strangers)}: as any number the line doesn't hold"
    return (
        _another_name(checker, r)
        or given.for_targets(checker, r.claims, r.line)
        or replace(r.line, verdict="unreadable", reason=unread)
    )


def _at_its_instant(checker: Checker, r: Refuted) -> Line | None:
    """c_1 = tanh(W x_t + …): a formula in t for one instant, which t then is."""
    for claim in r.claims:
        fixed = {v.time for v in claim.left.atoms(Var) if v.time is not None}
        if len(fixed) != 1 or next(iter(fixed)).base or "t" not in time_indices(claim.right):
            continue
        instant = next(iter(fixed))
        verdict = checker.decide(replace(claim, right=at_time(claim.right, "t", instant)))
        if verdict is not None and verdict.holds:
            return replace(r.line, verdict=verdict.verdict, reason=f"{verdict.reason}; for t = {instant}", bound=verdict.bound)
    return None


def _under_condition(checker: Checker, r: Refuted) -> Line | None:
    return said.under_condition(checker, r.link, r.line)


def _on_its_side(checker: Checker, r: Refuted) -> Line | None:
    return said.on_its_side(checker, r.link, r.line)


def _for_unequal(checker: Checker, r: Refuted) -> Line | None:
    return unequal.judged(checker, r.link, r.line) if not r.link.conditions else None


def _at_values(checker: Checker, r: Refuted) -> Line | None:
    return given.at_values(checker, r.claims, r.line)


def _another_name(checker: Checker, r: Refuted) -> Line | None:
    """J = L: a name of its own for the loss."""
    if not loss_by_another_name(checker.part.scope, r.link):
        return None
    return replace(r.line, verdict="definition", reason=define(checker, r.link))


def _of_its_outputs(checker: Checker, r: Refuted) -> Line | None:
    return outputs.judged(checker, r.link, r.claims, r.line)


def _another_loss(checker: Checker, r: Refuted) -> Line | None:
    """ "Changing the cost: cross-entropy": the network has this loss from here on."""
    scope, claim = checker.part.scope, r.claim
    if r.link.op != "=" or claim.left is not scope.loss or scope.system is None or not ANOTHER.search(checker.said.earlier):
        return None
    equations = tuple(replace(e, right=claim.right) if e.left is claim.left else e for e in scope.system.equations)
    scope.system = replace(scope.system, equations=equations)
    return replace(r.line, verdict="definition", reason="another loss, of which the derivatives are from here on")


def _in_special_case(checker: Checker, r: Refuted) -> Line | None:
    return assumptions.judged(checker, r.link, r.line)


def _unrolled(checker: Checker, r: Refuted) -> Line | None:
    """L = L_1 + L_2 + L_3 after "for T = 3": a line that holds at this T, and speaks of no other."""
    last, n = checker.said.last or (0, 0)
    if not 0 < last <= FARTHEST or len(checker.lines) - n > assumptions.LATEST:
        return None
    for claim in r.claims:
        if claim is not r.claims[0] and not checker.says(claim):
            continue
        verdict = checker.at_last(claim, last)
        if verdict.holds and not claim.strangers:
            return replace(r.line, verdict=verdict.verdict, reason=f"{verdict.reason}; for T = {last}", bound=verdict.bound)
    return None


def _rounded(checker: Checker, r: Refuted) -> Line | None:
    return results.rounded(checker, r.link, r.line) if checker.part.values else None


def _at_sizes(checker: Checker, r: Refuted) -> Line | None:
    return given.at_sizes(checker, r.link, r.claims, r.line) if checker.part.values else None


def _where_stationary(checker: Checker, r: Refuted) -> Line | None:
    return stationary.where(checker, r.claims, r.line)


def _a_condition(checker: Checker, r: Refuted) -> Line | None:
    """If $z = 0$: nothing that is claimed."""
    if r.line.display is not None or not (WHEN.search(checker.said.before) or AT.match(checker.said.after)):
        return None
    return replace(r.line, verdict="definition", reason="a condition that the words before it make")


def _by_itself(checker: Checker, r: Refuted) -> Line | None:
    """σ = √(σ² + ε): a name that may be given anew, and no claim of what it was."""
    left, right = r.link.left, list(walk(r.link.right))
    if r.link.op != "=" or not isinstance(left, Symbol) or not isinstance(r.link.right, Root) or left not in right:
        return None
    if not isinstance(r.claim.left, Var) or r.claim.left.bar:
        return None
    return replace(r.line, verdict="undecided", reason=f"said of {r.claim.left} by itself: the name may be given anew")


def _in_one_column(checker: Checker, r: Refuted) -> Line | None:
    if not unfit.in_one_column(checker, r.link):
        return None
    return replace(r.line, verdict="undecided", reason="right in the column of the index that some of its names leave out")


def _without_numbers(checker: Checker, r: Refuted) -> Line | None:
    if not results.without_numbers(checker, r.link, r.claim, r.line):
        return None
    return replace(r.line, verdict="undecided", reason="a number, where no numbers are given")


def _approximation(checker: Checker, r: Refuted) -> Line | None:
    return unfit.approximation(r.link, r.line)


Way = Callable[["Checker", Refuted], Line | None]
WAYS: tuple[Way, ...] = (  # in this order: what a document says comes before what may be meant
    _of_unknown_names,
    _at_its_instant,
    _under_condition,
    _on_its_side,
    _for_unequal,
    _at_values,
    _another_name,
    _of_its_outputs,
    _another_loss,
    _in_special_case,
    _unrolled,
    _rounded,
    _at_sizes,
    _where_stationary,
    _a_condition,
    _by_itself,
    _in_one_column,
    _without_numbers,
    _approximation,
)


__all__ = ["WAYS", "Refuted", "judged"]
