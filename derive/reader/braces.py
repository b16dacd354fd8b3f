"""{a - b} c as it is printed, a - b c: TeX shows no braces, and who writes them may have meant brackets."""

from __future__ import annotations

from derive.reader.syntax import Node, Product, Sum, rebuilt, walk


def braced(node: Node) -> bool:
    """Whether a product somewhere holds a sum in braces alone."""
    return any(isinstance(n, Product) and any(isinstance(f, Sum) for _, f in n.factors) for n in walk(node))


def printed(node: Node) -> Node:
    """The node with the braces around sums taken away."""
    node = rebuilt(node, printed)
    if not isinstance(node, Product):
        return node
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


def _product(factors: tuple[tuple[str, Node], ...]) -> Node:
    if len(factors) == 1:
        return factors[0][1]
    return Product(factors, start=factors[0][1].start, end=factors[-1][1].end)


__all__ = ["braced", "printed"]
