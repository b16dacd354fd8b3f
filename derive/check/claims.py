"""What a relation claims: its two sides as expressions of one shape, in one reading."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise, product

from derive import ops
from derive.check.readings import differentials
from derive.expr import (
    Expr,
    Instant,
    Jac,
    Misread,
    ShapeError,
    Stack,
    Var,
    apply,
    at_time,
    ein,
    is_zero,
    show_shape,
    stack,
    unit,
    var,
)
from derive.judge import Verdict
from derive.ops import diag
from derive.reader import arrays, bigs, calls, derivatives, names
from derive.reader.fillers import Filler
from derive.reader.meaning import Meaning, Reading
from derive.reader.scope import LOSSES, Template, flat
from derive.reader.statements import Link
from derive.reader.syntax import (
    Big,
    Commas,
    Fence,
    Fraction,
    Nabla,
    Node,
    Number,
    Product,
    Relation,
    Rows,
    Scripted,
    Sum,
    Symbol,
    unscripted,
    walk,
)
from derive.reader.tokens import Unreadable
from derive.reader.values import (
    Value,
    added,
    entry,
    entrywise,
    identity,
    is_row_shape,
    lies,
    scale,
    slim,
    stacked,
    together,
    transposed,
)

CORNER = 3  # rows and columns of a picture that may be the corner of a larger array: the judge's sizes begin there


@dataclass(frozen=True)
class Claim:
    """The two sides of a relation as expressions of one shape, in the reading that was taken."""

    left: Expr
    right: Expr
    reading: Reading
    notes: tuple[str, ...] = ()
    needs: tuple[tuple[Expr, Expr], ...] = ()  # what has to be equal for the reading to be one
    met: tuple[Expr, ...] = ()  # what mustn't vanish, for a condition to be met
    strangers: tuple[str, ...] = ()  # letters that nothing explains, read as any number


class Unlike(ShapeError):
    """Two sides that are fine by themselves and of different shapes, with their numbers of axes."""

    def __init__(self, message: str, left: int, right: int):
        self.ranks = left, right
        super().__init__(message)


def build(m: Meaning, link: Link, reading: Reading) -> Claim:
    m.settled_names = {}
    m.outside = frozenset(_labels(m, link.right))
    free = bigs.free(m, link.left, link.right) if reading.repeated else frozenset()
    m.free = free if reading.repeated else None
    raw = bigs.repeated(m, link.left, free) if reading.repeated and isinstance(link.left, Product | Sum) else m.raw(link.left)
    left = raw if isinstance(raw, Filler) else replace(m.settled(raw), chain=raw.chain)
    m.outside = frozenset(left.labels)
    for label in left.labels:
        m.label_sizes.setdefault(label, left.size(label))  # (A⁻¹A)_{ij} = δ_{ij}
    if reading.mixed:
        m.local_at = frozenset(_later_factors(link.right))
    right = bigs.repeated(m, link.right, free | {*left.labels}) if reading.repeated else m.value(link.right)
    listed = isinstance(link.right, Fence) and isinstance(link.right.body, Commas) and not reading.listed
    if is_row_shape(right.shape) and left.rank == 1 and listed:
        right = transposed(right)  # x = (x_1, …, x_d): a list says nothing about rows and columns
    if is_row_shape(right.shape) and left.rank == 1 and not isinstance(left, Filler) and _by_a_row(link.left):
        left = transposed(left)  # ∂z_i/∂W_{i,:} may lie, as the row does
    if not isinstance(left, Filler) and is_row_shape(left.shape) and right.rank == 1 and _row(link.right):
        right = transposed(right)  # w_iᵀ = W_{i,:}
    for condition in (*link.conditions, *dict.fromkeys(m.stated)):
        left, right = conditioned(m, left, right, condition)
    if len(m.masks) > 1:  # i = j and i ≠ j: met nowhere
        together = m.masks[0]
        for mask in m.masks[1:]:
            together = scale(mask, together)
        m.met.append(together.expr)
    return matched(m, left, right, reading, None if isinstance(left, Filler) else _order(link.left, left.labels))


def _cornered(whole: Value, drawn: Value) -> tuple[Value, Value] | None:
    """(the first rows and columns of an array of open sizes, the picture of a small one that gives their entries), ∂s/∂z for three classes."""
    plain = isinstance(drawn.expr, Stack) and not drawn.labels and not whole.labels and drawn.expr.atoms(Var, Jac)
    if not plain or len(whole.shape) != len(drawn.shape) or not all(d <= CORNER for d in drawn.shape):
        return None
    if not all(a == b or (a.is_Symbol and b > 1) for a, b in zip(whole.shape, drawn.shape, strict=True)):
        return None
    axes = tuple(range(len(whole.shape)))
    places = product(*(range(1, int(d) + 1) for d in drawn.shape))
    at = [[(unit(d, k), (i,)) for i, (d, k) in enumerate(zip(whole.shape, place, strict=True))] for place in places]
    return Value(stack([ein([(whole.expr, axes), *there], ()) for there in at], drawn.shape)), drawn


def _order(node: Node, labels: tuple[str, ...]) -> tuple[str, ...] | None:
    """The two indices of an entry in the order in which it shows them; None where nothing shows both, or not in one order."""
    shown = {tuple(map(flat, names.script_items(n.sub))) for n in walk(node) if isinstance(n, Scripted) and n.sub is not None}
    found = [order for order in shown if sorted(order) == sorted(labels)]
    return found[0] if len(found) == 1 and len(labels) == 2 else None


def _by_a_row(node: Node) -> bool:
    """Whether a side is a derivative by a row of a matrix, W_{i,:}."""
    return any(_row(s) for n in walk(node) if isinstance(n, Fraction) for s in walk(n.bottom))


def _row(node: Node) -> bool:
    """W_{i,:}"""
    return isinstance(node, Scripted) and node.sub is not None and flat(node.sub)[1:].endswith(":")


def _later_factors(node: Node) -> Iterator[int]:
    """Where what the derivatives behind the first of each product are by stands: ∂u/∂x in ∂y/∂u ∂u/∂x."""
    for n in walk(node):
        factors = [f for _, f in n.factors if isinstance(f, Fraction)] if isinstance(n, Product) else []
        yield from (below.start for f in factors[1:] for below in walk(f.bottom))


def matched(m: Meaning, left: Value, right: Value, reading: Reading, order: tuple[str, ...] | None = None) -> Claim:
    """The claim of two values. `order`: in which the left side shows its two free indices. Raises ShapeError."""
    if not isinstance(left, Filler) and not left.labels and not right.rank and left.rank == len(right.labels) > 0:
        right = stacked(right, tuple(right.labels))  # W = (w_{ij}): the matrix of these entries
    elif not isinstance(right, Filler) and not isinstance(left, Filler) and _whole(left, right):
        if order is None:
            raise Misread("entries beside a matrix: which index counts its rows isn't written")
        left = stacked(left, order)  # (A B)_{ij} = A B
        m.notes.append("read as the matrix of these entries")
    if isinstance(right, Filler) and right.kind == "identity" and not isinstance(left, Filler) and len(left.labels) == 2 and not left.rank:
        left = stacked(left, tuple(left.labels))  # δ_{kl} = I: in whichever order
    if isinstance(left, Filler) or isinstance(right, Filler):
        if isinstance(right, Filler):
            right = right.fill(left.shape, m)
        else:
            left = left.fill(right.shape, m)  # type: ignore[attr-defined]
    diagonal = left.chain is not None and left.chain.top_rank == 1 == left.chain.below_rank
    if diagonal and left.rank == 2 and left.shape[0] == left.shape[1] and m.scope.vectors == "row" and is_row_shape(right.shape):
        right = transposed(right)
    if left.shape != right.shape and not right.rank and is_zero(right.expr):
        right = scale(right, left)
    elif left.shape != right.shape and not left.rank and is_zero(left.expr):
        left = scale(left, right)  # dI = (dX) X⁻¹ + X d(X⁻¹)
    elif (
        diagonal and left.rank == 2 and right.rank == 1 and left.shape[0] == left.shape[1] == right.shape[0] and not right.labels
    ):
        right = Value(diag(right.expr))
        m.notes.append("read as the diagonal of a matrix")
    elif diagonal and left.rank == 2 and not right.rank and left.shape[0] == left.shape[1] and not left.labels and not right.labels:
        right = scale(right, identity(left.shape[0]))
        m.notes.append("read as that of each entry by itself")
    if reading.shown:
        left, right = _column(left, right)
        left, right = _shown(left, right, reading.shown), _shown(right, left, reading.shown)
    if reading.added and not left.rank and right.rank:
        right = added(right)
    left, right = together(left, right)
    gradient = any(v.chain is not None and not v.chain.top_rank and v.chain.below_rank == 1 for v in (left, right))
    if left.shape != right.shape and gradient and m.scope.layout == "jacobian" and {left.rank, right.rank} == {1, 2}:
        left, right = (transposed(v) if is_row_shape(v.shape) else v for v in (left, right))
        m.notes.append("up to the layout")
    if left.shape != right.shape and m.scope.vectors == "row" and {len(left.shape), len(right.shape)} == {1, 2}:
        left, right = (transposed(v) if v.rank == 1 else v for v in (left, right))
    if left.shape != right.shape and any(a.laid and is_row_shape(a.shape) and b.rank == 1 for a, b in ((left, right), (right, left))):
        left, right = (transposed(v) if is_row_shape(v.shape) else v for v in (left, right))
        m.notes.append("up to the layout")  # (ŷ - y)ᵀ ∂θ/∂v = U (ŷ - y)
    alike = lies(left) == lies(right)
    if left.shape != right.shape and (not left.rank or not right.rank or m.scope.vectors == "row" or alike):
        thin = slim(left), slim(right)  # R^1 and a number, R^{1 × n} and a row
        left, right = thin if thin[0].shape == thin[1].shape else (left, right)
    if left.shape != right.shape and (corner := _cornered(left, right) or _cornered(right, left)) is not None:
        left, right = corner if corner[0].shape == right.shape else corner[::-1]
        m.notes.append(f"in the corner of {show_shape(left.shape)} that is drawn, as for any size")
    if left.shape != right.shape:
        raise Unlike(f"the left side is {_in(left)}, the right one {_in(right)}", left.rank, right.rank)
    return Claim(left.expr, right.expr, reading, tuple(m.notes), tuple(m.needs), tuple(m.met), tuple(dict.fromkeys(m.strangers)))


def dummies(m: Meaning, link: Link) -> None:
    """σ'(x) = σ(x)(1 − σ(x)): a statement about a function, in which x is any number."""
    symbols: dict[tuple[str, tuple[str, ...]], None] = {}
    curved = defined = False
    taken = _own(m, link)
    base = unscripted(link.left)
    if isinstance(base, Symbol) and base.head != "e" and calls.function_of(m, base) is None:
        return  # h = σ(0.25) speaks of h
    for n in (*walk(link.left), *walk(link.right)):
        if isinstance(n, Rows | Nabla | Big) or (isinstance(n, Fence) and n.kind in ("norm", "abs", "angle") and not taken):
            return
        if isinstance(n, Symbol) and n == taken:
            curved = defined = True
            continue
        if isinstance(n, Scripted) and n.primes and isinstance(n.base, Fence) and _of_matrix(m, n.base):
            return  # (e^A)' is a transpose
        if isinstance(n, Scripted) and n.base != taken:
            base = n.base
            if isinstance(base, Symbol) and base.head == "e":
                curved = True
            elif (
                n.sub is not None
                or not isinstance(n.sup, Number | Sum | None)
                or (n.primes and not isinstance(base, Fence) and calls.function_of(m, base) is None)
            ):
                return
        if isinstance(n, Symbol):
            found = calls.function_of(m, n)
            if found is not None and (hasattr(found[1], "derivative") or isinstance(found[1], Template)):
                curved = True
                defined = defined or isinstance(found[1], Template)
            elif found is not None:
                return
            elif n.head not in ("e", "d", "pi"):
                symbols[n.head, n.accents] = None
    if curved and len(symbols) == 1:
        key = next(iter(symbols))
        known, system = names.find(m, Symbol(*key)) if key in m.scope.names else None, m.scope.system
        if defined and known is not None:
            if system is not None and isinstance(known.expr, Var) and system.owner(known.expr) is not None:
                m.local[key] = Value(var("dummy_" + key[0], known.expr.shape))  # of any x, and not of those that are computed
            return  # f(x) = xᵀAx of a known x
        m.local[key] = Value(var("dummy_" + key[0]))
    elif (
        curved and not symbols and not any(_at_number(m, n) for side in (link.left, link.right) for n in walk(side))
    ):  # σ' = σ(1 − σ)
        m.local[calls.BARE.head, ()] = Value(var("dummy_z"))


def _of_matrix(m: Meaning, node: Node) -> bool:
    found = [names.find(m, n) for n in walk(node) if isinstance(n, Symbol) and (n.head, n.accents) in m.scope.names]
    return any(f is not None and len(f.expr.shape) > 1 for f in found)


def _own(m: Meaning, link: Link) -> Symbol | None:
    """f in f'(x) = … and f(x) = …, of a function that the document has defined by a formula in x."""
    left = link.left
    if not isinstance(left, Product) or len(left.factors) != 2 or left.factors[1][0]:
        return None
    name, fence = unscripted(left.factors[0][1]), left.factors[1][1]
    known = m.scope.functions.get(name.head) if isinstance(name, Symbol) and not name.accents else None
    if not isinstance(known, Template) or not isinstance(fence, Fence) or not isinstance(fence.body, Symbol):
        return None
    return name if known.parameters == ((fence.body.head, fence.body.accents),) and isinstance(name, Symbol) else None


def _at_number(m: Meaning, node: Node) -> bool:
    """Whether a product holds a function of a number, log 8."""

    def plain(b: Node) -> bool:
        return not any(calls.function_of(m, n) is not None for n in walk(b) if isinstance(n, Symbol | Scripted))

    return isinstance(node, Product) and any(
        not op and calls.function_of(m, a) is not None and plain(b) for (_, a), (op, b) in pairwise(node.factors)
    )


def changing(m: Meaning, link: Link, reading: Reading) -> None:
    """What changes in a relation of differentials: the inputs of everything behind a d, or the names on the right alone."""
    left, right = ([e for n in side if (e := _quantity(m, n)) is not None] for side in differentials(link))
    if reading.held:
        m.varied = frozenset(e for e in right or left if isinstance(e, Var))
        if not m.varied or len(m.varied) < len(dict.fromkeys(right or left)):
            raise Unreadable("a differential of something that is no quantity by itself")
        return
    inside = {v for e in (*left, *right) for v in (e, *derivatives.ancestors(m, e)) if isinstance(v, Var)}
    m.differentials = frozenset(v.name for v in inside)


def _quantity(m: Meaning, node: Node) -> Expr | None:
    """What a name behind a d is, in this relation."""
    if isinstance(node, Symbol) and (node.head, node.accents) in m.local:
        return m.local[node.head, node.accents].expr
    found = names.find(m, node) if isinstance(node, Symbol | Scripted) else None
    if found is None and isinstance(node, Symbol) and node.head in LOSSES:
        return m.scope.loss or names.open_loss(m, node)
    return found.expr if found is not None else None


def conditioned(m: Meaning, left: Value, right: Value, condition: Node) -> tuple[Value, Value]:
    """Both sides times the indicator of a condition on indices; other conditions are not used."""
    relation = (
        condition if isinstance(condition, Relation) else next((n for n in walk(condition) if isinstance(n, Relation)), None)
    )
    if relation is not None and len(relation.ops) == 1 and relation.ops[0] in SIDES:
        return _on_a_side(m, left, right, relation)
    if relation is None or len(relation.ops) != 1 or relation.ops[0] not in ("=", "≠") or relation.parts[0] == relation.parts[1]:
        return left, right
    if (at := _at_an_instant(m, relation)) is not None:
        m.notes.append(f"for {' = '.join(map(flat, relation.parts))}")
        a, b = (replace(v, expr=at_time(v.expr, "t", at)) for v in (m.settled(left), m.settled(right)))
        return a, b
    letters = {flat(p) for p in relation.parts}
    if not letters & {*left.labels, *right.labels}:
        return left, right
    try:
        mask = arrays.condition(m, relation)
    except (Unreadable, ShapeError):
        return left, right
    m.masks.append(mask)
    written = m.text(relation) if relation.end else f" {relation.ops[0]} ".join(map(flat, relation.parts))
    m.notes.append(f"for {written}")
    return scale(mask, m.settled(left)), scale(mask, m.settled(right))


def _at_an_instant(m: Meaning, relation: Relation) -> Instant | None:
    """T, of the condition t = T."""
    a, b = relation.parts
    if relation.ops[0] != "=" or not m.scope.timed or not isinstance(a, Symbol) or a.head not in m.scope.times:
        return None
    when = names.instant(m, b)
    return when if when is not None and when.base in ("", "T") else None


SIDES = {">": 1, "≥": 1, "<": -1, "≤": -1}


def _on_a_side(m: Meaning, left: Value, right: Value, relation: Relation) -> tuple[Value, Value]:
    """Both sides times the step of what is said to be positive, entry by entry; a condition of another shape isn't used."""
    a, b = relation.parts
    try:
        v = m.value(Sum(((SIDES[relation.ops[0]], a), (-SIDES[relation.ops[0]], b))))
        step = Value(apply(ops.relu, v.expr, 1), v.labels)
        sides = [(scale if not v.rank else entrywise)(step, m.settled(side)) for side in (left, right)]
    except (Unreadable, ShapeError):
        return left, right
    if v.rank and v.shape != left.shape:
        return left, right
    m.met.append(step.expr)
    m.notes.append(f"for {flat(a)} {relation.ops[0]} {flat(b)}")
    return sides[0], sides[1]


def _whole(left: Value, right: Value) -> bool:
    """(A B)_{ij} beside A B."""
    return not right.labels and not left.rank and right.rank == len(left.labels) == 2


def _column(left: Value, right: Value) -> tuple[Value, Value]:
    """x̂ = (x - μ_j)/σ_j of matrices: both in the column of the one index that stands on one side alone."""
    only = [*(n for n in left.labels if n not in right.labels), *(n for n in right.labels if n not in left.labels)]
    if left.rank != 2 or left.shape != right.shape or len(only) != 1 or left.shape[0] == left.shape[1]:
        return left, right
    size = left.size(only[0]) if only[0] in left.labels else right.size(only[0])
    if size != left.shape[1]:
        return left, right
    a, b = (entry(transposed(v), [only[0]]) for v in (left, right))
    return a, b


def _shown(v: Value, other: Value, which: int) -> Value:
    """A vector beside entries: its entry of the first index that fits, the second, …"""
    if v.rank != 1 or other.rank:
        return v
    fitting = [n for n in other.labels if other.size(n) == v.shape[0]]
    return entry(v, [fitting[which - 1]]) if which <= len(fitting) else v


def _labels(m: Meaning, node: Node) -> set[str]:
    """Letters that may be free indices of a side: those that names carry and no sum binds."""
    bound = {flat(i) for n in walk(node) if isinstance(n, Big) for i in names.script_items(n.sub)}
    return {k for k in m.label_sizes if k not in bound}


def _in(v: Value) -> str:
    return show_shape(v.shape)


def told(verdict: Verdict, claim: Claim, usual: Reading) -> str:
    """The reason of a verdict, with the notes of its claim and in which reading it is."""
    notes = [*claim.notes, *(f"read with {d}" for d in claim.reading.describe(usual))]
    return "; ".join([verdict.reason, *notes])


__all__ = ["Claim", "Unlike", "build", "changing", "dummies", "matched", "told"]
