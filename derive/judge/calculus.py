"""Expressions as forms; functions of forms; substitution; derivatives of forms.

Everything here is worked out from the definitions: a function's derivative from its exact rewriting, with a derivative table of
the few primitives that such rewritings are made of. It shares nothing with the engine's own rules.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fractions import Fraction
from functools import cache
from typing import Any

import sympy

from derive import ops
from derive.expr import (
    ROW,
    Block,
    Comp,
    Ein,
    Expr,
    Instant,
    Jac,
    Lin,
    Map,
    MissingRule,
    Opaque,
    Over,
    Square,
    Stack,
    Unit,
    Var,
    at_time,
    lin,
    rebuild,
    time_indices,
    var,
)
from derive.judge import blocks
from derive.judge.facts import Bound
from derive.judge.forms import ONE, UNIT, ZERO, Poly, Ring, accumulate, instants_of, leaves_of, single, whole
from derive.judge.labelling import Atom, Budget, Coef, Index, Undefined, atom, moment, place

X = var("x_argument")  # what a function's own formula is written in
RANGE = atom("range", None, (), 3)
Change = Callable[[Atom, Index], Poly | None]
Moment = tuple[int, int]


def kept(shape: Iterable[Any]) -> list[int]:
    """The axes along which there is more than one entry."""
    return [k for k, size in enumerate(shape) if size is not ROW and size != 1]


def leaf(v: Var) -> Atom:
    """The named quantity, whatever its instant."""
    data = (v.name, v.shape, v.bar, v.time is not None)
    return atom("var", data, tuple(v.shape[k] for k in kept(v.shape)), int(v.time is not None))


def at(instant: Instant) -> Moment:
    return moment(instant.base), instant.offset


def range_of(label: int, lo: Moment, hi: Moment) -> tuple[Bound, Bound]:
    """lo <= label <= hi as facts."""
    return (lo[0], label, -lo[1]), (label, hi[0], hi[1])


class Calculus(Ring):
    """Forms of expressions. written: functions are written out in exp, log, powers and signs, not kept as atoms."""

    def __init__(self, budget: Budget, written: bool = False):
        super().__init__(budget)
        self.written = written
        self.memo: dict[Expr, Poly] = {}
        self.slopes: dict[Any, Poly] = {}
        self.derived: dict[tuple[Atom, Atom], Poly] = {}
        self.changes: dict[Any, Poly | None] = {}
        self.names = 0

    # -- expressions -------------------------------------------------------------------------------------------

    def form(self, root: Expr) -> Poly:
        """The form of an expression; its axes are the labels 0, 1, …"""
        for node in _order(root, self.memo):
            self.budget.check()
            self.memo[node] = self._node(node)
        return self.memo[root]

    def _node(self, e: Expr) -> Poly:
        match e:
            case Var():
                return self.entry(e)
            case Lin():
                total: Poly = {}
                for c, child in e.terms:
                    accumulate(total, self.mul(self.number(c), self.memo[child]))
                return total
            case Ein():
                return self._ein(e)
            case Map():
                return self.function(e.fn, self.memo[e.arg], e.order)
            case Comp():
                return self.form(e.body)
            case Opaque():
                return self._opaque(e)
            case Over():
                return self._over(e)
            case Jac():
                return self.jacobian(e)
            case Stack():
                return self._stack(e)
            case Unit():
                return self.delta(0, place(e.place), e.shape[0]) if kept(e.shape) else ONE
            case Block():
                return blocks.block(self, e.shape[0], e.before, e.shape[1], 0, 1)
            case Square():
                return self.square(e.fn, e.arg.shape, self.memo[e.arg])
        raise MissingRule(f"no canonical form for {type(e).__name__}")

    def entry(self, v: Var) -> Poly:
        return self.placed(leaf(v), (*kept(v.shape), *((at(v.time),) if v.time is not None else ())))

    def _ein(self, e: Ein) -> Poly:
        total, factors, gone = self._adjacent_inverses(e)
        for child, letters in factors:
            total = self.mul(total, self.relabelled(self.memo[child], {p: letters[p] for p in kept(child.shape)}))
        total = self.contract(total, {i: e.dims[i] for i in e.summed if i not in gone})
        first: dict[int, int] = {}
        for position, letter in enumerate(e.out):
            first.setdefault(letter, position)
        total = self.relabelled(total, {a: b for a, b in first.items() if a != b})
        for position in kept(e.shape):
            if first[e.out[position]] != position:
                total = self.mul(total, self.delta(first[e.out[position]], position, e.shape[position]))
        return total

    def _adjacent_inverses(self, e: Ein) -> tuple[Poly, list[tuple[Expr, tuple[int, ...]]], set[int]]:
        """The inverse of a sum beside that sum: the identity, before the sum is multiplied out; and the letters this uses up."""
        factors, total, gone = list(e.factors), ONE, set()
        for child, letters in e.factors:
            if not (isinstance(child, Square) and child.fn == "inverse"):
                continue
            for other, places in factors:
                met = set(letters) & set(places)
                if other is child or len(places) != 2 or len(set(letters)) + len(set(places)) != 4 or len(met) != 1:
                    continue
                (middle,) = met
                alone = middle in e.summed and sum(middle in ls for _, ls in factors) == 2
                if alone and (letters[0] == middle) == (places[1] == middle) and self.memo[other] == self.memo[child.arg]:
                    ends = [*(k for k in letters if k != middle), *(k for k in places if k != middle)]
                    factors = [f for f in factors if f not in ((child, letters), (other, places))]
                    total = self.mul(total, self.delta(ends[0], ends[1], child.shape[0]))
                    gone.add(middle)
                    break
        return total, factors, gone

    def _stack(self, e: Stack) -> Poly:
        total: Poly = {}
        for k, child in enumerate(e.children()):
            where, rest = [], k
            for size in reversed(e.shape):
                where.append(rest % int(size))
                rest //= int(size)
            entry = self.memo[child]
            for axis in kept(e.shape):
                entry = self.mul(entry, self.delta(axis, place(sympy.Integer(where[::-1][axis] + 1)), e.shape[axis]))
            accumulate(total, entry)
        return total

    # -- over time ---------------------------------------------------------------------------------------------

    def _over(self, e: Over) -> Poly:
        self.names += 1
        index = f"#{self.names}"
        label, lo, hi = moment(index), at(e.lo), at(e.hi)
        with self.facts.within(range_of(label, lo, hi)):
            body = self.form(at_time(e.body, e.index, Instant(index)))
        if e.kind == "sum":
            return self.summed_over(body, label, lo, hi)
        return self.product_over(body, e.shape, label, lo, hi)

    def summed_over(self, body: Poly, label: int, lo: Moment, hi: Moment) -> Poly:
        ranged = self.mul(self.mul(self.le(lo, (label, 0)), self.le((label, 0), hi)), body)
        return self.contract(ranged, {}, frozenset((label,)))

    def product_over(self, body: Poly, shape: tuple[Any, ...], label: int, lo: Moment, hi: Moment) -> Poly:
        """∏ of the body for label = lo … hi, the latest on the left; one atom."""
        if self.facts.implied(hi[0], lo[0], lo[1] - hi[1] - 1):
            return self.identity(shape)
        if lo == hi:
            return self.relabelled(body, {}, {label: lo})
        axes = kept(shape)
        marked = accumulate(single((RANGE, ((label, 0), lo, hi))), body)
        sizes = tuple(shape[k] for k in axes)
        factor = self.named("whole", ("product", tuple(shape)), marked, tuple(axes), sizes, bound=frozenset((label,)))
        return single(factor)

    def product_parts(self, a: Atom, index: Index) -> tuple[Poly, int, Moment, Moment]:
        """The factor of a product over time, with axes 0, 1; its own instant; the first and the last."""
        label = self._fresh(index)
        wide = len(a.space)
        opened = self.opened(a, (*range(wide), *index[wide:]), {a.times: (label, 0)})
        for mono in opened:
            for (b, instants), _ in mono:
                if b is RANGE:
                    own, lo, hi = instants
                    body = {m: c for m, c in opened.items() if m != mono}
                    shift = own[1]
                    assert own[0] == label
                    if shift:
                        body = self.relabelled(body, {}, {label: (label, -shift)})
                    return body, label, lo, hi
        raise MissingRule("a product over time without its range")

    def identity(self, shape: tuple[Any, ...]) -> Poly:
        return self.delta(0, 1, shape[0]) if kept(shape) else ONE

    # -- what depends on whole arrays --------------------------------------------------------------------------

    def _opaque(self, e: Opaque) -> Poly:
        terms = self.memo[e.arg]
        if e.time is not None:
            terms = accumulate(single((atom("mark", None, (), 1), (at(e.time),))), terms)
        return self.whole_array(("opaque", e.name, e.order), terms, e.arg.shape, bool(e.order))

    def whole_array(self, data: tuple, terms: Poly, shape: tuple[Any, ...], entries: bool) -> Poly:
        """A function of a whole array, of its terms: a scalar, or an array of the same shape."""
        axes = tuple(kept(shape))
        a, index = self.named("whole", data, terms, axes, tuple(shape[k] for k in axes))
        return single((a, index if entries else (*map(_inner_axis, range(len(axes))), *index[len(axes) :])))

    def square(self, fn: str, shape: tuple[Any, ...], terms: Poly) -> Poly:
        if not kept(shape):
            return terms if fn == "det" else self.power(terms, -1)
        turned = self.relabelled(terms, {0: 1, 1: 0})
        (a, index), (b, other) = (self.named("whole", (fn,), t, (0, 1), tuple(shape)) for t in (terms, turned))
        if b.serial < a.serial:
            a, index = b, (1, 0, *other[2:])
        return single((a, index if fn == "inverse" else (_inner_axis(0), _inner_axis(1), *index[2:])))

    def rewhole(self, a: Atom, index: Index, terms: Poly) -> Poly:
        wide = len(a.space)
        own = dict(enumerate(index[:wide]))
        if a.data[0] == "product":
            body, label, lo, hi = self.product_parts(a, index)
            return self.relabelled(self.product_over(self._changed_body(body), a.data[1], label, lo, hi), own)
        if a.data[0] in ("inverse", "det"):
            made = self.square(a.data[0], a.space, terms)
            return self.relabelled(made, own) if a.data[0] == "inverse" else made
        return super().rewhole(a, index, terms)

    def _changed_body(self, body: Poly) -> Poly:
        return body

    # -- functions ---------------------------------------------------------------------------------------------

    def applied(self, fn: Any, terms: Poly) -> Poly:
        return self.log(terms) if fn == "log" else self.function(fn[0], terms, fn[1])

    def function(self, fn: ops.Function, arg: Poly, order: int = 0) -> Poly:
        """fn, or a derivative of it, of a form."""
        if fn.style == "open":
            return single(self.named("fn", (fn, order), arg))
        if order:
            return self.substituted(self._slope(fn, order), lambda a, index: arg if a is leaf(X) else None, frozenset((leaf(X),)))
        if (known := self._primitive(fn, arg)) is not None:
            return known
        if not arg.keys() - {UNIT}:
            value = fn.at_constant(sympy.Rational(Fraction(arg.get(UNIT, 0)).numerator, Fraction(arg.get(UNIT, 0)).denominator))
            if value is not None:
                return self.number(value)
        if self.written and fn.exact is not None:
            return self._evaluated(fn.exact(X), arg)
        parity = _PARITY.get(fn)
        s = self._sign_of(arg) if parity and arg else 1
        return self.scaled(
            single(self.named("fn", (fn, 0), self.scaled(arg, s), positive=fn.positive)), 1 if parity == "even" else s
        )

    def _primitive(self, fn: ops.Function, arg: Poly) -> Poly | None:
        """What forms are made of: exp, log, powers, sign and what is written with it."""
        if fn is ops.exp:
            return self.exp(arg)
        if fn is ops.log:
            return self.log(arg)
        if fn is ops.sign:
            return self.sign(arg)
        if fn is ops.step:
            s = self.sign(arg)
            return self.scaled(accumulate(dict(s), self.mul(s, s)), Fraction(1, 2))
        if fn is ops.absolute:
            return self.mul(arg, self.sign(arg))
        n = sympy.S.Half if fn is ops.sqrt else fn.parameters[0] if fn is ops.recip or fn.name == "power" else None
        return self.power(arg, whole(Fraction(int(n.p), int(n.q)))) if n is not None and n.is_Rational else None

    def _evaluated(self, e: Expr, arg: Poly) -> Poly:
        """A scalar formula in X, at a form."""
        memo, self.memo = self.memo, {X: arg}
        try:
            return self.form(e)
        finally:
            self.memo = memo

    def _slope(self, fn: ops.Function, order: int) -> Poly:
        """The derivative of that order, as a form in X."""
        if (fn, order) not in self.slopes:
            if order > 1:
                self.slopes[fn, order] = self.diff(self._slope(fn, order - 1), leaf(X), ())
            else:
                self.slopes[fn, order] = self._first_slope(fn)
        return self.slopes[fn, order]

    def _first_slope(self, fn: ops.Function) -> Poly:
        x = self.entry(X)
        table: dict[ops.Function, Callable[[], Poly]] = {
            ops.exp: lambda: self.exp(x),
            ops.log: lambda: self.power(x, -1),
            ops.sin: lambda: self.function(ops.cos, x),
            ops.cos: lambda: self.scaled(self.function(ops.sin, x), -1),
            ops.erf: lambda: self.mul(self.number(2 / sympy.sqrt(sympy.pi)), self.exp(self.scaled(self.mul(x, x), -1))),
            ops.sign: lambda: ZERO,
            ops.step: lambda: ZERO,
            ops.absolute: lambda: self.sign(x),
        }
        if fn in table:
            return table[fn]()
        if (power := self._primitive(fn, x)) is not None:
            return self.diff(power, leaf(X), ())
        if fn.pieces is not None:  # at the kink, the slope from the left: relu'(0) = 0
            left, right = (self.diff(self.form(piece(X)), leaf(X), ()) for piece in fn.pieces)
            right = accumulate(dict(right), left, -1)
            return accumulate(dict(left), self.mul(right, self.function(ops.step, x)))
        if fn.exact is None:
            raise MissingRule(f"no derivative of {fn} without its exact rewriting")
        if not self.written and (known := polynomial_slope(fn)) is not None:
            own, total = self.function(fn, x), ZERO
            for k, c in enumerate(known):
                total = accumulate(dict(total), self.power(own, k), c) if c else total
            return total
        return self.diff(self.form(fn.exact(X)), leaf(X), ())

    # -- substitution ------------------------------------------------------------------------------------------

    def substituted(self, terms: Poly, change: Change, targets: frozenset[Atom]) -> Poly:
        """The form with `change(leaf, index)` for those of its leaves that are targets; None keeps one."""
        total: Poly = {}
        for mono, c in terms.items():
            kept_, parts = dict(mono), []
            for (a, index), e in mono:
                if a in targets or a.leaves & targets:
                    new = self._remembered(a, index, change, targets)
                    if new is not None:
                        del kept_[a, index]
                        parts.append(self.power(new, e))
            accumulate(total, self.product([{frozenset(kept_.items()): 1}, *parts]), c)
        return total

    def _remembered(self, a: Atom, index: Index, change: Change, targets: frozenset[Atom]) -> Poly | None:
        key = (a, index, change, self.facts.bounds)
        if key not in self.changes:
            if len(self.changes) > 5000 or (self.changes and next(iter(self.changes))[2] is not change):
                self.changes.clear()
            self.changes[key] = self._changed(a, index, change, targets)
        return self.changes[key]

    def _changed(self, a: Atom, index: Index, change: Change, targets: frozenset[Atom]) -> Poly | None:
        if not a.terms or (a in targets and (new := change(a, index)) is not None):
            return change(a, index) if not a.terms else new
        if a.kind == "con":
            powers, bound, times = self.unfolded(a, index, self._beyond(index))
            ranges = [(f, e) for f, e in powers if f[0].kind == "le"]
            rest = [self.placed(*f, e) for f, e in powers if f[0].kind != "le"]
            with self.facts.within((i[0][0], i[1][0], i[1][1] - i[0][1]) for (_, i), _ in ranges):
                inner = self.substituted(self.product(rest), change, targets)
            for f, _ in ranges:
                inner = self.mul(inner, self.placed(*f))
            return self.contract(inner, bound, times)
        if a.kind == "whole":
            if a.data[0] == "product":
                return self._changed_product(a, index, change, targets)
            wide = len(a.space)
            return self.rewhole(a, index, self.substituted(self.opened(a, (*range(wide), *index[wide:])), change, targets))
        return self.made(a, self.substituted(self.opened(a, index), change, targets))

    def _changed_product(self, a: Atom, index: Index, change: Change, targets: frozenset[Atom]) -> Poly:
        body, label, lo, hi = self.product_parts(a, index)
        with self.facts.within(range_of(label, lo, hi)):
            body = self.substituted(body, change, targets)
        return self.relabelled(self.product_over(body, a.data[1], label, lo, hi), dict(enumerate(index[: len(a.space)])))

    def _beyond(self, index: Index) -> int:
        """Labels that what is put in can't have: the axes of what it is put into, and what it is made of."""
        self.names += 1
        return max(self._fresh(index), 1000 * self.names)

    # -- derivatives -------------------------------------------------------------------------------------------

    def diff(self, terms: Poly, v: Atom, axes: tuple[int, ...], time: Moment | None = None) -> Poly:
        """∂terms/∂v[axes] at that instant, everything else held."""
        total: Poly = {}
        for mono, c in terms.items():
            for (a, index), e in mono:
                if v not in a.leaves and not any(leaf_.kind == "jac" for leaf_ in a.leaves):
                    continue
                wide = len(a.space)
                space = {**dict(enumerate(index[:wide])), **{wide + k: label for k, label in enumerate(axes)}}
                times = dict(enumerate(index[wide:]))
                if time is not None:
                    times[a.times] = time
                inner = self.relabelled(self._derived(a, v), space, times)
                rest = {f: n for f, n in mono if f != (a, index)}
                outer = (
                    self._times({frozenset(rest.items()): 1}, (a, index), whole(e - 1))
                    if e != 1
                    else {frozenset(rest.items()): 1}
                )
                accumulate(total, self.mul(outer, inner), whole(c * e))
        return total

    def _derived(self, a: Atom, v: Atom) -> Poly:
        """∂a/∂v with a's slots as labels 0, 1, …, then v's axes; instants likewise."""
        if (a, v) not in self.derived:
            wide = len(a.space)
            own = (*range(wide), *((k, 0) for k in range(a.times)))
            axes = tuple(range(wide, wide + len(v.space)))
            self.derived[a, v] = self._derivative(a, own, v, axes, (a.times, 0) if v.times else None)
        return self.derived[a, v]

    def _derivative(self, a: Atom, own: Index, v: Atom, axes: tuple[int, ...], time: Moment | None) -> Poly:
        if a is v:
            same = self.product(self.delta(k, label, size) for k, label, size in zip(own, axes, v.space, strict=False))
            return self.mul(same, self.same_instant(own[-1], time)) if time is not None else same
        if a.kind == "con":
            start = max(self._fresh(own), self._fresh(axes), a.times + 2)
            powers, bound, times = self.unfolded(a, own, start)
            inner = self.diff(self.product(self.placed(*f, e) for f, e in powers), v, axes, time)
            return self.contract(inner, bound, times)
        if a.kind == "whole":
            return self._derivative_of_whole(a, own, v, axes, time)
        inner = self.diff(self.opened(a, own), v, axes, time)
        if a.kind == "exp":
            return self.mul(single((a, own)), inner)
        if a.kind == "sum":
            return inner
        if a.kind == "sign" and self.written:  # relu'(0) = 0 is lost when relu is written with signs
            raise MissingRule("the derivative of a function with a kink, written out")
        if a.kind == "sign":
            return ZERO
        if a.kind == "fn":
            fn, order = (ops.log, 0) if a.data == "log" else a.data
            return self.mul(self.function(fn, self.opened(a, own), order + 1), inner)
        raise MissingRule(f"no derivative of {a.kind}")

    def _derivative_of_whole(self, a: Atom, own: Index, v: Atom, axes: tuple[int, ...], time: Moment | None) -> Poly:
        wide = len(a.space)
        start = max(self._fresh(own), self._fresh(axes))
        inner = tuple(range(start, start + wide))
        bound = dict(zip(inner, a.space, strict=True))
        change = self.diff(self.opened(a, (*inner, *own[wide:])), v, axes, time)
        if a.data[0] == "opaque" and a.data[2] == 0:
            gradient = atom("whole", (*a.data[:2], 1), a.space, a.times, a.terms)
            return self.contract(self.mul(single((gradient, (*inner, *own[wide:]))), change), bound)
        if a.data[0] in ("inverse", "det"):
            inverse = self.square("inverse", a.space, self.opened(a, (0, 1, *own[wide:])))
            if a.data[0] == "det":  # det A · A⁻ᵀ
                adjugate = self.mul(single((a, own)), self.relabelled(inverse, {0: inner[1], 1: inner[0]}))
                return self.contract(self.mul(adjugate, change), bound)
            outer = self.mul(
                self.relabelled(inverse, {0: own[0], 1: inner[0]}), self.relabelled(inverse, {0: inner[1], 1: own[1]})
            )
            return self.scaled(self.contract(self.mul(outer, change), bound), -1)
        raise MissingRule(f"no derivative of {a.data[0]}")

    # -- Jacobians ---------------------------------------------------------------------------------------------

    def jacobian(self, e: Jac) -> Poly:
        """Of named quantities, what `resolved` knows; of an expression, worked out as it stands."""
        if not isinstance(e.below, Var):
            return self._by_expression(e)
        if isinstance(e.top, Var):
            return self.jacobian_of_names(e.top, e.below, e.direct)
        terms, shift = self.form(e.top), len(e.top.shape)
        if e.direct:
            return self._as_tensor(self._diff_by(terms, e.below, shift))
        total: Poly = {}
        for x in sorted(leaves_of(terms), key=lambda x: x.serial):
            accumulate(total, self.through(self.diff, terms, x, leaf(e.below), e.below, shift))
        return self._as_tensor(total)

    def _diff_by(self, terms: Poly, below: Var, shift: int) -> Poly:
        axes = tuple(shift + k for k in kept(below.shape))
        return self.diff(terms, leaf(below), axes, at(below.time) if below.time is not None else None)

    def _as_tensor(self, terms: Poly) -> Poly:
        return terms

    def through(self, diff: Any, terms: Poly, x: Atom, w: Atom, below: Var, shift: int) -> Poly:
        """∂terms/∂x · dx/dbelow, summed over the entries and the instants of x."""
        if x.kind != "var" or x.data[2]:
            raise MissingRule(f"what {x} depends on isn't known")
        start = 1000 * (shift + len(below.shape) + 1)
        axes = tuple(range(start, start + len(x.space)))
        time = (start, 0) if x.times else None
        outer = diff(terms, x, axes, time)
        if not outer:
            return ZERO
        own = tuple(shift + k for k in kept(below.shape))
        times = (*(((start, 0),) if x.times else ()), *((at(below.time),) if below.time is not None else ()))
        a = atom("jac", (x, w, False), (*x.space, *w.space), x.times + w.times)
        product = self.mul(outer, self.resolved(a, (*axes, *own, *times)))
        return self.contract(product, dict(zip(axes, x.space, strict=True)), frozenset((start,)) if x.times else frozenset())

    def jacobian_of_names(self, top: Var, below: Var, direct: bool) -> Poly:
        x, w = leaf(top), leaf(below)
        shift = len(top.shape)
        index = (*kept(top.shape), *(shift + k for k in kept(below.shape)))
        times = tuple(at(v.time) for v in (top, below) if v.time is not None)
        return self.resolved(atom("jac", (x, w, direct), (*x.space, *w.space), x.times + w.times), (*index, *times))

    def resolved(self, a: Atom, index: Index) -> Poly:
        x, w, _ = a.data
        if x is w:
            wide = len(x.space)
            same = self.product(self.delta(index[k], index[wide + k], x.space[k]) for k in range(wide))
            return self.mul(same, self.same_instant(index[-1], index[-2])) if x.times else same
        return ZERO

    def _by_expression(self, e: Jac) -> Poly:
        """With respect to an expression, where it stands in the top: it becomes a name, and gets its meaning back."""
        top = self.right_side(e.top) if e.direct else e.top
        if not e.direct and isinstance(e.top, Var) and e.top is not e.below:
            raise MissingRule("a total derivative with respect to an expression")
        bases = time_indices(e.below)
        if any(isinstance(n, Over) and n.index in bases for n in _order(top, {})):
            raise MissingRule("a derivative with respect to an expression under a sum over time")
        name = var("expression_below", e.below.shape)
        replaced = rebuild(top, lambda n: name if n is e.below else n)
        terms = self._diff_by(self.form(replaced), name, len(top.shape))
        if not e.direct and leaves_of(self.form(replaced)) - {leaf(name)}:
            raise MissingRule("a total derivative with respect to an expression")
        meaning = self.form(e.below)
        axes = kept(e.below.shape)

        def change(a: Atom, index: Index) -> Poly:
            return self.relabelled(meaning, dict(zip(axes, index, strict=True)))

        return self.substituted(terms, change, frozenset((leaf(name),)))

    def right_side(self, top: Expr) -> Expr:
        """What is differentiated where only the equation of `top` counts."""
        return top


def _inner_axis(k: int) -> int:
    """The index of an axis that is summed up in a scalar, such as a determinant."""
    return place(sympy.Symbol(f"axis {k}"))


def _order(root: Expr, known: dict[Expr, Poly]) -> list[Expr]:
    """Children before parents; sums over time and Jacobians are entered by their own rules."""
    found: list[Expr] = []
    seen: set[Expr] = set()
    stack: list[tuple[Expr, bool]] = [(root, False)]
    while stack:
        node, ready = stack.pop()
        if ready:
            found.append(node)
        elif node not in seen and node not in known:
            seen.add(node)
            stack.append((node, True))
            if not isinstance(node, Over | Jac | Comp):
                stack.extend((c, False) for c in reversed(node.children()))
    return found


_PARITY = {ops.sin: "odd", ops.tanh: "odd", ops.erf: "odd", ops.cos: "even"}


@cache
def polynomial_slope(fn: ops.Function) -> tuple[Coef, ...] | None:
    """c with f' = Σ c_k f^k (σ' is σ − σ²), found by solving for c with both sides written out; None: f' is no such polynomial."""
    ring = Calculus(Budget(5.0), written=True)
    x = leaf(X)
    try:
        own = ring.function(fn, ring.entry(X))
        powers = [ring.power(own, k) for k in range(4)]
        slope = ring.diff(own, x, ())
        tags = [single((atom("constant", sympy.Symbol(f"coefficient {k}")), ())) for k in range(5)]
        total: Poly = {}
        for tag, part in zip(tags, [slope, *powers], strict=True):
            accumulate(total, ring.mul(tag, part))
        cleared = ring.cleared(total)
    except (MissingRule, Undefined):
        return None
    rows: dict[Any, list[Coef]] = {}
    names = [next(iter(next(iter(t)))) for t in tags]
    for mono, c in cleared.items():
        k = next(k for k, n in enumerate(names) if n in mono)
        rows.setdefault(mono - {names[k]}, [0] * 5)[k] = c
    solved = sympy.Matrix([[sympy.Rational(str(c)) for c in row[1:]] for row in rows.values()])
    wanted = sympy.Matrix([sympy.Rational(str(row[0])) for row in rows.values()])
    unknown = sympy.symbols("c0:4")
    found = sympy.linsolve((solved, wanted), *unknown)
    if not found or any(v.free_symbols for v in next(iter(found))):
        return None
    return tuple(whole(Fraction(int(v.p), int(v.q))) for v in next(iter(found)))


__all__ = ["Calculus", "instants_of", "lin"]
