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
from derive.expr import Expr, Instant, Map, Var, apply, at_time, constant_value, lin, ones, over, postorder, rebuild, var, zeros
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
        if v.time is None or v.time.base != INDEX:
            return Adjoint(v, terms, self._line(v, terms))
        generic = [t for t in terms if t.point is None]
        line = self._line(v, generic, "generic")
        ends = self._ends(terms)
        cases = [(end, self._line(v.at(end), [_moved(t, end) for t in terms if t.holds_at(end)], "end")) for end in ends]
        return Adjoint(v, terms, line, tuple(cases))

    def _terms(self, v: Var) -> Iterable[Term]:
        for equation, p in self.uses.get(v.name, ()):
            if v.time is None:
                yield self._static_term(v, equation, p)
            elif v.time.base == INDEX:
                yield from self._sequence_terms(v, equation, p)
            else:
                yield from self._initial_terms(v, equation, p)

    def _static_term(self, v: Var, equation: Equation, p: Pull) -> Term:
        """A use by one equation; by a sequence's equation, or under a sum, a sum over time."""
        chain = chain_term(equation.left.adjoint, equation.left, v)
        if p.binder is not None:
            return Term(equation.left, chain, over("sum", p.value, *p.binder))
        if equation.sequential:
            lo, hi = self.system.range
            return Term(equation.left, over("sum", chain, INDEX, lo, hi), over("sum", p.value, INDEX, lo, hi))
        return Term(equation.left, chain, p.value)

    def _sequence_terms(self, v: Var, equation: Equation, p: Pull) -> Iterable[Term]:
        index, lo, hi = p.binder or (INDEX, *self.system.range)
        time = p.leaf.time
        assert time is not None
        left = equation.left
        if time.base == index:
            lag = time.offset
            back = Instant(INDEX, -lag)
            user = left.at(back) if equation.sequential and p.binder is None else left
            value = at_time(p.value, index, back)
            if equation.sequential and p.binder is not None:  # every u[t] sums over v: v collects from all of them
                first, last = self.system.range
                value = over("sum", value, INDEX, first, last)
            chain = chain_term(user.adjoint, user, v)
            yield Term(user, chain, value, lo.shifted(lag), hi.shifted(lag), lag)
        elif time not in [i.time for i in self.system.initial if i.name == v.name]:
            yield self._point_term(v.at(time), equation, p, time)

    def _point_term(self, v: Var, equation: Equation, p: Pull, time: Instant) -> Term:
        chain = chain_term(equation.left.adjoint, equation.left, v)
        value = p.value
        if equation.sequential:
            first, last = self.system.range
            chain, value = over("sum", chain, INDEX, first, last), over("sum", value, INDEX, first, last)
        return Term(equation.left, chain, value, time, time)

    def _initial_terms(self, v: Var, equation: Equation, p: Pull) -> Iterable[Term]:
        time, at = p.leaf.time, v.time
        assert time is not None and at is not None
        index, lo, _ = p.binder or (INDEX, *self.system.range)
        if time == at:
            yield self._point_term(v, equation, p, at)
        elif time.base == index:
            instant = at.shifted(-time.offset)
            if instant.offset >= lo.offset:
                user = equation.left.at(instant) if equation.sequential else equation.left
                yield Term(user, chain_term(user.adjoint, user, v), at_time(p.value, index, instant), at, at)

    def _ends(self, terms: tuple[Term, ...]) -> list[Instant]:
        """The instants at which the generic formula isn't the whole truth: the last ones, and the first."""
        ends: dict[Instant, None] = {}
        for term in terms:
            if term.point is not None:
                ends[term.point] = None
            else:
                assert term.lo is not None and term.hi is not None
                for k in range(-term.hi.offset if term.hi.base == LAST else 0):
                    ends[Instant(LAST, -k)] = None
                for n in range(self.system.first, term.lo.offset if not term.lo.base else self.system.first):
                    ends[Instant("", n)] = None
        return sorted(ends, key=lambda i: (i.base, -i.offset), reverse=True)

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
        steps = [Step("chain rule", bar, lin([(1, t.chain) for t in terms], v.shape), _used_by(uses))]
        raw = self.equations.name_compositions(open_derivatives(lin([(1, t.value) for t in terms], v.shape), "notation"))
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
            _append(steps, "cancellation", result.expr, (*_listed(put_in.items()), "; ", "; ".join(result.rules)))
            formula = result.expr
        short = simplify(self.equations.rewrite(formula)).expr
        _append(steps, "network equation", short, _named(formula, short, self.system))
        return Line(v, tuple(steps), formula, short, when, uses)

    def _local_rules(self, uses: tuple[Var, ...]) -> Reason:
        """The equations that were differentiated."""
        found = [self.system.by_name[u.name] for u in uses]
        names = dict.fromkeys(e.name for e in found)
        return _listed((self.system.by_name[n].left, self.system.by_name[n].right) for n in names)

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
        named = self.equations.rewrite(plain.expr)
        known = {n: self.adjoints[n.name].short for n in users}
        result = simplify(_replace(named, known))
        fresh = set(result.rules) - set(plain.rules)
        return (result, known) if fresh & CANCELLATIONS else None


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
    z = var("z")
    pairs = [(fn_prime(fn, z), fn.derivative(z, fn(z))) for fn in primes]
    return (*_listed(pairs), "; " if pairs and rules else "", "; ".join(rules)) if pairs or rules else ("written out",)


def fn_prime(fn: Function, z: Expr) -> Expr:
    return apply(fn, z, 1)


def _named(before: Expr, after: Expr, system: System) -> Reason:
    """The equations whose left sides came in."""
    old, now = before.atoms(Var), after.atoms(Var)
    fresh = {v.name for v in now - old} or {v.name for v in now}
    changed = [n for n in system.by_name if n in fresh]
    return _listed((system.by_name[n].left, system.by_name[n].right) for n in changed)


def differentiate(system: System) -> Sweep:
    """Every adjoint of the system's loss. Raises NetworkError where there is no scalar loss."""
    return Sweep(system, system.require_loss()).run()


__all__ = ["Adjoint", "Line", "Step", "Sweep", "Term", "differentiate"]
