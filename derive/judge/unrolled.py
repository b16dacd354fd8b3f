"""Recurrences solved: ∂h_t/∂h_k and ∂h_t/∂θ as products and sums through time.

Where the equations give J_t = P_t + A_t J_{t−1}, and J is zero before the first instant, J_t = Σ_k (∏_{i=k+1..t} A_i) P_k. The one-step
relation is compared with the equations term by term before it is used.
"""

from __future__ import annotations

from derive.judge.calculus import Moment, range_of
from derive.judge.forms import ZERO, Poly, accumulate, leaves_of
from derive.judge.labelling import END, ORIGIN, Atom, Index, atom, moment
from derive.judge.meaning import Claim

STEP, SUMMED = moment("#step"), moment("#from")
LINKS = 8  # equations between a state and the state before


def solved(ring: Claim, a: Atom, index: Index) -> Poly | None:
    """A Jacobian of a sequence that carries itself from one instant to the next; None where it isn't of that kind."""
    if a.kind != "jac" or a.data[2] or not a.data[0].times or len(a.data[0].space) > 1 or not ring.network.causal:
        return None
    state, below, _ = a.data
    now, first = index[len(a.space)], ring.first
    with ring.facts.within(range_of(STEP, (ORIGIN, first), (END, 0))):
        carried = _one_step(ring, state)
    if carried is None:
        return None
    if below is state:
        return _between(ring, a, index, carried)
    when = index[-1] if below.times else None
    with ring.facts.within(range_of(STEP, (ORIGIN, first), (END, 0))):
        own = _own(ring, a, carried, when)
    exists = ring.facts.implied(ORIGIN, now[0], now[1] - first + 1) and ring.facts.implied(now[0], END, -now[1])
    if own is None or not exists:
        return None
    wide, rows = len(a.space), len(state.space)
    with ring.facts.within(range_of(SUMMED, (ORIGIN, first), now)):
        product = _product(ring, state, carried, (SUMMED, 1), now)
        middle = ring._beyond(index)
        term = ring.mul(
            ring.relabelled(product, {1: middle}) if rows else product,
            ring.relabelled(own, {0: middle} if rows else {}, {STEP: (SUMMED, 0)}),
        )
        term = ring.contract(term, {middle: state.space[0]} if rows else {})
    total = ring.summed_over(term, SUMMED, (ORIGIN, first), now)
    return ring.relabelled(total, dict(enumerate(index[:wide])))


def _product(ring: Claim, state: Atom, carried: Poly, lo: Moment, hi: Moment) -> Poly:
    return ring.product_over(carried, state.space * 2, STEP, lo, hi)


def _one_step(ring: Claim, state: Atom) -> Poly | None:
    """A_t: the Jacobian of the state at t = STEP with respect to the state before."""
    a = atom("jac", (state, state, False), state.space * 2, 2)
    axes = tuple(range(len(a.space)))
    found = _at_once(ring, ring.meaning(a, (*axes, (STEP, 0), (STEP, -1))))
    return found if found is not None and not _has_jacobian(found) else None


def _at_once(ring: Claim, terms: Poly | None) -> Poly | None:
    """With the Jacobians of what else is computed at that instant put in: z_t, where h_t = σ(z_t)."""

    def change(b: Atom, i: Index) -> Poly | None:
        top = i[len(b.space)] if b.data[0].times else None
        return ring.meaning(b, i) if top in (None, (STEP, 0)) else None

    for _ in range(LINKS):
        jacobians = frozenset(leaf for leaf in leaves_of(terms) if leaf.kind == "jac") if terms else frozenset()
        if not jacobians or terms is None:
            break
        changed = ring.substituted(terms, change, jacobians)
        if changed == terms:
            break
        terms = changed
    return terms


def _own(ring: Claim, a: Atom, carried: Poly, when: Moment | None) -> Poly | None:
    """P_t, where J_t is P_t + A_t J_{t−1} term by term."""
    axes = tuple(range(len(a.space)))
    below = (when,) if when is not None else ()
    found = _at_once(ring, ring.meaning(a, (*axes, (STEP, 0), *below)))
    if found is None:
        return None
    before = (STEP, -1)
    own = ring.substituted(found, lambda b, i: ZERO if b is a and i[len(b.space)] == before else None, frozenset((a,)))
    if _has_jacobian(own):
        return None
    if a.data[0].space:
        middle = ring._beyond(axes)
        rest = ring.mul(ring.relabelled(carried, {1: middle}), ring.resolved(a, (middle, *axes[1:], before, *below)))
        rest = ring.contract(rest, {middle: a.space[0]})
    else:
        rest = ring.mul(carried, ring.resolved(a, (*axes, before, *below)))
    return own if not accumulate(accumulate(dict(found), own, -1), rest, -1) else None


def _between(ring: Claim, a: Atom, index: Index, carried: Poly) -> Poly | None:
    """∂h_t/∂h_k: the product of the steps between, zero where k is later."""
    (top, below), own = index[len(a.space) :], index[: len(a.space)]
    exists = ring.facts.implied(ORIGIN, below[0], below[1] - ring.first + 1) and ring.facts.implied(top[0], END, -top[1])
    with ring.facts.within((*range_of(STEP, (ORIGIN, ring.first), (END, 0)), (below[0], STEP, -below[1] - 1))):
        unit = _own(ring, a, carried, below)
    if not exists or unit is None or unit:
        return None
    with ring.facts.within(((below[0], top[0], top[1] - below[1]),)):
        product = _product(ring, a.data[0], carried, (below[0], below[1] + 1), top)
    return ring.mul(ring.le(below, top), ring.relabelled(product, dict(enumerate(own))))


def _has_jacobian(terms: Poly) -> bool:
    return any(leaf.kind == "jac" for leaf in leaves_of(terms))
