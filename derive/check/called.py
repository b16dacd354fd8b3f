"""What a document names without a formula: J = CE(y, ŷ), a function of its own; ∂L/∂h |_{direct}, a part of a derivative."""

from __future__ import annotations

from dataclasses import replace

from derive.reader import calls, events, names
from derive.reader.meaning import Meaning, Reading
from derive.reader.scope import LOSSES, Scope
from derive.reader.statements import Link
from derive.reader.syntax import (
    Commas,
    Differential,
    Dots,
    Evaluated,
    Fence,
    Fraction,
    Node,
    Number,
    Product,
    Scripted,
    Symbol,
    Words,
    put,
    rebuilt,
    unscripted,
    walk,
)

_OFTEN = frozenset(["f", "g", "F", "G", "q", "ell", "phi", "varphi", "psi", "Phi", "Psi"])  # single letters that are functions
_OTHER = frozenset(
    ["I", "ones", "zero", "e", "pi", "delta", "d", "partial", "nabla", "infty", "sigma", *(h for h in LOSSES if len(h) == 1)]
)
RUN = "a sequence by its items"
PART, FUNCTION = "a part that is given a name", "a function that is given no formula here"


def named(scope: Scope, link: Link) -> str | None:
    """What a relation names, which is remembered; None for one that says something."""
    if _is_run(scope, link):
        return RUN
    if _is_part(link.left):
        scope.called[link.left] = link.right
        return PART
    if (
        isinstance(link.right, Product)
        and link.right.factors[0][1] == link.left
        and bracketed(link.right)
    ):
        return "what it depends on"  # C = C(a_1, …, a_n)
    if _composed(scope, link):
        return "what it depends on"  # L(x) = h ∘ y(x)
    if (letters := _paired(scope, link)) is not None:
        if isinstance(link.left, Scripted) and isinstance(link.left.base, Symbol):
            scope.paired[link.left.base.head] = (letters, link.right)
        return "an error signal of two instants"
    if link.right not in scope.called and _is_call(scope, link.right, link) and not _is_call(scope, link.left, link):
        scope.called[link.right] = link.left
        return FUNCTION
    return None


def _composed(scope: Scope, link: Link) -> bool:
    """L(x) = h ∘ y(x), with a function that has no formula on the outside."""
    if not isinstance(link.right, Product) or not any(op == "∘" for op, _ in link.right.factors) or not bracketed(link.left):
        return False
    outer = link.right.factors[0][1]
    if not isinstance(outer, Symbol) or (outer.head, outer.accents) in scope.names:
        return False
    known = calls.function_of(Meaning(scope, Reading(), link.source), outer)
    return known is None or getattr(known[1], "style", "") == "open"


def _paired(scope: Scope, link: Link) -> tuple[Symbol, ...] | None:
    """The two letters of δ_{t,k} = ∂L_t/∂z_k, of which at least one is an instant; None for anything else."""
    node = link.left
    if not isinstance(node, Scripted) or not isinstance(node.base, Symbol) or node.sup is not None or not scope.timed:
        return None
    items = names.script_items(node.sub)
    if (
        len(items) != 2
        or items[0] == items[1]
        or not isinstance(link.right, Fraction)
        or not isinstance(link.right.top, Differential)
    ):
        return None
    letters = tuple(n for n in items if isinstance(n, Symbol))
    inside = set(walk(link.right))
    return letters if len(letters) == 2 and all(n in inside for n in letters) and node.base.head == "delta" else None


def _written_out(scope: Scope, node: Node) -> Node:
    """A formula with ∂L_a/∂z_b in the place of δ_{a,b}."""
    pattern = scope.paired.get(node.base.head) if isinstance(node, Scripted) and isinstance(node.base, Symbol) else None
    if pattern is not None and isinstance(node, Scripted) and node.sup is None and len(names.script_items(node.sub)) == 2:
        letters, body = pattern
        kept = [Symbol(f"paired{k}") for k in range(2)]
        for letter, place in zip(letters, kept, strict=True):
            body = put(body, letter, place)
        for place, item in zip(kept, names.script_items(node.sub), strict=True):
            body = put(body, place, item)
        return body
    return rebuilt(node, lambda n: _written_out(scope, n))


def put_in(scope: Scope, link: Link) -> Link:
    """The relation with what such names stand for."""
    if scope.paired:
        link = replace(link, left=_written_out(scope, link.left), right=_written_out(scope, link.right))
    for name, other in scope.called.items():
        if link.right == other and link.left == name:
            continue
        link = replace(link, left=put(link.left, name, other), right=put(link.right, name, other))
    return link


def bracketed(node: Node) -> bool:
    """C(a_1, …, a_n) and L(w): names alone in the brackets, several of them or those of a loss or a function."""
    if not isinstance(node, Product) or len(node.factors) != 2:
        return False
    (_, head), (op, last) = node.factors
    if op or not isinstance(last, Fence) or last.kind != "paren":
        return False
    items = last.body.items if isinstance(last.body, Commas) else (last.body,)
    plain = all(isinstance(n, Symbol | Scripted | Dots) for n in items)
    base = unscripted(head)
    return plain and (len(items) > 1 or (isinstance(base, Symbol) and base.head in {*LOSSES, *_OFTEN}))


def _is_run(scope: Scope, link: Link) -> bool:
    """x_{1:T} = (x_1, …, x_T)."""
    right = link.right.body if isinstance(link.right, Fence) else None
    if not isinstance(link.left, Scripted) or not isinstance(right, Commas) or not any(isinstance(n, Dots) for n in right.items):
        return False
    scripts = [names.script_items(s.body if isinstance(s, Fence) else s) for s in (link.left.sub, link.left.sup)]
    ends = {"T", "n", "N", *scope.last}
    return any(
        len(s) == 2 and isinstance(s[0], Number) and isinstance(s[1], Symbol) and s[1].head in ends and right.items[-1] != s[1]
        for s in scripts
    )


def _is_part(node: Node) -> bool:
    where = node.where if isinstance(node, Evaluated) else None
    return where is not None and any(isinstance(n, Words) or (isinstance(n, Symbol) and len(n.head) > 3) for n in walk(where))


def _is_call(scope: Scope, node: Node, link: Link) -> bool:
    """CE(y, ŷ) and f(x) of a function that nothing explains."""
    if not isinstance(node, Product) or len(node.factors) != 2 or node.factors[1][0]:
        return False
    head, fence = node.factors[0][1], node.factors[1][1]
    base = unscripted(head)
    if not isinstance(base, Symbol) or not isinstance(fence, Fence) or fence.kind != "paren" or events.event(node) is not None:
        return False
    if isinstance(fence.body, Number) or (base.head, base.accents) in scope.names or base.head in scope.sizes:
        return False
    if calls.function_of(Meaning(scope, Reading(), link.source), head) is not None or base.head in _OTHER:
        return False
    return (len(base.head) > 1 and base.head.isupper()) or base.head in _OFTEN or isinstance(fence.body, Commas)


__all__ = ["bracketed", "named", "put_in"]
