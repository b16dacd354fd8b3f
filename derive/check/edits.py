"""One-edit neighbours of a relation, as splices of its text: the slips that people make, the likelier ones first."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterator

from derive.check.page import Page
from derive.check.renaming import Names
from derive.check.splices import ENTRYWISE, TRANSPOSES, Edit, Unit, said
from derive.expr import DeriveError
from derive.reader.scope import flat
from derive.reader.syntax import (
    Big,
    Commas,
    Differential,
    Fence,
    Fraction,
    Nabla,
    Node,
    Number,
    Product,
    Relation,
    Scripted,
    Sum,
    Symbol,
    children,
    unscripted,
    walk,
)


class Editor(Names):
    """Every single edit of one side of a page."""

    def all(self) -> list[Edit]:
        root = self.page.parts[self.side]
        if self.side or isinstance(root, Sum | Product | Big):
            self._whole(root)
        self._node(root, False)
        return self.found

    def _node(self, node: Node, differential: bool) -> None:
        """The edits at a node and below; `differential`: inside ∂…, where bars and transposes have no place."""
        name = self.page.name(node)
        if name is not None and not self._is_function(node):
            self._name(name, differential)
            return
        match node:
            case Sum():
                self._sum(node)
            case Product():
                self._product(node)
            case Fraction():
                self._fraction(node)
            case Number():
                self._number(node)
            case Symbol() | Scripted() if self._is_function(node):
                self._function(node)
                return
            case Scripted():
                self._scripted(node)
                self._node(node.base, differential)
                return
            case Fence():
                self._slot(node.body)
                self._fence(node)
            case Big():
                self._big(node)
                self._node(node.body, differential)
                return
        for child in children(node):
            self._node(child, differential or isinstance(node, Differential | Nabla))

    def _whole(self, root: Node) -> None:
        a, b = self.page.bounds[self.side]
        self._slot(root)
        inner = self.text(a, b)
        if isinstance(root, Sum) and len(root.terms) > 1:
            self.put("sign", 1.3, ((a, a, "-("), (b, b, ")")), "the sign of the whole")
        self.put("transpose", 1.5, ((a, a, "("), (b, b, rf")^{self.top}")), f"the transpose of {said(inner)}")
        self._scalings(a, b, root)
        self._sums_over(a, b, root)

    def _slot(self, node: Node) -> None:
        """A place that holds a whole expression: its sign."""
        if isinstance(node, Sum | Commas):
            return
        a, _ = self.page.span(node)
        self.add("sign", 1.1, a, a, "-", f"-{said(self.page.of(node))} for {said(self.page.of(node))}")

    def _sum(self, node: Sum) -> None:
        spots = self.signs_of(node)
        for k, ((sign, term), (at, length)) in enumerate(zip(node.terms, spots, strict=True)):
            a, b = self.page.span(term)
            shown = said(self.page.of(term))
            new = "-" if sign > 0 else "+" if k else ""
            self.add(
                "sign", 1.0, at, at + length, new, f"{'-' if sign > 0 else '+'} {shown} for {'+' if sign > 0 else '-'} {shown}"
            )
            self._scalings(a, b, term)
            if len(node.terms) == 1 and sign < 0:
                self.add("term", 1.5, at, at, "1 ", f"1 - {shown} for -{shown}")
            if len(node.terms) > 1:
                self.without(node, k, spots)

    def signs_of(self, node: Sum) -> list[tuple[int, int]]:
        """(place, length) of the sign before each term."""
        spots = []
        last = node.start
        for _, term in node.terms:
            a, _ = self.page.span(term)
            at = next((j for j in range(last, a) if self.page.text[j] in "+-"), None)
            spots.append((at, 1) if at is not None else (a, 0))
            last = term.end
        return spots

    def without(self, node: Sum, k: int, spots: list[tuple[int, int]]) -> None:
        """The sum without its term k; 1 - h instead of h is a slip of its own."""
        term = node.terms[k][1]
        shown = said(self.page.of(term))
        if k:
            a, b = spots[k][0], term.end
        else:
            a = spots[0][0]
            b = spots[1][0] + (1 if node.terms[1][0] > 0 else 0)
        self.add("term", 2.0, a, b, "", f"the term {shown} too much")
        if k == 0 and len(node.terms) == 2 and flat(term) == "1" and node.terms[1][0] < 0:
            self.add(
                "argument",
                1.5,
                a,
                spots[1][0] + 1,
                "",
                f"{said(self.page.of(node.terms[1][1]))} for {said(self.page.of(node))}",
            )

    def _scalings(self, a: int, b: int, term: Node) -> None:
        """2, ½ and sizes in front of a term; -1 is a sign."""
        first = term.factors[0][1] if isinstance(term, Product) else term
        gap = r" \cdot " if isinstance(first, Number) or self.text(a, a + 1).isdigit() else " "
        shown = said(self.text(a, b))
        for new in ("2", r"\frac{1}{2}"):
            self.add("factor", 1.4, a, a, new + gap, f"{new} {shown} for {shown}")
        for size in self.sizes:
            for new in (rf"\frac{{1}}{{{size}}}", size):
                self.add("factor", 1.9, a, a, new + " ", f"{new} {shown} for {shown}")

    @property
    def sizes(self) -> list[str]:
        written = {n.head for part in self.page.parts for n in walk(part) if isinstance(n, Symbol)}
        return [s for s in self.page.scope.sizes if s in ("N", "m", "B", "H", "D") or s in written]

    def _number(self, node: Number) -> None:
        a, b = node.start, node.end
        if node.text == "2":
            self.add("factor", 1.3, a, b, "1")
        for new in ("1", "2", "0") if node.text in ("0", "1", "2") else ():
            if new != node.text and (node.text, new) != ("2", "1"):
                self.add("value", 2.6, a, b, new)

    def _product(self, node: Product) -> None:
        units = self.units(node)
        for k, u in enumerate(units):
            self._dropped(node, units, k)
            if k + 1 < len(units):
                self.swapped(u, units[k + 1])
                self.entrywise(units, k + 1)
            if len(u.nodes) > 1:
                self._call(u)

    def _dropped(self, node: Product, units: list[Unit], k: int) -> None:
        """A factor that doesn't belong there."""
        if len(units) < 2:
            return
        u = units[k]
        a, b = (units[k - 1].end, u.end) if k else (u.start, units[1].start)
        cost = 1.35 if all(isinstance(n, Number) for n in u.nodes) or _is_constant(u.nodes[0]) else 2.1
        self.add("factor", cost, a, b, " " if k else "", f"the factor {said(self.text(u.start, u.end))} too much")

    def swapped(self, u: Unit, v: Unit) -> None:
        """Neighbours in the other order, also with transposes."""
        if v.op in ("/", "⊘") or (u.op in ENTRYWISE and v.op not in ENTRYWISE):
            return
        x, y = self.text(u.start, u.end), self.text(v.start, v.end)
        if isinstance(u.nodes[0], Number) and isinstance(v.nodes[0], Number):
            return
        xt, yt = self.transposed(u), self.transposed(v)
        shown = f"{said(x)} {said(y)}"
        ways = [("order", 1.3, y, x), ("transpose", 1.45, yt, x), ("transpose", 1.5, y, xt), ("transpose", 1.6, yt, xt)]
        for kind, cost, first, second in ways:
            if first and second:
                changes = ((u.start, u.end, first), (v.start, v.end, second))
                self.put(kind, cost, changes, f"{said(first)} {said(second)} for {shown}")

    def entrywise(self, units: list[Unit], k: int) -> None:
        """Entry by entry, where what stands before a factor has its shape."""
        u, v = units[k - 1], units[k]
        if v.op in ("/", "⊘", *ENTRYWISE):
            return
        shapes = [self._shape(units[:k]), self._shape([v])]
        if shapes[0] == shapes[1] and shapes[0]:
            x, y = self.text(units[0].start, u.end), self.text(v.start, v.end)
            self.add("shape", 1.8, u.end, v.start, r" \odot ", f"{said(x)} \\odot {said(y)} for {said(x)} {said(y)}")

    def _shape(self, units: list[Unit]) -> tuple:
        items = [(op if n is u.nodes[0] else "", n) for u in units for n in u.nodes for op in [u.op]]
        node = Product(tuple(items)) if len(items) > 1 else items[0][1]
        try:
            return copy.copy(self.page.m).value(node).shape
        except (DeriveError, RecursionError, ArithmeticError):
            return ()

    def transposed(self, u: Unit) -> str | None:
        """The unit's text with a transpose put on, or taken off; None for what has none."""
        text = self.text(u.start, u.end)
        last = u.nodes[-1]
        if len(u.nodes) == 1 and isinstance(last, Number | Differential | Big):
            return None
        if len(u.nodes) == 1 and isinstance(last, Symbol | Scripted):
            name = self.page.name(last)
            if name is not None and name.found is not None:
                return None if not name.found.named.expr.shape and not name.found.bar else self._name_transposed(name)
        if isinstance(last, Scripted) and last.sup is not None and flat(last.sup) in TRANSPOSES:
            cut = self._script_start(last.sup)
            return self.text(u.start, cut)
        if len(u.nodes) == 1 and isinstance(last, Scripted) and last.sup is not None:
            return rf"{{{text}}}^{self.top}"
        return f"{text}^{self.top}"

    def _fence(self, node: Fence) -> None:
        """A square, and a sign of addition where a comma stands."""
        a, b = self.page.span(node)
        after = self.page.text[b:].lstrip()[:1]
        if after not in ("^", "_", "'"):
            self.add("factor", 1.7, b, b, "^2", f"{said(self.text(a, b))}^2 for {said(self.text(a, b))}")
        if isinstance(node.body, Commas):
            items = node.body.items
            cuts = [(x.end, self.page.span(y)[0]) for x, y in itertools.pairwise(items)]
            self.put("argument", 0.9, tuple((c, d, " + ") for c, d in cuts), "a comma for a sign of addition")

    def _fraction(self, node: Fraction) -> None:
        if any(isinstance(n, Differential) or flat(n)[:1] == "d" for n in (node.top, node.bottom)):
            return
        top, bottom = self.text(node.top.start, node.top.end), self.text(node.bottom.start, node.bottom.end)
        whole = self.text(node.start, node.end)
        numeric = isinstance(node.top, Number) and isinstance(node.bottom, Number)
        turned = rf"\frac{{{bottom}}}{{{top}}}"
        self.add("factor" if numeric else "inverse", 1.6, node.start, node.end, turned)
        if numeric:
            self.add("factor", 1.35, node.start, node.end, "1", f"the factor {whole} too much")
        else:
            self.add("inverse", 2.3, node.start, node.end, f"({top}) ({bottom})", f"a product for {said(whole)}")

    def _scripted(self, node: Scripted) -> None:
        """Scripts on a bracket: a transpose, a power."""
        self._powers(node)
        a, b = self.page.span(node)
        if node.sup is not None and flat(node.sup) not in TRANSPOSES:
            self.add("argument", 1.6, a, b, f"(1 - {self.text(a, b)})")

    def _call(self, u: Unit) -> None:
        """1 - f(x) for f(x), f(x)^2 for f(x)."""
        text = self.text(u.start, u.end)
        self.add("argument", 1.6, u.start, u.end, f"(1 - {text})")
        t = self.transposed(u)
        if t is not None:
            self.add("transpose", 1.6, u.start, u.end, t)

    def _function(self, node: Node) -> None:
        """Primes, powers and the name of a function."""
        base = unscripted(node)
        assert isinstance(base, Symbol)
        shown = said(self.page.of(node))
        end = base.end
        primes = node.primes if isinstance(node, Scripted) else 0
        if primes:
            at = self.page.text.find("'", end)
            if end <= at < node.end:
                self.add("argument", 1.1, at, at + 1, "", f"{shown} without its prime")
        self.add("argument", 1.1, end, end, "'", f"{said(self.text(base.start, end))}' for {said(self.text(base.start, end))}")
        if isinstance(node, Scripted) and node.sup is not None and flat(node.sup) == "2":
            a, b = self._script_start(node.sup), self._script_end(node.sup)
            self.add("argument", 1.4, a, b, "", f"{said(self.text(node.start, a))} for {shown}")
        elif not primes:
            self.add("argument", 1.4, end, end, "^2", f"{said(self.text(base.start, end))}^2 for {shown}")
        for other in self.functions:
            if other != self.text(base.start, end):
                self.add("symbol", 1.8, base.start, end, other)

    @property
    def functions(self) -> list[str]:
        """The functions of this relation, as written."""
        found: dict[str, None] = {}
        for part in self.page.parts:
            for n in walk(part):
                if isinstance(n, Symbol) and self._is_function(n):
                    found[self.text(n.start, n.end)] = None
        return list(found)

    def _big(self, node: Big) -> None:
        """The sign itself, and its limits."""
        cut = self.page.span(node.body)[0]
        self.add("term", 2.0, node.start, cut, "", "a sum too much")
        bound = node.sub.parts[0] if isinstance(node.sub, Relation) else node.sub
        letters = dict.fromkeys(flat(place) for name in self.page.names_in(node.body) for place in name.places)
        if isinstance(bound, Symbol) and bound.head not in letters:  # \sum_j x_i
            for letter in letters:
                if letter.isalpha():
                    self.add("symbol", 1.6, bound.start, bound.end, letter)
        for limit in (node.sub, node.sup):
            if limit is None:
                continue
            for n in walk(limit):
                if isinstance(n, Number) and n.text.isdigit():
                    for step in (1, -1):
                        if int(n.text) + step >= 0:
                            self.add("time" if self._timed(n) else "value", 2.2, n.start, n.end, str(int(n.text) + step))
                if isinstance(n, Symbol) and n.head in self.page.scope.sizes:
                    for other in self.page.scope.sizes:
                        if other != n.head:
                            self.add("symbol", 1.6, n.start, n.end, other)

    def _timed(self, node: Node) -> bool:
        return self.page.scope.timed

    def _sums_over(self, a: int, b: int, root: Node) -> None:
        """A missing sum over time, or over an index that only this side has."""
        if self.page.scope.timed and "t" in self.page.text:
            first = self.page.scope.system.first if self.page.scope.system is not None else 1
            new = rf"\sum_{{{self.page.scope.clock}={first}}}^{{T}} "
            self._summed(a, b, root, new)
        other = {n for name in self.page.names_in(self.page.parts[1 - self.side]) for n in map(flat, name.places)}
        own = {n for name in self.page.names_in(root) for n in map(flat, name.places)}
        for letter in sorted(own - other):
            if letter.isalpha():
                self._summed(a, b, root, rf"\sum_{letter} ")

    def _summed(self, a: int, b: int, root: Node, new: str) -> None:
        if isinstance(root, Sum):
            self.put("term", 1.9, ((a, a, new + "("), (b, b, ")")), f"{new.strip()} is missing")
        else:
            self.add("term", 1.9, a, a, new, f"{new.strip()} is missing")


def _is_constant(node: Node) -> bool:
    return isinstance(node, Fraction) and all(isinstance(n, Number | Fraction) for n in walk(node))


def edits(page: Page) -> Iterator[Edit]:
    """All single edits, cheap ones first, right side first."""
    try:
        found = Editor(page, 1).all() + Editor(page, 0).all()
    except (DeriveError, RecursionError):
        return
    yield from sorted(found, key=lambda e: e.cost)


__all__ = ["Edit", "Editor", "Unit", "edits", "said"]
