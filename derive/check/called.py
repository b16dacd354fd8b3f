"""What a document names without a formula: J = CE(y, ŷ), a function of its own; ∂L/∂h |_{direct}, a part of a derivative."""

from __future__ import annotations

from dataclasses import replace

from derive.reader import calls, events
from derive.reader.meaning import Meaning, Reading
from derive.reader.scope import LOSSES, Scope
from derive.reader.statements import Link
from derive.reader.syntax import Commas, Evaluated, Fence, Node, Number, Product, Relation, Scripted, Symbol, Words, put, walk

_OFTEN = frozenset(["f", "g", "F", "G", "q", "ell", "phi", "varphi", "psi", "Phi", "Psi"])  # single letters that are functions
_OTHER = frozenset(["I", "ones", "zero", "e", "pi", "delta", "d", "partial", "nabla", "infty", "sigma", *(h for h in LOSSES if len(h) == 1)])
PART, FUNCTION = "a part that is given a name", "a function that is given no formula here"


def named(scope: Scope, link: Link) -> str | None:
    """What a relation names, which is remembered; None for one that says something."""
    if _is_part(link.left):
        scope.called[link.left] = link.right
        return PART
    if link.right not in scope.called and _is_call(scope, link.right, link) and not _is_call(scope, link.left, link):
        scope.called[link.right] = link.left
        return FUNCTION
    return None


def put_in(scope: Scope, link: Link) -> Link:
    """The relation with what such names stand for."""
    for name, other in scope.called.items():
        if link.right == other and link.left == name:
            continue
        link = replace(link, left=put(link.left, name, other), right=put(link.right, name, other))
    return link


def _is_part(node: Node) -> bool:
    where = node.where if isinstance(node, Evaluated) else None
    return where is not None and any(isinstance(n, Words) or (isinstance(n, Symbol) and len(n.head) > 3) for n in walk(where))


def _is_call(scope: Scope, node: Node, link: Link) -> bool:
    """CE(y, ŷ) and f(x) of a function that nothing explains."""
    if not isinstance(node, Product) or len(node.factors) != 2 or node.factors[1][0]:
        return False
    head, fence = node.factors[0][1], node.factors[1][1]
    base = head.base if isinstance(head, Scripted) else head
    if not isinstance(base, Symbol) or not isinstance(fence, Fence) or fence.kind != "paren" or events.event(node) is not None:
        return False
    if isinstance(fence.body, Number) or (base.head, base.accents) in scope.names or base.head in scope.sizes:
        return False
    if calls.function_of(Meaning(scope, Reading(), link.source), head) is not None or base.head in _OTHER:
        return False
    return (len(base.head) > 1 and base.head.isupper()) or base.head in _OFTEN or isinstance(fence.body, Commas)


__all__ = ["named", "put_in"]
