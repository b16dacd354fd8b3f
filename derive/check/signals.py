"""Error signals: which adjoint the δ of a document is, δ^{(l)} = ∂C/∂z^{(l)} or another."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from derive.check import given
from derive.check.claims import told
from derive.check.lines import Line
from derive.reader import names
from derive.reader.meaning import Meaning, Reading
from derive.reader.scope import Key, Named, Scope, flat
from derive.reader.statements import Link
from derive.reader.syntax import Fence, Fraction, Nabla, Node, Product, Scripted, Sum, Symbol

if TYPE_CHECKING:
    from derive.check.checker import Checker


def signal(scope: Scope, link: Link) -> Scripted | None:
    """The left side where it is a δ with scripts that the document hasn't given a meaning of its own."""
    node = link.left
    if not isinstance(node, Scripted) or node.primes or node.base != Symbol("delta") or scope.delta not in ("auto", "error"):
        return None
    found = names.find(Meaning(scope, Reading(), link.source), node)
    return node if found is None or (found.named.letters and tuple(map(flat, found.places)) != found.named.letters) else None


def meanings(scope: Scope, link: Link, node: Scripted) -> Iterator[Key]:
    """The families of quantities whose adjoints these δ may be, the usual one first."""
    m = Meaning(scope, Reading(), link.source)
    m.learn(link.left)
    m.learn(link.right)
    settled = [scope.errors] if scope.errors is not None else []
    for key in settled or names.error_families(scope):
        if names.error_of(m, node, key) is not None:
            yield key


def by_index(scope: Scope, link: Link, node: Scripted, key: Key) -> bool:
    """δ_k beside δ_j: told apart by their letters alone. This one then is the adjoint of its family; false where it has a tag or a time."""
    m = Meaning(scope, Reading(), link.source)
    found = names.error_of(m, node, key)
    if found is None or not found.places or found.named.tag or found.instant is not None:
        return False
    letters = tuple(flat(p) for p in found.places)
    scope.add(("delta", ()), Named("", names.adjoint_of(m, found.expr), introduced=True, letters=letters))
    return True


def judged(checker: Checker, link: Link, line: Line) -> Line | None:
    """δ^{(l)} = …: the verdict where it is the adjoint of a quantity with these scripts, which settles what every δ is.

    Where it is the adjoint of none, it is read as the first of them if it must be one, and else as a definition.
    """
    scope = checker.part.scope
    node = signal(scope, link)
    families = list(meanings(scope, link, node)) if node is not None else []
    settled, opposite = scope.errors, False
    for key in families:
        scope.errors = key
        for claim in checker.claims(link)[0]:
            verdict = checker.decide(claim, quick=True)
            if verdict is not None and verdict.holds:
                if node is not None and by_index(scope, link, node, key):
                    scope.errors = settled
                return replace(line, verdict=verdict.verdict, reason=told(verdict, claim, claim.reading), bound=verdict.bound)
            opposite = opposite or given.equal(checker, -claim.left, claim.right)
    scope.errors = settled
    if node is None or not families or settled is not None or by_derivative(link.right):
        return None
    stands = scope.delta == "error" or (layered(node) and not opposite)
    if stands and not by_index(scope, link, node, families[0]):
        scope.errors = families[0]
    return None


def layered(node: Scripted) -> bool:
    """δ^{(2)} and δ^{[2]}: the brackets say that it is one of a layer; δ^l and δ^{l+1}: the letter does."""
    parts = [n for _, n in node.sup.factors] if isinstance(node.sup, Product) else [node.sup]
    first = node.sup.terms[0][1] if isinstance(node.sup, Sum) else node.sup
    brackets = [n.body for n in parts if isinstance(n, Fence)]
    examples = [b for b in brackets if isinstance(b, Symbol) and b.head in ("i", "n", "m", "t")]  # δ^{(i)} is of an example
    return len(brackets) > len(examples) or first in (Symbol("l"), Symbol("L"))


def by_derivative(node: Node) -> bool:
    """Whether a right side is nothing but a derivative, perhaps with a sign: then it is what δ is."""
    if isinstance(node, Sum) and len(node.terms) == 1:
        node = node.terms[0][1]
    if isinstance(node, Product) and node.factors and isinstance(node.factors[0][1], Nabla):
        return len(node.factors) <= 3
    return isinstance(node, Fraction)
