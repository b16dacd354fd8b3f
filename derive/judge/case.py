"""One claim before the court: the sizes and instants at which it is judged, and what the numbers say of it there."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Sequence
from functools import cached_property, partial
from itertools import combinations as pairs
from itertools import islice, product
from typing import Any, NamedTuple

import numpy as np
import sympy

from derive.expr import ROW, Block, Expr, Jac, Lin, Map, Unit, Var, postorder
from derive.judge.field import FieldModel, Residues, residues
from derive.judge.floats import POINTS, Balls, Doubles, agree, differ, finite, lined_up, precision
from derive.judge.given import Given
from derive.judge.graph import Graph
from derive.judge.model import Guard, Model
from derive.judge.nodes import Budget
from derive.system import LAST, System

FARTHEST = 400  # instants
SPOTS = 40  # combinations of instants at which one claim is judged, for each T
TRIM = 4000  # nodes of claims that are kept
MODELS = 60
BITS, FINE = 240, 960  # precision of balls, and of the second attempt
CLEAR = 1e-10  # a relative difference that is worth a look with balls
ENOUGH = 60  # bits of agreement modulo primes
DRAWS = 6
LEAST = 3  # points at which the sides must agree
SMALLEST = 3  # of two numbers, what is left without their mean and their spread is nothing: layer norm has no gradient
LOOKED = 200  # nodes of a claim that are searched for numbers
TRIED = 1000  # sizes, until one is distinct from the others
SEEDS = (0, 1, 2)
ALL = tuple(range(POINTS))
SEVERAL = (*range(16), *ALL[-3:])  # where there are kinks
NOTHING = Given({}, {}, None)


class Survey(NamedTuple):
    """What a claim mentions: dimensions, symbols in weights, places of unit vectors, fixed instants and shifts in time, kinks, quantities."""

    dims: set[Any]
    symbols: set[Any]
    places: dict[Any, int]
    fixed: set[int]
    offsets: set[int]
    kinks: bool
    names: dict[Var, None]


class Spot(NamedTuple):
    """A claim at one combination of instants of one unrolled network: its two nodes, and whether all in it exists."""

    last: int
    times: dict[str, int]
    left: int
    right: int
    generic: bool


class Found(NamedTuple):
    """Where two sides differ: at a spot, in a lane of the points drawn with a seed."""

    spot: Spot
    lane: int
    seed: int


class Lanes(NamedTuple):
    """The points of a seed at which both sides have values: the number of entries that are not zero, or -1."""

    seed: int
    weights: np.ndarray

    @property
    def points(self) -> int:
        return int((self.weights >= 0).sum())

    def among(self, lanes: tuple[int, ...], everywhere: bool) -> tuple[int, ...]:
        """These lanes where all have values and some of them are as far from zero as any; else as many others."""
        best = self.weights.max()
        chosen = self.weights[list(lanes)]
        if everywhere:
            return tuple(k for k in lanes if self.weights[k] >= 0)
        if chosen.min() >= 0 and (chosen == best).sum() >= LEAST:
            return lanes
        order = sorted(np.flatnonzero(self.weights >= 0).tolist(), key=lambda k: -int(self.weights[k]))
        return tuple(order[: len(lanes)])


def survey(*sides: Expr) -> Survey:
    """One walk over a claim, into the symbols of Jacobians too."""
    found = Survey(set(), set(), {}, set(), {0}, False, {})
    kinks = False
    todo = list(sides)
    for e in todo:
        for node in postorder(e):
            found.dims.update(node.shape)
            if isinstance(node, Jac):
                todo += [node.top, node.below]
            elif isinstance(node, Lin):
                found.symbols.update(*(c.free_symbols for c, _ in node.terms if not c.is_number))
            elif isinstance(node, Unit) and node.place.is_Integer:
                found.places[node.shape[0]] = max(found.places.get(node.shape[0], 1), int(node.place))
            elif isinstance(node, Unit):
                found.symbols.update(node.place.free_symbols)
            elif isinstance(node, Block):
                found.symbols.update(node.before.free_symbols)
            elif isinstance(node, Map):
                kinks = kinks or bool(node.fn.kinks)
            elif isinstance(node, Var):
                found.names[node] = None
            instant = getattr(node, "time", None)
            if instant is not None:
                (found.offsets if instant.base else found.fixed).add(instant.offset)
    return found._replace(kinks=kinks)


class Bench:
    """The unrolled networks of one system and their values, kept from claim to claim."""

    def __init__(self, system: System | None):
        self.system = system
        self.first = system.first if system else 1
        self.guard = Guard()
        self.graphs: dict[int, Graph] = {}
        self.models: dict[tuple, Model] = {}
        sides = [e for q in system.equations for e in (q.left, q.right)] if system else []
        self.survey = survey(*sides, *(system.quantities.values() if system else ()))

    def tidy(self) -> None:
        """Take off the claims of before, where they are many."""
        while len(self.models) > MODELS:
            del self.models[next(iter(self.models))]
        for last, graph in self.graphs.items():
            if graph.claims > TRIM or len(graph.bases) > 5 * TRIM:
                graph.trim()
                for model in self.models.values():
                    if model.last == last:
                        model.forget()

    def graph(self, last: int) -> Graph:
        if last not in self.graphs:
            self.graphs[last] = Graph(self.system, last)
        return self.graphs[last]

    def model(
        self, key: tuple, last: int, sizes: dict[sympy.Symbol, int], given: Given, seed: int, make: Callable[[], Any]
    ) -> Any:
        """The model with this key, sizes, T, given values and seed."""
        known = tuple((k, tuple(v.ravel())) for k, v in given.values.items())
        key = (*key, last, tuple(sizes.items()), known, seed)
        model = self.models.pop(key, None)
        if model is None:
            by, graph = make(), self.graph(last)
            kind = FieldModel if isinstance(by, Residues) else Model
            model = kind(self.system, by, sizes, last, seed, values=given.values, graph=graph, guard=self.guard)
        self.models[key] = model  # the one that was used last stands last
        return model


class Case:
    """A claim left = right with the sizes and the values of T at which it is judged."""

    def __init__(self, bench: Bench, left: Expr, right: Expr, last: int | None = None, given: Given = NOTHING):
        self.bench, self.left, self.right, self.given = bench, left, right, given
        self.survey = survey(left, right)
        self.known: dict[int, list[Spot]] = {}
        graph = bench.graph(bench.first + 3)
        self.bases = sorted({*graph.free_bases(left), *graph.free_bases(right)} - {LAST})
        formulas = {d for d in self.survey.dims | bench.survey.dims if d.is_Add or d.is_Mul}
        least, taken = self.least()
        free = {s: k for s, k in least.items() if s not in given.sizes}
        self.sizes = {**distinct((free, taken | set(given.sizes.values())), formulas), **given.sizes}
        self.sizes = {s: k for s, k in self.sizes.items() if s.is_Symbol}
        self.sequential = bench.system.sequential if bench.system else bool(self.bases or self.survey.fixed)
        as_size = None if self.sequential else next((k for s, k in given.sizes.items() if str(s) == LAST), None)
        last = next((k for k in (given.last, as_size, last) if k is not None), None)  # T may be a size like others
        self.lasts = [last] if last is not None else self._lasts()

    def _lasts(self) -> list[int]:
        first, shifts = self.bench.first, self.survey.offsets
        if not self.sequential:
            return [first + 3]
        start = max(first + 2 + max(shifts) - min(shifts), first + 3, *(k + 1 for k in self.survey.fixed), first)
        if start > first + FARTHEST:
            raise Budget(f"an instant too far from the first one: {start}")
        return [start, start + 1]

    def least(self, smallest: int = SMALLEST) -> tuple[dict[sympy.Symbol, int], set[int]]:
        """Each size with the least it may be; and the numbers that occur as sizes."""
        dims = {d for d in self.survey.dims | self.bench.survey.dims if d is not ROW}
        places = {**self.bench.survey.places, **self.survey.places}
        named = {s for d in dims for s in d.free_symbols} | self.survey.symbols | self.bench.survey.symbols
        symbols = sorted((s for s in named if s.name != LAST), key=lambda s: s.name)
        numbers = {int(d) for d in dims if d.is_Integer} | _whole_numbers(self.left, self.right)
        return {s: max(smallest, places.get(s, 0) + 1) for s in symbols}, numbers  # an entry that is named isn't the last

    @property
    def kinks(self) -> bool:
        return self.survey.kinks or self.bench.survey.kinks

    def spots(self, last: int) -> list[Spot]:
        """The claim at every combination of instants, or at some where there are too many."""
        if last in self.known:
            return self.known[last]
        graph = self.bench.graph(last)
        self.known[last] = found = []
        for numbers in combinations(range(self.bench.first, last + 1), len(self.bases)):
            times = dict(zip(self.bases, numbers, strict=True))
            left, right = graph.node(self.left, times), graph.node(self.right, times)
            found.append(Spot(last, times, left, right, left not in graph.outside and right not in graph.outside))
        return found

    def generic(self, last: int) -> list[Spot]:
        """Where the claim is judged: the combinations in which all its quantities exist; all, where there never are such."""
        return [s for s in self.spots(last) if s.generic or not self.strict]

    @cached_property
    def strict(self) -> bool:
        """Whether it is judged at the generic spots alone: where they say something of every instant by itself.

        With limits the wrong way round both sides exist only where two instants are one, or at one of them: that shows nothing.
        """
        for last in self.lasts:
            generic = [s.times for s in self.spots(last) if s.generic]
            if not generic:
                continue
            apart = all(any(t[a] != t[b] for t in generic) for a, b in pairs(self.bases, 2))
            return apart and all(len({t[a] for t in generic}) > 1 for a in self.bases)
        return False

    @cached_property
    def judged(self) -> list[Spot]:
        return [s for last in self.lasts for s in self.generic(last)]

    # -- float64 --------------------------------------------------------------------------------------------

    def doubles(self, spot: Spot, seed: int, clear: float) -> tuple[np.ndarray, np.ndarray]:
        """For each lane: how many entries there are that are not zero (-1: none has a value), whether the sides differ."""
        model = self.bench.model(("double",), spot.last, self.sizes, self.given, seed, lambda: Doubles(ALL))
        a, b = (lined_up(model.at(i), POINTS) for i in (spot.left, spot.right))
        there = np.isfinite(a).all(axis=1) & np.isfinite(b).all(axis=1)
        scale = np.maximum(np.abs(a).max(axis=1), np.abs(b).max(axis=1))
        apart = np.abs(a - b).max(axis=1) > clear * scale + 1e-13
        return np.where(there, np.count_nonzero((a != 0) | (b != 0), axis=1), -1), there & apart

    def look(
        self, spots: Sequence[Spot], seeds: tuple[int, ...] = SEEDS, clear: float = CLEAR
    ) -> tuple[list[Lanes], Found | None]:
        """For each spot its lanes with values; and a place where the sides differ clearly, which ends the search."""
        defined: list[Lanes] = []
        for spot in spots:
            best = Lanes(0, np.full(POINTS, -1))
            for seed in seeds:
                weights, apart = self.doubles(spot, seed, clear)
                if apart.any():
                    return defined, Found(spot, int(np.flatnonzero(apart)[0]), seed)
                if best.points < (here := Lanes(seed, weights)).points:
                    best = here
                if best.points >= LEAST:
                    break
            defined.append(best)
        return defined, None

    # -- balls ----------------------------------------------------------------------------------------------

    def balls(self, spot: Spot, lanes: tuple[int, ...], seed: int, bits: int) -> tuple[np.ndarray, np.ndarray] | None:
        """Both sides in these lanes, or None where one is not bounded."""
        with precision(bits):
            key = ("ball", lanes, bits)
            model = self.bench.model(key, spot.last, self.sizes, self.given, seed, lambda: Balls(lanes, bits))
            a, b = np.broadcast_arrays(model.at(spot.left), model.at(spot.right))
            return (a, b) if finite(a) and finite(b) else None

    def certified(self, found: Found) -> bool:
        """Whether balls prove the difference."""
        sides = self.balls(found.spot, (found.lane,), found.seed, BITS)
        return sides is not None and differ(*sides)

    def by_balls(self, spots: Sequence[Spot], defined: Sequence[Lanes], everywhere: bool = False) -> Found | str | None:
        """None where every spot agrees in at least three points; where two sides differ; or why that can't be told."""
        for spot, where in zip(spots, defined, strict=True):
            if where.points < LEAST:
                points = "every point" if not where.points else f"all but {where.points} of the points"
                return f"undefined at {points} that was drawn{at_times(spot)}"
            lanes = ALL if everywhere else SEVERAL if self.kinks else ALL[:LEAST]
            found = self._compared(spot, where.among(lanes, everywhere), where.seed)
            if found is not None:
                return found
        return None

    def _compared(self, spot: Spot, lanes: tuple[int, ...], seed: int) -> Found | str | None:
        for bits in (BITS, FINE):
            sides = self.balls(spot, lanes, seed, bits)
            with precision(bits):
                if sides is not None and differ(*sides):
                    apart = [k for k in range(len(sides[0])) if differ(sides[0][k : k + 1], sides[1][k : k + 1])]
                    return Found(spot, lanes[apart[0]], seed)
                if sides is not None and agree(*sides):
                    return None
        if sides is None:
            return f"undefined, as far as intervals can tell{at_times(spot)}"
        return f"too little precision to tell the sides apart{at_times(spot)}"

    # -- primes ---------------------------------------------------------------------------------------------

    def field_bits(self, spots: Sequence[Spot]) -> float | None:
        """Bits of agreement modulo primes at each of these spots, or None where it isn't shown.

        Lanes in which a logarithm or a root met what is no square tell nothing; then others are drawn.
        """
        least = np.inf
        for spot in spots:
            bits = 0.0
            for draw in range(DRAWS):
                model = self.bench.model(("field",), spot.last, self.sizes, self.given, draw, partial(residues, draw))
                found = model.shown(spot.left, spot.right)
                if found is None:
                    return None
                bits += found
                if bits >= ENOUGH:
                    break
            least = min(least, bits)
        return least if least >= ENOUGH else None


def combinations(instants: range, count: int) -> list[tuple[int, ...]]:
    """All choices of so many instants, or some at random where there are too many."""
    total = len(instants) ** count
    if total <= SPOTS:
        return list(product(instants, repeat=count))
    picked = random.Random(count).sample(range(min(total, 10**9)), SPOTS)
    return [tuple(instants[k // len(instants) ** j % len(instants)] for j in range(count)) for k in sorted(picked)]


def _whole_numbers(*sides: Expr) -> set[int]:
    """The numbers in a claim that a size could be taken for, of what is read off without going far."""
    found: set[int] = set()
    for e in islice(postorder(*sides), LOOKED):
        for c in (c for c, _ in getattr(e, "terms", ()) if isinstance(c, sympy.Expr)):
            found |= {abs(int(k)) for n in c.atoms(sympy.Rational) for k in (n.p, n.q) if 2 < abs(int(k)) < 50}
    return found


def distinct(least: tuple[dict[sympy.Symbol, int], set[int]], formulas: Collection[sympy.Expr] = ()) -> dict[sympy.Symbol, int]:
    """Pairwise distinct sizes, other than those that occur as numbers, sums such as n + d among them."""
    sizes: dict[sympy.Symbol, int] = {}
    taken = set(least[1])
    for symbol, size in least[0].items():
        known = [f for f in formulas if symbol in f.free_symbols and f.free_symbols <= {symbol, *sizes}]
        for _ in range(TRIED):
            values = [size, *(f.xreplace({**sizes, symbol: sympy.Integer(size)}) for f in known)]
            if taken.isdisjoint(values) and len(set(values)) == len(values):
                break
            size += 1
        taken.update(map(int, values))
        sizes[symbol] = size
    return sizes


def at_times(spot: Spot) -> str:
    """The instants of a spot, for messages."""
    return "".join(f"{', ' if k else ' at '}{b} = {n}" for k, (b, n) in enumerate(spot.times.items()))


__all__ = ["Bench", "Case", "Found", "Spot", "at_times", "distinct", "survey"]
