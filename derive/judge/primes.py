"""Two chains of primes P[k] = 2 P[k+1] + 1, the generators of their squares, and logarithms to that base."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from derive.expr import MissingRule

Array = np.ndarray
LEVELS = 6
CHAINS = tuple(tuple((top - (2**k - 1)) // 2**k for k in range(LEVELS)) for top in (2444789759, 3250268159))
BABY = 2**17  # steps in the table of a logarithm
FILTER = 20  # bits by which most of what is not in the table is thrown out

_U = np.uint64


def inverse_of(q: int, p: int) -> int:
    """1/q modulo p. Raises MissingRule where there is none."""
    if q % p == 0:
        raise MissingRule(f"a denominator that {p} divides")
    return pow(q, -1, p)


@lru_cache(maxsize=64)
def generator(p: int) -> int:
    """A random square: it generates the group of squares, whose order is the next prime of the chain."""
    return pow(int(np.random.default_rng([p, 11]).integers(2, p - 2)), 2, p)


@lru_cache(maxsize=64)
def byte_powers(g: int, p: int) -> Array:
    """g to the power of each byte at each of four places: shape (4, 256)."""
    return np.array([[pow(g, value << (8 * byte), p) for value in range(256)] for byte in range(4)], dtype=_U)


class _Logarithms:
    """Discrete logarithms of squares mod p by baby steps and giant steps, many at once."""

    def __init__(self, p: int):
        self.p, self.order = p, (p - 1) // 2
        self.half = pow(2, -1, self.order)
        powers = _progression(generator(p), BABY, p)
        self.places = np.argsort(powers)
        self.baby = powers[self.places]
        self.met = np.zeros(2**FILTER, dtype=bool)
        self.met[(powers & _U(2**FILTER - 1)).astype(np.intp)] = True
        self.giant = _progression(pow(generator(p), -BABY, p), -(-self.order // BABY), p)

    def of_absolute(self, x: Array) -> Array:
        """log |x|, where |x| is the square among x and -x; 0 for 0."""
        square = x * x % _U(self.p)
        return np.array([self._one(int(v)) * self.half % self.order for v in square.ravel()], dtype=_U).reshape(x.shape)

    @lru_cache(maxsize=20_000)  # noqa: B019  # there are few of these objects, and they stay
    def _one(self, x: int) -> int:
        if x == 0:
            return 0
        candidates = self.giant * _U(x) % _U(self.p)
        hits = np.flatnonzero(self.met[(candidates & _U(2**FILTER - 1)).astype(np.intp)])
        at = np.minimum(np.searchsorted(self.baby, candidates[hits]), BABY - 1)
        k = int(np.flatnonzero(self.baby[at] == candidates[hits])[0])
        return (int(hits[k]) * BABY + int(self.places[at[k]])) % self.order


def _progression(g: int, count: int, p: int) -> Array:
    """1, g, g², … below p."""
    powers = np.ones(1, dtype=_U)
    while powers.size < count:
        powers = np.concatenate([powers, powers * _U(pow(g, powers.size, p)) % _U(p)])
    return powers[:count]


@lru_cache(maxsize=16)
def logarithms(p: int) -> _Logarithms:
    """The logarithms of a prime, whose tables are made once."""
    return _Logarithms(p)
