"""LaTeX mathematics to tokens with their places. Layout is dropped here: spaces, sizes of brackets, fonts, labels."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import partial

from derive.expr import DeriveError

LONGEST = 20_000  # characters of one formula
MOST = 6_000  # tokens of one formula
LARGEST = 400  # digits of a number
LONGEST_WORD = 60  # letters of a name
DEEPEST = 60  # fonts in fonts


class Unreadable(DeriveError):
    """A piece of a formula that can't be read: what, and the column (from 0) where it stands."""

    def __init__(self, message: str, column: int = 0, token: str = ""):
        super().__init__(message)
        self.message, self.column, self.token = message, column, token


@dataclass(frozen=True)
class Token:
    """kind: number, name (a letter, a Greek letter, a known word), command, text, or the sign itself; [start, end) in the source."""

    kind: str
    text: str
    start: int
    end: int
    glued: bool = False  # no blank before it

    @property
    def idle(self) -> bool:
        """Whether it says nothing at the ends of a formula."""
        return self.kind in ("quad", "text", ",", ";", ".", ":") or (self.kind == "other" and self.text in IDLE)


GREEK = frozenset(
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho sigma tau upsilon phi chi psi omega "
    "Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega ell".split()
)
_SAME_LETTER = {
    "varepsilon": "epsilon",
    "vartheta": "theta",
    "varphi": "phi",
    "varrho": "rho",
    "varsigma": "sigma",
    "hslash": "hbar",
}
_UNICODE = {
    "−": "-", "–": "-", "·": r"\cdot ", "⋅": r"\cdot ", "×": r"\times ", "∂": r"\partial ", "∇": r"\nabla ", "∑": r"\sum ",
    "Σ": r"\Sigma ", "∏": r"\prod ", "≡": r"\equiv ", "≜": r"\triangleq ", "≔": ":=",
    "⊙": r"\odot ", "∘": r"\circ ", "⊗": r"\otimes ", "≈": r"\approx ", "≠": r"\ne ", "≤": r"\le ", "≥": r"\ge ", "∈": r"\in ",
    "⇒": r"\Rightarrow ", "∴": r"\therefore ", "∵": r"\because ",
    "→": r"\to ", "′": "'", "⊤": r"\top ", "…": r"\dots ", "⋯": r"\cdots ", "√": r"\sqrt ",
    "½": r"\frac{1}{2}", "‖": r"\Vert ",
    "\u00a0": " ", "\u2009": " ", "\u200b": " ", "，": ",", "。": ";", "：": ":", "（": "(", "）": ")", "；": ";", "、": ",",
    "α": r"\alpha ", "β": r"\beta ", "γ": r"\gamma ", "δ": r"\delta ", "ε": r"\epsilon ", "ϵ": r"\epsilon ", "ζ": r"\zeta ",
    "η": r"\eta ", "θ": r"\theta ", "κ": r"\kappa ",
    "λ": r"\lambda ", "μ": r"\mu ", "ν": r"\nu ", "ξ": r"\xi ", "π": r"\pi ", "ρ": r"\rho ", "σ": r"\sigma ", "τ": r"\tau ",
    "φ": r"\phi ", "ϕ": r"\phi ", "χ": r"\chi ",
    "ψ": r"\psi ", "ω": r"\omega ", "Γ": r"\Gamma ", "Δ": r"\Delta ", "Θ": r"\Theta ", "Λ": r"\Lambda ", "Φ": r"\Phi ",
    "Ψ": r"\Psi ", "Ω": r"\Omega ", "ℓ": r"\ell ", "ℒ": "L",
}  # fmt: skip
_SMALL = {
    "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁽⁾ⁱⁿᵗᵀ": (*"0123456789+-()int", r"\top "), "₀₁₂₃₄₅₆₇₈₉₊₋₍₎ᵢⱼₖₗₘₙₜ": "0123456789+-()ijklmnt",
}  # fmt: skip
_ON_LINE = {ord(c): d for small, large in _SMALL.items() for c, d in zip(small, large, strict=True)}
_RAISED, _LOWERED = (re.compile(f"[{signs}]+") for signs in _SMALL)
IDLE = frozenset("“”„‘’«»‹›`、；！？「」『』【】•‣▪■□▢∎◼◻✓✔✗✘☐☑★☆$")  # signs that say nothing at the ends of a formula
FONTS = frozenset(
    "bold mathbf boldsymbol bm mathit mathsf mathtt mathrm mathcal mathfrak mathscr mathnormal textbf textit textrm textsf textnormal text mbox "
    "hbox operatorname rm bf it cal pmb symbf vb mat mathbb mathds emph operatorname*".split()
)
_WORDLY = frozenset(
    "text mbox hbox textrm textnormal mathrm operatorname operatorname* textbf textit textsf rm emph mathsf mathtt mathit".split()
)
_ROOMY = frozenset(
    "left right middle big Big bigg Bigg bigl bigr Bigl Bigr biggl biggr Biggl Biggr bigm displaystyle textstyle scriptstyle "
    "limits nolimits quad qquad , ; ! : > thinspace enspace hfill nonumber notag noindent allowbreak par left. right. "
    "space enskip nobreakspace thickspace medspace negthinspace nobreak "
    "mathstrut strut tiny scriptsize footnotesize normalsize small large Large LARGE huge Huge centering unicode ensuremath "
    "smallskip medskip bigskip relax protect".split()
)
_WITH_ARGUMENT = frozenset(
    "label tag tag* hspace hspace* vspace vspace* phantom hphantom vphantom color textcolor cite ref eqref hypertarget "
    "raisebox intertext".split()
)
_THROUGH = frozenset(
    "boxed underline cancel bcancel xcancel fbox colorbox overbrace underbrace smash mathop mathrel mathbin mathord substack mathstrut".split()
)
WORDS = frozenset(
    "log ln exp tanh sinh cosh sin cos sqrt sigmoid softmax relu ReLU LeakyReLU leakyrelu softplus silu swish gelu GELU diag "
    "Diag tr Tr trace det rank "
    "max min argmax sign sgn abs act prod logsumexp logaddexp LSE erf Var vec logit mean sum elu ELU SiLU softsign".split()
)
IF = (  # before the condition of a case
    "if for when where whenever si lorsque falls wenn se quando cuando khi nếu gdy als если при 若 当 當 如果".split()
)
ELSE = "otherwise else elsewhere o.w. ow sinon autrement sonst altrimenti иначе 否则 否則 其他 其它".split()
_TAKING = frozenset(["sqrt", "vec", "abs"])  # as commands they take one argument, and no factor after it
PROSE = frozenset(
    "if else otherwise where and or for since thus then when with so let suppose yes no hence because as is are the a an we "
    "get have using by all each any otherwise "
    "therefore note that here given column row vector matrix scalar trivial unknown case cases not of in on at to from let "
    "set define denote recall".split()
).union(w for w in (*IF, *ELSE) if len(w) > 1)
_SCRIPTS = r"\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"  # which don't write formulas: Chinese, Japanese, Korean
_OPERATING = re.compile(  # words that do something to a formula, or deny it
    "[乘除倍幂冪掛]|加上|减去|減去|相[加减減反]|平方|立方|次方|开方|转置|轉置|导数|導數|微分|求导|偏导|逆矩阵|倒数|并非|而非|没有|不(是|等|成立|为|能|会|可)|以外"
    "|二乗|足[すし]|引[いく]|割[るっ]|ない|제곱|전치|미분|곱|더하|빼|나누|배$|역행렬|아니|않|없"
)
_FOREIGN = re.compile(rf"[{_SCRIPTS}][\s\u3000-\u303f\uff00-\uffef{_SCRIPTS}]*[{_SCRIPTS}]|[当當若则則得即故由且或与與和而时時]")
_NUMBER = re.compile(r"[0-9]+\.[0-9]+|[0-9]+|\.[0-9]+")
_TWICE = re.compile(
    r"(?:[dt]?frac|partial|nabla|sum|prod|left|right|begin|end|hat|bar|tilde|vec|mathbf|boldsymbol|mathrm|cdot|odot|delta|sigma"
    r"|alpha|beta|gamma|theta|lambda|mu|quad|qquad|sqrt|top)(?![a-zA-Z])"
)
_COMMAND = re.compile(r"\\(?:[a-zA-Z]+\*?|.)", re.DOTALL)
_LETTERS = re.compile(r"[a-zA-Z]+")
_THREE = re.compile(r"(\s*\\cdot(?![A-Za-z])){2}")  # after one \cdot
_NEGATED = re.compile(r"\s*(=|\\in(?![A-Za-z])|\\equiv(?![A-Za-z]))")
_DOT_AFTER = re.compile(  # what a point before it multiplies
    r"[A-Za-z({]|\\(d?frac|left|[bB]igg?l?|sum|partial|hat|bar|tilde|mathbf|mathrm|boldsymbol|bm|vec|sqrt|exp|log|"
    + "|".join(sorted(GREEK))
    + r")(?![A-Za-z])"
)
_RELATED = re.compile(r"[=<>≈≤≥∈]|\\(approx|simeq|in|leq?|geq?|neq?|equiv|propto|sim|Rightarrow|text)(?![A-Za-z])")
_DOT_BEFORE = re.compile(r"[A-Za-z0-9)}\]'’]")
_BAR = re.compile(r"\s*(\||\\[rl]?vert(?![A-Za-z]))")
_BIGS = frozenset("big Big bigg Bigg bigr Bigr biggr Biggr".split())


_BRACE = re.compile(r"\\.|[{}]", re.DOTALL)  # \\\\{ is a line break and a brace


def closing(text: str, at: int) -> int | None:
    """The place of the brace that closes the one at `at`; None where none does, not too far away."""
    depth = 0
    for brace in _BRACE.finditer(text, at, min(len(text), at + LONGEST)):
        depth += {"{": 1, "}": -1}.get(brace[0], 0)
        if depth <= 0:
            return brace.start() if depth == 0 else None
    return None


def clean(text: str) -> str:
    """Unicode mathematics as LaTeX."""
    if text.isascii():
        return text
    text = _ACCENTED.sub(_accent, "".join(map(_apart, text)))
    text = _LOWERED.sub(partial(_script, "_"), _RAISED.sub(partial(_script, "^"), text))
    return "".join(c if c.isascii() else _UNICODE.get(c) or _digit(c) for c in text)


_ABOVE = {"\u0302": "hat", "\u0303": "tilde", "\u0304": "bar", "\u0305": "bar", "\u0307": "dot"}
_ACCENTED = re.compile(f"([^\\W\\d_])([{''.join(_ABOVE)}])")


def _apart(c: str) -> str:
    """ȳ as the letter y and the bar above it."""
    apart = unicodedata.normalize("NFD", c)
    return apart if len(apart) == 2 and apart[1] in _ABOVE else c


def _accent(found: re.Match[str]) -> str:
    return rf"\{_ABOVE[found[2]]}{{{found[1]}}}"


def _script(sign: str, found: re.Match[str]) -> str:
    """Small signs above or below the line, as a script."""
    inside = found[0].translate(_ON_LINE).strip()
    alone = len(inside) == 1 and not found.string[found.end() : found.end() + 1].isdigit()
    return sign + (inside if alone else f"{{{inside}}}")


def _digit(c: str) -> str:
    """A decimal digit of another script as ours; a bold 0 or 1 may be a vector."""
    value = unicodedata.decimal(c, None)
    if value is None:
        return c
    font = next((font for font in ("BOLD", "DOUBLE-STRUCK") if value < 2 and font in unicodedata.name(c)), "")
    return {"": "%d", "BOLD": r"\mathbf{%d}", "DOUBLE-STRUCK": r"\mathbb{%d}"}[font] % value


def tokenize(text: str, words: Collection[str] = ()) -> list[Token]:
    """The tokens of a formula; `words` are further names of several letters. Raises Unreadable."""
    if len(text) > LONGEST:
        raise Unreadable(f"a formula of {len(text)} characters: at most {LONGEST} are read", 0)
    known = WORDS.union(w for w in words if 1 < len(w) <= LONGEST_WORD)
    tokens = list(_Lexer(text, known).run(0, len(text)))
    if len(tokens) > MOST:
        raise Unreadable(f"a formula of {len(tokens)} signs: at most {MOST} are read", 0)
    return tokens


_BOLD = frozenset(["mathbf", "bold", "mathbb", "mathds", "boldsymbol", "bm", "pmb"])


def _filler(font: str, sign: str) -> str:
    """A bold 1 is a vector of ones, a bold 0 zeros, a bold I the identity; a double-struck I indicates."""
    return {"1": "ones", "0": "zero", "I": "ones" if font == "mathbb" else "I"}[sign]


_ROOM = re.compile(r"[\s~]+")
_GAP = re.compile(r"(?:\\ \s*){4,}")
_ABOVE_SIGNS = {r"\sim": "tilde", "~": "tilde", r"\wedge": "hat", "^": "hat", "-": "bar", r"\rightarrow": "vec", r"\to": "vec", ".": "dot"}
_ACCENT_ABOVE = re.compile(rf"\s*\{{\s*({'|'.join(map(re.escape, _ABOVE_SIGNS))})\s*\}}(?=\s*\{{?\s*\\?[A-Za-z])")
_BLANKS = re.compile(r"\s*")


class _Lexer:
    def __init__(self, text: str, known: Collection[str]):
        self.text, self.known = text, known
        self.longest = max(map(len, known))
        self.depth = 0
        self.lefts: list[str] = []  # the signs after \\left that are open

    def run(self, at: int, end: int) -> Iterator[Token]:
        text = self.text
        last = at
        while at < end:
            c = text[at]
            if c.isspace() or c == "~":
                run = _ROOM.match(self.text, at, end).end()  # type: ignore[union-attr]
                if text.count("~", at, run) > 2:
                    yield Token("quad", "~~", at, run)
                at = run
                continue
            glued = at == last
            if c == "\\":
                for token in self._command(at, end, glued):
                    if token.kind == "skip":
                        at = token.end
                    else:
                        yield token
                        at = token.end
            elif found := _NUMBER.match(text, at, end):
                if len(found[0]) > LARGEST:
                    raise Unreadable(f"a number of {len(found[0])} digits", at, found[0][:20])
                yield Token("number", found[0], at, found.end(), glued)
                at = found.end()
            elif found := _LETTERS.match(text, at, end):
                yield from self._letters(found[0], at, glued)
                at = found.end()
            elif text[at : at + 2] == "..":
                run = len(re.match(r"\.+", text[at:])[0])  # type: ignore[index]
                yield Token("command", "dots", at, at + run, glued)
                at += run
            elif c == "." and self._multiplies(at, end):
                yield Token("command", "cdot", at, at + 1, glued)
                at += 1
            elif text[at : at + 2] in ("+=", "-=") and text[at - 1 : at] not in ("_", "^", "{") and text[at + 2 : at + 3] != "=":
                yield Token("command", "gets", at, at + 2, glued)  # an update
                at += 2
            elif c in "+-*/=<>()[]{}|&^_,;:.!?'":
                run = len(re.match(r"'+", text[at:])[0]) if c == "'" else 2 if text[at : at + 2] in (":=", "==") else 1  # type: ignore[index]
                kind = "prime" if c == "'" else "=" if text[at : at + run] == "==" else text[at : at + run]
                yield Token(kind, text[at : at + run], at, at + run, glued)
                at += run
            elif c == "%" and (line := text.find("\n", at, end)) >= 0:  # a comment, to the end of its line
                at = line
            elif (found := _FOREIGN.match(text, at, end)) and (at == 0 or text[at - 1] not in "_^{") and not _OPERATING.search(found[0]):
                yield Token("text", found[0].strip(), at, found.end(), glued)
                at = found.end()
            elif c in '"`@#$' or not c.isascii():
                yield Token("other", c, at, at + 1, glued)
                at += 1
            else:
                raise Unreadable(f"{c!r} has no meaning here", at, c)
            last = at

    def _multiplies(self, at: int, end: int) -> bool:
        """Whether a point is a product, a.b or a . b; one with a blank after it alone ends a sentence."""
        before = self.text[:at].rstrip()
        blanks = len(self.text[at + 1 : end]) - len(self.text[at + 1 : end].lstrip())
        rest = self.text[at + 1 : end].partition("\\\\")[0]
        if blanks and len(before) == at and not before[-1:].isdigit() and not _RELATED.search(rest) and rest.strip("\\, .}"):
            return _DOT_AFTER.match(self.text, at + 1 + blanks, end) is not None  # nothing after it would be a statement
        after = _DOT_AFTER.match(self.text, at + 1 + blanks, end)
        if after is None or not before or not _DOT_BEFORE.match(before[-1]):
            return False
        return not blanks or len(before) < at

    def _letters(self, run: str, at: int, glued: bool) -> Iterator[Token]:
        """A run of letters: known words where they stand, letters otherwise."""
        k = 0
        indices = run == "ln" and self.text[at - 2 : at] == "_{" and self.text[at + 2 : at + 3] in ("}", ",")  # A_{ln}
        while k < len(run):
            size = next((n for n in range(min(self.longest, len(run) - k), 1, -1) if run[k : k + n] in self.known and not indices), 1)
            yield Token("name", run[k : k + size], at + k, at + k + size, glued or k > 0)
            k += size

    def _command(self, at: int, end: int, glued: bool) -> Iterator[Token]:
        found = _COMMAND.match(self.text, at, end)
        if found is None:
            raise Unreadable("a backslash at the end", at, "\\")
        name, after = found[0][1:], found.end()
        if name == "\\" and (twice := _TWICE.match(self.text, after, end)) is not None:
            name, after = twice[0], twice.end()  # \\frac, where the page around it takes a backslash away
        if name in ("norm*", "abs*"):
            name = name[:-1]
        if name in _SAME_LETTER:
            name = _SAME_LETTER[name]
        if name in ("overset", "stackrel") and (above := _ACCENT_ABOVE.match(self.text, after, end)) is not None:
            name, after = _ABOVE_SIGNS[above[1]], above.end()  # \\stackrel{\\sim}{C} is \\tilde{C}
        if name == "\\" or name in ("newline", "cr"):
            yield Token("newline", "\\\\", at, self._skip_option(after, end), glued)
        elif name in ("{", "}"):
            yield Token("\\" + name, name, at, after, glued)
        elif name in ("|", "Vert", "lVert", "rVert", "parallel"):
            yield Token("norm", name, at, after, glued)
        elif name in ("vert", "lvert", "rvert", "mid"):
            yield Token("|", name, at, after, glued)
        elif (bar := self._bar(name, after, end)) is not None:
            yield Token("at", "|", at, bar, glued)
        elif name == " " and (gap := self._gap(at, end)) is not None:
            yield Token("quad", "~~", at, gap)
        elif name.isspace() or name in _ROOMY:
            if name in ("left", "right", "middle"):
                after = _BLANKS.match(self.text, after, end).end()  # type: ignore[union-attr]  # \\left .
            if name == "left":
                self.lefts.append(self.text[after : after + 1])
            if name in ("left", "right", "middle") and self.text[after : after + 1] == ".":
                after += 1
                if name == "left" and any(self.text.find(bar, after, end) >= 0 for bar in ("\\right|", "\\right |")):
                    yield Token("left", ".", at, after, glued)
                    return
            if name in ("quad", "qquad"):
                yield Token("quad", name, at, after, glued)
            else:
                yield Token("skip", name, at, after)
        elif name == "rule":
            yield Token("skip", name, at, self._group_end(self._group_end(self._skip_option(after, end), end), end))
        elif name in _WITH_ARGUMENT:
            yield Token("quad" if name.startswith("hspace") else "skip", name, at, self._group_end(after, end))
        elif name in FONTS:
            yield from self._font(name, at, after, end, glued)
        elif name in ("begin", "end"):
            stop = self.text.find("}", after, end)
            if self.text[after : after + 1] != "{" or stop < 0:
                raise Unreadable(f"\\{name} without the name of an environment", at, name)
            yield Token(name, self.text[after + 1 : stop].strip(), at, stop + 1, glued)
        elif name in GREEK or (name in self.known and name not in _TAKING):
            yield Token("name", name, at, after, glued)
        elif name == "cdot" and (dots := _THREE.match(self.text, after, end)) is not None:
            yield Token("command", "cdots", at, dots.end(), glued)
        elif name == "not" and (negated := _NEGATED.match(self.text, after, end)) is not None:
            yield Token("command", "notin" if negated[1] == "\\in" else "ne", at, negated.end(), glued)
        elif name == "forall":
            yield Token("text", "for all", at, after, glued)
        elif name == "%":
            yield Token("other", name, at, after, glued)
        elif name in ("#", "$", "_", "&"):
            yield Token("text", name, at, after, glued)
        else:
            yield Token("command", name, at, after, glued)

    def _gap(self, at: int, end: int) -> int | None:
        r"""Where a run of \ ends behind which there is a relation: another formula."""
        found = _GAP.match(self.text, at, end)
        rest = self.text[found.end() : end].partition("\\\\")[0] if found is not None else ""
        return found.end() if found is not None and _RELATED.search(rest) else None

    def _bar(self, name: str, after: int, end: int) -> int | None:
        r"""Where the bar of \left. x \right|_{x=0} or x \big|_{x=0} ends; None where this is none."""
        opened = self.lefts.pop() if name == "right" and self.lefts else ""
        found = _BAR.match(self.text, after, end)
        if found is None:
            return None
        big = name in _BIGS and re.compile(r"\s*_").match(self.text, found.end(), end) is not None
        return found.end() if opened == "." or big else None

    def _skip_option(self, at: int, end: int) -> int:
        r"""After \\, the distance in [2ex]."""
        found = re.compile(r"\s*\[\s*-?[\d.]+\s*(?:ex|em|pt|mm|cm|in)\s*\]").match(self.text, at, end)
        return found.end() if found else at

    def _group_end(self, at: int, end: int) -> int:
        while at < end and self.text[at].isspace():
            at += 1
        if at >= end or self.text[at] != "{":
            return at
        brace = closing(self.text, at)
        if brace is None or brace >= end:
            raise Unreadable("a brace that is never closed", at, "{")
        return brace + 1

    def _font(self, name: str, at: int, after: int, end: int, glued: bool) -> Iterator[Token]:
        """A font says nothing, except that a word set upright is one word and that a 1 in bold is a vector."""
        start = after
        while start < end and self.text[start].isspace():
            start += 1
        if start >= end or self.text[start] != "{":
            if (
                name in _BOLD
                and self.text[start : start + 1] in ("1", "0", "I")
                and not self.text[start + 1 : start + 2].isalnum()
            ):
                yield Token("name", _filler(name, self.text[start]), at, start + 1, glued)
            else:
                yield Token("skip", name, at, after)
            return
        stop = self._group_end(after, end)
        inside = self.text[start + 1 : stop - 1].strip()
        if name in _BOLD and inside in ("1", "0", "I"):
            yield Token("name", _filler(name, inside), at, stop, glued)
        elif name == "mathbb" and re.fullmatch(r"[A-Za-z]{1,3}", inside):
            yield Token("name", f"set {inside}", at, stop, glued)
        elif name in _WORDLY and (
            re.fullmatch(r"[A-Za-z]{2,}", inside) or (name in ("text", "mbox", "hbox") and len(inside) != 1)
        ):
            if "$" in inside:  # text with formulas in it: \text{if k $\ne$ y_i}
                yield Token("text", inside, at, stop, glued)
            else:
                word = re.fullmatch(r"[A-Za-z]+", inside) and inside.lower() not in PROSE
                yield Token("name" if word else "text", inside, at, stop, glued)
        else:
            self.depth += 1
            if self.depth > DEEPEST:
                raise Unreadable(f"more than {DEEPEST} fonts in each other", at, name)
            yield Token("{", "{", at, start + 1, glued)
            yield from self.run(start + 1, stop - 1)
            self.depth -= 1
            yield Token("}", "}", stop - 1, stop)
