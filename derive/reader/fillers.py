"""Identities and vectors of ones, whose sizes follow from their place: c·I, c·1, x 1ᵀ, and their products."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from derive.expr import Misread, constant, ein
from derive.reader import names
from derive.reader.scope import flat
from derive.reader.syntax import Node, Scripted, Symbol, unscripted
from derive.reader.tokens import Unreadable
from derive.reader.values import Value, add, added, contract, entrywise, identity, is_row_shape, product, scale, transposed

if TYPE_CHECKING:
    from derive.reader.meaning import Meaning


@dataclass(frozen=True)
class Filler(Value):
    """c·I, c·1, c·1ᵀ or c·11ᵀ before its size is known. kind: identity, ones, row, full; mixed: c·I and more."""

    kind: str = "ones"
    more: Filler | None = None

    def fill(self, shape: tuple | None, m: Meaning) -> Value:
        """As a term beside something of that shape."""
        c = Value(self.expr, self.labels)
        if self.more is not None:
            parts = (Filler(self.expr, self.labels, kind="identity"), self.more)
            return add([(1, p.fill(shape, m)) for p in parts])
        if shape is None or not shape:
            return c
        if self.kind in ("rows", "columns"):
            wide = Value(constant(0, shape))
            if len(shape) != 2:
                raise Misread("an outer product with ones beside something that isn't a matrix")
            axis = 1 if self.kind == "rows" else 0
            count = len(self.labels)
            outer = tuple(range(count))
            dims = {**dict(enumerate(self.expr.shape[:count])), count: wide.shape[0], count + 1: wide.shape[1]}
            return Value(ein([(self.expr, (*outer, count + axis))], (*outer, count, count + 1), dims), self.labels)
        if self.kind == "identity":
            if len(shape) != 2 or shape[0] != shape[1]:
                raise Misread("an identity matrix beside something that isn't square")
            return scale(c, identity(shape[0]))
        letters = tuple(range(len(shape)))
        return scale(c, Value(ein([], letters, dict(zip(letters, shape, strict=True)))))


def filler_of(m: Meaning, node: Node) -> Filler | None:
    base = unscripted(node)
    if isinstance(base, Symbol) and (known := m.scope.unsized.get((base.head, base.accents))) is not None:
        return known if node is base or flat(node.sup) in ("top", "T") else None  # c·I + d·11ᵀ is symmetric
    if not isinstance(base, Symbol) or base.head not in ("I", "ones", "zero") or names.find(m, node) is not None:
        return None
    sub, sup = (node.sub, node.sup) if isinstance(node, Scripted) else (None, None)
    if base.head == "zero":
        return Filler(constant(0), kind="ones")
    if base.head == "ones" and sub is not None and flat(sub).find(">") < 0:
        size = m.scope.sizes.get(flat(sub))
        if size is None:
            return None
    return Filler(constant(1), kind="identity" if base.head == "I" else "row" if flat(sup) in ("top", "T") else "ones")


def entries_of_ones(m: Meaning, a: Value, op: str, b: Value) -> Value | None:
    """v ⊙ 1 and A ⊙ I: entry by entry, at the size of the other."""
    if op not in ("⊙", "∘", "⋆", "•"):
        return None
    filler, other = (a, b) if isinstance(a, Filler) else (b, a)
    assert isinstance(filler, Filler)
    if isinstance(other, Filler) or not (other := m.settled(other)).rank:
        return None
    return entrywise(filler.fill(other.shape, m), other)


def negative(v: Value) -> Value:
    if isinstance(v, Filler):
        return Filler(-v.expr, v.labels, kind=v.kind, more=negative(v.more) if v.more is not None else None)  # type: ignore[arg-type]
    return Value(-v.expr, v.labels)


def mixed(terms: list[tuple[int, Value]]) -> Filler:
    """c·I ± d·11ᵀ, of a size that its place will say."""
    parts: dict[str, list[tuple[int, Value]]] = {"identity": [], "full": []}
    for sign, v in terms:
        if not isinstance(v, Filler) or v.kind not in parts or v.more is not None:
            raise Unreadable("a sum of things without sizes")
        parts[v.kind].append((sign, Value(v.expr, v.labels)))
    one, rest = (add(parts[k]) for k in ("identity", "full"))
    return Filler(one.expr, one.labels, kind="identity", more=Filler(rest.expr, rest.labels, kind="full"))


def _beside_ones(c: Value, other: Value, left: bool) -> Value:
    """11ᵀ a repeats the sum of a vector, and the column sums of a matrix; a 11ᵀ the row sums."""
    if other.rank == 1 or is_row_shape(other.shape):
        if (other.rank == 1) != left:
            raise Misread("a matrix of ones that doesn't fit here")
        summed = scale(c, added(other))
        return Filler(summed.expr, summed.labels, kind="ones" if left else "row")
    ones = Value(ein([], (0,), {0: other.shape[0 if left else 1]}))
    sums = transposed(product(transposed(ones), other)) if left else product(other, ones)
    summed = scale(c, sums)
    return Filler(summed.expr, summed.labels, kind="rows" if left else "columns")


def _spread_product(spread: Filler, other: Value, left: bool) -> Value:
    """(x 1ᵀ) A = x (1ᵀA) and (1 xᵀ) A = 1 (xᵀA), and the same with A before them."""
    x = Value(spread.expr, spread.labels)
    if left and spread.kind == "columns":  # x 1ᵀ
        if other.rank == 1:
            return scale(x, added(other))
        return contract(x, _sums(other, 0), 0)
    if left:  # 1 xᵀ
        met = product(transposed(x), other)
        return Filler(met.expr, met.labels, kind="ones") if not met.rank else Filler(transposed(met).expr, met.labels, kind="rows")
    if spread.kind == "rows":
        if is_row_shape(other.shape):
            return scale(added(other), transposed(x))
        return contract(_sums(other, 1), x, 0)
    met = product(other, x)
    return Filler(met.expr, met.labels, kind="row" if not met.rank else "columns")


def _sums(v: Value, axis: int) -> Value:
    """The sums of a matrix along an axis."""
    every, start = tuple(range(len(v.expr.shape))), len(v.labels)
    return Value(ein([(v.expr, every)], tuple(k for k in every if k != start + axis)), v.labels)


def filler_product(m: Meaning, a: Value, b: Value, entries: bool = False) -> Value:
    """I A = A; 1ᵀA sums columns, A 1 sums rows; a number scales; 1 bᵀ is b as every row, which a sum with a batch spreads."""
    if isinstance(a, Filler) and isinstance(b, Filler):
        if (a.kind, b.kind) == ("ones", "row"):
            both = scale(Value(a.expr, a.labels), Value(b.expr, b.labels))
            return Filler(both.expr, both.labels, kind="full")
        raise Unreadable("a product of two things without sizes")
    for x, y in ((a, b), (b, a)):
        if isinstance(x, Filler) and x.more is not None:
            first = Filler(x.expr, x.labels, kind="identity")
            halves = [filler_product(m, p, b) if x is a else filler_product(m, a, p) for p in (first, x.more)]
            terms = [(1, v) for v in halves]
            return mixed(terms) if not m.settled(y).rank else add(m.filled(terms))
    spread = next((v for v in (a, b) if isinstance(v, Filler) and v.kind in ("rows", "columns")), None)
    if spread is not None:
        rest = m.settled(b if spread is a else a)
        if not rest.rank:
            scaled = scale(Value(spread.expr, spread.labels), rest)
            return Filler(scaled.expr, scaled.labels, kind=spread.kind)
        if entries:
            return entrywise(spread.fill(rest.shape, m), rest)
        return _spread_product(spread, rest, spread is a)
    filler, other, left = (a, b, True) if isinstance(a, Filler) else (b, a, False)
    assert isinstance(filler, Filler)
    other = m.settled(other)
    c = Value(filler.expr, filler.labels)
    if not other.rank:
        scaled = scale(c, other)
        return Filler(scaled.expr, scaled.labels, kind=filler.kind)
    if filler.kind == "identity":
        return scale(c, other)
    if filler.kind == "full":
        return _beside_ones(c, other, left)
    size = other.shape[0] if left else other.shape[-1]
    ones = Value(ein([], (0,), {0: size}))
    lying = (
        m.scope.vectors == "row" and other.rank == 2 and not is_row_shape(other.shape)
    )  # where vectors are rows, so is that of ones
    if left and (filler.kind == "row" or (filler.kind == "ones" and lying)):
        return scale(c, product(transposed(ones), other))
    if filler.kind == "ones" and left and is_row_shape(other.shape):
        return Filler(scale(c, transposed(other)).expr, other.labels, kind="rows")
    if filler.kind == "ones" and not left:
        return scale(c, product(other, ones))
    if filler.kind == "row" and not left and other.rank == 1:
        return Filler(scale(c, other).expr, other.labels, kind="columns")
    raise Misread("a vector of ones that doesn't fit here")
