"""Formulas and words by others as LaTeX that always compiles: formulas from their syntax tree, words escaped sign by sign."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from derive.check.written import Scripts, Span, Unwritable, Writer, is_tall, with_roots
from derive.printing.latex import escape
from derive.printing.notation import GREEK
from derive.reader.statements import Link
from derive.reader.syntax import Big, Fence, Node, Number, Product, Sum, Symbol, unscripted

LETTERS = {
    "top": r"\top", "infty": r"\infty", "circ": r"\circ", "star": r"\star", "ast": "*", "*": "*", "+": "+", "-": "-", ":": ":",
    "dagger": r"\dagger", "odot": r"\odot", "wedge": r"\wedge", "ones": r"\mathbf{1}", "zero": r"\mathbf{0}", "hbar": r"\hbar",
    "omicron": "o", "Upsilon": r"\Upsilon",
    "prime": r"\prime",
}  # fmt: skip
FACES = {"bold": r"\mathbf", "script": r"\mathcal", "fraktur": r"\mathfrak", "upright": r"\mathrm"}
ACCENTS = {
    "bar": r"\bar", "hat": r"\hat", "tilde": r"\tilde", "dot": r"\dot", "ddot": r"\ddot", "ring": r"\mathring", "check": r"\check",
    "breve": r"\breve", "acute": r"\acute",
}  # fmt: skip
SIGNS = {
    "·": r"\cdot", "×": r"\times", "⊙": r"\odot", "∘": r"\circ", "⋆": r"\star", "⊗": r"\otimes", "•": r"\bullet",
    "⊘": r"\oslash", "*": "*", "/": "/", "+": "+", "-": "-", ",": ",", "=": "=", "≈": r"\approx", "∼": r"\sim", "∝": r"\propto",
    "<": "<", ">": ">", "≤": r"\le", "≥": r"\ge",
    "≠": r"\ne", "∈": r"\in", "∉": r"\notin", "←": r"\leftarrow", "∂": r"\partial", "∇": r"\nabla",
}  # fmt: skip
BINARY = frozenset("·×⊙∘⋆⊗•⊘*+-")
FENCES = {
    "paren": ("(", ")"), "bracket": ("[", "]"), "brace": (r"\{", r"\}"), "abs": (r"\lvert", r"\rvert"), "norm": (r"\lVert", r"\rVert"),
    "angle": (r"\langle", r"\rangle"),
}  # fmt: skip
TABLES = {"": "matrix", "paren": "pmatrix", "bracket": "bmatrix", "brace": "Bmatrix"}
BIGS = {
    "sum": r"\sum",
    "prod": r"\prod",
    "lim": r"\lim",
    "int": r"\int",
    "cup": r"\bigcup",
    "oplus": r"\bigoplus",
    "max": r"\max",
    "min": r"\min",
}
FUNCTIONS = frozenset(("log", "ln", "exp", "tanh", "sinh", "cosh", "sin", "cos", "max", "min", "det"))
NARROW = 40  # characters of LaTeX: shorter pieces are never wider than a column
WIDE, LONG = 1_200, 4_000  # pieces and lines that would be unreadably small, or longer than a page: their source is shown


class Latex(Writer):
    """amsmath. What stands out is coloured: colour names a colour of the template."""

    def __init__(self, source: str, marked: Sequence[Span] = (), colour: str = "no"):
        super().__init__(source, marked)
        self.colour = colour

    def letter(self, head: str, face: str) -> str:
        if head.startswith("set "):
            inside = _plain_name(head[4:])
            return rf"\mathbb{{{inside}}}" if inside.isupper() else rf"\mathrm{{{inside}}}"
        known = LETTERS.get(head)
        if known is not None:
            return known
        if head in GREEK:
            return rf"\boldsymbol{{\{head}}}" if face == "bold" else rf"\{head}"
        if head in FUNCTIONS:
            return rf"\{head}"
        if len(head) > 1:
            return rf"\operatorname{{{_plain_name(head)}}}"
        letter = _plain_name(head)
        if face in FACES and not (face == "script" and not letter.isupper()):
            return f"{FACES[face]}{{{letter}}}"
        return letter

    def accented(self, body: str, accent: str) -> str:
        wide = accent == "bar" and body.startswith(r"\operatorname")
        return rf"\overline{{{body}}}" if wide else f"{ACCENTS[accent]}{{{body}}}"

    def number(self, text: str) -> str:
        return text if text.isascii() else _refuse(text)

    def words(self, text: str) -> str:
        return rf"\text{{{prose(text)}}}"

    def dots(self, kind: str) -> str:
        return rf"\{kind}" if kind in ("cdots", "vdots", "ddots", "cdot") else r"\dots"

    def sign(self, op: str, leading: bool = False) -> str:
        return SIGNS[op] if op in SIGNS else _refuse(op)

    def emphasised_sign(self, text: str) -> str:
        kind = r"\mathbin" if any(SIGNS[b] == text for b in BINARY) else r"\mathrel"
        return rf"{kind}{{{self.emphasised(text)}}}"

    def emphasised(self, body: str) -> str:
        return rf"\textcolor{{{self.colour}}}{{{body}}}"

    def row(self, parts: Sequence[str]) -> str:
        return joined(parts)

    def gap(self, wide: bool) -> str:
        return r"\," if wide else ""

    def scripted(self, scripts: Scripts) -> str:
        base = self.node(scripts.base)
        if not isinstance(scripts.base, Symbol | Number | Fence):
            base = f"{{{base}}}"
        base = base.removesuffix(r"\mathclose{}")  # the scripts belong to the bracket before it
        below = joined([self.node(n) for n in scripts.below])
        above = joined([*[r"\prime"] * min(scripts.primes, 9), *[self.node(n) for n in scripts.above]])
        return self.raised(base, above, below)

    def raised(self, body: str, above: str, below: str = "") -> str:
        return body + (f"_{{{_tight(below)}}}" if below else "") + (f"^{{{_tight(above)}}}" if above else "")

    def bar(self) -> str:
        return r"\Bigr|"

    def fence(self, kind: str, body: str, tall: bool) -> str:
        left, right = FENCES[kind]
        if tall:
            return rf"\mathopen{{}}\left{left} {body} \right{right}\mathclose{{}}"
        return joined([left, body, right])

    def fraction(self, top: Node, bottom: Node) -> str:
        return rf"\frac{{{self.node(top)}}}{{{self.node(bottom)}}}"

    def root(self, body: str, degree: str | None) -> str:
        return rf"\sqrt[{{{degree}}}]{{{body}}}" if degree else rf"\sqrt{{{body}}}"

    def big(self, kind: str, below: str | None, above: str | None, body: str) -> str:
        return f"{self.raised(BIGS[kind], above or '', below or '')} {body}"

    def table(self, rows: list[list[str]], bracket: str) -> str:
        name = TABLES[bracket]
        lines = [
            " & ".join(f"{{{c}}}" if c[:1] in ("[", "*") else c for c in row) for row in rows
        ]  # \\* and \\[2ex] are commands
        return rf"\begin{{{name}}} " + r" \\ ".join(lines) + rf" \end{{{name}}}"

    def choices(self, rows: list[tuple[str, str]]) -> str:
        return r"\begin{cases} " + r" \\ ".join(f"{{{a}}} & {b}" for a, b in rows) + r" \end{cases}"

    # -- lines that may be broken ---------------------------------------------------------------------------

    def line(self, link: Link, whole: bool = True) -> str:
        r"""A relation that TeX can break before its signs; \fit scales pieces that are wider than the column."""
        right = joined([self.marked_sign(link.op, link.left.end, link.right.start), self.broken(link.right)])
        text = joined([self.broken(link.left), r"\brk", right]) if whole else right
        return text if len(text) <= LONG else _refuse(f"{text[:40]} …")

    def broken(self, node: Node, place: str = r"\brk") -> str:
        """A side in pieces, with places where it may be broken between them: better between terms than inside brackets."""
        if self.marked and self._stands_out(node):
            return self.fitted(self.node(node))
        match node:
            case Sum():
                return self._broken_sum(node, place)
            case Product():
                return self._broken_product(node)
            case Fence() if node.kind in ("paren", "bracket", "brace") and not is_tall(node.body):
                left, right = FENCES[node.kind]
                return joined([left, self.broken(node.body, r"\mbrk"), right])
            case Big():
                head = self.raised(BIGS[node.kind], self.optional(node.sup) or "", self.optional(node.sub) or "")
                return joined([head, self.broken(node.body, r"\mbrk")])
        return self.fitted(self.node(node))

    def fitted(self, text: str) -> str:
        if len(text) > WIDE:
            return _refuse(f"{text[:40]} …")
        return text if len(text) <= NARROW else rf"\fit{{{text}}}"

    def _broken_sum(self, node: Sum, place: str) -> str:
        pieces: list[str] = []
        at = node.start
        for k, (sign, term) in enumerate(node.terms):
            mark = self.marked_sign("-" if sign < 0 else "+", at, term.start, leading=not k) if k or sign < 0 else ""
            pieces += [place, mark, self.broken(term, place)] if k else [mark + self.broken(term, place)]
            at = term.end
        return joined(pieces)

    def _broken_product(self, node: Product) -> str:
        factors = with_roots(node.factors)
        pieces: list[str] = []
        for k, (op, factor) in enumerate(factors):
            if k:
                before = factors[k - 1][1]
                name = unscripted(before)
                applied = isinstance(factor, Fence) and isinstance(name, Symbol)
                pieces += ["" if applied and not op else r"\mbrk", self.between(op, before, factor)]
            pieces.append(self.broken(factor, r"\mbrk"))
        return joined(pieces)


def joined(parts: Sequence[str]) -> str:
    """Pieces side by side: a command is kept apart from a letter after it."""
    text = ""
    for part in parts:
        if not part:
            continue
        command = re.search(r"\\[A-Za-z]+$", text) and part[:1].isalpha()
        loose = part in _SPACED or any(text.endswith(s) for s in _SPACED)
        text += (" " if text and (command or loose) else "") + part
    return text


_SPACED = (*(s for s in SIGNS.values() if s not in (",", "/", r"\partial", r"\nabla")), r"\brk", r"\mbrk")


def _tight(text: str) -> str:
    return text.replace(" - ", "-").replace(" + ", "+").replace(" = ", "=")


def _plain_name(name: str) -> str:
    """A name of letters and digits. Raises Unwritable for anything else."""
    return name if re.fullmatch(r"[A-Za-z0-9]{1,40}", name) else _refuse(name)


def _refuse(text: str) -> str:
    raise Unwritable(f"{text!r} has no place in a report")


# -- words --------------------------------------------------------------------------------------------------------

_RAISED = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁽⁾ᵗᵀⁿⁱᵏ", [*"0123456789+-()t", r"\top", "n", "i", "k"], strict=True))
_LOWERED = dict(zip("₀₁₂₃₄₅₆₇₈₉₊₋₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ", "0123456789+-()aehijklmnoprstuvx", strict=True))
_COMBINING = {"\u0304": r"\bar", "\u0302": r"\hat", "\u0303": r"\tilde", "\u0307": r"\dot", "\u0308": r"\ddot"}
_SIGNS = {
    **{letter: rf"\{name}" for name, letter in GREEK.items() if len(letter) == 1},
    **{sign: text for sign, text in SIGNS.items() if not sign.isascii()},
    "Σ": r"\Sigma", "∏": r"\prod", "∑": r"\sum", "√": r"\surd", "‖": r"\|", "𝟏": r"\mathbf{1}",
    "𝟎": r"\mathbf{0}", "ℝ": r"\mathbb{R}", "−": "-", "⋅": r"\cdot", "′": r"{}^{\prime}",
    "½": r"\tfrac12",
    "⊤": r"\top", "→": r"\to", "⇒": r"\Rightarrow", "∞": r"\infty", "ο": "o", "⟨": r"\langle", "⟩": r"\rangle", "ϵ": r"\epsilon", "⋯": r"\cdots",
}  # fmt: skip
_TEXT = {"…": r"\dots{}", "–": "--", "—": "---", "‘": "`", "’": "'", "“": "``", "”": "''", "\u00a0": "~", "«": "<<", "»": ">>"}


LONG_WORD = 20  # signs: a longer one may be broken anywhere
_CLUSTER = re.compile(f"[{''.join(_RAISED)}]+|[{''.join(_LOWERED)}]+|.[\u0300-\u036f]*", re.DOTALL)


def prose(text: str) -> str:
    """Words as LaTeX: every sign escaped; signs that the fonts don't have by their number."""
    words = re.split(r"( )", _one_line(unicodedata.normalize("NFC", text)))
    return "".join([_spelled(word) for word in words])


def _spelled(word: str) -> str:
    """One word, with places where it may be broken if it is a long one."""
    clusters = [_cluster(c) for c in _CLUSTER.findall(word)]
    return (r"\zz " if len(clusters) > LONG_WORD else "").join(clusters)


def _one_line(text: str) -> str:
    return re.sub(r"\s+", " ", text)


def _cluster(cluster: str) -> str:
    first = cluster[0]
    if first in _RAISED:
        return f"$^{{{joined([_RAISED[c] for c in cluster])}}}$"
    if first in _LOWERED:
        return f"$_{{{''.join(_LOWERED[c] for c in cluster)}}}$"
    marks = [_COMBINING[c] for c in cluster[1:] if c in _COMBINING]
    decomposed = unicodedata.normalize("NFD", first)
    if not marks and len(decomposed) == 2 and decomposed[1] in "\u0304":  # ē: a vowel with a bar
        first, marks = decomposed[0], [r"\bar"]
    if marks:
        inner = first if first.isascii() and first.isalpha() else _SIGNS.get(first, "")
        for mark in marks:
            inner = f"{mark}{{{inner}}}"
        return f"${inner}$"
    if first in _TEXT:
        return _TEXT[first]
    if first in _SIGNS:
        return f"${_SIGNS[first]}$"
    if first.isascii() and first.isprintable():
        return {"<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", '"': "''"}.get(first, escape(first))
    if first.isalpha() and 0xC0 <= ord(first) <= 0x17E and first not in "ŉŀĿħĦŧŦĸ":
        return first
    return rf"\uni{{{ord(first):04X}}}"


def verbatim(text: str, longest: int = 600) -> str:
    """Source as it stands, in a code font, with places where it may be broken."""
    text = _one_line(text).strip()
    cut = text[:longest] + (" …" if len(text) > longest else "")
    pieces = re.findall(r"[A-Za-z0-9]{1,6}|.[\u0300-\u036f]*", cut, re.DOTALL)
    return r"\code{" + r"\zz ".join(_coded(p) for p in pieces) + "}"


_CODED = {
    " ": r"\ ", "-": "{-}", "'": r"\textquotesingle{}", "`": r"\textasciigrave{}", ",": "{,}", "<": "{<}", ">": "{>}", "?": "{?}", "!": "{!}",
}  # fmt: skip


def _coded(piece: str) -> str:
    """A sign in the code font, where two of them don't make another: --, ?`."""
    return _CODED.get(piece) or prose(piece)
