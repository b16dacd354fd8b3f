"""Small counterexamples: a point at which two sides differ, shrunk until nothing simpler does, certified by intervals."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice, product
from typing import Any, NamedTuple

import numpy as np
import sympy

from derive.expr import DeriveError
from derive.judge.floats import Balls, Doubles, differ, finite, lined_up, precision
from derive.judge.graph import Graph
from derive.judge.model import Guard, Model, coefficients
from derive.judge.nodes import Leaf
from derive.system import LAST, System

Array = np.ndarray
Table = dict[Leaf, Array]  # numerators over TENTHS, lanes in front

TENTHS = 10
ENTRIES = (0, 10, -10, 20, 5, -20, -5, 3, 7, 12, 15, -3, 30)
COSTS = {n: cost for cost, n in enumerate(ENTRIES)}
DRAWS = 48
INSTANCES = 40  # sizes and T that are tried
ROUNDS = 8
VISIBLE, SLIGHT = 1e-3, 1e-11  # relative differences: one that shows in print, and one that rounding doesn't make
BITS = 240


@dataclass(frozen=True)
class Counterexample:
    """A point and the two sides there.

    values: by the network's keys; a sequence is a list over t. parts: the entries where the sides part.
    """

    sizes: dict[str, int]
    values: dict[str, Any]
    left: Any
    right: Any
    times: dict[str, int]
    parts: tuple[tuple[str, Any, Any], ...] = ()


class Place(NamedTuple):
    """Two nodes of an unrolled network, at these instants, with these sizes."""

    graph: Graph
    sizes: dict[sympy.Symbol, int]
    times: dict[str, int]
    left: int
    right: int


class _Pool(Doubles):
    """float64 at points from a table, which is filled by drawing from `ENTRIES`."""

    def __init__(self, lanes: int, table: Table, kinks: bool):
        super().__init__(range(lanes))
        self.table, self.kinks = table, kinks

    def leaf(self, leaf: Leaf, shape: tuple[int, ...], positive: bool, seed: int) -> Array:
        if leaf not in self.table:
            key = f"{leaf.name} {leaf.instant} {leaf.bar}"
            rng = np.random.default_rng([seed, zlib.crc32(key.encode()), 5])
            drawn = rng.choice(ENTRIES[self.kinks :], (self.lanes, *shape))
            drawn[0] = TENTHS
            drawn[self.lanes * 2 // 3 :] = np.maximum(np.abs(drawn[self.lanes * 2 // 3 :]), 1)
            self.table[leaf] = np.maximum(np.abs(drawn), 1) if positive else drawn
        return self.table[leaf] / TENTHS


class _Certain(Balls):
    """Balls at the points of a table."""

    def __init__(self, values: Callable[[Leaf, tuple[int, ...], bool], Array]):
        super().__init__([0], BITS)
        self.values, self.used = values, {}  # type: ignore[var-annotated]

    def leaf(self, leaf: Leaf, shape: tuple[int, ...], positive: bool, seed: int) -> Array:
        self.used[leaf] = self.values(leaf, shape, positive)
        return self.given(self.used[leaf])


# -- the search ---------------------------------------------------------------------------------------------------


def search(
    system: System | None,
    places: Callable[[int], Sequence[Any]],
    symbols: dict[sympy.Symbol, int],
    lasts: Sequence[int],
    guard: Guard,
    graph: Callable[[int], Graph],
    kinks: bool,
) -> Counterexample | None:
    """The smallest instance in which the sides differ, shrunk; best one that shows. symbols: each size with its least value."""
    for least in (VISIBLE, SLIGHT):
        hunt = _Hunt(system, guard, kinks, least)
        for sizes, last in islice(_instances(symbols, lasts), INSTANCES):
            try:
                for spot in places(last):
                    where = Place(graph(last), sizes, spot.times, spot.left, spot.right)
                    if (found := hunt.at(where)) is not None:
                        return found
            except DeriveError:
                if guard.over:
                    return None
    return None


def _instances(symbols: dict[sympy.Symbol, int], lasts: Sequence[int]) -> Iterator[tuple[dict[sympy.Symbol, int], int]]:
    ranges = [range(least, max(3, least) + 1) for least in symbols.values()]
    cases = [(numbers, last) for numbers in islice(product(*ranges), 3000) for last in lasts]
    for numbers, last in sorted(cases, key=lambda case: (sum(case[0]) + case[1], case)):
        yield dict(zip(symbols, numbers, strict=True)), last


@dataclass(frozen=True)
class _Hunt:
    """The search at one place: least is the relative difference that counts."""

    system: System | None
    guard: Guard
    kinks: bool
    least: float

    def at(self, where: Place) -> Counterexample | None:
        table: Table = {}
        lanes = np.flatnonzero(self.apart(where, table, DRAWS))
        if not lanes.size:
            return None
        best = min(lanes, key=lambda lane: (sum(_cost(values[lane]) for values in table.values()), lane))
        point = self.shrunk(where, {leaf: np.asarray(values[best]) for leaf, values in table.items()})
        return at_point(self.system, where, lambda leaf, shape, positive: _fractions(point[leaf])[None], self.guard)

    def apart(self, where: Place, table: Table, lanes: int) -> Array:
        """For each lane whether the sides have values there that differ enough."""
        by = _Pool(lanes, table, self.kinks)
        model = Model(self.system, by, where.sizes, where.graph.last, graph=where.graph, guard=self.guard)
        a, b = (lined_up(model.at(i), lanes) for i in (where.left, where.right))
        there = np.isfinite(a).all(axis=1) & np.isfinite(b).all(axis=1)
        scale = np.maximum(np.abs(a).max(axis=1), np.abs(b).max(axis=1))
        return there & (scale < 1e6) & (np.abs(a - b).max(axis=1) > self.least * scale) & (scale > VISIBLE)

    def shrunk(self, where: Place, point: Table) -> Table:
        """Entries set to 0 or 1 as long as the sides differ; to 1 only where a 0 might stand on a kink."""
        for target in (TENTHS,) if self.kinks else (0, TENTHS):
            for _ in range(ROUNDS):
                moves = [(leaf, at) for leaf, v in point.items() for at in np.ndindex(v.shape) if v[at] not in (0, target)]
                singly = self.kept(where, [_moved(point, [move], target) for move in moves])
                good = [move for move, kept in zip(moves, singly, strict=True) if kept]
                if not good:
                    break
                together = [_moved(point, good[: k + 1], target) for k in range(len(good))]
                point = together[int(np.flatnonzero(self.kept(where, together)).max(initial=0))]
        return point

    def kept(self, where: Place, points: Sequence[Table]) -> Array:
        if not points:
            return np.zeros(0, bool)
        table = {leaf: np.stack([p[leaf] for p in points]) for leaf in points[0]}
        return self.apart(where, table, len(points))


def _cost(values: Array) -> int:
    return sum(COSTS.get(int(n), len(COSTS)) for n in np.ravel(values))


def _moved(point: Table, moves: Sequence[tuple[Leaf, tuple[int, ...]]], target: int) -> Table:
    changed = dict(point)
    for leaf in {leaf for leaf, _ in moves}:
        changed[leaf] = changed[leaf].copy()
    for leaf, at in moves:
        changed[leaf][at] = target
    return changed


# -- certifying, telling ------------------------------------------------------------------------------------------


def at_point(
    system: System | None, where: Place, values: Callable[[Leaf, tuple[int, ...], bool], Array], guard: Guard
) -> Counterexample | None:
    """The counterexample at a point, or None where balls don't certify it. values: a leaf's numbers, one lane."""
    with precision(BITS):
        by = _Certain(values)
        model = Model(system, by, where.sizes, where.graph.last, graph=where.graph, guard=guard)
        left, right = model.at(where.left)[0], model.at(where.right)[0]
        sides = np.asarray(left, dtype=object), np.asarray(right, dtype=object)
        if not (finite(sides[0]) and finite(sides[1]) and differ(*sides)):
            return None
        parts = _parts(*sides)
    told = {**_told(system, where, model, by.used), **_open(where, model)}
    sizes = {s.name: k for s, k in where.sizes.items()}
    sequential = bool(where.times) or (system is not None and system.sequential)
    times = {**({LAST: where.graph.last} if sequential else {}), **where.times}
    return Counterexample(sizes, told, _plain(sides[0]), _plain(sides[1]), times, parts)


def _parts(left: Array, right: Array) -> tuple[tuple[str, Any, Any], ...]:
    found = []
    for at in np.ndindex(left.shape):
        if not left[at].overlaps(right[at]):
            name = f"entry {at[0] + 1}" if len(at) == 1 else f"entry ({', '.join(str(k + 1) for k in at)})"
            found.append((name if at else "value", float(left[at].mid()), float(right[at].mid())))
    return tuple(found)


def _plain(a: Array) -> Any:
    return np.frompyfunc(lambda v: float(v.mid()), 1, 1)(a).tolist() if a.shape else float(a[()].mid())


def _fractions(numerators: Array) -> Array:
    flat = [Fraction(int(n), TENTHS) for n in np.ravel(numerators)]
    result = np.empty(len(flat), dtype=object)
    result[:] = flat
    return result.reshape(np.shape(numerators))


def _told(system: System | None, where: Place, model: Model, used: Table) -> dict[str, Any]:
    """Every input of the network, a sequence as a list over t; then free names."""
    told: dict[str, Any] = {}
    seen: set[Leaf] = set()

    def number(name: str, instant: int | None, shape: tuple[Any, ...]) -> Any:
        leaf = Leaf(name, instant, False, shape)
        seen.add(leaf)
        return _listed(used[leaf][0] if leaf in used else np.full(model.shape(shape), Fraction(1), dtype=object))

    for key, v in system.independent.items() if system else ():
        if v.time is not None and v.time.base:
            told[key] = [number(v.name, t, v.shape) for t in range(system.first, where.graph.last + 1)]  # type: ignore[union-attr]
        else:
            told[key] = number(v.name, v.time.offset if v.time else None, v.shape)
    for leaf in sorted(used, key=lambda leaf: where.graph.leaves[leaf]):
        if leaf not in seen:
            name = leaf.name if leaf.instant is None else f"{leaf.name}[{leaf.instant}]"
            told[f"bar {name.removeprefix('_')}" if leaf.bar else name] = _listed(used[leaf][0])
    return told


def _listed(values: Any) -> Any:
    """Fractions as plain numbers."""
    if isinstance(values, np.ndarray):
        return _listed(values.tolist())
    if isinstance(values, list):
        return [_listed(v) for v in values]
    return int(values) if values.denominator == 1 else float(values)


def _open(where: Place, model: Model) -> dict[str, Any]:
    """The open functions, as they were taken."""
    told: dict[str, Any] = {}
    for i in where.graph.below(where.left, where.right):
        node = where.graph.nodes[i]
        if node.kind == "opaque":
            name, instant, _ = node.data
            shape = model.shape(where.graph.nodes[node.inputs[0]].shape)
            a, b, c = (w.tolist() for w in coefficients(name, instant, shape))
            key = name if instant is None else f"{name}[{instant}]"
            told[key] = f"sum(a x^3 + b x) + sum(c x)^2/2 with a = {a}, b = {b}, c = {c}"
    return told


__all__ = ["Counterexample", "Place", "at_point", "search"]
