r"""Equations under each other behind a brace, \\begin{cases} z = Wx \\\\ h = σ(z) \\end{cases}, and tables whose rows are equations.

They are rows of a derivation, not cases of a value and not a matrix: the environment around them is blanked, sign by sign,
so that every place stays where it is.
"""

from __future__ import annotations

import re

MOST = 40  # environments of one formula

_OPENS = re.compile(
    r"(\\left\s*(\\\{|\.|\\lbrace)\s*|\\\{\s*)?\\begin\s*\{(?P<name>array|[dr]?cases|matrix|aligned|split|gathered)\}"
    r"(\s*\{[lcr|@!{}\s]*\}|\[[tcb]\])*"
)
_CLOSES = re.compile(r"\s*\\right\s*(\.|\\\}|\\rbrace)")
_PLAIN = frozenset(["array", "matrix", "aligned", "split", "gathered"])  # those that need no brace to hold equations
_SIGN = re.compile(
    r"\\(?P<edge>begin|end)\s*\{|(?P<row>\\\\|\\newline(?![a-zA-Z])|\\cr(?![a-zA-Z]))|\\(left|right)\s*(\\.|.)|(?P<open>(?<!\\)[{(\[])|(?P<close>(?<!\\)[})\]])"
    r"|(?P<is>:?=|\\(approx|simeq|equiv|triangleq|coloneqq|gets|leftarrow)(?![a-zA-Z])|[≈≡≜≔])|(?P<comma>,)|(?P<cell>(?<!\\)&)|\\([a-zA-Z]+|.)",
    re.DOTALL,
)
_STANDS_FIRST = re.compile(
    r"(^|[,;:]|\\\\|\\q?quad|\\text\s*\{[^{}]*\}|\\(Rightarrow|Longrightarrow|implies|iff|Leftrightarrow|therefore|to|rightarrow))"
    r"(\s|~|\\[,;!: ]|\\q?quad|\\displaystyle|&)*$"
)


def opened(tex: str) -> str:
    """The formula without the environments whose rows are equations."""
    for found in reversed(list(_OPENS.finditer(tex))[:MOST]):
        if not _STANDS_FIRST.search(tex[max(0, found.start() - 200) : found.start()]):
            continue
        end = _end(tex, found.end(), found["name"])
        if end is None or not (found[1] or found["name"] in _PLAIN or "cases" in found["name"]):
            continue
        start, stop = found.start(), end[1]
        if found[1] and found[1].startswith("\\left") and (closes := _CLOSES.match(tex, stop)) is not None:
            stop = closes.end()
        if _equations(tex[found.end() : end[0]]):
            tex = tex[:start] + _row(found.end() - start) + tex[found.end() : end[0]] + _row(stop - end[0]) + tex[stop:]
    return tex


def _row(length: int) -> str:
    """A line break, of this length."""
    return r"\\".ljust(length)


def _end(tex: str, at: int, name: str) -> tuple[int, int] | None:
    r"""Where the \\end{name} that belongs to an environment begins and ends."""
    depth = 1
    for found in re.compile(rf"\\(begin|end)\s*\{{{name}\}}").finditer(tex, at):
        depth += 1 if found[1] == "begin" else -1
        if not depth:
            return found.start(), found.end()
    return None


def _equations(inside: str) -> bool:
    """Whether every row is an equation, or goes on from one: = in its first cell, or at its beginning."""
    depth, last, states = 0, 0, False  # states: whether this row has its sign
    kinds: list[bool] = []
    parted: list[int] = []  # where its commas and the ends of its cells are
    for found in _SIGN.finditer(inside):
        if found["open"] or found["edge"] == "begin":
            depth += 1
        elif found["close"] or found["edge"] == "end":
            depth -= 1
        elif depth:
            continue
        elif found["row"]:
            kinds.append(states or _goes_on(inside[last : found.start()]))
            states, parted, last = False, [], found.end()
        elif found["cell"] or found["comma"]:
            parted.append(found.start())
        elif found["is"] and not states:
            if any(inside[last:at].strip(" &\n\t") and inside[at : found.start()].strip(" &\n\t") for at in parted):
                return False
            states = True
    kinds.append(states or _goes_on(inside[last:]))
    return all(kinds) and "=" in inside


def _goes_on(row: str) -> bool:
    """Whether a row without a sign of its own goes on from the one before, or is empty."""
    return row.strip(" &\n\t~")[:1] in ("", "+", "-")
