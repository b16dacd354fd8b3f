"""Long formulas in several rows: broken at plus and minus, then at entrywise products."""

from __future__ import annotations

from derive.printing.notation import Big, Node, Prod, Sum, width

Row = tuple[str, Node]  # the operation that leads the row ("", "+", "-", "odot"), and what stands in it


def rows(node: Node, limit: float) -> list[Row]:
    """The node in rows of at most `limit` em each, where it can be broken at all."""
    if width(node) <= limit:
        return [("", node)]
    if isinstance(node, Sum) and len(node.terms) > 1:
        return _packed([("-" if s < 0 else "+", t) for s, t in node.terms], limit)
    if isinstance(node, Prod) and node.op == "odot":
        return [("odot" if k else "", f) for k, f in enumerate(node.factors)]
    if isinstance(node, Big):
        return [("", node)]
    return [("", node)]


def _packed(terms: list[tuple[str, Node]], limit: float) -> list[Row]:
    """As many terms in a row as fit."""
    packed: list[Row] = []
    row: list[tuple[str, Node]] = []
    for term in terms:
        if row and width(_sum([*row, term])) > limit:
            packed.append(_row(row, not packed))
            row = []
        row.append(term)
    packed.append(_row(row, not packed))
    return packed


def _sum(terms: list[tuple[str, Node]]) -> Sum:
    return Sum(tuple((-1 if op == "-" else 1, t) for op, t in terms))


def _row(terms: list[tuple[str, Node]], first: bool) -> Row:
    lead = terms[0][0]
    if first:
        return ("", _sum(terms) if len(terms) > 1 or lead == "-" else terms[0][1])
    rest = _sum([("+", terms[0][1]), *terms[1:]])
    return (lead, rest if len(terms) > 1 else terms[0][1])
