"""A document to its formulas: every display counted, inline mathematics, code, comments, macros, encodings."""

from __future__ import annotations

import pytest

from derive.expr import DeriveError
from derive.reader.document import BIGGEST, DISPLAYS, decode, read_document, read_text


def read(text, latex=None):
    """(display, LaTeX) of each formula, blanks made one."""
    return [(f.display, " ".join(f.tex.split())) for f in read_document(text, latex).formulas]


def displays(text, latex=None):
    return [tex for number, tex in read(text, latex) if number is not None]


# -- what is a display --------------------------------------------------------------------------------------------

DISPLAYED = {
    "dollars": "$$ a = b $$", "dollars over lines": "$$\na = b\n$$", "brackets": r"\[ a = b \]", "brackets over lines": "\\[\na = b\n\\]",
    **{name: rf"\begin{{{name}}} a = b \end{{{name}}}" for name in DISPLAYS}, **{f"{name}*": rf"\begin{{{name}*}} a = b \end{{{name}*}}" for name in DISPLAYS[:7]},
    "a fence of mathematics": "```math\na = b\n```", "a fence of MyST": "```{math}\na = b\n```", "with more signs": "````math\na = b\n````", "with a label": "```{math} eq\na = b\n```",
    "inside a list": "- then\n  ```math\n  a = b\n  ```", "dollars beside words": "so $$a = b$$ holds",
}  # fmt: skip
NOT_DISPLAYED = {
    "a line break with a distance": r"$a \\[1ex] b$ and \\[2pt] $c$", "a line break before a bracket": "\\\\[ a = b \\\\]", "dollars with a backslash": r"\$\$ a = b \$\$", "a fence of code": "```python\n$$a = b$$\n```",
    "a fence of code with tildes": "~~~\n$$a = b$$\n~~~", "code in a line": "the source `$$a = b$$` of it", "an open display": "$$ a = b", "an open bracket": r"\[ a = b", "an open environment": r"\begin{align} a = b",
    "an environment that is no display": r"\begin{figure} a = b \end{figure} $c$", "environments that don't match": r"\begin{align} a = b \end{equation} $c$",
}  # fmt: skip


@pytest.mark.parametrize("text", DISPLAYED.values(), ids=list(DISPLAYED))
def test_displays(text):
    assert read(text) == [(0, "a = b")]


@pytest.mark.parametrize("text", NOT_DISPLAYED.values(), ids=list(NOT_DISPLAYED))
def test_no_displays(text):
    assert displays(text + "\n\nand $x$ inline") == []


def test_every_display_counts_whatever_is_in_it():
    text = r"""
Words. $$x$$ A lone expression counts, $i$ does not.
\[ y = 1 \\[1ex] z = 2 \]
```math
w = 3
```
```
$$ not this one $$
```
\begin{align*}
  a &= b \\[2ex]
    &= c
\end{align*}
```{math}
:label: eq
u = 4
```
$$
$$
\begin{equation} \begin{aligned} p &= q \\ r &= s \end{aligned} \end{equation}
"""
    found = [f for f in read_document(text).formulas if f.display is not None]
    assert [f.display for f in found] == list(range(len(found)))
    assert [" ".join(f.tex.split()) for f in found] == [
        "x", r"y = 1 \\[1ex] z = 2", "w = 3", r"a &= b \\[2ex] &= c", "u = 4", "", r"\begin{aligned} p &= q \\ r &= s \end{aligned}",
    ]  # fmt: skip


@pytest.mark.parametrize(("text", "wanted"), [
    ("as $a = b$ and $c$", ["a = b", "c"]), (r"as \( a = b \) and \(c\)", ["a = b", "c"]), ("$a = b$5 is no formula", []), (r"an escaped \$a = b\$", []),
    ("a formula may\ngo $a\n= b$ on", ["a = b"]), ("but not $a\n\n= b$ over a paragraph", []), (r"a dollar $a \$ b$ inside", [r"a \$ b"]), ("`$code$` and $x$", ["x"]),
])  # fmt: skip
def test_inline(text, wanted):
    document = read_document(text + "\n\n$$e = f$$")
    assert [" ".join(f.tex.split()) for f in document.formulas if f.display is None] == wanted
    assert [f.display for f in document.formulas if f.display is not None] == [0]


@pytest.mark.parametrize("text", [
    "some words $$a = b$$ and $c$", "\\[ x = 1 \\]\n% comment\n$y$", "```math\na = b\n```\n\n$$ c $$", "\\newcommand{\\R}{\\mathbb{R}}\n$x \\in \\R$", "α $β = γ$",
])  # fmt: skip
def test_places(text):
    """Every formula knows the stretch of text that it was read from."""
    for f in read_document(text, latex=True).formulas:
        assert 0 <= f.start <= f.end <= len(text)
        assert text[f.start : f.end].split()[0] in text
        assert not set(text[f.start : f.end]) & {"$"}


# -- comments, code, macros ---------------------------------------------------------------------------------------


def test_comments_are_dropped_in_latex_alone():
    text = "% $$a = b$$\n50\\% of $x$ % and $y$\n$$c = d % e\n+ f$$"
    assert read(text, latex=True) == [(None, "x"), (0, "c = d + f")]
    assert (0, "a = b") in read(text, latex=False)


@pytest.mark.parametrize(("text", "latex"), [
    (r"\documentclass{article} % $a$", True), (r"\begin{document} % $a$", True), (r"\newcommand{\x}{y} % $a$", True), ("# Heading % $a$", False), ("words % $a$", False),
])  # fmt: skip
def test_what_looks_like_latex(text, latex):
    assert (read(text + "\n$b$") == [(None, "b")]) is latex


MACROS = {
    "newcommand": (r"\newcommand{\R}{\mathbb{R}} $x \in \R^n$", r"x \in \mathbb{R}^n"),
    "without braces": (r"\newcommand\R{\mathbb{R}} $\R$", r"\mathbb{R}"),
    "renewcommand": (r"\renewcommand{\vec}{\mathbf} $\vec{x}$", r"\mathbf {x}"),
    "providecommand": (r"\providecommand{\half}{\frac12} $\half x$", r"\frac12 x"),
    "def": (r"\def\W{W^{(1)}} $\W x$", "W^{(1)} x"),
    "one argument": (r"\newcommand{\pd}[1]{\frac{\partial L}{\partial #1}} $\pd{w_i} = 0$", r"\frac{\partial L}{\partial w_i} = 0"),
    "two arguments": (r"\newcommand{\dd}[2]{\frac{\partial #1}{\partial #2}} $\dd{y}{x}$", r"\frac{\partial y}{\partial x}"),
    "arguments without braces": (r"\newcommand{\dd}[2]{\frac{#1}{#2}} $\dd y\alpha$", r"\frac{y}{\alpha}"),
    "macros in macros": (r"\newcommand{\a}{x} \newcommand{\b}{\a + \a} $\b$", "x + x"),
    "the longest name": (r"\newcommand{\w}{u} \newcommand{\wx}{v} $\w \wx$", "u v"),
    "names that go on are others": (r"\newcommand{\a}{z} $\alpha$", r"\alpha"),
    "a star": (r"\newcommand*{\a}{z} $\a$", "z"),
    "operators": (r"\DeclareMathOperator{\sm}{softmax} $\sm(z)$", r"\operatorname{softmax}(z)"),
    "operators with limits": (r"\DeclareMathOperator*{\am}{argmax} $\am_i z_i$", r"\operatorname{argmax}_i z_i"),
    "a body with groups": (r"\newcommand{\n}[1]{\lVert {#1} \rVert} $\n{a}$", r"\lVert {a} \rVert"),
    "an open body is none": (r"\newcommand{\a}{z $\a$", r"\a"),
    "itself": (r"\newcommand{\a}{\a} $x\a$", r"x\a"),
    "growth is bounded": (r"\newcommand{\a}{\a\a} $\a$", None),
}  # fmt: skip


@pytest.mark.parametrize(("text", "wanted"), list(MACROS.values()), ids=list(MACROS))
def test_macros(text, wanted):
    (formula,) = read_document(text).formulas
    assert wanted is None or " ".join(formula.tex.split()) == wanted
    assert len(formula.tex) < 200_000


def test_declared_operators_are_words():
    assert read_document(r"\DeclareMathOperator{\sm}{softmax} $x$").words == {"softmax"}


def test_definitions_hold_no_formulas():
    assert read(r"\newcommand{\a}{$x = y$} $z$") == [(None, "z")]


# -- texts without any mathematics marked -------------------------------------------------------------------------


@pytest.mark.parametrize(("text", "wanted"), [
    (r"\bar{h} = W^\top \bar{y}", [r"\bar{h} = W^\top \bar{y}"]), ("a = b\nwords\nc = d", ["a = b", "c = d"]), (r"a &= b \\ &= c", [r"a &= b \\ &= c"]), ("just words", []), ("", []), ("   \n ", []),
    ("a = b\r\nc = d", ["a = b", "c = d"]),
])  # fmt: skip
def test_plain_text(text, wanted):
    assert displays(text) == wanted
    assert [n for n, _ in read(text)] == list(range(len(wanted)))


# -- bytes, files -------------------------------------------------------------------------------------------------

TEXT = "α $$a = β$$\n"
BYTES = {
    "UTF-8": TEXT.encode(), "UTF-8 with a mark": b"\xef\xbb\xbf" + TEXT.encode(), "UTF-16, little end first": b"\xff\xfe" + TEXT.encode("utf-16-le"), "UTF-16, big end first": b"\xfe\xff" + TEXT.encode("utf-16-be"),
    "CRLF": TEXT.replace("\n", "\r\n").encode(), "CR": TEXT.replace("\n", "\r").encode(),
}  # fmt: skip
NO_TEXT = {
    "zero bytes": (b"a\x00b", "x.txt: not a text file: it holds zero bytes"), "control signs": (b"\xff\x01\x02\x03", "x.txt: not a text file"),
    "too much": (b"a" * (4 * BIGGEST + 1), f"x.txt: more than {4 * BIGGEST} bytes, which is what is read"), "half a sign of UTF-16": (b"\xff\xfea", "x.txt: not a text file: it begins as utf-16 but isn't"),
    "broken UTF-8 after its mark": (b"\xef\xbb\xbf\xff", "x.txt: not a text file: it begins as utf-8-sig but isn't"),
}  # fmt: skip


@pytest.mark.parametrize("data", BYTES.values(), ids=list(BYTES))
def test_encodings(data):
    assert decode(data, "x.txt") == TEXT


def test_latin_1_is_the_last_resort():
    assert decode("é $a$".encode("latin-1"), "x.txt") == "é $a$"


@pytest.mark.parametrize(("data", "message"), list(NO_TEXT.values()), ids=list(NO_TEXT))
def test_what_is_no_text(data, message):
    with pytest.raises(DeriveError) as caught:
        decode(data, "x.txt")
    assert str(caught.value) == message


def test_line_ends_make_no_difference():
    text = "$$a\n= b$$\n```math\nc = d\n```\n% note\n\\[ e = f \\]\n"
    (first, *others) = ([(f.display, f.tex) for f in read_document(decode(text.replace("\n", end).encode(), "x")).formulas] for end in ("\n", "\r\n", "\r"))
    assert len(first) == 3 and all(o == first for o in others)


def test_files(tmp_path):
    path = tmp_path / "hand.txt"
    path.write_bytes(b"\xef\xbb\xbf$$a = b$$\r\n")
    assert read_text(path) == "$$a = b$$\n"
    with pytest.raises(DeriveError, match=r"missing.txt: No such file or directory"):
        read_text(tmp_path / "missing.txt")
    with pytest.raises(DeriveError, match=r"is a folder: give a .tex, .md or .txt file"):
        read_text(tmp_path)


# -- bounds -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("text", "message"), [
    ("x" * (BIGGEST + 1), f"a document of {BIGGEST + 1} characters: at most {BIGGEST} are read"),
    ("$x$ " * 5_001, "more than 5000 formulas in one document"),
    ("".join(rf"\newcommand{{\a{'b' * k}}}{{x}}" for k in range(501)), "more than 500 macros"),
])  # fmt: skip
def test_too_much(text, message):
    with pytest.raises(DeriveError) as caught:
        read_document(text)
    assert str(caught.value) == message


def test_quotes_of_markdown_are_no_relations():
    text = "> so\n> $$\n> a = b\n> + c\n> $$\nand\n$$\nx\n> y\n$$\n"
    assert [" ".join(f.tex.split()) for f in read_document(text).formulas] == ["a = b + c", "x > y"]


def test_the_options_of_a_fence_are_no_formula():
    text = "```{math}\n:label: eq-one\n:nowrap:\nx = y\n```\n"
    assert [f.tex.strip() for f in read_document(text).formulas] == ["x = y"]
