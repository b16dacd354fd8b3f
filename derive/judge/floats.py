"""Real numbers: float64 for a quick look at many points, balls (python-flint's arb) for what is certified."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import flint
import numpy as np
import sympy

from derive.expr import MissingRule
from derive.judge.nodes import Leaf

Array = np.ndarray
POINTS = 40  # drawn at once; an arithmetic takes some of them as its lanes
POSITIVE = 10  # the last of them are positive throughout
SCALE = 64
RANGES = ((13, 78), (13, 231), (2, 64))  # of magnitudes: where some are not defined, larger or smaller ones may be


@lru_cache(maxsize=4096)
def drawn(leaf: Leaf, shape: tuple[int, ...], positive: bool, seed: int) -> Array:
    """Numerators over `SCALE` for every point; the first seed's are of magnitude 0.2 to 1.2."""
    key = f"{leaf.name} {leaf.instant} {leaf.bar} {len(shape)}"
    rng = np.random.default_rng([seed, zlib.crc32(key.encode())])
    size = rng.integers(*RANGES[seed % len(RANGES)], (POINTS, *shape))
    signs = rng.choice([-1, 1], (POINTS, *shape))
    signs[POINTS - POSITIVE :] = 1
    return size if positive else size * signs


class Plain:
    """What both kinds share: NumPy does the array work."""

    def __init__(self, lanes: Sequence[int]):
        self.points = list(lanes)
        self.lanes = len(self.points)

    def add(self, a: Array, b: Array) -> Array:
        return a + b

    def subtract(self, a: Array, b: Array) -> Array:
        return a - b

    def multiply(self, a: Array, b: Array) -> Array:
        return a * b

    def total(self, a: Array, axes: tuple[int, ...]) -> Array:
        return np.add.reduce(a, axis=axes) if len(axes) == 1 else a.sum(axis=axes)


class Doubles(Plain):
    """float64 at many points: it may only say that two values differ clearly, or perhaps not."""

    def number(self, c: sympy.Expr) -> Array:
        return np.array([_float(c)])

    def leaf(self, leaf: Leaf, shape: tuple[int, ...], positive: bool, seed: int) -> Array:
        return drawn(leaf, shape, positive, seed)[self.points] / SCALE

    def given(self, values: Array) -> Array:
        return np.frompyfunc(_float, 1, 1)(values).astype(float)

    def filled(self, shape: tuple[int, ...], value: int) -> Array:
        return np.full((1, *shape), float(value))

    def function(self, name: str, x: Array, n: int) -> Array:
        if name == "power":
            return np.power(x, float(n)) if n >= 0 else 1.0 / np.power(x, float(-n))
        return _DOUBLE[name](x)

    def square(self, fn: str, a: Array) -> Array:
        return np.linalg.det(a) if fn == "det" else np.stack([_inverse(matrix) for matrix in a])


def _inverse(a: Array) -> Array:
    try:
        return np.linalg.inv(a)
    except np.linalg.LinAlgError:
        return np.full(a.shape, np.nan)


def _float(c: Any) -> float:
    try:
        return float(c)
    except OverflowError:
        return float("inf")


def _erf(x: Array) -> Array:
    from math import erf

    return np.vectorize(erf, otypes=[float])(x)


_DOUBLE: dict[str, Any] = {
    "exp": np.exp, "log": np.log, "sqrt": np.sqrt, "recip": lambda x: 1.0 / x, "sign": np.sign,
    "left": lambda x: np.where(x > 0, 1.0, np.where(np.isnan(x), x, -1.0)), "sin": np.sin, "cos": np.cos, "erf": _erf,
}  # fmt: skip


class Balls(Plain):
    """Real balls: every operation encloses its exact result, so disjoint balls prove that two values differ."""

    def __init__(self, lanes: Sequence[int], bits: int = 240):
        super().__init__(lanes)
        self.bits = bits

    def number(self, c: sympy.Expr) -> Array:
        with precision(self.bits):
            return _wrapped(ball(c))

    def leaf(self, leaf: Leaf, shape: tuple[int, ...], positive: bool, seed: int) -> Array:
        numerators = drawn(leaf, shape, positive, seed)[self.points]
        return _each(numerators, lambda n: flint.arb(int(n)) / SCALE)

    def given(self, values: Array) -> Array:
        return _each(values, lambda f: flint.arb(flint.fmpq(f.numerator, f.denominator)))

    def filled(self, shape: tuple[int, ...], value: int) -> Array:
        result = np.empty((1, *shape), dtype=object)
        result.fill(flint.arb(value))
        return result

    def function(self, name: str, x: Array, n: int) -> Array:
        if name == "power":
            return _where_bounded(lambda v: v**n)(x)
        return _BALL[name](x)

    def square(self, fn: str, a: Array) -> Array:
        shape = a.shape[:1] if fn == "det" else a.shape
        result = np.empty(shape, dtype=object)
        for lane in range(a.shape[0]):
            result[lane] = _ball_square(fn, a[lane])
        return result


def _ball_square(fn: str, a: Array) -> Any:
    matrix = flint.arb_mat(a.tolist())
    if fn == "det":
        return matrix.det()
    result = np.empty(a.shape, dtype=object)
    try:
        result.ravel()[:] = matrix.inv().entries()
    except ZeroDivisionError:
        result.fill(flint.arb.nan())
    return result


def _each(values: Array, change: Any) -> Array:
    return np.frompyfunc(change, 1, 1)(np.asarray(values, dtype=object)).reshape(np.shape(values))


def _wrapped(x: Any) -> Array:
    result = np.empty(1, dtype=object)
    result[0] = x
    return result


def _ball_left(x: Any) -> Any:
    return flint.arb(-1) if x.is_zero() else x.sgn()


def _where_bounded(f: Callable[[Any], Any]) -> Callable[[Array], Array]:
    """f of every ball; what has no value gets none by a function with a bounded range either."""
    nothing = flint.arb.nan()
    return np.frompyfunc(lambda v: f(v) if v.is_finite() else nothing, 1, 1)


_BALL: dict[str, Callable[[Array], Array]] = {
    **{name: _where_bounded(getattr(flint.arb, name)) for name in ("exp", "log", "sqrt", "sin", "cos", "erf")},
    "recip": _where_bounded(lambda v: 1 / v), "sign": _where_bounded(flint.arb.sgn), "left": _where_bounded(_ball_left),
}  # fmt: skip


@contextmanager
def precision(bits: int) -> Iterator[None]:
    """flint's precision is global: set for a while."""
    before = flint.ctx.prec
    flint.ctx.prec = bits
    try:
        yield
    finally:
        flint.ctx.prec = before


def ball(c: sympy.Expr) -> Any:
    """An exact SymPy number as a ball. Raises MissingRule for a kind of number that has no rule."""
    if c.is_Rational:
        return flint.arb(flint.fmpq(int(c.p), int(c.q)))
    if c is sympy.pi:
        return flint.arb.pi()
    if c is sympy.E:
        return flint.arb.const_e()
    parts = [ball(a) for a in c.args]
    match c:
        case sympy.Add():
            return sum(parts[1:], parts[0])
        case sympy.Mul():
            result = parts[0]
            for p in parts[1:]:
                result = result * p
            return result
        case sympy.Pow():
            return parts[0] ** parts[1]
        case sympy.exp():
            return parts[0].exp()
        case sympy.log():
            return parts[0].log()
    raise MissingRule(f"no rule for the number {c}")


def lined_up(values: Array, lanes: int) -> Array:
    """One row of entries for each lane."""
    return np.broadcast_to(values, (lanes, *values.shape[1:])).reshape(lanes, -1)


def finite(a: Array) -> bool:
    """Whether every ball is bounded."""
    return all(v.is_finite() for v in a.ravel())


def differ(a: Array, b: Array) -> bool:
    """Certified: some entries are disjoint balls."""
    return any(not x.overlaps(y) for x, y in zip(a.ravel(), b.ravel(), strict=True))


def agree(a: Array, b: Array, bits: int = 120) -> bool:
    """In every lane each entry of the difference is below 2^-bits of the largest entry (or of 2^-16, if that is larger)."""
    for x, y in zip(a.reshape(len(a), -1), b.reshape(len(b), -1), strict=True):
        scale = max((float(abs(v).upper()) for v in (*x, *y)), default=0.0)
        bound = flint.arb(max(scale, 2.0**-16)) * flint.arb(2) ** -bits
        if not all(abs(u - v).upper() <= bound for u, v in zip(x, y, strict=True)):
            return False
    return True
