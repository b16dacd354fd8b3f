"""Products over time with dots, J_t J_{t-1} ⋯ J_{s+1}: the product that the factors beside the dots begin and end."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

from derive.expr import Instant
from derive.reader import names
from derive.reader.syntax import (
    Big,
    Dots,
    Node,
    Number,
    Product,
    Relation,
    Scripted,
    Sum,
    Symbol,
    children,
    rebuilt,
    walk,
)

if TYPE_CHECKING:
    from derive.reader.meaning import Meaning

LONGEST = 4  # factors that are repeated
_LETTERS = "ijkmnqr"

Factors = list[tuple[str, Node]]
Pair = tuple[Node, Instant, Node, Instant]  # a script in the first factor and in the last, with their instants


def product(m: Meaning, items: Factors) -> tuple[Big, bool, Factors, Factors] | None:
    """(the product, whether its latest factor is on the left, what stands before it, what after it); None where it isn't one."""
    at = next((k for k, (_, n) in enumerate(items) if isinstance(n, Dots)), 0)
    for period in range(1, LONGEST + 1):
        before, after = items[:at], items[at + 1 : at + 1 + period]
        for shown in (3, 2, 1):
            run = before[len(before) - shown * period :]
            if len(run) != shown * period or len(after) != period:
                continue
            groups = [run[k * period : (k + 1) * period] for k in range(shown)]
            found = _between(m, groups, after)
            if found is not None:
                return (*found, before[: len(before) - shown * period], items[at + 1 + period :])
    return None


def _between(m: Meaning, groups: list[Factors], last: Factors) -> tuple[Big, bool] | None:
    first = groups[0]
    pairs = _pairs(m, first, last)
    if not pairs:
        return None
    (_, lead, _, end), *_ = pairs
    if any(a.base != lead.base or b.base != end.base or a.offset - lead.offset != b.offset - end.offset for _, a, _, b in pairs):
        return None
    step = 0
    if len(groups) > 1:
        steps = {b.offset - a.offset for _, a, _, b in _pairs(m, groups[0], groups[1]) or () if a.base == b.base}
        if (
            len(steps) != 1
            or abs(step := steps.pop()) != 1
            or not all(_goes_on(m, *two, step) for two in pairwise(groups))
        ):
            return None
    descending = step < 0 if step else _descends(lead, end)
    if descending is None:
        return None
    used = {n.head for _, f in (*first, *last) for n in walk(f) if isinstance(n, Symbol)}
    index = Symbol(next(k for k in _LETTERS if k not in used))
    body = [(op, _put(f, pairs, index, lead)) for op, f in first]
    lower, upper = (pairs[0][2], pairs[0][0]) if descending else (pairs[0][0], pairs[0][2])
    a, z = first[0][1].start, last[-1][1].end
    inner = body[0][1] if len(body) == 1 else Product((("", body[0][1]), *body[1:]), start=a, end=z)
    return Big("prod", Relation((index, lower), ("=",)), upper, inner, start=a, end=z), descending


def _goes_on(m: Meaning, a: Factors, b: Factors, step: int) -> bool:
    """Whether the next group is the one before it, a step later."""
    pairs = _pairs(m, a, b)
    return bool(pairs) and all(x.base == y.base and y.offset - x.offset == step for _, x, _, y in pairs or ())


def _descends(first: Instant, last: Instant) -> bool | None:
    """Whether the instants of J_t ⋯ J_{s+1} go down: s + 1 begins a product, T ends it."""
    if first.base == last.base:
        return first.offset > last.offset if first != last else None
    if "" in (first.base, last.base) or "T" in (first.base, last.base):
        return last.base == "" or first.base == "T"
    if first.offset > 0 or last.offset > 0:
        return last.offset > first.offset
    return first.base == "t" if "t" in (first.base, last.base) else None


def _pairs(m: Meaning, a: Factors, b: Factors) -> list[Pair] | None:
    """Where two groups of factors differ, which may be in instants of scripts alone; None where they differ otherwise."""
    pairs: list[Pair] = []
    alike = len(a) == len(b) and all(_compare(m, x, y, pairs) for (_, x), (_, y) in zip(a, b, strict=True))
    return pairs if alike else None


def _compare(m: Meaning, a: Node, b: Node, pairs: list[Pair]) -> bool:
    if a == b:
        return True
    if isinstance(a, Scripted) and isinstance(b, Scripted) and a.base == b.base and a.primes == b.primes:
        return all(_alike(m, x, y, pairs) for x, y in ((a.sub, b.sub), (a.sup, b.sup)))
    below = list(children(a)), list(children(b))
    if type(a) is not type(b) or isinstance(a, Symbol | Number) or len(below[0]) != len(below[1]) or not below[0]:
        return False
    same = rebuilt(a, lambda n: Symbol("")) == replace(rebuilt(b, lambda n: Symbol("")), start=a.start, end=a.end)
    return same and all(_compare(m, x, y, pairs) for x, y in zip(*below, strict=True))


def _alike(m: Meaning, a: Node | None, b: Node | None, pairs: list[Pair]) -> bool:
    if a is None or b is None or a == b:
        return a == b
    first, last = names.instant(m, a), names.instant(m, b)
    if first is not None and last is not None:
        pairs.append((a, first, b, last))
        return True
    return _compare(m, a, b, pairs)


def _put(node: Node, pairs: list[Pair], index: Symbol, lead: Instant) -> Node:
    """A factor of the first group at any instant."""

    def script(n: Node | None) -> Node | None:
        when = next((a for known, a, _, _ in pairs if known is n), None)
        if when is not None:
            return _later(index, when.offset - lead.offset)
        return _put(n, pairs, index, lead) if n is not None else None

    if isinstance(node, Scripted):
        return replace(node, base=_put(node.base, pairs, index, lead), sub=script(node.sub), sup=script(node.sup))
    return rebuilt(node, lambda n: _put(n, pairs, index, lead))


def _later(index: Symbol, steps: int) -> Node:
    return Sum(((1, index), (1 if steps > 0 else -1, Number(str(abs(steps)))))) if steps else index


def repeats(items: Factors) -> bool:
    """Whether dots stand between factors."""
    return any(isinstance(n, Dots) and 0 < k < len(items) - 1 for k, (_, n) in enumerate(items))


__all__ = ["product", "repeats"]
