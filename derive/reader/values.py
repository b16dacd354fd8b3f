"""Values with named indices: the entries x_i, W_{ij} of index form and the arrays of matrix form in one arithmetic.

A value is an expression whose first axes belong to its labels (free indices), and whose others are the positional axes of
matrix form. Labels of one name are one index; letters are aligned, broadcast, summed and made diagonal by einsums.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import sympy

from derive.expr import (
    ROW,
    Ein,
    Expr,
    Lin,
    Map,
    Misread,
    Shape,
    ShapeError,
    Stack,
    Var,
    constant,
    constant_value,
    ein,
    is_row,
    lin,
    matmul,
    ones,
    show_shape,
    transpose,
    unit,
)
from derive.ops import recip


@dataclass(frozen=True)
class Chain:
    """A derivative whose axes are still those of its top and of its below, before a layout says which are rows."""

    top: Expr | None  # None: a scalar top, whichever
    below: Expr
    top_rank: int
    below_rank: int
    through: bool = False  # it runs through time: ∂h_t/∂h_k
    fixed: bool = False  # an adjoint by its own sign, v̄: in the shape of v whatever the layout of fractions
    own: bool = False  # by ∇ or d, which speak of the shape of v
    order: int = 0  # 1: a product with tops on the left, -1: on the right; the two don't mix in one product


@dataclass(frozen=True)
class Value:
    """labels name the first axes of `expr`; `chain` marks a derivative without a layout."""

    expr: Expr
    labels: tuple[str, ...] = ()
    chain: Chain | None = None
    tall: bool = False  # a column of row sums, which beside a matrix belongs to its rows
    laid: bool = False  # a product with a Jacobian that already lies one way
    named: bool = False  # a number with a name, which in a sum is added to every entry

    @property
    def shape(self) -> Shape:
        """The positional shape."""
        return self.expr.shape[len(self.labels) :]

    @property
    def rank(self) -> int:
        return len(self.shape)

    def size(self, label: str) -> Any:
        return self.expr.shape[self.labels.index(label)]

    def plain(self) -> Value:
        return replace(self, chain=None)


def number(value: Any) -> Value:
    return Value(constant(value))


def _letters(a: Value, index: dict[str, int], start: int) -> tuple[int, ...]:
    return tuple(index[name] for name in a.labels) + tuple(range(start, start + a.rank))


def _index(*values: Value) -> dict[str, int]:
    """A letter for each label, in order of appearance."""
    index: dict[str, int] = {}
    for v in values:
        for name in v.labels:
            index.setdefault(name, len(index))
    return index


def check_sizes(*values: Value) -> None:
    """One label has one size. Raises ShapeError."""
    sizes: dict[str, Any] = {}
    for v in values:
        for name, size in zip(v.labels, v.expr.shape, strict=False):
            if sizes.setdefault(name, size) != size:
                raise ShapeError(f"the index {name} runs over {sizes[name]} and over {size} entries")


def relabel(v: Value, labels: tuple[str, ...], sizes: dict[str, Any]) -> Value:
    """The same value with exactly these labels, in this order: missing ones are broadcast, repeated ones were made diagonal."""
    if v.labels == labels:
        return v
    index = {name: k for k, name in enumerate(labels)}
    inner = tuple(range(len(labels), len(labels) + v.rank))
    dims = {k: sizes[name] for name, k in index.items()}
    return Value(
        ein([(v.expr, tuple(index[n] for n in v.labels) + inner)], tuple(range(len(labels))) + inner, dims), labels, v.chain
    )


def together(*values: Value) -> list[Value]:
    """The values over the union of their labels."""
    check_sizes(*values)
    labels = tuple(_index(*values))
    sizes = {name: v.size(name) for v in values for name in v.labels}
    return [relabel(v, labels, sizes) for v in values]


def is_simple_scalar(e: Expr) -> bool:
    """A number, a quantity or a function of them: a scalar that people add to every entry without saying so."""
    while True:
        if constant_value(e) is not None or isinstance(e, Var):
            return True
        if isinstance(e, Map):
            e = e.arg
        elif isinstance(e, Lin):
            return all(is_simple_scalar(x) for _, x in e.terms)
        elif isinstance(e, Ein):
            return len(e.factors) == 1 and isinstance(e.factors[0][0], Var)  # the mean or the sum of the entries of a quantity
        else:
            return False


def add(terms: list[tuple[int, Value]]) -> Value:
    """A sum. Scalars that are simple are added to every entry; a vector to every row of a batch. Raises ShapeError."""
    values = together(*(v for _, v in terms))
    shapes = {v.shape for v in values}
    if len(shapes) > 1:
        values = _broadcast(values)
    shape = values[0].expr.shape
    return Value(lin([(sign, v.expr) for (sign, _), v in zip(terms, values, strict=True)], shape), values[0].labels)


def _broadcast(values: list[Value]) -> list[Value]:
    wide = max((v for v in values), key=lambda v: v.rank)
    if wide.rank == 2 and is_row_shape(wide.shape):
        wide = next((v for v in values if v.rank == 2 and not is_row_shape(v.shape)), wide)
    return [_spread(v, wide) for v in values]


def is_row_shape(shape: Shape) -> bool:
    return len(shape) == 2 and shape[0] is ROW


def _spread(v: Value, wide: Value) -> Value:
    if v.shape == wide.shape:
        return v
    count = len(v.labels)
    outer, inner = tuple(range(count)), tuple(range(count, count + wide.rank))
    dims = dict(enumerate(wide.expr.shape))
    if not v.rank and (v.named or is_simple_scalar(v.expr if not v.labels else constant(0))):
        return Value(ein([(v.expr, outer)], outer + inner, dims), v.labels)
    if not v.rank and v.labels and _simple_labelled(v.expr):
        return Value(ein([(v.expr, outer)], outer + inner, dims), v.labels)
    if wide.rank == 2 and v.rank == 2 and v.shape[0] == 1 and v.shape[0] is not ROW and v.shape[1] == wide.shape[1]:
        return Value(ein([(v.expr, (*outer, count + 7, inner[1]))], outer + inner, dims), v.labels)  # R^{1 × n} added to each row
    if wide.rank == 2 and not is_row_shape(wide.shape):
        entries = v.shape[1:] if is_row_shape(v.shape) else v.shape
        if len(entries) == 1:
            row_fits, column_fits = entries[0] == wide.shape[1], entries[0] == wide.shape[0]
            if v.tall and column_fits:
                return Value(ein([(v.expr, (*outer, inner[0]))], outer + inner, dims), v.labels)
            if row_fits and (is_row_shape(v.shape) or not column_fits or v.rank == 1):
                stood = v if v.rank == 1 else transposed(v)
                return Value(ein([(stood.expr, (*outer, inner[1]))], outer + inner, dims), v.labels)
            if column_fits and v.rank == 1:
                return Value(ein([(v.expr, (*outer, inner[0]))], outer + inner, dims), v.labels)
    raise ShapeError(f"can't add {show_shape(v.shape)} and {show_shape(wide.shape)}")


def _simple_labelled(e: Expr) -> bool:
    return isinstance(e, Var)


def scale(a: Value, b: Value) -> Value:
    """The product where one of the two is a scalar at each of its labels."""
    check_sizes(a, b)
    index = _index(a, b)
    start = len(index)
    la, lb = _letters(a, index, start), _letters(b, index, start)
    out = tuple(range(start)) + tuple(range(start, start + max(a.rank, b.rank)))
    return Value(ein([(a.expr, la), (b.expr, lb)], out), tuple(index))


def entrywise(a: Value, b: Value) -> Value:
    """a ⊙ b of one shape; a vector multiplies every row of a batch that it fits, or every column. Raises ShapeError."""
    if not a.rank or not b.rank:
        return scale(a, b)
    if a.shape != b.shape:
        if (is_row_shape(a.shape) and b.rank == 1) or (is_row_shape(b.shape) and a.rank == 1):
            raise ShapeError(
                f"can't multiply {show_shape(a.shape)} by {show_shape(b.shape)} entry by entry: one lies, the other stands"
            )
        a, b = _broadcast([a, b]) if a.labels == b.labels else _broadcast(together(a, b))
    check_sizes(a, b)
    index = _index(a, b)
    start = len(index)
    la, lb = _letters(a, index, start), _letters(b, index, start)
    return Value(ein([(a.expr, la), (b.expr, lb)], tuple(range(start + a.rank))), tuple(index))


def product(a: Value, b: Value) -> Value:
    """The product of matrix form: scalars scale, matrices and vectors contract neighbouring axes. Raises ShapeError."""
    if not a.rank or not b.rank:
        return scale(a, b)
    if a.rank == 1 and a.shape[0] == b.shape[0] == 1:
        return scale(slim(a), b)  # R^1 is R^{1 × 1}
    if a.rank == 1 and not is_row_shape(b.shape):
        raise ShapeError(f"can't multiply the column in {show_shape(a.shape)} by {show_shape(b.shape)}")
    if not a.labels and not b.labels and a.rank <= 2 and b.rank <= 2:
        return Value(matmul(a.expr, b.expr))
    check_sizes(a, b)
    if a.rank == 1 and is_row_shape(b.shape):
        return outer(a, transposed(b))
    if is_row_shape(a.shape) and b.rank == 1:
        a = transposed(a)
    if a.shape[-1] != b.shape[0]:
        raise ShapeError(f"can't multiply {show_shape(a.shape)} by {show_shape(b.shape)}")
    return contract(a, b, 1)


def contract(a: Value, b: Value, count: int) -> Value:
    """The last `count` axes of a against the first of b."""
    check_sizes(a, b)
    index = _index(a, b)
    start = len(index)
    left = tuple(range(start, start + a.rank - count))
    middle = tuple(range(start + a.rank - count, start + a.rank))
    right = tuple(range(start + a.rank, start + a.rank + b.rank - count))
    la = tuple(index[n] for n in a.labels) + left + middle
    lb = tuple(index[n] for n in b.labels) + middle + right
    if a.shape[a.rank - count :] != b.shape[:count]:
        raise ShapeError(f"can't contract {show_shape(a.shape)} with {show_shape(b.shape)}")
    return Value(ein([(a.expr, la), (b.expr, lb)], (*range(start), *left, *right)), tuple(index))


def outer(a: Value, b: Value) -> Value:
    return contract(a, b, 0)


def inner(a: Value, b: Value) -> Value:
    """Σ of the products of all positional entries."""
    if a.shape != b.shape:
        raise Misread(f"an inner product of {show_shape(a.shape)} and {show_shape(b.shape)}")
    return contract(a, b, a.rank)


def transposed(v: Value) -> Value:
    """The transpose of the positional axes; a vector lies down, a row stands up."""
    if not v.rank:
        return v
    if not v.labels:
        return Value(transpose(v.expr))
    count = len(v.labels)
    outer_ = tuple(range(count))
    if v.rank == 1:
        dims = {count: ROW}
        return Value(ein([(v.expr, (*outer_, count + 1))], (*outer_, count, count + 1), dims), v.labels)
    if v.rank != 2:
        raise Misread(f"only vectors and matrices have a transpose, not {show_shape(v.shape)}")
    if is_row_shape(v.shape):
        return Value(ein([(v.expr, (*outer_, count, count + 1))], (*outer_, count + 1)), v.labels)
    return Value(ein([(v.expr, (*outer_, count, count + 1))], (*outer_, count + 1, count)), v.labels)


def slim(v: Value) -> Value:
    """v without its axes of size one: R^1 is a number, R^{1 × n} a vector that lies down."""
    every, count = tuple(range(len(v.expr.shape))), len(v.labels)
    kept = tuple(a for a in every if a < count or (v.expr.shape[a] != 1 and v.expr.shape[a] is not ROW))
    return v if kept == every else Value(ein([(v.expr, every)], kept), v.labels)


def added(v: Value) -> Value:
    """The sum of the entries."""
    every, count = tuple(range(len(v.expr.shape))), len(v.labels)
    return Value(ein([(v.expr, every)], every[:count]), v.labels)


def entry(v: Value, places: list[str | sympy.Expr], skip: int = 0) -> Value:
    """v with its positional axes (after the first `skip`) indexed: by a label, or by a place through a unit vector."""
    if is_row_shape(v.shape) and len(places) == 1 and not skip:
        v = transposed(v)
    if len(places) == 1 and v.rank - skip == 2 and not skip:  # R^{1 × n} and R^{n × 1} are vectors in all but name
        one = next((k for k in (0, 1) if v.shape[k] == 1 and v.shape[k] is not ROW), None)
        if one is not None:
            every = tuple(range(len(v.expr.shape)))
            v = Value(ein([(v.expr, every)], tuple(a for a in every if a != len(v.labels) + one)), v.labels)
    if len(places) > v.rank - skip:
        raise Misread(f"{len(places)} indices for {show_shape(v.shape)}")
    count = len(v.labels)
    axes = list(range(count + v.rank))
    factors = []
    index = {name: k for k, name in enumerate(v.labels)}
    labels = list(v.labels)
    for position, place in enumerate(places):
        axis = count + skip + position
        if isinstance(place, str):
            if place in index:
                axes[axis] = index[place]
            else:
                index[place] = axis
                labels.append(place)
        else:
            factors.append((unit(v.expr.shape[axis], place), (axis,)))
    rest = (*range(count, count + skip), *range(count + skip + len(places), count + v.rank))
    out = (*(index[name] for name in labels), *rest)
    return Value(ein([(v.expr, tuple(axes)), *factors], out), tuple(labels))


def sum_over(v: Value, label: str) -> Value:
    """Σ over a label. A value that doesn't have it can't be summed here: the number of terms is unknown."""
    k = v.labels.index(label)
    letters = tuple(range(len(v.expr.shape)))
    return Value(ein([(v.expr, letters)], letters[:k] + letters[k + 1 :]), v.labels[:k] + v.labels[k + 1 :])


def identity(size: Any) -> Value:
    return Value(ein([], (0, 0), {0: size}))


def lies(v: Value) -> bool:
    """Whether it is a row: one vector that lies down, or a matrix of one row."""
    return is_row_shape(v.shape) or (v.rank == 2 and v.shape[0] == 1)


def delta(i: str, j: str, size: Any) -> Value:
    """Kronecker's delta of two labels."""
    return Value(ein([], (0, 0), {0: size}), (i, j)) if i != j else Value(ones((size,)), (i,))


def unlabelled(v: Value, order: tuple[str, ...]) -> Expr:
    """The expression whose first axes are the labels in this order."""
    missing = [n for n in v.labels if n not in order]
    if missing:
        raise ShapeError(f"the index {missing[0]} is on one side only")
    sizes = {name: v.size(name) for name in v.labels}
    return relabel(v, tuple(n for n in order if n in sizes), sizes).expr


def divide(a: Value, b: Value) -> Value:
    """a / b: by a scalar, or entry by entry of one shape; 1 / b entry by entry."""
    known = constant_value(b.expr) if not b.rank and not b.labels else None
    if known is not None and known != 0:
        return Value((1 / known) * a.expr, a.labels)
    inverse = Value(recip(b.expr), b.labels)
    if not b.rank or not a.rank:
        return scale(a, inverse)
    return entrywise(a, inverse)


def entries(v: Value) -> tuple[Expr, ...] | None:
    """The scalars of an array that is written entry by entry."""
    return v.expr.kids if isinstance(v.expr, Stack) else None


def stacked(v: Value, order: tuple[str, ...]) -> Value:
    """Labels turned into positional axes: the array of which these are the entries."""
    rest = tuple(n for n in v.labels if n not in order)
    axes = {n: k for k, n in enumerate(v.labels)}
    inner_axes = tuple(range(len(v.labels), len(v.expr.shape)))
    expr = ein([(v.expr, tuple(range(len(v.expr.shape))))], (*(axes[n] for n in rest), *(axes[n] for n in order), *inner_axes))
    return Value(expr, rest)


__all__ = [
    "Chain", "Value", "add", "check_sizes", "contract", "delta", "divide", "entries", "entry", "entrywise", "inner", "is_row", "is_row_shape",
    "number", "outer", "product", "relabel", "scale", "sum_over", "together", "transposed", "unlabelled",
]  # fmt: skip
