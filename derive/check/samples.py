"""Negative sampling: K words u_1, …, u_K that are drawn, none of them the outside word o; and cases k = o of a word with a name of its own."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import sympy

from derive.expr import var
from derive.reader import names
from derive.reader.meaning import Meaning, Reading
from derive.reader.scope import Named, Scope, flat
from derive.reader.statements import Link
from derive.reader.syntax import Big, Choices, Node, Number, Relation, Scripted, Symbol, put, walk

if TYPE_CHECKING:
    from derive.check.checker import Checker

_NEGATIVE = re.compile(r"\bneg(ative)?\b|\bneg-?sampl|\bnoise\b|\\not\s*\\?in\b|\\notin\b", re.IGNORECASE)

_NAMED = re.compile(r"neg(?![a-z])|negative|noise|NCE|SGNS")


def drawn(checker: Checker, link: Link) -> None:
    """In the definition of a loss, Σ_{k=1}^{K} of what is made of u_k, beside u_o: the u_k are vectors of their own.

    That they are other words than o is what negative sampling means, and must be said: by the loss's name or by the words before it.
    """
    scope = checker.part.scope
    if not _NAMED.search(flat(link.left)) and not _NEGATIVE.search(checker.said.before):
        return
    m = Meaning(scope, Reading(), link.source)
    for big in [n for n in walk(link.right) if isinstance(n, Big) and n.kind == "sum"]:
        index, last = _range(big)
        family = _family(m, big, index) if index is not None else None
        if index is None or last is None or family is None or _known(scope, last):
            continue
        hot = [
            n
            for n in walk(link.right)
            if isinstance(n, Scripted) and n.base == family and n.sub is not None and names.one_hot(m, n.sub)
        ]
        if hot and not any(n in walk(big) for n in hot):
            _draw(scope, family, index, last)


def _range(big: Big) -> tuple[str | None, Symbol | None]:
    """(k, K) of a sum over k = 1 … K."""
    sub = big.sub
    if isinstance(sub, Relation) and sub.ops == ("=",) and isinstance(sub.parts[0], Symbol) and sub.parts[1] == Number("1"):
        return sub.parts[0].head, big.sup if isinstance(big.sup, Symbol) else None
    return None, None


def _family(m: Meaning, big: Big, index: str) -> Symbol | None:
    """The letter of the vectors of words that carry the index of a sum."""
    for n in walk(big.body):
        if isinstance(n, Scripted) and n.sub == Symbol(index) and isinstance(n.base, Symbol):
            found = names.find(m, n)
            if found is not None and found.named.axis == 1:
                return n.base
    return None


def _known(scope: Scope, last: Symbol) -> bool:
    return last.head in scope.sizes or (last.head, last.accents) in scope.names


def _draw(scope: Scope, family: Symbol, index: str, last: Symbol) -> None:
    key = (family.head, family.accents)
    whole = next(n for n in scope.names[key] if n.axis == 1)
    count = scope.sizes[last.head] = sympy.Symbol(last.head, positive=True, integer=True)
    drawn_ = var(f"{family.head}_negative", (whole.expr.shape[0], count))
    scope.add(key, Named("", drawn_, axis=1, introduced=True, letters=(index,)))


def cases(scope: Scope, link: Link) -> list[Link]:
    """∂J/∂u_k = … for k = o, … for k ≠ o, where u_o has a name of its own: one relation for u_o, one for u_k."""
    right = link.right
    if not isinstance(right, Choices) or len(right.rows) != 2:
        return []
    found: dict[str, Link] = {}
    for value, condition in right.rows:
        relation = next((n for n in walk(condition) if isinstance(n, Relation)), None) if condition is not None else None
        if relation is None or relation.ops not in (("=",), ("≠",)) or not all(isinstance(p, Symbol) for p in relation.parts):
            return []
        index, tag = relation.parts
        if not _named_apart(scope, link.left, index, tag):
            return []
        same = relation.ops == ("=",)
        found[relation.ops[0]] = replace(link, left=put(link.left, index, tag) if same else link.left, right=value)
    return list(found.values()) if len(found) == 2 else []


def _named_apart(scope: Scope, left: Node, index: Node, tag: Node) -> bool:
    """Whether a name of the left side carries the index, and is another quantity where the tag stands for it."""
    for n in walk(left):
        if not isinstance(n, Scripted) or n.sub != index or not isinstance(n.base, Symbol) or flat(tag) in scope.onehot:
            continue
        if any(named.tag == flat(tag) for named in scope.names.get((n.base.head, n.base.accents), ())):
            return True
    return False
