"""Printing: expressions to notation, notation to LaTeX, MathML and text."""

from __future__ import annotations

from derive.expr import Expr
from derive.printing.express import Speller
from derive.printing.latex import latex
from derive.printing.mathml import mathml
from derive.printing.names import Style
from derive.printing.notation import Node
from derive.printing.text import text

WRITERS = {"latex": latex, "mathml": mathml, "text": text}


def write(e: Expr | Node, language: str = "text", style: Style = Style()) -> str:
    """An expression, or notation, in a language: "latex", "mathml" or "text"."""
    node = e if isinstance(e, Node) else Speller(style).spell(e)
    return WRITERS[language](node)


Expr.printer = write

__all__ = ["Style", "write"]
