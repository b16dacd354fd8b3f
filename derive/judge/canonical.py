"""Proofs that two expressions are equal: canonical forms, and in a network the meanings of names put in until the sides agree.

A proof holds wherever both sides are defined. What is not proved is not refuted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from typing import Any

from sympy import Integer

from derive.expr import Block, DeriveError, Expr, Instant, Stack, Unit, at_time, postorder
from derive.judge import blocks
from derive.judge.calculus import Calculus, kept
from derive.judge.forms import Mono, Poly, accumulate
from derive.judge.induction import aligned, courses, step
from derive.judge.labelling import END, ORIGIN, Atom, Budget, Coef, Index, base_of, place
from derive.judge.meaning import Claim, Instants, instants, network_of
from derive.judge.unrolled import LINKS, solved
from derive.system import System

GROWN = 150  # terms: a difference that has grown beyond that has lost its way
NAMES = 6  # that a reason lists
BOUND = 10**6  # stands for every instant that is summed over
Name = tuple[Atom, tuple[Any, ...]]


@dataclass(frozen=True)
class Form:
    """A canonical form: equal forms mean equal expressions."""

    shape: tuple[Any, ...]
    terms: frozenset[tuple[Mono, Coef]]


def canonical(e: Expr, budget: Budget | None = None) -> Form:
    """The form of an expression whose names are free. Raises Exceeded, MissingRule, Undefined (all DeriveError)."""
    return Form(e.shape, frozenset(Calculus(budget or Budget()).form(e).items()))


def prove(left: Expr, right: Expr, system: System | None = None, budget: float | Budget = 1.0) -> str | None:
    """A reason why left = right, or None where this can't be proved. budget: seconds, or the limits of the whole proof."""
    if left.shape != right.shape:
        return None
    if left is right:
        return "the same expression"
    limits = budget if isinstance(budget, Budget) else Budget(budget)
    where = instants(system, left, right)
    try:
        plain = _attempt(left, right, system, where, False, limits)
        reason = plain.reason()
        if reason is None and system is not None:
            reason = _by_induction(left, right, system, where, limits)
        if reason is None and plain.functions_met():
            reason = _attempt(left, right, system, where, True, limits).reason()
        if reason is None and system is None and any(isinstance(n, Stack | Unit | Block) for n in postorder(left, right)):
            reason = _entry_by_entry(left, right, where, limits)
    except (DeriveError, RecursionError):
        return None
    return reason


def _attempt(left: Expr, right: Expr, system: System | None, where: Instants, written: bool, budget: Budget) -> _Proof:
    """The difference of the sides, with functions as atoms or written out."""
    if system is None:
        ring = Calculus(budget, written)
        ring.facts.bounds = where.bounds
    else:
        ring = Claim(network_of(system, written), where, budget)
    if not ring.facts.consistent:
        raise DeriveError("a claim about no instant")
    return _Proof(ring, accumulate(dict(ring.form(left)), ring.form(right), -1), where)


def _entry_by_entry(left: Expr, right: Expr, where: Instants, budget: Budget) -> str | None:
    """Arrays of given sizes, with every sum over their entries written out, one entry after the other."""
    ring = Calculus(budget)
    ring.facts.bounds, ring.explicit = where.bounds, True
    difference = accumulate(dict(ring.form(left)), ring.form(right), -1)
    axes = [k for k in kept(left.shape) if left.shape[k].is_Integer]
    for entry in product(*(range(1, int(left.shape[k]) + 1) for k in axes)):
        at = {k: place(Integer(p)) for k, p in zip(axes, entry, strict=True)}
        if _Proof(ring, ring.relabelled(difference, at), where).reason() is None:
            return None
    return "same canonical form of every entry"


def _by_induction(left: Expr, right: Expr, system: System, where: Instants, budget: Budget) -> str | None:
    """A claim about one name at every instant of a range, from the one before."""
    network = network_of(system, False)
    for a, b in ((left, right), (right, left)):
        name = single_atom(Claim(network, where, budget).form(a))
        if name is None or not any(
            n.kind in ("whole", "con") and n.times for n in atoms_in(Claim(network, where, budget).form(b))
        ):
            continue
        for course in courses(Claim(network, where, budget), *name, where):
            ring = Claim(network, course.later(where), budget)
            if (now := single_atom(ring.form(a))) is None or now[0] is not name[0]:
                continue
            difference = step(ring, *now, ring.form(b), course)
            if difference is None or _Proof(ring, difference, where).reason() is None:
                continue
            base, start = base_of(course.label), Instant(base_of(course.start[0]), course.start[1])
            first = [at_time(e, base, start) for e in (a, b)]
            if _attempt(first[0], first[1], system, course.first(where), False, budget).reason() is not None:
                return f"by induction over {base} from {start}, {_spelt(name[0])} by one step"
    return None


class _Proof:
    """A difference that is to be shown zero."""

    def __init__(self, ring: Calculus, difference: Poly, where: Instants):
        self.ring, self.where = ring, where
        self.start = self.difference = aligned(ring, difference)
        self.notes: list[str] = []

    def reason(self) -> str | None:
        used = self.used()
        return None if used is None else self._said(used)

    def used(self) -> list[str] | None:
        """The names whose meanings show the difference zero; None where it isn't shown."""
        if self._zero(self.difference):
            return []
        used = self._expand() if isinstance(self.ring, Claim) else None
        return self._by_blocks() if used is None else used

    def _zero(self, terms: Poly) -> bool:
        return not terms or not self.ring.cleared(terms)

    def _by_blocks(self) -> list[str] | None:
        """The difference on each of the blocks into which it cuts an axis: what was used; None where one isn't shown zero."""
        used: list[str] = []
        pieces = blocks.apart(self.ring, self.start)
        for piece in pieces:
            proof = _Proof(self.ring, piece, self.where)
            if (more := proof.used()) is None:
                return None
            used += more
            self.notes += [note for note in proof.notes if note not in self.notes]
        return used if pieces else None

    def _said(self, used: list[str]) -> str:
        parts = ["same canonical form"]
        if self.ring.written:
            parts.append("functions written out in exp and log")
        parts += self.notes
        if names := list(dict.fromkeys(used)):
            more = f" and {len(names) - NAMES} more" if len(names) > NAMES else ""
            parts.append("with the meaning of " + ", ".join(names[:NAMES]) + more)
        if self.where.ends:
            parts.append(f"on the generic step, {self.where.ends}")
        return ", ".join(parts)

    def functions_met(self) -> bool:
        """Whether writing functions out may help: two of them have one argument, up to its weights, as σ(x) and e⁻ˣ have."""
        arguments: dict[Any, Atom] = {}
        exponents: set[Any] = set()
        for a in atoms_in(self.start, self.difference):
            parts = frozenset(frozenset((f[0], e) for f, e in powers) for _, powers in a.terms)
            if a.kind == "exp":
                exponents |= parts
            elif (a.kind == "sign" or _rewritable(a)) and arguments.setdefault(parts, a) is not a:
                return True
        return any(_rewritable(a) and parts <= exponents for parts, a in arguments.items())

    # -- names -------------------------------------------------------------------------------------------------

    def _expand(self) -> list[str] | None:
        """Puts meanings in until the difference is zero: which; None where nothing is left to put in.

        Jacobians first, then adjoints one by one, the most derived first, in the difference as it stands and in the one in which
        quantities are replaced by their equations.
        """
        plain, used = self.difference, []
        done: set[Any] = set()
        if (more := self._solved(plain)) is not None:
            return more
        self.notes = []
        while (found := self._next(plain, done, lambda a: a.kind == "jac")) is not None:
            name, plain = found
            used.append(_spelt(name[0]))
            if self._zero(plain):
                return used
        closed, opened = plain, [*used]
        while True:
            found = self._next(plain, done, lambda a: a.kind == "jac" or a.data[2])
            if found is not None and self._zero(found[1]):
                return [*used, _spelt(found[0][0])]
            closed, more = self._closed(closed)
            opened += more
            if self._zero(closed):
                return opened
            self.difference = closed
            if found is None or len(closed) > GROWN + 3 * len(self.start):
                return None
            name, plain = found
            used.append(_spelt(name[0]))
            opened.append(_spelt(name[0]))
            changed = self._put_in(closed, name)
            closed = closed if changed is None else changed

    def _solved(self, terms: Poly) -> list[str] | None:
        """Adjoints as derivatives of the loss, Jacobians through time as products and sums: whether that shows the difference zero."""
        ring = self.ring
        assert isinstance(ring, Claim)
        names = [(a, when) for a, when in names_in(terms) if a.kind == "jac" or a.data[2]]
        products = any(a.kind == "whole" and a.data[0] == "product" for a in atoms_in(terms))
        if not products and not any(a.kind == "jac" and _through_time(a, when) for a, when in names):
            return None
        changed = ring.substituted(terms, ring.forward, frozenset(a for a, _ in names if a.kind == "var"))
        self.notes = ["adjoints as derivatives of the loss"] if changed != terms else []
        if self._zero(changed):
            return []

        def change(a: Atom, index: Index) -> Poly | None:
            known = solved(ring, a, index)
            return ring.meaning(a, index) if known is None else known

        for _ in range(LINKS):
            jacobians = frozenset(a for a, _ in names_in(changed) if a.kind == "jac")
            before, changed = changed, ring.substituted(changed, change, jacobians)
            if changed == before or len(changed) > GROWN:
                break
        changed, used = self._closed(changed)
        self.notes.append("the recurrence solved")
        return used if self._zero(changed) else None

    def _closed(self, terms: Poly) -> tuple[Poly, list[str]]:
        """The form with quantities replaced by their equations, the latest first, as far as the claim's instants go; and which."""
        used: list[str] = []
        done: set[Name] = set()
        while terms and (found := self._next(terms, done, self._is_forward)) is not None:
            name, terms = found
            used.append(_spelt(name[0]))
            if self._zero(terms):
                break
        return terms, used

    def _is_forward(self, a: Atom) -> bool:
        return a.kind == "var" and not a.data[2]

    def _next(self, terms: Poly, done: set[Name], wanted: Callable[[Atom], bool]) -> tuple[Name, Poly] | None:
        """The most derived of the names that have a meaning, and the form with it put in."""
        for name in sorted((n for n in names_in(terms) if n not in done and wanted(n[0])), key=self._rank):
            done.add(name)
            if self.ring.has_meaning(*name) and (changed := self._put_in(terms, name)) is not None:
                return name, changed
        return None

    def _put_in(self, terms: Poly, name: Name) -> Poly | None:
        """The difference with the meaning of a name; None where it has none."""
        ring, (target, when), met = self.ring, name, []
        assert isinstance(ring, Claim)

        def change(a: Atom, index: Index) -> Poly | None:
            if a is not target or _when(index[len(a.space) :]) != when:
                return None
            meaning = ring.meaning(a, index)
            if meaning is not None:
                met.append(a)
            return meaning

        changed = ring.substituted(terms, change, frozenset((target,)))
        return changed if met else None

    def _rank(self, name: Name) -> tuple:
        """Adjoints of what is computed early come first, then Jacobians, then quantities, the latest first."""
        a, when = name
        order = self.ring.network.order if isinstance(self.ring, Claim) else {}
        if a.kind == "jac":
            top = a.data[0]
            stage, position = order.get(top.data[0], (-1, -1))
            return (1, -stage, tuple(_late(t) for t in when[: top.times]), -position, a.serial)
        stage, position = order.get(a.data[0], (-1, -1))
        if a.data[2]:
            return (0, stage, tuple(_early(t) for t in when), position, a.serial)
        return (
            2,
            -stage,
            not when,
            tuple(_late(t) for t in when),
            -position,
            a.serial,
        )  # a stage's static nodes come first in it


def _through_time(a: Atom, when: Index) -> bool:
    """Whether a Jacobian spans any number of instants."""
    top, below, _ = a.data
    return bool(top.times) and (not below.times or when[0][0] != when[-1][0])


def _early(t: tuple[int, int]) -> tuple[int, int]:
    label, offset = t
    return {ORIGIN: 0, END: 2, BOUND: 3}.get(label, 1), offset


def _late(t: tuple[int, int]) -> tuple[int, int]:
    era, offset = _early(t)
    return -era, -offset


def _when(times: Index) -> tuple[Any, ...]:
    """Instants, those that are summed over all as one."""
    return tuple((label, offset) if label < 0 else (BOUND, offset) for label, offset in times)


def _spelt(a: Atom) -> str:
    if a.kind == "whole":
        return "the product"
    if a.kind == "jac":
        top, below, _ = a.data
        return f"the Jacobian of {top.data[0]} with respect to {below.data[0]}"
    return f"the adjoint of {a.data[0]}" if a.data[2] else a.data[0]


def single_atom(terms: Poly) -> Name | None:
    """The named quantity, or the product over time, that a form is an entry of."""
    if len(terms) == 1:
        ((mono, c),) = terms.items()
        if c == 1 and len(mono) == 1:
            ((factor, e),) = mono
            if e == 1 and (not factor[0].terms or (factor[0].kind == "whole" and factor[0].data[0] == "product")):
                return factor
    return None


def _rewritable(a: Atom) -> bool:
    return a.kind == "fn" and a.data != "log" and a.data[0].style != "open" and a.data[0].exact is not None


def atoms_in(*forms: Poly) -> set[Atom]:
    """Every atom of some forms, those inside other atoms included."""
    found: set[Atom] = set()
    stack = [a for terms in forms for mono in terms for (a, _), _ in mono]
    while stack:
        a = stack.pop()
        if a not in found:
            found.add(a)
            stack += [b for _, powers in a.terms for (b, _), _ in powers]
    return found


def names_in(terms: Poly) -> set[Name]:
    """The named quantities of a form with their instants, also those inside other atoms."""
    found: set[Name] = set()
    seen: set[tuple[Atom, Index]] = set()
    stack = [(a, _when(index[len(a.space) :])) for mono in terms for (a, index), _ in mono if a.leaves]
    while stack:
        a, times = stack.pop()
        if (a, times) in seen:
            continue
        seen.add((a, times))
        if not a.terms:
            found.add((a, times))
            continue
        for _, powers in a.terms:
            for (b, index), _ in powers:
                if b.leaves:
                    inner = [
                        (times[k][0], times[k][1] + offset) if k < len(times) else (BOUND, offset)
                        for k, offset in index[len(b.space) :]
                    ]
                    stack.append((b, tuple(inner)))
    return found


__all__ = ["Form", "canonical", "prove"]
