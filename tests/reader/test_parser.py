"""Tokens to syntax: what binds tighter than what, scripts, brackets, environments, and what is refused with its place."""

from __future__ import annotations

import random
from contextlib import nullcontext

import pytest

from derive.reader.parser import DEEPEST, INSIDE, parse
from derive.reader.syntax import (
    Big,
    Choices,
    Commas,
    Differential,
    Dots,
    Fence,
    Fraction,
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
    children,
    walk,
)
from derive.reader.tokens import Unreadable


def show(node: Node | None) -> str:
    """A tree on one line: juxtaposition is a blank, every group has brackets of its own."""
    match node:
        case None:
            return "_"
        case Number():
            return node.text
        case Symbol():
            return node.head + "".join("~" + a for a in node.accents)
        case Scripted():
            return show(node.base) + "'" * node.primes + f"[{show(node.sub) if node.sub else ''};{show(node.sup) if node.sup else ''}]"
        case Fence():
            return f"{node.kind}({show(node.body)})"
        case Commas():
            return ", ".join(map(show, node.items))
        case Sum():
            return "<" + " ".join(("-" if s < 0 else "+") + show(n) for s, n in node.terms) + ">"
        case Product():
            return "(" + " ".join((op + " " if op else "") + show(n) for op, n in node.factors) + ")"
        case Fraction():
            return f"{{{show(node.top)} / {show(node.bottom)}}}"
        case Differential():
            return f"{node.sign}{node.order if node.order > 1 else ''}{show(node.body) if node.body else ''}"
        case Nabla():
            return f"nabla{node.order if node.order > 1 else ''}[{show(node.below) if node.below else ''}]"
        case Big():
            return f"{node.kind}[{show(node.sub) if node.sub else ''};{show(node.sup) if node.sup else ''}]{show(node.body)}"
        case Root():
            return f"root{show(node.degree) if node.degree else ''}({show(node.body)})"
        case Rows():
            return "rows(" + " | ".join(" & ".join(map(show, row)) for row in node.rows) + ")"
        case Choices():
            return "cases(" + " | ".join(f"{show(v)} if {show(c)}" for v, c in node.rows) + ")"
        case Dots():
            return "..."
        case Words():
            return repr(node.text)
        case Relation():
            return show(node.parts[0]) + "".join(f" {op} {show(p)}" for op, p in zip(node.ops, node.parts[1:], strict=True))
    raise AssertionError(node)


TREES = {
    # sums and products
    "a + b - c": "<+a +b -c>", "-a": "<-a>", "+a": "a", "a - -b": "<+a +b>", "a + - + b": "<+a -b>", "-a b + c": "<-(a b) +c>", "a b c": "(a b c)", "2 x": "(2 x)",
    r"a \cdot b \odot c": "(a · b ⊙ c)", r"a \times b * c": "(a × b * c)", r"a \circ b \star c \otimes d": "(a ∘ b ⋆ c ⊗ d)", r"a \cdot -b": "(a · <-b>)", "a / b c": "(a / b c)",
    r"a \oslash b": "(a ⊘ b)", "a + b c - d": "<+a +(b c) -d>", "(a + b) c": "(paren(<+a +b>) c)",
    # scripts
    "x_i": "x[i;]", "x^2": "x[;2]", "x_i^2": "x[i;2]", "x^2_i": "x[i;2]", "x_{ij}": "x[(i j);]", "x_{i,j}": "x[i, j;]", "x^{(t)}": "x[;paren(t)]", "x^{[1]}": "x[;bracket(1)]",
    "x_12": "x[12;]", "x_{t-1}": "x[<+t -1>;]", "W^{(2)\\top}": "W[;(paren(2) top)]", "W^T": "W[;T]", r"W^\top": "W[;top]", r"W^{\top}": "W[;top]", r"W^\intercal": "W[;top]",
    "x'": "x'[;]", "x''_i": "x''[i;]", r"x^{\prime}": "x'[;]", r"x^\prime": "x'[;]", "x^{'}": "x'[;]", "x^*": "x[;*]", r"x^{\star}": "x[;star]", "x^+": "x[;+]", "{x_i}^2": "x[i;][;2]",
    "x_i_j": "x[i;][j;]", "x^{2}^{3}": "x[;2][;3]", "(a b)_i": "paren((a b))[i;]", r"x^{\odot 2}": "x[;odot[;2]]", r"\mathbf{W}_{\text{xh}}": "W[xh;]", "x_{}": "x['';]", "A^{-1}": "A[;<-1>]",
    # accents
    r"\bar{h}": "h~bar", r"\bar{h_t}": "h~bar[t;]", r"\bar h_t": "h~bar[t;]", r"\bar{\hat y}": "y~hat~bar", r"\hat{y}_1": "y~hat[1;]", r"\overline{W}": "W~bar", r"\widehat{x_i}": "x~hat[i;]",
    r"\vec{x}": "x", r"\tilde{c}^{(t)}": "c~tilde[;paren(t)]", r"\dot x": "x~dot", r"\boxed{a b}": "(a b)", r"\underbrace{a + b}_{\text{here}} c": "(<+a +b> c)", r"\stackrel{(1)}{a}": "a",
    # words with one argument in braces
    r"\exp{x} y": "(exp paren(x) y)", r"\log{x}^2": "(log x[;2])", r"\log x y": "(log x y)", r"\abs{x} y": "(abs(x) y)", r"\vec{x} y": "(x y)", "sqrt(x) y": "(sqrt paren(x) y)",
    r"\operatorname{tr}{A B} C": "(tr paren((A B)) C)",
    # fractions, roots
    r"\frac{a}{b}": "{a / b}", r"\frac12": "{1 / 2}", r"\tfrac12 x": "({1 / 2} x)", r"\dfrac{a+b}{c}": "{<+a +b> / c}", r"\frac ab": "{a / b}", r"\frac{1}{2}(a)": "({1 / 2} paren(a))",
    r"\sqrt{x}": "root(x)", r"\sqrt[3]{x}": "root3(x)", r"\sqrt x y": "(root(x) y)",
    # derivatives
    r"\frac{\partial L}{\partial W_{ij}}": "{∂L / ∂W[(i j);]}", r"\partial L / \partial v": "{∂L / ∂v}", r"\frac{\partial}{\partial x} (a)": "({∂ / ∂x} paren(a))",
    r"\frac{\partial^2 L}{\partial x \partial y}": "{∂2L / (∂x ∂y)}", r"\frac{\partial^2 L}{\partial x^2}": "{∂2L / ∂x[;2]}", r"\frac{dL}{dv}": "{(d L) / (d v)}", r"\nabla_v L": "(nabla[v] L)",
    r"\nabla^2_w J": "(nabla2[w] J)", r"\nabla L": "(nabla[] L)", r"\frac{\partial l(y, o)}{\partial o}": "{∂(l paren(y, o)) / ∂o}", r"\nabla^2 f": "(nabla2[] f)",
    # sums and products over an index
    r"\sum_{i=1}^n x_i": "sum[i = 1;n]x[i;]", r"\sum_i a_i b_i + c": "<+sum[i;](a[i;] b[i;]) +c>", r"\prod_{k \ne j} p_k": "prod[k ≠ j;]p[k;]", r"\sum_{i,j} a_{ij}": "sum[i, j;]a[(i j);]",
    r"2 \sum_i x_i y": "(2 sum[i;](x[i;] y))", r"\prod_i a_i b": "prod[i;](a[i;] b)", r"\sum\limits_{i}^{n} x": "sum[i;n]x", r"\sum_i -x_i": "sum[i;]<-x[i;]>", r"\sum^n_{i=1} x_i": "sum[i = 1;n]x[i;]",
    r"\sum_i \sum_j x_{ij}": "sum[i;]sum[j;]x[(i j);]", r"\prod^n_{i=1} x_i": "prod[i = 1;n]x[i;]",
    # brackets
    "(x)": "paren(x)", "[x]": "bracket(x)", r"\{x\}": "brace(x)", "|x|": "abs(x)", r"\|x\|^2": "norm(x)[;2]", r"\lVert a - b \rVert": "norm(<+a -b>)", r"\left| a \right| b": "(abs(a) b)",
    "f(x, y)": "(f paren(x, y))", "W[i, j]": "(W bracket(i, j))", "W[i, :]": "(W bracket(i, :))", "p(o|c)": "(p paren(o, c))", r"p(o \mid c)": "(p paren(o, c))", "(a, |b|)": "paren(a, abs(b))",
    r"\langle a, b \rangle": "angle(a, b)", r"\norm{x}": "norm(x)", "f(\\cdot)": "(f paren(...))", "(0, 1]": "paren(0, 1)", r"\abs{x}": "abs(x)", r"|a||b|": "(abs(a) abs(b))",
    # strokes
    "||x||": "norm(x)", "||x||_2^2": "norm(x)[2;2]", "||x - y||^2 + ||z||": "<+norm(<+x -y>)[;2] +norm(z)>", "|a|b|c|": "(abs(a) b abs(c))", "(||x||)^2": "paren(norm(x))[;2]", "|x|_2": "abs(x)[2;]", "||A x|| y": "(norm((A x)) y)",
    # relations, lists
    "a = b = c": "a = b = c", "a := b": "a = b", r"x \in \mathbb{R}^{n \times d}": "x ∈ set R[;(n × d)]", r"a \approx 0.1": "a ≈ 0.1", r"i \ne j": "i ≠ j", r"a \leq b < c": "a ≤ b < c",
    "x, y = 1": "x, y = 1", r"a = b, \quad i = 1": "a = b, i = 1", r"a \equiv b": "a = b", r"x \sim y": "x ∼ y", r"a \leftarrow b": "a ← b", "a; b": "a, b",
    # matrices, cases
    r"\begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}": "rows(1 & 2 | 3 & 4)", r"\begin{bmatrix} a \\ \vdots \\ b \end{bmatrix}": "rows(a | ... | b)", r"\begin{array}{cc} 1 & 2 \end{array}": "rows(1 & 2)",
    r"\begin{pmatrix} 1 & & 0 \\ & \ddots & \end{pmatrix}": "rows(1 & _ & 0 | _ & ... & _)", r"\begin{vmatrix} a & b \\ c & d \end{vmatrix}": "abs(rows(a & b | c & d))",
    r"\begin{cases} a & i = j \\ 0 & \text{otherwise} \end{cases}": "cases(a if i = j | 0 if 'otherwise')", r"\begin{cases} a & \text{if } i = j \\ b & i \ne j \end{cases}": "cases(a if i = j | b if i ≠ j)",
    r"\left( \begin{matrix} x \\ y \end{matrix} \right)^T": "paren(rows(x | y))[;T]", r"\begin{pmatrix*}[r] 1 \\ 2 \end{pmatrix*}": "rows(1 | 2)",
    # signs that stand for nothing
    r"x_1 + \dots + x_n": "<+x[1;] +... +x[n;]>", r"(x_1, \ldots, x_n)": "paren(x[1;], ..., x[n;])", r"a \text{ and } b": "(a 'and' b)",
}  # fmt: skip


@pytest.mark.parametrize(("tex", "tree"), TREES.items(), ids=list(TREES))
def test_trees(tex, tree):
    assert show(parse(tex)) == tree


@pytest.mark.parametrize("tex", TREES)
def test_every_node_knows_its_place(tex):
    root = parse(tex)
    for node in walk(root):
        assert 0 <= node.start <= node.end <= len(tex), node
        if isinstance(node, Number) or (isinstance(node, Symbol) and len(node.head) == 1 and not node.accents and node.head.isalpha()):
            assert tex[node.start : node.end].removeprefix("\\vec").strip("{} ") == show(node)
        for child in children(node):
            if isinstance(child, Words) and not child.text:
                continue
            assert (node.start <= child.start and child.end <= node.end) or isinstance(node, Scripted), (node, child)


def test_places_do_not_count_in_comparisons():
    assert parse("a  + b") == parse("a + b")
    assert parse("a + b") != parse("a - b")


def test_words_make_names():
    assert show(parse("enc x")) == "(e n c x)"
    assert show(parse("enc x", ["enc"])) == "(enc x)"


# -- what is refused ----------------------------------------------------------------------------------------------

REFUSED = {
    "a + ": ("the formula ends too early", 4), "": ("the formula ends too early", 0), "(a": ("the bracket '(' is never closed", 0), "{a": ("the end of a group, } is missing before 'the end'", 2),
    "a)": ("')' can't be read here", 1), "a }": ("'}' can't be read here", 2), r"\frac{a}": ("the formula ends too early", 8), "a ^": ("the formula ends too early", 3), "= b": ("'=' can't stand here", 0),
    "()": ("empty brackets", 0), "x!": ("a factorial can't be read", 1), r"a \pm b": ("± is two statements: write them out", 2), r"\foo": (r"\foo is not known", 0), r"\input{secret}": (r"\input is not known", 0),
    r"\binom{n}{k}": (r"\binom can't be read", 0), r"\exists x": (r"\exists is logic, not a formula that is judged", 0), r"\partial^3 L": ("only first and second derivatives are read", 11),
    r"\nabla^3 L": ("only first and second derivatives are read", 9), r"\begin{tikzpicture} a \end{tikzpicture}": ("the environment 'tikzpicture' is not read", 0), "x^(2)": ("a script needs braces around ( )", 2),
    r"\begin{pmatrix} 1": (r"\begin{pmatrix} is never ended", 17), r"\begin{pmatrix} 1 \end{bmatrix}": (r"\begin{pmatrix} ends with \end{bmatrix}", 18), r"\langle a, b": ("⟨ is never closed", 12),
    r"\bar{a + b}": ("a bar over more than one name", 0), r"\hat{a b}": ("a hat over more than one name", 0), r"\lfloor x": ("\\lfloor can't be read", 0),
    "(" * (DEEPEST + 1): (f"more than {DEEPEST} levels of brackets", None), "{" * (DEEPEST + 1): (f"more than {DEEPEST} levels of brackets", None), r"\bar" * (INSIDE + 1) + " x": (f"more than {INSIDE} signs inside each other", None), r"\frac{" * (DEEPEST + 5): (f"more than {DEEPEST} levels of ", None),
    r"{a \atop b}": (r"\atop is not known", 3), "a # b": ("'#' can't be read here", 2),
}  # fmt: skip


@pytest.mark.parametrize("tex", REFUSED, ids=lambda t: t[:20])
def test_refused(tex):
    message, column = REFUSED[tex]
    with pytest.raises(Unreadable) as caught:
        parse(tex)
    assert caught.value.message.startswith(message), caught.value.message
    assert column is None or caught.value.column == column


PIECES = [
    "x", "W", "i", "2", "0.5", "+", "-", "=", "(", ")", "[", "]", "{", "}", "_", "^", "'", ",", "|", r"\frac", r"\partial ", r"\sum_", r"\bar", r"\left(", r"\right)", r"\cdot ", r"\odot ", "d",
    r"\begin{pmatrix}", r"\end{pmatrix}", "&", r"\\", r"\nabla_", r"\sqrt", r"\text{if}", r"\dots ", r"\top ", r"\|", r"\langle ", r"\rangle ", r"\begin{cases}", r"\end{cases}", r"\quad ", "/", "*", ":", r"\ne ",
]  # fmt: skip


@pytest.mark.parametrize("seed", range(8))
def test_any_text_is_read_or_refused_with_a_place(seed):
    rng = random.Random(seed)
    for _ in range(150):
        tex = "".join(rng.choices(PIECES, k=rng.randint(1, 25)))
        problem = None
        try:
            show(parse(tex))
        except Unreadable as error:
            problem = error
        assert problem is None or (problem.message and 0 <= problem.column <= len(tex)), tex


LONG = {
    "brackets": ("(" * 4_000, "levels of brackets"), "braces": ("{" * 4_000, "levels of brackets"), "too many": ("(" * 10_000, "at most 6000 are read"), "letters": ("x" * 5_000, None),
    "signs": ("-" * 5_000, "ends too early"), "powers": ("x^" * 2_000, "more than 8 scripts"), "subscripts": ("x_" * 2_000 + "1", "more than 8 scripts"), "fractions": (r"\frac" * 3_000, "inside each other"),
    "matrices": (r"\begin{pmatrix}" * 1_000, "levels of "), "roots": (r"\sqrt" * 2_500, "inside each other"), "accents": (r"\bar" * 3_000, "inside each other"), "strokes": ("|" * 3_001, "levels of brackets"),
    "sums": (r"\sum_i" * 1_800, "inside each other"), "gradients": (r"\nabla_" * 2_000, "inside each other"), "functions": (r"\sin" * 3_000, None),
}  # fmt: skip


@pytest.mark.parametrize(("tex", "message"), list(LONG.values()), ids=list(LONG))
def test_long_and_deep_texts_end(tex, message):
    with nullcontext() if message is None else pytest.raises(Unreadable, match=message):
        parse(tex)
