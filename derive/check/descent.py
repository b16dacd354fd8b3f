"""Several slips in one line: the line is laid beside the engine's formula, and each part that differs is searched by itself."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from derive.check.edits import Edit, Editor, Unit, said
from derive.check.missing import bag, likeness
from derive.check.page import Page
from derive.check.pairs import joined
from derive.check.point import Point, close
from derive.check.trial import FAULTS, Trial
from derive.expr import Expr, constant
from derive.reader.fillers import Filler
from derive.reader.meaning import Meaning
from derive.reader.parser import parse
from derive.reader.scope import flat
from derive.reader.statements import Link
from derive.reader.syntax import Big, Fence, Fraction, Node, Product, Relation, Scripted, Sum, Symbol

_CLOSED = re.compile(r"\s*(\\(right|[bB]igg?r?)\s*)?[)\]]|\s*$")  # what stands before this is a whole
PARTS = 3  # that may differ
DEEPEST = 14


@dataclass(frozen=True)
class Part:
    """A node of a page, with its sign."""

    page: Page
    node: Node
    sign: int = 1

    @property
    def tex(self) -> str:
        return self.page.of(self.node)

    def inside(self, node: Node, sign: int = 1) -> Part:
        return Part(self.page, node, sign)


@dataclass(frozen=True)
class Difference:
    """A part of the line and what should stand there; `should` None: nothing; `own` None: what stands beside it is missing."""

    own: Part | None
    should: Part | None
    beside: Node | None = None
    edit: Edit | None = None  # that mends it, where it is known


class Descent:
    """Compares a line with a formula, part by part."""

    def __init__(self, trial: Trial, expand: Callable[[Part], list[Part]], solve: Callable[[Page, float], Edit | None]):
        self.trial, self.expand, self.solve = trial, expand, solve
        self.known: dict[tuple[int, int], np.ndarray | None] = {}
        self.kept: list[Node] = []

    def search(self, page: Page, formula: Part) -> Edit | None:
        """The edits, joined, that turn the right side into something equal to the formula."""
        try:
            found = self.differences(Part(page, page.parts[1]), formula, 0)
        except FAULTS:
            return None
        if not found or len(found) > PARTS:
            return None
        edits = []
        for d in found:
            edit = self._mended(page, d)
            if edit is None:
                return None
            edits.append(edit)
        whole = joined(*edits)
        return whole if self.trial.holds(page.applied(whole.changes)) else None

    # -- where the two differ -----------------------------------------------------------------------------------

    def differences(self, own: Part, should: Part, depth: int) -> list[Difference] | None:
        """The lowest parts that differ, or higher ones that one edit mends; None where there are too many to be slips."""
        found = self._differences(own, should, depth)
        several = found is None or len(found) > 1
        if several and depth and own.sign == should.sign and isinstance(own.node, Sum | Product | Fence):
            edit = self._mended(own.page, Difference(own, should))
            if edit is not None:
                return [Difference(own, should, edit=edit)]
        return found

    def _differences(self, own: Part, should: Part, depth: int) -> list[Difference] | None:
        own, should = _bare(own), _bare(should)
        if depth > DEEPEST or self.trial.spent():
            return None
        if own.sign == should.sign and self.same(own, should):
            return []
        leaf = [Difference(own, should)]
        if own.sign != should.sign:
            return leaf
        match own.node, should.node:
            case Sum(), Sum():
                return self._sums(own, should, depth)
            case (Sum(), _) | (_, Sum()) if (found := self._lone(own, should)) is not None:
                return found
            case Product(), Product():
                return self._products(own, should, depth) or leaf
            case Fraction(), Fraction() if not _is_derivative(own.node):
                tops = self.differences(own.inside(own.node.top), should.inside(should.node.top), depth + 1)  # type: ignore[attr-defined]
                bottoms = self.differences(own.inside(own.node.bottom), should.inside(should.node.bottom), depth + 1)  # type: ignore[attr-defined]
                return leaf if tops is None or bottoms is None else tops + bottoms
            case Big(), Big():
                return self.differences(own.inside(own.node.body), should.inside(should.node.body), depth + 1)  # type: ignore[attr-defined]
            case Scripted(), Scripted() if not isinstance(own.node.base, Symbol) and own.node.sup == should.node.sup:  # type: ignore[attr-defined]
                return self.differences(own.inside(own.node.base), should.inside(should.node.base), depth + 1)  # type: ignore[attr-defined]
        if isinstance(should.node, Symbol | Scripted) and not isinstance(own.node, Symbol | Scripted):
            for longer in self.expand(should):
                found = self.differences(own, longer, depth + 3)
                if found is not None:
                    return found
        return leaf

    def _sums(self, own: Part, should: Part, depth: int) -> list[Difference] | None:
        assert isinstance(own.node, Sum) and isinstance(should.node, Sum)
        mine = [own.inside(t, s) for s, t in own.node.terms]
        theirs = [should.inside(t, s) for s, t in should.node.terms]
        for p in [*mine]:
            other = next((r for r in theirs if r.sign == p.sign and self.same(p, r)), None)
            if other is not None:
                mine.remove(p)
                theirs.remove(other)
        found: list[Difference] = []
        while mine and theirs:
            p, r = max(((p, r) for p in mine for r in theirs), key=lambda pair: likeness(bag(pair[0].tex), bag(pair[1].tex)))
            below = self.differences(p, r, depth + 1)
            if below is None:
                return None
            found += below
            mine.remove(p)
            theirs.remove(r)
        found += [Difference(p, None, own.node) for p in mine]
        found += [Difference(None, r, own.node) for r in theirs]
        return found if len(found) <= PARTS else None

    def _lone(self, own: Part, should: Part) -> list[Difference] | None:
        """A sum beside one of its terms: the others are missing, or too much."""
        longer, one = (own, should) if isinstance(own.node, Sum) else (should, own)
        assert isinstance(longer.node, Sum)
        terms = [longer.inside(t, s) for s, t in longer.node.terms]
        same = next((p for p in terms if p.sign > 0 and self.same(p, one)), None)
        rest = [p for p in terms if p is not same]
        if same is None or len(rest) > PARTS:
            return None
        return [Difference(p, None, own.node) if longer is own else Difference(None, p, own.node) for p in rest]

    def _products(self, own: Part, should: Part, depth: int) -> list[Difference] | None:
        assert isinstance(own.node, Product) and isinstance(should.node, Product)
        mine, theirs = Editor(own.page).units(own.node), Editor(should.page).units(should.node)
        if len(mine) != len(theirs):
            self._strip(own, should, mine, theirs)
            if len(mine) != len(theirs) or not mine:
                return None
        found: list[Difference] = []
        for u, v in zip(mine, theirs, strict=True):
            below = self._units(own, should, u, v, depth)
            if below is None:
                return None
            found += below
        return found if len(found) <= PARTS else None

    def _strip(self, own: Part, should: Part, mine: list[Unit], theirs: list[Unit]) -> None:
        """Equal factors taken off at both ends."""
        for end in (0, -1):
            while mine and theirs and self.same(_unit(own, mine[end]), _unit(should, theirs[end])):
                mine.pop(end)
                theirs.pop(end)

    def _units(self, own: Part, should: Part, u: Unit, v: Unit, depth: int) -> list[Difference] | None:
        p, r = _unit(own, u), _unit(should, v)
        if self.same(p, r):
            return []
        if len(u.nodes) == 2 == len(v.nodes) and own.page.of(u.nodes[0]) == should.page.of(v.nodes[0]):
            return self.differences(own.inside(u.nodes[1]), should.inside(v.nodes[1]), depth + 1)
        if len(u.nodes) == 1 and (len(v.nodes) == 1 or isinstance(u.nodes[0], Fence)):
            return self.differences(p, r, depth + 1)
        if len(v.nodes) == 1:
            for longer in self.expand(r):
                inner = longer.node
                if isinstance(inner, Product) and len(units := Editor(longer.page).units(inner)) == 1:
                    return self._units(own, longer, u, units[0], depth + 3)
        return [Difference(p, r)]

    # -- values ---------------------------------------------------------------------------------------------

    def same(self, a: Part, b: Part) -> bool:
        """Whether two parts have one value (their signs aside)."""
        x, y = self.value(a), self.value(b)
        return x is not None and y is not None and x.shape == y.shape and bool(close(x, y))

    def value(self, part: Part) -> np.ndarray | None:
        key = (id(part.page), id(part.node))
        if key not in self.known:
            self.kept.append(part.node)
            e = self._expr(part)
            self.known[key] = self._point(e).of(e) if e is not None else None
        return self.known[key]

    def _expr(self, part: Part) -> Expr | None:
        m: Meaning = copy.copy(part.page.m)
        m.outside = frozenset(m.label_sizes)
        try:
            value = m.value(part.node)
        except FAULTS:
            return None
        return None if isinstance(value, Filler) else value.expr

    def _point(self, e: Expr) -> Point:
        if self.trial.point is None:
            self.trial.point = Point(self.trial.checker.court(), e, constant(0), self.trial.checker.part.last)
        return self.trial.point

    # -- mending --------------------------------------------------------------------------------------------

    def _mended(self, page: Page, d: Difference) -> Edit | None:
        """The edit of the whole page that mends one difference."""
        if d.edit is not None:
            return d.edit
        if d.own is None:
            return _put_in(page, d)
        if d.should is None:
            return _taken_out(page, d)
        sign = "-" if d.own.sign != d.should.sign else ""
        left = f"{sign}({d.should.tex})" if sign else d.should.tex
        small = beside(page, left, d.own.tex)
        if small is None:
            return None
        edit = self.solve(small, self.trial.until)
        if edit is None or edit.side != 1:
            return None
        move = page.span(d.own.node)[0] - small.bounds[1][0]
        return replace(edit, changes=tuple((a + move, b + move, new) for a, b, new in edit.changes))


def beside(page: Page, left: str, right: str) -> Page | None:
    """A relation of two texts, with the names of this page."""
    text = f"{left} = {right}"
    try:
        node = parse(text, page.words)
    except FAULTS:
        return None
    if not isinstance(node, Relation) or len(node.parts) != 2:
        return None
    m = replace(page.m, source=text, label_sizes=dict(page.m.label_sizes), notes=[], local=dict(page.m.local))
    link = Link(node.parts[0], "=", node.parts[1], text)
    return Page(text, (node.parts[0], node.parts[1]), page.words, m, link, ((0, len(left)), (len(left) + 3, len(text))))


def _put_in(page: Page, d: Difference) -> Edit | None:
    assert d.should is not None and d.beside is not None
    sign, (start, end) = "+" if d.should.sign > 0 else "-", page.span(d.beside)
    words = f"the term {sign} {said(d.should.tex)} is missing"
    if isinstance(d.beside, Sum) or _CLOSED.match(page.text, end):
        return Edit("term", 2.0, ((end, end, f" {sign} {d.should.tex}"),), words, 1)
    return Edit("term", 2.0, ((start, start, "("), (end, end, f" {sign} {d.should.tex})")), words, 1)


def _taken_out(page: Page, d: Difference) -> Edit | None:
    assert d.own is not None and isinstance(d.beside, Sum)
    k = next(j for j, (_, t) in enumerate(d.beside.terms) if t is d.own.node)
    editor = Editor(page, 1)
    editor.without(d.beside, k, editor.signs_of(d.beside))
    return editor.found[0] if editor.found else None


def _bare(part: Part) -> Part:
    while isinstance(part.node, Fence) and part.node.kind in ("paren", "bracket", "brace"):
        part = part.inside(part.node.body, part.sign)
    if isinstance(part.node, Sum) and len(part.node.terms) == 1:
        s, t = part.node.terms[0]
        return _bare(part.inside(t, part.sign * s))
    return part


def _unit(part: Part, u: Unit) -> Part:
    if len(u.nodes) == 1:
        return part.inside(u.nodes[0])
    return part.inside(Product(tuple(("", n) for n in u.nodes), start=u.start, end=u.end))


def _is_derivative(node: Node) -> bool:
    return isinstance(node, Fraction) and flat(node.top)[:1] in ("", "d")
