"""The ladder: shapes, identity, numbers that differ, proof, numbers that agree; and what is said of a claim."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import permutations
from typing import Any

import numpy as np
import sympy

from derive.expr import ROW, DeriveError, Expr, show_shape
from derive.judge.case import NOTHING, Bench, Case, Found, Spot, at_times
from derive.judge.counterexample import Counterexample, Place, at_point, search
from derive.judge.floats import SCALE, drawn
from derive.judge.given import read
from derive.judge.nodes import Leaf
from derive.system import LAST, System

ROUGH = 1e-7  # a relative difference that float64 doesn't have by rounding
PROOF = 0.3  # seconds for a proof; most take a hundredth of that
SEARCH = 2.0  # seconds for the search of a small counterexample


@dataclass(frozen=True)
class Verdict:
    """What is known of a claim left = right.

    verdict: "proved", "agrees" (by numbers, with a bound), "refuted" (certified) or "undecided". reason: why, in words.
    """

    verdict: str
    reason: str
    bound: str | None = None
    counterexample: Counterexample | None = None

    def __bool__(self) -> bool:
        raise TypeError("a verdict is three-valued: ask for .holds, .refuted or .verdict")

    @property
    def holds(self) -> bool:
        """Proved, or agrees."""
        return self.verdict in ("proved", "agrees")

    @property
    def refuted(self) -> bool:
        return self.verdict == "refuted"


def judge(
    left: Expr,
    right: Expr,
    system: System | None = None,
    *,
    values: Mapping[str, Any] | None = None,
    budget: float = 5.0,
    explain: bool = True,
) -> Verdict:
    """Whether left = right, in a network or for free quantities; see Court.judge."""
    return _court(system).judge(left, right, values=values, budget=budget, explain=explain)


@lru_cache(maxsize=8)
def _court(system: System | None) -> Court:
    return Court(system)


class Court:
    """Judges many claims in one network: the unrolled networks and their values are kept.

    prove: called with (left, right, system, seconds), gives a reason where it has a proof; by default the canonical form.
    """

    def __init__(self, system: System | None = None, prove: Callable[..., str | None] | None = None):
        self.system = system
        self.prove = prove or _canonical()
        self.bench = Bench(system)

    def judge(
        self,
        left: Expr,
        right: Expr,
        *,
        values: Mapping[str, Any] | None = None,
        budget: float = 5.0,
        explain: bool = True,
        last: int | None = None,
    ) -> Verdict:
        """The verdict on left = right; it never raises for what an expression can contain.

        values: exact numbers for some names; the claim is judged there alone. budget: seconds. explain: search for a small
        counterexample. last: judge at this T alone.
        """
        self._begin(budget)
        if left is right:
            return Verdict("proved", "the same expression on both sides")
        try:
            with np.errstate(all="ignore"):
                return self._decide(left, right, values, budget, explain, last)
        except DeriveError as problem:
            return Verdict("undecided", str(problem))
        except (ArithmeticError, RecursionError, MemoryError) as problem:
            return Verdict("undecided", f"beyond what can be computed: {type(problem).__name__}")

    def quick(self, left: Expr, right: Expr) -> bool | None:
        """Whether the sides may be equal, by floats at one T; None where they have no value. Never a proof."""
        if left.shape != right.shape:
            return False
        self._begin(2.0)
        try:
            with np.errstate(all="ignore"):
                case = Case(self.bench, left, right)
                defined, found = case.look(case.generic(case.lasts[0]), (0,), ROUGH)
        except (DeriveError, ArithmeticError, RecursionError, MemoryError):
            return None
        return False if found else True if all(d.points for d in defined) else None

    def _begin(self, budget: float) -> None:
        self.bench.guard.reset(budget)
        self.bench.tidy()

    # -- the ladder -----------------------------------------------------------------------------------------

    def _decide(
        self, left: Expr, right: Expr, values: Mapping[str, Any] | None, budget: float, explain: bool, last: int | None
    ) -> Verdict:
        if left.shape != right.shape and values is None:
            return Verdict("refuted", f"shapes differ: {show_shape(left.shape)} and {show_shape(right.shape)}")
        given = NOTHING if values is None else read(self.system, Case(self.bench, left, right).survey.names, values)
        case = Case(self.bench, left, right, last, given)
        if left.shape != right.shape and (differing := _numbers(case)) is not None:
            return differing
        if not case.judged:
            return Verdict("undecided", "there is no instant at which it could be judged")
        defined, found = case.look(case.judged)
        if found is not None and case.certified(found):
            return self._refuted(case, found, explain)
        if values is None and (reason := self._proof(left, right, budget)) is not None:
            return Verdict("proved", reason + self._boundary(case))
        if found is not None:  # float64 saw a difference that balls don't certify
            defined, _ = case.look(case.judged, clear=np.inf)
        outcome = case.by_balls(case.judged, defined)
        bits = self._bits(case) if outcome is None else None
        if outcome is None and bits is None:
            outcome = case.by_balls(case.judged, defined, everywhere=True)
        if isinstance(outcome, Found):
            return self._refuted(case, outcome, explain)
        if outcome is not None:
            return Verdict("undecided", outcome)
        return self._agrees(case, bits)

    def _proof(self, left: Expr, right: Expr, budget: float) -> str | None:
        """A reason, or None; an attempt that breaks is none, and numbers have the word."""
        try:
            return self.prove(left, right, self.system, min(budget / 2, PROOF)) if self.prove else None
        except (ValueError, ArithmeticError, LookupError, RecursionError, MemoryError):
            return None

    def _bits(self, case: Case) -> float | None:
        """Bits of agreement modulo primes, or None where there are too few."""
        try:
            return case.field_bits([s for s in case.judged if s.last == case.judged[0].last])
        except DeriveError:
            return None

    def _agrees(self, case: Case, bits: float | None) -> Verdict:
        bound = "2^-120 at the given values" if case.given.values else "2^-120, relative, in 3 points"
        note = "equal wherever it was evaluated"
        if bits is not None:
            bound = f"2^-{int(bits / 2)} for each of 2 prime chains; {bound}"
        else:
            note += " in real numbers; exact evaluation modulo primes does not show it"
        return Verdict("agrees", note + self._boundary(case), bound)

    # -- what is said ---------------------------------------------------------------------------------------

    def _boundary(self, case: Case) -> str:
        """Boundary instants at which the claim fails."""
        edge = [s for last in case.lasts for s in case.spots(last) if not s.generic and case.strict]
        failing = [s for s in edge if case.look([s], (0,))[1] is not None]
        if not failing:
            return ""
        for a, b in permutations(failing[0].times, 2):
            if all(s.times.get(a, 0) > s.times.get(b, 0) for s in failing):
                return f"; for {a} ≤ {b}"
        ends = dict.fromkeys(self._ends(s) for s in failing)
        return f"; it holds where all its quantities exist, but not at the boundary: {'; '.join(ends)}"

    def _ends(self, spot: Spot) -> str:
        names = {spot.last: LAST, self.bench.first: str(self.bench.first)}
        return ", ".join(f"{b} = {names.get(k, f'{LAST}{k - spot.last:+d}')}" for b, k in spot.times.items())

    def _refuted(self, case: Case, found: Found, explain: bool) -> Verdict:
        reason = f"the sides differ{at_times(found.spot)}"
        example = self._example(case, found) if explain else None
        return Verdict("refuted", reason, "certified by disjoint intervals", example)

    def _example(self, case: Case, found: Found) -> Counterexample | None:
        """The smallest one that is found in time, or else the point at which the sides were seen to differ."""
        bench, guard = self.bench, self.bench.guard
        guard.reset(SEARCH)
        if not case.given.values:
            lasts = range(bench.first, bench.first + 3) if case.sequential else [bench.first]
            lasts = [k for k in lasts if k >= max(case.survey.fixed, default=k)] or case.lasts
            symbols = case.least(1)[0]
            small = search(self.system, case.generic, symbols, lasts, guard, bench.graph, case.kinks)
            if small is not None:
                return small
        guard.reset(SEARCH)

        def values(leaf: Leaf, shape: tuple[int, ...], positive: bool) -> np.ndarray:
            known = case.given.values.get((leaf.name, leaf.instant)) if not leaf.bar else None
            return known if known is not None else _exact(drawn(leaf, shape, positive, found.seed)[found.lane])

        spot = found.spot
        place = Place(bench.graph(spot.last), case.sizes, spot.times, spot.left, spot.right)
        try:
            return at_point(self.system, place, values, guard)
        except DeriveError:
            return None


def _exact(numerators: np.ndarray) -> np.ndarray:
    result = np.empty((1, *np.shape(numerators)), dtype=object)
    result.ravel()[:] = [Fraction(int(n), SCALE) for n in np.ravel(numerators)]
    return result


def _numbers(case: Case) -> Verdict | None:
    """Shapes compared in numbers, where the sizes are given."""
    sizes = {s: sympy.Integer(k) for s, k in case.sizes.items()}
    left, right = (tuple(1 if d is ROW else d.xreplace(sizes) for d in e.shape) for e in (case.left, case.right))
    if left == right:
        return None
    return Verdict("refuted", f"shapes differ: {show_shape(left)} and {show_shape(right)}")


def _canonical() -> Callable[..., str | None] | None:
    try:
        from derive.judge.canonical import prove
    except ImportError:
        return None
    return prove


__all__ = ["Counterexample", "Court", "Verdict", "judge"]
