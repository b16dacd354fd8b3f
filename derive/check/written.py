"""A hand-written formula written anew from its syntax tree, in any language: nothing of the person's text is copied unread.

A language is a subclass of Writer: it says how letters, scripts, fractions, brackets and tables look.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from derive.expr import DeriveError
from derive.reader.statements import Chain, Link, statements
from derive.reader.syntax import (
    Big,
    Choices,
    Commas,
    Differential,
    Dots,
    Evaluated,
    Fence,
    Fraction,
    Nabla,
    Node,
    Number,
    Product,
    Relation,
    Root,
    Rows,
    Scripted,
    Sum,
    Symbol,
    Words,
    unscripted,
)
from derive.reader.tokens import GREEK, Token, tokenize

Span = tuple[int, int]

UNLIKE = 0.5  # of the signs: formulas that differ in more than that are not compared sign by sign
_FONT = re.compile(
    r"\\(mathbf|boldsymbol|bm|pmb|symbf|textbf|mathcal|cal|mathscr|mathfrak|mathrm|mathsf|mathtt|textrm|text|textsf|texttt)"
    r"(?![a-zA-Z])\s*(\{[^{}]*\}|[A-Za-z0-9]|\\[a-zA-Z]+)"
)
_FACES = {
    "mathbf": "bold", "boldsymbol": "bold", "bm": "bold", "pmb": "bold", "symbf": "bold", "textbf": "bold", "mathcal": "script", "cal": "script",
    "mathscr": "script", "mathfrak": "fraktur",
}  # fmt: skip
_TABLE = re.compile(r"\\begin\{([a-zA-Z]+)\*?\}")
BRACKETS = {"pmatrix": "paren", "psmallmatrix": "paren", "pNiceMatrix": "paren", "Bmatrix": "brace"}
NO_BRACKETS = frozenset(
    ("matrix", "smallmatrix", "array", "vmatrix", "Vmatrix", "aligned", "split", "gathered", "alignedat", "align", "gather")
)
WIDEST = 60  # columns of a table


class Unwritable(DeriveError):
    """A piece of a formula that has no place in a report; the source is shown instead."""


def read(tex: str, words: Collection[str] = ()) -> Link | None:
    """The relation that a text is, or None where it isn't one."""
    try:
        found = statements(tex, words, Chain())
    except (DeriveError, RecursionError):
        return None
    link = found[0] if len(found) == 1 else None
    return link if isinstance(link, Link) and link.lower is None else None  # ± is shown as it was written


def expression(tex: str, words: Collection[str] = ()) -> Node | None:
    """The expression that a text is, or None."""
    from derive.reader.parser import parse

    try:
        return parse(tex, words)
    except (DeriveError, RecursionError):
        return None


# -- what differs ---------------------------------------------------------------------------------------------------


def differing(tex: str, other: str) -> tuple[list[Span], list[Span]]:
    """Where two formulas part: places in the first and in the second; none where they have too little in common."""
    try:
        a, b = tokenize(tex), tokenize(other)
    except DeriveError:
        return [], []
    matcher = SequenceMatcher(None, [t.text for t in a], [t.text for t in b], autojunk=False)
    if matcher.ratio() < UNLIKE:
        return [], []
    first: list[Span] = []
    second: list[Span] = []
    for op, i, j, k, m in matcher.get_opcodes():
        if op == "equal":
            continue
        first += _span(a, i, j) or _attached(a, i, b[k:m])
        second += _span(b, k, m) or _attached(b, k, a[i:j])
    return first, second


def _span(tokens: Sequence[Token], start: int, end: int) -> list[Span]:
    return [(tokens[start].start, tokens[end - 1].end)] if end > start else []


def _attached(tokens: Sequence[Token], at: int, missing: Sequence[Token]) -> list[Span]:
    """What a script, a prime or an accent that only the other formula has would belong to."""
    signs = [t for t in missing if t.kind not in ("{", "}")]
    if not signs:
        return []
    if signs[0].kind in ("^", "_", "prime") and at:
        return [(tokens[at - 1].start, tokens[at - 1].end)]
    if signs[0].kind == "command" and at < len(tokens) and len(signs) == 1:
        return [(tokens[at].start, tokens[at].end)]
    return []


# -- writing --------------------------------------------------------------------------------------------------------


@dataclass
class Scripts:
    """The scripts of one base, however they were nested."""

    base: Node
    below: list[Node]
    above: list[Node]
    primes: int


def scripts_of(node: Scripted) -> Scripts:
    """W^{(1)}^{\\top} has one base and two scripts above it."""
    found = Scripts(node, [], [], 0)
    while isinstance(found.base, Scripted):
        top = found.base
        if isinstance(top.base, Symbol) and top.base.head == "odot" and not top.base.end:  # {\odot 2}, an entrywise power
            break
        found.below[:0] = [top.sub] if top.sub is not None else []
        found.above[:0] = [top.sup] if top.sup is not None else []
        found.primes += top.primes
        found.base = top.base
    return found


def is_word(node: Node) -> bool:
    """log, softmax, with or without scripts: what follows stands apart from it."""
    base = unscripted(node)
    return isinstance(base, Symbol) and len(base.head) > 1 and base.head.isascii() and base.head not in SINGLE


SINGLE = GREEK.union(("top", "infty", "circ", "star", "ast", "dagger", "odot", "wedge", "ones", "zero", "hbar", "prime"))


def is_tall(node: Node | None) -> bool:
    """Whether brackets around it grow."""
    match node:
        case Fraction() | Big() | Rows() | Choices() | Root():
            return True
        case Sum():
            return any(is_tall(t) for _, t in node.terms)
        case Product():
            return any(is_tall(f) for _, f in node.factors)
        case Scripted():
            return is_tall(node.base)
        case Fence() | Differential():
            return is_tall(node.body)
        case Commas():
            return any(map(is_tall, node.items))
        case Relation():
            return any(map(is_tall, node.parts))
    return False


def with_roots(factors: Sequence[tuple[str, Node]]) -> list[tuple[str, Node]]:
    """The name sqrt and what it is applied to, as a root."""
    found: list[tuple[str, Node]] = []
    for op, factor in factors:
        before = found[-1][1] if found else None
        if not op and isinstance(before, Symbol) and before.head == "sqrt":
            body = factor.body if isinstance(factor, Fence) and factor.kind == "paren" else factor
            found[-1] = (found[-1][0], Root(body, start=before.start, end=factor.end))
        else:
            found.append((op, factor))
    return found


class Writer:
    """Writes the syntax tree of one source. marked: places in the source that stand out."""

    def __init__(self, source: str, marked: Sequence[Span] = ()):
        self.source, self.marked = source, list(marked)
        self.faces = [(m.start(), m.end(), _FACES.get(m[1], "upright")) for m in _FONT.finditer(source)]

    # -- what a language says -------------------------------------------------------------------------------

    def letter(self, head: str, face: str) -> str:
        raise NotImplementedError

    def accented(self, body: str, accent: str) -> str:
        raise NotImplementedError

    def number(self, text: str) -> str:
        raise NotImplementedError

    def words(self, text: str) -> str:
        raise NotImplementedError

    def dots(self, kind: str) -> str:
        raise NotImplementedError

    def sign(self, op: str, leading: bool = False) -> str:
        """A sign of a sum, a product or a relation; leading: nothing stands before it."""
        raise NotImplementedError

    def row(self, parts: Sequence[str]) -> str:
        """Side by side."""
        raise NotImplementedError

    def scripted(self, scripts: Scripts) -> str:
        raise NotImplementedError

    def fence(self, kind: str, body: str, tall: bool) -> str:
        raise NotImplementedError

    def fraction(self, top: Node, bottom: Node) -> str:
        raise NotImplementedError

    def root(self, body: str, degree: str | None) -> str:
        raise NotImplementedError

    def big(self, kind: str, below: str | None, above: str | None, body: str) -> str:
        raise NotImplementedError

    def table(self, rows: list[list[str]], bracket: str) -> str:
        raise NotImplementedError

    def choices(self, rows: list[tuple[str, str]]) -> str:
        raise NotImplementedError

    def emphasised(self, body: str) -> str:
        raise NotImplementedError

    def bar(self) -> str:
        """The bar before what something is evaluated at."""
        raise NotImplementedError

    def gap(self, wide: bool) -> str:
        """Between juxtaposed factors; wide: two numbers."""
        return ""

    # -- the tree -------------------------------------------------------------------------------------------

    def node(self, node: Node) -> str:
        """One node. Raises Unwritable."""
        if self.marked and self._stands_out(node):
            held, self.marked = self.marked, []
            try:
                return self.emphasised(self._node(node))
            finally:
                self.marked = held
        return self._node(node)

    def _stands_out(self, node: Node) -> bool:
        if node.end <= node.start:
            return False
        unit = isinstance(node, Symbol | Number | Dots | Words) or (
            isinstance(node, Scripted) and isinstance(scripts_of(node).base, Symbol | Number)
        )
        return any(
            (a <= node.start and node.end <= b) or (unit and a < node.end and node.start < b and node.start < node.end)
            for a, b in self.marked
        )

    def _node(self, node: Node) -> str:
        match node:
            case Number():
                return self.number(node.text)
            case Symbol():
                return self._symbol(node)
            case Scripted():
                return self._scripted(node)
            case Fence():
                return self._fence(node)
            case Commas():
                return self.commas([self.node(i) for i in node.items], node.breaks)
            case Sum():
                return self._sum(node)
            case Product():
                return self._product(node)
            case Fraction():
                return self.fraction(node.top, node.bottom)
            case Differential():
                return self._differential(node)
            case Nabla():
                return self._nabla(node)
            case Big():
                return self.big(node.kind, self.optional(node.sub), self.optional(node.sup), self.node(node.body))
            case Root():
                return self.root(self.node(node.body), self.optional(node.degree))
            case Rows():
                return self._rows(node)
            case Evaluated():
                return self.row([self.node(node.body), self.raised(self.bar(), "", self.node(node.where))])
            case Choices():
                return self.choices([(self.node(a), self.node(b) if b is not None else "") for a, b in node.rows])
            case Dots():
                return self.dots(node.kind)
            case Words():
                return self._words(node.text)
            case Relation():
                return self.relation(node.parts, node.ops)
        raise Unwritable(f"nothing writes {type(node).__name__}")

    def _words(self, text: str) -> str:
        """Words, with the formulas between dollars that stand in them."""
        parts = text.split("$")
        if len(parts) % 2 == 0:
            return self.words(text)
        pieces = []
        for k, part in enumerate(parts):
            inner = expression(part) if k % 2 else None
            pieces.append(type(self)(part).node(inner) if inner is not None else self.words(part) if part else "")
        return self.row(pieces)

    def optional(self, node: Node | None) -> str | None:
        return None if node is None else self.node(node)

    def relation(self, parts: Sequence[Node], ops: Sequence[str]) -> str:
        pieces = [self.node(parts[0])]
        for op, before, part in zip(ops, parts, parts[1:], strict=False):
            pieces += [self.marked_sign(op, before.end, part.start), self.node(part)]
        return self.row(pieces)

    def commas(self, items: list[str], breaks: tuple[int, ...] = ()) -> str:
        signs = [self.sign(";" if k in breaks else ",") for k in range(len(items))]
        return self.row([piece for pair in zip(signs, items, strict=True) for piece in pair][1:])

    def face(self, node: Symbol) -> str:
        """The font in which the source sets a letter."""
        for start, end, face in self.faces:
            if start < node.end and node.start < end and (start <= node.start or node.accents):
                return face
        return ""

    def _symbol(self, node: Symbol) -> str:
        text = self.letter(node.head, self.face(node))
        for accent in node.accents:
            text = self.accented(text, accent)
        return text

    def _scripted(self, node: Scripted) -> str:
        scripts = scripts_of(node)
        if isinstance(scripts.base, Scripted):  # {\odot 2}
            inner = scripts.base
            return self.row([self.sign("⊙", leading=True), self.node(inner.sup)]) if inner.sup is not None else self.sign("⊙")
        return self.scripted(scripts)

    def _fence(self, node: Fence) -> str:
        return self.fence(node.kind, self.node(node.body), is_tall(node.body))

    def marked_sign(self, op: str, start: int, end: int, leading: bool = False) -> str:
        """A sign between two places of the source: it stands out where one of them holds a mark."""
        text = self.sign(op, leading)
        return self.emphasised_sign(text) if any(a < end and start < b for a, b in self.marked) else text

    def emphasised_sign(self, text: str) -> str:
        return self.emphasised(text)

    def _sum(self, node: Sum) -> str:
        pieces: list[str] = []
        at = node.start
        for k, (sign, term) in enumerate(node.terms):
            mark = self.marked_sign("-" if sign < 0 else "+", at, term.start, leading=not k) if k or sign < 0 else ""
            pieces += [mark, self.node(term)] if k else [mark + self.node(term)]
            at = term.end
        return self.row(pieces)

    def _product(self, node: Product) -> str:
        factors = with_roots(node.factors)
        pieces: list[str] = []
        for k, (op, factor) in enumerate(factors):
            if k:
                pieces.append(self.between(op, factors[k - 1][1], factor))
            pieces.append(self.node(factor))
        return self.row(pieces)

    def between(self, op: str, before: Node, after: Node) -> str:
        """What stands between two factors."""
        if op:
            return self.marked_sign(op, before.end, after.start)
        return self.gap(isinstance(before, Number) and isinstance(after, Number))

    def _differential(self, node: Differential) -> str:
        sign = self.sign(node.sign, leading=True)
        if node.order > 1:
            sign = self.raised(sign, str(node.order))
        return self.row([sign, self.node(node.body)]) if node.body is not None else sign

    def _nabla(self, node: Nabla) -> str:
        sign = self.sign("∇", leading=True)
        return self.raised(sign, str(node.order) if node.order > 1 else "", self.optional(node.below) or "")

    def raised(self, body: str, above: str, below: str = "") -> str:
        raise NotImplementedError

    def _rows(self, node: Rows) -> str:
        if max(map(len, node.rows), default=0) > WIDEST:
            raise Unwritable("a table that is too wide")
        found = _TABLE.match(self.source, node.start)
        name = found[1] if found else ""
        bracket = "" if name in NO_BRACKETS else BRACKETS.get(name, "bracket")
        return self.table([[self.node(c) if c is not None else "" for c in row] for row in node.rows], bracket)
