"""Numbers that are given for names: exact, read from lists of whole numbers, fractions and decimals."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
import sympy

from derive.expr import ROW, DeriveError, Var
from derive.system import System, solved_sizes

Array = np.ndarray
NUMBER = re.compile(r"\s*[+-]?(\d{1,60}(\.\d{0,60})?|\.\d{1,60})([eE][+-]?\d{1,3})?\s*|\s*[+-]?\d{1,60}/\d{1,60}\s*")
KEY = re.compile(r"(\w+)(?:\[(-?\d{1,6})\])?")


class Given(NamedTuple):
    """Values by name and instant (with one lane in front), and the sizes and the T that follow from them."""

    values: dict[tuple[str, int | None], Array]
    sizes: dict[sympy.Symbol, int]
    last: int | None


def read(system: System | None, free: Iterable[Var], values: Mapping[str, Any]) -> Given:
    """The values of inputs and of free names. Raises DeriveError for what isn't a number, doesn't fit, or is computed."""
    known: dict[str, Var] = {v.name: v for v in free if not v.bar}
    known |= dict(system.independent) if system else {}
    result = Given({}, {}, None)
    for key, value in values.items():
        found = KEY.fullmatch(str(key).replace(" ", ""))
        if found is None:
            raise DeriveError(f"{key!r} is not a name")
        name, instant = found[1], int(found[2]) if found[2] else None
        v = known.get(f"{name}[{instant}]", known.get(name)) if instant is not None else known.get(name)
        if system is not None and name in system.by_name and (v is None or v.key not in system.independent):
            raise DeriveError(f"{key} is computed by {system.name}: only what it takes can be given")
        if v is not None:
            result = _with(result, v, instant, array(key, value), system.first if system else 1)
    return result._replace(sizes=_all_sizes(result.sizes)) if result.sizes else result


def _all_sizes(found: dict[Any, int]) -> dict[Any, int]:
    """The sizes with those that sums and multiples say; of n + d = 5 alone the first is 1. Raises DeriveError where none fit."""
    sizes = {d: n for d, n in found.items() if d.is_Symbol}
    formulas = {d: n for d, n in found.items() if not d.is_Symbol and not d.is_number}
    sizes = solved_sizes(formulas.items(), sizes)
    while open_ := sorted({s for d in formulas for s in d.free_symbols} - sizes.keys(), key=str):
        sizes = solved_sizes(formulas.items(), {**sizes, open_[0]: 1})
    for d, n in formulas.items():
        if d.xreplace(sizes) != n:
            raise DeriveError(f"{n} entries where there are {d}")
    return {**found, **sizes}


def _with(given: Given, v: Var, instant: int | None, numbers: Array, first: int) -> Given:
    """The given values with those of one quantity more."""
    if v.time is not None and v.time.base and instant is None:
        last = first + len(numbers) - 1 if numbers.ndim else None
        if last is None or given.last not in (None, last):
            raise DeriveError(f"{v.name} is a sequence: its value is a list over t, as long as the others")
        for k, row in enumerate(numbers):
            given = _with(given, v, first + k, np.asarray(row, dtype=object), first)
        return given._replace(last=last)
    if numbers.ndim != len(v.shape):
        raise DeriveError(f"{v.key}: {numbers.ndim} nested lists where {len(v.shape)} are needed")
    for d, n in zip(v.shape, numbers.shape, strict=True):
        if given.sizes.setdefault(d, n) != n or n != (1 if d is ROW else int(d) if d.is_Integer else n):
            raise DeriveError(f"{v.key}: {n} entries where {d} = {given.sizes[d]}")
    at = instant if instant is not None or v.time is None else v.time.offset
    given.values[v.name, at] = numbers[None]
    return given


def array(key: str, value: Any) -> Array:
    """Nested lists of one length as an array of Fractions. Raises DeriveError with the name."""
    value = value.tolist() if isinstance(value, np.ndarray) else value
    if not isinstance(value, list | tuple):
        result = np.empty((), dtype=object)
        result[()] = fraction(key, value)
        return result
    rows = [array(key, v) for v in value]
    if not rows or len({r.shape for r in rows}) > 1:
        raise DeriveError(f"{key}: rows of different lengths, or none")
    result = np.empty((len(rows), *rows[0].shape), dtype=object)
    for k, row in enumerate(rows):
        result[k] = row[()] if not row.shape else row
    return result


def fraction(key: str, value: Any) -> Fraction:
    """An exact number; a float or a string is read as the decimal that it is written as."""
    if isinstance(value, int | Fraction) and not isinstance(value, bool):
        return Fraction(value)
    if isinstance(value, sympy.Rational):
        return Fraction(int(value.p), int(value.q))
    text = str(value) if isinstance(value, str | float | np.floating) else ""
    try:
        if NUMBER.fullmatch(text):
            return Fraction(text.strip())
    except ZeroDivisionError:
        pass
    raise DeriveError(f"{key}: {str(value)[:40]!r} is not a number")
