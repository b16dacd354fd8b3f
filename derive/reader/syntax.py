"""The syntax tree of a formula, before anything is known about its names. Every node knows its place in the source."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields, replace
from typing import Any, TypeVar

N = TypeVar("N")


@dataclass(frozen=True)
class Node:
    """Base of all nodes; [start, end) is its place in the source and doesn't count in comparisons."""

    start: int = field(compare=False, kw_only=True, default=0)
    end: int = field(compare=False, kw_only=True, default=0)
    mended: Exception | None = field(compare=False, kw_only=True, default=None)  # why it was read with another bracket than is written


@dataclass(frozen=True)
class Number(Node):
    text: str


@dataclass(frozen=True)
class Symbol(Node):
    """A letter, a Greek letter (by its name) or a word, with its accents, outermost last: \\bar{\\hat y} is ("hat", "bar")."""

    head: str
    accents: tuple[str, ...] = ()


@dataclass(frozen=True)
class Scripted(Node):
    """base_sub^sup with primes."""

    base: Node
    sub: Node | None = None
    sup: Node | None = None
    primes: int = 0


@dataclass(frozen=True)
class Fence(Node):
    """kind: paren, bracket, brace, abs, norm, angle."""

    kind: str
    body: Node


@dataclass(frozen=True)
class Commas(Node):
    """Several things, separated by commas; breaks: how many of them stand before each semicolon."""

    items: tuple[Node, ...]
    breaks: tuple[int, ...] = ()


@dataclass(frozen=True)
class Given(Commas):
    """p(a | b): what a probability is of, and what is given."""


@dataclass(frozen=True)
class Sum(Node):
    """terms: (sign, node) in order; `plusminus` signs are not read."""

    terms: tuple[tuple[int, Node], ...]


@dataclass(frozen=True)
class Product(Node):
    """factors: (sign before it, node); the first sign is "", juxtaposition is "", division is "/"."""

    factors: tuple[tuple[str, Node], ...]


@dataclass(frozen=True)
class Fraction(Node):
    top: Node
    bottom: Node


ALONE = "∂⁺"  # the sign of a derivative in one equation alone


@dataclass(frozen=True)
class Differential(Node):
    """∂x, dx, ∂⁺x. In a fraction it makes a derivative. `order` for \\partial^2."""

    sign: str
    body: Node | None
    order: int = 1


@dataclass(frozen=True)
class Nabla(Node):
    """∇_v; what it is applied to follows as a factor."""

    below: Node | None
    order: int = 1


@dataclass(frozen=True)
class Big(Node):
    """A sum, a product or a limit over the rest of a term. kind: sum, prod, lim, max, min, int."""

    kind: str
    sub: Node | None
    sup: Node | None
    body: Node
    own: int | None = None  # how many factors of the body it surely binds, where others without its index follow


@dataclass(frozen=True)
class Root(Node):
    body: Node
    degree: Node | None = None


@dataclass(frozen=True)
class Rows(Node):
    """A matrix written out; a cell is None where it is empty."""

    rows: tuple[tuple[Node | None, ...], ...]


@dataclass(frozen=True)
class Choices(Node):
    """cases: (value, condition); a condition is a node, None where there is none or only words."""

    rows: tuple[tuple[Node, Node | None], ...]


@dataclass(frozen=True)
class Evaluated(Node):
    """body |_{where}: at a value, or the part of it that words name."""

    body: Node
    where: Node


@dataclass(frozen=True)
class Dots(Node):
    kind: str = "dots"


@dataclass(frozen=True)
class Words(Node):
    text: str


@dataclass(frozen=True)
class Relation(Node):
    """parts[0] ops[0] parts[1] …"""

    parts: tuple[Node, ...]
    ops: tuple[str, ...]


def _parts(cls: type) -> tuple[str, ...]:
    """The fields of a kind that hold nodes."""
    if cls not in _HOLDING:
        _HOLDING[cls] = tuple(f.name for f in fields(cls) if f.name not in _PLAIN)
    return _HOLDING[cls]


_PLAIN = frozenset(["start", "end", "head", "accents", "text", "kind", "primes", "order", "ops", "sign", "breaks"])
_HOLDING: dict[type, tuple[str, ...]] = {}


def children(node: Node) -> list[Node]:
    """The nodes directly below."""
    found: list[Node] = []
    stack = [getattr(node, name) for name in reversed(_parts(type(node)))]
    while stack:
        value = stack.pop()
        if isinstance(value, Node):
            found.append(value)
        elif isinstance(value, tuple):
            stack.extend(reversed(value))
    return found


def rebuilt(node: Node, fn: Callable[[Node], Node]) -> Node:
    """The node with fn of each node directly below it in that node's place."""

    def one(value: Any) -> Any:
        if isinstance(value, Node):
            return fn(value)
        return tuple(map(one, value)) if isinstance(value, tuple) else value

    return replace(node, **{part: one(getattr(node, part)) for part in _parts(type(node))})


def put(node: Node, name: Node, other: Node) -> Node:
    """The node with another one wherever a name stands."""
    return other if node == name else rebuilt(node, lambda n: put(n, name, other))


def unscripted(node: N) -> N | Node:
    """The node without its scripts."""
    return node.base if isinstance(node, Scripted) else node


def walk(node: Node) -> Iterator[Node]:
    """The node and everything below, top down."""
    stack = [node]
    while stack:
        top = stack.pop()
        yield top
        stack.extend(reversed(children(top)))
