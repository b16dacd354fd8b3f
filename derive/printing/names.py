"""Identifiers to symbols, as a person writes them: W1 is W^{(1)}, w_ix is w_{ix}, yhat is ŷ, h[t] is h^{(t)} or h_t."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache

from derive.expr import Instant, Var
from derive.printing.notation import GREEK, Fence, Listed, Node, Num, Partial, Sum, Sym, Word, with_accent

ACCENTS = ("hat", "tilde")
_WORDS = {"lam": "lambda", "lamda": "lambda", "eps": "epsilon"}
_SPELLED = {letter: name for name, letter in GREEK.items() if len(letter) == 1}


@dataclass(frozen=True)
class Style:
    """How names and adjoints are written. time, layers: "superscript" or "subscript"; adjoint: "bar", "delta", "partial".

    spelled: names whose symbol isn't the one that their letters suggest, without their time.
    """

    time: str = "superscript"
    layers: str = "superscript"
    adjoint: str = "bar"
    loss: str = "L"
    marked: bool = False  # ∂⁺ for the derivative in one equation alone
    spelled: Mapping[str, Sym] = field(default_factory=dict, hash=False)


@lru_cache(maxsize=4096)
def split(name: str) -> tuple[str, tuple[str, ...], str, str]:
    """(letter or word, accents, number, subscript) of an identifier: W1, c_tilde, w_ix, yhat, alpha_2."""
    head, _, tail = "".join(_SPELLED.get(c, c) for c in name).partition("_")
    head = _WORDS.get(head, head)
    if not head:
        head, tail = name.strip("_") or "v", ""
    accents = []
    for accent in ACCENTS:
        if tail == accent:
            accents, tail = [accent], ""
        stem = head[: -len(accent)]
        if head.endswith(accent) and (len(stem.rstrip("0123456789")) == 1 or stem in GREEK):
            accents, head = [accent], stem
    found = re.fullmatch(r"(.*?[^0-9])([0-9]+)", head)
    base, number = (found[1], found[2]) if found else (head, "")
    return base, tuple(accents), number, tail.replace("_", ",")


def symbol(v: Var, style: Style = Style()) -> Node:
    """The symbol of a quantity or of its adjoint."""
    if not v.bar:
        return _plain(v, style)
    plain = _plain(v, style)
    if style.adjoint == "bar":
        return with_accent(plain, "bar")
    if style.adjoint == "delta":
        if v.time is not None and style.time == "subscript":
            return Sym("delta", sub=plain)
        bare = _plain(v.at(None), style) if v.time is not None else plain
        return Sym("delta", sub=bare, sup=_instant_script(v.time) if v.time is not None else None)
    return Partial(style.spelled.get(style.loss) or letter(style.loss), plain)


def _plain(v: Var, style: Style) -> Sym:
    if v.name in style.spelled:
        return _timed(style.spelled[v.name], v.time, style)
    base, accents, number, tail = split(v.name)
    below: list[Node] = []
    above: Node | None = None
    raised = style.layers == "superscript" and v.shape and v.time is None
    if number and raised:
        above = Fence("paren", Num(number))
    elif number:
        below.append(Num(number))
    if tail:
        below.append(_subscript(tail))
    if v.time is not None:
        if style.time == "superscript":
            above = _instant_script(v.time)
        else:
            below.append(instant(v.time))
    sub = below[0] if len(below) == 1 else Listed(tuple(below)) if below else None
    return Sym(base, accents, sub, above, font=_font(base))


def _timed(symbol: Sym, time: Instant | None, style: Style) -> Sym:
    """A symbol at an instant, which stands beside the scripts that it has."""
    if time is None:
        return symbol
    if style.time == "superscript":
        above = _instant_script(time)
        return replace(symbol, sup=above if symbol.sup is None or above is None else Listed((symbol.sup, above), ""))
    below = instant(time)
    return replace(symbol, sub=below if symbol.sub is None else Listed((symbol.sub, below)))


def letter(name: str) -> Sym:
    """A name without shape or time, such as a dimension or an open function."""
    base, accents, number, tail = split(name)
    below = [*([Num(number)] if number else []), *([_subscript(tail)] if tail else [])]
    sub = below[0] if len(below) == 1 else Listed(tuple(below)) if below else None
    return Sym(base, accents, sub, font=_font(base))


def _font(base: str) -> str:
    return "italic" if len(base) == 1 or base in GREEK else "roman"


def _subscript(tail: str) -> Node:
    if tail.isdigit():
        return Num(tail)
    if tail in GREEK or len(tail) <= 3:
        return Sym(tail)
    return Word(tail)


def instant(t: Instant) -> Node:
    """t-1, T, 0."""
    if not t.base:
        return Num(str(t.offset))
    if not t.offset:
        return Sym(t.base)
    return Sum(((1, Sym(t.base)), (1 if t.offset > 0 else -1, Num(str(abs(t.offset))))))


def _instant_script(t: Instant | None) -> Node | None:
    return None if t is None else Fence("paren", instant(t))
