"""What is missing: terms and factors of the engine's formula, or of the other side, put in where they may have been lost."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from derive.check.edits import Edit, Editor, said
from derive.check.page import Page, is_derivative, values
from derive.expr import DeriveError
from derive.reader.parser import parse
from derive.reader.syntax import Big, Fence, Fraction, Node, Product, Sum

Bag = Counter[str]

_SIGNS = re.compile(r"\\[a-zA-Z]+|[a-zA-Z0-9]|[^\s{}()\[\]_^&~]")
_LAYOUT = re.compile(
    r"\\(?:left|right|[bB]igg?[lr]?|,|;|!|:|quad|mathrm|mathbf|operatorname|displaystyle|limits|tfrac|dfrac|frac)(?![a-zA-Z])"
)
MOST_PIECES = 10


@lru_cache(maxsize=4096)
def _signs(text: str) -> tuple[str, ...]:
    same = {r"\overline": r"\bar", r"\circ": r"\odot", r"\star": r"\odot"}
    text = re.sub(r"\^\s*\{?\s*T\s*\}?(?![a-zA-Z])", r"^{\\top}", text)
    return tuple(same.get(s, s) for s in _SIGNS.findall(_LAYOUT.sub(" ", text)))


def bag(text: str) -> Bag:
    """The signs of a text, brackets and layout left out."""
    return Counter(_signs(text))


def distance(a: Bag, b: Bag) -> int:
    """How many signs only one of the two has."""
    return sum(abs(a[k] - b[k]) for k in a.keys() | b.keys())


def likeness(a: Bag, b: Bag) -> float:
    """1 where the two have the same signs, 0 where they have none in common."""
    most = max(a.total(), b.total())
    return (a & b).total() / most if most else 1.0


@dataclass(frozen=True)
class Piece:
    """A term (with its sign) or a factor, with the text of what it stands beside."""

    sign: int
    text: str
    beside: Bag
    factor: bool


@dataclass(frozen=True)
class Spot:
    """A place for a term or a factor: how the text changes around it, and what is there already."""

    start: int
    end: int
    there: Bag
    kind: str  # sum, lone (a whole expression), unit (a factor of a product)


def pieces(page: Page, texts: list[str]) -> list[Piece]:
    """The terms and factors of formulas."""
    found: dict[tuple[int, str, bool], Piece] = {}
    for text in texts:
        try:
            root = parse(text, page.words)
        except DeriveError:
            continue
        other = Page(text, (root, root), page.words, page.m, page.link, ((0, len(text)), (0, len(text))))
        for p in _pieces(other, root):
            found.setdefault((p.sign, p.text, p.factor), p)
    return list(found.values())


def _pieces(page: Page, root: Node) -> Iterator[Piece]:
    for node in values(root):
        if isinstance(node, Sum) and len(node.terms) > 1:
            whole = bag(page.of(node))
            for sign, term in node.terms:
                text = page.of(term)
                yield Piece(sign, text, whole - bag(text), False)
        elif isinstance(node, Product):
            whole = bag(page.of(node))
            for u in Editor(page).units(node):
                text = page.text[u.start : u.end]
                if u.op not in ("/", "⊘"):
                    yield Piece(1, text, whole - bag(text), True)
        if isinstance(node, Fraction):
            top, bottom = page.of(node.top), page.of(node.bottom)
            if not is_derivative(node):
                yield Piece(1, rf"\frac{{1}}{{{bottom}}}", bag(top), True)


def spots(editor: Editor) -> list[Spot]:
    """The places of a side where something may have been lost."""
    page = editor.page
    root = page.parts[editor.side]
    a, b = page.bounds[editor.side]
    found: dict[tuple[int, int, str], Spot] = {}

    def note(kind: str, start: int, end: int) -> None:
        found.setdefault((start, end, kind), Spot(start, end, bag(page.text[start:end]), kind))

    note("sum" if isinstance(root, Sum) else "lone", a, b)
    for node in values(root):
        if isinstance(node, Fence | Big) or (isinstance(node, Fraction) and not is_derivative(node)):
            body = node.top if isinstance(node, Fraction) else node.body
            start, end = page.span(body)
            note("sum" if isinstance(body, Sum) else "lone", start, end)
        if isinstance(node, Sum):
            note("sum", *page.span(node))
            for _, term in node.terms:
                if not isinstance(term, Product):
                    note("unit", *page.span(term))
        if isinstance(node, Product):
            for u in editor.units(node):
                note("unit", u.start, u.end)
            note("product", *page.span(node))
    return list(found.values())


def missing(page: Page, side: int, texts: list[str], extra: float = 0.0) -> Iterator[Edit]:
    """Edits that put a piece of one of these formulas into a side."""
    editor = Editor(page, side)
    a, b = page.bounds[side]
    own = bag(page.text[a:b])
    needs = [bag(t) - own for t in texts]
    places = spots(editor)

    def fit(p: Piece) -> float:
        signs = bag(p.text)
        return max((likeness(signs, need & signs) + 0.5 * likeness(signs, need) for need in needs), default=0.0)

    known = pieces(page, texts)
    for factor in (False, True):
        some = sorted((p for p in known if p.factor == factor), key=lambda p: -fit(p))[:MOST_PIECES]
        for p in some:
            for s in places:
                cost = 2.7 - 0.6 * fit(p) - 0.5 * likeness(s.there, p.beside) + (0.1 if factor else 0) + extra
                yield from _put(editor, p, s, cost)


def unapplied(page: Page, side: int, texts: list[str]) -> Iterator[Edit]:
    """A function that a formula has and the side hasn't, put around a part of it."""
    editor = Editor(page, side)
    own = Counter(re.findall(r"\\[a-zA-Z]+", page.text[slice(*page.bounds[side])]))
    for text in texts[:2]:
        for name in Counter(re.findall(r"\\(?:tanh|sigma|exp|log|sin|cos)(?![a-zA-Z])", text)) - own:
            for s in spots(editor):
                there = page.text[s.start : s.end]
                new = f"{name}{there}" if there.lstrip().startswith(("(", "[", r"\left")) else f"{name}({there})"
                if s.kind != "product":
                    yield Edit("argument", 1.9, ((s.start, s.end, new),), f"{name} is missing", side)


def _put(editor: Editor, p: Piece, s: Spot, cost: float) -> Iterator[Edit]:
    there = editor.page.text[s.start : s.end]
    extra = editor.page.left_cost if editor.side == 0 else 0.0
    name = said(p.text)
    if p.factor:
        if s.kind in ("sum", "product") and s.kind != "product":
            return
        words = f"the factor {name} is missing"
        for new in (f"{p.text} {there}", f"{there} {p.text}", rf"{there} \odot {p.text}"):
            if s.kind == "product" and r"\odot" not in new:
                continue
            yield Edit("factor", cost + extra, ((s.start, s.end, new),), words, editor.side)
        return
    if s.kind == "product":
        return
    sign = "+" if p.sign > 0 else "-"
    words = f"the term {sign} {name} is missing"
    if s.kind == "unit":
        changes = ((s.start, s.end, f"({there} {sign} {p.text})"),)
        yield Edit("term", cost + extra + 0.1, changes, words, editor.side)
    elif there.lstrip().startswith("-") and p.sign > 0:
        yield Edit("term", cost + extra, ((s.start, s.start, f"{p.text} "),), words, editor.side)
    else:
        yield Edit("term", cost + extra, ((s.end, s.end, f" {sign} {p.text}"),), words, editor.side)
