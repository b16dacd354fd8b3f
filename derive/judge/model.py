"""Values of claims in one concrete instance of a network: sizes, T and a point, in whatever arithmetic.

Every array has the arithmetic's lanes (points, or primes) as its first axis. Adjoints come from one reverse pass over the
unrolled network, Jacobians from one for each, seeded with every entry at once (a second axis).
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np
import sympy

from derive.expr import ROW, Ein, Expr, Lin, MissingRule
from derive.judge.contraction import Arithmetic, Array, Guard, contract, fitting
from derive.judge.functions import Z, primitive, program
from derive.judge.graph import Graph
from derive.judge.nodes import Leaf, Node
from derive.system import LAST, System


class Model:
    """One concrete instance: sizes, T, a point. Values, adjoints and Jacobians are kept by the graph's nodes.

    values: numbers for some leaves, as arrays of Fractions with the lanes in front (or one lane for all).
    """

    def __init__(
        self,
        system: System | None,
        arithmetic: Arithmetic,
        sizes: Mapping[sympy.Symbol, int],
        last: int,
        seed: int = 0,
        values: Mapping[tuple[str, int | None], Array] | None = None,
        graph: Graph | None = None,
        guard: Guard | None = None,
    ):
        self.graph = graph or Graph(system, last)
        self.by, self.seed, self.last = arithmetic, seed, last
        self.sizes = {
            **{s: sympy.Integer(k) for s, k in sizes.items()},
            sympy.Symbol(LAST, positive=True, integer=True): sympy.Integer(last),
        }
        self.given = dict(values or {})
        self.guard = guard or Guard()
        self.values: dict[int, Array] = {}
        self.adjoints: dict[int, Array] = {}
        self.partial: dict[tuple[int, Expr], Array] = {}
        self.numbers: dict[sympy.Expr, Array] = {}
        self.dims: dict[Any, int] = {ROW: 1}
        self.generation = 0

    def value(self, e: Expr, times: Mapping[str, int] | None = None) -> Array:
        """The value of e at these instants, an array with the lanes in front."""
        return self.at(self.graph.node(e, times or {}))

    def forget(self) -> None:
        """Drop what belongs to claims that the graph no longer has."""
        mark = self.graph.mark
        self.values = {i: v for i, v in self.values.items() if i < mark}
        self.partial = {k: v for k, v in self.partial.items() if k[0] < mark}

    def size(self, dimension: Any) -> int:
        if dimension not in self.dims:
            value = dimension.xreplace(self.sizes)
            if not value.is_Integer:
                raise MissingRule(f"no number for the size {dimension}")
            self.dims[dimension] = int(value)
        return self.dims[dimension]

    def letters(self, dims: tuple[Any, ...]) -> tuple[int, ...]:
        """The sizes of a contraction's letters."""
        return tuple(map(self.size, dims))

    def shape(self, shape: tuple[Any, ...]) -> tuple[int, ...]:
        """The shape of an array, in numbers. Raises Budget where it is too large."""
        numbers = self.letters(shape)
        fitting((self.by.lanes, *numbers))
        return numbers

    def number(self, c: sympy.Expr, rank: int) -> Array:
        """A weight, ready to be multiplied with an array of `rank` axes behind the lanes."""
        if c not in self.numbers:
            value = c if c.is_number else c.xreplace(self.sizes)
            if value.free_symbols:
                raise MissingRule(f"no number for {value}")
            self.numbers[c] = self.by.number(value)
        known = self.numbers[c]
        return known.reshape(known.shape + (1,) * rank)

    def at(self, root: int) -> Array:
        """The value of a node."""
        values, nodes = self.values, self.graph.nodes
        stack = [root]
        while stack:
            i = stack[-1]
            if i in values:
                stack.pop()
                continue
            missing = [j for j in nodes[i].inputs if j not in values]
            if missing:
                stack.extend(missing)
                continue
            values[i] = found = self._compute(nodes[i])
            self._note(i)
            self.guard.spend(found.size)
            stack.pop()
        return values[root]

    def _note(self, i: int) -> None:
        """Called once for every node whose value is new."""

    def _compute(self, node: Node) -> Array:
        inputs = [self.values[j] for j in node.inputs]
        match node.kind:
            case "leaf":
                return self._leaf(node.data, node.data in self.graph.positive)
            case "name" | "use" | "term":
                return inputs[0]
            case "lin":
                return self._weighted(node.data, inputs, self.shape(node.shape))
            case "sum":
                return self._weighted((sympy.S.One,) * len(inputs), inputs, self.shape(node.shape))
            case "ein":
                letters, out, dims = node.data
                return contract(self.by, inputs, letters, out, self.letters(dims), 1, self.guard)
            case "map":
                return self._map(node.inputs[0], *node.data)
            case "opaque":
                return self._opaque(node, inputs[0])
            case "stack":
                lanes = max(a.shape[0] for a in inputs)
                columns = [np.broadcast_to(a, (lanes,)) for a in inputs]
                return np.stack(columns, axis=1).reshape(lanes, *self.shape(node.shape))
            case "unit":
                return self._unit(node)
            case "block":
                return self._block(node)
            case "square":
                self.guard.spend(self.by.lanes * inputs[0].shape[1] ** 3)
                return self.by.square(node.data, inputs[0])
            case "bar":
                return self._bar(node)
            case "jac":
                return self._jacobian(node)
        raise MissingRule(f"no value for {node.kind}")

    def _leaf(self, leaf: Leaf, positive: bool) -> Array:
        shape = self.shape(leaf.shape)
        key = (leaf.name, leaf.instant)
        if key in self.given and not leaf.bar:
            return self.by.given(self.given[key])
        return self.by.leaf(leaf, shape, positive, self.seed)

    def _weighted(self, weights: Sequence[sympy.Expr], arrays: Sequence[Array], shape: tuple[int, ...]) -> Array:
        """A weighted sum; without terms it is zero."""
        result: Array | None = None
        for c, array in zip(weights, arrays, strict=True):
            if c is sympy.S.One:
                result = array if result is None else self.by.add(result, array)
            elif c is sympy.S.NegativeOne and result is not None:
                result = self.by.subtract(result, array)
            else:
                scaled = self.by.multiply(self.number(c, array.ndim - 1), array)
                result = scaled if result is None else self.by.add(result, scaled)
        return self.by.filled(shape, 0) if result is None else result

    def _map(self, arg: int, fn: Any, order: int) -> Array:
        """A table function by its formula in primitives, whose parts are kept for each argument."""
        x = self.values[arg]
        steps = program(fn, order)
        for step in steps:
            if step is not Z and (arg, step) not in self.partial:
                self.partial[arg, step] = self._step(step, arg, x)
        found = x if steps[-1] is Z else self.partial[arg, steps[-1]]
        return np.broadcast_to(found, np.broadcast_shapes(found.shape, x.shape))

    def _step(self, step: Expr, arg: int, x: Array) -> Array:
        values = [x if c is Z else self.partial[arg, c] for c in step.children()]
        if isinstance(step, Lin):
            return self._weighted([c for c, _ in step.terms], values, (1,) * (x.ndim - 1))
        if isinstance(step, Ein):
            result = self.by.filled((1,) * (x.ndim - 1), 1) if not values else values[0]
            for v in values[1:]:
                result = self.by.multiply(result, v)
            return result
        name, n = primitive(step.fn)  # type: ignore[attr-defined]
        return self.by.function(name, values[0], n)

    def _unit(self, node: Node) -> Array:
        (size,), place = self.shape(node.shape), self.size(node.data)
        if not 1 <= place <= size:
            raise MissingRule(f"entry {place} of a vector with {size} entries")
        result = self.by.filled((size,), 0).copy()
        result[:, place - 1] = self.by.filled((), 1)
        return result

    def _block(self, node: Node) -> Array:
        """Ones at (before + i, i)."""
        (size, width), before = self.shape(node.shape), self.size(node.data)
        if before + width > size:
            raise MissingRule(f"{width} rows behind the first {before} of {size}")
        result = self.by.filled((size, width), 0).copy()
        result[:, range(before, before + width), range(width)] = self.by.filled((1,), 1)
        return result

    # -- open functions -------------------------------------------------------------------------------------

    def _opaque(self, node: Node, x: Array) -> Array:
        """Σ (a x³ + b x) + (Σ c x)²/2 with whole numbers of its own for each name, instant and entry; or its gradient."""
        name, instant, order = node.data
        if order > 1:
            raise MissingRule(f"second derivative of the open function {name}")
        shape = x.shape[1:]
        a, b, c = (self._whole(w, x.ndim - 1) for w in coefficients(name, instant, shape))
        by, axes = self.by, tuple(range(1, x.ndim))
        inside = by.total(by.multiply(c, x), axes) if axes else by.multiply(c, x)
        square = by.multiply(x, x)
        if not order:
            cubes = by.add(by.multiply(a, by.multiply(square, x)), by.multiply(b, x))
            half = self.number(sympy.S.Half, 0)
            return by.add(by.total(cubes, axes) if axes else cubes, by.multiply(half, by.multiply(inside, inside)))
        inside = inside.reshape(inside.shape + (1,) * len(axes))
        slope = by.add(by.multiply(by.multiply(self.number(sympy.Integer(3), x.ndim - 1), a), square), b)
        return by.add(slope, by.multiply(c, inside))

    def _whole(self, values: Array, rank: int) -> Array:
        exact = np.array([Fraction(int(v)) for v in values.ravel()], dtype=object).reshape((1, *values.shape))
        return self.by.given(exact)

    # -- reverse passes -------------------------------------------------------------------------------------

    def _bar(self, node: Node) -> Array:
        if self.graph.loss is not None and not self.adjoints:
            self.at(self.graph.loss)
            seed = self.by.filled((1,), 1)
            self.adjoints = self._reverse(self.graph.loss, seed, None, False)
        found = self.adjoints.get(node.data)
        if found is None:
            return self.by.filled(self.shape(node.shape), 0)
        return found[:, 0]

    def _jacobian(self, node: Node) -> Array:
        root, below, direct = node.data
        shape = self.shape(node.shape)
        self.at(root)
        top = self.shape(self.graph.nodes[root].shape)
        rows = math.prod(top)
        fitting((rows, rows))
        identity = self.by.filled((rows, rows), 0)
        identity[:, range(rows), range(rows)] = self.by.filled((1,), 1)
        found = self._reverse(root, identity.reshape(-1, rows, *top), below, direct)
        parts = [found[i] for i in below if i in found]
        if not parts:
            return self.by.filled(shape, 0)
        result = parts[0]
        for part in parts[1:]:
            result = self.by.add(result, part)
        result = np.broadcast_to(result, (result.shape[0], rows, *result.shape[2:]))
        return result.reshape(result.shape[0], *shape)

    def _reverse(self, root: int, seed: Array, below: frozenset[int] | None, direct: bool) -> dict[int, Array]:
        """What root, with this adjoint, gives to every node on the way to `below`; the second axis is the seed's."""
        collected: dict[int, Array] = {root: seed}
        for i, leads in self.graph.way(root, below, direct):
            cot = collected.get(i)
            if cot is None:
                continue
            node = self.graph.nodes[i]
            for k, j in enumerate(node.inputs):
                if j in leads:
                    part = self._pull(node, i, k, cot)
                    collected[j] = self.by.add(collected[j], part) if j in collected else part
                    self.guard.spend(part.size)
        return collected

    def _pull(self, node: Node, i: int, k: int, cot: Array) -> Array:
        """What the k-th input of a node collects from the node's adjoint."""
        match node.kind:
            case "name" | "use" | "sum" | "term":
                return cot
            case "lin":
                c = node.data[k]
                return cot if c is sympy.S.One else self.by.multiply(self.number(c, cot.ndim - 1), cot)
            case "ein":
                letters, out, dims = node.data
                others = [m for m in range(len(letters)) if m != k]
                arrays = [cot, *(self.at(node.inputs[m])[:, None] for m in others)]
                swapped = (out, *(letters[m] for m in others))
                return contract(self.by, arrays, swapped, letters[k], self.letters(dims), 2, self.guard)
            case "map":
                fn, order = node.data
                self.at(node.inputs[0])
                return self.by.multiply(cot, self._map(node.inputs[0], fn, order + 1)[:, None])
            case "opaque":
                name, instant, order = node.data
                slope = self._opaque(node._replace(data=(name, instant, order + 1)), self.at(node.inputs[0]))
                return self.by.multiply(cot.reshape(cot.shape + (1,) * (slope.ndim - 1)), slope[:, None])
            case "stack":
                return cot.reshape(*cot.shape[:2], -1)[:, :, k]
            case "square":
                return self._pull_square(node, i, cot)
        raise MissingRule(f"no derivative of {node.kind} in the judge")

    def _pull_square(self, node: Node, i: int, cot: Array) -> Array:
        if node.data == "inverse":
            y = self.at(i)[:, None]
            parts, letters = [y, cot, y], ((2, 0), (2, 3), (1, 3))
            result = contract(self.by, parts, letters, (0, 1), [y.shape[-1]] * 4, 2, self.guard)
            return self.by.multiply(self.number(sympy.S.NegativeOne, result.ndim - 1), result)
        a = self.at(node.inputs[0])
        adjugate = self.by.multiply(self.at(i)[:, None, None], self.by.square("inverse", a))
        return self.by.multiply(cot[:, :, None, None], adjugate.swapaxes(1, 2)[:, None])


@lru_cache(maxsize=4096)
def coefficients(name: str, instant: int | None, shape: tuple[int, ...]) -> tuple[Array, Array, Array]:
    """Small whole numbers, not zero, that belong to an open function."""
    rng = np.random.default_rng([zlib.crc32(name.encode()), 0 if instant is None else (instant + 1000) % 2**32])
    draws = [rng.integers(1, 4, shape) * rng.choice([-1, 1], shape) for _ in range(3)]
    return draws[0], draws[1], draws[2]


__all__ = ["Arithmetic", "Guard", "Model", "coefficients"]
