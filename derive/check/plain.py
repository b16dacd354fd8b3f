"""Formulas as Unicode text, for terminals."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence

from derive.check.written import Scripts, Unwritable, Writer, is_word
from derive.printing.notation import GREEK
from derive.printing.text import lowered, raised
from derive.reader.syntax import Big, Fence, Fraction, Node, Product, Root, Scripted, Sum, Symbol

LETTERS = {
    "top": "ᵀ", "infty": "∞", "circ": "∘", "star": "⋆", "ast": "*", "dagger": "†", "odot": "⊙", "wedge": "∧", "ones": "𝟏",
    "zero": "𝟎", "hbar": "ħ", "omicron": "ο", "Upsilon": "Υ", "prime": "′",
}  # fmt: skip
SCRIPT = dict(zip("BEFHILMReglo", "ℬℰℱℋℐℒℳℛℯℊ𝓁ℴ", strict=True))
ACCENTS = {
    "bar": "\u0304", "hat": "\u0302", "tilde": "\u0303", "dot": "\u0307", "ddot": "\u0308", "ring": "\u030a", "check": "\u030c",
    "breve": "\u0306", "acute": "\u0301",
}  # fmt: skip
FENCES = {"paren": "()", "bracket": "[]", "brace": "{}", "abs": "||", "norm": "‖‖", "angle": "⟨⟩"}
DOTS = {"cdots": "⋯", "vdots": "⋮", "ddots": "⋱", "iddots": "⋰", "cdot": "·"}
BIGS = {"sum": "Σ", "prod": "∏", "int": "∫", "cup": "⋃", "oplus": "⨁"}
TIGHT = frozenset("·/*")


class Plain(Writer):
    """Unicode text in one line. colour: what stands out is red and underlined, by the codes of a terminal."""

    def __init__(self, source: str, marked: Sequence[tuple[int, int]] = (), codes: tuple[str, str] = ("", "")):
        super().__init__(source, marked if codes[0] else ())
        self.codes = codes

    def letter(self, head: str, face: str) -> str:
        if head.startswith("set "):
            return {"set R": "ℝ", "set E": "𝔼", "set N": "ℕ", "set Z": "ℤ"}.get(head, visible(head[4:]))
        if face == "script" and head in SCRIPT:
            return SCRIPT[head]
        return LETTERS.get(head) or GREEK.get(head) or visible(head)

    def accented(self, body: str, accent: str) -> str:
        return body[0] + ACCENTS[accent] + body[1:] if body else body

    def number(self, text: str) -> str:
        return text

    def words(self, text: str) -> str:
        return visible(text)

    def dots(self, kind: str) -> str:
        return DOTS.get(kind, "…")

    def sign(self, op: str, leading: bool = False) -> str:
        if op == ",":
            return ", "
        return op if leading or op in TIGHT else f" {op} "

    def row(self, parts: Sequence[str]) -> str:
        return "".join(parts)

    def gap(self, wide: bool) -> str:
        return " " if wide else ""

    def between(self, op: str, before: Node, after: Node) -> str:
        if op:
            return super().between(op, before, after)
        apart = " " in self.source[before.end : after.start] or any(isinstance(n, Fraction | Big | Root) for n in (before, after))
        words = not isinstance(after, Fence) and (is_word(before) or is_word(after))
        scripts = not isinstance(after, Fence) and isinstance(before, Scripted) and _runs_on(self.node(before))
        return " " if apart or words or scripts else super().between(op, before, after)

    def scripted(self, scripts: Scripts) -> str:
        base = self.node(scripts.base)
        if isinstance(scripts.base, Product | Sum | Fraction):
            base = f"({base})"
        below = [self.node(n) for n in scripts.below]
        above = [self.node(n) for n in scripts.above]
        return base + "′" * scripts.primes + self.scripts(below, lowered) + self.scripts(above, raised)

    def scripts(self, texts: list[str], move: Callable[[str], str]) -> str:
        """Scripts side by side; marks that stand high as they are, the ᵀ of W^{(1)\\top}, stay."""
        moved = []
        for text in texts:
            plain = text.rstrip("ᵀ*†′")
            moved.append((move(plain) if plain else "") + text[len(plain) :])
        return "".join(moved)

    def raised(self, body: str, above: str, below: str = "") -> str:
        return body + (lowered(below) if below else "") + (raised(above) if above else "")

    def bar(self) -> str:
        return "|"

    def fence(self, kind: str, body: str, tall: bool) -> str:
        return f"{FENCES[kind][0]}{body}{FENCES[kind][1]}"

    def fraction(self, top: Node, bottom: Node) -> str:
        return f"{self._side(top, (Sum, Fraction, Big))}/{self._side(bottom, (Sum, Fraction, Big, Product))}"

    def _side(self, node: Node, loose: tuple[type[Node], ...]) -> str:
        text = self.node(node)
        return f"({text})" if isinstance(node, loose) and not _is_total(node) else text

    def root(self, body: str, degree: str | None) -> str:
        return f"{raised(degree) if degree else ''}√({body})"

    def big(self, kind: str, below: str | None, above: str | None, body: str) -> str:
        sign = BIGS.get(kind, kind)
        limits = (_limit("_", below) if below else "") + (_limit("^", above) if above else "")
        return f"{sign}{limits} {body}"

    def table(self, rows: list[list[str]], bracket: str) -> str:
        left, right = tuple(FENCES.get(bracket, "[]"))
        return left + "; ".join(", ".join(row) for row in rows) + right

    def choices(self, rows: list[tuple[str, str]]) -> str:
        return "{ " + "; ".join(f"{a}, {b}" if b else a for a, b in rows)

    def emphasised(self, body: str) -> str:
        return f"{self.codes[0]}{body}{self.codes[1]}"


def _limit(mark: str, text: str) -> str:
    tight = text.replace(" ", "")
    return f"{mark}{tight}" if len(tight) == 1 else f"{mark}{{{tight}}}"


def _runs_on(text: str) -> bool:
    """Whether a letter after it would seem to belong to its script: e^c."""
    return bool(re.search(r"[_^]\w+$", text))


def _is_total(node: Node) -> bool:
    """dx, written with an upright or slanted d."""
    return (
        isinstance(node, Product)
        and len(node.factors) == 2
        and isinstance(node.factors[0][1], Symbol)
        and node.factors[0][1].head == "d"
    )


def visible(text: str) -> str:
    """Text without signs that steer a terminal or turn the direction of writing."""
    return "".join("�" if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp") else c for c in text)


def columns(text: str) -> int:
    """Columns on a terminal: combining marks take none, wide letters two."""
    return sum(0 if unicodedata.combining(c) else 1 + (unicodedata.east_asian_width(c) in "WF") for c in text)


__all__ = ["Plain", "Unwritable", "columns", "visible"]
