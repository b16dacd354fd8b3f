"""LaTeX to tokens: what is kept, what is layout, where each token stands, and what is refused."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest

from derive.reader.tokens import GREEK, LONGEST, MOST, WORDS, Unreadable, clean, tokenize


def kinds(text, words=()):
    return " ".join(t.kind for t in tokenize(text, words))


def texts(text, words=()):
    return [t.text for t in tokenize(text, words)]


# -- what a token is ----------------------------------------------------------------------------------------------

TEXTS = {
    "letters side by side": ("abx", ["a", "b", "x"]),
    "a run of digits is one number": ("12x3.50", ["12", "x", "3.50"]),
    "a decimal without its zero": (".5", [".5"]),
    "a point after a number": ("2. x", ["2", ".", "x"]),
    "signs": ("a+b-c*d/e=f", list("a+b-c*d/e=f")),
    "a definition's sign": ("z := x", ["z", ":=", "x"]),
    "scripts": ("x_{i}^2", ["x", "_", "{", "i", "}", "^", "2"]),
    "primes are one token": ("f''(x)", ["f", "''", "(", "x", ")"]),
    "Greek letters by their names": (r"\alpha\Omega\ell", ["alpha", "Omega", "ell"]),
    "variants are the same letter": (r"\varepsilon\varphi\vartheta\varrho", ["epsilon", "phi", "theta", "rho"]),
    "known words stand as one": (r"\log x \exp y", ["log", "x", "exp", "y"]),
    "and without a backslash": ("softmax(z)", ["softmax", "(", "z", ")"]),
    "the longest word wins": ("logsumexp", ["logsumexp"]),
    "a word inside a run of letters": ("axdiag", ["a", "x", "diag"]),
    "three dots": ("1...n", ["1", "dots", "n"]),
    "commands": (r"\frac \partial \odot", ["frac", "partial", "odot"]),
    "escaped signs are text": (r"50\% \& \_ \$", ["50", "%", "&", "_", "$"]),
    "brackets": (r"\{ a \} \| b \| \lVert c \rVert \vert d \vert", ["{", "a", "}", "|", "b", "|", "lVert", "c", "rVert", "vert", "d", "vert"]),
    "environments": (r"\begin{pmatrix} 1 & 2 \\ 3 \end{pmatrix}", ["pmatrix", "1", "&", "2", r"\\", "3", "pmatrix"]),
}  # fmt: skip
KINDS = {
    "numbers and names": ("2 x", "number name"),
    "strokes": (r"\| \Vert \lVert", "norm norm norm"),
    "single strokes": (r"| \mid \vert", "| | |"),
    "set brackets are not groups": (r"\{ {", "\\{ {"),
    "a prime, however long": ("'''", "prime"),
    "wide blanks": (r"a \quad b \qquad c", "name quad name quad name"),
    "line breaks": ("a \\\\ b \\newline c", "name newline name newline name"),
    "line breaks with a distance": ("a \\\\[1ex] b \\\\ [-2.5pt] c", "name newline name newline name"),
    "a bracket after a line break is no distance": ("a \\\\ [b]", "name newline [ name ]"),
    "unicode that means nothing": ("③ x", "other name"),
    "quotes": ("\"a\"", "other name other"),
}  # fmt: skip
LAYOUT = [
    r"\left( x \right)", r"\bigl( x \bigr)", r"\Big( x \Big)", r"( \, x \; \! \: )", r"(~x~)", r"\displaystyle ( x )", r"(x) \label{eq:1}", r"(x) \tag{3}",
    r"(x) \tag*{(a)}", r"(x) \nonumber", r"(x) \notag", r"\textstyle(x)\hspace{2em}", r"( \phantom{abc} x )", r"\color{red} ( x )", r"\textcolor{blue}(x)",
    r"(\mathbf x)", r"( x ) \vspace{1ex}", r"\hfill ( x )",
]  # fmt: skip
FONTS = {
    "a bold letter is a letter": (r"\mathbf{x}", "x"), "bold symbols": (r"\boldsymbol{\theta}\bm{w}", "theta w"), "calligraphic": (r"\mathcal{L}", "L"),
    "a font over several letters": (r"\mathbf{Wx}", "W x"), "an upright word is one name": (r"\mathrm{softmax}", "softmax"), "an operator": (r"\operatorname{foo}", "foo"),
    "text that is a word is a name": (r"\text{diag}", "diag"), "the ones": (r"\mathbf{1}", "ones"), "of other fonts": (r"\mathbb{1}\mathds{1}", "ones ones"),
    "the identity": (r"\mathbf{I}", "I"), "nothing": (r"\mathbf{0}\boldsymbol{0}", "zero zero"), "a set": (r"\mathbb{R}", "set R"), "old fonts": (r"{\bf x}", "x"),
}  # fmt: skip
PROSE = {
    "a word of prose": (r"\text{if } i", "if"), "with a formula in it": (r"\text{if $k \ne y_i$}", r"if $k \ne y_i$"), "several words": (r"\text{for all } i", "for all"),
    "in a box": (r"\mbox{where } x", "where"),
}  # fmt: skip
UNICODE = {
    "∂L/∂v": r"\partial L/\partial v", "a·b×c": r"a\cdot b\times c", "x − y": "x - y", "Wᵀ": r"W^{\top}", "σ(z)": r"\sigma (z)", "½ x²": r"\frac{1}{2} x^2",
    "a ⊙ b ∘ c": r"a \odot  b \circ  c", "i ≠ j": r"i \ne  j", "x ≈ 3": r"x \approx  3", "f′": "f'", "∇∑∏": r"\nabla \sum \prod ", "ℓ, ℒ": r"\ell , L",
    "x…y": r"x\dots y", "‖v‖": r"\Vert v\Vert ", "a\u00a0b\u200b": "a b ", "（x）": "(x)", "x ∈ R": r"x \in  R", "√2": r"\sqrt 2",
}  # fmt: skip


def cases(table):
    return pytest.mark.parametrize(("given", "wanted"), list(table.values()), ids=list(table))


@cases(TEXTS)
def test_texts(given, wanted):
    assert texts(given) == wanted


@cases(KINDS)
def test_kinds(given, wanted):
    assert kinds(given) == wanted


@pytest.mark.parametrize("given", LAYOUT)
def test_layout_says_nothing(given):
    assert [t.text for t in tokenize(given) if t.text not in "{}" and t.kind != "quad"] == ["(", "x", ")"]


@cases(FONTS)
def test_fonts(given, wanted):
    assert [t for t in texts(given) if t not in "{}"] == wanted.split(" ") if not wanted.startswith("set") else texts(given) == [wanted]


@cases(PROSE)
def test_prose_is_text(given, wanted):
    first = tokenize(given)[0]
    assert (first.kind, first.text) == ("text", wanted)


@pytest.mark.parametrize(("given", "wanted"), UNICODE.items(), ids=list(UNICODE))
def test_unicode_mathematics(given, wanted):
    assert clean(given) == wanted
    assert all(t.kind != "other" for t in tokenize(clean(given)))


@pytest.mark.parametrize("letter", sorted(GREEK))
def test_greek_letters(letter):
    (token,) = tokenize("\\" + letter)
    assert (token.kind, token.text) == ("name", letter)


@pytest.mark.parametrize("word", sorted(WORDS))
def test_words_of_the_table(word):
    """Each word alone, as a command, upright, and before brackets."""
    for written in (word, "\\" + word if word.isalpha() else word, rf"\mathrm{{{word}}}", rf"\operatorname{{{word}}}"):
        assert texts(written) == [word], written
    assert texts(word + "(x)") == [word, "(", "x", ")"]


def test_further_words():
    assert texts("encx") == ["e", "n", "c", "x"]
    assert texts("encx", ["enc"]) == ["enc", "x"]
    assert texts(r"\enc x", ["enc"]) == ["enc", "x"], "as a command, it is a name too"
    assert kinds(r"\enc x") == "command name"


# -- places -------------------------------------------------------------------------------------------------------

PLACED = [
    r"\bar{h}^{(t)} = W^{(2)\top} \bar{y} + r", r"\frac{\partial L}{\partial W_{ij}} = \sum_{k=1}^{n} \delta_k x_j", r"\mathbf{x}\text{ if }\mathcal{L}",
    r"\begin{bmatrix} 1 & -2.5 \\ .5 & x' \end{bmatrix}", r"a\;b~c\quad d \\[1ex] e",
]  # fmt: skip


@pytest.mark.parametrize("text", PLACED)
def test_every_token_knows_its_place(text):
    tokens = tokenize(text)
    assert all(0 <= t.start < t.end <= len(text) for t in tokens)
    assert all(a.start <= b.start for a, b in pairwise(tokens))
    for t in tokens:
        if t.kind == "number":
            assert text[t.start : t.end] == t.text
        if t.kind == "name" and len(t.text) == 1:
            assert t.text in text[t.start : t.end]


def test_glued_tokens():
    assert [t.glued for t in tokenize("f(x) (y)")] == [True, True, True, True, False, True, True]


# -- what is refused ----------------------------------------------------------------------------------------------

REFUSED = {
    "a backslash at the end": ("x = \\", "a backslash at the end", 4),
    "a brace that stays open in a font": (r"a \mathbf{x", "a brace that is never closed", 9),
    "and in a label": (r"x \tag{1", "a brace that is never closed", 6),
    "an environment without a name": (r"\begin x", r"\begin without the name of an environment", 0),
    "and one that stays open": (r"y \end{x", r"\end without the name of an environment", 2),
    "control characters": ("x\x00y", r"'\x00' has no meaning here", 1),
    "too long": ("x" * (LONGEST + 1), f"a formula of {LONGEST + 1} characters: at most {LONGEST} are read", 0),
    "too many signs": ("x" * (MOST + 1), f"a formula of {MOST + 1} signs: at most {MOST} are read", 0),
}  # fmt: skip


@pytest.mark.parametrize(("text", "message", "column"), list(REFUSED.values()), ids=list(REFUSED))
def test_refused(text, message, column):
    with pytest.raises(Unreadable) as caught:
        tokenize(text)
    assert (caught.value.message, caught.value.column) == (message, column)


PIECES = [*r"abxyWh_^{}()[]|&=+-*/'.,;:!?<>~%$#@ 0123456789", "\\", "\\frac", "\\left", "\\mathbf{", "\\text{", "\\begin{", "\\end{pmatrix}", "\\\\", "…", "½", "\n"]


@pytest.mark.parametrize("seed", range(8))
def test_any_text_gives_tokens_or_says_why_not(seed):
    rng = random.Random(seed)
    for _ in range(150):
        text = "".join(rng.choices(PIECES, k=rng.randint(1, 30)))
        problem, tokens = None, []
        try:
            tokens = tokenize(text)
        except Unreadable as error:
            problem = error
        assert problem is None or (problem.message and 0 <= problem.column <= len(text)), text
        assert all(text[t.start : t.end] for t in tokens), text
