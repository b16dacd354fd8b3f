"""Sums and products with their indices: over the entries of an array, or over time."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import sympy

from derive.expr import Expr, Instant, Misread, ShapeError, Var, at_time, ein, over, time_indices, transpose, unit
from derive.expr import is_row as is_row_expr
from derive.ops import column_sums, exp, log, row_sums
from derive.reader import arrays, names, windows
from derive.reader.reversing import reversed_sum
from derive.reader.scope import flat
from derive.reader.syntax import (
    Big,
    Commas,
    Differential,
    Dots,
    Fence,
    Fraction,
    Node,
    Number,
    Product,
    Relation,
    Scripted,
    Sum,
    Symbol,
    Words,
    children,
    put,
    rebuilt,
    walk,
)
from derive.reader.tokens import Unreadable
from derive.reader.values import Chain, Value, add, added, number, scale, sum_over

if TYPE_CHECKING:
    from derive.reader.meaning import Meaning


@dataclass(frozen=True)
class Binder:
    """index = lo … hi, with exclusions i ≠ j and further conditions."""

    index: str
    lo: Node | None
    hi: Node | None
    conditions: tuple[Relation, ...] = ()
    count: sympy.Expr | None = None  # how many terms there are, where the limits don't say it


MOST = 32  # terms that are written out
MOST_CUT = 8  # entries that a sum leaves out at one end
FEW = 4  # terms that are meant one by one, even of an array without so many
_NO_SIZES = frozenset("ijl")  # letters that are indices, if they are anything
_ROWS, _COLUMNS = frozenset("in"), frozenset("jk")  # letters that count the rows of a matrix, or its columns


def value(m: Meaning, node: Big) -> Value:
    """Σ or ∏ of the rest of its term; where its index is no axis and no time, but a number, its terms one by one."""
    node = reversed_sum(node) or node
    notes = list(m.notes), list(m.strangers)
    try:
        if _counts_instants(m, node) and _terms(m, node) is not None:
            raise m.fail("instants from one number to another", node)
        found = _value(m, node)
    except (Unreadable, ShapeError):
        terms = _terms(m, node)
        if terms is None:
            raise
    else:
        if m.strangers == notes[1] or (terms := _terms(m, node)) is None:
            return found
    m.notes[:], m.strangers[:] = notes
    total = m.value(terms[0])
    for term in terms[1:]:
        total = add([(1, total), (1, m.value(term))]) if node.kind == "sum" else m.times(total, "", m.value(term))
    return total


def _counts_instants(m: Meaning, node: Big) -> bool:
    """Σ_{k=1}^{3} of what is made of h_k, for a sequence h: its terms at these instants."""
    binders = _binders(m, node) if m.scope.timed and isinstance(node.sup, Number) and isinstance(node.sub, Relation) else []
    if len(binders) != 1 or not isinstance(binders[0].lo, Number):
        return False
    letter = Symbol(binders[0].index)
    return any(
        isinstance(n, Scripted) and n.sub == letter and isinstance(n.base, Symbol) and n.sup is None
        and any(named.sequential for named in m.scope.names.get((n.base.head, n.base.accents), ()))
        for n in walk(node.body)
    )  # fmt: skip


def _terms(m: Meaning, node: Big) -> list[Node] | None:
    """The terms of a sum from one number to another, or over the numbered layers of a network."""
    if node.kind not in ("sum", "prod") or not isinstance(node.sub, Relation | Symbol):
        return None
    binders = _binders(m, node)
    if len(binders) != 1 or binders[0].conditions:
        return None
    index, lo, hi = binders[0].index, binders[0].lo, binders[0].hi
    layers = [int(n.tag) for found in m.scope.names.values() for n in found if n.tag.isdigit() and len(n.tag) < 3]
    first = int(lo.text) if isinstance(lo, Number) and lo.text.isdigit() else 1 if lo is None and index == "l" else None
    last = int(hi.text) if isinstance(hi, Number) and hi.text.isdigit() and len(hi.text) < 4 else None
    if last is None and (hi == Symbol("L") or (hi is None and index == "l")):
        last = max(layers, default=None)
    if first is None or last is None or not 0 <= last - first < MOST:
        return None
    return [put(node.body, Symbol(index), Number(str(k))) for k in range(first, last + 1)]


def _value(m: Meaning, node: Big) -> Value:
    if node.kind not in ("sum", "prod"):
        raise m.fail(f"{node.kind} can't be read here", node)
    if node.own is not None and isinstance(node.body, Product) and not m.reading.wide:
        own, after = node.body.factors[: node.own], node.body.factors[node.own :]
        inner = own[0][1] if len(own) == 1 else Product(own, start=node.body.start, end=own[-1][1].end)
        return m.factors([("", replace(node, body=inner, own=None)), *after])
    binders = _binders(m, node)
    if not binders:
        raise m.fail("a sum without its index", node)
    saved_bound, saved_times, saved_rename, saved_counted = set(m.bound), set(m.clocks), dict(m.rename), set(m.counted)
    try:
        inner_names = {}
        for b in binders:
            m.bound.add(b.index)
            if _runs_over_time(m, b):
                m.clocks.add(b.index)
            elif isinstance(b.hi, Symbol) and b.hi.head in m.scope.sizes:
                m.counted.add(b.index)
            if b.index in m.outside or b.index in saved_bound:  # an index of the outside, used again inside
                inner_names[b.index] = m.fresh()
                if b.index in m.label_sizes:
                    m.label_sizes[inner_names[b.index]] = m.label_sizes[b.index]
                m.rename[b.index] = inner_names[b.index]
            else:
                m.rename.pop(b.index, None)
        body = m.raw(node.body)
        for b in reversed(binders):
            body = _bind(m, node, b, body)
        return body
    finally:
        m.bound, m.clocks, m.rename, m.counted = saved_bound, saved_times, saved_rename, saved_counted


def _runs_over_time(m: Meaning, b: Binder) -> bool:
    if b.index in m.scope.times:
        return True
    ends = [flat(e) for e in (b.lo, b.hi) if e is not None]
    return any(e in m.scope.last or e.split("-")[0].split("+")[0] in m.scope.times | m.clocks for e in ends)


def _pieces(part: Node) -> list[Node]:
    """j = 1, j ≠ i is read as one chain: the relations that its commas part."""
    if not isinstance(part, Relation):
        return [part]
    found: list[Node] = []
    parts, ops = [part.parts[0]], []
    for op, right in zip(part.ops, part.parts[1:], strict=True):
        first, *rest = right.items if isinstance(right, Commas) and op != "∈" else (right,)
        if isinstance(right, Commas) and op == "∈" and right is not part.parts[-1]:  # k ∈ V, k ≠ w
            *members, last = right.items
            first, rest = (members[0] if len(members) == 1 else replace(right, items=tuple(members))), [last]
        parts.append(first)
        ops.append(op)
        if rest:
            found += [Relation(tuple(parts), tuple(ops), start=parts[0].start, end=first.end), *rest[:-1]]
            parts, ops = [rest[-1]], []
    last = Relation(tuple(parts), tuple(ops), start=parts[0].start, end=parts[-1].end) if ops else parts[0]
    return [*found, last]


def _binders(m: Meaning, node: Big) -> list[Binder]:
    """The indices that a subscript binds: i, i=1, i,j, i≠j, i=1, i≠j, t=1."""
    parts = list(node.sub.items) if isinstance(node.sub, Commas) else [node.sub] if node.sub is not None else []
    found: list[Binder] = []
    conditions: list[Relation] = []
    members: set[str] = set()  # indices that run over a set with a name
    for part in [piece for whole in parts for piece in _pieces(whole)]:
        if isinstance(part, Words):
            continue
        if isinstance(part, Relation) and isinstance(part.parts[0], Commas) and part.ops[0] in ("=", "≠"):
            *names_, last = part.parts[0].items
            for n in names_:
                if isinstance(n, Symbol):
                    found.append(Binder(n.head, part.parts[1] if part.ops[0] == "=" else None, node.sup))  # k, k ≠ i
            part = Relation((last, *part.parts[1:]), part.ops)
        if isinstance(part, Relation):
            left = part.parts[0]
            if (
                isinstance(left, Scripted)
                and left.primes
                and isinstance(left.base, Symbol)
                and left.sub is None
                and left.sup is None
            ):
                left = Symbol(left.base.head + "'", start=left.start, end=left.end)
            if isinstance(left, Symbol) and part.ops[0] == "=" and len(part.parts) == 2:
                if left.head in members:
                    raise m.fail(f"the limits {m.text(part)}", part)
                if any(b.index == left.head for b in found):
                    continue
                found.append(Binder(left.head, part.parts[1], node.sup))
                continue
            if isinstance(left, Symbol) and part.ops[0] == "≠" and len(part.parts) == 2:
                if not any(b.index == left.head for b in found):
                    found.append(Binder(left.head, None, node.sup))
                conditions.append(part)
                continue
            if isinstance(left, Symbol) and part.ops[0] == "∈":
                if (span := _span(m, part.parts[1])) is not None:
                    found.append(Binder(left.head, *span))
                    continue
                members.add(left.head)
                found.append(Binder(left.head, None, None))
                continue
            part = _upwards(part)
            left, middle = part.parts[0], part.parts[1] if len(part.parts) == 3 else None
            if isinstance(middle, Symbol) and part.ops[0] in ("<", "≤") and part.ops[1] == "≤":
                lower = part.parts[0]
                if part.ops[0] == "<" and isinstance(lower, Number) and lower.text.isdigit():
                    lower = Number(str(int(lower.text) + 1), start=lower.start, end=lower.end)
                elif part.ops[0] == "<":
                    lower = Sum(((1, lower), (1, Number("1"))), start=lower.start, end=lower.end)
                found = [b for b in found if b.index != middle.head or b.lo is not None]
                found.append(Binder(middle.head, lower, part.parts[2]))
                continue
            if isinstance(left, Symbol) and len(part.parts) == 2 and part.ops[0] in ("<", "≤"):
                found.append(Binder(left.head, None, _upper(m, None, part.parts[1], part.ops[0])))
                continue
            if isinstance(middle, Symbol) and part.ops == ("≤", "<"):
                found.append(Binder(middle.head, part.parts[0], _upper(m, part.parts[0], part.parts[2], "<")))
                continue
            if (apart := windows.distance(part)) is not None:
                letter, most = apart
                found.append(Binder(letter.head, Sum(((-1, most),)), most))
                conditions.append(Relation((letter, Number("0")), ("≠",)))
                continue
            raise m.fail(f"the limits {m.text(part)}", part)
        for item in names.script_items(part):
            if isinstance(item, Symbol) and not item.accents:
                found.append(Binder(item.head, None, node.sup))
            elif isinstance(item, Scripted) and item.primes and isinstance(item.base, Symbol):
                found.append(Binder(item.base.head + "'", None, node.sup))
            else:
                raise m.fail(f"{m.text(item)} is not an index", item)
    if conditions:
        found = [Binder(b.index, b.lo, b.hi, tuple(c for c in conditions if flat(c.parts[0]) == b.index)) for b in found]
    return found


def _upwards(part: Relation) -> Relation:
    """t ≥ i > k as k < i ≤ t."""
    if not set(part.ops) <= {"≥", ">"}:
        return part
    return replace(part, parts=part.parts[::-1], ops=tuple({"≥": "≤", ">": "<"}[op] for op in reversed(part.ops)))


def _span(m: Meaning, members: Node) -> tuple[Node, Node] | None:
    """The limits that {1, …, n}, [1, n] and [n] say. Raises Unreadable for sets that are spelled out otherwise."""
    body = members.body if isinstance(members, Fence) else None
    if isinstance(members, Fence) and members.kind == "bracket" and isinstance(body, Symbol):
        return Number("1", start=body.start, end=body.start), body
    if not isinstance(body, Commas):  # {i}, C - {i}: a set that isn't all there is
        inside = list(walk(members))
        sized = any(isinstance(n, Symbol) and n.head in m.scope.sizes for n in inside)
        part = any(isinstance(n, Number | Sum) or (isinstance(n, Fence) and n.kind != "paren") for n in inside)
        if any(isinstance(n, Dots) for n in inside) or (part and not sized):
            raise m.fail(f"a sum over {m.text(members)}", members)
        return None
    shown = [i for i in body.items if not isinstance(i, Dots)]
    counts = [int(i.text) for i in shown[:-1] if isinstance(i, Number) and i.text.isdigit()]
    whole = len(shown) < len(body.items) or (members.kind == "bracket" and len(shown) == 2)  # type: ignore[union-attr]
    if not whole or len(counts) != len(shown) - 1 or not counts or counts != list(range(counts[0], counts[0] + len(counts))):
        raise m.fail(f"a sum over {m.text(members)}", members)
    return shown[0], shown[-1]


def _upper(m: Meaning, lower: Node | None, end: Node, op: str) -> Node:
    """The last index of i < n, where indices count from 0, of 1 ≤ i < n, or of k < t."""
    counted = isinstance(end, Symbol) and end.head in m.scope.sizes
    timed = not isinstance(end, Number) and m.scope.timed and names.instant(m, end) is not None
    if not counted and not timed:
        raise m.fail(f"the limit {m.text(end)}", end)
    if op == "<" and counted and not timed and m.scope.index_base and lower is None:
        raise m.fail("limits that don't say whether the index counts from 0", end)
    return end if op == "≤" else Sum(((1, end), (-1, Number("1"))), start=end.start, end=end.end)


def learn(m: Meaning, node: Big) -> None:
    """Which indices of a sum run over the words around a word."""
    try:
        binders = _binders(m, node) if isinstance(node.sub, Relation | Commas) else []
    except Unreadable:
        return
    for b in binders:
        if (size := _window(m, b)) is not None:
            m.scope.window[b.index] = m.label_sizes[b.index] = size


def _window(m: Meaning, b: Binder) -> sympy.Expr | None:
    return windows.size(m.scope, b.lo, b.hi, [c.parts[1] for c in b.conditions])


def _bind(m: Meaning, node: Big, b: Binder, body: Value) -> Value:
    label = m.rename.get(b.index, b.index)
    around = _window(m, b)
    if around is not None and (label in body.labels or node.kind == "sum"):  # every one of the words around, or so many times
        b = Binder(b.index, None, None) if label in body.labels else Binder(b.index, None, None, count=around)
    if b.index == m.scope.clock and m.scope.timed:
        b = replace(b, index="t")
    if label in body.labels:
        return _over_entries(m, node, b, m.settled(body) if body.chain and node.kind == "prod" else body, label)
    if b.index in time_indices(body.expr):
        return _over_time(m, node, b, body)
    if b.count is None and b.lo is None and b.hi is None and not b.conditions and (axes := _along(m, node, b, body)) is not None:
        return axes
    if b.hi is None and b.count is None and b.lo is None and body.labels and b.index not in m.label_sizes:
        raise Misread(f"a sum over {b.index}, which its terms lack")  # another index may be meant
    count = _count(m, b, node)
    if node.kind == "prod" and b.hi is not None and b.lo == Number("1") and not body.labels:
        return m.power(m.settled(body), b.hi, node)
    if node.kind == "prod":
        raise m.fail("a product of equal factors: write a power", node)
    return Value(scale(number(count), body.plain()).expr, body.labels, body.chain)


def _along(m: Meaning, node: Big, b: Binder, body: Value) -> Value | None:
    """Σ_j dP ⊙ P of matrices without indices: the sums of the rows, for i of the columns; Σ_i of a vector: of its entries."""
    v = m.settled(body)
    if node.kind != "sum" or v.labels or b.index not in _ROWS | _COLUMNS:
        return None
    if v.rank == 2 and not is_row_expr(v.expr):
        return Value(row_sums(v.expr), tall=True) if b.index in _COLUMNS else Value(column_sums(v.expr))
    return added(v) if v.rank == 1 else None


def _over_entries(m: Meaning, node: Big, b: Binder, body: Value, label: str) -> Value:
    size = body.size(label)
    chain = body.chain
    plain = body.plain()
    logs = node.kind == "prod"
    if logs:
        plain = Value(log(plain.expr), plain.labels)
    for c in b.conditions:
        keep = scale(number(-1), arrays.kronecker_labels(m, label, c.parts[1], size))
        keep = Value(keep.expr + _ones_like(keep), keep.labels)
        plain = scale(plain, keep)
    plain = _cut(m, b, plain, label, size, node)
    result = sum_over(plain, label)
    if logs:
        return Value(exp(result.expr), result.labels)
    return Value(result.expr, result.labels, chain)


def repeated(m: Meaning, node: Node, free: Collection[str]) -> Value:
    """Einstein's convention: in each term an index that stands twice, and is not free, is summed."""
    terms: list[tuple[int, Value]] = []
    for sign, term in node.terms if isinstance(node, Sum) else ((1, node),):
        if isinstance(term, Words):
            continue
        with _shared(m, term):
            v = m.raw(term)
        over = [n for n in v.labels if n not in free and _times(term, n) > 1]
        v = m.settled(v) if over else v
        for label in over:
            v = sum_over(v, label)
        terms.append((sign, v))
    if not terms:
        raise m.fail("words alone", node)
    terms = m.beside(terms)
    return terms[0][1] if len(terms) == 1 and terms[0][0] == 1 else add(m.filled(terms))


@contextmanager
def _shared(m: Meaning, term: Node) -> Iterator[None]:
    """While the factors of a term are read: an index that several of them have is summed over their product, and not in brackets of one."""
    factors = [f for _, f in term.factors] if isinstance(term, Product) else []
    held = [{n.head for n in walk(f) if isinstance(n, Symbol) and not n.accents} for f in factors]
    saved = m.free
    if saved is not None:
        m.free = saved | {letter for k, letters in enumerate(held) for other in held[:k] for letter in letters & other}
    try:
        yield
    finally:
        m.free = saved


def argument(m: Meaning, node: Node) -> Value:
    """The argument of a function: in Einstein's convention a term of its own, exp(U_{aj} v_j)."""
    if not m.reading.repeated or m.free is None or isinstance(node, Commas):
        return m.value(node)
    return repeated(m, node, m.free)


def free(m: Meaning, *sides: Node) -> frozenset[str]:
    """The letters that stand once in a term of either side: where the others stand twice they are summed."""
    terms = [term for side in sides for _, term in (side.terms if isinstance(side, Sum) else ((1, side),))]
    letters = {n.head for term in terms for n in walk(term) if isinstance(n, Symbol) and not n.accents and len(n.head) == 1}
    return frozenset(letter for letter in letters if any(_times(term, letter) == 1 for term in terms))


def whole(terms: tuple[tuple[int, Node], ...]) -> tuple[tuple[int, Node], ...]:
    """Σ_i a_i + b_i as Σ_i (a_i + b_i): the terms after a sum that carry its index."""
    found: list[tuple[int, Node]] = []
    for sign, term in terms:
        before = found[-1][1] if found else None
        wider = _derived(before, sign, term) if before is not None else None
        if wider is not None:
            found[-1] = (found[-1][0], wider)
            continue
        big = before.factors[-1][1] if isinstance(before, Product) else before
        open_sum = isinstance(big, Big) and big.kind == "sum" and not isinstance(big.body, Fence)
        if isinstance(big, Big) and open_sum and any(_stands_free(term, flat(i)) for i in indices(big)):
            inside = big.body.terms if isinstance(big.body, Sum) else ((1, big.body),)
            body = Sum((*inside, (sign, term)), start=big.body.start, end=term.end)
            longer: Node = replace(big, body=body, end=term.end)
            if isinstance(before, Product):
                longer = replace(before, factors=(*before.factors[:-1], (before.factors[-1][0], longer)), end=term.end)
            found[-1] = (found[-1][0], longer)
        else:
            found.append((sign, term))
    return tuple(found)


def _derived(before: Node, sign: int, term: Node) -> Node | None:
    """∂/∂x Σ_k a_k + b as the derivative of all that follows; inside a sum, where the term carries its index. None elsewhere."""
    if isinstance(before, Big) and before.kind == "sum" and any(_stands_free(term, flat(i)) for i in indices(before)):
        inside = _derived(before.body, sign, term)
        return replace(before, body=inside, end=term.end) if inside is not None else None
    if not isinstance(before, Product):
        return None
    at = next((k for k, (_, n) in enumerate(before.factors) if operates(n)), None)
    if at is None or at + 1 == len(before.factors):
        return None
    rest = before.factors[at + 1 :]
    of = rest[0][1] if len(rest) == 1 else Product((("", rest[0][1]), *rest[1:]), start=rest[0][1].start, end=rest[-1][1].end)
    terms = of.body.terms if isinstance(of, Fence) and isinstance(of.body, Sum) else ((1, of),)
    both = Fence("paren", Sum((*terms, (sign, term)), start=of.start, end=term.end), start=of.start, end=term.end)
    return replace(before, factors=(*before.factors[: at + 1], ("", both)), end=term.end)


def operates(node: Node) -> bool:
    """∂/∂x before what it is of."""
    return isinstance(node, Fraction) and isinstance(node.top, Differential) and node.top.body is None


def bare(node: Node) -> bool:
    """Whether a sum somewhere has no index."""
    return any(_bare_at(n) is not None for n in walk(node))


def _bare_at(node: Node) -> int | None:
    """Which factor of a product is a Σ without an index, which the others after it are under."""
    if not isinstance(node, Product):
        return None
    return next((k for k, (_, f) in enumerate(node.factors[:-1]) if f == Symbol("sum")), None)


def indexed(m: Meaning, node: Node, known: Collection[str]) -> Node:
    """Σ exp(u_w) as Σ_w exp(u_w): the one index of the terms of a bare sum that stands nowhere outside such sums."""
    node = rebuilt(node, lambda n: indexed(m, n, known))
    at = _bare_at(node)
    if at is None or not isinstance(node, Product):
        return node
    rest = node.factors[at + 1 :]
    body = rest[0][1] if len(rest) == 1 else Product(rest, start=rest[0][1].start, end=node.end)
    letters = {n.head for n in walk(body) if isinstance(n, Symbol) and not n.accents and _stands_free(body, n.head)}
    over = {k for k in letters - {*known} if k in m.label_sizes or (m.scope.timed and k in ("t", m.scope.clock))}
    if len(over) != 1:
        return node
    op, sign = node.factors[at]
    big = Big("sum", Symbol(over.pop()), None, body, start=sign.start, end=node.end)
    return Product((*node.factors[:at], (op, big)), start=node.start, end=node.end) if at else big


def outside(node: Node) -> set[str]:
    """The letters that stand outside the sums without an index."""
    if (at := _bare_at(node)) is not None and isinstance(node, Product):
        return set().union(*(outside(f) for _, f in node.factors[:at]))
    if isinstance(node, Big):
        return outside(node.body) - {flat(i) for i in indices(node)}
    own = {node.head} if isinstance(node, Symbol) and not node.accents else set()
    return own.union(*(outside(child) for child in children(node)))


def indices(big: Big) -> list[Node]:
    """The letters that a sum binds."""
    parts = big.sub.items if isinstance(big.sub, Commas) else (big.sub,) if big.sub is not None else ()
    firsts = [p.parts[0] if isinstance(p, Relation) else p for p in parts]
    return [i for f in firsts for i in names.script_items(f) if isinstance(i, Symbol)]


def twice(node: Sum, letter: str) -> bool:
    """Whether a letter stands twice in one term of a sum and not in every other."""
    counts = [_times(term, letter) for _, term in node.terms]
    return max(counts) > 1 and min(counts) == 0


def _stands_free(node: Node, label: str) -> bool:
    """Whether an index stands in a term outside the sums that bind it."""
    if isinstance(node, Big) and label in {flat(i) for i in indices(node)}:
        return False
    if isinstance(node, Symbol):
        return node.head == label and not node.accents
    return any(_stands_free(child, label) for child in children(node))


def _times(node: Node, label: str) -> int:
    """How often an index stands in a product; the terms of a sum in brackets count once."""
    if isinstance(node, Symbol):
        return int(node.head == label and not node.accents)
    named = isinstance(node, Scripted) and isinstance(node.base, Symbol)  # j_1 is a name, and no index j
    counts = [_times(child, label) for child in children(node) if not named or child is not node.base]
    return max(counts, default=0) if isinstance(node, Sum) else sum(counts)


def _ones_like(v: Value) -> object:
    return ein([], tuple(range(len(v.expr.shape))), dict(enumerate(v.expr.shape)))


def _cut(m: Meaning, b: Binder, body: Value, label: str, size: sympy.Expr, node: Big) -> Value:
    """The body without the entries that the limits leave out at either end. Raises where the limits don't say which these are."""
    lower, upper = _ends(m, b, body, size, node)
    before, after = sympy.simplify(lower - 1), sympy.simplify(size - upper)
    if after.is_negative:
        raise Misread(f"a sum from {lower} to {upper} over {size} entries")
    if upper != size and upper.is_Symbol and size.is_Symbol and upper in m.scope.sizes.values() and lower == 1:
        raise Misread(f"a sum over {upper} entries, where the index has {size}")
    for cut in (before, after):
        if not cut.is_Integer or not 0 <= cut <= MOST_CUT:
            raise m.fail(f"a sum from {lower} to {upper}, where the index has {size} values", node)
    for place in [sympy.Integer(k + 1) for k in range(int(before))] + [size - k for k in range(int(after))]:
        axes = tuple(range(len(body.expr.shape)))
        k = body.labels.index(label)
        mask = ein([(unit(size, place), (0,))], (0,))
        kept = ein([(body.expr, axes), (ein([], (0,), {0: size}) - mask, (k,))], axes)
        body = Value(kept, body.labels)
    return body


def _ends(m: Meaning, b: Binder, body: Value, size: sympy.Expr, node: Big) -> tuple[sympy.Expr, sympy.Expr]:
    """The first and the last entry that a sum takes, counted from one."""
    first = m.scope.index_base
    if b.lo is not None and not isinstance(b.lo, Number) and not (isinstance(b.lo, Sum) and flat(b.lo).lstrip("-") == flat(b.hi)):
        raise m.fail(f"a sum from {m.text(b.lo)} over entries", node)
    lower = sympy.Integer(b.lo.text) if isinstance(b.lo, Number) and b.lo.text.isdigit() else sympy.Integer(first)
    end = flat(b.hi) if isinstance(b.hi, Symbol) else ""
    if end and m.scope.timed and (end in m.scope.last or end in m.scope.times):
        raise Misread(f"a sum up to {end}, an instant, over {size} entries")
    if b.hi is None or (end and end not in m.scope.sizes):
        indices = {*_NO_SIZES, *m.outside, *body.labels, *m.bound, "infty"}
        if end in indices or (end and names.find(m, b.hi) is not None):  # type: ignore[arg-type]
            raise m.fail(f"a sum up to {end}, which is an index or a quantity", node)
        return lower - first + 1 if lower > first else sympy.Integer(1), size  # a letter that nothing explains is how many there are
    if isinstance(b.hi, Number) and not size.is_Integer and b.hi.text.isdigit():
        if int(b.hi.text) <= FEW:
            raise m.fail(f"a sum over {b.hi.text} of {size} entries", node)  # they are written out one by one
        return sympy.Integer(1), size
    upper = m.constant(b.hi)
    if lower == 0 and upper == size and not size.is_Integer:
        return sympy.Integer(1), size  # i = 0 … N with N entries, as people write it
    if lower == 0 and first:
        return sympy.Integer(1), upper + 1
    return lower - first + 1, upper - first + 1


def _exists(m: Meaning, e: Expr, first: Instant) -> bool:
    """Whether all of a term has a value before the first step: h_0 has."""
    system = m.scope.system
    early = [v for v in e.atoms(Var) if v.time is not None and not v.time.base and v.time.offset < first.offset]
    return system is not None and bool(early) and all(v in system.initial for v in early)


def _over_time(m: Meaning, node: Big, b: Binder, body: Value) -> Value:
    system = m.scope.system
    first = Instant("", system.first if system is not None else m.scope.first)
    lo = names.instant(m, b.lo) if b.lo is not None else first
    hi = names.instant(m, b.hi) if b.hi is not None else Instant("T")
    if lo is None or hi is None:
        raise m.fail("the limits of a sum over time", node)
    if b.conditions:
        raise m.fail("a sum over time with an exclusion", node)
    early = not lo.base and lo.offset < first.offset and system is not None
    if early and not _exists(m, at_time(body.expr, b.index, lo), first):
        if node.kind == "prod":
            raise m.fail("a product that begins before its factors do", node)
        lo = first  # t = 0 … T where the problem counts from 1
    if node.kind == "sum":
        return Value(over("sum", body.expr, b.index, lo, hi), body.labels, body.chain)
    chain = body.chain if not m.ordered else None
    plain = m.settled(body)
    if len(plain.expr.shape) == 1 and not is_row_expr(plain.expr):
        return _entries_multiplied(plain, b, lo, hi)
    if plain.labels:
        raise m.fail("a product over time of entries", node)
    if not plain.rank or is_row_expr(plain.expr):
        return Value(over("product", plain.expr, b.index, lo, hi))
    latest_left = m.reading.latest_left if chain is None else m.reading.layout != "denominator"
    result = (
        over("product", plain.expr, b.index, lo, hi)
        if latest_left
        else transpose(over("product", transpose(plain.expr), b.index, lo, hi))
    )
    if chain is not None and chain.top is not None and m.reading.layout != "denominator":
        top, below = at_time(chain.top, b.index, hi), at_time(chain.below, b.index, lo)
        return Value(result, (), Chain(top, below, chain.top_rank, chain.below_rank, True))
    return Value(result)


def _entries_multiplied(body: Value, b: Binder, lo: Instant, hi: Instant) -> Value:
    """∏ f_{t,j}, and ∏ f_t of vectors, which multiply entry by entry: the diagonal of ∏ diag(f_t)."""
    diagonal = ein([(body.expr, (0,))], (0, 0))
    return Value(ein([(over("product", diagonal, b.index, lo, hi), (0, 0))], (0,)), body.labels)


def _count(m: Meaning, b: Binder, node: Big) -> sympy.Expr:
    """The number of terms of a sum whose body lacks the index."""
    if b.count is not None:
        return b.count
    lo = m.constant(b.lo) if b.lo is not None else sympy.Integer(1)
    if b.hi is None and b.index in m.label_sizes:
        return m.label_sizes[b.index]  # what carries this index elsewhere in the relation
    if b.hi is None:
        raise m.fail(f"a sum over {b.index}, which its terms lack, without limits", node)
    hi = m.constant(b.hi)
    if isinstance(b.hi, Symbol) and lo == 0:
        lo = sympy.Integer(1)  # i = 0 … N with N entries, as people write it
    return hi - lo + 1
