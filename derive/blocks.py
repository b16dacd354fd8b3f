"""Arrays made of blocks: what stands where in E₁h + E₂x, and the part of an expression that a block's place picks out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import sympy

from derive.expr import Block, Ein, Expr, Letters, Lin, Map, Shape, Unit, apply, ein, is_row, lin, transpose, zeros


class Part(NamedTuple):
    """`value` behind the first `before` entries of an axis, along `width` of them; without that axis where it is one entry of it."""

    before: sympy.Expr
    width: sympy.Expr
    value: Expr
    single: bool = False


def parts(e: Expr, axis: int) -> list[Part] | None:
    """The blocks of e along an axis, in order and without the gaps; None where e isn't made of blocks there.

    [h; x], which is E₁h + E₂x, has h behind nothing and x behind the n entries of h.
    """
    if (turned := _turned(e)) is not None:
        found_there = parts(turned, 1 - axis)
        return found_there and [p if p.single else p._replace(value=transpose(p.value)) for p in found_there]
    terms = e.terms if isinstance(e, Lin) else ((sympy.S.One, e),)
    places: dict[tuple[Any, Any, bool], list[tuple[Any, Expr]]] = {}
    for c, term in terms:
        found = _placed(term, axis)
        if found is None:
            return None
        places.setdefault((found.before, found.width, found.single), []).append((c, found.value))
    if not places:
        return None
    order = sorted(places, key=lambda p: _rank(p, places))
    kept = [Part(b, w, lin(values, values[0][1].shape), s) for b, w, s in order for values in [places[b, w, s]]]
    ends = [sympy.expand(p.before + p.width) for p in kept]
    apart = all(_at_most(end, after.before) for end, after in zip(ends, kept[1:], strict=False))
    return kept if apart else None


def _turned(e: Expr) -> Expr | None:
    """The matrix that e is the transpose of."""
    if isinstance(e, Ein) and len(e.factors) == 1 and len(e.out) == 2 and e.factors[0][1] == e.out[::-1] and not is_row(e):
        matrix = e.factors[0][0]
        return None if is_row(matrix) else matrix
    return None


def _rank(place: tuple[Any, ...], others: Iterable[tuple[Any, ...]]) -> int:
    """How many of the others end where this one begins or before."""
    return sum(_at_most(sympy.expand(other[0] + other[1]), place[0]) for other in others)


def _at_most(a: Any, b: Any) -> bool:
    return bool(sympy.expand(b - a).is_nonnegative)


def _placed(term: Expr, axis: int) -> Part | None:
    """One term: what its block's place puts along the axis."""
    if isinstance(term, Block) and axis == 0:
        return Part(term.before, term.shape[1], ein([], (0, 0), {0: term.shape[1]}))
    if isinstance(term, Unit):
        return Part(term.place - 1, sympy.S.One, ein([], ()), True)
    if not isinstance(term, Ein):
        return None
    letter = term.out[axis]
    here = [k for k, (_, letters) in enumerate(term.factors) if letter in letters]
    if len(here) != 1 or term.out.count(letter) > 1:
        return None
    factor, letters = term.factors[here[0]]
    others = [f for k, f in enumerate(term.factors) if k != here[0]]
    sizes = dict(enumerate(term.dims))
    rest = term.out[:axis] + term.out[axis + 1 :]
    if isinstance(factor, Unit):
        return Part(factor.place - 1, sympy.S.One, ein(others, rest, sizes), True)
    if isinstance(factor, Block) and letters[0] == letter and letters[1] != letter:
        out = (*term.out[:axis], letters[1], *term.out[axis + 1 :])
        return Part(factor.before, factor.shape[1], ein(others, out, sizes))
    return None


def grid(e: Expr) -> list[list[Part | None]] | None:
    """The blocks of a vector or matrix as rows of cells, None where there are zeros; None where it isn't made of blocks."""
    if len(e.shape) not in (1, 2):
        return None
    down = parts(e, 0)
    if len(e.shape) == 1:
        return None if down is None else [[p] for p in _filled(down, e.shape[0])]
    if down is not None:
        return _crossed(down, 1, e.shape) or [[p] for p in _filled(down, e.shape[0])]
    across = parts(e, 1)
    if across is None:
        return None
    crossed = _crossed(across, 0, e.shape)
    return [list(row) for row in zip(*crossed, strict=True)] if crossed else [_filled(across, e.shape[1])]


def _crossed(found: list[Part], axis: int, shape: Shape) -> list[list[Part | None]] | None:
    """The parts along one axis of a matrix, each cut along the other one; None where one of them isn't made of blocks there."""
    rows: dict[Any, list[Part]] = {}
    for p in found:
        cut = None if p.single else parts(p.value, axis)
        if cut is None:
            return None
        rows[p.before] = cut
    columns = _columns([(q.before, q.width) for row in rows.values() for q in row], shape[axis])
    if columns is None:
        return None
    empty: list[Part | None] = [None] * len(columns)
    return [
        empty if p is None else [next((q for q in rows[p.before] if q[:2] == column), None) for column in columns]
        for p in _filled(found, shape[1 - axis])
    ]


def _columns(places: list[tuple[Any, Any]], size: Any) -> list[tuple[Any, Any]] | None:
    """The places in order with the gaps between them; None where some overlap."""
    columns: list[tuple[Any, Any]] = []
    end: Any = sympy.S.Zero
    for before, width in sorted(dict.fromkeys(places), key=lambda p: _rank(p, places)):
        if not _at_most(end, before):
            return None
        columns += [(end, sympy.expand(before - end))] if before != end else []
        columns.append((before, width))
        end = sympy.expand(before + width)
    return [*columns, (end, sympy.expand(size - end))] if end != size else columns


def _filled(found: list[Part], size: Any) -> list[Part | None]:
    """The parts with the gaps between them."""
    filled: list[Part | None] = []
    end: Any = sympy.S.Zero
    for p in found:
        filled += [None, p] if p.before != end else [p]
        end = sympy.expand(p.before + p.width)
    return [*filled, None] if end != size else filled


def picked(e: Expr, axis: int, before: Any, width: Any) -> Expr | None:
    """The entries of e behind the first `before` of an axis, `width` of them, where e shows what they are: Eᵀ[h; x] is h."""
    if isinstance(e, Lin):
        each = [(c, picked(term, axis, before, width)) for c, term in e.terms]
        if any(value is None for _, value in each):
            return None
        shape = (*e.shape[:axis], width, *e.shape[axis + 1 :])
        return lin([(c, value) for c, value in each if value is not None], shape)
    if isinstance(e, Map):
        inner = picked(e.arg, axis, before, width)
        return None if inner is None else apply(e.fn, inner, e.order)
    found = _placed(e, axis)
    if found is not None:
        if not found.single and (found.before, found.width) == (before, width):
            return found.value
        end = sympy.expand(found.before + found.width)
        apart = _at_most(end, before) or _at_most(sympy.expand(before + width), found.before)
        return zeros((*e.shape[:axis], width, *e.shape[axis + 1 :])) if apart else None
    return _picked_inside(e, axis, before, width) if isinstance(e, Ein) else None


def _picked_inside(e: Ein, axis: int, before: Any, width: Any) -> Expr | None:
    """A product, of which all factors along the axis show their entries there."""
    letter = e.out[axis]
    factors: list[tuple[Expr, Letters]] = []
    for f, letters in e.factors:
        if letter in letters:
            inner = picked(f, letters.index(letter), before, width) if letters.count(letter) == 1 else None
            if inner is None:
                return None
            f = inner
        factors.append((f, letters))
    if e.out.count(letter) > 1:
        return None
    return ein(factors, e.out, {**dict(enumerate(e.dims)), letter: width})


__all__ = ["Part", "grid", "parts", "picked"]
