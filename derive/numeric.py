"""Numbers: the forward pass, and the value of any expression of a network, adjoints included.

The forward pass reads the equations; the backward one reads the formulas that the sweep derived. Neither
differentiates anything.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import sympy

from derive import kernels
from derive.adjoint import derivative, local_jacobian
from derive.expr import (
    ROW,
    Block,
    Comp,
    DeriveError,
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
)
from derive.sweep import Adjoint, Sweep
from derive.system import INDEX, LAST, System, solved_sizes

Array = Any
Values = Mapping[str, Any]


class ValueProblem(DeriveError):
    """Values that don't fit the network."""


@dataclass(frozen=True)
class OpenValue:
    """A smooth function put in for an open one: value(t, x, rank) -> scalar, gradient(t, x, rank) -> shape of x.

    x may have batch axes in front of its last `rank` ones; without a rank it has none.
    """

    value: Callable[..., Array]
    gradient: Callable[..., Array]


def open_value(f: Any, first: int = 1) -> OpenValue:
    """From a pair (value, gradient) or one callable, f(x) or f(t, x), differentiated by a complex step; or one f(x) for each t.

    The callable must take complex arrays; it is called one point at a time.
    """
    if isinstance(f, OpenValue):
        return f
    if isinstance(f, list):
        each = list(f)
        return open_value(lambda t, x: each[t - first](x))
    value, gradient = f if isinstance(f, tuple) else (f, None)
    if not callable(value):
        raise ValueProblem(f"an open function needs a callable f(x) or f(t, x), or a pair with its gradient, not {value!r}")
    call = _timed(value)

    def slope(t: int, x: Array) -> Array:
        columns = [np.imag(call(t, x + 1e-200j * e.reshape(x.shape))) / 1e-200 for e in np.eye(x.size)]
        return np.reshape(columns, x.shape)

    return OpenValue(_batched(call), _batched(_timed(gradient) if gradient is not None else slope))


def _batched(f: Callable[[int, Array], Array]) -> Callable[..., Array]:
    def call(t: int, x: Array, rank: int | None = None) -> Array:
        x = np.asarray(x)
        return f(t, x) if rank is None or x.ndim <= rank else np.stack([call(t, row, rank) for row in x])

    return call


def _timed(f: Callable[..., Any]) -> Callable[[int, Array], Array]:
    """f(t, x), from f(t, x) or f(x): what has a default doesn't count."""
    parameters = inspect.signature(f).parameters.values()
    count = sum(p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) for p in parameters)
    return f if count == 2 else lambda t, x: f(x)


def smooth_function(rng: np.random.Generator) -> OpenValue:
    """A random smooth scalar function of an array of any shape, another one for each t: Σ a sin(x + b) + (Σ c x)²/2."""
    seed = int(rng.integers(2**31))

    def weights(t: int, x: Array, rank: int) -> tuple[Array, Array, Array]:
        shape = np.shape(x)[np.ndim(x) - rank :]
        draw = np.random.default_rng([seed, t + 1000])
        return draw.uniform(0.5, 1.5, shape), draw.uniform(-1, 1, shape), draw.uniform(-1, 1, shape)

    def value(t: int, x: Array, rank: int | None = None) -> Array:
        rank = np.ndim(x) if rank is None else rank
        a, b, c = weights(t, x, rank)
        axes = tuple(range(-rank, 0))
        return (a * np.sin(x + b)).sum(axis=axes) + (c * x).sum(axis=axes) ** 2 / 2

    def gradient(t: int, x: Array, rank: int | None = None) -> Array:
        rank = np.ndim(x) if rank is None else rank
        a, b, c = weights(t, x, rank)
        inside = (c * x).sum(axis=tuple(range(-rank, 0)), keepdims=True) if rank else c * x
        return a * np.cos(x + b) + c * inside

    return OpenValue(value, gradient)


# -- the point at which a network is evaluated --------------------------------------------------------------------


@dataclass
class Point:
    """Values of everything independent, by node; sizes; the number T; functions for the open ones."""

    system: System
    given: dict[Var, Array]
    sizes: dict[sympy.Symbol, int]
    last: int
    functions: dict[str, OpenValue] = field(default_factory=dict)

    def size(self, dimension: sympy.Expr) -> int:
        return 1 if dimension is ROW else int(dimension.xreplace(self.sizes))

    def number(self, c: sympy.Expr) -> float:
        if c.is_Integer:
            return int(c)
        return float(c.xreplace({**self.sizes, sympy.Symbol(LAST, positive=True, integer=True): sympy.Integer(self.last)}))


def point(system: System, values: Values, last: int | None = None) -> Point:
    """The point that a dictionary describes. Raises ValueProblem with the key, what it holds and what was expected."""
    values = {str(k): v for k, v in values.items()}
    functions = {f.name: open_value(values.pop(f.name), system.first) for f in system.functions if f.name in values}
    unknown = [k for k in values if k not in system.independent]
    if unknown:
        raise ValueProblem(f"{system.name} has no input {', '.join(unknown)}; it takes {', '.join(system.independent)}")
    arrays = {k: _array(k, v) for k, v in values.items()}
    missing = [k for k in (*system.independent, *(f.name for f in system.functions)) if k not in arrays and k not in functions]
    if missing:
        raise ValueProblem(f"no value for {', '.join(missing)}")
    last = _last(system, arrays, last)
    sizes = _sizes(system, arrays)
    given: dict[Var, Array] = {}
    for key, v in system.independent.items():
        if v.time is not None and v.time.base == INDEX:
            given.update({v.at(Instant("", system.first + k)): a for k, a in enumerate(arrays[key])})
        else:
            given[v] = arrays[key]
    return Point(system, given, sizes, last, functions)


def _array(key: str, value: Any) -> Array:
    try:
        array = np.asarray(value, dtype=complex if np.iscomplexobj(value) else float)
    except (TypeError, ValueError):
        raise ValueProblem(f"{key}: {value!r} is not a number, or a list of numbers of one length") from None
    if not np.isfinite(array).all():
        raise ValueProblem(f"{key}: {value!r} is not finite")
    return array


def _last(system: System, arrays: dict[str, Array], last: int | None) -> int:
    lengths = {
        k: len(arrays[k]) if arrays[k].ndim else 0
        for k, v in system.independent.items()
        if v.time is not None and v.time.base == INDEX
    }
    if len(set(lengths.values())) > 1:
        raise ValueProblem(f"sequences of different lengths: {', '.join(f'{k} has {n}' for k, n in lengths.items())}")
    for key, n in lengths.items():
        found = system.first + n - 1
        if n == 0 or (last is not None and found != last):
            wanted = f"{last - system.first + 1} for T = {last}" if last is not None else "at least one"
            raise ValueProblem(f"{key}: a sequence over t = {system.first} … T has {n} entries, but needs {wanted}")
        return found
    if last is None and system.sequential:
        raise ValueProblem(f"{system.name} has no input sequence that tells T: give T")
    return last if last is not None else system.first


def _sizes(system: System, arrays: dict[str, Array]) -> dict[sympy.Symbol, int]:
    sizes: dict[sympy.Symbol, int] = {}
    formulas = []
    for key, v in system.independent.items():
        shape = arrays[key].shape[1:] if v.time is not None and v.time.base == INDEX else arrays[key].shape
        if len(shape) != len(v.shape):
            raise ValueProblem(f"{key}: expected {_dims(v.shape)}, got an array of shape {shape}")
        for dimension, n in zip(v.shape, shape, strict=True):
            if dimension.is_Symbol and sizes.setdefault(dimension, n) != n:
                raise ValueProblem(f"{key}: its size {dimension} is {n}, but {dimension} = {sizes[dimension]} elsewhere")
            formulas.append((key, dimension, n))
    sizes = solved_sizes([(d, n) for _, d, n in formulas], sizes)
    for key, dimension, n in formulas:
        if dimension.xreplace(sizes) != n:
            raise ValueProblem(f"{key}: a size of {dimension.xreplace(sizes)} was expected ({dimension}), not {n}")
    return sizes


def _dims(shape: tuple) -> str:
    return f"shape ({', '.join(map(str, shape))})" if shape else "a number"


# -- evaluation ---------------------------------------------------------------------------------------------------


class NumpyKernel:
    """Arithmetic on float or complex arrays, with batch axes in front."""

    einsum = staticmethod(kernels.einsum)
    weighted_sum = staticmethod(kernels.weighted_sum)
    pointwise = staticmethod(kernels.pointwise)
    composition = staticmethod(kernels.composition)
    stack = staticmethod(kernels.stack)
    square = staticmethod(kernels.square)


class Evaluator:
    """Values of expressions at a point. `named` holds the value of every node, and adjoint, computed so far."""

    def __init__(self, at: Point, kernel: Any = NumpyKernel, nudges: Mapping[Var, Array] | None = None):
        self.at, self.system, self.kernel = at, at.system, kernel
        self.nudges = nudges or {}  # added to nodes when they are computed: how the loss reacts is their adjoint
        self.named: dict[Var, Array] = dict(at.given)
        self.memos: dict[tuple, dict[Expr, Array]] = {}

    def value(self, e: Expr, times: dict[str, int] | None = None) -> Array:
        """The value of e, with these numbers for its time indices."""
        times = {**(times or {}), LAST: self.at.last}
        memo = self.memos.setdefault(tuple(sorted(times.items())), {})
        stack = [e]
        while stack:
            node = stack[-1]
            if node in memo:
                stack.pop()
                continue
            children = () if isinstance(node, Over | Jac | Var) else self._needs(node)
            waiting = [c for c in children if c not in memo]
            if waiting:
                stack.extend(reversed(waiting))
                continue
            memo[node] = self._node(node, memo, times)
            stack.pop()
        return memo[e]

    def _needs(self, node: Expr) -> tuple[Expr, ...]:
        """What must be known first: the children, or the formula that stands for the node."""
        if isinstance(node, Map) and node.order:
            return (derivative(node.fn, node.order, node.arg),)
        if isinstance(node, Comp) and self.kernel.composition(node.record) is None:
            return (node.body,)
        return node.children()

    def _node(self, node: Expr, memo: dict[Expr, Array], times: dict[str, int]) -> Array:
        at = self.at
        match node:
            case Var():
                return self._lookup(node, times)
            case Lin():
                terms = [(at.number(c), memo[e]) for c, e in node.terms]
                return self.kernel.weighted_sum(terms, tuple(map(at.size, node.shape)))
            case Ein():
                operands = [(memo[e], ls) for e, ls in node.factors]
                return self.kernel.einsum(operands, node.out, [at.size(d) for d in node.dims])
            case Map() if node.order == 0:
                return self.kernel.pointwise(node.fn, memo[node.arg])
            case Map():
                return memo[derivative(node.fn, node.order, node.arg)]
            case Comp():
                rule = self.kernel.composition(node.record)
                return memo[node.body] if rule is None else rule(*(memo[e] for e in node.inputs))
            case Opaque():
                return self._opaque(node, memo[node.arg], times)
            case Stack():
                return self.kernel.stack([memo[e] for e in node.kids], tuple(map(int, node.shape)))
            case Unit():
                return np.eye(at.size(node.shape[0]))[int(at.number(node.place)) - 1]
            case Block():
                return np.eye(at.size(node.shape[0]), at.size(node.shape[1]), -int(at.number(node.before)))
            case Square():
                return self.kernel.square(node.fn, memo[node.arg])
            case Over():
                return self._over(node, times)
            case Jac():
                return self._jacobian(node, times)
        raise MissingRule(f"no numeric rule for {type(node).__name__}: it needs a case in numeric.Evaluator")

    def _lookup(self, v: Var, times: dict[str, int]) -> Array:
        concrete = v if v.time is None else v.at(Instant("", v.time.at(times)))
        if concrete not in self.named:
            raise ValueProblem(f"{concrete.key} has no value here (T = {self.at.last})")
        return self.named[concrete]

    def _opaque(self, node: Opaque, x: Array, times: dict[str, int]) -> Array:
        f = self.at.functions.get(node.name)
        if f is None:
            raise ValueProblem(f"no function given for {node.name}")
        t = node.time.at(times) if node.time is not None else 0
        rank = len(node.arg.shape)
        return f.gradient(t, x, rank) if node.order else f.value(t, x, rank)

    def _over(self, node: Over, times: dict[str, int]) -> Array:
        instants = range(node.lo.at(times), node.hi.at(times) + 1)
        parts = [self.value(node.body, {**times, node.index: k}) for k in instants]
        shape = tuple(map(self.at.size, node.shape))
        if node.kind == "sum":
            return self.kernel.weighted_sum([(1, p) for p in parts], shape)
        product = np.eye(shape[0]) if shape else np.ones(())
        for p in parts:
            product = p @ product if shape else p * product
        return product

    def _jacobian(self, node: Jac, times: dict[str, int]) -> Array:
        """The value behind the symbol: the local Jacobian of the equation, with every instant a number.

        A total one follows the other nodes of its instant too, so `below` is a state one step before, or something given.
        """
        below = node.below if node.below.time is None else node.below.at(Instant("", node.below.time.at(times)))
        top = (
            node.top
            if not isinstance(node.top, Var) or node.top.time is None
            else node.top.at(Instant("", node.top.time.at(times)))
        )
        inside = self.concrete(self._right(top) if isinstance(top, Var) else top, times)
        while not node.direct:
            inner = {
                v for v in inside.atoms(Var)
                if v is not below and not v.bar and isinstance(node.top, Var) and v.time == top.time and self.system.owner(v) is not None
            }  # fmt: skip
            if not inner:
                break
            inside = self.concrete(rebuild(inside, lambda n, inner=inner: self._right(n) if n in inner else n), times)  # type: ignore[misc]
        return self.value(local_jacobian(inside, below))

    def _right(self, v: Var) -> Expr:
        """The right side of v's equation at v's instant; of a loss that is a sum over time, the term of that instant."""
        right = self.system.by_name[v.name].right
        if v.time is None:
            return right
        if isinstance(right, Over) and not self.system.by_name[v.name].sequential:
            return at_time(right.body, right.index, v.time)
        return at_time(right, INDEX, v.time)

    def concrete(self, e: Expr, times: dict[str, int]) -> Expr:
        """e with numbers for instants and sums over time written out."""

        def change(node: Expr) -> Expr:
            if isinstance(node, Over):
                span = range(node.lo.at(times), node.hi.at(times) + 1)
                return lin([(1, at_time(node.body, node.index, Instant("", k))) for k in span], node.shape)
            return node

        for base, k in times.items():
            e = at_time(e, base, Instant("", k))
        return rebuild(e, change)

    # -- whole passes ---------------------------------------------------------------------------------------

    def instants(self) -> range:
        return range(self.system.first, self.at.last + 1)

    def forward(self) -> Evaluator:
        """Give every node its value."""
        for stage in self.system.stages:
            for equation in (e for e in stage if not e.sequential):
                self._set(equation.left, self.value(equation.right))
            sequences = [e for e in stage if e.sequential]
            for t in self.instants() if sequences else ():
                for equation in sequences:
                    self._set(equation.left.at(Instant("", t)), self.value(equation.right, {INDEX: t}))
        return self

    def _set(self, v: Var, value: Array) -> None:
        self.named[v] = value + self.nudges[v] if v in self.nudges else value

    def backward(self, sweep: Sweep) -> Evaluator:
        """Give every adjoint its value, from the formulas of the sweep."""
        for stage in reversed(self.system.stages):
            sequences = [sweep.adjoints[e.name] for e in reversed(stage) if e.sequential]
            for t in reversed(self.instants()) if sequences else ():
                for a in sequences:
                    self._store(a, t)
            for equation in (e for e in reversed(stage) if not e.sequential):
                self._store(sweep.adjoints[equation.name])
        for v in self.system.independent.values():
            generic = v.time is not None and v.time.base == INDEX
            for at in self.instants() if generic else (None,):
                self._store(sweep.adjoints[v.key], at)
        return self

    def _store(self, a: Adjoint, t: int | None = None) -> None:
        node = a.node if t is None else a.node.at(Instant("", t))
        self.named[node.adjoint] = self.value(self.formula(a, t), {INDEX: t} if t is not None else {})

    def formula(self, a: Adjoint, t: int | None) -> Expr:
        """The derived formula that holds here; for a T too short for the printed cases, the sum of the terms that hold."""
        at = a.node.time.offset if t is None and a.node.time is not None else t
        if at is None:
            return a.short
        ends = {INDEX: at, LAST: self.at.last}
        held = [x for x in a.terms if x.lo is None or x.hi is None or x.lo.at(ends) <= at <= x.hi.at(ends)]
        if t is None:
            printed = [x for x in a.terms if x.holds_at(Instant("", at))]
            return a.short if held == printed else lin([(1, x.value) for x in held], a.node.shape)
        for when, line in a.boundary:
            if when.at(ends) == at and held == [x for x in a.terms if x.holds_at(when)]:
                return line.short
        if held == [x for x in a.terms if x.interior]:
            return a.short
        return lin([(1, x.value) for x in held], a.node.shape)

    def collect(self, v: Var, bar: bool = False) -> Array:
        """The value of a node, or of its adjoint; a sequence is stacked along a first axis."""
        node = v.adjoint if bar else v
        if v.time is not None and v.time.base == INDEX:
            return np.stack([self.named[node.at(Instant("", t))] for t in self.instants()])
        return np.asarray(self.named[node])
