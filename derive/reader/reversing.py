"""Sums that run backwards: Σ_{i=t}^{T} f(T - i, T + t - i) is Σ_{i=t}^{T} f(i - t, i)."""

from __future__ import annotations

from dataclasses import replace

from derive.reader.syntax import Big, Node, Number, Relation, Sum, Symbol, rebuilt, walk

Linear = dict[Node | None, int]  # how often each letter is in a sum; None: the number


def reversed_sum(node: Big) -> Big | None:
    """The same sum with its index counted from the other end, where that leaves its scripts simpler; None elsewhere."""
    if node.kind != "sum" or not isinstance(node.sub, Relation) or len(node.sub.parts) != 2 or node.sup is None:
        return None
    index, lo = node.sub.parts
    ends = [linear(lo), linear(node.sup)]
    if not isinstance(index, Symbol) or any(e is None for e in ends):
        return None
    whole = _add(*(e for e in ends if e is not None))
    mirrored = _add(whole, {index: -1})
    if not any(linear(n) == mirrored for n in walk(node.body) if isinstance(n, Sum)):
        return None
    return replace(node, body=_mirrored(node.body, index, whole))


def linear(node: Node) -> Linear | None:
    """T + t - i as its letters; None for what isn't a sum of letters and whole numbers."""
    match node:
        case Symbol() if not node.accents:
            return {replace(node, start=0, end=0): 1}
        case Number() if node.text.isdigit() and len(node.text) < 4:
            return {None: int(node.text)}
        case Sum():
            terms = [linear(n) for _, n in node.terms]
            if any(t is None for t in terms):
                return None
            return _add(*({k: s * c for k, c in t.items()} for (s, _), t in zip(node.terms, terms, strict=True) if t is not None))
    return None


def _add(*parts: Linear) -> Linear:
    total: Linear = {}
    for part in parts:
        for k, c in part.items():
            total[k] = total.get(k, 0) + c
    return {k: c for k, c in total.items() if c}


def _mirrored(node: Node, index: Symbol, whole: Linear) -> Node:
    """A formula with lo + hi - i in the place of i."""
    found = linear(node) if isinstance(node, Sum | Symbol) else None
    if found is not None and index in found:
        times = found[index]
        other = _add({k: c for k, c in found.items() if k != index}, {k: times * c for k, c in whole.items()}, {index: -times})
        return _spelled(other, node)
    return rebuilt(node, lambda n: _mirrored(n, index, whole))


def _spelled(found: Linear, at: Node) -> Node:
    """Letters and a number as a sum again, what is added first."""
    terms: list[tuple[int, Node]] = []
    for k, c in sorted(found.items(), key=lambda item: (item[1] < 0, item[0] is None)):
        n = Number(str(abs(c)), start=at.start, end=at.end) if k is None else replace(k, start=at.start, end=at.end)
        terms += [(1 if c > 0 else -1, n)] * (1 if k is None else abs(c))
    if not terms:
        return Number("0", start=at.start, end=at.end)
    return terms[0][1] if len(terms) == 1 and terms[0][0] == 1 else Sum(tuple(terms), start=at.start, end=at.end)


__all__ = ["linear", "reversed_sum"]
