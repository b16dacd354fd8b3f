"""Edits of a relation's text, and what all that make them share: factors, scripts, transposes."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from derive.check.page import Change, Page
from derive.reader import calls
from derive.reader.scope import flat
from derive.reader.syntax import (
    Node,
    Product,
    Scripted,
    Symbol,
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
class Scribe:
    """Notes edits of one side of a page."""

    page: Page
    side: int = 1
    found: list[Edit] = field(default_factory=list)

    def add(self, kind: str, cost: float, a: int, b: int, new: str, words: str = "") -> None:
        self.put(kind, cost, ((a, b, new),), words or f"{said(new)} for {said(self.page.text[a:b])}")

    def put(self, kind: str, cost: float, changes: tuple[Change, ...], words: str) -> None:
        if all(self.page.text[a:b] == new for a, b, new in changes):
            return
        self.found.append(Edit(kind, cost + (0 if self.side else self.page.left_cost), changes, words, self.side))

    def text(self, a: int, b: int) -> str:
        return self.page.text[a:b]

    def _is_function(self, node: Node) -> bool:
        return isinstance(node, Symbol | Scripted) and calls.function_of(self.page.m, node) is not None

    def script(self, at: int, text: str) -> str:
        """In braces where a bare script stands at that place."""
        bare = self.page.text[:at].rstrip()[-1:] in ("_", "^")
        return f"{{{text}}}" if bare and len(text) > 1 else text

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

    @cached_property
    def top(self) -> str:
        """The transpose as this text writes it."""
        for n in (n for part in self.page.parts for n in walk(part)):
            if isinstance(n, Scripted) and n.sup is not None and flat(n.sup) in ("T", "top"):
                return "T" if flat(n.sup) == "T" else r"{\top}"
        return r"{\top}"

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


def said(text: str) -> str:
    return " ".join(text.split())
