"""Values of expressions at one point of one unrolled network: what decides fast which of many candidates may hold."""

from __future__ import annotations

import numpy as np

from derive.expr import DeriveError, Expr
from derive.judge import Court
from derive.judge.case import Case
from derive.judge.floats import Doubles, lined_up

LANES = (0, 1, 2, 3, 36, 37, 38, 39)  # the last ones are positive, where logarithms have values
ROUGH = 1e-8  # a relative difference that rounding doesn't make
LEAST = 2  # lanes in which two values must agree
SECONDS = 2.0


class Point:
    """A point for the claims about `about`: sizes, a T that is long enough, an instant in the middle for each free one."""

    def __init__(self, court: Court, about: Expr, other: Expr, last: int | None = None):
        self.bench = court.bench
        self.bench.guard.reset(SECONDS)
        self.case = Case(self.bench, about, other, last)
        first, least = self.bench.first, self.case.lasts[0]
        self.last = max(least, first + 6) if self.case.sequential and last is None else least
        self.times = {b: max(first, min(first + 2 + k, self.last)) for k, b in enumerate(self.case.bases)}
        self.known: dict[Expr, np.ndarray | None] = {}

    def of(self, e: Expr) -> np.ndarray | None:
        """The entries in each lane; None where there is no value."""
        if e not in self.known:
            self.known[e] = self._of(e)
        return self.known[e]

    def _of(self, e: Expr) -> np.ndarray | None:
        self.bench.guard.reset(SECONDS)
        self.bench.tidy()
        try:
            graph = self.bench.graph(self.last)
            free = [b for b in graph.free_bases(e) if b not in self.times and b != "T"]
            times = self.times | dict.fromkeys(free, self.bench.first + 1)
            node = graph.node(e, times)
            with np.errstate(all="ignore"):
                model = self.bench.model(("slip",), self.last, self.case.sizes, self.case.given, 0, lambda: Doubles(LANES))
                return np.asarray(lined_up(model.at(node), len(LANES)), dtype=float)
        except (DeriveError, ArithmeticError, RecursionError, MemoryError):
            return None


def close(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """For each of many (the axes before the last two), whether the values agree wherever both have one."""
    if a.shape[-1] != b.shape[-1]:
        return np.zeros(np.broadcast_shapes(a.shape[:-2], b.shape[:-2]), dtype=bool)
    with np.errstate(all="ignore"):
        there = np.isfinite(a).all(axis=-1) & np.isfinite(b).all(axis=-1)
        scale = np.maximum(np.abs(a).max(axis=-1), np.abs(b).max(axis=-1))
        same = np.abs(a - b).max(axis=-1) <= ROUGH * scale + 1e-13
    return (same | ~there).all(axis=-1) & (there.sum(axis=-1) >= LEAST)
