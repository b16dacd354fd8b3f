"""Formulas whose shapes don't fit: transposes and orders put right where the shapes part, the lowest place first."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass, replace

from derive.check.edits import Edit, Editor, Unit, said
from derive.check.page import Page
from derive.check.pairs import joined
from derive.check.trial import FAULTS, Trial
from derive.reader.syntax import Big, Fence, Fraction, Node, Product, Scripted, Sum, Symbol, children

DEEPEST = 4  # places that are put right in one line
MOST = 160  # formulas that are looked at


class Repair:
    """Searches for transposes and orders that make the shapes of a relation fit and the relation hold."""

    def __init__(self, trial: Trial, deepest: int = DEEPEST, most: int = MOST):
        self.trial, self.deepest, self.left = trial, deepest, most
        self.seen: set[str] = set()
        self.shapes: dict[Node, object] = {}
        self.fitting: list[tuple[Page, tuple[Edit, ...]]] = []  # shapes fit, but it doesn't hold

    def search(self, page: Page, done: tuple[Edit, ...] = ()) -> Edit | None:
        """The edits, joined, that do; those with fewest places first."""
        frontier = [(page, done)]
        for _ in range(self.deepest):
            following: list[tuple[Page, tuple[Edit, ...]]] = []
            for here, edits in frontier:
                for edit, new in self._steps(here, edits):
                    steps = (*edits, edit)
                    if self.trial.holds(new.text):
                        return self.told(page, new.text, steps)
                    following.append((new, steps))
                if self.trial.spent():
                    return None
            frontier = following
        return None

    def told(self, page: Page, text: str, steps: tuple[Edit, ...]) -> Edit:
        """The steps as one edit of the page that they began with."""
        whole = joined(*(replace(e, changes=((0, 0, ""),)) for e in steps))
        return replace(whole, changes=((0, len(page.text), text),), cost=sum(e.cost for e in steps))

    def _steps(self, page: Page, done: tuple[Edit, ...]) -> Iterator[tuple[Edit, Page]]:
        """Edits at the place where the shapes part, after which they part elsewhere or nowhere."""
        found = fault(page, self.shapes)
        if found is None:
            self.fitting.append((page, done))
            return
        for edit in sorted(local(page, found), key=lambda e: e.cost):
            if self.left <= 0 or self.trial.spent():
                return
            text = page.applied(edit.changes)
            if text in self.seen:
                continue
            self.seen.add(text)
            self.left -= 1
            try:
                new = page.turned(text)
            except FAULTS:
                continue
            later = fault(new, self.shapes)
            if later is None or self._further(found, later, page, new):
                yield edit, new

    def _further(self, old: Fault, new: Fault, page: Page, later: Page) -> bool:
        """Whether the new place is another one: outside the old, behind it, or further on in it."""
        if old.side != new.side:
            return True
        a, b = old.node.start, old.node.end + len(later.text) - len(page.text)
        here = new.node
        if (here.start, here.end) == (a, b) and type(here) is type(old.node):
            return new.fits > old.fits
        return not (a <= here.start and here.end <= b)


@dataclass(frozen=True)
class Fault:
    """The lowest node of a side whose shapes don't fit; of a product the number of factors from the left that do."""

    side: int
    node: Node
    fits: int = 0


def fault(page: Page, known: dict[Node, object] | None = None) -> Fault | None:
    """Where the shapes part; the right side as a whole where the two sides don't have the same. known: shapes of sides."""
    shapes = []
    for side in (0, 1):
        node = page.parts[side]
        shape = known.get(node) if known is not None else None
        shape = shape or _shape(page, node)
        if shape is None:
            found = _lowest(page, node) or node
            return Fault(side, found, _fitting(page, found))
        if known is not None:
            known[node] = shape
        shapes.append(shape)
    return Fault(1, page.parts[1]) if shapes[0] != shapes[1] else None


def _fitting(page: Page, node: Node) -> int:
    """How many units of a product, from the left, have a product."""
    if not isinstance(node, Product):
        return 0
    units = Editor(page).units(node)
    count = 0
    for k, u in enumerate(units):
        count += len(u.nodes)
        if _fails(page, Product(node.factors[:count], start=node.start, end=u.end)):
            return k
    return len(units)


def _shape(page: Page, node: Node) -> object:
    try:
        value = copy.copy(page.m).value(node)
        return value.shape, frozenset(value.labels)
    except FAULTS:
        return None


def _lowest(page: Page, node: Node) -> Node | None:
    try:
        copy.copy(page.m).value(node)
        return None
    except FAULTS:
        pass
    below: list[Node] = []
    match node:
        case Sum():
            below = [t for _, t in node.terms]
        case Product():
            below = [n for n in (_whole(page, node, u) for u in Editor(page).units(node)) if n is not node]
        case Fence() | Big():
            below = [node.body]
        case Fraction():
            below = [node.top, node.bottom]
        case Scripted() if not isinstance(node.base, Symbol):
            below = [node.base]
    for child in below:
        found = _lowest(page, child)
        if found is not None:
            return found
    return node


def _whole(page: Page, node: Product, u: Unit) -> Node:
    """A unit as one node: a function with its argument as a product of its own."""
    if len(u.nodes) == 1:
        return u.nodes[0]
    last = u.nodes[-1]
    if isinstance(last, Fence) and _fails(page, last.body):
        return last
    return Product(tuple(("", n) for n in u.nodes), start=u.start, end=u.end) if len(u.nodes) < len(node.factors) else node


def _fails(page: Page, node: Node) -> bool:
    return _shape(page, node) is None


def local(page: Page, found: Fault) -> Iterator[Edit]:
    """Transposes and orders at one node."""
    editor, side, node = Editor(page, found.side), found.side, found.node
    while isinstance(node, Fence):
        node = node.body
    terms = [t for _, t in node.terms] if isinstance(node, Sum) else [node]
    for term in terms:
        while isinstance(term, Fence) and len(children(term)) == 1:
            term = term.body
        if isinstance(term, Product):
            yield from _of_product(editor, term, found.fits if term is found.node else None)
        elif isinstance(term, Symbol | Scripted | Fence):
            unit = Unit("", *page.span(term), (term,))
            new = editor.transposed(unit)
            if new is not None:
                yield Edit("transpose", 1.2, ((unit.start, unit.end, new),), f"{said(new)} for {said(page.of(term))}", side)
        if isinstance(term, Product | Fraction):
            a, b = page.span(term)
            yield Edit(
                "transpose", 1.6, ((a, b, rf"({page.text[a:b]})^{editor.top}"),), f"the transpose of {said(page.of(term))}", side
            )


MOST_FACTORS = 20  # of a product in which any place may be the wrong one: each is read with all the factors before it


def _of_product(editor: Editor, node: Product, fits: int | None) -> Iterator[Edit]:
    """Edits where the product of the factors from the left ends, or everywhere where it doesn't end."""
    page, units = editor.page, editor.units(node)
    at = fits if fits is not None and 0 < fits < len(units) else None
    if at is None and len(units) > MOST_FACTORS:
        return
    for u in units if at is None else units[at - 1 : at + 1]:
        new = editor.transposed(u)
        if new is not None:
            words = f"{said(new)} for {said(page.text[u.start : u.end])}"
            yield Edit("transpose", 1.2, ((u.start, u.end, new),), words, editor.side)
    if at is not None:
        for u in units[at - 1 : at + 1]:
            text = page.text[u.start : u.end]
            new = rf"\operatorname{{diag}}({text})"
            yield Edit("shape", 1.9, ((u.start, u.end, new),), f"{said(new)} for {said(text)}", editor.side)
    own = Editor(page, editor.side)
    for k in range(1, len(units)) if at is None else [at]:
        own.swapped(units[k - 1], units[k])
        own.entrywise(units, k)
        if k > 1 and units[k].op not in ("/", "⊘"):
            yield from _in_front(editor, units, k)
    yield from own.found


def _in_front(editor: Editor, units: list[Unit], k: int) -> Iterator[Edit]:
    """a b C: C, or its transpose, in front of a b."""
    page, last = editor.page, units[k]
    a, b = units[0].start, units[k - 1].end
    front, moved = page.text[a:b], page.text[last.start : last.end]
    for new in dict.fromkeys((editor.transposed(last), moved)):
        if new is not None:
            changes = ((a, b, f"{new} ({front})"), (b, last.end, ""))
            words = f"{said(new)} in front of {said(front)}"
            yield Edit("order" if new == moved else "transpose", 1.7, changes, words, editor.side)
