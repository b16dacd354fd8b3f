"""How a problem in LaTeX writes its names: \\varepsilon, \\mathbf{W}, W^{[1]}, b_{\\text{out}}, where our own symbols would differ."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from derive.expr import DeriveError, Var
from derive.printing.names import split
from derive.printing.notation import GREEK, Fence, Listed, Node, Num, Sum, Sym
from derive.reader import names, syntax
from derive.reader.document import read_document
from derive.reader.meaning import Meaning, Reading
from derive.reader.problem import Problem
from derive.reader.scope import flat, plain_tag
from derive.reader.statements import Chain, Link, statements

_FONTS = "mathbf|boldsymbol|bm|mathcal|mathscr|mathfrak|mathrm|mathsf|mathtt|mathit|text|textrm|operatorname"
_BEFORE = re.compile(rf"\\({_FONTS})\s*\{{?\s*$")
_INSIDE = re.compile(rf"\\({_FONTS})(?![a-zA-Z])\s*\{{?\s*\\?[a-zA-Z]")
_VARIANT = re.compile(r"\\var(epsilon|theta|phi|rho|sigma)(?![a-zA-Z])")
_KNOWN_ACCENTS = frozenset(("bar", "hat", "tilde", "dot"))


def spellings(text: str, problem: Problem) -> dict[str, Sym]:
    """name -> symbol for the quantities of a problem, each as it is first written, without time and indices."""
    found: dict[str, Sym] = {}
    for name, written in _occurrences(text, problem):
        found.setdefault(name, written)
    return found


def _occurrences(text: str, problem: Problem) -> Iterator[tuple[str, Sym]]:
    try:
        document = read_document(text, latex=True)
    except DeriveError:
        return
    chain = Chain()
    for formula in document.formulas:
        for link in statements(formula.tex, [*problem.scope.words, *document.words], chain):
            if not isinstance(link, Link):
                continue
            m = Meaning(problem.scope, Reading(), link.source)
            for node in (*_names(link.left), *_names(link.right)):
                known = _symbol(m, node, link.source)
                if known is not None:
                    yield known


def _names(node: syntax.Node) -> Iterator[syntax.Node]:
    """Letters with their scripts; what stands in scripts is no name."""
    base = node.base if isinstance(node, syntax.Scripted) else node
    if isinstance(base, syntax.Symbol):
        yield node
        return
    for child in [base] if isinstance(node, syntax.Scripted) else syntax.children(node):
        yield from _names(child)


def _symbol(m: Meaning, node: syntax.Node, source: str) -> tuple[str, Sym] | None:
    try:
        found = names.find(m, node)
    except DeriveError:
        return None
    if found is None or found.bar or found.primes or not isinstance(found.expr, Var):
        return None
    v, scripts = found.expr, node if isinstance(node, syntax.Scripted) else syntax.Scripted(node)
    base = scripts.base
    if not isinstance(base, syntax.Symbol) or not set(base.accents) <= _KNOWN_ACCENTS:
        return None
    below = _kept(m, found, scripts.sub)
    above = [] if scripts.sup is None or scripts.sup is found.exponent else _kept(m, found, scripts.sup)
    if plain_tag("".join(map(flat, below))) + plain_tag("".join(map(flat, above))) != found.named.tag:
        return None
    try:
        sub, sup = _together(below, source), _together(above, source)
    except ValueError:
        return None
    font, latex = _font(base, source)
    letter = split(v.name)[0] if len(base.head) > 1 else base.head
    return v.name, Sym(letter, base.accents, sub, sup, scripts.primes, font, latex)


def _kept(m: Meaning, found: names.Found, script: syntax.Node | None) -> list[syntax.Node]:
    """The items of a script that are part of the name: neither its time nor an index."""
    items = [script] if isinstance(script, syntax.Fence) else names.script_items(script)
    timed = found.named.sequential and found.instant is not None
    return [i for i in items if not any(i is p for p in found.places) and not (timed and names.instant(m, i) == found.instant)]


def _together(items: list[syntax.Node], source: str) -> Node | None:
    """Items of one script, with commas where they are written."""
    if not items:
        return None
    nodes = [_notation(i, source) for i in items]
    if len(nodes) == 1:
        return nodes[0]
    commas = any("," in source[a.end : b.start] for a, b in pairwise(items))
    return Listed(tuple(nodes), "," if commas else "")


def _notation(node: syntax.Node, source: str) -> Node:
    """What stands in a script. Raises ValueError for what no name holds."""
    match node:
        case syntax.Number():
            return Num(node.text)
        case syntax.Symbol() if not node.accents and node.head.isalnum():
            font, latex = _font(node, source)
            return Sym(node.head, font=font, latex=latex)
        case syntax.Fence(kind="paren" | "bracket"):
            return Fence(node.kind, _notation(node.body, source))
        case syntax.Sum():
            return Sum(tuple((sign, _notation(term, source)) for sign, term in node.terms))
    raise ValueError(node)


def _font(node: syntax.Symbol, source: str) -> tuple[str, str]:
    """The font of a letter or word, and its LaTeX where its name doesn't say it."""
    written = source[node.start : node.end]
    plain = rf"\{node.head}" if node.head in GREEK else node.head
    variant = _VARIANT.search(written)
    if variant is not None and variant[1] == node.head:
        plain = rf"\var{node.head}"
    font = _BEFORE.search(source[: node.start]) if not node.accents else None
    font = font or _INSIDE.search(written)
    face = "italic" if len(node.head) == 1 or node.head in GREEK else "roman"
    if font is not None and node.head.isalnum():
        return face, rf"\{font[1]}{{{plain}}}"
    return face, plain if plain.startswith(r"\var") else ""
