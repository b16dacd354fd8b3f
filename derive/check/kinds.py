"""What a relation is before it is judged: a picture, a size, the range of an index, a condition on indices, an example."""

from __future__ import annotations

from typing import TYPE_CHECKING

from derive.check import numbers
from derive.expr import Jac, Var
from derive.reader import names
from derive.reader.meaning import Meaning, Reading
from derive.reader.scope import LOSSES, Scope, flat
from derive.reader.statements import Link
from derive.reader.syntax import (
    Commas,
    Differential,
    Dots,
    Fence,
    Fraction,
    Node,
    Number,
    Product,
    Rows,
    Scripted,
    Sum,
    Symbol,
    children,
    unscripted,
    walk,
)

if TYPE_CHECKING:
    from derive.check.checker import Checker


def pictured(scope: Scope, link: Link) -> bool:
    """W = (w_{11} … w_{1d}; …): the entries of a quantity, drawn with dots under letters of their own."""
    right = link.right.base if isinstance(link.right, Scripted) and flat(link.right.sup) in ("T", "top") else link.right
    right = right.body if isinstance(right, Fence) else right
    if not isinstance(right, Rows | Commas) or not any(isinstance(n, Dots) for n in walk(right)):
        return False
    m = Meaning(scope, Reading(), link.source)
    if all(names.find(m, n) is not None for n in walk(right) if isinstance(n, Scripted)):
        return False  # its entries have names: it says something of them
    found = names.find(m, link.left) if isinstance(link.left, Symbol | Scripted) else None
    return found is not None and isinstance(found.expr, Var) and not found.places


def index_range(scope: Scope, link: Link) -> bool:
    """l = 1, …, L and t = 0 in the words: what an index runs over, no statement."""
    left, right = link.left, link.right
    if not isinstance(left, Symbol) or left.accents or len(left.head) > 1 or not isinstance(right, Number | Symbol):
        return False
    if left.head in scope.times or left.head == scope.clock or left.head in scope.last:
        return True
    known = (left.head, ()) in scope.names
    return (
        not known
        and (left.head in scope.sizes or left.head in "ijklmnt")
        and (isinstance(right, Number) or right.head in scope.sizes or right.head in scope.last)
    )


def index_condition(scope: Scope, link: Link) -> bool:
    """i ≠ j, k = y_i: a condition on indices, no statement about quantities."""
    if link.op not in ("=", "≠"):
        return False
    m = Meaning(scope, Reading(), link.source)

    def is_index(node: Node) -> bool:
        base = unscripted(node)
        if (
            not isinstance(base, Symbol)
            or base.accents
            or (len(base.head) > 1 and base.head not in names.COUNTING)
            or (isinstance(node, Scripted) and (node.sup is not None or node.primes))
        ):
            return False
        return names.one_hot(m, node) is not None or (
            (base.head in names.COUNTING or base.head in "ijklmnopqrsuvwc")
            and not isinstance(node, Scripted)
            and names.find(m, node) is None
        )

    return is_index(link.left) and is_index(link.right)


def far(e: Jac) -> bool:
    """∂h_t/∂h_k in one equation alone: nothing but where k is t - 1."""
    times = [v.time for v in (e.top, e.below) if isinstance(v, Var) and v.time is not None]
    return len(times) == 2 and times[0].base != times[1].base


def in_numbers(checker: Checker, link: Link) -> bool:
    """a = (1, 2, 3) of a vector that the network computes, where no numbers are given: an example, which can't be judged."""
    scope = checker.part.scope
    if checker.part.values or not numbers.is_numeric(link.right) or not isinstance(link.left, Symbol | Scripted):
        return False
    right = link.right.body if isinstance(link.right, Fence) else link.right
    found = names.find(Meaning(scope, Reading(), link.source), link.left)
    if found is None or found.bar or found.named.introduced or not isinstance(right, Rows | Commas):
        return False
    return isinstance(found.expr, Var) and scope.system is not None and scope.system.owner(found.expr) is not None


def numbered(node: Node) -> bool:
    """A column of numbers, or a matrix."""
    return numbers.is_numeric(node) and any(isinstance(n, Rows) for n in walk(node))


def of_sizes(scope: Scope, link: Link) -> str | None:
    """What a relation says of sizes and shapes, where it says nothing else."""
    if _sized(scope, link):
        return "a size"
    return "shapes" if _shapes(scope, link) else None


def _sized(scope: Scope, link: Link) -> bool:
    """m = 128."""
    name = link.left
    size = isinstance(name, Symbol) and name.head in scope.sizes and (name.head, name.accents) not in scope.names
    if isinstance(name, Scripted):
        size = _tagged(name) in scope.sizes  # n_{in} = 13
    if size and isinstance(link.right, Number) and link.right.text.isdigit():
        return True
    letters = [n for n in walk(link.right) if isinstance(n, Symbol)]
    plain = all(isinstance(n, Number | Symbol | Scripted | Product | Fraction | Sum) for n in walk(link.right))
    return size and plain and bool(letters) and not any((n.head, n.accents) in scope.names for n in letters)  # h = C/H


def _shapes(scope: Scope, link: Link) -> bool:
    """(T × d) (d × n) = T × n: what the shapes are, and no claim."""
    sides = link.left, link.right
    crossed = all(any(isinstance(n, Product) and any(op == "×" for op, _ in n.factors) for n in walk(s)) for s in sides)
    return crossed and all(_of_sizes(s, {*scope.sizes, *scope.last, "T", "top"}) for s in sides)


def _of_sizes(node: Node, known: set[str]) -> bool:
    """Whether all the names in a formula are those of sizes."""
    if isinstance(node, Symbol):
        return node.head in known
    return (isinstance(node, Scripted) and _tagged(node) in known) or all(_of_sizes(n, known) for n in children(node))


def _tagged(node: Scripted) -> str:
    """n_{in} as sizes are named, "n_in"; "" where it is no letter with a subscript alone."""
    plain = isinstance(node.base, Symbol) and node.sub is not None and node.sup is None
    return f"{flat(node.base)}_{flat(node.sub)}" if plain else ""


def loss_by_another_name(scope: Scope, link: Link) -> bool:
    """C = … beside a loss that the problem calls E: first it may be the same loss; where it isn't, it is a new name."""
    node = link.left
    if isinstance(node, Product) and len(node.factors) == 2 and isinstance(node.factors[1][1], Fence):
        node = node.factors[0][1]
    m = Meaning(scope, Reading(), link.source)
    right = link.right
    if isinstance(node, Scripted) and isinstance(right, Fraction) and isinstance(right.top, Differential) and node.sup is None:
        node = node.base if names.find(m, node) is None else node  # J_t = ∂h_t/∂h_{t-1}: no loss is a derivative
    return isinstance(node, Symbol) and (node.head in LOSSES or node.head in scope.sizes) and names.find(m, node) is None
