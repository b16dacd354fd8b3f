"""Arrays made of arrays: [h; x], [W_h W_x], matrices of blocks; labels of free indices stay in front."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sympy

from derive.expr import ROW, Misread, block, constant_value, ein, show_shape, unit
from derive.reader.values import Value, add, is_row_shape, together

if TYPE_CHECKING:
    from derive.reader.meaning import Meaning

Cells = list[list[Value]]


@dataclass(frozen=True)
class _Cell:
    """A block: its height and width, None where it is a zero that takes the size of its row and column."""

    value: Value
    height: Any
    width: Any


def joined(m: Meaning, values: Cells) -> Value:
    """The array with these blocks. One column of vectors is a vector, one row of rows lies. Raises ShapeError where they don't fit.

    Vectors of different sizes beside each other are meant to be one vector; a zero and an identity take the size of their place.
    """
    if len(values) == 1 and len(values[0]) > 1 and all(v.rank == 1 for v in values[0]) and len({v.shape for v in values[0]}) > 1:
        values = above(values[0])
    values = _sized(m, values)
    flat = together(*(v for row in values for v in row))
    labels = flat[0].labels
    cells = [[_cell(flat.pop(0)) for _ in row] for row in values]
    heights = [_common([c.height for c in row], "rows") for row in cells]
    widths = [_common([row[k].width for row in cells], "columns") for k in range(len(cells[0]))]
    height, width = (sympy.expand(sympy.Add(*sizes)) for sizes in (heights, widths))
    upright = len(widths) == 1 and all(c.value.rank < 2 for row in cells for c in row)
    lying = len(heights) == 1 and all(is_row_shape(c.value.shape) or not c.value.rank for c in cells[0])
    terms = []
    for n, row in enumerate(cells):
        for k, c in enumerate(row):
            if c.height is None or (constant_value(c.value.expr) == 0 and not c.value.rank):
                continue
            before = tuple(sympy.expand(sympy.Add(*sizes)) for sizes in (heights[:n], widths[:k]))
            shape: tuple[Any, ...] = (height,) if upright else (ROW, width) if lying else (height, width)
            terms.append((1, _placed(c.value, before, shape)))
    if not terms:
        raise Misread("a matrix of zeros whose size nothing says")
    return Value(add(terms).expr, labels)


def _sized(m: Meaning, values: Cells) -> Cells:
    """Identities with the size that another block in their row or column gives them."""

    def one(v: Value, row: list[Value], column: list[Value]) -> Value:
        if getattr(v, "kind", "") != "identity":
            return v
        cells = [*((c, True) for c in row), *((c, False) for c in column)]
        sizes = [(c.height if level else c.width) for x, level in cells if not hasattr(x, "kind") for c in [_cell(x)]]
        size = next((s for s in sizes if s is not None), None)
        if size is None:
            raise Misread("an identity matrix whose size nothing says")
        return v.fill((size, size), m)  # type: ignore[attr-defined]

    return [[one(v, row, [r[k] for r in values if k < len(r)]) for k, v in enumerate(row)] for row in values]


def _cell(v: Value) -> _Cell:
    if v.rank > 2:
        raise Misread(f"a block in {show_shape(v.shape)}")
    if not v.rank:
        zero = constant_value(v.expr) == 0
        return _Cell(v, None, None) if zero else _Cell(v, sympy.S.One, sympy.S.One)
    if v.rank == 1:
        return _Cell(v, v.shape[0], sympy.S.One)
    return _Cell(v, sympy.S.One if v.shape[0] is ROW else v.shape[0], v.shape[1])


def _common(sizes: list[Any], what: str) -> Any:
    known = {s for s in sizes if s is not None}
    if len(known) > 1:
        raise Misread(
            f"blocks with different numbers of {what} beside each other: {', '.join(map(str, sorted(known, key=str)))}"
        )
    return known.pop() if known else sympy.S.One


def _placed(v: Value, before: tuple[Any, Any], shape: tuple[Any, ...]) -> Value:
    """The array of that shape with v behind `before` rows and columns, and zeros."""
    count = len(v.labels)
    front = tuple(range(count))
    own = (count, count + 1)  # the letters of v's rows and columns
    if v.rank == 1:
        letters: tuple[int, ...] = (own[0],)
    elif is_row_shape(v.shape):
        letters = (count + 2, own[1])
    else:
        letters = own if v.rank else ()
    factors: list[Any] = []
    out: list[int] = []
    dims: dict[int, Any] = {}
    axes = (0,) if len(shape) == 1 else (0, 1)
    for axis in axes:
        letter = count + 10 + axis
        out.append(letter)
        if shape[axis] is ROW:
            dims[letter] = ROW
            continue
        thick = own[axis] in letters
        width = v.shape[letters.index(own[axis])] if thick else sympy.S.One
        place: Any = block(shape[axis], before[axis], width) if thick else unit(shape[axis], before[axis] + 1)
        factors.append((place, (letter, own[axis]) if thick else (letter,)))
    return Value(ein([*factors, (v.expr, (*front, *letters))], (*front, *out), dims), v.labels)


def above(values: list[Value]) -> Cells:
    """Blocks one below the other."""
    return [[v] for v in values]


def listed(values: list[Value], breaks: tuple[int, ...]) -> Cells:
    """Blocks in a list. Vectors stand below each other, rows beside each other; matrices beside each other where commas part them.

    breaks: how many blocks stand before each semicolon; what one parts stands below each other.
    """
    if all(v.rank < 2 for v in values):
        return above(values)
    ends = [*breaks, len(values)]
    rows = [values[a:b] for a, b in zip([0, *breaks], ends, strict=True)]
    if len(rows) == 1 and not all(is_row_shape(v.shape) or not v.rank for v in values):
        tall = {v.shape[0] for v in values if v.rank}
        wide = {v.shape[1] for v in values if v.rank == 2}
        return above(values) if len(tall) > 1 and len(wide) == 1 else rows
    return rows


__all__ = ["above", "joined", "listed"]
