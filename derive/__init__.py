"""derive: a symbolic derivation engine for neural networks.

>>> import derive
>>> net = derive.load("residual")
>>> net.solve().gradients["W2"]
ȳ hᵀ
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

from derive.check import Report  # and with it the check of a network
from derive.convert import from_sympy
from derive.expr import DeriveError, Expr, MissingRule, ShapeError
from derive.judge import Verdict
from derive.judge import judge as _judged
from derive.network import Network, gallery, load, network
from derive.ops import *  # every function of the table by its name
from derive.ops import CALLABLES
from derive.pysource import dimension
from derive.system import NetworkError, System

__version__ = "0.1.0"


class _Declared(type):
    """Annotations such as Vector[n]: read from the text, so at run time they only have to exist."""

    def __getitem__(cls, sizes: Any) -> type:
        return cls


class Scalar(metaclass=_Declared):
    """A number."""


class Vector(metaclass=_Declared):
    """Vector[n]: a column of n numbers."""


class Matrix(metaclass=_Declared):
    """Matrix[n, d]: n rows, d columns."""


class Sequence(metaclass=_Declared):
    """Sequence[Vector[d]]: one vector for each t."""


class Time(metaclass=_Declared):
    """The time index, 1 … T; Time[0] is 0 … T."""


class Function(metaclass=_Declared):
    """A scalar function left open: ell(h), or ell[t](h[t])."""


def dims(names: str) -> Any:
    """Sizes as SymPy symbols: dims("n") is one symbol, dims("n m") a tuple."""
    symbols = tuple(map(dimension, names.replace(",", " ").split()))
    return symbols[0] if len(symbols) == 1 else symbols


class _Judge(ModuleType):
    """derive.judge is the package, and a function: derive.judge(a, b, network)."""

    def __call__(self, a: Expr, b: Expr, network: Network | System | None = None, **options: Any) -> Verdict:
        """Whether a = b, in a network or for free quantities; options as derive.judge.judge has them."""
        return _judged(a, b, network.system if isinstance(network, Network) else network, **options)


sys.modules["derive.judge"].__class__ = _Judge

globals().update(CALLABLES)  # abs, dot and ones among them, which Python or the engine uses otherwise

__all__ = [
    "DeriveError", "Expr", "Function", "Matrix", "MissingRule", "Network", "NetworkError", "Report", "Scalar", "Sequence", "ShapeError",
    "Time", "Vector", "Verdict", "dims", "from_sympy", "gallery", "judge", "load", "network", *CALLABLES,
]  # fmt: skip
