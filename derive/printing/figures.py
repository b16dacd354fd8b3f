"""Numbers as notation: worked values, rounded for the eye, and bounds."""

from __future__ import annotations

from typing import Any

import numpy as np

from derive.printing.notation import Fence, Grid, Node, Num, Power, Prod, Rel, Sum, Word


def short(value: Any) -> str:
    return f"{float(value):.4g}"


def _number(value: float, bracketed: bool = False) -> Node:
    """A number to six significant digits, in brackets where it is negative inside a formula."""
    rounded = float(f"{value:.6g}")
    shown = f"{rounded:.6g}"
    if "e" in shown:
        mantissa, exponent = shown.split("e")
        node: Node = _scientific(mantissa, int(exponent))
        return Fence("paren", node) if bracketed else node
    plain = Num(shown.lstrip("-"))
    if not shown.startswith("-"):
        return plain
    negative = Sum(((-1, plain),))
    return Fence("paren", negative) if bracketed else negative


def _scientific(mantissa: str, exponent: int) -> Node:
    sign = -1 if mantissa.startswith("-") else 1
    power = Num(str(exponent)) if exponent >= 0 else Sum(((-1, Num(str(-exponent))),))
    body = Prod((Num(mantissa.lstrip("-")), Power(Num("10"), power)), "cdot")
    return body if sign > 0 else Sum(((-1, body),))


def below(exponent: int) -> Node:
    """< 10^-11."""
    return Rel((Word(""), Power(Num("10"), Sum(((-1, Num(str(-exponent))),)))), ("<",))


def value_node(value: Any, bracketed: bool = False) -> Node:
    array = np.asarray(value, dtype=float)
    if array.ndim == 0:
        return _number(float(array), bracketed)
    if array.ndim == 1:
        return Grid(tuple((_number(float(x)),) for x in array))
    return Grid(tuple(tuple(_number(float(x)) for x in row) for row in array))
