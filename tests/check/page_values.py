"""Formulas on a page, as notation that remembers what its names stand for, and what they say in numbers.

An oracle for the reader and the judge that shares nothing with them: notation is taken by its signs alone, with columns as n × 1
arrays; the values of the names, and the derivatives behind ∂, come from forward passes of the network (complex steps).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from derive.crosscheck import random_point
from derive.expr import Expr, Instant, Jac, Opaque, Var
from derive.network import Network
from derive.numeric import Evaluator, Point
from derive.printing.express import ONE_VECTOR, Speller
from derive.printing.names import Style, symbol
from derive.printing.notation import (
    PRECEDENCE,
    Big,
    Call,
    Fence,
    Frac,
    Node,
    Num,
    Partial,
    Power,
    Prod,
    Ratio,
    Rel,
    Root,
    Sum,
    Sym,
    Transposed,
)

Array = Any
SAME, APART = 1e-17, 1e-16  # relative differences in extended precision: equal up to rounding, certainly different

TINY = np.clongdouble(1e-200j)


class Misfit(Exception):
    """The formula says nothing: shapes that don't fit, a quantity that doesn't exist."""


class Unknown(Exception):
    """Notation that this oracle doesn't read."""


# -- notation that remembers --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Named(Sym):
    """A symbol, and the quantity that it stands for."""

    meant: Any = None


@dataclass(frozen=True)
class Derived(Partial):
    """∂u/∂v, and the adjoint or Jacobian that it stands for."""

    meant: Any = None


@dataclass(frozen=True)
class Opened(Call):
    """ℓ_t(h) or ∇ℓ_t(h) of an open function."""

    meant: Any = None


for kind, plain in ((Named, Sym), (Derived, Partial), (Opened, Call)):
    PRECEDENCE[kind] = PRECEDENCE[plain]


def remembering(cls: type, node: Node, meant: Expr) -> Any:
    return cls(**{f.name: getattr(node, f.name) for f in dataclasses.fields(node)}, meant=meant)


def named(v: Var, style: Style) -> Node:
    s = symbol(v, style)
    return remembering(Derived if isinstance(s, Partial) else Named, s, v)


class PageSpeller(Speller):
    """A speller whose names remember."""

    def spell(self, e: Expr) -> Node:
        if isinstance(e, Var):
            return named(e, self.style)
        node = super().spell(e)
        if isinstance(e, Jac) and isinstance(node, Partial):
            return remembering(Derived, node, e)
        if isinstance(e, Opaque) and isinstance(node, Call):
            return remembering(Opened, node, e)
        return node


def notation(e: Expr, style: Style) -> Node:
    return PageSpeller(style).spell(e)


def places(node: Any, path: tuple = ()) -> Iterator[tuple[tuple, Node]]:
    """Every piece of notation with its path; what stands inside a name or a derivative is left out."""
    if isinstance(node, Node):
        yield path, node
        if isinstance(node, Sym | Derived):
            return
        for f in dataclasses.fields(node):
            if f.name not in ("fn", "meant", "lower", "upper", "power", "exponent"):
                yield from places(getattr(node, f.name), (*path, f.name))
    elif isinstance(node, tuple):
        for k, child in enumerate(node):
            yield from places(child, (*path, k))


def put(node: Any, path: tuple, new: Any) -> Any:
    """The notation with another piece at a path."""
    if not path:
        return new
    head, rest = path[0], path[1:]
    if isinstance(head, int):
        return (*node[:head], put(node[head], rest, new), *node[head + 1 :])
    return replace(node, **{head: put(getattr(node, head), rest, new)})


# -- readings -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Reading:
    """What ∂ leaves open: ∂L/∂v lying down or not, ∂u/∂v with u as rows or as columns, in one equation alone or along every path."""

    lying: bool = False
    columns: bool = False
    total: bool = True


READINGS = [Reading(a, b, t) for t in (True, False) for a, b in ((False, False), (True, False), (False, True))]


# -- values -------------------------------------------------------------------------------------------------------

Times = Mapping[str, int]
FUNCTIONS: dict[tuple[str, int], Any] = {
    ("σ", 0): lambda x: 1 / (1 + np.exp(-x)),
    ("σ", 1): lambda x: 1 / (1 + np.exp(-x)) * (1 - 1 / (1 + np.exp(-x))),
    ("tanh", 0): np.tanh,
    ("tanh", 1): lambda x: 1 - np.tanh(x) ** 2,
    ("exp", 0): np.exp,
    ("exp", 1): np.exp,
    ("log", 0): np.log,
    ("log", 1): lambda x: 1 / x,
    ("relu", 0): lambda x: np.maximum(x, 0),
    ("relu", 1): lambda x: (x > 0) * 1.0,
}


class FinePoint(Point):
    """A point whose numbers have the precision of its arrays."""

    def number(self, c: Any) -> Any:
        c = c.xreplace(self.sizes)
        return np.longdouble(int(c.p)) / int(c.q) if c.is_Rational else super().number(c)


@dataclass
class Place:
    """A network at a random point, and what its quantities, adjoints and Jacobians are there."""

    network: Network
    at: Point
    run: Evaluator
    known: dict[Any, Array] = field(default_factory=dict)

    @classmethod
    def random(cls, network: Network, seed: int, summing: str = "", clear: bool = True) -> Place:
        """summing: an input whose rows shall sum to one; clear: away from kinks, where relu'(0) = 0 by definition."""
        system = network.system
        last = system.first + 5 if system.sequential else None
        at = random_point(system, np.random.default_rng([seed, 5]), last=last, clear=clear)
        if summing:
            weights = np.abs(at.given[system.independent[summing]]).astype(np.longdouble)
            at = replace(at, given={**at.given, system.independent[summing]: weights / weights.sum(axis=-1, keepdims=True)})
        fine = {v: np.asarray(a, dtype=np.longdouble) for v, a in at.given.items()}
        at = FinePoint(at.system, fine, at.sizes, at.last, at.functions)
        run = Evaluator(at).forward()
        if system.loss is not None:
            run.backward(network.solve().sweep)
        return cls(network, at, run)

    @property
    def instants(self) -> range:
        """Where a line for a generic t is looked at: clear of both ends."""
        first = self.network.system.first
        return range(first + 2, self.at.last - 1)

    def concrete(self, v: Var, times: Times) -> Var:
        return v if v.time is None else v.at(Instant("", v.time.at({**times, "T": self.at.last})))

    def quantity(self, v: Var, times: Times) -> Array:
        here = self.concrete(v, times)
        if here in self.run.named:
            return np.asarray(self.run.named[here])
        if v.bar and here.time is not None and here.time.offset > self.at.last:
            return np.zeros(tuple(map(self.at.size, v.shape)))  # nothing comes after the last step
        raise Misfit(f"there is no {here}")

    def derivative(self, top: Var, below: Var, alone: bool) -> Array:
        """∂top/∂below, of quantities at instants that are numbers, by a complex step of a forward pass."""
        if (top, below, alone) not in self.known:
            self.known[top, below, alone] = self._derivative(top, below, alone)
        return self.known[top, below, alone]

    def _derivative(self, top: Var, below: Var, alone: bool) -> Array:
        base = self.quantity(below, {})
        self.quantity(top, {})
        steps = TINY * np.eye(base.size).reshape(base.size, *base.shape)
        if alone:
            equation = self.network.system.by_name[top.name].right
            run = Evaluator(self.at)
            run.named = {**self.run.named, below: base + steps}
            moved = run.value(equation, {"t": top.time.offset} if top.time is not None else {})
        elif below in self.at.given:
            moved = Evaluator(replace(self.at, given={**self.at.given, below: base + steps})).forward().named[top]
        else:
            moved = Evaluator(self.at, nudges={below: steps}).forward().named[top]
        shape = tuple(map(self.at.size, top.shape))
        rows = np.broadcast_to(np.imag(moved) / np.imag(TINY), (base.size, *shape))
        return np.moveaxis(rows, 0, -1).reshape((*shape, *base.shape))

    # -- notation -------------------------------------------------------------------------------------------

    @cached_property
    def sizes(self) -> dict[str, int]:
        return {str(s): n for s, n in self.at.sizes.items()}

    def value(self, node: Node, times: Times, reading: Reading = READINGS[0]) -> Array:
        """0-dimensional or a matrix; columns are n × 1. Raises Misfit, Unknown."""
        with np.errstate(all="ignore"):
            return _Reader(self, times, reading).value(node)


@dataclass
class _Reader:
    place: Place
    times: Times
    reading: Reading

    def value(self, node: Node) -> Array:
        match node:
            case Named():
                return _standing(self.place.quantity(node.meant, self.times))
            case Derived():
                return self.derived(node)
            case Opened():
                return self.opened(node.meant, node.args[0])
            case Num():
                return np.asarray(np.longdouble(node.text))
            case Ratio():
                return np.asarray(np.longdouble(node.top) / node.below)
            case Sym() if node == ONE_VECTOR:
                raise Unknown("ones of a size that isn't said")
            case Sym() if node.base in self.place.sizes and node.sub is None and node.sup is None:
                return np.asarray(float(self.place.sizes[node.base]))
            case Sum():
                return self.sum([(s, t) for s, t in node.terms])
            case Prod():
                return self.product(node)
            case Frac():
                top, below = self.value(node.top), self.value(node.below)
                if below.ndim:
                    raise Misfit("a quotient by something that is no number")
                return top / below
            case Power(base=Sym(base="e", font="roman-e")):
                return np.exp(_scalar(self.value(node.exponent)))
            case Power():
                return self.power(self.value(node.base), self.value(node.exponent), node.entrywise)
            case Transposed():
                return self.value(node.base).T
            case Call():
                return self.call(node)
            case Fence(kind="paren" | "bracket"):
                return self.value(node.body)
            case Fence(kind="norm"):
                return np.sqrt(np.sum(self.value(node.body) ** 2))
            case Root():
                return np.sqrt(_scalar(self.value(node.body)))
            case Big():
                return self.big(node)
        raise Unknown(type(node).__name__)

    def derived(self, node: Derived) -> Array:
        e = node.meant
        if isinstance(e, Var):
            value = _standing(self.place.quantity(e, self.times))
            return value.T if self.reading.lying else value
        if not isinstance(e.top, Var):
            raise Unknown("the derivative of something without a name")
        top, below = (self.place.concrete(v, self.times) for v in (e.top, e.below))
        alone = e.direct if node.plus else not self.reading.total
        if e.top is self.place.network.system.loss and not node.plus and not (e.direct and alone):
            value = self.place.derivative(top, below, False)
        else:
            value = self.place.derivative(top, below, alone)
        if value.ndim > 2:
            raise Unknown("a tensor")
        if value.ndim == 2 and top.shape and below.shape:
            return value.T if self.reading.columns else value
        if not top.shape:
            value = _standing(value)
            return value.T if self.reading.lying else value
        return _standing(value)

    def opened(self, e: Opaque, argument: Node) -> Array:
        f = self.place.at.functions[e.name]
        x = self.value(argument)
        t = e.time.at({**self.times, "T": self.place.at.last}) if e.time is not None else 0
        flat = x[:, 0] if x.ndim else x
        return _standing(np.asarray(f.gradient(t, flat) if e.order else f.value(t, flat)))

    def sum(self, terms: list[tuple[int, Node]]) -> Array:
        """Numbers stand for arrays of that number beside vectors and matrices: 1 - h."""
        values = [(s * self.value(_without_ones(t)), _is_number(t), _without_ones(t) is not t) for s, t in terms]
        shapes = {v.shape for v, constant, filling in values if not (constant or filling) or v.ndim}
        if len(shapes) > 1 or (any(filling for *_, filling in values) and any(len(s) < 2 or s[1] != 1 for s in shapes)):
            raise Misfit(f"a sum of {shapes}")
        return np.asarray(sum(v for v, *_ in values))

    def product(self, node: Prod) -> Array:
        if len(node.factors) == 2 and node.factors[0] == ONE_VECTOR and isinstance(node.factors[1], Fence):
            inside = node.factors[1].body
            if isinstance(inside, Rel) and inside.ops == (">",):
                return (self.value(inside.parts[0]) > self.value(inside.parts[1])) * 1.0
        total: Array | None = None
        waiting = 0  # ones before their size is known
        factors = list(node.factors)
        for k, f in enumerate(factors):
            if f == ONE_VECTOR and node.op == "" and total is not None and total.ndim:
                value = np.ones((total.shape[1], 1))
            elif f == Transposed(ONE_VECTOR) and node.op == "" and k + 1 < len(factors) and total is None:
                waiting += 1
                continue
            else:
                value = self.value(f)
            if waiting and total is None:
                value, waiting = _times(np.ones((1, value.shape[0])), value) if value.ndim else value, 0
            total = value if total is None else self.joined(total, node.op, value)
        assert total is not None
        return total

    def joined(self, a: Array, op: str, b: Array) -> Array:
        if op in ("odot", "oslash"):
            if a.shape != b.shape and a.ndim and b.ndim:
                raise Misfit(f"{a.shape} and {b.shape} entry by entry")
            if op == "oslash" and not (b.ndim or not a.ndim):
                raise Misfit("an entrywise quotient by a number")
            if op == "odot" and (not a.ndim) != (not b.ndim):
                raise Misfit("an entrywise product with a number")
            return a * b if op == "odot" else a / b
        return _times(a, b)

    def power(self, base: Array, exponent: Array, entrywise: bool) -> Array:
        n = float(_scalar(exponent))
        if base.ndim and not entrywise:
            if base.shape[0] != base.shape[1] or n != int(n):
                raise Misfit("a power of something that isn't square")
            return np.linalg.matrix_power(base, int(n))
        return base**n

    def call(self, node: Call) -> Array:
        if not isinstance(node.fn, Sym) or len(node.args) != 1:
            raise Unknown("a call")
        x = self.value(node.args[0])
        name, primes = node.fn.base, node.fn.primes
        match name:
            case "diag" if x.ndim == 2 and 1 in x.shape:
                return np.diag(x.ravel())
            case "diag" if x.ndim == 2 and x.shape[0] == x.shape[1]:
                return np.diag(x)[:, None]
            case "tr" if x.ndim == 2 and x.shape[0] == x.shape[1]:
                return np.asarray(np.trace(x))
            case "softmax" if x.ndim == 2:
                e = np.exp(x)
                value = e / e.sum(axis=0 if x.shape[1] == 1 else 1, keepdims=True)
            case _:
                f = FUNCTIONS.get((name, primes))
                if f is None:
                    raise Unknown(f"{name} with {primes} primes")
                value = f(x)
        return value if node.power is None else value ** float(self.value(node.power))

    def big(self, node: Big) -> Array:
        if not isinstance(node.lower, Rel) or node.upper is None:
            raise Unknown("a sum over an index")
        index = node.lower.parts[0]
        assert isinstance(index, Sym)
        span = range(self.instant(node.lower.parts[1]), self.instant(node.upper) + 1)
        each = [_Reader(self.place, {**self.times, index.base: k}, self.reading).value(node.body) for k in span]
        if node.op == "sum":
            return np.asarray(sum(each))
        total = each[0]
        for factor in each[1:]:
            total = _times(factor, total)
        return total

    def instant(self, node: Node) -> int:
        times = {**self.times, "T": self.place.at.last}
        match node:
            case Num():
                return int(node.text)
            case Sym():
                return times[node.base]
            case Sum():
                return sum(s * self.instant(t) for s, t in node.terms)
        raise Unknown("a limit")


def _standing(value: Array) -> Array:
    return value[:, None] if value.ndim == 1 else value


def _scalar(value: Array) -> Array:
    if value.ndim:
        raise Misfit("a number is needed")
    return value


def _times(a: Array, b: Array) -> Array:
    if not a.ndim or not b.ndim:
        return a * b
    if a.shape[1] != b.shape[0]:
        raise Misfit(f"{a.shape} times {b.shape}")
    c = a @ b
    return c[0, 0] if c.shape == (1, 1) else c


def _without_ones(node: Node) -> Node:
    """c 𝟏 as c: beside a vector the ones have its size."""
    if isinstance(node, Fence) and (inside := _without_ones(node.body)) is not node.body:
        return replace(node, body=inside)
    if isinstance(node, Sum) and all(_without_ones(t) is not t for _, t in node.terms):
        return replace(node, terms=tuple((s, _without_ones(t)) for s, t in node.terms))
    if isinstance(node, Prod) and node.op == "" and len(node.factors) > 1 and node.factors[-1] == ONE_VECTOR:
        rest = node.factors[:-1]
        if not any(isinstance(f, Transposed) for f in rest):
            return rest[0] if len(rest) == 1 else replace(node, factors=rest)
    return node


def _is_number(node: Node) -> bool:
    match node:
        case Num() | Ratio():
            return True
        case Prod() | Sum() | Frac() | Fence() | Power():
            children = [getattr(node, f.name) for f in dataclasses.fields(node)]
            flat = [x for c in children for x in (c if isinstance(c, tuple) else (c,))]
            parts = [x[1] if isinstance(x, tuple) else x for x in flat]
            return all(_is_number(x) for x in parts if isinstance(x, Node))
    return False


# -- what a line says ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Page:
    """A relation on a page."""

    left: Node
    right: Node


def free_bases(node: Any, bound: frozenset[str] = frozenset()) -> set[str]:
    """Letters of time that no sum binds."""
    if isinstance(node, Named | Derived | Opened):
        e = node.meant
        inside = free_bases(node.args, bound) if isinstance(node, Opened) else set()
        vs = [e.top, e.below] if isinstance(e, Jac) else [e]
        return inside | {v.time.base for v in vs if isinstance(v, Var | Opaque) and v.time is not None} - bound
    if isinstance(node, Big) and isinstance(node.lower, Rel) and isinstance(node.lower.parts[0], Sym):
        return free_bases(node.body, bound | {node.lower.parts[0].base})
    if isinstance(node, Node):
        return {b for f in dataclasses.fields(node) for b in free_bases(getattr(node, f.name), bound)}
    if isinstance(node, tuple):
        return {b for child in node for b in free_bases(child, bound)}
    return set()


def holding(page: Page, points: list[Place]) -> frozenset[Reading] | None:
    """The readings in which the relation holds; None where numbers can't tell. Raises Unknown."""
    open_ = any(isinstance(n, Derived) for side in (page.left, page.right) for _, n in places(side))
    verdicts = {r: _holds(page, points, r) for r in (READINGS if open_ else READINGS[:1])}
    return None if None in verdicts.values() else frozenset(r for r, v in verdicts.items() if v)


def _holds(page: Page, points: list[Place], reading: Reading) -> bool | None:
    unsure = False
    generic = "t" in free_bases(page.left) | free_bases(page.right)
    for place in points:
        for t in place.instants if generic else [0]:
            times = {"t": t} if generic else {}
            try:
                left, right = (place.value(n, times, reading) for n in (page.left, page.right))
            except Misfit:
                return False
            if left.shape != right.shape:
                if not (_is_number(page.right) and not right.ndim):
                    return False
                right = right + 0 * left
            if not (np.isfinite(left).all() and np.isfinite(right).all()):
                return False
            scale = max(np.max(np.abs(left), initial=0.0), np.max(np.abs(right), initial=0.0))
            apart = float(np.max(np.abs(left - right), initial=0.0)) / scale if scale else 0.0
            if apart > APART:
                return False
            unsure = unsure or apart > SAME
    return None if unsure else True


__all__ = ["Derived", "Named", "Page", "Place", "Unknown", "free_bases", "holding", "named", "notation", "places", "put"]
