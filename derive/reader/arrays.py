"""Arrays written out: matrices of numbers and formulas, pictures with dots, cases, Kronecker deltas."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import sympy

from derive import ops
from derive.expr import Misread, ein, stack, unit
from derive.reader import blocks, names
from derive.reader.scope import flat
from derive.reader.syntax import (
    Choices,
    Commas,
    Dots,
    Node,
    Number,
    Product,
    Relation,
    Rows,
    Scripted,
    Sum,
    Symbol,
    Words,
    children,
    walk,
)
from derive.reader.tokens import ELSE, IF, Unreadable
from derive.reader.values import (
    Value,
    add,
    delta,
    entry,
    is_row_shape,
    lies,
    number,
    scale,
    slim,
    sum_over,
    together,
    transposed,
    unlabelled,
)

if TYPE_CHECKING:
    from derive.reader.meaning import Meaning

ROW_INDEX, COLUMN_INDEX = "_row", "_column"


# -- matrices -----------------------------------------------------------------------------------------------------


def rows(m: Meaning, node: Rows) -> Value:
    """A matrix; one column is a vector, one row lies down; with dots the general entry is read off the corners."""
    cells = [list(row) for row in node.rows]
    if not cells or not cells[0]:
        raise m.fail("an empty matrix", node)
    if not any(isinstance(cell, Dots) for row in cells for cell in row):
        cells = [row[: max((k + 1 for k, cell in enumerate(row) if cell is not None), default=0)] for row in cells]  # a & b & \\
    if any(cell is None or isinstance(cell, Dots) for row in cells for cell in row):
        return _picture(m, cells, node)
    width = max(map(len, cells))
    if any(len(row) != width for row in cells):
        raise m.fail("a matrix with rows of different lengths", node)
    values = [[m.value(cell) for cell in row if cell is not None] for row in cells]
    if any(v.rank for row in values for v in row):
        return blocks.joined(m, values)
    return filled(values)


def filled(values: list[list[Value]]) -> Value:
    """An array from the values of its entries."""
    flat_values = together(*(v for row in values for v in row))
    if flat_values[0].labels:
        raise Misread("a matrix written out of entries with free indices")
    height, width = len(values), len(values[0])
    if height == 1 and width == 1:
        return flat_values[0]
    exprs = [v.expr for v in flat_values]
    if width == 1:
        return Value(stack(exprs, (height,)))
    if height == 1:
        return transposed(Value(stack(exprs, (width,))))
    return Value(stack(exprs, (height, width)))


def spaced(m: Meaning, node: Product) -> Value | None:
    """[W_h \\; W_x], matrices beside each other with room between them; None where this is a product."""
    factors = [factor for _, factor in node.factors]
    if len(factors) < 2 or any(sign for sign, _ in node.factors):
        return None
    if not all(_ROOM.search(m.source[a.end : b.start]) for a, b in pairwise(factors)):
        return None
    values = [m.value(f) for f in factors]
    if any(v.rank != 2 for v in values) or len({v.shape[0] for v in values}) > 1:
        return None
    return blocks.joined(m, [values])


_ROOM = re.compile(r"\\[;: ]|~|\\q?quad|\\hspace|\\enspace|\\thickspace")


def listed(m: Meaning, node: Commas) -> Value:
    """(a, b, c) and [1, 2]: a row of numbers, a column by the conventions of most writers; vectors in a list make one vector."""
    if any(isinstance(i, Dots) for i in node.items):
        return _picture(m, [list(node.items)], node)
    values = [m.value(i) for i in node.items if not isinstance(i, Words)]
    if any(v.rank for v in values):
        return blocks.joined(m, blocks.listed(values, node.breaks))
    if values[0].labels:
        raise m.fail("a list of entries with free indices", node)
    column = Value(stack([v.expr for v in together(*values)], (len(values),)))
    return transposed(column) if m.reading.listed else column


# -- pictures with dots -------------------------------------------------------------------------------------------


def _picture(m: Meaning, cells: list[list[Node | None]], node: Node) -> Value:
    """The matrix behind a picture: its general entry, with a label for the row and one for the column."""
    solid = [list(row) for row in cells if any(_is_entry(c) for c in row)]
    if not solid:
        raise m.fail("a matrix of dots", node)
    if len(solid) == 1:
        given = [c for c in solid[0] if _is_entry(c)]
        if len(cells) == 1 and len(given) > 1 and given[0] is not None and all(c == given[0] for c in given):
            return _repeated(m, m.value(given[0]), node, across=True)
        return transposed(_line(m, given, node)) if len(cells) == 1 else _line(m, given, node)
    if all(sum(_is_entry(c) for c in row) == 1 for row in solid) and all(len(row) == 1 for row in solid):
        return _line(m, [row[0] for row in solid], node)
    top, bottom = solid[0], solid[-1]
    first_column = next((k for k in range(len(top)) if _is_entry(top[k])), 0)
    last_column = max((k for k in range(len(bottom)) if _is_entry(bottom[k])), default=len(bottom) - 1)
    a11, ann = top[first_column], bottom[last_column]
    a1n = top[-1] if len(top) > 1 and _is_entry(top[-1]) and top[-1] is not a11 else None
    an1 = bottom[0] if _is_entry(bottom[0]) and bottom[0] is not ann else None
    assert a11 is not None and ann is not None
    if _is_zero(a1n) and _is_zero(an1) and a11 == ann and all(_is_zero(c) or c == a11 for row in solid for c in row if _is_entry(c)):
        times = m.value(a11)
        if not times.rank and not times.labels:
            return m.spread(times, "identity")
    if _is_zero(a1n) and _is_zero(an1):
        _alike(
            m, [c for row in solid for c in row if _is_entry(c) and not _is_zero(c)], a11, _differences(m, a11, ann, node), node
        )
        return _diagonal(m, a11, ann, node)
    if a1n is not None and an1 is not None and len(_spelled(m, a1n)) != len(_spelled(m, a11)):
        return _two_forms(m, solid, a11, a1n, an1, ann, node)
    if a1n is None or an1 is None:
        raise m.fail("the corners of a matrix with dots are needed", node)
    general = _general(m, a11, a1n, an1, ann, node)
    inner = [c for row in solid for c in row if _is_entry(c)]
    _alike(m, inner, a11, _differences(m, a11, a1n, node) | _differences(m, a11, an1, node), node)
    value = m.value(general)
    return _as_matrix(value, node, m)


def _repeated(m: Meaning, value: Value, node: Node, across: bool = False) -> Value:
    """(b; ⋮; b): the same row, or number, as often as its place needs; across: (a, …, a), the same column."""
    if value.rank and lies(value) == across:
        raise m.fail("a list with dots needs a first and a last entry that differ", node)
    if value.labels or (slim(value).rank > 1 and not is_row_shape(value.shape)):
        raise m.fail("a list with dots needs a first and a last entry that differ", node)
    lying = slim(transposed(value) if is_row_shape(value.shape) else value)
    return m.spread(lying, ("columns" if across else "rows") if value.rank else "row" if across else "ones")


def _is_entry(cell: Node | None) -> bool:
    return cell is not None and not isinstance(cell, Dots | Words)


def _is_zero(cell: Node | None) -> bool:
    return cell is None or (isinstance(cell, Number) and float(cell.text) == 0)


def _line(m: Meaning, given: list[Node | None], node: Node) -> Value:
    """A vector from its first and last entries: (x_1, …, x_d)."""
    first, last = given[0], given[-1]
    assert first is not None and last is not None
    if len(given) > 1 and isinstance(node, Rows) and all(c == first for c in given):
        return _repeated(m, m.value(first), node)
    if first == last:
        raise m.fail("a list with dots needs a first and a last entry that differ", node)
    places = _differences(m, first, last, node)
    _alike(m, given[1:-1], first, places, node)
    value = m.value(_replaced(m, first, places, ROW_INDEX))
    _up_to(m, value, {_spelled(m, last)[k][0] for k in places})
    if value.labels == (ROW_INDEX,) and is_row_shape(value.shape) and isinstance(node, Rows) and len(node.rows) > 1:
        return Value(slim(value).expr)  # (x_1ᵀ; …; x_nᵀ): the matrix of these rows
    if value.labels == (ROW_INDEX,) and value.rank == 1:  # (q_1, …, q_n): the matrix of these columns
        return Value(value.expr)
    if value.labels != (ROW_INDEX,) or value.rank:
        raise m.fail("the general entry of a list with dots", node)
    return Value(value.expr)


def _up_to(m: Meaning, value: Value, ends: set[str]) -> None:
    """(h_1, …, h_n) of m entries, where n is the size of something else: the signs don't mean what they say. Raises Misread."""
    if ROW_INDEX not in value.labels or len(ends) != 1:
        return
    size, end = value.size(ROW_INDEX), m.scope.sizes.get(next(iter(ends)))
    if end is not None and size.is_Symbol and end.is_Symbol and end != size:
        raise Misread(f"entries up to {end}, where there are {size}")


def _alike(m: Meaning, cells: Sequence[Node | None], first: Node, places: frozenset[int], node: Node) -> None:
    """Every entry that is written out is the general one at its place. Raises Unreadable: (p_1, …, p_k - 1, …, p_n) is no list of p."""
    for cell in cells:
        try:
            alike = cell is None or cell == first or _differences(m, first, cell, node) <= places
        except Unreadable:
            alike = False
        if not alike:
            raise m.fail("an entry that is unlike the others of a picture with dots", cell or node)


def _diagonal(m: Meaning, a11: Node, ann: Node, node: Node) -> Value:
    value = m.value(_replaced(m, a11, _differences(m, a11, ann, node), ROW_INDEX))
    if value.rank or ROW_INDEX not in value.labels:
        raise m.fail("the diagonal of a matrix with dots", node)
    return Value(ops.diag(unlabelled(value, (ROW_INDEX,))))


def _two_forms(m: Meaning, solid: list[list[Node | None]], a11: Node, a1n: Node, an1: Node, ann: Node, node: Node) -> Value:
    """A matrix with one formula on its diagonal and another beside it, (s_1 - s_1^2, -s_1 s_2, …; …): both from its corners."""
    places = _differences(m, a11, ann, node)
    end = _spelled(m, ann)[min(places)][0]
    beside, across = ([text for text, _ in _spelled(m, n)] for n in (a1n, an1))
    lines = frozenset(k for k, pair in enumerate(zip(beside, across, strict=False)) if pair == ("1", end))
    columns = frozenset(k for k, pair in enumerate(zip(beside, across, strict=False)) if pair == (end, "1"))
    if not lines or not columns:
        raise m.fail("entries of a matrix with dots that have different forms", node)
    corner = [text for text, _ in _spelled(m, a11)]
    for r, row in enumerate(solid):
        written = [c for c in row if not isinstance(c, Dots)]
        for k, cell in enumerate(written):
            i, j = (end if at == last else str(at + 1) for at, last in ((r, len(solid) - 1), (k, len(written) - 1)))
            here = [i if n in places else t for n, t in enumerate(corner)]
            there = [i if n in lines else j if n in columns else t for n, t in enumerate(beside)]
            like = a11 if i == j else a1n
            if cell is None or [t for t, _ in _spelled(m, cell)] != (here if i == j else there) or _skeleton(cell) != _skeleton(like):
                raise m.fail("an entry that is unlike the others of a picture with dots", cell or node)
    off = m.value(_replaced(m, _replaced(m, a1n, columns, COLUMN_INDEX), lines, ROW_INDEX))
    on = m.value(_replaced(m, a11, places, ROW_INDEX))
    if off.rank or on.rank or set(off.labels) != {ROW_INDEX, COLUMN_INDEX} or on.labels != (ROW_INDEX,):
        raise m.fail("the general entry of a matrix with dots", node)
    whole = unlabelled(off, (ROW_INDEX, COLUMN_INDEX))
    return Value(whole - ops.diag(ein([(whole, (0, 0))], (0,))) + ops.diag(on.expr))


def _general(m: Meaning, a11: Node, a1n: Node, an1: Node, ann: Node, node: Node) -> Node:
    columns = _differences(m, a11, a1n, node)
    lines = _differences(m, a11, an1, node)
    if columns & lines:
        raise m.fail("the general entry of a matrix with dots", node)
    return _replaced(m, _replaced(m, a11, columns, COLUMN_INDEX), lines, ROW_INDEX)


def _as_matrix(value: Value, node: Node, m: Meaning) -> Value:
    if value.rank or set(value.labels) != {ROW_INDEX, COLUMN_INDEX}:
        raise m.fail("the general entry of a matrix with dots", node)
    return Value(unlabelled(value, (ROW_INDEX, COLUMN_INDEX)))


Path = tuple[tuple[int, int], ...]


def _leaves(node: Node) -> list[Node]:
    return [n for n in walk(node) if isinstance(n, Number | Symbol)]


def _spelled(m: Meaning, node: Node) -> list[tuple[str, Node]]:
    """The leaves of a node, numbers of two digits in a script as two."""
    found: list[tuple[str, Node]] = []
    for leaf in _leaves(node):
        text = flat(leaf)
        if isinstance(leaf, Number) and len(text) == 2 and text.isdigit():
            found += [(text[0], leaf), (text[1], leaf)]
        else:
            found.append((text, leaf))
    return found


def _skeleton(node: Node) -> object:
    """A formula without its letters and numbers: signs, and what stands inside what."""
    match node:
        case Number() | Symbol():
            return ""
        case Scripted():
            return "script", _skeleton(node.base), node.sub is not None, node.sup is not None, node.primes
        case Sum():
            return "sum", tuple((sign, _skeleton(term)) for sign, term in node.terms)
        case Product():
            return "product", tuple((op, _skeleton(factor)) for op, factor in node.factors)
    return type(node).__name__, tuple(map(_skeleton, children(node)))


def _differences(m: Meaning, a: Node, b: Node, node: Node) -> frozenset[int]:
    """The places, in order of the leaves, at which two entries differ."""
    x, y = _spelled(m, a), _spelled(m, b)
    if len(x) != len(y):  # 1 and 10: whole numbers as indices
        x, y = ([(flat(leaf), leaf) for leaf in _leaves(n)] for n in (a, b))
        if any(isinstance(leaf, Number) and len(t) == 2 for t, leaf in x):
            raise m.fail("entries of a matrix with dots that have different forms", node)
    if len(x) != len(y) or _skeleton(a) != _skeleton(b):
        raise m.fail("entries of a matrix with dots that have different forms", node)
    different = frozenset(k for k, ((s, _), (t, _)) in enumerate(zip(x, y, strict=True)) if s != t)
    if not different or any(x[k][0] != "1" for k in different):
        raise m.fail("what the dots stand for", node)
    return different


def _replaced(m: Meaning, node: Node, places: frozenset[int], label: str) -> Node:
    """The entry with a label in the place of these leaves."""
    counter = iter(range(100_000))

    def rebuild(n: object) -> object:
        if isinstance(n, Number) and len(n.text) == 2 and n.text.isdigit():
            ks = next(counter), next(counter)
            if not any(k in places for k in ks):
                return n
            parts = tuple(Symbol(label) if k in places else Number(t) for k, t in zip(ks, n.text, strict=True))
            return Commas(parts, start=n.start, end=n.end)
        if isinstance(n, Number | Symbol):
            return Symbol(label, start=n.start, end=n.end) if next(counter) in places else n
        if isinstance(n, Node):
            names_ = [f for f in n.__dataclass_fields__ if f not in ("start", "end")]
            changed: dict[str, Any] = {f: rebuild(getattr(n, f)) for f in names_}
            return replace(n, **changed)
        if isinstance(n, tuple):
            return tuple(rebuild(x) for x in n)
        return n

    result = rebuild(node)
    assert isinstance(result, Node)
    return result


def dotted_sum(m: Meaning, node: Sum) -> Value:
    """x_1 + x_2 + … + x_n: the sum of the general term that the first and the last one show."""
    start, end, places = _run(m, node)
    last = next(t for _, t in reversed(node.terms[start:end]) if not isinstance(t, Dots))
    ends = {text for k, (text, _) in enumerate(_spelled(m, last)) if k in places} if not _open(node, end) else set()
    sign, first = node.terms[start]
    value = m.value(_replaced(m, first, places, ROW_INDEX))
    if ROW_INDEX not in value.labels:
        raise m.fail("dots in a sum: what they stand for", node)
    size = value.size(ROW_INDEX)
    if any(m.scope.sizes.get(text, size if text.isalpha() else sympy.Integer(text)) != size for text in ends):
        raise m.fail("a sum with dots that ends before its entries do", node)
    rest = [(s, m.value(term)) for s, term in (*node.terms[:start], *node.terms[end:])]
    return add([(sign, sum_over(value, ROW_INDEX)), *rest])


def _open(node: Sum, end: int) -> bool:
    """Whether dots stand behind the last term that is written: w_1 + … + w_j + …"""
    return any(isinstance(t, Dots) for _, t in node.terms[end - 1 : end + 1])


def _run(m: Meaning, node: Sum) -> tuple[int, int, frozenset[int]]:
    """Where the terms that belong to the dots begin and end, and the leaves at which they differ: w_1 + … + w_j + … + b."""
    dots = [k for k, (_, term) in enumerate(node.terms) if isinstance(term, Dots)]
    for start in range(dots[0]):
        for end in (dots[-1] + 2, dots[-1] + 1):
            run = [(s, term) for s, term in node.terms[start:end] if not isinstance(term, Dots)]
            if end > len(node.terms) or len(run) < 2 or len({s for s, _ in node.terms[start:end]}) > 1:
                continue
            with suppress(Unreadable):
                places = _differences(m, run[0][1], run[-1][1], node)
                if all(_differences(m, run[0][1], term, node) <= places for _, term in run[1:]):
                    return start, end, places
    raise m.fail("dots in a sum: what they stand for", node)


# -- cases and deltas ---------------------------------------------------------------------------------------------


MOST_CASES = 40  # each asks for what no earlier one held


def choices(m: Meaning, node: Choices) -> Value:
    """Σ of values times the indicators of their conditions; the rows after the first also get that no earlier one held."""
    if len(node.rows) > MOST_CASES:
        raise m.fail(f"{len(node.rows)} cases: at most {MOST_CASES} are read", node)
    parts: list[tuple[int, Value]] = []
    earlier: Value | None = None
    for value_node, cond_node in node.rows:
        cond = _condition(m, cond_node, node)
        v = m.value(value_node)
        if cond is None and earlier is None:
            raise m.fail("cases without a condition", node)
        if cond is None:
            assert earlier is not None
            cond = _not(earlier)
        earlier = cond if earlier is None else _either(earlier, cond)
        parts.append((1, scale(cond, v)))
    return add(parts)


def _condition(m: Meaning, node: Node | None, where: Node) -> Value | None:
    """The indicator of a condition; None for otherwise."""
    if node is None:
        return None
    if isinstance(node, Words):
        return _worded(m, node)
    if isinstance(node, Relation):
        return condition(m, node)
    inner = [n for n in walk(node) if isinstance(n, Relation)]
    if inner:
        return condition(m, inner[0])
    words = [n for n in walk(node) if isinstance(n, Words | Symbol)]
    if words and any(flat(w).lower() in ELSE for w in words):
        return None
    raise m.fail("the condition of a case", where)


_REMARK = re.compile(r"\s*(\\(text|mbox|textrm)\{)?\s*\([A-Za-z][A-Za-z ,-]{3,}\)\s*\}?\s*$")  # if i = j (same word)
_CONDITIONAL = re.compile("|".join(rf"\b{w}\b" if w.isascii() else w for w in IF), re.IGNORECASE)


def _worded(m: Meaning, node: Words) -> Value | None:
    r"""\text{if $k = y_i$}."""
    from derive.reader.parser import parse

    text = _CONDITIONAL.sub(" ", _REMARK.sub("", node.text).replace("$", " ")).strip()
    if not text or text.lower().startswith(tuple(ELSE)):
        return None
    try:
        inner = parse(text, m.scope.words)
    except Unreadable:
        raise m.fail(f"the condition {node.text!r}", node) from None
    if not isinstance(inner, Relation):
        raise m.fail(f"the condition {node.text!r}", node)
    saved, m.source = m.source, text
    try:
        return condition(m, inner)
    finally:
        m.source = saved


def _not(v: Value) -> Value:
    letters = tuple(range(len(v.expr.shape)))
    return Value(ein([], letters, dict(enumerate(v.expr.shape))) - v.expr, v.labels)


def _either(a: Value, b: Value) -> Value:
    both = scale(a, b)
    return add([(1, x) for x in together(a, b)] + [(-1, both)])


def _said(node: Node) -> Node:
    """A side of a condition without the words beside it: i = j (same word)."""
    kept = [f for f in node.factors if not isinstance(f[1], Words)] if isinstance(node, Product) else []
    return kept[0][1] if len(kept) == 1 else node


def condition(m: Meaning, node: Relation) -> Value:
    """The indicator of i = j, i ≠ j, z > 0."""
    if len(node.ops) != 1:
        raise m.fail("a condition with several signs", node)
    (left, right), op = map(_said, node.parts), node.ops[0]
    if isinstance(left, Words):
        raise m.fail("a condition in words", node)
    if op in ("=", "≠"):
        v = kronecker(m, left, right)
        return v if op == "=" else _not(v)
    if op in (">", "<", "≥", "≤") and isinstance(right, Number) and float(right.text) == 0:
        v = m.value(left)
        return Value(ops.step(v.expr if op in (">", "≥") else -v.expr), v.labels)
    raise m.fail(f"the condition {m.text(node)}", node)


def kronecker(m: Meaning, a: Node, b: Node) -> Value:
    """δ_{ab}: of two indices, of an index and a number, of an index and a one-hot label."""
    for one, other in ((a, b), (b, a)):
        hot = names.one_hot(m, one)
        if hot is not None:
            place = names.index(m, other, hot.shape[0] if hot.shape else None)
            return entry(hot, [place])
    x, y = names.index(m, a, None), names.index(m, b, None)
    if isinstance(x, str) and isinstance(y, str):
        size = m.label_sizes.get(x, m.label_sizes.get(y))
        if size is None:  # any number of things
            size = m.label_sizes[x] = m.label_sizes[y] = sympy.Symbol(f"n_{min(x, y)}", positive=True, integer=True)
        return delta(x, y, size)
    label, place = (x, y) if isinstance(x, str) else (y, x)
    if not isinstance(label, str) or isinstance(place, str):
        return number(1 if x == y else 0)
    if label not in m.label_sizes:
        raise m.fail(f"what {label} runs over", a)
    return Value(unit(m.label_sizes[label], place), (label,))


def kronecker_labels(m: Meaning, label: str, other: Node, size: sympy.Expr) -> Value:
    """δ of a label whose size is known and another index."""
    hot = names.one_hot(m, other)
    if hot is not None:
        return entry(hot, [label])
    place = names.index(m, other, size)
    if isinstance(place, str):
        if place == label:
            return number(1)
        return Value(ein([], (0, 0), {0: size}), (label, place))
    return Value(unit(size, place), (label,))
