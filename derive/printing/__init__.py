"""Printing: expressions to notation, notation to LaTeX, MathML and text."""

from __future__ import annotations

from derive.expr import Expr, written_size
from derive.printing.express import Speller
from derive.printing.latex import latex
from derive.printing.mathml import mathml
from derive.printing.names import Style
from derive.printing.notation import Node, Sym
from derive.printing.text import text

LONGEST = 20_000  # nodes that are written out: a shared one may stand very often
WRITERS = {"latex": latex, "mathml": mathml, "text": text}


def write(e: Expr | Node, language: str = "text", style: Style = Style()) -> str:
    """An expression, or notation, in a language: "latex", "mathml" or "text"."""
    if not isinstance(e, Node) and (size := written_size(e)) > LONGEST:
        return f"(an expression of {size:.0e} parts)" if language == "text" else WRITERS[language](Sym("…"))
    return WRITERS[language](e if isinstance(e, Node) else Speller(style).spell(e))


Expr.printer = write

__all__ = ["Style", "write"]
