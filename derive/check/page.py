"""A relation as a text of its own: every node with its place in it, names taken apart into letter, tag, instant and indices."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

from derive.expr import DeriveError
from derive.printing.notation import GREEK
from derive.reader import calls, names
from derive.reader.meaning import Meaning, Reading
from derive.reader.parser import parse
from derive.reader.scope import Scope
from derive.reader.statements import Link
from derive.reader.syntax import (
    Big,
    Commas,
    Differential,
    Fence,
    Fraction,
    Node,
    Product,
    Relation,
    Scripted,
    Symbol,
    children,
    unscripted,
    walk,
)

if TYPE_CHECKING:
    from derive.check.checker import Checker

Change = tuple[int, int, str]

_OPENING = re.compile(r"\\(?:left|[bB]ig{1,2}[lr]?)\s*$")
_BREAK = re.compile(r"\\\\(?:\[[^\]]*\])?|&|\\q?quad(?![a-zA-Z])|\\(?:begin|end)\{[a-z]*\*?\}")


@dataclass(frozen=True)
class Name:
    """A name of the relation: its node, what it means (None where nothing does), the nodes of its parts."""

    node: Node
    found: names.Found | None
    letter: Symbol
    tag: tuple[Node, ...] = ()
    time: Node | None = None
    places: tuple[Node, ...] = ()


@dataclass
class Page:
    """left = right as one text. `parts` are the sides' nodes, with places in `text`."""

    text: str
    parts: tuple[Node, Node]
    words: tuple[str, ...]
    m: Meaning
    link: Link
    bounds: tuple[tuple[int, int], tuple[int, int]] = field(default=((0, 0), (0, 0)))

    @property
    def left_cost(self) -> float:
        """How much less likely a slip on the left is: a name there says what the line is about."""
        left = self.parts[0]
        return 0.7 if isinstance(left, Symbol | Scripted | Fraction) else 0.3

    # -- texts ----------------------------------------------------------------------------------------------

    def of(self, node: Node) -> str:
        return self.text[slice(*self.span(node))]

    def span(self, node: Node) -> tuple[int, int]:
        """The node's place, with the \\left that stands before its bracket."""
        start = node.start
        if found := _OPENING.search(self.text, 0, start):
            start = found.start()
        return start, node.end

    def applied(self, changes: tuple[Change, ...]) -> str:
        text = self.text
        for a, b, new in sorted(changes, reverse=True):
            before, after = text[:a], text[b:]
            if before[-1:].isalpha() and new[:1].isalpha() and re.search(r"\\[a-zA-Z]+$", before):
                new = " " + new
            if re.search(r"\\[a-zA-Z]+$", new) and after[:1].isalpha():
                new += " "
            text = before + new + after
        return text

    def read(self, text: str) -> Link:
        """The link of a changed text. Raises Unreadable."""
        node = parse(text, self.words)
        if not isinstance(node, Relation) or len(node.parts) != 2:
            raise DeriveError("not one relation")
        return Link(node.parts[0], self.link.op, node.parts[1], text, self.link.conditions)

    def read_as(self, reading: Reading) -> Page:
        """The same page in another reading."""
        if reading == self.m.reading:
            return self
        m = Meaning(self.m.scope, reading, self.text)
        for part in self.parts:
            m.learn(part)
        return replace(self, m=m)

    def turned(self, text: str) -> Page:
        """The page of a changed text. Raises Unreadable."""
        link = self.read(text)
        cut = text.rfind("=", 0, link.right.start)
        m = replace(self.m, source=text, notes=[], strangers=[])
        return Page(text, (link.left, link.right), self.words, m, link, ((0, cut - 1), (cut + 2, len(text))))

    # -- names ----------------------------------------------------------------------------------------------

    @cached_property
    def all_names(self) -> list[Name]:
        return [*self.names_in(self.parts[0]), *self.names_in(self.parts[1])]

    def names_in(self, node: Node) -> Iterator[Name]:
        """The names in a node, those in their scripts left out."""
        name = self.name(node)
        if name is not None:
            yield name
            return
        for child in children(node):
            yield from self.names_in(child)

    def name(self, node: Node) -> Name | None:
        """The node as a name, or None where it is none."""
        base = unscripted(node)
        if not isinstance(base, Symbol) or not isinstance(node, Symbol | Scripted):
            return None
        found = names.find(self.m, node)
        if found is None and (base.head == "d" or calls.function_of(self.m, node) is not None):
            return None
        sub, sup = (node.sub, node.sup) if isinstance(node, Scripted) else (None, None)
        if found is None:
            items = tuple(names.script_items(sub))
            return Name(node, None, base, items)
        return self._apart(node, base, found, sub, sup)

    def _apart(self, node: Node, base: Symbol, found: names.Found, sub: Node | None, sup: Node | None) -> Name:
        above = [] if sup is None or sup is found.exponent else _items(sup)
        below = names.script_items(sub)
        items = [*above, *below]
        time = None
        if found.instant is not None:
            inside = [i for i in (*above, *reversed(below)) if not _among(i, found.places)]
            time = next((i for i in inside if names.instant(self.m, i) == found.instant), None)
        skip = [*found.places, *([time] if time is not None else []), *([found.exponent] if found.exponent is not None else [])]
        tag = tuple(_inside(i) for i in items if not _among(i, skip)) if found.named.tag else ()
        return Name(node, found, base, tag, _inside(time) if time is not None else None, found.places)

    @cached_property
    def scope(self) -> Scope:
        return self.m.scope

    def letter(self, head: str, accents: tuple[str, ...]) -> str:
        """A letter with accents as this text writes it, or as LaTeX does."""
        for name in self.all_names:
            if (name.letter.head, name.letter.accents) == (head, accents):
                return self.text[name.letter.start : name.letter.end]
        for name in self.all_names:
            if name.letter.head == head and not name.letter.accents:
                return accented(self.text[name.letter.start : name.letter.end], accents)
        return accented(plain_letter(head), accents)


def values(node: Node) -> Iterator[Node]:
    """The node and everything below that has a value of its own: no scripts of names, no limits, nothing inside derivatives."""
    yield node
    match node:
        case Scripted():
            below: list[Node] = [] if isinstance(node.base, Symbol) else [node.base]
        case Big():
            below = [node.body]
        case Differential():
            below = []
        case Fraction() if is_derivative(node):
            below = []
        case _:
            below = children(node)
    for child in below:
        yield from values(child)


def is_derivative(node: Fraction) -> bool:
    """Whether a fraction is written as a derivative."""
    factors = [[f for _, f in part.factors] if isinstance(part, Product) else [part] for part in (node.top, node.bottom)]
    if any(isinstance(f, Differential) for part in factors for f in part):
        return True
    firsts = [part[0] for part in factors]
    return all(n == Symbol("d") for n in firsts) and isinstance(node.bottom, Product)  # dL/dx, and not 1/√d


def plain_letter(head: str) -> str:
    if head in GREEK or head == "ell":
        return "\\" + head
    return head if len(head) == 1 else rf"\mathrm{{{head}}}"


def accented(tex: str, accents: tuple[str, ...]) -> str:
    for a in accents:
        tex = rf"\{a}{{{tex}}}" if a != "prime" else tex + "'"
    return tex


def _items(sup: Node) -> list[Node]:
    """The items of a superscript: (l, t) are two, (1)\\top is (1)."""
    if isinstance(sup, Fence) and isinstance(sup.body, Commas):
        return list(sup.body.items)
    if isinstance(sup, Product):
        return [n for _, n in sup.factors]
    return list(sup.items) if isinstance(sup, Commas) else [sup]


def _inside(node: Node) -> Node:
    return node.body if isinstance(node, Fence) else node


def _among(node: Node, others: tuple[Node, ...] | list[Node]) -> bool:
    return any(node is o or (node == o and node.start == o.start) for o in others)


def page_of(checker: Checker, link: Link, reading: Reading | None = None) -> Page | None:
    """The relation on a page of its own; None where its text alone does not read the same."""
    scope = checker.part.scope
    sides = tuple(_side(link, node) for node in (link.left, link.right))
    text = f"{sides[0]} = {sides[1]}"
    heads = {n.head for part in (link.left, link.right) for n in walk(part) if isinstance(n, Symbol)}
    words = (*scope.words, *(h for h in sorted(heads) if len(h) > 1 and h.isalpha() and f"\\{h}" not in text))
    try:
        node = parse(text, words)
    except DeriveError:
        return None
    if not isinstance(node, Relation) or node.parts != (link.left, link.right):
        return None
    m = Meaning(scope, reading or Reading(), text)
    m.learn(node.parts[0])
    m.learn(node.parts[1])
    cut = len(sides[0])
    return Page(text, (node.parts[0], node.parts[1]), words, m, link, ((0, cut), (cut + 3, len(text))))


def _side(link: Link, node: Node) -> str:
    start = node.start
    if found := _OPENING.search(link.source, 0, start):
        start = found.start()
    text = link.source[start : node.end]
    if not re.search(r"\\begin\{[pbvB]?matrix|\\begin\{cases|\\begin\{array", text):
        text = _BREAK.sub(" ", text)
    return " ".join(text.split())
