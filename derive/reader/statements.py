"""A formula to its statements: rows of aligned environments, chains of relations, what goes on from the row before, labels and words around."""

from __future__ import annotations

import re
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import takewhile

from derive.reader import systems
from derive.reader.parser import ARROWS, RELATIONS, Parser, first_word
from derive.reader.syntax import (
    Commas,
    Fence,
    Node,
    Number,
    Product,
    Relation,
    Scripted,
    Sum,
    Symbol,
    Words,
    rebuilt,
    unscripted,
    walk,
)
from derive.reader.tokens import ELSE, IF, LONGEST, Token, Unreadable, closing, tokenize

MOST_RELATIONS = 500  # of one formula
MEANINGFUL = ("=", "≈", "≠", "≤", "≥", "<", ">", "∈", "←", "∝", "∼", "∉")


@dataclass(frozen=True)
class Link:
    """One relation to be judged: left op right, with the source that the two were read from and the conditions beside it."""

    left: Node
    op: str
    right: Node
    source: str
    conditions: tuple[Node, ...] = ()
    lower: Link | None = None  # the same relation with the lower signs of ± and ∓

    @property
    def mended(self) -> Unreadable | None:
        """Why a side was read with another bracket than is written, where one was."""
        return next((n.mended for n in (self.left, self.right) if isinstance(n.mended, Unreadable)), None)

    @property
    def tex(self) -> str:
        left, right = (self.source[n.start : n.end].strip() for n in (self.left, self.right))
        return f"{left} {_SHOWN.get(self.op, self.op)} {right}"


@dataclass(frozen=True)
class Broken:
    """A relation that can't be read, with the reason."""

    tex: str
    error: Unreadable


_SHOWN = {
    "≈": r"\approx",
    "≠": r"\ne",
    "≤": r"\le",
    "≥": r"\ge",
    "∈": r"\in",
    "←": r"\gets",
    "∝": r"\propto",
    "∼": r"\sim",
    "∉": r"\notin",
}
_ALIGNED = re.compile(
    r"\\begin\{(aligned|split|gathered|alignedat|align\*?|gather\*?|equation\*?|eqnarray\*?|multline\*?|flalign\*?|alignat\*?)\}(\{\d*\}|\[[tcb]\])?|\\end\{(aligned|split|gathered|alignedat|align\*?|gather\*?|equation\*?|eqnarray\*?|multline\*?|flalign\*?|alignat\*?)\}"
)


@dataclass
class Chain:
    """What the next row or display may go on from: the last expression."""

    last: Node | None = None
    source: str = ""
    open: bool = False  # a = b =, before the end of a display
    where: Relation | None = None  # the condition on an index that stands before it: i = j: a = b
    lost: bool = False  # there is a last expression, and it can't be read


def statements(tex: str, words: Collection[str], chain: Chain, mend: bool = False) -> list[Link | Broken]:
    """The relations of one formula, in reading order. `chain` holds the last expression for a formula that begins with =.

    mend: sides with a bracket too many, or one that is missing, are read as they were probably meant, and say so.
    """
    found = _statements(tex, words, chain)
    return found if mend else [Broken(s.tex, why) if isinstance(s, Link) and (why := s.mended) is not None else s for s in found]


def _statements(tex: str, words: Collection[str], chain: Chain) -> list[Link | Broken]:
    found: list[Link | Broken] = []
    if len(tex) > LONGEST:
        error = Unreadable(f"a formula of {len(tex)} characters: at most {LONGEST} are read")
        return [Broken(f"{tex[:80].strip()} …", error)] if "=" in tex else []
    tex = _UPDATE.sub(lambda m: (m[1] or m[2]).rjust(len(m[0]) - 1) + "=", tex)
    tex = _BRACED.sub(_as_cases, systems.opened(_unboxed(tex)))
    source = _unexplained_signs(_unboxed(_ALIGNED.sub(lambda m: " " * len(m[0]), _PACKAGE.sub(lambda m: " " * len(m[0]), tex))))
    try:
        tokens = tokenize(source, words)
    except Unreadable as error:
        if "=" in tex:
            found.append(Broken(tex.strip(), error))
        return found
    if any(t.kind == "command" and t.text in _SIGNS for t in tokens):
        return _both(tokens, source, chain)
    goes_on, chain.open = chain.open, False
    for segment in _segments(_unexplained(tokens)):
        try:
            _read(segment, source, chain, found, goes_on)
        except RecursionError:
            chain.last = None
            found.append(Broken(f"{tex[:80].strip()} …", Unreadable("a formula nested too deeply", segment[0].start)))
        if len(found) > MOST_RELATIONS:
            chain.last = None
            return [Broken(f"{tex[:80].strip()} …", Unreadable(f"a formula with more than {MOST_RELATIONS} relations"))]
        goes_on = False
    if not found and (sign := _unread_sign(tokens)) is not None:
        return [Broken(" ".join(tex.split()), Unreadable("a relation that can't be told from what is around it", sign.start))]
    return _under_headings(tokens, source, found)


def _unread_sign(tokens: list[Token]) -> Token | None:
    """The = of a formula in which no relation was found, outside of brackets and scripts; none where it begins with it."""
    depth, around = 0, []  # around: the depths at which the environments stand
    said = [t for t in tokens if not t.idle and t.kind not in ("&", "newline")]
    while len(said) > 2 and said[0].kind in ("(", "[", "\\{") and said[-1].kind in (")", "]", "\\}"):
        said = said[1:-1]
    for k, token in enumerate(said):
        if token.kind == "begin":
            around.append(depth)
            depth = 0
        elif token.kind == "end" and token.text and around:
            depth = around.pop()
        else:
            depth += _deeper(token) if token.kind != "end" else 0
        if depth <= 0 and token.kind == "=":
            return token if 0 < k < len(said) - 1 else None
    return None


def placeless(left: Node, right: Node, op: str) -> Relation:
    """A condition that is put beside a relation of another text, in which its places mean nothing."""
    return Relation((replace(left, start=0, end=0), replace(right, start=0, end=0)), (op,))


def opposite(condition: Node) -> Relation | None:
    """i = j of i ≠ j, and i ≠ j of i = j; None of another condition."""
    if not isinstance(condition, Relation) or condition.ops not in (("=",), ("≠",)):
        return None
    return placeless(condition.parts[0], condition.parts[1], "≠" if condition.ops == ("=",) else "=")


_HEADING = re.compile(r"\b(cases?|if|when|for|where)\b[^$]*\$([^$]*)\$\W*$", re.IGNORECASE)


_DENIED = re.compile(r"\b(not|only|unless|except|whether|regardless|no matter)\b|n't", re.IGNORECASE)


def _under_headings(tokens: list[Token], source: str, found: list[Link | Broken]) -> list[Link | Broken]:
    """The relations below a row of words, \\text{Case when $w = o$}, with the condition that these state."""
    rows = [t for t in tokens if t.kind != "quad" and t.kind != "&"]
    ends = [t.kind in ("newline", "begin", "end") for t in rows]
    headings = [t for k, t in enumerate(rows) if t.kind == "text" and (not k or ends[k - 1]) and k + 1 < len(rows) and ends[k + 1]]
    for k, heading in enumerate(headings):
        said = _HEADING.search(heading.text)
        if said is None or _DENIED.search(heading.text):
            continue
        with suppress(Unreadable):
            node = _parse(tokenize(said[2]), said[2])
            if not isinstance(node, Relation) or len(node.ops) != 1 or node.ops[0] not in ("=", "≠"):
                continue
            relation = placeless(node.parts[0], node.parts[1], node.ops[0])
            until = headings[k + 1].start if k + 1 < len(headings) else len(source)
            for n, link in enumerate(found):
                if isinstance(link, Link) and link.source == source and heading.start < link.left.start < until:
                    found[n] = replace(link, conditions=(*link.conditions, relation))
    return found


_UPDATE = re.compile(r"\\math(?:rel|bin)\s*\{\s*([+-])(?:\s*\{?=\}?\s*\}|\s*\}\s*=)|(?<![\^_])\{([+-])\}\s*\{?=\}?")  # \\mathrel{+}=
_BRACED = re.compile(
    r"(\\left\s*\\\{\s*\\begin\{(aligned|split|gathered)\})((?:(?!\\begin).)*?)(\\end\{\2\}\s*\\right\s*\.)", re.DOTALL
)


def _as_cases(found: re.Match[str]) -> str:
    r"""\left\{ \begin{aligned} … \end{aligned} \right. as the cases that it is, of the same length."""
    return r"\begin{cases}".ljust(len(found[1])) + found[3] + r"\end{cases}".ljust(len(found[4]))


_SIGNS = {"pm": ("+", "-"), "mp": ("-", "+")}


def _both(tokens: list[Token], source: str, chain: Chain) -> list[Link | Broken]:
    """The relations with the upper signs of ± and ∓, each with itself in the lower ones."""
    before = replace(chain)
    upper, lower = (
        [
            replace(t, kind=_SIGNS[t.text][k], text=_SIGNS[t.text][k]) if t.kind == "command" and t.text in _SIGNS else t
            for t in tokens
        ]
        for k in (0, 1)
    )
    found: tuple[list[Link | Broken], list[Link | Broken]] = ([], [])
    for signs, links, at in ((upper, found[0], chain), (lower, found[1], before)):
        for segment in _segments(_unexplained(signs)):
            _read(segment, source, at, links, False)
    if len(found[0]) != len(found[1]):
        return [Broken(source.strip(), Unreadable("± is two statements: write them out"))]
    pairs = zip(*found, strict=True)
    return [replace(a, lower=b) if isinstance(a, Link) and isinstance(b, Link) and a != b else a for a, b in pairs]


_EXPLAINED = re.compile(r"\\(overset|underset|stackrel|xlongequal)(?![a-zA-Z])(\[[^\]]*\])?")
_STATING = re.compile(r"\\neq?(?![a-zA-Z])|[a-z]\s*[=<>≠]")  # \\overset{i \\ne j}{=} holds under a condition
_RELATION = r"\s*(:?=|\\(approx|simeq|equiv|triangleq|coloneqq|propto|leq?|geq?|neq?))\s*"
_PACKAGE = re.compile(r"\b(np|torch|numpy)\.(?=[a-z]{3})")
_BOX = re.compile(r"\\(?:boxed|fbox|framebox)\s*\{")


def _unboxed(source: str) -> str:
    """A frame around equations says nothing: its command and its braces are blanked."""
    for _ in range(50):
        match = _BOX.search(source)
        if match is None:
            break
        end = closing(source, match.end() - 1)
        end = len(source) if end is None else end
        inside = source[match.end() : end]
        source = source[: match.start()] + " " * (match.end() - match.start()) + inside + " " + source[end + 1 :]
    whole = re.fullmatch(r"(\s*\{)(.*)(\}[\s.,]*)", source, re.DOTALL)  # {\displaystyle …}
    if whole is not None and _balanced(whole[2]):
        return " " * len(whole[1]) + whole[2] + " " * len(whole[3])
    return source


def _unexplained_signs(source: str) -> str:
    """\\overset{(1)}{=} says = with a reason; what is written above or below is blanked. \\overset{!}{=} sets a condition and stays."""
    for match in reversed(list(_EXPLAINED.finditer(source))):
        reason = _group(source, match.end())
        sign = _group(source, reason[1]) if reason is not None and match[1] != "xlongequal" else None
        if reason is None or (sign is None and match[1] != "xlongequal"):
            continue
        end, written = (sign[1], source[slice(*sign)].strip("{}")) if sign is not None else (reason[1], "=")
        if re.fullmatch(_RELATION, written) and source[slice(*reason)] != "{!}" and not _STATING.search(source[slice(*reason)]):
            shown = f" {written} "
            source = source[: match.start()] + shown.rjust(end - match.start()) + source[end:]
    return source


def _group(source: str, at: int) -> tuple[int, int] | None:
    """Where the group in braces after this place, or the = there, begins and ends."""
    start = at + len(source[at:]) - len(source[at:].lstrip())
    if source[start : start + 1] == "=":
        return start, start + 1
    end = closing(source, start) if source[start : start + 1] == "{" else None
    return (start, end + 1) if end is not None else None


def _balanced(text: str) -> bool:
    """Whether every brace that closes was opened inside."""
    depth = 0
    for sign in re.findall(r"(?<!\\)[{}]", text):
        depth += 1 if sign == "{" else -1
        if depth < 0:
            return False
    return depth == 0


# -- from tokens to pieces that hold one statement ------------------------------------------------------------------


def _unexplained(tokens: list[Token]) -> list[Token]:
    """Without words in brackets of their own: = x \\quad (\\text{by the chain rule})."""
    kept: list[Token] = []
    k = 0
    while k < len(tokens):
        called = bool(kept) and kept[-1].kind in ("name", "_", "^") and (k + 1 >= len(tokens) or tokens[k + 1].text.isascii())
        if [t.kind for t in tokens[k : k + 3]] == ["(", "text", ")"] and not called:
            kept.append(Token("quad", "quad", tokens[k].start, tokens[k + 2].end))
            k += 3
        elif tokens[k].kind == "(" and (end := _closed(tokens, k)) and (reason := _reason(tokens[k : end + 1])) is not None:
            kept += [Token("text", "because", tokens[k].start, tokens[k].end), *reason]
            kept.append(Token("quad", "quad", tokens[end].start, tokens[end].end))
            k = end + 1
        else:
            kept.append(tokens[k])
            k += 1
    return kept


def _reason(bracket: list[Token]) -> list[Token] | None:
    """(\\because a = b), (\\text{since } a = b): the relation that a bracket gives as a reason; None where it holds something else."""
    inside = bracket[1:-1]
    worded = [k for k, t in enumerate(inside) if t.kind == "text" or t.text == "because"]
    if not worded or bracket[-1].kind != ")" or any(_sign(t) in RELATIONS for t in inside[: worded[-1]]):
        return None
    words = inside[worded[-1]].text.split()
    if words and words[0].lower() in IF:
        return None  # a condition
    said = inside[worded[-1] + 1 :]
    return said if _relates(said) else None


def _closed(tokens: list[Token], at: int) -> int:
    """Where the bracket at this place ends; 0 where it doesn't."""
    depth = 0
    for k in range(at, len(tokens)):
        depth += (tokens[k].kind == "(") - (tokens[k].kind == ")")
        if not depth:
            return k
    return 0


def _segments(tokens: list[Token]) -> list[list[Token]]:
    """Pieces between arrows, line breaks and words; a row that goes on with + or = is told by its first sign."""
    pieces: list[list[Token]] = [[]]
    depth = hard = 0  # hard: of these, braces and environments
    skipping = begun = False
    paired = sum(t.kind == "\\{" for t in tokens) == sum(t.kind == "\\}" for t in tokens)  # \left\{ … \right. is not
    for k, token in enumerate(tokens):
        if token.kind in ("\\{", "\\}") and not paired:
            pieces[-1].append(token)
            continue
        if token.kind in ("{", "(", "[", "\\{", "begin"):
            depth += 1
        elif token.kind in ("}", ")", "]", "\\}") or (token.kind == "end" and token.text):
            depth = max(0, depth - 1)
        hard += _deeper(token) if token.kind in _HARD else 0
        if token.kind == "newline" and depth and hard <= 0 and _stands(tokens, k + 1):
            depth = 0  # a bracket that the row before leaves open: this row goes on from it all the same
        if depth and hard <= 0 and token.kind in ("newline", "&"):
            continue  # (a \\ & + b)
        top = depth == 0 and token.kind not in ("}", ")", "]", "\\}")
        if skipping and not (top and token.kind == "newline"):
            continue
        skipping = False
        if top and token.kind == "&" and k + 2 < len(tokens) and tokens[k + 1].kind == "&":
            if tokens[k + 2].kind == "text":  # a column of reasons
                skipping = True
            else:
                pieces[-1].append(replace(token, kind="quad"))
            continue
        if begun and top and token.kind == "command" and token.text == "because" and not _claims(tokens[k + 1 :]):
            skipping = True  # the reason for what stands before it
            continue
        if begun and top and token.kind == "command" and token.text == "because":
            pieces[-1].append(replace(token, kind="text"))  # a reason that says something by itself
            continue
        if top and token.kind == "command" and token.text == "because" and _claims(tokens[k + 1 :]):
            pieces.append([replace(token, kind="text")])  # a row of reasons: what is said before goes on after it
            continue
        if (top and token.kind == "newline") or (
            top and token.kind == "command" and token.text in ARROWS and token.text not in ("to", "rightarrow", "mapsto")
        ):
            pieces.append([])
            begun = False
        elif top and token.kind == "command" and token.text in ("to", "rightarrow", "mapsto", "longrightarrow"):
            pieces[-1].append(replace(token, kind="arrow"))
        elif token.kind == "&" and depth == 0 and pieces[-1] and _sign(pieces[-1][-1]) in RELATIONS:
            continue  # a &=& b
        elif token.kind == "&" and depth == 0 and _signed(pieces[-1]):
            continue  # a = -& b
        elif token.kind == "&" and depth == 0:
            after = tokens[k + 1] if k + 1 < len(tokens) else None
            if begun and after is not None and after.kind == "text" and first_word(after.text) in (*IF, *ELSE):
                pieces[-1].append(replace(token, kind="quad"))  # a column of conditions
            elif begun and after is not None and after.kind == "text":
                skipping = True  # a column of reasons
            elif (
                begun
                and after is not None
                and _sign(after) not in RELATIONS
                and after.kind not in ("+", "-", "newline", "&", "quad", "*")
            ):
                pieces[-1].append(replace(token, kind="quad"))  # a second equation in the row
        else:
            pieces[-1].append(token)
            begun = begun or (top and _sign(token) in RELATIONS)
    return _joined([p for piece in pieces for p in _at_arrows(piece) if p])


def _stands(tokens: list[Token], at: int) -> bool:
    """Whether a row is a statement by itself: a relation outside of its own brackets, of which it closes none that it didn't open."""
    depth = hard = 0
    for token in tokens[at : at + ROW]:
        if token.kind == "newline" and hard <= 0:
            return False
        hard += _deeper(token) if token.kind in _HARD else 0
        depth += _deeper(token) if token.kind not in ("\\{", "\\}") else 0
        if depth < 0:
            return False
        if not depth and _sign(token) in RELATIONS:
            return True
    return False


def _signed(piece: list[Token]) -> bool:
    """Whether a row so far ends in a sign behind = or at its beginning; the one of c_- is none."""
    return bool(piece) and piece[-1].kind in ("-", "+") and (len(piece) == 1 or _sign(piece[-2]) in RELATIONS)


def _claims(tokens: list[Token]) -> bool:
    """Whether there is a relation before the next line break."""
    row = takewhile(lambda t: t.kind != "newline", tokens)
    return any(_sign(t) in RELATIONS for t in row)


def _at_arrows(piece: list[Token]) -> list[list[Token]]:
    """a \\to b inside a statement is a limit or an arrow between words: what has a relation on its right is a statement."""
    where = [k for k, t in enumerate(piece) if t.kind == "arrow"]
    if not where:
        return [piece]
    sides = piece[: where[0]], piece[where[-1] + 1 :]
    if all(_relates(side) for side in sides):
        return list(sides)
    return (
        [piece[where[-1] + 1 :]]
        if any(_sign(t) in RELATIONS for t in piece[where[-1] + 1 :])
        else [piece[: where[0]]]
        if any(_sign(t) in RELATIONS for t in piece[: where[0]])
        else [piece[where[-1] + 1 :]]
    )


def _joined(pieces: list[list[Token]]) -> list[list[Token]]:
    """Rows that begin with + or −, or end with a sign, belong together."""
    rows: list[list[Token]] = []
    for piece in pieces:
        piece = [
            t
            for k, t in enumerate(piece)
            if not (t.kind == "quad" and k + 1 < len(piece) and (piece[k + 1].kind in ("+", "-", "*", "quad") or _summing(piece[:k])))
        ]
        body = [t for t in piece if t.kind != "quad"]
        if not body:
            continue
        goes_on = (
            body[0].kind in ("+", "-")
            or body[0].kind == "*"
            or (body[0].kind == "command" and body[0].text in ("cdot", "times", "odot"))
        )
        if (
            rows
            and goes_on
            and not (body[0].kind == "-" and _relates(body) and not _ends_open(rows[-1]))
        ) or (rows and _ends_open(rows[-1])):
            again = rows[-1][-1].kind == "=" and _sign(body[0]) in RELATIONS  # a = \\\\ = b
            rows[-1].extend(body[1:] if again else body)
        else:
            rows.append(list(piece))
    return rows


def _summing(row: list[Token]) -> bool:
    """Whether a row so far ends in a sum's sign with its limits: room after it parts nothing."""
    return _before_scripts(row[-60:]) < len(row[-60:])


def _ends_open(row: list[Token]) -> bool:
    row = [t for t in row if t.kind != "quad"]
    row = row[: _before_scripts(row)]  # of a sum, whose terms are in the next row
    last = row[-1] if row else None
    return last is not None and (
        last.kind in ("+", "-", "=") or last.text in ("cdot", "times", "odot", "sum", "prod")
    )


def _before_scripts(row: list[Token]) -> int:
    """Where the scripts at the end of a row begin, of a sum or a product; its end where nothing of this kind stands there."""
    end = len(row)
    while end > 1:
        start = end - 1
        if row[start].kind == "}":
            depth = 1
            while start > 0 and depth:
                start -= 1
                depth += (row[start].kind == "}") - (row[start].kind == "{")
        if start < 1 or row[start - 1].kind not in ("_", "^"):
            break
        end = start - 1
    big = end > 0 and row[end - 1].text in ("sum", "prod")
    return end if big else len(row)


_HARD = frozenset(["{", "}", "begin", "end"])  # brackets that have a partner, or nothing is read


def _deeper(token: Token) -> int:
    """1 where a token opens a bracket or an environment, -1 where it closes one."""
    closes = token.kind in ("}", ")", "]", "\\}") or (token.kind == "end" and bool(token.text))
    return (token.kind in ("{", "(", "[", "\\{", "begin")) - closes


def _relates(tokens: list[Token]) -> bool:
    """Whether there is a relation outside of brackets."""
    return any(_sign(t) in RELATIONS for t in _outside(tokens))


def _outside(tokens: list[Token]) -> list[Token]:
    depth, found = 0, []
    for t in tokens:
        depth += _deeper(t)
        depth = max(0, depth)
        if depth == 0:
            found.append(t)
    return found


def _sign(token: Token) -> str:
    return f"command {token.text}" if token.kind == "command" else token.kind


# -- one piece ----------------------------------------------------------------------------------------------------


def _read(segment: list[Token], source: str, chain: Chain, found: list[Link | Broken], goes_on: bool) -> None:
    reason = bool(segment) and segment[0].text == "because"
    other = _other_case(segment, found)
    segment = _trimmed(_without_title(segment))
    if segment:
        _parts(segment, source, chain, found, goes_on, reason, other)


def _index_condition(part: list[Token], source: str) -> Relation | None:
    """i = j, i ≠ j: two letters."""
    if len(part) != 3 or any(len(part[k].text) > 1 or part[k].kind != "name" for k in (0, 2)):
        return None
    if RELATIONS.get(_sign(part[1])) not in ("=", "≠"):
        return None
    node = _parse(part, source)
    return node if isinstance(node, Relation) else None


def _other_case(segment: list[Token], found: list[Link | Broken]) -> Relation | None:
    """Of a row "… & otherwise": where the condition of the row before it doesn't hold."""
    last = found[-1] if found else None
    if not isinstance(last, Link) or len(last.conditions) != 1 or not any(
        t.kind == "text" and first_word(t.text) in ELSE for t in segment
    ):
        return None
    return opposite(last.conditions[0])


def _led_by(segment: list[Token], source: str) -> tuple[Relation | None, list[Token]]:
    """The condition on an index that stands before a relation, w ≠ o: ∂J/∂u_w = …, and what follows it."""
    if len(segment) < 6 or segment[3].kind != ":" or not _relates(segment[4:]):
        return None, segment
    condition = _index_condition(segment[:3], source)
    return (condition, segment[4:]) if condition is not None else (None, segment)


def _parts(
    segment: list[Token],
    source: str,
    chain: Chain,
    found: list[Link | Broken],
    goes_on: bool,
    reason: bool,
    other: Relation | None,
) -> None:
    """The relations of a piece, those of its parts that stand aside by themselves. other: a condition that holds for all of it."""
    first = len(found)
    pieces = _apart(segment)
    for k, (aside, part) in enumerate(pieces):
        if k + 1 < len(pieces) and part and part[-1].kind == ":" and (led := _index_condition(_trimmed(part), source)) is not None:
            chain.where, first = led, len(found)  # a cell of its own: i = j: & a = b
            continue
        if k and pieces[k - 1][1][-1].kind == ":" and chain.where is not None:
            where: Relation | None = chain.where
        else:
            where, part = _led_by(_trimmed(part), source)
        part = _trimmed(part)
        if where is not None:
            chain.where, first = where, len(found)
        elif part and _sign(part[0]) not in RELATIONS:
            chain.where = None
        before = len(found)
        chain.open = len(part) > 1 and part[-1].kind == "="
        part = part[:-1] if chain.open else part
        if not part:
            continue
        if k and (_condition_of(part, source, found, first) or (len(part) == 1 and len(part[0].text) > 2)):
            continue  # a remark of one word at the end of a row
        if reason or (aside and k):
            side = Chain()
            _one(part, source, side, found)
        elif goes_on and not k and chain.last is not None and not _relates(part):
            _gone_on(part, source, chain, found)
        else:
            _one(part, source, chain, found)
        for condition in (chain.where, other):
            if condition is not None:
                found[before:] = [
                    replace(s, conditions=(*s.conditions, condition)) if isinstance(s, Link) else s for s in found[before:]
                ]


def _gone_on(part: list[Token], source: str, chain: Chain, found: list[Link | Broken]) -> None:
    """The display after one that ends in =."""
    try:
        node = _parse(part, source)
    except Unreadable as error:
        found.append(Broken(f"= {source[part[0].start : part[-1].end].strip()}", error))
        return
    found.append(_link(chain, "=", node, source))
    chain.last, chain.source = node, source


def _condition_of(part: list[Token], source: str, found: list[Link | Broken], first: int) -> bool:
    """Whether a piece is the condition of the relation before it, (w ≠ o), i = k: of those of its row, and of the chain before it.

    first: the place of the first relation of the row.
    """
    last = found[-1] if found else None
    if not isinstance(last, Link) or last.source != source:
        return False
    try:
        node = _parse(part, source)
    except Unreadable:
        return False
    relation = node.body if isinstance(node, Fence) else node
    if not isinstance(relation, Relation) or len(relation.ops) != 1 or relation.ops[0] not in ("=", "≠"):
        return False
    sides = [unscripted(n) for n in relation.parts]
    if not all(isinstance(n, Symbol) and len(n.head) == 1 and not n.accents for n in sides):
        return False
    letters = {
        n.head
        for x in (last.left, last.right)
        for s in walk(x)
        if isinstance(s, Scripted) and s.sub is not None
        for n in walk(s.sub)
        if isinstance(n, Symbol)
    }
    if not any(isinstance(n, Symbol) and n.head in letters for n in sides):
        return False
    for k in range(len(found) - 1, -1, -1):
        link = found[k]
        if isinstance(link, Broken):
            continue
        after = found[k + 1] if k + 1 < len(found) else None
        goes_on = isinstance(after, Link) and after.left == link.right
        if link.source != source or link.conditions or not (k >= first or goes_on):
            break
        found[k] = replace(link, conditions=(*link.conditions, relation))
    return True


def _inside(part: list[Token]) -> list[Token]:
    """What \\bbox[red]{a = b} holds; a part that has its relation outside as it is."""
    for _ in range(FRAMES):
        if not part or _relates(part):
            break
        at = int(part[0].kind == "command")
        if at < len(part) and at and part[at].kind == "[":
            at = next((k + 1 for k, t in enumerate(part) if t.kind == "]"), len(part))
        start = end = at
        while end < len(part) and part[end].kind == "{":
            start, depth = end, 0
            for k in range(end, len(part)):
                depth += (part[k].kind == "{") - (part[k].kind == "}")
                if not depth:
                    break
            end = k + 1
        inside = _trimmed([t for t in part[start + 1 : end - 1] if t.text != "$"])
        if end != len(part) or end <= start + 1 or not _relates(inside):
            return part
        part = inside
    return part


def _one(part: list[Token], source: str, chain: Chain, found: list[Link | Broken]) -> None:
    """One statement."""
    part = _inside(part)
    has_relation = _relates(part)
    if _sign(part[0]) in RELATIONS:
        _continued(part, source, chain, found)
        return
    try:
        node = _parse(part, source)
    except Unreadable as error:
        if has_relation:
            _shorter(part, source, chain, found, error)
        elif str(error).endswith("is not known") and any(_sign(t) in RELATIONS for t in part):
            found.append(Broken(source[part[0].start : part[-1].end].strip(), error))  # \\foo{a = b}
        return
    _collect(node, source, chain, found, has_relation)


FRAMES = 4  # around a statement
ROW = 300  # tokens of a row that are looked at
MOST_LETTERS = 20  # of a word in brackets
ASIDE = frozenset("where since because as with if when for using note and set let define denote recall".split())


def _apart(segment: list[Token]) -> list[tuple[bool, list[Token]]]:
    """Statements side by side: split at commas, semicolons, wide blanks and words where both sides hold a relation."""
    cuts: list[int] = []
    depth = 0
    for k, token in enumerate(segment):
        depth += _deeper(token)
        depth += (_sign(token) == "command langle") - (_sign(token) == "command rangle")
        if depth == 0 and (
            token.kind in (",", ";", "quad")
            or (token.kind == "text" and (k == 0 or segment[k - 1].kind not in ("_", "^")))
            or (token.kind == "." and k + 1 < len(segment))
            or (token.kind == ":" and k < 4 and not _relates(segment[:k]))
        ):
            cuts.append(k)
    parts: list[tuple[bool, list[Token]]] = []
    start, aside = 0, False
    for cut in cuts:
        left, right = segment[start:cut], segment[cut + 1 :]
        if _relates(left) or segment[cut].kind in ("text", "quad", ".", ":"):
            if left:
                parts.append((aside, left))
            words = segment[cut].text.strip(" .,:;()").lower().split() if segment[cut].kind == "text" else []
            beside = (
                segment[cut].text == "&" and _sign(segment[0]) in RELATIONS
            )  # a = b in a second column, after "= c" in the first
            aside = aside or beside or bool(words and words[0] in ASIDE)
            start = cut + 1
        elif not _relates(right):
            continue
    parts.append((aside, segment[start:]))
    return [(a, p) for a, p in parts if p]


def _trimmed(tokens: list[Token]) -> list[Token]:
    """Without labels in front, (2) or a) or (a), and without punctuation and words at the ends."""
    while tokens and (tokens[0].idle or tokens[0].kind == "&"):
        tokens = tokens[1:]
    while tokens and (tokens[-1].idle or tokens[-1].kind in ("&", "?")):
        tokens = tokens[:-1]
    if (marked := _marked(tokens)) < len(tokens):
        return _trimmed(tokens[:marked])
    kinds = [t.kind for t in tokens[:4]]
    texts = [t.text for t in tokens[:4]]
    rest = tokens[3:]
    numbered = kinds[:1] == ["("] and kinds[2:3] == [")"] and kinds[1:2] in (["number"], ["name"]) and rest and _label(texts[1])
    if numbered and rest[0].kind not in ("^", "_", "=", "+", "-", "*", "/") and _sign(rest[0]) not in RELATIONS:
        return _trimmed(rest)
    if kinds[1:2] in ([")"], ["."]) and kinds[0] in ("number", "name") and _label(texts[0]) and len(tokens) > 2:
        return _trimmed(tokens[2:])
    if (named := _worded(tokens)) is not None:
        return _trimmed(tokens[named:])
    if kinds[:1] == ["*"] or (kinds[:1] == ["command"] and texts[0] in ("times", "cdot", "bullet", "ast", "checkmark")):
        return _trimmed(tokens[1:])
    return tokens


_MARKS = frozenset(
    "circledast wr bigcirc Game lhd rhd bigstar spadesuit heartsuit clubsuit diamondsuit blacksquare square Box checkmark".split()
)
_BRACKETED = _MARKS | frozenset("star diamond triangle dagger ddagger bullet circ ast natural sharp flat".split())  # bare, they are operators


_TITLE = re.compile(r"[A-Z][A-Za-z]*( [A-Za-z0-9]+){1,3}")


def _without_title(tokens: list[Token]) -> list[Token]:
    """\\text{Path 1} = b = c: what has a name in words goes on from nothing."""
    if len(tokens) < 3 or tokens[0].kind != "text" or tokens[1].kind != "=" or not _TITLE.fullmatch(tokens[0].text.strip()):
        return tokens
    return tokens[2:]


def _marked(tokens: list[Token]) -> int:
    """Where a sign for the row begins that stands at its end, (\\star); the end where there is none."""
    end = len(tokens)
    if end > 2 and tokens[-1].text in _MARKS and tokens[-1].kind == "command" and tokens[-2].kind not in ("^", "_"):
        return end - 1
    bracketed = end > 3 and [t.kind for t in tokens[-3:]] == ["(", "command", ")"] and tokens[-2].text in _BRACKETED
    return end - 3 if bracketed else end


def _worded(tokens: list[Token]) -> int | None:
    """Where (Mean) ends, a word in brackets before a statement."""
    end = next((k for k, t in enumerate(tokens[:MOST_LETTERS]) if t.kind == ")"), 0)
    word = "".join(t.text for t in tokens[1:end])
    if not tokens or tokens[0].kind != "(" or len(word) < 4 or not re.fullmatch(r"[A-Z][a-z]*[aeiou][a-z]+", word):
        return None
    inside = all(t.kind == "name" and (t.glued or k == 0) for k, t in enumerate(tokens[1:end]))
    follows = tokens[end + 1 : end + 2]
    return end + 1 if inside and follows and follows[0].kind in ("name", "command") and _sign(follows[0]) not in RELATIONS else None


def _label(text: str) -> bool:
    return (text.isdigit() and len(text) < 3) or text in tuple("abcdefgh") or text in ("ii", "iii", "iv")


def _parse(tokens: list[Token], source: str) -> Node:
    """The node of these tokens; with a bracket put right where one is too many or missing, which the node tells. Raises Unreadable."""
    try:
        return _read_whole(tokens, source)
    except Unreadable as error:
        mended = _balanced_tokens(tokens) if not _relates(tokens) else None
        if mended is not None:
            with suppress(Unreadable):
                return replace(_read_whole(mended, source), mended=error)
        raise


MISSING = 2  # brackets that may be missing or too many in one expression


def _balanced_tokens(tokens: list[Token]) -> list[Token] | None:
    """Without the brackets that nothing opens, and with those that nothing closes closed at the end of their group; None if all is well."""
    open_: list[Token] = []
    kept: list[Token] = []
    changes = 0
    for k, token in enumerate([*tokens, Token("}", "", tokens[-1].end, tokens[-1].end)] if tokens else []):
        if token.kind in ("}", "end"):
            while open_ and open_[-1].kind == "(":
                open_.pop()
                kept.append(Token(")", ")", token.start, token.start))
                changes += 1
            open_ = open_[:-1]
        elif token.kind == ")":
            if not open_ or open_[-1].kind in ("{", "begin"):
                ends = k + 1 >= len(tokens) or tokens[k + 1].kind in ("}", ")") or tokens[k + 1].idle
                changes += 1 if ends and kept and kept[-1].kind == ")" else MISSING + 1  # else one may be missing in front
                continue
            open_ = open_[:-1]
        elif token.kind in ("(", "[", "{", "begin"):
            open_.append(token)
        elif token.kind == "]" and open_ and open_[-1].kind in ("(", "["):
            open_ = open_[:-1]
        kept.append(token)
    return kept[:-1] if 0 < changes <= MISSING else None


def _read_whole(tokens: list[Token], source: str) -> Node:
    parser = Parser(tokens, source)
    node = parser.relation()
    rest = parser.tokens[parser.at :]
    if strange := next((t for t in rest if not t.idle), None):
        raise parser.fail(f"{strange.text!r} can't be read here", strange)
    return node


def _shorter(part: list[Token], source: str, chain: Chain, found: list[Link | Broken], error: Unreadable) -> None:
    """Of a chain with one unreadable member the rest is still judged."""
    members: list[list[Token]] = [[]]
    ops: list[str] = []
    depth = 0
    for token in part:
        depth += _deeper(token)
        depth = max(0, depth)
        op = RELATIONS.get(_sign(token)) if depth == 0 else None
        if op is not None:
            ops.append(op)
            members.append([])
        else:
            members[-1].append(token)
    nodes: list[Node | Unreadable] = []
    for member in members:
        try:
            nodes.append(_parse(_trimmed_member(member), source))
        except Unreadable as problem:
            nodes.append(problem)
    for k, op in enumerate(ops):
        a, b = nodes[k], nodes[k + 1]
        if not _trimmed_member(members[k]) or not _trimmed_member(members[k + 1]):
            continue
        if isinstance(a, Node) and isinstance(b, Node):
            found.append(Link(a, op, b, source))
        else:
            tokens = [*members[k], *members[k + 1]]
            tex = source[tokens[0].start : tokens[-1].end].strip() if tokens else source.strip()
            found.append(Broken(tex, a if isinstance(a, Unreadable) else b if isinstance(b, Unreadable) else error))
    last = nodes[-1]
    chain.last, chain.source = (last, source) if isinstance(last, Node) else (None, "")
    chain.lost = not isinstance(last, Node)


def _trimmed_member(tokens: list[Token]) -> list[Token]:
    while tokens and tokens[-1].kind in ("quad", "text", ",", ".", ";", "&"):
        tokens = tokens[:-1]
    while tokens and tokens[0].kind in ("quad", "text", "&"):
        tokens = tokens[1:]
    return tokens


def _continued(part: list[Token], source: str, chain: Chain, found: list[Link | Broken]) -> None:
    """= b = c, which goes on from the last expression of the row, or of the display, before."""
    op = RELATIONS[_sign(part[0])]
    body = _trimmed(part[1:])
    if not body:
        return
    try:
        node = _parse(body, source)
    except Unreadable as error:
        if chain.last is not None or chain.lost:
            found.append(Broken(f"= {source[body[0].start : body[-1].end].strip()}", error))
        _shorter(body, source, chain, found, error) if _relates(body) else None
        return
    first = node.parts[0] if isinstance(node, Relation) else node
    if chain.last is not None:
        found.append(_link(chain, op, first, source))
    elif chain.lost:
        before = Unreadable("what it goes on from can't be read", part[0].start)
        found.append(Broken(f"= {source[first.start : first.end].strip()}", before))
    _collect(node, source, chain, found, isinstance(node, Relation))


def _link(chain: Chain, op: str, right: Node, source: str) -> Link:
    """A link whose two sides may come from two rows: both are put into one source."""
    assert chain.last is not None
    if chain.source == source:
        return Link(chain.last, op, right, source)
    offset = len(chain.source) + 3
    return Link(chain.last, op, shifted(right, offset), f"{chain.source} = {source}")


def shifted(node: Node, offset: int) -> Node:
    """The same node in a source that has `offset` more characters in front."""

    def move(n: Node) -> Node:
        return replace(rebuilt(n, move), start=n.start + offset, end=n.end + offset)

    return move(node)


def _collect(node: Node, source: str, chain: Chain, found: list[Link | Broken], has_relation: bool) -> None:
    """The links of a statement; what is only an expression may be gone on from."""
    if isinstance(node, Fence) and isinstance(node.body, Relation):
        return
    if not isinstance(node, Relation):
        inner = _equation_inside(node)
        if inner is not None:
            _collect(inner, source, chain, found, True)
        elif not isinstance(node, Words):
            chain.last, chain.source = node, source
        return
    parts = list(node.parts)
    if isinstance(parts[0], Commas):
        parts[0] = (
            parts[0].items[-1]
            if node.ops[0] == "=" and len(parts[0].items) > 1 and not _assigned_list(parts[0], parts[1])
            else parts[0]
        )
    conditions: tuple[Node, ...] = ()
    if isinstance(parts[-1], Commas) and not isinstance(parts[0], Commas):
        parts[-1], *rest = parts[-1].items
        conditions = tuple(rest)
    if (
        isinstance(parts[0], Commas)
        and isinstance(parts[-1], Commas)
        and len(parts) == 2
        and len(parts[0].items) == len(parts[1].items)
    ):
        for a, b in zip(parts[0].items, parts[1].items, strict=True):  # type: ignore[attr-defined]
            found.append(Link(a, node.ops[0], b, source))
        return
    parts[-1], note = _without_note(parts[-1])
    if note is not None:
        conditions = (*conditions, note)
    ops = list(node.ops)
    if conditions == () and len(parts) > 2 and ops[-1] in ("≠", "∈", "∉"):
        conditions = (Relation((parts[-2], parts[-1]), (ops[-1],)),)
    for k, op in enumerate(ops):
        if op in MEANINGFUL:
            found.append(Link(parts[k], op, parts[k + 1], source, conditions))
    chain.last, chain.source = parts[-1], source


def _assigned_list(left: Commas, right: Node) -> bool:
    return isinstance(right, Commas) and len(right.items) == len(left.items)


def _equation_inside(node: Node) -> Relation | None:
    """\\boxed{a = b} and {a = b}: the equation in the braces."""
    if isinstance(node, Fence):
        return None
    return (
        next((n for n in walk(node) if isinstance(n, Relation) and n.ops[0] == "="), None) if isinstance(node, Commas) else None
    )


_INDICATORS = tuple(Symbol(head) for head in ("ones", "I", "chi", "H", "Theta"))


def _without_note(node: Node) -> tuple[Node, Node | None]:
    """(the expression, the note) of a (t = 0): what is in brackets at the end of a line is no factor."""
    if isinstance(node, Product):
        *rest, (op, last) = node.factors
        indicator = rest[-1][1] == Number("1") or rest[-1][1] in _INDICATORS  # 1(z > 0) is a factor
        if isinstance(last, Fence) and last.kind == "paren" and isinstance(last.body, Relation) and not op and not indicator:
            kept = rest[0][1] if len(rest) == 1 else replace(node, factors=tuple(rest), end=rest[-1][1].end)
            return kept, last.body
    if isinstance(node, Sum):
        sign, last = node.terms[-1]
        trimmed, note = _without_note(last)
        if note is not None:
            return replace(node, terms=(*node.terms[:-1], (sign, trimmed)), end=trimmed.end), note
    return node, None
