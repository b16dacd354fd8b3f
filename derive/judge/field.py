"""Exact random evaluation over chains of primes P[k] = 2 P[k+1] + 1 (Gonnet's treatment of exp).

A lane is one prime of one chain, at one of several points. exp at level k is g to the power of the argument at level k+1, a
true homomorphism; log is the discrete logarithm, from level k to level k+1; sqrt the root that is itself a square; sign the
quadratic character, so that squares are the positive numbers. sin, cos, erf, and exp and log beyond the ends of a chain, are
random functions of the value: two equal expressions are equal there too, but identities that need more are not seen.
Bits count a wrong claim as equal modulo p by chance 1/p: the degree of the difference is left out.
Where log or sqrt meets what is no square it takes the absolute value, and the lane is marked: there the claim may fail.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from functools import cached_property, lru_cache
from typing import Any

import flint
import numpy as np
import sympy

from derive.expr import Expr, Map, MissingRule
from derive.judge.functions import Z, primitive, program
from derive.judge.model import Model
from derive.judge.nodes import Leaf
from derive.judge.primes import CHAINS, LEVELS, byte_powers, generator, inverse_of, logarithms

Array = np.ndarray
TARGET = 1  # the level at which two sides are compared; level 0 is what log comes from
POINTS = 4  # the second half of them has squares only
LOG_LEVELS = 2  # logarithms are exact into the levels 1 … this

_U = np.uint64


class Residues:
    """Residues in lanes ordered by chain, level, point."""

    def __init__(self, seed: int = 0):
        self.seed = seed
        lanes = [(c, k, r) for c in range(len(CHAINS)) for k in range(LEVELS) for r in range(POINTS)]
        self.lanes = len(lanes)
        self.primes = np.array([CHAINS[c][k] for c, k, _ in lanes], dtype=_U)
        self.target = np.array([k == TARGET for _, k, _ in lanes])
        self.positive = np.array([r >= POINTS // 2 for _, _, r in lanes])
        self.level = np.array([k for _, k, _ in lanes])
        self.chain = np.array([c for c, _, _ in lanes])
        self.bits = np.log2(self.primes.astype(float))
        self._shaped: dict[int, Array] = {}

    def modulus(self, rank: int) -> Array:
        if rank not in self._shaped:
            self._shaped[rank] = self.primes.reshape((-1,) + (1,) * (rank - 1))
        return self._shaped[rank]

    # -- the ring -------------------------------------------------------------------------------------------

    def add(self, a: Array, b: Array) -> Array:
        total = a + b
        return total % self.modulus(total.ndim)

    def subtract(self, a: Array, b: Array) -> Array:
        p = self.modulus(max(a.ndim, b.ndim))
        return (a + (p - b)) % p

    def multiply(self, a: Array, b: Array) -> Array:
        product = a * b
        return product % self.modulus(product.ndim)

    def total(self, a: Array, axes: tuple[int, ...]) -> Array:
        result = a.sum(axis=axes)
        return result % self.modulus(result.ndim)

    def filled(self, shape: tuple[int, ...], value: int) -> Array:
        return np.full((1, *shape), value, dtype=_U)

    def leaf(self, leaf: Leaf, shape: tuple[int, ...], positive: bool, seed: int) -> Array:
        key = f"{leaf.name} {leaf.instant} {leaf.bar} {len(shape)}"
        rng = np.random.default_rng([seed, self.seed, 7, zlib.crc32(key.encode())])
        p = self.modulus(1 + len(shape))
        values = rng.integers(1, 2**63, (self.lanes, *shape), dtype=_U) % (p - _U(1)) + _U(1)
        if positive:
            return values * values % p
        squares = self.positive.reshape((-1,) + (1,) * len(shape))
        return np.where(squares, values * values % p, values)

    def given(self, values: Array) -> Array:
        result = np.empty((self.lanes, *values.shape[1:]), dtype=_U)
        for lane, p in enumerate(map(int, self.primes)):
            row = values[lane if values.shape[0] > 1 else 0]
            result[lane] = np.vectorize(lambda f, p=p: f.numerator * inverse_of(f.denominator, p) % p, otypes=[_U])(row)
        return result

    def number(self, c: sympy.Expr) -> Array:
        if c.is_Rational:
            return np.array([int(c.p) * inverse_of(int(c.q), p) % p for p in map(int, self.primes)], dtype=_U)
        if c in (sympy.pi, sympy.E):
            return (
                self.leaf(Leaf(f"{c}", None, False, ()), (), True, 0)
                if c is sympy.pi
                else self.function("exp", self.number(sympy.S.One), 0)
            )
        parts = [self.number(a) for a in c.args]
        match c:
            case sympy.Add():
                return _folded(self.add, parts)
            case sympy.Mul():
                return _folded(self.multiply, parts)
            case sympy.Pow() if c.exp.is_Integer:
                return self.function("power", parts[0], int(c.exp))
            case sympy.Pow() if c.exp.is_Rational and c.exp.q == 2:
                return self.function("power", self.function("sqrt", parts[0], 0), int(c.exp.p))
            case sympy.Pow():
                return self.function("exp", self.multiply(parts[1], self.function("log", parts[0], 0)), 0)
            case sympy.exp() | sympy.log():
                return self.function(c.func.__name__, parts[0], 0)
        raise MissingRule(f"no rule for the number {c}")

    # -- functions ------------------------------------------------------------------------------------------

    def function(self, name: str, x: Array, n: int) -> Array:
        x = np.broadcast_to(x, (self.lanes, *x.shape[1:])) if x.shape[0] != self.lanes else x
        p = self.primes
        match name:
            case "exp":
                return self._exp(x)
            case "log":
                return self._log(x)
            case "sqrt":
                return self.powers(x, (p + _U(1)) // _U(4))
            case "recip":
                return self.powers(x, p - _U(2))
            case "sign":
                return self.powers(x, (p - _U(1)) // _U(2))
            case "left":
                found = self.powers(x, (p - _U(1)) // _U(2))
                return np.where(found == 0, self.modulus(x.ndim) - _U(1), found)
            case "power":
                positive = self.powers(x, np.array([abs(n) % (q - 1) for q in map(int, p)], dtype=_U))
                return positive if n >= 0 else self.powers(positive, p - _U(2))
        return self._random(name, x)

    def powers(self, x: Array, exponents: Array) -> Array:
        """x to an exponent of each lane's own, by squaring."""
        p = self.modulus(x.ndim)
        exponents = exponents.reshape((-1,) + (1,) * (x.ndim - 1))
        result, base = np.ones_like(x), x
        for bit in range(int(exponents.max()).bit_length()):
            odd = (exponents >> _U(bit)) & _U(1)
            result = np.where(odd, result * base % p, result)
            base = base * base % p
        return result

    def is_square(self, x: Array) -> Array:
        """One flag for each lane: every entry is a square and not zero."""
        x = np.broadcast_to(x, (self.lanes, *x.shape[1:]))
        return (self.powers(x, (self.primes - _U(1)) // _U(2)) == 1).reshape(self.lanes, -1).all(axis=1)

    def _random(self, name: str, x: Array) -> Array:
        """A random function of the value, fixed by its name."""
        z = x + _U(zlib.crc32(name.encode()) * 0x9E3779B97F4A7C15 % 2**64)
        for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
            z = (z ^ (z >> _U(shift))) * _U(factor)
        return (z ^ (z >> _U(31))) % self.modulus(x.ndim)

    # -- exp and log ----------------------------------------------------------------------------------------

    @cached_property
    def _windows(self) -> Array:
        """For each chain and level the powers of g for each byte of an exponent: shape (lanes, 4, 256)."""
        return np.stack([byte_powers(generator(p), p) for p in map(int, self.primes)])

    def _raised(self, e: Array) -> Array:
        """g^e for exponents below 2^32."""
        lanes = np.arange(self.lanes).reshape((-1,) + (1,) * (e.ndim - 1))
        p = self.modulus(e.ndim)
        result = self._windows[lanes, 0, (e & _U(255)).astype(int)]
        for byte in (1, 2, 3):
            result = result * self._windows[lanes, byte, ((e >> _U(8 * byte)) & _U(255)).astype(int)] % p
        return result

    def _exp(self, x: Array) -> Array:
        """From level k+1 to level k; at the last level a random power of g, with exp(-x) = 1/exp(x)."""
        e = np.roll(x, -POINTS, axis=0)
        last = self.level == LEVELS - 1
        p = self.modulus(x.ndim)[last]
        value = x[last]
        small = np.minimum(value, (p - value) % p)
        hashed = self._mixed(small)
        half = (p - _U(1)) // _U(2)
        hashed = np.where(small == 0, _U(0), hashed % half)
        e[last] = np.where(value == small, hashed, (half - hashed) % half)
        return self._raised(e)

    @staticmethod
    def _mixed(x: Array) -> Array:
        z = x * _U(0x9E3779B97F4A7C15)
        z = (z ^ (z >> _U(30))) * _U(0xBF58476D1CE4E5B9)
        return (z ^ (z >> _U(27))) >> _U(20)

    def _log(self, x: Array) -> Array:
        """From level k to level k+1, of the absolute value; elsewhere a random function of the value."""
        result = np.where(x == 1, _U(0), self._random("log", x))
        for c, chain in enumerate(CHAINS):
            for k in range(1, LOG_LEVELS + 1):
                here = (self.chain == c) & (self.level == k)
                above = (self.chain == c) & (self.level == k - 1)
                result[here] = logarithms(chain[k - 1]).of_absolute(x[above])
        return result

    # -- matrices, comparison -------------------------------------------------------------------------------

    def square(self, fn: str, a: Array) -> Array:
        a = np.broadcast_to(a, (self.lanes, *a.shape[1:]))
        result = np.empty(a.shape[:1] if fn == "det" else a.shape, dtype=_U)
        for lane, p in enumerate(map(int, self.primes)):
            matrix = flint.nmod_mat(a.shape[1], a.shape[1], [int(v) for v in a[lane].ravel()], p)
            if fn == "det":
                result[lane] = int(matrix.det())
            elif int(matrix.det()) == 0:
                raise MissingRule("a matrix without an inverse")
            else:
                result[lane] = np.array([int(v) for v in matrix.inv().entries()], dtype=_U).reshape(a.shape[1:])
        return result

    def equal(self, a: Array, b: Array) -> Array:
        """A flag for each lane of the level that is compared."""
        a, b = np.broadcast_arrays(a, b)
        same = np.broadcast_to((a == b).reshape(a.shape[0], -1).all(axis=1), (self.lanes,))
        return same[self.target]


def _folded(operation: Any, parts: Sequence[Array]) -> Array:
    result = parts[0]
    for part in parts[1:]:
        result = operation(result, part)
    return result


@lru_cache(maxsize=8)
def residues(seed: int = 0) -> Residues:
    """The residues of a seed: their tables are made once."""
    return Residues(seed)


class FieldModel(Model):
    """A model in residues that also knows the lanes in which a logarithm or a root has met what is no square."""

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.marks: dict[int, Array] = {}
        self.squares: dict[tuple[int, Expr], Array] = {}

    def forget(self) -> None:
        super().forget()
        self.marks = {i: v for i, v in self.marks.items() if i < self.graph.mark}
        self.squares = {k: v for k, v in self.squares.items() if k[0] < self.graph.mark}

    def _note(self, i: int) -> None:
        node = self.graph.nodes[i]
        if node.kind == "map":
            marked = [self._through(node.inputs[0], *node.data)]
        else:
            marked = [self.marks.get(j) for j in node.inputs]
        if node.kind == "bar" and self.graph.loss is not None:
            marked.append(self.marks.get(self.graph.loss))
        self._mark(i, marked)

    def _mark(self, i: int, marked: list[Array | None]) -> None:
        found = [lanes for lanes in marked if lanes is not None and lanes.any()]
        if found:
            self.marks[i] = np.logical_or.reduce(found)

    def _through(self, arg: int, fn: Any, order: int) -> Array | None:
        """The marked lanes of a function's value: exp and log move them from one level to another."""
        marks: dict[Expr, Array | None] = {Z: self.marks.get(arg)}
        for step in program(fn, order):
            if step is Z:
                continue
            found = [lanes for c in step.children() if (lanes := marks[c]) is not None]
            name = primitive(step.fn)[0] if isinstance(step, Map) else ""
            if name in ("log", "sqrt"):
                found.append(self._no_squares(arg, step.kids[0]))
            lanes = np.logical_or.reduce(found) if found else None
            marks[step] = lanes if lanes is None else np.roll(lanes, {"log": POINTS, "exp": -POINTS}.get(name, 0))
        return marks[step]

    def _no_squares(self, arg: int, inner: Expr) -> Array:
        if (arg, inner) not in self.squares:
            value = self.values[arg] if inner is Z else self.partial[arg, inner]
            self.squares[arg, inner] = ~self.by.is_square(value)  # type: ignore[attr-defined]
        return self.squares[arg, inner]

    def shown(self, left: int, right: int) -> float | None:
        """Bits to which two nodes are equal, or None where that isn't shown."""
        by: Any = self.by
        equal = by.equal(self.at(left), self.at(right))
        marked = [self.marks[i][by.target] for i in (left, right) if i in self.marks]
        if not (equal if not marked else equal | np.logical_or.reduce(marked)).all():
            return None
        return float(by.bits[by.target][equal].sum())
