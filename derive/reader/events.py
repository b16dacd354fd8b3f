"""Conditional probabilities, P(O = o | C = c) and p(o | c): what the document says that they are."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from derive.reader import names, windows
from derive.reader.scope import flat
from derive.reader.statements import Link
from derive.reader.syntax import Big, Commas, Fence, Given, Node, Number, Product, Relation, Scripted, Symbol, put, walk
from derive.reader.values import Value

if TYPE_CHECKING:
    from derive.reader.meaning import Meaning
    from derive.reader.scope import Scope

Rest = list[tuple[str, Node]]


@dataclass(frozen=True)
class Parameter:
    """A parameter of a probability; whether of w_o the o alone stands in the formula."""

    node: Node
    bare: bool = False


@dataclass(frozen=True)
class Event:
    """A probability that was given a formula: its parameters, and the formula."""

    parameters: tuple[Parameter, ...]
    body: Node
    source: str


def plain(link: Link) -> Link:
    """log P(y | x) = …, of a probability that this defines, without the logarithm."""
    left = link.left
    if isinstance(left, Product) and len(left.factors) > 1 and left.factors[0][1] in (Symbol("log"), Symbol("ln")):
        rest = left.factors[1:]
        inside = rest[0][1].body if len(rest) == 1 and isinstance(rest[0][1], Fence) else Product((("", rest[0][1]), *rest[1:]))
        if event(inside) is not None:
            raised = Product((("", Symbol("exp")), ("", Fence("paren", link.right))), start=link.right.start, end=link.right.end)
            return replace(link, left=replace(inside, start=left.start, end=left.end), right=raised)
    return link


def undefined(scope: Scope, m: Meaning, link: Link) -> bool:
    """Whether a relation says what a probability is: P(o | c) = …, or ŷ_o = P(o | c) of a quantity that is known."""
    link = plain(link)
    side = _new_side(scope, m, link)
    if side is None:
        return False
    other = link.right if side is link.left else link.left
    return not any(isinstance(n, Given) for n in walk(other)) and (side is link.left or names.find(m, other) is not None)


def turned(link: Link) -> Link:
    """The relation with the probability on its left."""
    link = plain(link)
    return link if event(link.left) is not None else replace(link, left=link.right, right=link.left)


def define(scope: Scope, link: Link) -> None:
    """Remember what a probability is."""
    link = turned(link)
    found = event(link.left)
    assert found is not None
    name, arguments = found
    known = Event(tuple(_parameter(a, link.right) for a in arguments), link.right, link.source)
    scope.events[name] = (known, *scope.events.get(name, ()))


def event(node: Node) -> tuple[str, tuple[Node, ...]] | None:
    """(P, what it is of) of P(O = o | C = c) and p(o | c)."""
    if not isinstance(node, Product) or len(node.factors) != 2 or node.factors[1][0]:
        return None
    name, fence = node.factors[0][1], node.factors[1][1]
    if not isinstance(name, Symbol | Scripted) or not isinstance(fence, Fence) or not isinstance(fence.body, Given):
        return None
    return flat(name), _arguments(fence.body)


def applied(m: Meaning, node: Node, rest: Rest) -> tuple[Value, Rest] | None:
    """(the value of a probability that the document has defined, what is left)."""
    if not isinstance(node, Symbol | Scripted) or flat(node) not in m.scope.events or not rest or rest[0][0]:
        return None
    found = event(Product((("", node), rest[0])))
    chosen = _chosen(m.scope, found) if found is not None else None
    if chosen is None or found is None:
        return None
    body = chosen.body
    for parameter, argument in zip(chosen.parameters, found[1], strict=True):
        if parameter.bare and isinstance(argument, Scripted) and argument.sub is not None and not windows.is_word(m, argument):
            argument = argument.sub
        if argument != parameter.node and _captured(body, parameter.node, argument):
            raise m.fail(f"the letter {m.text(argument)} is bound in the formula of {m.text(node)}", argument)
        body = put(body, parameter.node, argument)
    saved, m.source = m.source, chosen.source
    try:
        return m.value(body), rest[1:]
    finally:
        m.source = saved


def _captured(body: Node, parameter: Node, argument: Node) -> bool:
    """Whether a sum of the formula binds a letter of an argument that would stand in it."""
    letters = {n.head for n in walk(argument) if isinstance(n, Symbol)}
    inside = [n for n in walk(body) if isinstance(n, Big) and n.sub is not None and parameter in walk(n.body)]
    return any(letters & {n.head for n in walk(big.sub) if isinstance(n, Symbol)} for big in inside if big.sub is not None)


def _chosen(scope: Scope, found: tuple[str, tuple[Node, ...]]) -> Event | None:
    """The meaning of a probability with these arguments: numbers, D = 1, are part of its name."""
    for known in scope.events.get(found[0], ()):
        fixed = [a == p.node for p, a in zip(known.parameters, found[1], strict=False) if isinstance(p.node, Number)]
        if len(known.parameters) == len(found[1]) and all(fixed):
            return known
    return None


def _new_side(scope: Scope, m: Meaning, link: Link) -> Node | None:
    for side in (link.left, link.right):
        found = event(side)
        if found is not None and _chosen(scope, found) is None:
            return side
    return None


def _arguments(body: Given) -> tuple[Node, ...]:
    """o and c of (O = o | C = c), of (o | c), and of (o | c, θ)."""
    items = [i for part in body.items for i in (part.items if isinstance(part, Commas) else (part,))]
    return tuple(i.parts[-1] if isinstance(i, Relation) else i for i in items)


def _parameter(argument: Node, body: Node) -> Parameter:
    """w_o in u_{w_o}, and o of w_o in u_o."""
    inside = list(walk(body))
    if isinstance(argument, Scripted) and argument not in inside and argument.sub is not None and argument.sub in inside:
        return Parameter(argument.sub, True)
    return Parameter(argument)
