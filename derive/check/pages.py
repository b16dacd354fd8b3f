"""The report as LaTeX and as a page: the marks in the margin, what is wrong in colour, the counterexample below."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup, escape

from derive.check import latex, words
from derive.check.latex import Latex
from derive.check.lines import Line, Report
from derive.check.mathml import MathML
from derive.check.plain import visible
from derive.check.words import Maths, Piece
from derive.check.written import Unwritable, expression
from derive.printing.latex import latex as latex_of
from derive.printing.mathml import inner
from derive.printing.notation import Node
from derive.typeset import Latex as Trusted
from derive.typeset import environment

TITLE = "A derivation, marked"
REFUSED = (Unwritable, RecursionError, KeyError)


class Tex:
    """How the LaTeX report sets its pieces. Formulas are written anew from their syntax tree, the rest is escaped."""

    def words(self, text: str) -> Any:
        return Trusted(latex.prose(text))

    def source(self, tex: str) -> Any:
        return Trusted(latex.verbatim(tex))

    def notation(self, node: Node) -> Any:
        text = latex_of(node)
        wide = r"\begin{" in text
        return Trusted(rf"$\fit{{{text}}}$" if wide else f"${text}$".replace(", ", r",\allowbreak "))

    def line(self, maths: Maths, whole: bool = True) -> Any:
        """A formula on a line of its own, or its source where it can't be read."""
        link = maths.link
        if link is None:
            return self.source(maths.tex)
        try:
            return Trusted(rf"$\displaystyle {Latex(link.source, maths.marked, maths.colour).line(link, whole)}$")
        except REFUSED:
            return self.source(maths.tex)

    def inline(self, maths: Maths) -> Any:
        """A formula among words."""
        link = maths.link
        node = expression(maths.tex) if link is None else None
        try:
            if link is not None:
                return Trusted(f"${Latex(link.source, maths.marked, maths.colour).line(link)}$")
            if node is not None:
                return Trusted(f"${Latex(maths.tex, maths.marked, maths.colour).broken(node)}$")
        except REFUSED:
            pass
        return self.source(maths.tex)

    def join(self, pieces: Sequence[Any]) -> Any:
        return Trusted("".join(pieces))


class Html:
    """How the page sets its pieces."""

    def words(self, text: str) -> Any:
        return escape(visible(text))

    def source(self, tex: str) -> Any:
        return Markup("<code>{}</code>").format(visible(" ".join(tex.split())))

    def notation(self, node: Node) -> Any:
        return Markup(f"<math>{inner(node)}</math>")

    def line(self, maths: Maths, whole: bool = True) -> Any:
        link = maths.link
        if link is None:
            return self.source(maths.tex)
        try:
            return MathML(link.source, maths.marked, maths.colour).line(link, whole)
        except REFUSED:
            return self.source(maths.tex)

    def inline(self, maths: Maths) -> Any:
        link = maths.link
        node = expression(maths.tex) if link is None else None
        try:
            if link is not None:
                return MathML(link.source, maths.marked, maths.colour).line(link)
            if node is not None:
                return MathML(maths.tex, maths.marked, maths.colour).inline(node)
        except REFUSED:
            pass
        return self.source(maths.tex)

    def join(self, pieces: Sequence[Any]) -> Any:
        return Markup("").join(pieces)


TARGETS = {"tex": Tex(), "html": Html()}


def page(report: Report, target: str, title: str = "", embedded: bool = False) -> str:
    """The report as "tex" or "html". embedded: the page's inside alone, for a notebook."""
    if target not in TARGETS:
        raise ValueError(f"a report is set as {' or '.join(TARGETS)}, not as {target!r}")
    language = TARGETS[target]
    names = words.Names(report)
    context = {
        "title": language.words(title or report.title or TITLE), "embedded": embedded, "summary": language.words(words.summary(report)),
        "lines": [_entry(report.lines, k, language, names) for k in range(len(report.lines))],
    }  # fmt: skip
    return environment(target).get_template(f"marked.{target}.j2").render(context)


def _entry(lines: Sequence[Line], k: int, language: Any, names: words.Names) -> dict[str, Any]:
    """One line, in strings."""
    line = lines[k]
    chained = words.goes_on(lines, k)
    below = words.details(line, names)
    return {
        "n": line.n, "verdict": line.verdict, "kind": language.words(words.verdict(line)), "chained": chained,
        "formula": language.line(words.wrong(line), not chained), "note": _spoken(words.note(line), language),
        "reason": visible(line.reason), "details": [{"heading": h, "words": _detail(pieces, language)} for h, pieces in below],
    }  # fmt: skip


def _detail(pieces: Sequence[Piece], language: Any) -> Any:
    """A formula alone is set as one; words with formulas run on."""
    if len(pieces) == 1 and isinstance(pieces[0], Maths) and pieces[0].link is not None:
        return language.line(pieces[0])
    return _spoken(pieces, language)


def _spoken(pieces: Sequence[Piece], language: Any) -> Any:
    return language.join([_piece(p, language) for p in pieces])


def _piece(piece: Piece, language: Any) -> Any:
    if isinstance(piece, Maths):
        return language.inline(piece)
    return language.notation(piece) if isinstance(piece, Node) else language.words(piece)
