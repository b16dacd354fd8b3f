"""Languages of the sheets: how formulas and words are set, what is trusted, and the templates' environments."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from derive.printing.latex import escape, latex
from derive.printing.mathml import inner
from derive.printing.notation import Fence, Node, Sum


class Latex(str):
    """Trusted LaTeX: not escaped by the environment."""


@dataclass(frozen=True)
class Language:
    """How a target sets formulas and words."""

    name: str
    write: Any
    trusted: Any
    inline: tuple[str, str]

    def math(self, node: Node) -> Any:
        return self.trusted(self.inline[0] + self.write(node) + self.inline[1])

    def bare(self, node: Node) -> Any:
        return self.trusted(self.write(node))

    def escape(self, words: str) -> Any:
        return self.trusted(escape(words)) if self.name != "html" else Markup.escape(words)

    def join(self, pieces: Iterable[str | Node]) -> Any:
        """Words and formulas as one trusted string."""
        return self.trusted("".join(self.math(p) if isinstance(p, Node) else self.escape(p) for p in pieces))

    def continued(self, op: str, node: Node) -> Any:
        """A row that goes on with + or - or the entrywise product."""
        marks = {
            "latex": {"+": "+ ", "-": "- ", "odot": r"\odot "},
            "html": {"+": "<mo>+</mo>", "-": "<mo>−</mo>", "odot": "<mo>⊙</mo>"},
        }
        kind = "html" if self.name == "html" else "latex"
        inner = self.write(Fence("paren", node)) if op == "odot" and isinstance(node, Sum) else self.write(node)
        return self.trusted(f"{marks[kind].get(op, '')}{inner}")


LATEX = Language("latex", latex, Latex, ("$", "$"))
HTML = Language("html", inner, Markup, ("<math>", "</math>"))
MARKDOWN = Language("md", latex, Latex, ("$", "$"))
LANGUAGES = {"tex": LATEX, "html": HTML, "md": MARKDOWN}


# -- templates ----------------------------------------------------------------------------------------------------


def template_folder() -> Path:
    """The templates: beside the package in a checkout, inside it in an installed wheel."""
    packaged = Path(str(resources.files("derive"))) / "templates"
    return packaged if packaged.is_dir() else Path(__file__).parent.parent / "templates"


def environment(target: str) -> jinja2.Environment:
    """The environment of a target: undefined names are errors; HTML escapes by itself, for LaTeX see `_escaped`."""
    html = target == "html"
    marks: dict[str, Any] = {} if html else {
        "variable_start_string": "<<", "variable_end_string": ">>", "block_start_string": "<%", "block_end_string": "%>",
        "comment_start_string": "<#", "comment_end_string": "#>",
    }  # fmt: skip
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(template_folder()), undefined=jinja2.StrictUndefined, autoescape=html, trim_blocks=True,
        lstrip_blocks=True, keep_trailing_newline=True, **marks,
    )  # fmt: skip


def escaped(value: Any) -> Any:
    """The context with every string that isn't trusted LaTeX escaped, before a template sees it."""
    if isinstance(value, str):
        return value if isinstance(value, Latex) else Latex(escape(value))
    if isinstance(value, dict):
        return {k: escaped(v) for k, v in value.items()}
    return [escaped(v) for v in value] if isinstance(value, list) else value
