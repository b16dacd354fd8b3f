r"""Equations under each other behind a brace, \begin{cases} z = Wx \\ h = σ(z) \end{cases}, and tables whose rows are equations.

They are rows of a derivation, not cases of a value and not a matrix: the environment around them is blanked, sign by sign,
so that every place stays where it is.
"""

from __future__ import annotations

import re

from derive.reader.tokens import closing

MOST = 40  # environments of one formula
BACK = 200  # characters before one that say whether it stands first

_OPENS = re.compile(
    r"(?P<brace>\\left\s*(\\\{|\.|\\lbrace)\s*|\\\{\s*)?\\begin\s*\{(?P<name>array|(?:[dr]?cases|numcases)\*?|matrix|aligned|split|gathered)\}"
    r"(\[[tcb]\])?"
)
_LINE = re.compile(r"\\[hc]line(\{[\d-]*\})?(?![a-zA-Z])")
_CLOSES = re.compile(r"\s*\\right\s*(\.|\\\}|\\rbrace)")
_SIGN = re.compile(
    r"\\(?P<edge>begin|end)\s*\{[^{}]*\}|(?P<row>\\\\(\s*\[[^\]\[]*\])?|\\(newline|cr)(?![a-zA-Z]))|\\(left|right)\s*(\\.|.)"
    r"|(?P<words>\\(text|mbox|textrm|qquad|quad)(?![a-zA-Z]))|(?P<open>(?<!\\)[{(\[])|(?P<close>(?<!\\)[})\]])"
    r"|(?P<is>:?=|\\(approx|simeq|equiv|triangleq|coloneqq)(?![a-zA-Z])|[≈≡≜≔])|(?P<comma>,)|(?P<cell>(?<!\\)&)|\\([a-zA-Z]+|.)",
    re.DOTALL,
)
_ROOM = r"(\s|~|&|\\[,;!: ]|\\(q?quad|displaystyle|small|large|nonumber)(?![a-zA-Z])|\\(label|tag)\*?\s*\{[^{}]*\})*"
_STANDS_FIRST = re.compile(
    r"(^|[,;:.]|\\\\|\\&|\\q?quad|\\(text|textbf|textrm|mathrm|mbox)\s*\{[^{}]*\}\s*\d?|\(\w{1,3}\)|\\(label|tag)\*?\s*\{[^{}]*\}"
    rf"|\\[a-zA-Z]*(arrow|implies|impliedby|iff|leadsto|mapsto|because|therefore|to)(\s*\{{[^{{}}]*\}})?){_ROOM}$"
)
_LABEL = re.compile(r"[\s~&]*(\(\w{1,3}\)[.:]?|\w{1,3}[.:)]|\\text\s*\{[^{}]*\}|[^\x00-\x7f]+\s*:?)[\s~&]*")


def opened(tex: str) -> str:
    """The formula without the environments whose rows are equations."""
    for found in reversed(list(_OPENS.finditer(tex))[:MOST]):
        if not _STANDS_FIRST.search(tex[max(0, found.start() - BACK) : found.start()]):
            continue
        begins = _after_columns(tex, found.end()) if found["name"] == "array" else found.end()
        end = _end(tex, begins, found["name"])
        if end is None:
            continue
        start, stop = found.start(), end[1]
        if found["brace"] and found["brace"].startswith("\\left") and (closes := _CLOSES.match(tex, stop)) is not None:
            stop = closes.end()
        if _equations(tex[begins : end[0]]):
            inside = _LINE.sub(lambda m: " " * len(m[0]), tex[begins : end[0]])
            tex = tex[:start] + _row(begins - start) + inside + _row(stop - end[0]) + tex[stop:]
    return tex


def _after_columns(tex: str, at: int) -> int:
    """Where the rows of an array begin, {r@{\\;}c@{\\;}l} behind them; one without its columns is read, too."""
    start = at + len(tex[at : at + BACK]) - len(tex[at : at + BACK].lstrip())
    end = closing(tex, start) if tex[start : start + 1] == "{" else None
    if end is None:
        return at
    columns = tex[start + 1 : end]
    for _ in range(3):
        columns = re.sub(r"[@!><*pmb]?\{[^{}]*\}", "", columns)
    return end + 1 if re.fullmatch(r"[lcrpmbX|@!><*\s\d.:;]*", columns) else at


def _row(length: int) -> str:
    """A line break, of this length."""
    return r"\\".ljust(length)


def _end(tex: str, at: int, name: str) -> tuple[int, int] | None:
    r"""Where the \end{name} that belongs to an environment begins and ends."""
    depth = 1
    for found in re.compile(rf"\\(begin|end)\s*\{{{re.escape(name)}\}}").finditer(tex, at):
        depth += 1 if found[1] == "begin" else -1
        if not depth:
            return found.start(), found.end()
    return None


def _equations(inside: str) -> bool:
    """Whether a row is an equation, and none is a case: a value, and behind a comma, a cell or words where it holds."""
    depth, last, some, states = 0, 0, False, False
    parted: list[int] = []  # where the commas, the cells and the words of a row are
    for found in _SIGN.finditer(inside):
        if found["open"] or found["edge"] == "begin":
            depth += 1
        elif found["close"] or found["edge"] == "end":
            depth -= 1
        elif depth:
            continue
        elif found["row"]:
            states, parted, last = False, [], found.end()
        elif found["cell"] or found["comma"] or found["words"]:
            parted.append(found.start())
        elif found["is"] and not states:
            for at in parted:
                value, condition = inside[last:at], inside[at : found.start()]
                if value.strip(" &\n\t") and condition.strip(" &\n\t") and not _LABEL.fullmatch(value):
                    return False
            states = some = True
    return some
