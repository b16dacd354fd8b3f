"""Lines that hold for what is given: one-hot targets, or values of quantities that the network computes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from derive.check import assumptions, numbers, targets
from derive.check.claims import Claim
from derive.check.lines import Line
from derive.expr import Expr, Var, is_zero
from derive.reader.meaning import Reading
from derive.reader.statements import Link
from derive.reader.syntax import Symbol, walk

if TYPE_CHECKING:
    from derive.check.checker import Checker

DRAWS = 3  # of other numbers in the same sizes


def for_targets(checker: Checker, claims: list[Claim], line: Line) -> Line | None:
    """A line that holds for targets that are one-hot, where they are said to be, or that sum to one."""
    court = checker.court()
    claims = [*claims[:1], *(claim for claim in claims[1:] if checker.says(claim))]
    for said, patterns in targets.assumptions(checker.part.scope):
        for claim in claims:
            if all(court.judge(claim.left, claim.right, values=p, budget=2.0, explain=False).holds for p in patterns):
                return replace(line, verdict="agrees", reason=said, bound="2^-120 at the targets tried")
    return None


def equal(checker: Checker, left: Expr, right: Expr) -> bool:
    """Whether two formulas are one, in general or for the targets that a document assumes."""
    claim = Claim(left, right, Reading())
    verdict = checker.decide(claim)
    return (verdict is not None and verdict.holds) or for_targets(checker, [claim], Line(0, None, "", "", "")) is not None


def at_values(checker: Checker, claims: list[Claim], line: Line) -> Line | None:
    """A line that holds for the targets, or where computed quantities have the values that the problem says: z_1 = -1."""
    held = for_targets(checker, claims, line)
    if held is not None:
        return held
    known = forced(checker)
    if not known:
        return None
    words = ", ".join(f"{v} = {value}" for v, value in known.items())
    zero = any(is_zero(claim.left) or is_zero(claim.right) or claim.left.shape == () for claim in claims[:1])
    for claim in claims:
        if numbers.at_conditions(checker.court(), claim.left, claim.right, known, zero):
            return replace(line, verdict="agrees", reason=f"where {words}", bound="1e-9, relative, in 8 points")
    return None


def at_sizes(checker: Checker, link: Link, claims: list[Claim], line: Line) -> Line | None:
    """A line that holds in the sizes of the numbers that are given, √2 for √d; and one that holds for these numbers alone, which says little."""
    system, values = checker.part.scope.system, checker.part.values
    given = [v for v in (system.declared if system is not None else ()) if v.key in values]
    named = any(isinstance(n, Symbol) and n.head in checker.part.scope.sizes for side in (link.left, link.right) for n in walk(side))
    if named or not any(not d.is_Integer for v in given for d in v.shape):
        return None  # √T for √d is wrong, though both of them are √2 here
    court = checker.court()
    draws = [{v.key: _like(values[v.key], 7 * k + i) for i, v in enumerate(given)} for k in range(DRAWS)]
    here = {v.key: values[v.key] for v in given}
    for claim in claims[:1]:
        if all(court.judge(claim.left, claim.right, values=draw, budget=1.0, explain=False).holds for draw in draws):
            return replace(line, verdict="agrees", reason="in the sizes of the numbers that are given", bound="2^-60 at the numbers tried")
        if court.judge(claim.left, claim.right, values=here, budget=1.0, explain=False).holds:
            return replace(line, verdict="undecided", reason="right for the numbers that are given, and not in general")
    return None


def _like(value: Any, seed: int) -> Any:
    """Other numbers in the shape of these."""
    if isinstance(value, list):
        return [_like(part, 13 * seed + k) for k, part in enumerate(value)]
    return f"{(seed * seed * 37 + seed * 101 + 17) % 1999 - 999}/1000"


def forced(checker: Checker) -> dict[Var, Any]:
    """Values that are conditions: of computed quantities, and of some inputs where not all of them have one."""
    system, values = checker.part.scope.system, checker.part.values
    if system is None:
        return {}
    if not assumptions.numbered(checker):
        return assumptions.settings(checker)
    known = {system.by_name[k].left: v for k, v in values.items() if k in system.by_name}
    given = {k.split("[")[0] for k in values} | set(values)
    if not all(k in given for k in system.independent):
        over = {k for k, n in checker.part.said.items() if len(checker.lines) - n > assumptions.LATEST}
        known.update({v: values[k] for k, v in system.independent.items() if k in values and k not in over})
    return known


__all__ = ["at_sizes", "at_values", "equal", "for_targets", "forced"]
