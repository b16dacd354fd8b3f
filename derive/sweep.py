"""The reverse sweep over the named nodes: every adjoint with its steps, for static nodes and at a generic instant.

v̄ = Σ over the equations that use v of the pull of that equation. In time, the use of v[t-k] in the equation of u[t]
gives v̄[t] the pull at t+k, with ū = 0 after T; a shared parameter collects a sum over t; an initial value collects at
one instant. T never enters the algebra.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

from derive.adjoint import Pull, chain_term, pulls
from derive.expr import (
    Expr,
    Instant,
    Map,
    MissingRule,
    Var,
    apply,
    at_time,
    constant_value,
    lin,
    ones,
    over,
    postorder,
    rebuild,
    var,
    zeros,
)
from derive.ops import Function
from derive.simplify import CANCELLATIONS, Equations, Simplified, leading_positive, open_derivatives, simplify
from derive.system import INDEX, LAST, Equation, System

Reason = tuple[str | Expr | tuple[Expr, Expr], ...]


@dataclass(frozen=True)
class Step:
    """One line of a derivation: before = after, by a rule, because of something.

    The reason is made of words, expressions and pairs (left, right) that stand for left = right.
    """

    rule: str
    before: Expr
    after: Expr
    reason: Reason

    @property
    def because(self) -> str:
        """The reason as text."""
        return "".join(p if isinstance(p, str) else str(p) if isinstance(p, Expr) else f"{p[0]} = {p[1]}" for p in self.reason)

    def __repr__(self) -> str:
        return f"{self.before} = {self.after}   [{self.rule}: {self.because}]"


@dataclass(frozen=True)
class Term:
    """What a node collects from one use. For a sequence: at generic t, valid for lo <= t <= hi; `point`: at one instant."""

    used_by: Var
    chain: Expr
    value: Expr
    lo: Instant | None = None
    hi: Instant | None = None
    lag: int = 0

    @property
    def point(self) -> Instant | None:
        return self.lo if self.lo is not None and self.lo == self.hi else None

    @property
    def interior(self) -> bool:
        """Whether it is collected at every instant but some at the ends."""
        return self.lo is None or self.hi is None or (not self.lo.base and self.hi.base == LAST)

    def holds_at(self, instant: Instant) -> bool:
        """Whether it is collected at this end of time: T, T-1, … or the first instants (for long enough T)."""
        if self.lo is None or self.hi is None:
            return True
        return _at_most(self.lo, instant) and _at_most(instant, self.hi)


def _at_most(a: Instant, b: Instant) -> bool:
    """a <= b for every large enough T."""
    if a.base == b.base:
        return a.offset <= b.offset
    return a.base != LAST


@dataclass(frozen=True)
class Line:
    """A derivation of one formula: where it holds, the steps, the result and its form in the nodes' own values."""

    node: Var
    steps: tuple[Step, ...]
    formula: Expr
    short: Expr
    when: str = ""
    uses: tuple[Var, ...] = ()


@dataclass
class Adjoint:
    """The adjoint of one node: the terms it collects, the generic formula, and its boundary cases."""

    node: Var
    terms: tuple[Term, ...]
    line: Line
    boundary: tuple[tuple[Instant, Line], ...] = ()

    @property
    def formula(self) -> Expr:
        return self.line.formula

    @property
    def short(self) -> Expr:
        return self.line.short

    @property
    def lines(self) -> tuple[Line, ...]:
        return (self.line, *(line for _, line in self.boundary))

    def at(self, instant: Instant) -> Expr:
        """The formula at that instant: a boundary case, or the generic one moved there."""
        for when, line in self.boundary:
            if when == instant:
                return line.formula
        return at_time(self.formula, INDEX, instant)


@dataclass
class Sweep:
    """All adjoints of a system, computed in one reverse pass."""

    system: System
    loss: Var
    adjoints: dict[str, Adjoint] = field(default_factory=dict)
    quotients: dict[str, bool] = field(default_factory=dict)

    @cached_property
    def equations(self) -> Equations:
        return Equations(self.system)

    @cached_property
    def uses(self) -> dict[str, list[tuple[Equation, Pull]]]:
        """For each name, what each equation that uses it sends back."""
        found: dict[str, list[tuple[Equation, Pull]]] = {}
        for equation in self.system.equations:
            for p in pulls(equation.right, equation.left.adjoint):
                found.setdefault(p.leaf.name, []).append((equation, p))
        return found

    def run(self) -> Sweep:
        system = self.system
        for equation in reversed(system.ordered):
            self.adjoints[equation.name] = self._adjoint(equation.left)
        for v in system.independent.values():
            self.adjoints[v.key] = self._adjoint(v)
        return self

    # -- terms ----------------------------------------------------------------------------------------------

    def _adjoint(self, v: Var) -> Adjoint:
        if v is self.loss:
            one = Line(v, (Step("seed", v.adjoint, ones(()), ("the loss by itself",)),), ones(()), ones(()))
            return Adjoint(v, (), one)
        terms = tuple(sorted(self._terms(v), key=lambda term: -term.lag))
        if v.time is None:
            return Adjoint(v, terms, self._line(v, terms))
        if v.time.base != INDEX:
            return Adjoint(v, terms, self._line(v, [t for t in terms if t.holds_at(v.time)]))
        generic = [t for t in terms if t.interior]
        line = self._line(v, generic, "generic")
        ends = self._ends(terms)
        cases = [(end, self._line(v.at(end), [_moved(t, end) for t in terms if t.holds_at(end)], "end")) for end in ends]
        return Adjoint(v, terms, line, tuple(cases))

    def _terms(self, v: Var) -> Iterable[Term]:
        for equation, p in self.uses.get(v.name, ()):
            term = self._term(v, equation, p)
            if term is not None:
                yield term

    def _term(self, v: Var, equation: Equation, p: Pull) -> Term | None:
        """What v collects from one use: v is static, v[t] for every t, or a given initial value.

        The use may stand under a sum over s, in an equation for every t; the instant of the use tells which of them v's
        own instant fixes, and the others are summed.
        """
        at, time = v.time, p.leaf.time
        if time is None or not time.base or time.base == LAST:
            return self._fixed_use(v, equation, p)
        assert at is not None
        if p.binder is not None and time.base == p.binder[0]:
            return self._summed_use(v, equation, p, at.shifted(-time.offset))
        user = equation.left.at(at.shifted(-time.offset))
        first, last = self.system.range
        value = at_time(_under(p), INDEX, at.shifted(-time.offset))
        chain = chain_term(user.adjoint, user, v)
        return Term(user, chain, value, first.shifted(time.offset), last.shifted(time.offset), time.offset)

    def _fixed_use(self, v: Var, equation: Equation, p: Pull) -> Term | None:
        """The use of a parameter, or of one instant such as h[T]: whatever the equation runs over is summed."""
        time, chain, value = p.leaf.time, chain_term(equation.left.adjoint, equation.left, v), _under(p)
        if time is not None and v.time is not None:
            if time.base == "" and (v.time.base == "") != any(time == i.time for i in self.system.initial if i.name == v.name):
                return None  # h[0] is the initial value's business, h[3] the sequence's
            if v.time.base == "" and time.base == "" and time != v.time:
                return None
            if v.time.base == INDEX:
                chain = chain_term(equation.left.adjoint, equation.left, v.at(time))
        if equation.sequential:
            first, last = self.system.range
            chain, value = over("sum", chain, INDEX, first, last), over("sum", value, INDEX, first, last)
        return Term(equation.left, chain, value, time, time)

    def _summed_use(self, v: Var, equation: Equation, p: Pull, inner: Instant) -> Term:
        """The use of v[s] under a sum over s: s is fixed by v's instant, and an equation for every t is summed over t."""
        assert p.binder is not None and p.leaf.time is not None
        index, lo, hi = p.binder
        lag, user, value = p.leaf.time.offset, equation.left, p.value
        if not equation.sequential:
            return Term(
                user, chain_term(user.adjoint, user, v), at_time(value, index, inner), lo.shifted(lag), hi.shifted(lag), lag
            )
        user = user.at(Instant(OUTER))
        value = at_time(at_time(value, INDEX, Instant(OUTER)), index, inner)
        first, last = self._outer_range(v, inner, lo, hi)
        lowest, highest = self.system.range
        chain = over("sum", chain_term(user.adjoint, user, v), OUTER, lowest, highest)
        return Term(
            user, chain, over("sum", value, OUTER, first, last), (lowest if lo.base == INDEX else lo).shifted(lag),
            (highest if hi.base == INDEX else hi).shifted(lag), lag,
        )  # fmt: skip

    def _outer_range(self, v: Var, inner: Instant, lo: Instant, hi: Instant) -> Span:
        """Which t have lo <= s <= hi, for the s of v's instant, where the limits move with t."""
        first, last = self.system.range
        if hi.base == INDEX:
            first = inner.shifted(-hi.offset)
        if lo.base == INDEX:
            last = inner.shifted(-lo.offset)
        outside = (hi.base == INDEX and first.base == INDEX and first.offset < 0) or (lo.base == INDEX and last.offset > 0)
        if outside or (v.time is not None and v.time.base == "" and INDEX in (lo.base, hi.base)):
            raise MissingRule(
                f"a sum with limits that move with {INDEX} reaches {v}: its adjoint has no rule; write a recurrence instead"
            )
        return first, last

    def _ends(self, terms: tuple[Term, ...]) -> list[Instant]:
        """The instants at which the generic formula isn't the whole truth: the last ones, and the first."""
        ends: dict[Instant, None] = {}
        first = self.system.first
        for lo, hi in ((t.lo, t.hi) for t in terms):
            assert lo is not None and hi is not None
            if lo.base == hi.base:
                ends.update(
                    (Instant(lo.base, k), None) for k in range(lo.offset, min(hi.offset, 0 if hi.base else hi.offset) + 1)
                )
            else:
                ends.update((Instant(LAST, k), None) for k in range(hi.offset + 1, 1))
                ends.update((Instant("", k), None) for k in range(first, lo.offset))
        return sorted((e for e in ends if e.base or e.offset >= first), key=lambda i: (i.base, -i.offset), reverse=True)

    # -- lines ----------------------------------------------------------------------------------------------

    def _line(self, v: Var, terms: Iterable[Term], when: str = "") -> Line:
        """Chain rule, local derivative, substitution of adjoints that are constants, simplification, other form."""
        terms = list(terms)
        bar = v.adjoint
        uses = tuple(dict.fromkeys(t.used_by for t in terms))
        if not terms:
            zero = zeros(v.shape)
            because = f"no equation on the way to {self.loss.name} uses it" if when != "end" else "nothing uses it then"
            return Line(v, (Step("unused", bar, zero, (because,)),), zero, zero, when)
        steps = [Step("chain rule", bar, lin([(1, c) for c in _chains(terms)], v.shape), _used_by(uses))]
        raw = leading_positive(
            self.equations.name_compositions(
                v.time or NOW, open_derivatives(lin([(1, t.value) for t in terms], v.shape), "notation")
            )
        )
        _append(steps, "local derivative", raw, self._local_rules(uses))
        known = self._constants(raw)
        _append(steps, "substitution", leading_positive(_replace(raw, known)), _listed(known.items()))
        closed = steps[-1].after
        opened = simplify(open_derivatives(closed))
        cancelled = self._cancelled(closed, opened)
        if cancelled is None:
            _append(steps, "simplification", opened.expr, _opening(closed, opened.rules))
            formula = opened.expr
        else:
            result, put_in = cancelled
            _append(steps, "cancellation", result.expr, (*_listed(put_in.items()), " put in; quotients cancel"))
            formula = result.expr
        used: dict[Expr, Expr] = {}
        short = simplify(self.equations.rewrite(formula, v.time or NOW, used)).expr
        _append(steps, "network equation", short, _listed(used.items()))
        return Line(v, tuple(steps), formula, short, when, uses)

    def _local_rules(self, uses: tuple[Var, ...]) -> Reason:
        """The equations that were differentiated."""
        found = [(u, self.system.by_name[u.name].right) for u in uses]
        at = [(u, right if u.time is None else at_time(right, INDEX, u.time)) for u, right in found]
        return _listed(dict(at).items())

    def _constants(self, e: Expr) -> dict[Var, Expr]:
        """The adjoints in e whose value is a plain number."""
        found = {}
        for node in postorder(e):
            if not isinstance(node, Var) or not node.bar or node.time is not None:
                continue
            known = self.adjoints.get(node.key)
            if known is not None and constant_value(known.formula) is not None:
                found[node] = known.formula
        return found

    def _has_quotient(self, name: str) -> bool:
        """Whether an adjoint divides by something: only then can putting it in cancel anything."""
        if name not in self.quotients:
            self.quotients[name] = _quotient(self.adjoints[name].short)
        return self.quotients[name]

    def _cancelled(self, e: Expr, plain: Simplified) -> tuple[Simplified, dict[Var, Expr]] | None:
        """e with its users' adjoints put in, where that makes something cancel: y · (log y − log t)/y."""
        users = [n for n in postorder(plain.expr) if isinstance(n, Var) and n.bar and n.time is None and n.name in self.adjoints]
        if not users or not (_quotient(plain.expr) or any(self._has_quotient(n.name) for n in users)):
            return None
        named = self.equations.rewrite(plain.expr, NOW)
        known = {n: self.adjoints[n.name].short for n in users}
        result = simplify(_replace(named, known))
        fresh = set(result.rules) - set(plain.rules)
        return (result, known) if fresh & CANCELLATIONS else None


NOW = Instant(INDEX)
OUTER = "r"  # the t of an equation under whose inner sum a quantity stands, when t is that quantity's own instant
Span = tuple[Instant, Instant]


def _under(p: Pull) -> Expr:
    """The value with its own sum around it."""
    return over("sum", p.value, *p.binder) if p.binder is not None else p.value


def _quotient(e: Expr) -> bool:
    return any(isinstance(n, Map) and n.fn.style == "power" and n.fn.parameters[0] < 0 for n in postorder(e))


def _moved(term: Term, end: Instant) -> Term:
    if term.point is not None:
        return term
    return Term(
        term.used_by.at(term.used_by.time.put(INDEX, end)) if term.used_by.time else term.used_by,
        at_time(term.chain, INDEX, end), at_time(term.value, INDEX, end), end, end, term.lag,
    )  # fmt: skip


def _replace(e: Expr, known: dict[Var, Expr]) -> Expr:
    return rebuild(e, lambda n: known.get(n, n)) if known else e  # type: ignore[call-overload]


def _chains(terms: list[Term]) -> list[Expr]:
    """One Jacobian for each user; where one is summed over all of a sequence, it covers the others of that sequence."""
    whole = {t.used_by.name for t in terms if t.used_by.time == Instant(OUTER)}
    kept = [t.chain for t in terms if t.used_by.name not in whole or t.used_by.time == Instant(OUTER)]
    return list(dict.fromkeys(kept))


def _append(steps: list[Step], rule: str, after: Expr, reason: Reason) -> None:
    before = steps[-1].after
    if after is not before:
        steps.append(Step(rule, before, after, reason))


def _used_by(uses: tuple[Var, ...]) -> Reason:
    pieces: list[str | Expr] = ["used by "]
    for k, u in enumerate(uses):
        pieces += [", " if k else "", u]
    return tuple(pieces)


def _listed(pairs: Iterable[tuple[Expr, Expr]]) -> Reason:
    pieces: list = []
    for k, pair in enumerate(pairs):
        pieces += [", ", pair] if k else [pair]
    return tuple(pieces)


def _opening(e: Expr, rules: tuple[str, ...]) -> Reason:
    """Why the opened form equals e: the derivatives of the table that it uses, and the rules."""
    primes = {node.fn: node for node in postorder(e) if isinstance(node, Map) and node.order == 1 and node.fn.opened}
    z = var("u")
    pairs = [(fn_prime(fn, z), fn.derivative(z, fn(z))) for fn in primes]
    return (*_listed(pairs), "; " if pairs and rules else "", "; ".join(rules)) if pairs or rules else ("written out",)


def fn_prime(fn: Function, z: Expr) -> Expr:
    return apply(fn, z, 1)


def differentiate(system: System) -> Sweep:
    """Every adjoint of the system's loss. Raises NetworkError where there is no scalar loss."""
    return Sweep(system, system.require_loss()).run()


__all__ = ["Adjoint", "Line", "Step", "Sweep", "Term", "differentiate"]
