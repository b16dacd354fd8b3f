"""Claims about sums and products through time, by induction: ∂h_t/∂h_k = ∏_{i=k+1..t} ∂h_i/∂h_{i−1} from its first instant on.

One side is a single name at an instant t, a Jacobian or an adjoint, for which the equations give a one-step relation. The claim is
proved at the first instant (empty products, sums of one term); then at t, where it may be used at t−1: the last factor of products
and the last term of sums are split off, and the one-step relation is put in. Adjoints run the other way, from T down.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from derive.judge.calculus import Calculus, Moment
from derive.judge.forms import LE, ONE, ZERO, Poly, accumulate
from derive.judge.labelling import END, ORIGIN, Atom, Coef, Factor, Index
from derive.judge.meaning import Claim, Instants


@dataclass(frozen=True)
class Course:
    """An induction over the instants of `label`, from `start` on, upwards (+1) or downwards (−1)."""

    label: int
    start: Moment
    way: int

    def first(self, where: Instants) -> Instants:
        """The instants of the claim at its start, where label = start.

        What bounds the label on that side is dropped: the claim must hold at the start whether or not that is one of its instants.
        """
        base, offset = self.start
        bounds = []
        for a, b, w in where.bounds:
            if (b if self.way > 0 else a) == self.label:
                continue
            if a == self.label:
                a, w = base, w - offset
            if b == self.label:
                b, w = base, w + offset
            if a != b:
                bounds.append((a, b, w))
        return replace(where, bounds=tuple(bounds), lows=self._merged(where.lows, min), highs=self._merged(where.highs, max))

    def _merged(self, found: dict[int, int], pick: object) -> dict[int, int]:
        base, offset = self.start
        rest = {k: o for k, o in found.items() if k != self.label}
        both = [o for o in (rest.get(base), found.get(self.label, 0) + offset) if o is not None]
        return {**rest, base: pick(both)}  # type: ignore[operator]

    def later(self, where: Instants) -> Instants:
        """The instants after the start: what bounds the label on the side of the start is replaced by that."""
        base, offset = self.start
        if self.way > 0:
            kept = [b for b in where.bounds if b[1] != self.label]
            kept.append((base, self.label, -offset - 1))
        else:
            kept = [b for b in where.bounds if b[0] != self.label]
            kept.append((self.label, base, offset - 1))
        return replace(where, bounds=tuple(kept))


def courses(ring: Calculus, a: Atom, index: Index, where: Instants) -> list[Course]:
    """The inductions that a claim about this name, or this product over time, may need."""
    times = index[len(a.space) :]
    if a.kind == "whole":
        _, _, lo, hi = ring.product_parts(a, index)
        return _from_bounds([(hi, 1), (lo, -1)], where)
    ways = [(time, -1 if a.data[2] else 1) for time in times if a.kind == "var"]
    if a.kind == "jac":
        top, below, _ = a.data
        ways += [(times[0], 1)] if top.times else []
        ways += [(times[-1], -1)] if below.times else []
    return _from_bounds(ways, where)


def _from_bounds(ways: list[tuple[Moment, int]], where: Instants) -> list[Course]:
    found = []
    for (label, _), way in ways:
        if label in (ORIGIN, END) or label >= 0:
            continue
        for bound in sorted(where.bounds, key=lambda b: b[0] in (ORIGIN, END) and b[1] in (ORIGIN, END, label)):
            if way > 0 and bound[1] == label:
                found.append(Course(label, (bound[0], -bound[2]), way))
            elif way < 0 and bound[0] == label:
                found.append(Course(label, (bound[1], bound[2]), way))
    return found


def step(ring: Claim, a: Atom, index: Index, other: Poly, course: Course) -> Poly | None:
    """The difference of both sides at an instant after the start, given the claim one instant before; None where there is no step."""
    meaning = ring.meaning(a, index) if not a.terms else _split(ring, a, index, course)
    if meaning is None:
        return None
    before = _moved(index, a, course.label, -course.way)
    earlier = ring.relabelled(other, {}, {course.label: (course.label, -course.way)})
    own = index[: len(a.space)]

    def hypothesis(b: Atom, there: Index) -> Poly | None:
        if b is not a or there[len(a.space) :] != before[len(a.space) :]:
            return None
        return ring.relabelled(earlier, dict(zip(own, there, strict=False)))

    known = ring.substituted(meaning, hypothesis, a.leaves | {a})
    return accumulate(dict(known), split(ring, other, course), -1)


def aligned(ring: Calculus, terms: Poly) -> Poly:
    """Products of the same factors that end at different instants of one label, all brought to the earliest of these."""
    ends: dict[tuple[Atom, Moment, int], int] = {}
    products: set[Atom] = set()
    for a, index in _products(ring, terms):
        _, _, lo, hi = ring.product_parts(a, index)
        key = (a, lo, hi[0])
        ends[key] = min(hi[1], ends.get(key, hi[1]))
        products.add(a)

    def shorter(a: Atom, index: Index) -> Poly | None:
        if a not in products:
            return None
        _, _, lo, hi = ring.product_parts(a, index)
        if hi[1] <= ends.get((a, lo, hi[0]), hi[1]):
            return None
        rest = _split_product(ring, a, index, Course(hi[0], hi, 1))
        return ring.substituted(rest, shorter, targets)

    targets = frozenset(products).union(*(a.leaves for a in products))
    return ring.substituted(terms, shorter, targets) if products else terms


def _products(ring: Calculus, terms: Poly) -> list[tuple[Atom, Index]]:
    """The products over time of a form, those inside sums left out."""
    return [(a, i) for mono in terms for (a, i), _ in _inside(ring, mono) if a.kind == "whole" and a.data[0] == "product"]


def _inside(ring: Calculus, powers: Iterable[tuple[Factor, Coef]]) -> list[tuple[Factor, Coef]]:
    found = []
    for (a, index), e in powers:
        found += (
            _inside(ring, ring.unfolded(a, index, ring._beyond(index))[0])
            if a.kind == "con" and not a.bound[1]
            else [((a, index), e)]
        )
    return found


def _moved(index: Index, a: Atom, label: int, by: int) -> Index:
    wide = len(a.space)
    return (*index[:wide], *((k, o + by) if k == label else (k, o) for k, o in index[wide:]))


def split(ring: Calculus, terms: Poly, course: Course) -> Poly:
    """The same with the term and the factor at the end of sums and products that moves with the label split off."""
    total: Poly = {}
    for mono, c in terms.items():
        parts = [ring.power(_split(ring, a, index, course), e) for (a, index), e in mono]
        accumulate(total, ring.product(parts), c)
    return total


def _split(ring: Calculus, a: Atom, index: Index, course: Course) -> Poly:
    if course.label not in {k for k, _ in index[len(a.space) :]}:
        return ring.placed(a, index)
    if a is LE:
        return _split_range(ring, index[0], index[1], course)
    if a.kind == "whole" and a.data[0] == "product":
        return _split_product(ring, a, index, course)
    if a.kind == "con":
        powers, bound, times = ring.unfolded(a, index, ring._beyond(index))
        inner = ring.product(ring.power(_split(ring, b, i, course), e) for (b, i), e in powers)
        return ring.contract(inner, bound, times)
    return ring.placed(a, index)


def _split_range(ring: Calculus, low: Moment, high: Moment, course: Course) -> Poly:
    """[s <= t] is [s <= t−1] + [s = t]; downwards, [t <= s] is [t+1 <= s] + [s = t]."""
    moving, other = (high, low) if course.way > 0 else (low, high)
    if moving[0] != course.label or other[0] < 0:
        return ring.le(low, high)
    nearer = (moving[0], moving[1] - course.way)
    rest = ring.le(low, nearer) if course.way > 0 else ring.le(nearer, high)
    return accumulate(dict(rest), ring.same_instant(low, high))


def _split_product(ring: Calculus, a: Atom, index: Index, course: Course) -> Poly:
    """The product without its last (downwards, its first) factor times that, where it has one; else the identity."""
    body, label, lo, hi = ring.product_parts(a, index)
    end = hi if course.way > 0 else lo
    if end[0] != course.label:
        return ring.placed(a, index)
    shape = a.data[1]
    factor = ring.relabelled(body, {}, {label: end})
    if course.way > 0:
        left, right = factor, ring.product_over(body, shape, label, lo, (hi[0], hi[1] - 1))
    else:
        left, right = ring.product_over(body, shape, label, (lo[0], lo[1] + 1), hi), factor
    if a.space:
        middle = ring._beyond(index)
        joined = ring.mul(ring.relabelled(left, {1: middle}), ring.relabelled(right, {0: middle}))
        joined = ring.contract(joined, {middle: a.space[0]})
    else:
        joined = ring.mul(left, right)
    total = accumulate(dict(ring.mul(ring.le(lo, hi), joined)), ring.mul(ring.le((hi[0], hi[1] + 1), lo), ring.identity(shape)))
    return ring.relabelled(total, dict(enumerate(index[: len(a.space)]))) if total else ZERO


__all__ = ["ONE", "Course", "aligned", "courses", "step"]
