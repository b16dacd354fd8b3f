"""Numeric kernels: what the table's functions and the contractions do with NumPy arrays.

Arrays may carry leading batch axes, so that one forward pass evaluates a network at many points; everything also
takes complex numbers, for complex steps.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from derive.expr import Letters, MissingRule
from derive.ops import Composition, Function

Array = Any


def _sigmoid(x: Array) -> Array:
    """1/(1 + e^-x) without overflow for large |x|."""
    e = np.exp(-np.where(x.real >= 0, x, -x))
    return np.where(x.real >= 0, 1 / (1 + e), e / (1 + e))


def _softplus(x: Array) -> Array:
    right = x.real >= 0
    return np.log1p(np.exp(-np.where(right, x, -x))) + np.where(right, x, 0 * x)


_erf = np.vectorize(math.erf, otypes=[float])
_CUBIC = 0.044715
_ROOT = math.sqrt(2 / math.pi)

_POINTWISE: dict[str, Callable[..., Array]] = {
    "exp": np.exp, "log": np.log, "sqrt": np.sqrt, "sin": np.sin, "cos": np.cos, "tanh": np.tanh, "sign": np.sign,
    "abs": np.abs, "erf": lambda x: _erf(x) if np.size(x) else x, "sigmoid": _sigmoid, "softplus": _softplus,
    "recip": lambda x, n: 1 / x, "power": lambda x, n: x ** (int(n) if float(n).is_integer() else n),
    "relu": lambda x: np.where(x.real > 0, x, 0 * x), "step": lambda x: (x.real > 0) * 1.0,
    "silu": lambda x: x * _sigmoid(x), "gelu": lambda x: x * (1 + _erf(x / math.sqrt(2))) / 2,
    "gelu_tanh": lambda x: x * (1 + np.tanh(_ROOT * (x + _CUBIC * x**3))) / 2,
    "leaky_relu": lambda x, a: np.where(x.real > 0, x, a * x),
    "open": lambda x, a, b, c: np.sin(a * x + b) + c * x * x,
    "elu": lambda x, a: np.where(x.real > 0, x, a * np.expm1(np.where(x.real > 0, 0 * x, x))),
}  # fmt: skip


def pointwise(fn: Function, x: Array) -> Array:
    """fn of every entry. Raises MissingRule where the table has a function without a kernel."""
    kernel = _POINTWISE.get("open" if fn.style == "open" else fn.name)
    if kernel is None:
        raise MissingRule(f"no numeric kernel for {fn.name}: add it to derive.kernels")
    return kernel(np.asarray(x), *(float(p) for p in fn.parameters))


def _softmax(z: Array) -> Array:
    e = np.exp(z - z.real.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def _logsumexp(z: Array) -> Array:
    top = z.real.max(axis=-1, keepdims=True)
    return np.log(np.exp(z - top).sum(axis=-1)) + top[..., 0]


_COMPOSITIONS: dict[str, Callable[..., Array]] = {"softmax": _softmax, "logsumexp": _logsumexp}


def composition(record: Composition) -> Callable[..., Array] | None:
    """A kernel that is numerically better than the composition's body, where there is one."""
    return _COMPOSITIONS.get(record.name)


def stack(entries: Sequence[Array], shape: tuple[int, ...]) -> Array:
    """An array from its entries in row-major order; batch axes of the entries stay in front."""
    parts = np.broadcast_arrays(*entries)
    return np.stack(parts, axis=-1).reshape(*parts[0].shape, *shape)


def square(fn: str, a: Array) -> Array:
    """The inverse or the determinant of the last two axes."""
    return np.linalg.inv(a) if fn == "inverse" else np.linalg.det(a)


_ALPHABET = "abcdefghijklmnopqrstuvwxyz"


def einsum(operands: Sequence[tuple[Array, Letters]], out: Letters, sizes: Sequence[int]) -> Array:
    """The generalised einsum: broadcasts and diagonals in the output are filled in here, NumPy's has neither."""
    free = len(sizes)
    names, seen = [], set()
    factors = list(operands)
    for letter in out:
        if letter in seen:
            factors.append((np.eye(sizes[letter]), (letter, free)))
            names.append(free)
            free += 1
        else:
            names.append(letter)
        seen.add(letter)
    present = {i for _, ls in factors for i in ls}
    factors += [(np.ones(sizes[i]), (i,)) for i in dict.fromkeys(names) if i not in present]
    if not factors:
        return np.ones(())
    inputs = ",".join("..." + "".join(_ALPHABET[i] for i in ls) for _, ls in factors)
    spec = f"{inputs}->...{''.join(_ALPHABET[i] for i in names)}"
    return np.einsum(spec, *(a for a, _ in factors), optimize=len(factors) > 2)


def weighted_sum(terms: Sequence[tuple[float, Array]], shape: tuple[int, ...]) -> Array:
    """Σ c·a; an empty sum is zero."""
    result: Array = np.zeros(shape)
    for k, (c, a) in enumerate(terms):
        part = a if c == 1 else c * a
        result = part if k == 0 else result + part
    return result
