"""Tokens to syntax: a Pratt parser. It knows how formulas are written, and nothing about what names mean."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from itertools import pairwise

from derive.reader.syntax import (
    ALONE,
    Big,
    Choices,
    Commas,
    Differential,
    Dots,
    Evaluated,
    Fence,
    Fraction,
    Given,
    Nabla,
    Node,
    Number,
    Product,
    Relation,
    Root,
    Rows,
    Scripted,
    Sum,
    Symbol,
    Words,
    walk,
)
from derive.reader.tokens import ELSE, IF, WORDS, Token, Unreadable, tokenize

DEEPEST = 60  # nested brackets, braces and fractions
INSIDE = 80  # signs inside each other, of whatever kind

RELATIONS = {
    "=": "=", ":=": "=", "command equiv": "=", "command triangleq": "=", "command coloneqq": "=", "command approx": "≈",
    "command simeq": "≈", "command sim": "∼",
    "command propto": "∝", "<": "<", ">": ">", "command lt": "<", "command gt": ">", "command le": "≤", "command leq": "≤",
    "command ge": "≥", "command geq": "≥",
    "command ne": "≠", "command neq": "≠", "command in": "∈", "command notin": "∉", "command gets": "←",
    "command leftarrow": "←", "command ll": "<", "command gg": ">",
    "command leqslant": "≤", "command geqslant": "≥", "command approxeq": "≈", "command cong": "≈", "command doteq": "=",
}  # fmt: skip
ARROWS = frozenset(
    "Rightarrow implies therefore because rightarrow to longrightarrow Longrightarrow iff Leftrightarrow leftrightarrow hookrightarrow mapsto "
    "xrightarrow curvearrowleft leadsto Leftarrow impliedby downarrow uparrow searrow nearrow rightsquigarrow".split()
)
_TIMES = {
    "*": "*", "/": "/", "command cdot": "·", "command times": "×", "command odot": "⊙", "command circ": "∘",
    "command star": "⋆", "command otimes": "⊗",
    "command bullet": "•", "command ast": "*", "command div": "/", "command oslash": "⊘", "command bigodot": "⊙", "command hadamard": "⊙",
}  # fmt: skip
_DOTS = frozenset("dots ldots cdots vdots ddots dotsc dotsb dotsm iddots hdots".split())
_ACCENTS = {
    "bar": "bar", "overline": "bar", "hat": "hat", "widehat": "hat", "tilde": "tilde", "widetilde": "tilde", "dot": "dot",
    "ddot": "ddot", "vec": "",
    "overrightarrow": "", "mathring": "ring", "check": "check", "breve": "breve", "acute": "acute",
}  # fmt: skip
_BIG = {"sum": "sum", "prod": "prod", "lim": "lim", "int": "int", "bigcup": "cup", "bigoplus": "oplus"}
_UNWRAP = frozenset("boxed underline cancel bcancel xcancel fbox smash mathop mathrel mathbin mathord overline* substack".split())
_MATRICES = frozenset(
    "matrix pmatrix bmatrix Bmatrix vmatrix Vmatrix smallmatrix array psmallmatrix bsmallmatrix pmatrix* bmatrix* matrix* "
    "bNiceMatrix pNiceMatrix".split()
)
_CASES = frozenset("cases dcases cases* rcases dcases*".split())
_ALIGNED = frozenset(
    "aligned split gathered alignedat align align* gather gather* equation equation* eqnarray eqnarray* multline multline* "
    "flalign flalign* alignat alignat* math displaymath".split()
)
_OPEN = {"(": ("paren", ")"), "[": ("bracket", "]"), "\\{": ("brace", "\\}"), "norm": ("norm", "norm"), "|": ("abs", "|")}
_STARTS = frozenset(["number", "name", "{", "(", "[", "\\{", "norm", "|", "begin", "left"])
TRANSPOSED = frozenset(["top", "intercal", "transp", "tran"])


def _sign(token: Token) -> str:
    return f"command {token.text}" if token.kind == "command" else token.kind


def _double_strokes(tokens: list[Token]) -> list[Token]:
    """||v|| as a norm; |a||b| stays two, and so does the stroke of p(a||b), which nothing closes."""
    pairs: list[tuple[int, int]] = []
    open_: list[tuple[str, int]] = []
    k = 0
    while k < len(tokens):
        token = tokens[k]
        double = token.kind == "|" and k + 1 < len(tokens) and tokens[k + 1].kind == "|" and tokens[k + 1].start == token.end
        last = open_[-1][0] if open_ else ""
        if token.kind in ("(", "[", "{", "\\{"):
            open_.append((token.kind, k))
        elif token.kind in (")", "]", "}", "\\}"):
            while open_ and open_[-1][0] in ("|", "||"):
                open_.pop()
            del open_[-1:]
        elif double and last == "||":
            pairs.append((open_.pop()[1], k))
            k += 1
        elif double and last != "|":
            open_.append(("||", k))
            k += 1
        elif token.kind == "|":
            open_.pop() if last == "|" else open_.append(("|", k))
        k += 1
    ends = {at for pair in pairs for at in pair}
    return [
        Token("norm", "||", t.start, tokens[k + 1].end, t.glued) if k in ends else t
        for k, t in enumerate(tokens)
        if k - 1 not in ends
    ]


MOST_SCRIPTS = 8  # one after the other, as in W^{(2)}^{\top}


def _scripts_at(node: Node) -> int:
    """How many scripts a sign has already."""
    count = 0
    while isinstance(node, Scripted):
        count, node = count + 1, node.base
    return count


_ENTRYWISE = frozenset("⊙∘⊗⊘")


class Parser:
    """One formula. Every method leaves `at` behind what it read."""

    def __init__(self, tokens: list[Token], source: str):
        self.tokens, self.source = _double_strokes(tokens), source
        self.at = 0
        self.depth = 0
        self.inside = 0
        self.worded: list[bool] = []  # whether words of a condition end what is being read
        self.fences: list[str] = []  # what would close the brackets that are open: a | closes only its own kind

    # -- tokens ---------------------------------------------------------------------------------------------

    def peek(self, ahead: int = 0) -> Token:
        k = self.at + ahead
        return self.tokens[k] if k < len(self.tokens) else Token("end", "", len(self.source), len(self.source))

    def next(self) -> Token:
        token = self.peek()
        self.at += 1
        return token

    def accept(self, kind: str) -> bool:
        if self.peek().kind == kind:
            self.at += 1
            return True
        return False

    def expect(self, kind: str, what: str) -> Token:
        token = self.next()
        if token.kind != kind:
            raise self.fail(f"{what} is missing before {token.text or 'the end'!r}", token)
        return token

    def fail(self, message: str, token: Token | None = None) -> Unreadable:
        token = token or self.peek()
        return Unreadable(message, token.start, token.text)

    @property
    def last(self) -> int:
        return self.tokens[min(self.at, len(self.tokens)) - 1].end if self.at and self.tokens else 0

    # -- from loose to tight --------------------------------------------------------------------------------

    def relation(self) -> Node:
        """a = b = c, or one expression."""
        start = self.peek().start
        parts, ops = [self.commas()], []
        while (op := RELATIONS.get(_sign(self.peek()))) is not None:
            self.next()
            ops.append(op)
            parts.append(self.commas())
        return Relation(tuple(parts), tuple(ops), start=start, end=self.last) if ops else parts[0]

    def commas(self) -> Node:
        start = self.peek().start
        items = [self.sum()]
        breaks: list[int] = []
        while (
            self.peek().kind in (",", ";")
            or (self.peek().kind == ":" and self.fences)
            or (self.peek().kind == "quad" and self._starts(1))
        ):
            sign = self.next()
            if sign.kind == ";":
                breaks.append(len(items))
            if sign.kind == ":" and self.peek().kind == "}" and self.fences[-1:] == ["}"]:  # W_{i:}
                items.append(Symbol(":", start=sign.start, end=sign.end))
                break
            while self.peek().kind == "quad":
                self.next()
            kind = self.peek().kind
            if kind in (")", "]", "\\}", "end", "}", "&", "newline") or not self.peek().text:
                break
            if kind in ("|", "norm") and self.fences[-1:] == [kind]:
                break
            items.append(self.sum())
        return items[0] if len(items) == 1 else Commas(tuple(items), tuple(breaks), start=start, end=self.last)

    def sum(self) -> Node:
        """Terms with signs."""
        start = self.peek().start
        self.depth += 1
        if self.depth > DEEPEST:
            raise self.fail(f"more than {DEEPEST} levels of brackets")
        terms: list[tuple[int, Node]] = []
        sign = self._signs()
        if sign is None:
            terms.append((1, self.product()))
        else:
            terms.append((sign, self.product()))
        while (sign := self._signs()) is not None:
            terms.append((sign, self.product()))
        self.depth -= 1
        if len(terms) == 1 and terms[0][0] == 1:
            return terms[0][1]
        return Sum(tuple(terms), start=start, end=self.last)

    def _signs(self) -> int | None:
        """A run of signs, + − or -−; None where there is none."""
        sign: int | None = None
        while self.peek().kind in ("+", "-") or (self.peek().kind == "command" and self.peek().text in ("pm", "mp")):
            if self.peek().kind == "command":
                raise self.fail("± is two statements: write them out")
            sign = (sign or 1) * (1 if self.next().kind == "+" else -1)
        return sign

    def product(self) -> Node:
        """Factors, with the sign between them."""
        start = self.peek().start
        factors: list[tuple[str, Node]] = [("", self.postfix())]
        while True:
            op = _TIMES.get(_sign(self.peek()))
            if op is not None:
                self.next()
                if self.peek().kind == "-" or self.peek().kind == "+":
                    place = self.peek().start
                    sign = self._signs()
                    whole = op not in _ENTRYWISE  # a · -f(x): the minus is that of all that follows
                    factor: Node = self.product() if whole else self.postfix()
                    if sign == -1:
                        factor = Sum(((-1, factor),), start=place, end=self.last)
                    factors.append((op, factor))
                else:
                    factors.append((op, self.postfix()))
            elif self._starts():
                factor = self.postfix()
                if isinstance(factor, Scripted) and factor.base == Words("") and factor.sub is None:
                    op, before = factors.pop()  # W^{(2)}{}^\top: the scripts belong to what stands before
                    factor = Scripted(before, None, factor.sup, factor.primes, start=before.start, end=self.last)
                    factors.append((op, factor))
                else:
                    factors.append(("", factor))
            else:
                break
        factors = _reopened(_merge_slashes(_rows_of_lists(factors)))
        return factors[0][1] if len(factors) == 1 else Product(tuple(factors), start=start, end=self.last)

    def _starts(self, ahead: int = 0) -> bool:
        """Whether a factor begins here."""
        token = self.peek(ahead)
        if token.kind == "|":
            return "|" not in self.fences[-1:] and not self._separates(ahead)
        if token.kind == "norm":
            return "norm" not in self.fences[-1:]
        if token.kind == "command":
            sign = _sign(token)
            return (
                sign not in RELATIONS
                and sign not in _TIMES
                and token.text not in ARROWS
                and token.text not in ("pm", "mp", "rangle", "rbrace", "rfloor", "rceil", "over")
            )
        if token.kind == "text" and self.worded[-1:] == [True] and self._conditional(ahead):
            return False
        return token.kind in _STARTS or token.kind == "text"

    def _separates(self, ahead: int) -> bool:
        """Whether a stroke inside brackets is the one of p(o | c): it has no partner before they close."""
        if not self.fences or self.fences[-1] not in (")", "]", "}"):
            return False
        depth, strokes = 0, 0
        for token in self.tokens[self.at + ahead :]:
            if token.kind in ("(", "[", "{"):
                depth += 1
            elif token.kind in (")", "]", "}"):
                depth -= 1
                if depth < 0:
                    break
            strokes += token.kind == "|" and depth == 0
        return strokes % 2 == 1

    # -- factors --------------------------------------------------------------------------------------------

    def postfix(self) -> Node:
        """A factor with its scripts and primes."""
        start = self.peek().start
        base = self.atom()
        return self.scripts(base, start)

    def scripts(self, base: Node, start: int) -> Node:
        sub: Node | None = None
        sup: Node | None = None
        primes = grouped = 0
        while True:
            token = self.peek()
            if _scripts_at(base) > MOST_SCRIPTS:
                raise self.fail(f"more than {MOST_SCRIPTS} scripts at one sign")
            if token.kind == "{" and self.peek(1).kind in ("_", "^"):  # \\theta{_k}
                self.next()
                grouped += 1
                continue
            if token.kind == "}" and grouped:
                self.next()
                grouped -= 1
                continue
            if token.kind == "_":
                self.next()
                if sub is not None:
                    base, sub, sup, primes = Scripted(base, sub, sup, primes, start=start, end=self.last), None, None, 0
                sub = self.script()
            elif token.kind == "^":
                self.next()
                exponent = _side_by_side(self.script())
                if isinstance(exponent, Scripted) and isinstance(exponent.base, Words) and not exponent.base.text:
                    primes += exponent.primes
                elif sup is not None:
                    base, sub, sup, primes = Scripted(base, sub, sup, primes, start=start, end=self.last), None, exponent, 0
                else:
                    sup = exponent
            elif token.kind == "prime":
                self.next()
                primes += len(token.text)
            elif token.kind == "command" and token.text == "prime":
                self.next()
                primes += 1
            elif token.kind == "!":
                raise self.fail("a factorial can't be read")
            else:
                break
        plain = isinstance(base, Scripted) and base.sup is None and not base.primes
        if plain and isinstance(sup, Fence) and sub is None and not primes:  # \\hat{y_j}^{(t)}: both belong to the letter
            assert isinstance(base, Scripted)
            base = Scripted(base.base, base.sub, sup, start=start, end=self.last)
        elif sub is not None or sup is not None or primes:
            base = Scripted(base, sub, sup, primes, start=start, end=self.last)
        bar = self.peek().kind == "|" and self.peek(1).kind == "_" and "|" not in self.fences[-1:]
        if (self.peek().kind == "at" or bar) and self.fences[-1:] != ["at"]:
            return self._at_value(base, start)
        return base

    def script(self) -> Node:
        """What follows _ or ^: one sign, or a group in braces."""
        start = self.peek().start
        token = self.peek()
        if token.kind == "{":
            return self.group(commas=True)
        if token.kind == "command" and token.text in TRANSPOSED | {"prime", "circ", "star", "ast", "dagger", "odot", "wedge"}:
            self.next()
            if token.text == "prime":
                return Scripted(Words(""), primes=1, start=start, end=self.last)
            return Symbol("top" if token.text in TRANSPOSED else token.text, start=start, end=self.last)
        if token.kind in ("*", "+", "-"):
            self.next()
            return Symbol(token.text, start=start, end=self.last)
        if token.kind == "(":
            raise self.fail("a script needs braces around ( )")
        return self.atom()

    def group(self, commas: bool = False) -> Node:
        """{ … }: a group without brackets of its own."""
        start = self.expect("{", "a group").start
        token = self.peek()
        if token.kind == "command" and token.text in TRANSPOSED and self.peek(1).kind == "}":
            self.at += 2
            return Symbol("top", start=start, end=self.last)
        if (
            token.kind in ("*", "+", "-", "command")
            and self.peek(1).kind == "}"
            and (token.kind != "command" or token.text in ("prime", "star", "ast", "dagger", "circ", "odot"))
        ):
            self.at += 2
            if token.kind == "command" and token.text == "prime":
                return Scripted(Words(""), primes=1, start=start, end=self.last)
            return Symbol(token.text, start=start, end=self.last)
        if token.kind == "prime" and self.peek(1).kind == "}":
            self.at += 2
            return Scripted(Words(""), primes=len(token.text), start=start, end=self.last)
        if token.kind == "command" and token.text in ("odot", "circ"):
            self.next()  # {\odot 2}, {\circ 2}: an entrywise power
            body = self.relation()
            self.expect("}", "the end of a group, }")
            return Scripted(Symbol(token.text), sup=body, start=start, end=self.last)
        if token.kind == "}":
            self.next()
            return Words("", start=start, end=self.last)
        self.fences.append("}")
        body = self.relation() if commas else self.sum()
        if self.peek().kind == "command" and self.peek().text == "over":  # {a \\over b}
            self.next()
            body = Fraction(body, self.sum(), start=body.start, end=self.last)
        while commas and self.peek().kind not in ("}", "end"):
            if self.peek().kind in ("newline", "quad"):
                self.next()
                continue
            rest = self.relation()
            body = Commas((*(body.items if isinstance(body, Commas) else (body,)), rest), start=start, end=self.last)
        self.fences.pop()
        self.expect("}", "the end of a group, }")
        return body

    def atom(self) -> Node:
        self.inside += 1
        if self.inside > INSIDE:
            raise self.fail(f"more than {INSIDE} signs inside each other")
        node = self._atom()
        self.inside -= 1
        return node

    def _atom(self) -> Node:
        token = self.peek()
        start = token.start
        if token.kind in ("_", "^"):  # \_\_ or {}_x: nothing stands before it
            return Words("", start=start, end=start)
        if token.kind == "number":
            self.next()
            return Number(token.text, start=start, end=token.end)
        if token.kind == "name":
            return self._name()
        if token.kind == "{":
            self.depth += 1
            if self.depth > DEEPEST:
                raise self.fail(f"more than {DEEPEST} levels of braces")
            word = self.tokens[self.at - 1].text if self.at and token.glued else ""
            inside = self.group(commas=True)
            self.depth -= 1
            if word in WORDS and self.peek().kind not in ("^", "_", "prime"):  # \exp{x} y: the braces hold the argument
                return Fence("paren", inside, start=start, end=self.last)
            return inside
        if token.kind in _OPEN:
            return self._fence()
        if token.kind == "left":
            return self._evaluated()
        if token.kind == "begin":
            return self._environment()
        if token.kind == "text":
            self.next()
            return Words(token.text, start=start, end=token.end)
        if token.kind == ":" and self.fences:  # W[i, :]
            self.next()
            return Symbol(":", start=start, end=token.end)
        if token.kind == "command":
            return self._command()
        raise self.fail(f"{token.text!r} can't stand here" if token.text else "the formula ends too early")

    def _name(self) -> Node:
        token = self.next()
        if token.text in ("Sigma", "Pi") and self._limits():
            return self._big("sum" if token.text == "Sigma" else "prod", token.start)
        if token.text in ("sum", "prod", "max", "min") and self.peek().kind in ("_", "^")[: 2 if token.text in _BIG else 1]:
            return self._big("sum" if token.text == "sum" else token.text, token.start)
        return Symbol(token.text, start=token.start, end=token.end)

    def _limits(self) -> bool:
        """Whether the scripts that come next are the limits of a sum, _{i=1}^n: then \\Sigma is one."""
        k, depth, below = 0, 0, False
        if self.peek().kind not in ("_", "^"):
            return False
        while (token := self.peek(k)).text:
            below = below or (token.kind == "_" and not depth)
            if below and depth == 1 and token.kind == "=":
                return True
            depth += (token.kind == "{") - (token.kind == "}")
            if not depth and token.kind not in ("_", "^", "}", "number", "name"):
                return False
            k += 1
        return False

    def _evaluated(self) -> Node:
        r"""\left. x \right|_{x=0}."""
        opening = self.next()
        self.fences.append("at")
        body = self.relation()
        self.fences.pop()
        if self.peek().kind != "at":
            raise self.fail("\\left. without its bar", opening)
        return self._at_value(body, opening.start)

    def _at_value(self, body: Node, start: int) -> Node:
        self.next()
        if self.peek().kind != "_":
            raise self.fail("a bar without what stands below it")
        self.next()
        return Evaluated(body, self.script(), start=start, end=self.last)

    def _fence(self) -> Node:
        opening = self.next()
        if opening.kind == "\\{" and (chosen := self._unbraced()) is not None:
            return chosen
        kind, closing = _OPEN[opening.kind]
        self.depth += 1
        if self.depth > DEEPEST:
            raise self.fail(f"more than {DEEPEST} levels of brackets", opening)
        self.fences.append(closing)
        while self.peek().kind == "quad":
            self.next()
        if self.peek().kind == closing and closing in (")", "]"):
            raise self.fail("empty brackets", opening)
        if self.peek().kind == "command" and self.peek().text == "cdot" and self.peek(1).kind == closing:
            self.next()
            body: Node = Dots("cdot", start=opening.start, end=self.last)
        else:
            body = self.relation()
        self._gaps()
        while (
            self.peek().kind in ("|", "command", ",", "quad", ":")
            and self.peek().kind != closing
            and not (self.peek().kind == "|" and closing == "|")
        ):
            if self.peek().kind == "|" or (self.peek().kind == "command" and self.peek().text == "mid"):  # p(o|c)
                self.next()
                body = Given((body, self.relation()), start=opening.start, end=self.last)
            else:
                break
        self.fences.pop()
        self.depth -= 1
        closed = self.next()
        if closed.kind != closing and not (closing in (")", "]") and closed.kind in (")", "]")):
            raise self.fail(f"the bracket {opening.text!r} is never closed", opening)
        return Fence(kind, body, start=opening.start, end=self.last)

    def _unbraced(self) -> Node | None:
        r"""\left\{ \begin{array} … \end{array} \right.: cases; None where a brace is a brace."""
        k = 0
        while self.peek(k).kind == "{":
            k += 1
        if self.peek(k).kind != "begin" or self.peek(k).text not in _MATRICES | _ALIGNED:
            return None
        saved = self.at
        self.at += k
        node = self._environment(conditions=True)
        for _ in range(k):
            self.expect("}", "the end of a group, }")
        if self.peek().kind == "\\}":
            self.at = saved
            return None
        return node

    def _gaps(self) -> None:
        while self.peek().kind in ("newline", "quad", "&"):
            self.next()

    # -- environments ---------------------------------------------------------------------------------------

    def _environment(self, conditions: bool = False) -> Node:
        begin = self.next()
        name = begin.text
        if conditions:
            self._column_format(name)
        if name in _CASES or conditions:
            self._conditions_apart()
            return Choices(tuple(map(_choice, self._cells(name, conditions=True))), start=begin.start, end=self.last)
        if name in _MATRICES:
            self._column_format(name)
            rows = self._cells(name)
            bracket = {"vmatrix": "abs", "Vmatrix": "norm"}.get(name)
            node: Node = Rows(tuple(map(tuple, rows)), start=begin.start, end=self.last)
            return Fence(bracket, node, start=begin.start, end=self.last) if bracket else node
        if name in _ALIGNED:
            rows = self._cells(name)
            return Rows(tuple(map(tuple, rows)), start=begin.start, end=self.last)
        raise self.fail(f"the environment {name!r} is not read", begin)

    def _column_format(self, name: str) -> None:
        if name.endswith("*") or name == "array":
            while self.peek().kind in ("[", "{"):
                closing = "]" if self.peek().kind == "[" else "}"
                while self.peek().kind not in (closing, "end"):
                    self.next()
                self.next()
                if closing == "}":
                    return

    def _cells(self, name: str, conditions: bool = False) -> list[list[Node | None]]:
        """Rows of cells up to \\end{name}."""
        self._without_strokes()
        rows: list[list[Node | None]] = [[]]
        self.depth += 1
        if self.depth > DEEPEST:
            raise self.fail(f"more than {DEEPEST} levels of environments")
        self.fences.append("&")
        while True:
            token = self.peek()
            if token.kind == "end" and token.text:
                self.next()
                if token.text != name:
                    raise self.fail(f"\\begin{{{name}}} ends with \\end{{{token.text}}}", token)
                break
            if token.kind == "end":
                raise self.fail(f"\\begin{{{name}}} is never ended", token)
            if token.kind == "newline":
                self.next()
                rows.append([])
            elif token.kind == "&":
                self.next()
                rows[-1].append(None)
            else:
                if not rows[-1] or (conditions and len(rows[-1]) == 1 and rows[-1][0] is not None):
                    rows[-1].append(None)
                node = self._cell(conditions)
                rows[-1][-1] = node if rows[-1][-1] is None else rows[-1][-1]
                continue
            if token.kind == "&" and len(rows[-1]) == 1:
                rows[-1].append(None)
        self.fences.pop()
        self.depth -= 1
        return [row for row in rows if any(cell is not None for cell in row)]

    def _without_strokes(self) -> None:
        """The columns and rows of a picture, | x_1 … x_n | and — x_1ᵀ —: strokes only say how they lie, and are left out."""
        rows, end = self._raw_rows()
        bare = [[[t for t in cell if _counts(t)] for cell in row] for row, _ in rows]
        dashed = any(len(row) > 2 and _dash(row[0]) and _dash(row[-1]) for row in bare)
        kept: list[Token] = []
        for (row, closing), cells in zip(rows, bare, strict=True):
            if any(cells) and all(_stroke(t) for cell in cells for t in cell):
                continue
            if dashed and len(row) > 2 and all(not cell or _dash(cell) for cell in (cells[0], cells[-1])):
                row, cells = [row[1][1:], *row[2:-1]], cells[1:-1]
            for cell, plain in zip(row, cells, strict=True):
                lies = len(cells) == 1 and len(plain) > 2 and _dash(plain[:1]) and _dash(plain[-1:]) and not any(_dash([t]) for t in plain[1:-1])
                kept += [t for t in cell if not (lies and (t is plain[0] or t is plain[-1]))]
            kept += closing
        self.tokens[self.at : end] = kept

    def _raw_rows(self) -> tuple[list[tuple[list[list[Token]], list[Token]]], int]:
        """The tokens of each row of an environment, cell by cell with the & before it, and its line break; where the environment ends."""
        rows: list[tuple[list[list[Token]], list[Token]]] = [([[]], [])]
        depth = 0
        for k in range(self.at, len(self.tokens)):
            token = self.tokens[k]
            depth += (token.kind in ("{", "begin")) - (token.kind == "}" or (token.kind == "end" and bool(token.text)))
            if depth < 0:
                return rows, k
            if depth == 0 and token.kind == "newline":
                rows[-1][1].append(token)
                rows.append(([[]], []))
            elif depth == 0 and token.kind == "&":
                rows[-1][0].append([token])
            else:
                rows[-1][0][-1].append(token)
        return rows, len(self.tokens)

    def _conditions_apart(self) -> None:
        """1, \\quad x > 0: in a row of cases without & the wide blank stands for it."""
        depth, row = 0, [self.at]
        for k in range(self.at, len(self.tokens)):
            token = self.tokens[k]
            depth += (token.kind in ("{", "begin")) - (token.kind == "}" or (token.kind == "end" and bool(token.text)))
            if depth < 0 or token.kind in ("newline", "end"):
                kinds = [self.tokens[n].kind for n in row]
                if depth <= 0 and "quad" in kinds and "&" not in kinds:
                    at = row[kinds.index("quad")]
                    self.tokens[at] = replace(self.tokens[at], kind="&")
                row = []
            elif depth == 0:
                row.append(k)
            if depth < 0:
                return

    def _cell(self, condition: bool) -> Node:
        start = self.peek().start
        words = []
        if [self.peek(k).kind for k in range(3)] == ["{", "text", "}"]:
            words.append(self.peek(1))
            self.at += 3
        while self.peek().idle:
            token = self.next()
            if token.kind == "text":
                words.append(token)
        if self.peek().kind in ("&", "newline", "end"):
            if (len(words) == 1 and "$" in words[0].text) or (condition and words):
                return Words(words[0].text, start=start, end=self.last)
            return Words(" ".join(w.text for w in words), start=start, end=self.last)
        self.worded.append(condition)
        node = self.relation()
        self.worded.pop()
        while self.peek().kind in ("text", "quad", ",", ".", ";") and not (condition and self._conditional()):
            self.next()
        return node

    def _conditional(self, ahead: int = 0) -> bool:
        """Whether the words of a case come next: if, otherwise."""
        token = self.peek(ahead)
        return token.kind == "text" and (first_word(token.text) in IF or first_word(token.text) in ELSE)

    # -- commands -------------------------------------------------------------------------------------------

    def _command(self) -> Node:
        token = self.next()
        name, start = token.text, token.start
        if name in ("frac", "dfrac", "tfrac", "cfrac", "nicefrac", "sfrac"):
            top = self._argument()
            bottom = self._argument()
            return Fraction(top, bottom, start=start, end=self.last)
        if name in ("partial", "mathrm d"):
            return self._differential("∂", start)
        if name == "nabla":
            below = None
            if self.peek().kind == "_":
                self.next()
                below = self.script()
            order = 1
            if self.peek().kind == "^":
                self.next()
                if flat_number(self.script()) != 2:
                    raise self.fail("only first and second derivatives are read")
                order = 2
            if below is None and self.peek().kind == "_":
                self.next()
                below = self.script()
            return Nabla(below, order, start=start, end=self.last)
        if name in _BIG:
            return self._big(_BIG[name], start)
        if name in _ACCENTS:
            return self._accent(_ACCENTS[name], start)
        if name in ("sqrt",):
            return self._root(start)
        if name in _DOTS:
            return Dots(name, start=start, end=token.end)
        if name in ("underbrace", "overbrace"):
            body = self._argument()
            while self.peek().kind in ("_", "^"):
                self.next()
                self._skip_script()
            return _spanned(body, start, self.last)
        if name in ("stackrel", "overset", "underset"):
            self._skip_script()
            return self._argument()
        if name in ("norm", "abs", "Norm", "Vert"):
            return Fence("abs" if name == "abs" else "norm", self._argument(), start=start, end=self.last)
        if name in _UNWRAP:
            return self._argument()
        if name == "langle":
            return self._angle(start)
        if name in ("ip", "inner", "innerproduct", "dotp"):
            pair = (self._argument(), self._argument())
            return Fence("angle", Commas(pair, start=pair[0].start, end=pair[1].end), start=start, end=self.last)
        if name in ("lbrace", "lfloor", "lceil"):
            raise self.fail(f"\\{name} can't be read", token)
        if name in ("binom", "genfrac", "choose"):
            raise self.fail(f"\\{name} can't be read", token)
        if name == "infty":
            return Symbol("infty", start=start, end=token.end)
        if name in ("forall", "exists", "neg", "cap", "cup", "subset", "leftarrow", "checkmark"):
            raise self.fail(f"\\{name} is logic, not a formula that is judged", token)
        if name == "top":
            return Symbol("top", start=start, end=token.end)
        if name in ("prime",):
            raise self.fail("a prime without a base", token)
        if name == "Re":  # everything here is real
            return _spanned(self.postfix(), start, self.last)
        raise self.fail(f"\\{name} is not known", token)

    def _argument(self) -> Node:
        """One argument of a command: a group, or one sign."""
        if self.peek().kind == "{":
            self.depth += 1
            if self.depth > DEEPEST:
                raise self.fail(f"more than {DEEPEST} levels of braces")
            node = self.group(commas=True)
            self.depth -= 1
            return node
        if self.peek().kind == "number" and len(self.peek().text) > 1 and self.peek().text.isdigit():
            token = self.peek()  # \frac12: two arguments of one digit each
            first = Token("number", token.text[0], token.start, token.start + 1)
            rest = Token("number", token.text[1:], token.start + 1, token.end)
            self.tokens[self.at : self.at + 1] = [first, rest]
        return self.atom()

    def _skip_script(self) -> None:
        """A label over or under something: not read."""
        if self.peek().kind != "{":
            self.next()
            return
        depth = 0
        while self.peek().kind != "end" or self.peek().text:
            token = self.next()
            depth += (token.kind == "{") - (token.kind == "}")
            if depth == 0:
                return

    def _differential(self, sign: str, start: int) -> Node:
        order = 1
        if self.peek().kind == "^":
            self.next()
            power = self.script()
            if power == Symbol("+") and sign == "∂":
                sign = ALONE
            elif not isinstance(power, Number) or power.text not in ("1", "2"):
                raise self.fail("only first and second derivatives are read")
            else:
                order = int(power.text)
        if self.peek().kind == "^":
            raise self.fail("two powers")
        if self.accept("_"):  # ∂_v L
            return Nabla(self.script(), order, start=start, end=self.last)
        body = None
        if self.peek().kind == "-" and self.fences[-1:] == ["}"]:
            body = self._signed_product()  # \frac{∂ -log y}{∂ v}
        elif self._starts() and not (self.peek().kind == "command" and self.peek().text == "partial"):
            body = self.postfix()
            if body == Words(""):
                return Differential(sign, None, order, start=start, end=self.last)  # \frac{\partial {}}{\partial x}
            if isinstance(body, Symbol | Scripted) and self.peek().kind in ("(", "[") and self.peek().glued:
                place = body.start  # ∂l(y, o): the brackets belong to it
                body = Product((("", body), ("", self.postfix())), start=place, end=self.last)
        return Differential(sign, body, order, start=start, end=self.last)

    def _big(self, kind: str, start: int) -> Node:
        sub: Node | None = None
        sup: Node | None = None
        while self.peek().kind in ("_", "^"):
            if self.next().kind == "_":
                sub = self.script()
            else:
                sup = self.script()
        body = self.product() if self.peek().kind not in ("+", "-") else self._signed_product()
        if kind == "prod" and isinstance(body, Product):
            return Big(kind, sub, sup, body, _own_factors(sub, body), start=start, end=self.last)
        return Big(kind, sub, sup, body, start=start, end=self.last)

    def _signed_product(self) -> Node:
        start = self.peek().start
        sign = self._signs()
        body = self.product()
        return Sum(((-1, body),), start=start, end=self.last) if sign == -1 else body

    def _accent(self, accent: str, start: int) -> Node:
        body = self._argument()
        if not accent:
            return _spanned(body, start, self.last)
        return accented(body, accent, start, self.last)

    def _root(self, start: int) -> Node:
        degree = None
        if self.peek().kind == "[":
            self.next()
            degree = self.sum()
            self.expect("]", "the end of the degree, ]")
        return Root(self._argument(), degree, start=start, end=self.last)

    def _angle(self, start: int) -> Node:
        items = [self.sum()]
        while self.accept(",") or self.accept("|"):
            items.append(self.sum())
        closing = self.next()
        if closing.kind != "command" or closing.text != "rangle":
            raise self.fail("⟨ is never closed", closing)
        return Fence("angle", Commas(tuple(items), start=items[0].start, end=items[-1].end), start=start, end=self.last)


def _own_factors(sub: Node | None, body: Product) -> int | None:
    """How many factors stand up to the last one with the index: in ∏_i a_i b the b may stand outside. None where all do."""
    first = next((n for n in walk(sub) if isinstance(n, Symbol)), None) if sub is not None else None
    own = max((k + 1 for k, (_, f) in enumerate(body.factors) if any(n == first for n in walk(f))), default=len(body.factors))
    return own if own < len(body.factors) else None


def accented(body: Node, accent: str, start: int, end: int) -> Node:
    """The accent goes to the letter: \\bar{h_t} is the adjoint of h_t, \\hat{y}_1 as well as \\hat{y_1}."""
    match body:
        case Symbol():
            return Symbol(body.head, (*body.accents, accent), start=start, end=end)
        case Scripted():
            return Scripted(
                accented(body.base, accent, body.base.start, body.base.end), body.sub, body.sup, body.primes, start=start, end=end
            )
    raise Unreadable(f"a {accent} over more than one name", start)


def first_word(text: str) -> str:
    """The first word of a text, without the signs after it; one that is written without spaces counts by its first letters."""
    words = text.replace("$", " ").split()
    first = words[0].strip(",:;()").lower() if words else ""
    return next((w for w in (*IF, *ELSE) if not w.isascii() and first.startswith(w)), first)


def _choice(row: list[Node | None]) -> tuple[Node, Node | None]:
    """The value and the condition of a row of cases: 0 & \\text{if} & a < 0."""
    value, *rest = row
    said = [n for n in rest if n is not None]
    return value or Words(""), next((n for n in reversed(said) if not isinstance(n, Words)), said[-1] if said else None)


def flat_number(node: Node) -> int | None:
    return int(node.text) if isinstance(node, Number) and node.text.isdigit() and len(node.text) < 3 else None


_DASHES = frozenset("horzbar textemdash textendash".split())
_STROKES = frozenset("vert mid vertbar lvert rvert".split())


def _counts(token: Token) -> bool:
    """Whether a token of a cell is more than a blank."""
    return token.kind != "&" and (not token.idle or _dash([token]))


def _stroke(token: Token) -> bool:
    return token.kind == "|" or (token.kind == "command" and token.text in _STROKES)


def _dash(cell: list[Token]) -> bool:
    """Whether a cell is nothing but dashes."""

    def one(t: Token) -> bool:
        return t.kind == "-" or (t.kind == "command" and t.text in _DASHES) or (t.kind == "text" and not t.text.strip("-–— "))

    return bool(cell) and all(map(one, cell))


def _side_by_side(script: Node) -> Node:
    """W^{(2)^T} for W^{(2)T}."""
    fenced = isinstance(script, Scripted) and isinstance(script.base, Fence) and script.sub is None and not script.primes
    if not fenced or not isinstance(script, Scripted) or not isinstance(script.sup, Symbol) or script.sup.head not in ("T", "top"):
        return script
    return Product((("", script.base), ("", script.sup)), start=script.start, end=script.end)


def _spanned(node: Node, start: int, end: int) -> Node:
    return replace(node, start=start, end=end)


def _merge_slashes(factors: list[tuple[str, Node]]) -> list[tuple[str, Node]]:
    """∂L / ∂x is the derivative that the fraction is; a / b stays a division of what stands around the stroke."""
    merged: list[tuple[str, Node]] = []
    for op, node in factors:
        if op == "/" and merged and isinstance(node, Differential) and isinstance(merged[-1][1], Differential):
            before, top = merged.pop()
            merged.append((before, Fraction(top, node, start=top.start, end=node.end)))
        else:
            merged.append((op, node))
    return merged


def _rows_of_lists(factors: list[tuple[str, Node]]) -> list[tuple[str, Node]]:
    """[0.5, -0.3] before a matrix is a row."""
    found = list(factors)
    for k, ((op, a), (sign, b)) in enumerate(pairwise(factors)):
        if sign == "" and isinstance(b, Rows) and isinstance(a, Fence) and a.kind == "bracket" and isinstance(a.body, Commas):
            found[k] = (op, Rows((a.body.items,), start=a.start, end=a.end))
    return found


def _reopened(factors: list[tuple[str, Node]]) -> list[tuple[str, Node]]:
    """\\underbrace{\\sum_k a_k} b_k: a brace under a sum closes nothing, what carries its index belongs to it."""
    at = next((k for k, (_, n) in enumerate(factors[:-1]) if isinstance(n, Big) and n.kind == "sum" and n.sub is not None), None)
    if at is None:
        return factors
    big, rest = factors[at][1], factors[at + 1 :]
    assert isinstance(big, Big) and big.sub is not None
    first = big.sub.parts[0] if isinstance(big.sub, Relation) else big.sub
    if not isinstance(first, Symbol) or not any(first in walk(n) for _, n in rest):
        return factors
    inside = list(big.body.factors) if isinstance(big.body, Product) else [("", big.body)]
    body = Product((*inside, *rest), start=big.body.start, end=rest[-1][1].end)
    return [*factors[:at], (factors[at][0], Big(big.kind, big.sub, big.sup, body, big.own, start=big.start, end=body.end))]


def parse(text: str, words: Collection[str] = ()) -> Node:
    """The syntax of one formula: an expression or a chain of relations. Raises Unreadable."""
    parser = Parser(tokenize(text, words), text)
    node = parser.relation()
    if parser.peek().kind != "end" or parser.peek().text:
        raise parser.fail(f"{parser.peek().text!r} can't be read here")
    return node
