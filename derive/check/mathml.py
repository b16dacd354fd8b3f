"""Formulas as MathML, in pieces between which a page can break the line."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup, escape

from derive.check.plain import LETTERS as PLAIN
from derive.check.plain import SCRIPT, visible
from derive.check.written import Scripts, Span, Writer, is_word
from derive.printing.notation import GREEK
from derive.reader.statements import Link
from derive.reader.syntax import Fence, Fraction, Node, Product, Sum

LETTERS = {**PLAIN, "top": "⊤"}
ACCENTS = {"hat": "^", "tilde": "~", "dot": "˙", "ddot": "¨", "ring": "˚", "check": "ˇ", "breve": "˘", "acute": "´"}
FENCES = {"paren": "()", "bracket": "[]", "brace": "{}", "abs": "||", "norm": "‖‖", "angle": "⟨⟩"}
DOTS = {"cdots": "⋯", "vdots": "⋮", "ddots": "⋱", "iddots": "⋰", "cdot": "·"}
BIGS = {"sum": "∑", "prod": "∏", "int": "∫", "cup": "⋃", "oplus": "⨁"}
SIGNS = {"-": "−", "·": "⋅", "*": "∗"}
CLOSE = " lspace='0' rspace='0'"


class MathML(Writer):
    """Presentation MathML. What stands out has a class."""

    def __init__(self, source: str, marked: Sequence[Span] = (), name: str = "no"):
        super().__init__(source, marked)
        self.name = name

    def letter(self, head: str, face: str) -> str:
        if head.startswith("set "):
            return f"<mi>{ {'R': 'ℝ', 'E': '𝔼', 'N': 'ℕ', 'Z': 'ℤ'}.get(head[4:]) or _safe(head[4:]) }</mi>"
        if head in ("top", "dagger", "circ", "star", "ast", "*", "+", "-", ":", "odot", "wedge", "prime"):
            return f"<mo{CLOSE}>{_safe(LETTERS.get(head, SIGNS.get(head, head)))}</mo>"
        text = LETTERS.get(head) or GREEK.get(head) or (SCRIPT.get(head) if face == "script" else None) or visible(head)
        if face == "bold":
            return f"<mi mathvariant='normal' class='bold'>{_safe(text)}</mi>"
        if face == "upright" or (head in GREEK and head[0].isupper()):
            return f"<mi mathvariant='normal'>{_safe(text)}</mi>"
        return f"<mi>{_safe(text)}</mi>"

    def accented(self, body: str, accent: str) -> str:
        if accent == "bar":  # a rule of its own: browsers set the macron so low that it vanishes in capitals
            return f"<mrow class='bar'>{body}</mrow>"
        return f"<mover accent='true'>{body}<mo stretchy='false'>{ACCENTS[accent]}</mo></mover>"

    def number(self, text: str) -> str:
        return f"<mn>{_safe(text)}</mn>"

    def words(self, text: str) -> str:
        return f"<mtext>{_safe(visible(text))}</mtext>"

    def dots(self, kind: str) -> str:
        return f"<mo{CLOSE}>{DOTS.get(kind, '…')}</mo>"

    def sign(self, op: str, leading: bool = False) -> str:
        close = CLOSE if leading or op == "/" else " separator='true' lspace='0'" if op == "," else ""
        form = " form='prefix'" if leading else " form='infix'"  # a sign that begins a piece would count as a prefix
        return f"<mo{form}{close}>{_safe(SIGNS.get(op, op))}</mo>"

    def row(self, parts: Sequence[str]) -> str:
        return f"<mrow>{''.join(parts)}</mrow>"

    def gap(self, wide: bool) -> str:
        return f"<mspace width='{'.17em' if wide else '.08em'}'/>"

    def between(self, op: str, before: Node, after: Node) -> str:
        if not op and not isinstance(after, Fence) and (is_word(before) or is_word(after)):
            return self.gap(True)
        return super().between(op, before, after)

    def scripted(self, scripts: Scripts) -> str:
        base = self.node(scripts.base) or "<mrow/>"
        below = "".join([self.node(n) for n in scripts.below])
        above = f"<mo{CLOSE}>{'′' * scripts.primes}</mo>" if scripts.primes else ""
        return self.raised(base, above + "".join([self.node(n) for n in scripts.above]), below)

    def raised(self, body: str, above: str, below: str = "") -> str:
        above = f"<mn>{above}</mn>" if above.isdigit() else above
        if above and below:
            return f"<msubsup>{body}<mrow>{below}</mrow><mrow>{above}</mrow></msubsup>"
        if below:
            return f"<msub>{body}<mrow>{below}</mrow></msub>"
        return f"<msup>{body}<mrow>{above}</mrow></msup>" if above else body

    def bar(self) -> str:
        return '<mo stretchy="true">|</mo>'

    def fence(self, kind: str, body: str, tall: bool) -> str:
        left, right = tuple(FENCES[kind])
        stretch = "" if tall else " stretchy='false'"
        return f"<mrow><mo form='prefix'{CLOSE}{stretch}>{left}</mo>{body}<mo form='postfix'{CLOSE}{stretch}>{right}</mo></mrow>"

    def fraction(self, top: Node, bottom: Node) -> str:
        return f"<mfrac><mrow>{self.node(top)}</mrow><mrow>{self.node(bottom)}</mrow></mfrac>"

    def root(self, body: str, degree: str | None) -> str:
        return f"<mroot><mrow>{body}</mrow><mrow>{degree}</mrow></mroot>" if degree else f"<msqrt>{body}</msqrt>"

    def big(self, kind: str, below: str | None, above: str | None, body: str) -> str:
        return f"<mrow>{self._operator(kind, below, above)}{body}</mrow>"

    def _operator(self, kind: str, below: str | None, above: str | None) -> str:
        sign = f"<mo movablelimits='false'>{BIGS[kind]}</mo>" if kind in BIGS else f"<mo rspace='.17em'>{_safe(kind)}</mo>"
        if below and above:
            return f"<munderover>{sign}<mrow>{below}</mrow><mrow>{above}</mrow></munderover>"
        return (
            f"<munder>{sign}<mrow>{below}</mrow></munder>"
            if below
            else f"<mover>{sign}<mrow>{above}</mrow></mover>"
            if above
            else sign
        )

    def table(self, rows: list[list[str]], bracket: str) -> str:
        cells = "".join("<mtr>" + "".join([f"<mtd>{c}</mtd>" for c in row]) + "</mtr>" for row in rows)
        left, right = tuple(FENCES[bracket]) if bracket else ("", "")
        inside = f"<mtable>{cells}</mtable>"
        return f"<mrow><mo form='prefix'>{left}</mo>{inside}<mo form='postfix'>{right}</mo></mrow>" if left else inside

    def choices(self, rows: list[tuple[str, str]]) -> str:
        cells = "".join(f"<mtr><mtd>{a}</mtd><mtd>{b}</mtd></mtr>" for a, b in rows)
        return f"<mrow><mo form='prefix'>{{</mo><mtable class='cases'>{cells}</mtable></mrow>"

    def emphasised(self, body: str) -> str:
        return f"<mrow class='{self.name}'>{body}</mrow>"

    def emphasised_sign(self, text: str) -> str:
        return text.replace("<mo", f"<mo class='{self.name}'", 1)

    # -- lines that may be broken ---------------------------------------------------------------------------

    def line(self, link: Link, whole: bool = True) -> Markup:
        """A relation as pieces of MathML, one for each term: a page breaks the line between them."""
        equals = self.marked_sign(link.op, link.left.end, link.right.start)
        pieces = [*(self._terms(link.left) if whole else []), *self._terms(link.right, equals)]
        return Markup("<wbr>".join([f"<math displaystyle='true'>{p}</math>" for p in pieces]))

    def inline(self, node: Node) -> Markup:
        return Markup(f"<math>{self.node(node)}</math>")

    def inline_relation(self, link: Link) -> Markup:
        return Markup(f"<math>{self.relation((link.left, link.right), (link.op,))}</math>")

    def _terms(self, node: Node, lead: str = "") -> list[str]:
        """The terms of a sum, the first with what stands before it; a product at its signs."""
        if self.marked and self._stands_out(node):
            return [lead + self.node(node)]
        if isinstance(node, Product):
            return self._factors(node, lead)
        if not isinstance(node, Sum):
            return [lead + self.node(node)]
        pieces: list[str] = []
        at = node.start
        for k, (sign, term) in enumerate(node.terms):
            if k or sign < 0:
                lead += self.marked_sign("-" if sign < 0 else "+", at, term.start, leading=not k)
            pieces += self._terms(term, lead) if isinstance(term, Product) else [lead + self.node(term)]
            at, lead = term.end, ""
        return pieces

    def _factors(self, node: Product, lead: str) -> list[str]:
        """Runs of juxtaposed factors: a long product may be broken before a sign of multiplication."""
        runs: list[list[tuple[str, Node]]] = [[]]
        for op, factor in node.factors:
            if op and op != "/" and isinstance(factor, Fraction | Product) | (len(runs[-1]) > 1):
                runs.append([])
            runs[-1].append((op, factor))
        pieces = []
        for k, run in enumerate(runs):
            first = run[0][0]
            if k:
                lead = self.marked_sign(first, runs[k - 1][-1][1].end, run[0][1].start)
            part = Product((("", run[0][1]), *run[1:]), start=run[0][1].start, end=run[-1][1].end) if len(run) > 1 else run[0][1]
            pieces.append(lead + self.node(part))
        return pieces


def _safe(text: str) -> str:
    return str(escape(text))
