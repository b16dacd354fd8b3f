"""One-edit neighbours of a relation, as splices of its text: the slips that people make, the likelier ones first."""

from __future__ import annotations

import copy
import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

from derive.check.page import Change, Name, Page, accented
from derive.expr import DeriveError, Expr, Instant
from derive.reader import calls, names
from derive.reader.scope import Named, flat
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
    Root,
    Scripted,
    Sum,
    Symbol,
    children,
    walk,
)

ENTRYWISE = ("⊙", "∘", "⋆", "⊗", "•")
TRANSPOSES = ("top", "T", "'", "t", "intercal", "tran", "tr")


@dataclass(frozen=True)
class Edit:
    """kind: one of SLIPS; cost: how unlikely the slip is; changes: (start, end, new text) in the page's text."""

    kind: str
    cost: float
    changes: tuple[Change, ...]
    words: str
    side: int = 1


@dataclass(frozen=True)
class Unit:
    """A factor of a product: a function goes with its argument."""

    op: str
    start: int
    end: int
    nodes: tuple[Node, ...]


@dataclass
class Editor:
    """Every single edit of one side of a page."""

    page: Page
    side: int = 1
    found: list[Edit] = field(default_factory=list)

    def all(self) -> list[Edit]:
        root = self.page.parts[self.side]
        if self.side or isinstance(root, Sum | Product | Big):
            self._whole(root)
        self._node(root, False)
        return self.found

    # -- helpers --------------------------------------------------------------------------------------------

    def add(self, kind: str, cost: float, a: int, b: int, new: str, words: str = "") -> None:
        self.put(kind, cost, ((a, b, new),), words or f"{said(new)} for {said(self.page.text[a:b])}")

    def put(self, kind: str, cost: float, changes: tuple[Change, ...], words: str) -> None:
        if all(self.page.text[a:b] == new for a, b, new in changes):
            return
        self.found.append(Edit(kind, cost + (0 if self.side else self.page.left_cost), changes, words, self.side))

    def text(self, a: int, b: int) -> str:
        return self.page.text[a:b]

    # -- the tree -------------------------------------------------------------------------------------------

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

    def _is_function(self, node: Node) -> bool:
        return isinstance(node, Symbol | Scripted) and calls.function_of(self.page.m, node) is not None

    # -- signs and terms --------------------------------------------------------------------------------------

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
        if isinstance(node, Sum) or isinstance(node, Commas):
            return
        a, _ = self.page.span(node)
        self.add("sign", 1.1, a, a, "-", f"-{said(self.page.of(node))} for {said(self.page.of(node))}")

    def _sum(self, node: Sum) -> None:
        spots = self._signs(node)
        for k, ((sign, term), (at, length)) in enumerate(zip(node.terms, spots, strict=True)):
            a, b = self.page.span(term)
            shown = said(self.page.of(term))
            new = "-" if sign > 0 else "+" if k else ""
            self.add(
                "sign", 1.0, at, at + length, new, f"{'-' if sign > 0 else '+'} {shown} for {'+' if sign > 0 else '-'} {shown}"
            )
            self._scalings(a, b, term)
            if len(node.terms) > 1:
                self._without(node, k, spots)

    def _signs(self, node: Sum) -> list[tuple[int, int]]:
        """(place, length) of the sign before each term."""
        spots = []
        last = node.start
        for _, term in node.terms:
            a, _ = self.page.span(term)
            at = next((j for j in range(last, a) if self.page.text[j] in "+-"), None)
            spots.append((at, 1) if at is not None else (a, 0))
            last = term.end
        return spots

    def _without(self, node: Sum, k: int, spots: list[tuple[int, int]]) -> None:
        """The sum without its term k; 1 - h instead of h is a slip of its own."""
        sign, term = node.terms[k]
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

    # -- factors --------------------------------------------------------------------------------------------

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
                self._swapped(u, units[k + 1])
                self._entrywise(units, k + 1)
            if len(u.nodes) > 1:
                self._call(u)

    def units(self, node: Product) -> list[Unit]:
        """The factors, each function with what it is applied to."""
        items = list(node.factors)
        found = []
        while items:
            op, first = items[0]
            count = 1
            if self._is_function(first):
                rest = calls._argument(self.page.m, items[1:])[2]
                count = len(items) - len(rest)
            taken = tuple(n for _, n in items[:count])
            found.append(Unit(op, self.page.span(taken[0])[0], taken[-1].end, taken))
            items = items[count:]
        return found

    def _dropped(self, node: Product, units: list[Unit], k: int) -> None:
        """A factor that doesn't belong there."""
        if len(units) < 2:
            return
        u = units[k]
        a, b = (units[k - 1].end, u.end) if k else (u.start, units[1].start)
        cost = 1.35 if all(isinstance(n, Number) for n in u.nodes) or _is_constant(u.nodes[0]) else 2.1
        self.add("factor", cost, a, b, " " if k else "", f"the factor {said(self.text(u.start, u.end))} too much")

    def _swapped(self, u: Unit, v: Unit) -> None:
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

    def _entrywise(self, units: list[Unit], k: int) -> None:
        """Entry by entry, where what stands before a factor has its shape."""
        u, v = units[k - 1], units[k]
        if v.op != "":
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

    @cached_property
    def top(self) -> str:
        """The transpose as this text writes it."""
        for n in (n for part in self.page.parts for n in walk(part)):
            if isinstance(n, Scripted) and n.sup is not None and flat(n.sup) in ("T", "top"):
                return "T" if flat(n.sup) == "T" else r"{\top}"
        return r"{\top}"

    def _script_start(self, script: Node) -> int:
        """The place of the ^ or _ before a script."""
        return max(self.page.text.rfind("^", 0, script.start + 1), self.page.text.rfind("_", 0, script.start + 1))

    def _script_end(self, script: Node) -> int:
        end = script.end
        opening = self.page.text[self._script_start(script) + 1 : script.start + 1].strip()
        if opening.startswith("{") and not self.page.text[script.start : script.end].startswith("{"):
            while end < len(self.page.text) and self.page.text[end] != "}":
                end += 1
            end += 1
        return end

    def _fence(self, node: Fence) -> None:
        """A square, and a sign of addition where a comma stands."""
        a, b = self.page.span(node)
        after = self.page.text[b:].lstrip()[:1]
        if after not in ("^", "_", "'"):
            self.add("factor", 1.7, b, b, "^2", f"{said(self.text(a, b))}^2 for {said(self.text(a, b))}")
        if isinstance(node.body, Commas):
            items = node.body.items
            cuts = [(x.end, self.page.span(y)[0]) for x, y in itertools.pairwise(items)]
            self.put("argument", 1.6, tuple((c, d, " + ") for c, d in cuts), "a comma for a sign of addition")

    # -- fractions, powers, functions -------------------------------------------------------------------------

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

    def _powers(self, node: Scripted) -> None:
        if node.sup is None:
            return
        power = flat(node.sup)
        a, b = self._script_start(node.sup), self._script_end(node.sup)
        if power in TRANSPOSES:
            self.add("transpose", 1.2, a, b, "", f"{said(self.text(node.start, a))} for {said(self.text(node.start, b))}")
        elif power == "-1":
            self.add("inverse", 1.4, a, b, "", f"{said(self.text(node.start, a))} for {said(self.text(node.start, b))}")
        elif power == "2":
            self.add("argument", 1.5, a, b, "", f"{said(self.text(node.start, a))} for {said(self.text(node.start, b))}")

    def _call(self, u: Unit) -> None:
        """1 - f(x) for f(x), f(x)^2 for f(x)."""
        text = self.text(u.start, u.end)
        self.add("argument", 1.6, u.start, u.end, f"(1 - {text})")
        t = self.transposed(u)
        if t is not None:
            self.add("transpose", 1.6, u.start, u.end, t)

    def _function(self, node: Node) -> None:
        """Primes, powers and the name of a function."""
        base = node.base if isinstance(node, Scripted) else node
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
        for limit in (node.sub, node.sup):
            if limit is None:
                continue
            for n in walk(limit):
                if isinstance(n, Number) and n.text.isdigit():
                    for step in (1, -1):
                        if int(n.text) + step >= 0:
                            self.add("time" if self._timed(n) else "value", 2.2, n.start, n.end, str(int(n.text) + step))

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

    # -- names ----------------------------------------------------------------------------------------------

    def _name(self, name: Name, differential: bool) -> None:
        found = name.found
        if found is None:
            if self._unknown(name):
                self._siblings(name, None)
            return
        if not differential:
            self._bar(name)
            self._one_minus(name)
            new = self._name_transposed(name) if found.named.expr.shape else None
            if new is not None:
                self.add("transpose", 1.2, name.node.start, name.node.end, new)
            if isinstance(name.node, Scripted) and found.exponent is not None and flat(found.exponent) not in TRANSPOSES:
                self._powers(name.node)
            elif found.exponent is None:
                self._squared(name)
        self._times(name)
        self._indices(name)
        self._siblings(name, found.named)

    def _unknown(self, name: Name) -> bool:
        """Whether nothing gives the name a meaning: sizes, constants and the loss under another letter have one."""
        try:
            self.page.m.value(name.node)
        except DeriveError:
            return True
        return False

    def _squared(self, name: Name) -> None:
        a, b = name.node.start, name.node.end
        text = self.text(a, b)
        shape = name.found.expr.shape if name.found is not None else ()
        base = text if not (isinstance(name.node, Scripted) and name.node.sup is not None) else f"{{{text}}}"
        self.add("argument", 1.7, a, b, f"{base}^2")
        if len(shape) == 2:
            self.add("inverse", 1.8, a, b, f"{base}^{{-1}}")

    def _bar(self, name: Name) -> None:
        assert name.found is not None
        a, b = name.letter.start, name.letter.end
        text = self.text(a, b)
        if name.found.bar:
            inner = re.fullmatch(r"\\(?:bar|overline)\s*(?:\{(.*)\}|(\\?\w+))", text)
            if inner is None and "bar" in name.letter.accents:  # \bar{h_t}: around the whole name
                a, b = self._around(name.letter, r"\\(?:bar|overline)\s*\{")
                inner = re.fullmatch(r"\\(?:bar|overline)\s*\{(.*)\}", self.text(a, b))
            if inner is not None:
                self.add("bar", 1.05, a, b, inner[1] or inner[2])
        elif isinstance(name.found.expr, Expr):
            self.add("bar", 1.1, a, b, rf"\bar{{{text}}}")

    def _around(self, node: Node, opening: str) -> tuple[int, int]:
        found = re.search(opening + r"\s*$", self.page.text[: node.start])
        start = found.start() if found else node.start
        end = self.page.text.find("}", node.end) + 1
        return start, end or node.end

    def _one_minus(self, name: Name) -> None:
        a, b = name.node.start, name.node.end
        self.add("argument", 1.5, a, b, f"(1 - {self.text(a, b)})")

    def _name_transposed(self, name: Name) -> str | None:
        """The name with a transpose put on or taken off."""
        assert name.found is not None
        a, b = name.node.start, name.node.end
        text, exponent = self.text(a, b), name.found.exponent
        if exponent is None:
            if name.found.primes:
                return None
            raised = isinstance(name.node, Scripted) and name.node.sup is not None
            return rf"{{{text}}}^{self.top}" if raised else f"{text}^{self.top}"
        if flat(exponent) not in TRANSPOSES:
            return None
        assert isinstance(name.node, Scripted) and name.node.sup is not None
        if exponent is name.node.sup:
            cut, end = self._script_start(exponent), self._script_end(exponent)
            return self.text(a, cut) + self.text(end, b)
        return self.text(a, exponent.start).rstrip(", ") + self.text(exponent.end, b)

    def _times(self, name: Name) -> None:
        """Other instants, one or two steps away."""
        assert name.found is not None
        if name.time is None or name.found.instant is None:
            return
        for steps, cost in ((1, 1.15), (-1, 1.15), (2, 1.5), (-2, 1.5)):
            a, b, new = self.at_instant(name, steps)
            if new is not None:
                whole = self.page.of(name.node)
                changed = self.text(name.node.start, a) + new + self.text(b, name.node.end)
                self.add("time", cost, a, b, new, f"{said(changed)} for {said(whole)}")
        for other in self._other_instants(name):
            a, b = name.time.start, name.time.end
            self.add("time", 1.6, a, b, self.script(a, other))

    def _other_instants(self, name: Name) -> list[str]:
        """Instants with another letter that occur in this relation: T for t, k for t."""
        assert name.found is not None and name.found.instant is not None
        found: dict[str, None] = {}
        for other in self.page.all_names:
            if other.time is not None and other.found is not None and other.found.instant is not None:
                if other.found.instant.base != name.found.instant.base:
                    found[self.page.of(other.time)] = None
        return list(found)

    def at_instant(self, name: Name, steps: int) -> tuple[int, int, str | None]:
        """The splice that moves a name in time."""
        assert name.time is not None and name.found is not None and name.found.instant is not None
        a, b = name.time.start, name.time.end
        when: Instant = name.found.instant.shifted(steps)
        if not when.base:
            return a, b, str(when.offset) if when.offset >= 0 else None
        letter = next((n for n in walk(name.time) if isinstance(n, Symbol)), None)
        if letter is None:
            return a, b, None
        text = self.page.of(letter) + (f"{when.offset:+d}" if when.offset else "")
        return a, b, self.script(a, text)

    def script(self, at: int, text: str) -> str:
        """In braces where a bare script stands at that place."""
        bare = self.page.text[:at].rstrip()[-1:] in ("_", "^")
        return f"{{{text}}}" if bare and len(text) > 1 else text

    @cached_property
    def letters(self) -> dict[str, None]:
        """The indices of this relation."""
        letters: dict[str, None] = {}
        for other in self.page.all_names:
            for p in other.places:
                letters[self.page.of(p)] = None
        for n in (n for part in self.page.parts for n in walk(part)):
            if isinstance(n, Big) and n.sub is not None and isinstance(first := next(walk(n.sub)), Node):
                letters.update(dict.fromkeys(self.page.of(s) for s in walk(first) if isinstance(s, Symbol)))
        return letters

    def _indices(self, name: Name) -> None:
        """Another index letter or place of this relation."""
        for p in name.places:
            for text in self.letters:
                if text and text != self.page.of(p):
                    self.add("symbol", 1.5, p.start, p.end, self.script(p.start, text))

    # -- siblings -------------------------------------------------------------------------------------------

    def _siblings(self, name: Name, named: Named | None) -> None:
        seen: set[Expr] = set()
        written = {(n.letter.head, _bare(n.letter.accents)) for n in self.page.all_names}
        for cost, key, other in self.others(name, named, written):
            if other.expr in seen:
                continue
            changes = self.renamed(name, key, other)
            if changes is None:
                continue
            seen.add(other.expr)
            new = self.spliced(name, changes)
            self.put("symbol", cost, changes, f"{said(new)} for {said(self.page.of(name.node))}")

    def spliced(self, name: Name, changes: tuple[Change, ...]) -> str:
        text = self.page.applied(changes)
        return text[name.node.start : name.node.end + len(text) - len(self.page.text)]

    def others(
        self, name: Name, named: Named | None, written: set[tuple[str, tuple[str, ...]]]
    ) -> list[tuple[float, tuple[str, tuple[str, ...]], Named]]:
        found = []
        own = (name.letter.head, _bare(name.letter.accents))
        for key, options in self.page.scope.names.items():
            for other in options:
                if named is not None and (other.expr is named.expr or other.sequential != named.sequential):
                    continue
                same_letter = key == own
                same_shape = named is None or other.expr.shape == named.expr.shape
                if not (same_letter or same_shape or key in written):
                    continue
                cost = (
                    1.3
                    + (0 if same_shape else 0.1 if same_letter else 0.3)
                    + (0 if same_letter else 0.15 if key in written else 0.3)
                )
                found.append((cost, key, other))
        return sorted(found, key=lambda f: f[0])

    def renamed(self, name: Name, key: tuple[str, tuple[str, ...]], other: Named) -> tuple[Change, ...] | None:
        """The splices that write another name in the place of this one, with its bar, instant and indices."""
        changes: list[Change] = []
        bar = ("bar",) if name.letter.accents[-1:] == ("bar",) and (name.found is None or name.found.bar) else ()
        letter = name.letter
        if (letter.head, _bare(letter.accents)) != key:
            inside = self.text(letter.start, letter.end)
            if bar and "bar" not in inside and "overline" not in inside:  # \bar{h_t}
                new = self.page.letter(*key)
            else:
                new = self.page.letter(key[0], (*key[1], *bar)) if not bar else accented(self.page.letter(*key), bar)
            changes.append((letter.start, letter.end, new))
        tag = "".join(c for c in "".join(map(flat, name.tag)) if c.isalnum())
        if tag != other.tag:
            change = self._retagged(name, other)
            if change is None:
                return None
            changes.append(change)
        return tuple(changes) if changes else None

    def _retagged(self, name: Name, other: Named) -> Change | None:
        """The splice that gives a name another tag, or none, or one where it has none."""
        if name.tag and other.tag:
            a, b = min(t.start for t in name.tag), max(t.end for t in name.tag)
            return a, b, self.script(a, other.tag)
        if name.tag:
            return self._untagged(name)
        at = name.letter.end
        if isinstance(name.node, Scripted) and name.node.sub is not None:
            if name.time is None and not name.places:
                return None
            sub = name.node.sub
            return sub.start, sub.end, self.script(sub.start, f"{other.tag}, {self.page.of(sub)}")
        scripted = isinstance(name.node, Scripted)
        raised = other.tag.isdigit() and any(
            isinstance(n.node, Scripted) and n.tag and n.node.sup is not None for n in self.page.all_names
        )
        return (at, at, f"^{{({other.tag})}}") if raised and not scripted else (at, at, f"_{{{other.tag}}}")

    def _untagged(self, name: Name) -> Change | None:
        """Without its tag: the whole script, or the bracket in it."""
        assert isinstance(name.node, Scripted)
        for script in (name.node.sub, name.node.sup):
            if script is None or not all(script.start <= t.start and t.end <= script.end for t in name.tag):
                continue
            if "".join(map(flat, name.tag)) == flat(script):
                return self._script_start(script), self._script_end(script), ""
            inside = next((n for n in walk(script) if isinstance(n, Fence) and n.body in name.tag), None)
            return (inside.start, inside.end, "") if inside is not None else None
        return None


def _bare(accents: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(a for a in accents if a != "bar")


def _is_constant(node: Node) -> bool:
    return isinstance(node, Fraction) and all(isinstance(n, Number | Fraction) for n in walk(node))


def said(text: str) -> str:
    return " ".join(text.split())


def edits(page: Page) -> Iterator[Edit]:
    """All single edits, cheap ones first, right side first."""
    try:
        found = Editor(page, 1).all() + Editor(page, 0).all()
    except (DeriveError, RecursionError):
        return
    yield from sorted(found, key=lambda e: e.cost)


__all__ = ["Edit", "Editor", "Root", "edits"]
_ = names
