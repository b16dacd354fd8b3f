"""Names in a scope file that nothing explains: neither the problem nor the document. They are told, with what is spelled nearly so."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from difflib import SequenceMatcher
from typing import TYPE_CHECKING

from derive.expr import DeriveError, Var
from derive.reader import calls, names
from derive.reader.meaning import Meaning, Reading
from derive.reader.parser import parse
from derive.reader.scope import Scope
from derive.reader.syntax import Big, Node, Symbol, unscripted, walk
from derive.reader.tokens import GREEK, Unreadable, clean

if TYPE_CHECKING:
    from derive.check.settings import Part

NEAR = 0.5  # of the letters of two spellings are the same, in order
COMMON = frozenset(
    ["L", "d", "e", "i", "j", "k", "l", "m", "n", "t", "I", "ones", "zero", "pi", "ell", "infty", "top"]
)  # any text's


def stranger(scope: Scope, target: str) -> str | None:
    """What in a target is no name here: the whole of it, or a letter in a formula."""
    bare = target.strip().lstrip("\\")
    if bare in _heads(scope) or target in _quantities(scope):
        return None
    try:
        node = parse(clean(target), scope.words)
    except Unreadable:
        return None
    bound = {
        n.head
        for big in walk(node)
        if isinstance(big, Big) and big.sub is not None
        for n in walk(big.sub)
        if isinstance(n, Symbol)
    }
    known = _heads(scope) | COMMON | bound
    symbols = [n for n in walk(node) if isinstance(n, Symbol) and n.head != ":"]
    base = unscripted(node)
    if isinstance(base, Symbol):
        return None if base.head in COMMON | calls.OPERATORS or names.find(Meaning(scope, Reading(), target), node) is not None else target
    if re.fullmatch(r"[A-Za-z][A-Za-z0-9]+", target):  # a name as the problem may spell it, W3; Wx may be a product
        return None if target.isalpha() and {n.head for n in symbols} <= known else target
    return next((_written(target, n) for n in symbols if n.head not in known), None)


def _written(target: str, node: Node) -> str:
    return clean(target)[node.start : node.end].strip() or target


def _heads(scope: Scope) -> set[str]:
    return {head for head, _ in scope.names} | set(scope.functions) | calls.OPERATORS | set(scope.sizes) | scope.last


def _quantities(scope: Scope) -> set[str]:
    declared = {v.name for found in scope.names.values() for n in found for v in n.expr.atoms(Var)}
    return declared | set(scope.system.quantities if scope.system is not None else ())


def near(target: str, known: Collection[str]) -> str:
    """ "; near it: W_1, W_2", or nothing."""

    def plain(text: str) -> str:
        return re.sub(r"\\(bar|hat|tilde|mathbf|mathrm|boldsymbol|mathcal)|[^A-Za-z0-9]", "", text).lower()

    likeness = {name: SequenceMatcher(None, plain(target), plain(name)).ratio() for name in known}
    found = sorted((name for name in known if likeness[name] >= NEAR), key=lambda name: (-likeness[name], name))
    return f"; near it: {', '.join(found[:3])}" if found else ""


def verify(pieces: list[Part], text: str) -> None:
    """Every alias means something in one of the parts, or the document's formulas have its target. Raises DeriveError."""
    squeezed = _squeezed(text)
    letters = set(re.sub(r"\\[a-zA-Z]+", "", text))
    for (name, target), strange in _unexplained(pieces):
        letter = len(strange) == 1 or strange.lstrip("\\") in GREEK
        bare = _squeezed(strange).replace(r"\bar", "")
        if bare in (letters if len(bare) == 1 else squeezed) or (letter and _squeezed(name) not in squeezed):
            continue
        known = set().union(*(_quantities(part.scope) for part in pieces if (name, target) in part.strangers))
        functions = {f for part in pieces for f in part.scope.functions if not letter and len(f) > 2}
        said = repr(target) if strange == target else f"{strange!r} in {target!r}"
        raise DeriveError(
            f"the scope's {name!r}: {said} is no name of the problem, and the document doesn't have it{near(strange, known | functions)}"
            + (f" (the problem has {', '.join(sorted(known))})" if known else "")
        )


def _unexplained(pieces: list[Part]) -> Iterator[tuple[tuple[str, str], str]]:
    """The entries that every part which has them finds strange, with what is strange."""
    for entry in dict.fromkeys(e for part in pieces for e in part.strangers):
        found = [part.strangers[entry] for part in pieces if entry in part.strangers]
        if all(found):
            yield entry, found[0] or ""


def _squeezed(text: str) -> str:
    """Without blanks, braces and fonts."""
    return re.sub(r"[\s{}]|\\(mathbf|mathrm|boldsymbol|mathcal|mathsf|bm|vec|text)(?![a-zA-Z])", "", clean(text))
