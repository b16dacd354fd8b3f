"""{a - b} c as it is printed, a - b c, and \\exp{u^T} v as exp uᵀ v: TeX shows no braces, and who writes them may have meant brackets."""

from __future__ import annotations

from dataclasses import replace

from derive.reader.scope import flat
from derive.reader.syntax import Fence, Node, Product, Scripted, Sum, rebuilt, walk


def braced(node: Node, source: str) -> bool:
    """Whether a product somewhere holds a sum in braces alone, or a function of what other braces may have been meant for."""
    return any(isinstance(n, Product) and any(isinstance(f, Sum) or _opened(f, source) for _, f in n.factors) for n in walk(node))


def _opened(node: Node, source: str) -> bool:
    """{(a) b} and {uᵀ} behind the name of a function: printed, the function is one of a alone, and of uᵀ v in \\exp{u^T} v."""
    body = node.body if isinstance(node, Fence) and source[node.start : node.start + 1] == "{" else None
    if isinstance(body, Scripted):
        return flat(body.sup) in ("T", "top")
    return isinstance(body, Product) and isinstance(body.factors[0][1], Fence)


def printed(node: Node, source: str) -> Node:
    """The node with the braces around sums, and behind functions, taken away."""
    node = rebuilt(node, lambda n: printed(n, source))
    if not isinstance(node, Product):
        return node
    opened = [inner for op, f in node.factors for inner in (_within(op, f) if _opened(f, source) else [(op, f)])]
    node = replace(node, factors=tuple(opened))
    terms: list[tuple[int, tuple[tuple[str, Node], ...]]] = [(1, ())]
    for op, factor in node.factors:
        if not isinstance(factor, Sum):
            terms[-1] = (terms[-1][0], (*terms[-1][1], (op, factor)))
            continue
        (sign, first), *others = factor.terms
        terms[-1] = (terms[-1][0] * sign, (*terms[-1][1], (op, first)))
        terms += [(sign, (("", term),)) for sign, term in others]
    if len(terms) == 1:
        return node
    return Sum(tuple((sign, _product(factors)) for sign, factors in terms), start=node.start, end=node.end)


def _within(op: str, node: Node) -> list[tuple[str, Node]]:
    assert isinstance(node, Fence)
    if not isinstance(node.body, Product):
        return [(op, node.body)]
    (_, first), *rest = node.body.factors
    return [(op, first), *rest]


def _product(factors: tuple[tuple[str, Node], ...]) -> Node:
    if len(factors) == 1:
        return factors[0][1]
    return Product(factors, start=factors[0][1].start, end=factors[-1][1].end)


__all__ = ["braced", "printed"]
