"""Relations in a layer l, of a network whose layers have numbers: judged at each of them."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from derive.check.lines import WORST, Line
from derive.expr import DeriveError, ShapeError
from derive.reader.statements import Chain, Link, statements

if TYPE_CHECKING:
    from derive.check.checker import Checker

_LAYER = re.compile(
    r"(?P<open>\^\{?[\[(]|_\{|\^\{)\s*(?P<letter>[lL])\s*(?P<shift>[+-]\s*\d)?\s*(?P<close>[\])}])|\^\s*(?P<bare>[lL])(?![A-Za-z])"
)


def judged(checker: Checker, link: Link, line: Line) -> Line | None:
    """Z^{[l]} = W^{[l]} A^{[l-1]} + b^{[l]} in a network whose layers have numbers: judged at each of them."""
    letters = {found["letter"] or found["bare"] for found in _LAYER.finditer(link.tex)}
    if not letters:
        return None
    tags = {n.tag for found in checker.part.scope.names.values() for n in found if n.tag.isdigit() and len(n.tag) < 3}
    last = max(map(int, tags), default=0)
    verdicts: list[Line] = []
    layers = []
    shifts = [int((found["shift"] or "0").replace(" ", "")) for found in _LAYER.finditer(link.tex) if found["letter"] == "l"]
    for k in sorted(map(int, tags)) if "l" in letters else [last] if last else []:
        if k + max(shifts, default=0) > last:
            continue  # there is no layer l + 1 after the last one
        tex = _LAYER.sub(lambda found, k=k: _layer(found, k, last), link.tex)  # type: ignore[misc]
        tex = re.sub(r"\\nabla_(\{?)(\w)\1?(?![\w^}])", rf"\\nabla_{{\2^{{({last})}}}}", tex)  # ∇_a C beside z^L is by a^L
        for s in statements(tex, checker.part.scope.words, Chain()):
            if isinstance(s, Link):
                try:
                    judged = checker.judged(s, line)
                    if judged.verdict != "unreadable":
                        verdicts.append(judged)
                        layers.append(k)
                except ShapeError as error:
                    verdicts.append(replace(line, verdict="refuted", reason=str(error)))
                    layers.append(k)
                except DeriveError:
                    continue
    if not verdicts:
        return None
    worst = min(verdicts, key=lambda v: WORST.index(v.verdict))
    return replace(worst, reason=f"{worst.reason}; for the layers {', '.join(map(str, dict.fromkeys(layers)))}", slip=None)


def _layer(found: re.Match[str], layer: int, last: int) -> str:
    """A script with the letter of a layer as one with its number."""
    number = last if "L" in (found["letter"], found["bare"]) else layer
    if found["bare"]:
        return f"^{{({number})}}"
    return f"{found['open']}{number + int((found['shift'] or '0').replace(' ', ''))}{found['close']}"
