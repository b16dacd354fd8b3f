"""Printing: tables of what a textbook would have, and a reader of its own that evaluates what was printed.

The reader below shares nothing with the package. It reads LaTeX, MathML and text into one kind of token and computes
with one strict parser: what is ambiguous on the page (the power of a bare fraction, two numbers side by side) is an error.
"""

import random
import re
import unicodedata
import xml.etree.ElementTree as ET
from fractions import Fraction

import numpy as np
import pytest
import sympy

import derive
from derive import dims
from derive.expr import Instant, apply, constant, ein, jac, ones, opaque, over, var
from derive.ops import (
    POINTWISE,
    absolute,
    broadcast,
    column_sums,
    columns,
    diag,
    elu,
    erf,
    exp,
    gelu_tanh,
    identity,
    inner,
    leaky_relu,
    log,
    logsumexp,
    mean,
    norm,
    outer,
    recip,
    relu,
    row_sums,
    rows,
    sigmoid,
    sin,
    softmax,
    sqnorm,
    sqrt,
    step,
    tanh,
    total,
    trace,
)
from derive.printing import Style, write
from derive.printing.express import Speller
from derive.printing.latex import escape
from derive.printing.notation import Num

n, m, d, k, N, T = dims("n m d k N T")
a, b, c, w, x, y, z = (var(name) for name in "abcwxyz")
u, v, p = (var(name, (n,)) for name in "uvp")
r = var("r", (m,))
A, B = var("A", (n, n)), var("B", (n, n))
W, V = var("W", (m, n)), var("V", (m, n))
W1, W2, b1 = var("W1", (m, n)), var("W2", (n, m)), var("b1", (m,))
t, last, one = Instant("t"), Instant("T"), Instant("", 1)
h, g = var("h", (n,), t), var("g", (), t)
Half = sympy.Rational(1, 2)
LANGUAGES = ("latex", "text", "mathml")


def ago(e, steps=1):
    return e.at(Instant("t", -steps))


# -- what a textbook would have -----------------------------------------------------------------------------------

# (expression, LaTeX, text); a tuple holds several good answers, None: not asked here.
TABLE = {
    # sums and signs
    "-(a + b)": (-(a + b), "-a - b", "-a - b"),
    "a - (b - c)": (a - (b - c), "a - b + c", "a - b + c"),
    "a - 2 (b - c)": (a - 2 * (b - c), "a - 2 (b - c)", "a - 2 (b - c)"),
    "-2 (a + b)": (-2 * (a + b), "-2 (a + b)", "-2 (a + b)"),
    "a (b + c)": (a * (b + c), "a (b + c)", "a (b + c)"),
    "(a + b)(c - a)": ((a + b) * (c - a), "(a + b) (c - a)", "(a + b) (c - a)"),
    "a times minus b": (a * (-b), "-a b", "-a b"),
    "a - 3": (a - 3, "a - 3", "a - 3"),
    "3 - a": (3 - a, "3 - a", "3 - a"),
    "zero": (a - a, "0", "0"),
    # numbers
    "half": (a / 2, r"\tfrac12 a", "½ a"),
    "two thirds": (2 * a / 3, r"\tfrac23 a", "⅔ a"),
    "three halves": (1.5 * a, r"\tfrac32 a", "(3/2) a"),
    "minus a half": (constant(-Half), r"-\tfrac12", "-½"),
    "ten thirds": (sympy.Rational(10, 3) * a, r"\tfrac{10}{3} a", "(10/3) a"),
    "a tenth": (0.1 * a, ("0.1 a", r"\tfrac{1}{10} a"), ("0.1 a", "(1/10) a")),
    "hundredths": (a - 0.05 * b, ("a - 0.05 b", r"a - \tfrac{1}{20} b"), ("a - 0.05 b", "a - (1/20) b")),
    "gelu's cubic": (0.044715 * a**3, "0.044715 a^3", "0.044715 a³"),
    "a small number": (
        a + 1e-8,
        ("a + 10^{-8}", "a + 0.00000001", r"a + \frac{1}{10^8}", r"a + \frac{1}{100000000}", r"a + \tfrac{1}{100000000}"),
        ("a + 10⁻⁸", "a + 0.00000001", "a + 1 / 10⁸", "a + (1/100000000)", "a + 1e-08", "a + 1e-8"),
    ),
    "one over N": (a / N, r"\frac{1}{N} a", "(1 / N) a"),
    "minus one over N": (-log(a) / N, r"-\frac{1}{N} \log(a)", "-(1 / N) log(a)"),
    "n times": (n * a, "n a", "n a"),
    "n squared": (n**2 * a, "n^2 a", "n² a"),
    "n - 1": ((n - 1) * a, "(n - 1) a", "(n - 1) a"),
    "1 - n": ((1 - n) * a, ("(1 - n) a", "-(n - 1) a"), ("(1 - n) a", "-(n - 1) a")),
    "n - m": ((n - m) * a, ("(n - m) a", "-(m - n) a"), ("(n - m) a", "-(m - n) a")),
    "m - n": ((m - n) * a, "(m - n) a", "(m - n) a"),
    "over n - 1": (a / (n - 1), r"\frac{1}{n - 1} a", "(1 / (n - 1)) a"),
    "over m - n": (a / (m - n), r"\frac{1}{m - n} a", "(1 / (m - n)) a"),
    "n over m x": ((n / m) * (1 / x), r"\frac{n}{m x}", "n / (m x)"),
    "root two over pi": (
        sympy.sqrt(2 / sympy.pi) * a,
        (r"\frac{\sqrt{2}}{\sqrt{\pi}} a", r"\sqrt{\frac{2}{\pi}} a", r"\sqrt{\tfrac{2}{\pi}} a", r"\sqrt{2/\pi} a"),
        ("(√(2) / √(π)) a", "√(2 / π) a", "√(2/π) a"),
    ),
    "two roots": (2 * sympy.sqrt(3) * a, r"2 \sqrt{3} a", "2 √(3) a"),
    "number times power": (3 * constant(2) ** sympy.Rational(1, 3), r"3 \cdot 2^{\tfrac13}", ("3·2^⅓", "3·2^(1/3)")),
    # powers and fractions
    "square": (a**2, "a^2", "a²"),
    "square of minus": ((-a) ** 2, "(-a)^2", "(-a)²"),
    "minus square": (-(a**2), "-a^2", "-a²"),
    "square of product": ((a * b) ** 2, "(a b)^2", "(a b)²"),
    "square of square": ((a**2) ** 3, "(a^2)^3", "(a²)³"),
    "square of fraction": ((x / y) ** 2,
        (r"\Bigl(\frac{x}{y}\Bigr)^2", r"\bigl(\frac{x}{y}\bigr)^2", r"\left(\frac{x}{y}\right)^2"), "(x / y)²"),
    "a / b": (a / b, r"\frac{a}{b}", "a / b"),
    "a b / c": (a * b / c, r"\frac{a b}{c}", "a b / c"),
    "a / (b c)": (a / (b * c), r"\frac{a}{b c}", "a / (b c)"),
    "a / b / c": (a / b / c, r"\frac{a}{b c}", "a / (b c)"),
    "(a + b) / c": ((a + b) / c, r"\frac{a + b}{c}", "(a + b) / c"),
    "a / (b + c)": (a / (b + c), r"\frac{a}{b + c}", "a / (b + c)"),
    "-a / b": (-a / b, r"-\frac{a}{b}", "-a / b"),
    "2 a / b": (2 * a / b, (r"2 \frac{a}{b}", r"\frac{2 a}{b}"), ("2 (a / b)", "2 a / b")),
    "a / (b / c)": (a / (b / c), (r"\frac{a}{\frac{b}{c}}", r"\frac{a}{b / c}"), "a / (b / c)"),
    "1 / (1 / a)": (1 / (1 / a), r"\frac{1}{\frac{1}{a}}", "1 / (1 / a)"),
    "a ** -2": (a**-2, r"\frac{1}{a^2}", "1 / a²"),
    "a ** (2/3)": (a ** sympy.Rational(2, 3), r"a^{\tfrac23}", ("a^⅔", "a^(2/3)")),
    "1 / sqrt": (a ** (-Half), r"\frac{1}{\sqrt{a}}", "1 / √(a)"),
    "sqrt of a sum": (sqrt(a + b), r"\sqrt{a + b}", "√(a + b)"),
    # functions
    "exp": (exp(a), "e^a", ("e^a", "eᵃ")),
    "exp of a product of a sum": (exp((a + b) * c), "e^{(a + b) c}", ("e^((a + b) c)", "e^((a+b)c)")),
    "exp of minus": (exp(-a * b), "e^{-a b}", ("e^(-a b)", "e^(-ab)")),
    "exp of words": (exp(var("loss") * a), r"e^{\mathrm{loss} a}", "e^(loss a)"),
    "square of exp": (exp(a) ** 2, "(e^a)^2", ("(e^a)²", "(eᵃ)²")),
    "log over": (log(a) / a, r"\frac{\log(a)}{a}", "log(a) / a"),
    "over log": (a / log(b), r"\frac{a}{\log(b)}", "a / log(b)"),
    "1 - tanh²": (1 - tanh(a) ** 2, r"1 - \tanh^2(a)", "1 - tanh²(a)"),
    "σ (1 - σ)": (sigmoid(a) * (1 - sigmoid(a)), r"\sigma(a) \bigl(1 - \sigma(a)\bigr)", "σ(a) (1 - σ(a))"),
    "σ'": (apply(sigmoid, u, 1) * v, r"\sigma'(u) \odot v", "σ′(u) ⊙ v"),
    "|a - b| c": (absolute(a - b) * c, r"\lvert a - b\rvert c", "|a - b| c"),
    "leaky relu": (leaky_relu(a, 0.1), (r"\operatorname{leaky}_{0.1}(a)", r"\operatorname{leaky\_relu}_{0.1}(a)"),
        ("leaky_relu_0.1(a)", "leaky_relu_(0.1)(a)")),
    "elu": (elu(a, 2), r"\operatorname{elu}_2(a)", "elu₂(a)"),
    # vectors and matrices
    "inner": (u @ v, r"u^{\top} v", "uᵀ v"),
    "outer": (outer(u, r), r"u r^{\top}", "u rᵀ"),
    "u uᵀ": (u @ u.T, r"u u^{\top}", "u uᵀ"),
    "W x + b": (W1 @ u + b1, r"W^{(1)} u + b^{(1)}", "W⁽¹⁾ u + b⁽¹⁾"),
    "Wᵀ r": (W1.T @ r, r"W^{(1)\top} r", "W⁽¹⁾ᵀ r"),
    "uᵀ A v": (u @ A @ v, r"u^{\top} A v", "uᵀ A v"),
    "u.T A v": (u.T @ A @ v, r"u^{\top} A v", "uᵀ A v"),
    "u.T A.T v": (u.T @ A.T @ v, r"u^{\top} A^{\top} v", "uᵀ Aᵀ v"),
    "u.T / a @ v": ((a * u.T) @ v, r"a u^{\top} v", "a uᵀ v"),
    "(uᵀ v) w": ((u @ v) * p, r"(u^{\top} v) p", "(uᵀ v) p"),
    "(uᵀ v)²": ((u @ v) ** 2, r"(u^{\top} v)^2", "(uᵀ v)²"),
    "tr(AB)": (trace(A @ B), r"\operatorname{tr}(A B)", "tr(A B)"),
    "tr(A) B": (trace(A) * B, r"\operatorname{tr}(A) B", "tr(A) B"),
    "tr(AᵀB)": (trace(A.T @ B), r"\operatorname{tr}(A^{\top} B)", "tr(Aᵀ B)"),
    "diag": (diag(u), r"\operatorname{diag}(u)", "diag(u)"),
    "A diag(u) B": (A @ diag(u) @ B, r"A \operatorname{diag}(u) B", "A diag(u) B"),
    "u ⊙ v ⊙ p": (u * v * p, r"u \odot v \odot p", "u ⊙ v ⊙ p"),
    "A (u ⊙ v)": (A @ (u * v), r"A (u \odot v)", "A (u ⊙ v)"),
    "u ⊙ (Wᵀ r)": (u * (W.T @ r), r"u \odot (W^{\top} r)", "u ⊙ (Wᵀ r)"),
    "(u + v) ⊙ p": ((u + v) * p, r"(u + v) \odot p", "(u + v) ⊙ p"),
    "(A ⊙ B) u": ((A * B) @ u, r"(A \odot B) u", "(A ⊙ B) u"),
    "(A B)ᵀ": ((A @ B).T, r"B^{\top} A^{\top}", "Bᵀ Aᵀ"),
    "(A + B)ᵀ": ((A + B).T, r"(A + B)^{\top}", "(A + B)ᵀ"),
    "u ⊘ v": (u / v, r"u \oslash v", "u ⊘ v"),
    "(u ⊙ v) ⊘ p": (u * v / p, r"(u \odot v) \oslash p", "(u ⊙ v) ⊘ p"),
    "(A u) ⊘ v": ((A @ u) / v, r"(A u) \oslash v", "(A u) ⊘ v"),
    "diag(u ⊘ v) A p": (
        diag(u / v) @ A @ p,
        (r"(u \oslash v) \odot (A p)", r"\operatorname{diag}(u \oslash v) A p", r"\bigl(u \odot (A p)\bigr) \oslash v"),
        ("(u ⊘ v) ⊙ (A p)", "diag(u ⊘ v) A p", "(u ⊙ (A p)) ⊘ v"),
    ),
    "u ⊘ (A v)": (u / (A @ v), r"u \oslash (A v)", "u ⊘ (A v)"),
    "a / (b 3 b)": (a / (b * (3 * b)),
        (r"\frac{a}{b \cdot 3 b}", r"\frac{a}{3 b b}", r"\frac{1}{3} \frac{a}{b b}", r"\tfrac13 \frac{a}{b b}"),
        ("a / (b·3 b)", "a / (3 b b)", "⅓ (a / (b b))")),
    "u / a": (u / a, r"\frac{u}{a}", "u / a"),
    "u / ‖u‖": (u / norm(u), r"\frac{u}{\lVert u\rVert}", "u / ‖u‖"),
    "½ ‖u - v‖²": (sqnorm(u - v) / 2, r"\tfrac12 \lVert u - v\rVert^2", "½ ‖u - v‖²"),
    "u entrywise squared": (u**2, r"u^{\odot 2}", "u^(⊙2)"),
    "total": (total(W), r"\mathbf{1}^{\top} W \mathbf{1}", "𝟏ᵀ W 𝟏"),
    "row sums": (row_sums(W), r"W \mathbf{1}", "W 𝟏"),
    "column sums": (column_sums(W), r"W^{\top} \mathbf{1}", "Wᵀ 𝟏"),
    "bias of a batch": (rows(u, m), r"\mathbf{1} u^{\top}", "𝟏 uᵀ"),
    "columns": (columns(u, m), r"u \mathbf{1}^{\top}", "u 𝟏ᵀ"),
    "A - 2 I": (A - 2 * identity(n), "A - 2 I", "A - 2 I"),
    "1 - u": (1 - u, "1 - u", "1 - u"),
    "softmax": (softmax(W @ u), r"\operatorname{softmax}(W u)", "softmax(W u)"),
    "cross-entropy": (-(u @ log(softmax(v))), r"-u^{\top} \log\bigl(\operatorname{softmax}(v)\bigr)", "-uᵀ log(softmax(v))"),
    "mean": (mean(u), r"\frac{1}{n} \mathbf{1}^{\top} u", "(1 / n) 𝟏ᵀ u"),
    # names in time
    "h[t] squared": (h**2, r"(h^{(t)})^{\odot 2}", "(h⁽ᵗ⁾)^(⊙2)"),
    "g[t] squared": (g**2, "(g^{(t)})^2", "(g⁽ᵗ⁾)²"),
    "W1 squared": (W1**2, r"(W^{(1)})^{\odot 2}", "(W⁽¹⁾)^(⊙2)"),
    "h[t-1]ᵀ A": (ago(h).T @ A, r"h^{(t-1)\top} A", "h⁽ᵗ⁻¹⁾ᵀ A"),
    "h hᵀ": (h @ h.T, r"h^{(t)} h^{(t)\top}", "h⁽ᵗ⁾ h⁽ᵗ⁾ᵀ"),
    "adjoint": (W1.adjoint.T @ r, r"\bar{W}^{(1)\top} r", "W̄⁽¹⁾ᵀ r"),
    "sum over time": (over("sum", g * a, "t", one, last), (r"\sum_{t=1}^T g^{(t)} a", r"\sum_{t=1}^{T} g^{(t)} a"),
        "Σ_{t=1..T} g⁽ᵗ⁾ a"),
    "sum over time of a sum": (over("sum", g + a, "t", one, last),
        (r"\sum_{t=1}^T (g^{(t)} + a)", r"\sum_{t=1}^{T} (g^{(t)} + a)"), "Σ_{t=1..T} (g⁽ᵗ⁾ + a)"),
    "square of a sum over time": (over("sum", g, "t", one, last) ** 2, r"\Bigl(\sum_{t=1}^T g^{(t)}\Bigr)^2",
        "(Σ_{t=1..T} g⁽ᵗ⁾)²"),
    "mean over time": (over("sum", g, "t", one, last) / T, r"\frac{1}{T} \sum_{t=1}^T g^{(t)}", "(1 / T) (Σ_{t=1..T} g⁽ᵗ⁾)"),
    "product over time": (over("product", A, "k", Instant("t", 1), last), r"\prod_{k=t+1}^T A", "∏_{k=t+1..T} A"),
    "open": (opaque("ell", t, h), r"\ell_t(h^{(t)})", "ℓₜ(h⁽ᵗ⁾)"),
    "gradient of open": (opaque("ell", t, h, 1), (r"\nabla\ell_t(h^{(t)})", r"\nabla \ell_t(h^{(t)})"), "∇ℓₜ(h⁽ᵗ⁾)"),
    "gradient of f": (opaque("f", None, u, 1), r"\nabla f(u)", "∇f(u)"),
    "Jacobian": (jac(h, ago(h)), r"\frac{\partial h^{(t)}}{\partial h^{(t-1)}}", "∂h⁽ᵗ⁾/∂h⁽ᵗ⁻¹⁾"),
}  # fmt: skip


def among(got, good):
    return got in good if isinstance(good, tuple) else got == good


@pytest.mark.parametrize(("e", "latex"), [(e, latex) for e, latex, _ in TABLE.values()], ids=TABLE)
def test_latex_as_in_a_textbook(e, latex):
    assert among(write(e, "latex"), latex), write(e, "latex")


@pytest.mark.parametrize(("e", "text"), [(e, text) for e, _, text in TABLE.values()], ids=TABLE)
def test_text_as_in_a_textbook(e, text):
    assert among(write(e), text), write(e)
    assert str(e) == write(e, "text")


# -- whole networks -----------------------------------------------------------------------------------------------

NETWORKS = {
    "residual": [
        r"z = W^{(1)} x + b^{(1)}", r"h = \sigma(z)", r"y = x + W^{(2)} h + b^{(2)}", r"R = r^{\top} h",
        r"S = \tfrac12 \lVert y - s\rVert^2",
        "E = R + S",
    ],
    "lstm": [
        r"f^{(t)} = \sigma(W_f x^{(t)} + U_f h^{(t-1)} + b_f)", r"i^{(t)} = \sigma(W_i x^{(t)} + U_i h^{(t-1)} + b_i)",
        r"o^{(t)} = \sigma(W_o x^{(t)} + U_o h^{(t-1)} + b_o)", r"\tilde{c}^{(t)} = \tanh(W_c x^{(t)} + U_c h^{(t-1)} + b_c)",
        r"c^{(t)} = f^{(t)} \odot c^{(t-1)} + i^{(t)} \odot \tilde{c}^{(t)}", r"h^{(t)} = o^{(t)} \odot \tanh(c^{(t)})",
        r"L = \sum_{t=1}^T \tfrac12 \lVert h^{(t)} - y^{(t)}\rVert^2",
    ],
    "mlp": [
        r"z^{(1)} = W^{(1)} x + b^{(1)}", r"h^{(1)} = \tanh(z^{(1)})", r"z^{(2)} = W^{(2)} h^{(1)} + b^{(2)}",
        r"h^{(2)} = \tanh(z^{(2)})",
        r"z^{(3)} = W^{(3)} h^{(2)} + b^{(3)}", r"p = \operatorname{softmax}(z^{(3)})", r"L = -t^{\top} \log(p)",
    ],
    "mlp_batch": [
        r"Z^{(1)} = X W^{(1)\top} + \mathbf{1} b^{(1)\top}", r"H^{(1)} = \tanh(Z^{(1)})",
        r"Z^{(2)} = H^{(1)} W^{(2)\top} + \mathbf{1} b^{(2)\top}",
        r"H^{(2)} = \tanh(Z^{(2)})", r"Z^{(3)} = H^{(2)} W^{(3)\top} + \mathbf{1} b^{(3)\top}",
        r"P = \operatorname{softmax}(Z^{(3)})",
        r"L = -\frac{1}{N} \mathbf{1}^{\top} \bigl(Y \odot \log(P)\bigr) \mathbf{1}",
    ],
    "log_regression": ["z = w_1 x + w_2 x^2", "y = e^z", r"L = \tfrac12 \bigl(\log(y) - \log(t)\bigr)^2"],
    "rnn": [r"h^{(t)} = \sigma(W h^{(t-1)} + x^{(t)})", r"L = \sum_{t=0}^T \ell_t(h^{(t)})"],
    "linear_rnn": ["h^{(t)} = w_h h^{(t-1)} + w_x x^{(t)}", r"\hat{y}^{(t)} = w_y h^{(t)}",
        r"L = \sum_{t=1}^T (\hat{y}^{(t)} - y^{(t)})^2"],
    "layer": [r"y = \sigma(W x)", r"z = (W x)^{\top}"],
}  # fmt: skip


@pytest.mark.parametrize("name", NETWORKS)
def test_equations_of_the_gallery(name):
    assert [f"{left} = {right}" for left, right in derive.load(name).lines("latex")] == NETWORKS[name]


def equations(left_and_right):
    return dict(left_and_right)


def test_adjoints_of_the_residual_network():
    assert equations(derive.load("residual").solve().lines("latex")) == {
        r"\bar{E}": "1", r"\bar{S}": "1", r"\bar{R}": "1", r"\bar{y}": "y - s", r"\bar{h}": r"W^{(2)\top} \bar{y} + r",
        r"\bar{z}": r"\bar{h} \odot \sigma'(z)", r"\bar{x}": r"W^{(1)\top} \bar{z} + \bar{y}",
        r"\bar{W}^{(1)}": r"\bar{z} x^{\top}", r"\bar{b}^{(1)}": r"\bar{z}",
        r"\bar{W}^{(2)}": r"\bar{y} h^{\top}", r"\bar{b}^{(2)}": r"\bar{y}", r"\bar{r}": "h", r"\bar{s}": "s - y",
    }  # fmt: skip


# -- styles -------------------------------------------------------------------------------------------------------

STYLES = [
    (h, Style(), "h^{(t)}"),
    (h, Style(time="subscript"), "h_t"),
    (ago(h), Style(time="subscript"), "h_{t-1}"),
    (ago(h, -1), Style(), "h^{(t+1)}"),
    (h.at(Instant("", 0)), Style(), "h^{(0)}"),
    (h.at(Instant("", -1)), Style(time="subscript"), "h_{-1}"),
    (h.at(last), Style(time="subscript"), "h_T"),
    (h**2, Style(time="subscript"), r"h_t^{\odot 2}"),
    (g**2, Style(time="subscript"), "g_t^2"),
    (h.T @ A, Style(time="subscript"), r"h_t^{\top} A"),
    (W1, Style(), "W^{(1)}"),
    (W1, Style(layers="subscript"), "W_1"),
    (W1.T @ r, Style(layers="subscript"), r"W_1^{\top} r"),
    (W1**2, Style(layers="subscript"), r"W_1^{\odot 2}"),
    (var("w1"), Style(), "w_1"),
    (var("h1", (n,), t), Style(), "h_1^{(t)}"),
    (var("h1", (n,), t), Style(time="subscript"), "h_{1,t}"),
    (W1.adjoint, Style(), r"\bar{W}^{(1)}"),
    (h.adjoint, Style(), r"\bar{h}^{(t)}"),
    (h.adjoint, Style(time="subscript"), r"\bar{h}_t"),
    (W1.adjoint, Style(adjoint="delta"), r"\delta_{W^{(1)}}"),
    (W1.adjoint.T @ r, Style(adjoint="delta"), r"\delta_{W^{(1)}}^{\top} r"),
    (h.adjoint, Style(adjoint="delta"), r"\delta_h^{(t)}"),
    (h.adjoint.T @ A, Style(adjoint="delta"), r"\delta_h^{(t)\top} A"),
    (u.adjoint**2, Style(adjoint="delta"), r"\delta_u^{\odot 2}"),
    (W1.adjoint, Style(adjoint="partial"), r"\frac{\partial L}{\partial W^{(1)}}"),
    (h.adjoint, Style(adjoint="partial", loss="E"), r"\frac{\partial E}{\partial h^{(t)}}"),
    (h.adjoint, Style(adjoint="partial", time="subscript"), r"\frac{\partial L}{\partial h_t}"),
    (u.adjoint * v, Style(adjoint="partial"), r"\frac{\partial L}{\partial u} \odot v"),
    (W.T @ r.adjoint, Style(adjoint="partial"), r"W^{\top} \frac{\partial L}{\partial r}"),
    (a.adjoint**2, Style(adjoint="partial"), r"\Bigl(\frac{\partial L}{\partial a}\Bigr)^2"),
    (W1.adjoint.T @ r, Style(adjoint="partial"), r"\Bigl(\frac{\partial L}{\partial W^{(1)}}\Bigr)^{\top} r"),
    (var("w_ix"), Style(), "w_{ix}"),
    (var("w_ix", (), t), Style(time="subscript"), "w_{ix,t}"),
    (var("w_ix").adjoint, Style(), r"\bar{w}_{ix}"),
    (var("yhat", (n,), t), Style(), r"\hat{y}^{(t)}"),
    (var("y_hat", (n,)), Style(), r"\hat{y}"),
    (var("ctilde", (n,), t).adjoint, Style(), r"\bar{\tilde{c}}^{(t)}"),
    (var("alpha"), Style(), r"\alpha"),
    (var("alpha_2"), Style(), r"\alpha_2"),
    (var("W_hh", (n, n)), Style(), "W_{hh}"),
    (var("h_prev"), Style(), r"h_{\text{prev}}"),
    (var("target", (n,)), Style(), r"\mathrm{target}"),
    (var("target", (n,)).adjoint, Style(), r"\overline{\mathrm{target}}"),
    (var("α"), Style(), r"\alpha"),
    (var("Θ1", (n, n)), Style(), r"\Theta^{(1)}"),
    (over("sum", h, "t", one, last), Style(time="subscript"), r"\sum_{t=1}^T h_t"),
    (opaque("ell", t, h), Style(time="subscript"), r"\ell_t(h_t)"),
]  # fmt: skip


@pytest.mark.parametrize(("e", "style", "latex"), STYLES, ids=[row[2] for row in STYLES])
def test_names_in_every_style(e, style, latex):
    assert write(e, "latex", style) == latex


@pytest.mark.parametrize(
    ("e", "style", "text"),
    [
        (h.adjoint, Style(), "h̄⁽ᵗ⁾"), (h, Style(time="subscript"), "hₜ"), (W1, Style(layers="subscript"), "W₁"),
        (W1.adjoint, Style(adjoint="delta"), None),
        (u.adjoint, Style(adjoint="partial"), "∂L/∂u"), (var("yhat"), Style(), "ŷ"), (var("alpha_2"), Style(), "α₂"),
        (var("w_ix"), Style(), "wᵢₓ"),
        (a.adjoint**2, Style(adjoint="partial"), "(∂L/∂a)²"), (var("w_hy"), Style(), "w_hy"), (ago(h), Style(), "h⁽ᵗ⁻¹⁾"),
        (h.at(last), Style(), "h⁽ᵀ⁾"),
    ],
)  # fmt: skip
def test_names_in_text(e, style, text):
    got = unicodedata.normalize("NFC", write(e, "text", style))
    assert got == unicodedata.normalize("NFC", text) if text else "δ" in got


@pytest.mark.parametrize("fn", [f for f in POINTWISE.values() if f.style == "call"], ids=str)
def test_a_function_is_printed_by_its_record(fn):
    """Adding a function is adding its record: the LaTeX there is the LaTeX on the page."""
    assert write(fn(a), "latex") == f"{fn.latex}(a)"
    assert write(fn(a)) == f"{fn.text or fn.name}(a)"


@pytest.mark.parametrize(("text", "expected"),
    [("a_b", r"a\_b"), ("50 %", r"50 \%"), ("{x}", r"\{x\}"), ("\\x", r"\textbackslash{}x"),
        ("#1 & $2^3~", r"\#1 \& \$2\textasciicircum{}3\textasciitilde{}")])  # fmt: skip
def test_words_are_escaped(text, expected):
    assert escape(text) == expected


# -- a reader of its own ------------------------------------------------------------------------------------------

FUNCTIONS = {
    "log": np.log, "tanh": np.tanh, "sin": np.sin, "exp": np.exp, "σ": lambda q: 1 / (1 + np.exp(-q)),
    "relu": lambda q: np.maximum(q, 0),
    "diag": lambda q: np.diag(q[:, 0]) if q.shape[1] == 1 else np.diag(q)[:, None], "tr": lambda q: np.array(np.trace(q)),
    "softmax": lambda q: np.exp(q) / np.exp(q).sum(0 if q.shape[1] == 1 else 1, keepdims=True), "sqrt": np.sqrt,
}  # fmt: skip
GREEK = {"sigma": "σ", "pi": "π", "alpha": "α"}
ACCENTS = {"bar": "\u0304", "hat": "\u0302", "tilde": "\u0303"}
UP = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁽⁾ᵗᵀⁿⁱᵏ", "0123456789+-()tTnik", strict=True))
DOWN = dict(zip("₀₁₂₃₄₅₆₇₈₉ᵢⱼₖₙₘ", "0123456789ijknm", strict=True))
QUARTERS = {"½": Fraction(1, 2), "⅓": Fraction(1, 3), "⅔": Fraction(2, 3), "¼": Fraction(1, 4), "¾": Fraction(3, 4)}


class Ambiguous(Exception):
    """What a reader could take in two ways."""


def name_token(letter, sub=""):
    return ("fn", letter) if letter in FUNCTIONS and not sub else ("name", letter + sub)


def text_tokens(s):
    out, i = [], 0
    while i < len(s):
        char = s[i]
        if char == " ":
            i += 1
        elif found := re.match(r"\d+(\.\d+)?", s[i:]):
            out.append(("num", Fraction(found[0])))
            i += found.end()
        elif char in QUARTERS:
            out.append(("num", QUARTERS[char]))
            i += 1
        elif char == "ᵀ":
            out.append(("transpose",))
            i += 1
        elif char in UP:
            j = i
            while j < len(s) and s[j] in UP and s[j] != "ᵀ":
                j += 1
            out.append(("sup", text_tokens("".join(UP[q] for q in s[i:j]))))
            i = j
        elif char == "^":
            j = closing(s, i + 1) + 1 if s[i + 1] == "(" else i + 2
            inside = s[i + 2 : j - 1] if s[i + 1] == "(" else s[i + 1 : j]
            out.append(("sup", text_tokens(inside)))
            i = j
        elif char == "√":
            j = closing(s, i + 1) + 1
            out.append(("root", text_tokens(s[i + 2 : j - 1])))
            i = j
        elif found := re.match(rf"({'|'.join(FUNCTIONS)})|[^\W\d_]", s[i:]):
            i += found.end()
            sub = re.match(rf"[{''.join(DOWN)}]*", s[i:])
            i += sub.end()
            out.append(name_token(found[0], "".join(DOWN[q] for q in sub[0])))
        else:
            assert char in "+-/·⊙⊘()|‖𝟏", f"{char!r} in {s!r}"
            out.append(("name", "𝟏") if char == "𝟏" else ("op", char))
            i += 1
    return out


def closing(s, i):
    depth = 0
    for j in range(i, len(s)):
        depth += {"(": 1, ")": -1}.get(s[j], 0)
        if depth == 0:
            return j
    raise Ambiguous(f"an open bracket in {s!r}")


def latex_tokens(s):
    out, i = [], 0
    found = re.findall(r"\\[A-Za-z]+|\\.|\d+(?:\.\d+)?|\s+|.", s)

    def group(i):
        while found[i].isspace():
            i += 1
        if found[i] != "{":
            return found[i], i + 1
        depth, j = 1, i + 1
        while depth:
            depth += {"{": 1, "}": -1}.get(found[j], 0)
            j += 1
        return "".join(found[i + 1 : j - 1]), j

    while i < len(found):
        token = found[i]
        i += 1
        if token.isspace() or token in (r"\bigl", r"\bigr", r"\Bigl", r"\Bigr", r"\biggl", r"\biggr"):
            continue
        if token == r"\frac" or (token == r"\tfrac" and found[i] == "{"):
            top, i = group(i)
            below, i = group(i)
            out.append(("frac", latex_tokens(top), latex_tokens(below)))
        elif token == r"\tfrac":
            out.append(("num", Fraction(int(found[i][0]), int(found[i][1]))))
            assert len(found[i]) == 2
            i += 1
        elif token == r"\sqrt":
            inside, i = group(i)
            out.append(("root", latex_tokens(inside)))
        elif token == "^":
            inside, i = group(i)
            tokens = latex_tokens(inside)
            if out and out[-1][0] in ("sup", "transpose"):
                raise Ambiguous(f"a double superscript in {s!r}")
            if tokens and tokens[-1] == ("transpose",):
                out += ([("sup", tokens[:-1])] if tokens[:-1] else []) + [("transpose",)]
            else:
                out.append(("sup", tokens))
        elif token == "_":
            inside, i = group(i)
            out[-1] = (out[-1][0], out[-1][1] + inside)
        elif token in (r"\operatorname", r"\mathrm", r"\mathbf"):
            inside, i = group(i)
            out.append(name_token(inside) if inside != "1" else ("name", "𝟏"))
        elif token[1:] in ACCENTS:
            inside, i = group(i)
            out.append(("name", latex_tokens(inside)[0][1] + ACCENTS[token[1:]]))
        elif token == r"\top":
            out.append(("transpose",))
        elif token in (r"\cdot", r"\odot", r"\oslash", r"\lvert", r"\rvert", r"\lVert", r"\rVert"):
            out.append(
                (
                    "op",
                    {"c": "·", "od": "⊙", "os": "⊘", "lv": "|", "rv": "|", "lV": "‖", "rV": "‖"}[
                        token[1] if token[1] == "c" else token[1:3]
                    ],
                )
            )
        elif token[0] == "\\":
            name = token[1:]
            assert name in GREEK or name in FUNCTIONS, f"{token} in {s!r}"
            out.append(name_token(GREEK.get(name, name)))
        elif re.match(r"\d", token):
            out.append(("num", Fraction(token)))
        elif token.isalpha():
            out.append(name_token(token))
        else:
            assert token in "+-/()", f"{token!r} in {s!r}"
            out.append(("op", token))
    return out


def mathml_tokens(s):
    return element(ET.fromstring(s))


def element(node):
    parts = list(node)
    match node.tag:
        case "math" | "mrow" | "mstyle":
            return [token for part in parts for token in element(part)]
        case "mi":
            return [("name", "𝟏")] if node.text in ("𝟏", "1") else [name_token(node.text)]
        case "mn":
            return [("num", Fraction(node.text))]
        case "mo":
            signs = {"−": "-", "\u2062": "", "\u2061": ""}
            return (
                [("transpose",)]
                if node.text == "⊤"
                else [("op", signs.get(node.text, node.text))]
                if signs.get(node.text, node.text)
                else []
            )
        case "mspace":  # a gap between factors
            return []
        case "mfrac":
            return [("frac", element(parts[0]), element(parts[1]))]
        case "msqrt":
            return [("root", [token for part in parts for token in element(part)])]
        case "msup":
            base, sup = element(parts[0]), element(parts[1])
            if len(base) > 1 and not (base[0] in BRACKETS and base[-1] in BRACKETS):
                raise Ambiguous("a script on more than a symbol or a bracket")
            if sup[-1] == ("transpose",):
                return [*base, *([("sup", sup[:-1])] if sup[:-1] else []), ("transpose",)]
            return [*base, ("sup", sup)]
        case "msub":
            (kind, name), *rest = element(parts[0])
            assert not rest
            return [(kind, name + "".join(str(token[1]) for token in element(parts[1])))]
        case "mover":
            return [
                (
                    "name",
                    element(parts[0])[0][1] + {"‾": ACCENTS["bar"], "^": ACCENTS["hat"], "~": ACCENTS["tilde"]}[parts[1].text],
                )
            ]
    raise AssertionError(node.tag)


BRACKETS = [("op", q) for q in "()|‖"]
READERS = {"latex": latex_tokens, "text": text_tokens, "mathml": mathml_tokens}


class Reader:
    """sum > entrywise > product > power; values are arrays: numbers have no axis, vectors are columns."""

    def __init__(self, tokens, values):
        self.tokens, self.values, self.i = tokens, values, 0

    def whole(self):
        result = self.sum()
        if self.i < len(self.tokens):
            raise Ambiguous(f"{self.tokens[self.i]} is left over")
        return result

    def inside(self, tokens):
        return Reader(tokens, self.values).whole()

    def next(self):
        return self.tokens[self.i] if self.i < len(self.tokens) else ("end",)

    def took(self, *signs):
        if self.next() in [("op", sign) for sign in signs]:
            self.i += 1
            return self.tokens[self.i - 1][1]
        return None

    def sum(self):
        sign = -1 if self.took("-") else 1
        total_ = sign * self.entrywise()
        while op := self.took("+", "-"):
            term = self.entrywise()
            total_ = broadcast_sum(total_, term if op == "+" else -term)
        return total_

    def entrywise(self):
        start = self.i
        result, factors = self.product()
        count = 0
        while op := self.took("⊙", "⊘"):
            other, more = self.product()
            count += 1
            if (factors > 1 and count == 1) or more > 1:
                raise Ambiguous(f"a product beside {op} without brackets: {self.tokens[start : self.i]}")
            if op == "⊘" and self.next() in [("op", "⊙"), ("op", "⊘")]:
                raise Ambiguous("a chain of ⊘ without brackets")
            result = result * other if op == "⊙" else result / other
        return result

    def product(self):
        result = self.factor()
        count = 1
        while True:
            if self.took("·"):
                result, count = result * self.factor(), count + 1
            elif self.next()[0] in ("num", "name", "fn", "frac", "root") or self.opens():
                if self.next()[0] == "num":
                    raise Ambiguous(f"the number {self.next()[1]} directly after a factor")
                if (
                    self.tokens[self.i - 1][0] == "num"
                    and self.next()[0] == "frac"
                    and all(len(q) == 1 and q[0][0] == "num" for q in self.next()[1:])
                ):
                    raise Ambiguous("a number and a numeric fraction make a mixed number")
                result, count = times(result, self.factor()), count + 1
            elif self.took("/"):
                result = result / self.factor()
                if self.next()[0] not in ("end", "op") or self.opens() or self.next() in [("op", "/"), ("op", "·")]:
                    raise Ambiguous("a / b c, or a / b / c")
                return result, 2
            else:
                return result, count

    def opens(self):
        return self.next() == ("op", "(") or (
            self.next() in [("op", "|"), ("op", "‖")] and self.next() != getattr(self, "shut", None)
        )

    def factor(self):
        kind, *rest = self.next()
        self.i += 1
        power = None
        if kind == "num":
            result = np.array(float(rest[0]))
        elif kind == "frac":
            result = self.inside(rest[0]) / self.inside(rest[1])
            if self.next()[0] in ("sup", "transpose"):
                raise Ambiguous("a script on a bare fraction")
        elif kind == "root":
            result = np.sqrt(self.inside(rest[0]))
        elif kind == "fn":
            if self.next()[0] == "sup":
                power = float(self.inside(self.next()[1]))
                self.i += 1
            if not self.took("("):
                raise Ambiguous(f"{rest[0]} without brackets")
            result = FUNCTIONS[rest[0]](self.until(")"))
            result = result if power is None else result**power
        elif (kind, *rest) == ("op", "("):
            result = self.until(")")
        elif kind == "op" and rest[0] in "|‖":
            inside = self.until(rest[0])
            result = np.abs(inside) if rest[0] == "|" else np.sqrt((inside**2).sum())
        elif kind == "name":
            result = self.named(rest[0])
        else:
            raise Ambiguous(f"{kind} {rest} where a factor should stand")
        return self.scripts(result)

    def named(self, name):
        nxt = self.next()
        if nxt[0] == "sup" and nxt[1][0] == ("op", "(") and nxt[1][-1] == ("op", ")") and name != "e":
            self.i += 1
            name += "".join(str(q[1]) for q in nxt[1][1:-1])
        if name == "e":
            if nxt[0] != "sup":
                raise Ambiguous("a lone e")
            self.i += 1
            return np.exp(self.inside(nxt[1]))
        return self.values[name]

    def scripts(self, result):
        marks = 0
        while self.next()[0] in ("sup", "transpose"):
            kind, *rest = self.next()
            self.i += 1
            marks += kind == "sup"
            if marks > 1:
                raise Ambiguous("two superscripts")
            if kind == "transpose":
                result = result.T
            else:
                inside = rest[0][1:] if rest[0][0] == ("op", "⊙") else rest[0]
                if rest[0] == inside and result.ndim:
                    raise Ambiguous("a power of a matrix")
                result = result ** float(self.inside(inside))
        return result

    def until(self, sign):
        before, self.shut = getattr(self, "shut", None), ("op", sign)
        result = self.sum()
        self.shut = before
        if not self.took(sign):
            raise Ambiguous(f"{sign} is missing")
        return result


def times(one_, other):
    if one_.ndim and other.ndim:
        product = one_ @ other
        return product[0, 0] if product.shape == (1, 1) else product
    return one_ * other


def broadcast_sum(one_, other):
    """1 - h stands for the vector of ones minus h."""
    return one_ + other


def read(printed, language, values):
    with np.errstate(all="ignore"):
        return np.asarray(Reader(READERS[language](printed), values).whole())


# -- the reader is right ------------------------------------------------------------------------------------------

POINT = {"a": 0.7, "b": 1.3, "c": -0.4, "x": 0.9, "y": 1.6, "w1": 0.3}


@pytest.mark.parametrize(
    ("printed", "language", "expected"),
    [
        ("a + b c", "text", 0.7 - 0.52), ("-(a - b)² / (2 x)", "text", -0.36 / 1.8), ("½ a^(3/2)", "text", 0.5 * 0.7**1.5),
        ("e^(-a b)", "text", np.exp(-0.91)),
        ("w₁ tanh²(a)", "text", 0.3 * np.tanh(0.7) ** 2), ("|c| √(a + b)", "text", 0.4 * 2**0.5),
        (r"\frac{a + b}{2 \cdot 3} c^2", "latex", 2 / 6 * 0.16),
        (r"\tfrac12 \bigl(\log(y) - \sigma(a)\bigr)^{2}", "latex", 0.5 * (np.log(1.6) - 1 / (1 + np.exp(-0.7))) ** 2),
        (r"\lvert a - \lvert c\rvert\rvert w_1", "latex", 0.09),
        ("<math><msup><mi>a</mi><mrow><mn>2</mn></mrow></msup></math>", "mathml", 0.49),
    ],
)  # fmt: skip
def test_the_reader_reads(printed, language, expected):
    assert read(printed, language, {q: np.array(value) for q, value in POINT.items()}) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("printed", "language"),
    [
        (r"\frac{a}{b}^2", "latex"), ("a 2", "text"), ("2 3^a", "text"), ("a / b / c", "text"), ("a / b c", "text"),
        (r"{a}^{2}^{3}", "latex"), ("(a + b", "text"),
        ("<math><msup><mrow><mi>a</mi><mi>b</mi></mrow><mn>2</mn></msup></math>", "mathml"),
        ("<math><mn>2</mn><mn>3</mn></math>", "mathml"), ("log a", "text"),
    ],
)  # fmt: skip
def test_the_reader_refuses(printed, language):
    with pytest.raises((Ambiguous, AssertionError)):
        read(printed, language, {q: np.array(value) for q, value in POINT.items()})


# -- what is printed is what was meant ----------------------------------------------------------------------------

SCALARS = {q: var(q) for q in POINT}
ROOTS = [2, 3, -1, -2, Half, sympy.Rational(3, 2), sympy.Rational(2, 3), -Half]
NUMBERS = [2, 3, -1, -2, Half, sympy.Rational(-2, 3), sympy.Rational(10, 3), sympy.sqrt(2), 7]


def scalar(rng, depth):
    """A random formula and its value."""
    if depth == 0 or rng.random() < 0.1:
        name = rng.choice(list(POINT))
        return SCALARS[name], POINT[name]
    e, q = scalar(rng, depth - 1)
    kind = rng.choice(["+", "-", "*", "/", "*", "/", "number", "power", "power", "f", "neg", "1-"])
    if kind in "+-*/":
        f, s = scalar(rng, depth - 1)
        if kind == "/" and abs(s) < 1e-3:
            return e, q
        return {
            "+": lambda: (e + f, q + s),
            "-": lambda: (e - f, q - s),
            "*": lambda: (e * f, q * s),
            "/": lambda: (e / f, q / s),
        }[kind]()
    if kind == "number":
        number = rng.choice(NUMBERS)
        return number * e, float(number) * q
    if kind == "power":
        exponent = rng.choice(ROOTS)
        integral = sympy.Rational(exponent).is_integer
        return (e**exponent, q ** float(exponent)) if 1e-2 < abs(q) < 10 and (integral or q > 0) else (e, q)
    if kind == "neg":
        return -e, -q
    if kind == "1-":
        return 1 - e, 1 - q
    f, fn = rng.choice(
        [
            (tanh, np.tanh),
            (sigmoid, FUNCTIONS["σ"]),
            (absolute, abs),
            (exp, np.exp),
            (log, np.log),
            (sqrt, np.sqrt),
            (sin, np.sin),
        ]
    )
    if (f in (log, sqrt) and q <= 0.01) or (f is exp and abs(q) > 5):
        return e, q
    return f(e), float(fn(q))


def disagreements(make, language, values, count, depth):
    """Printed forms whose reading has another value, the shortest first."""
    wrong = []
    for seed in range(count):
        rng = random.Random(seed)
        e, expected = make(rng, rng.randint(1, depth))
        if not np.all(np.isfinite(expected)) or np.max(np.abs(expected)) > 1e6:
            continue
        printed = write(e, language)
        try:
            got = read(printed, language, values)
            if not np.allclose(got, expected, rtol=1e-9) or (
                got.shape != np.shape(expected) and np.any(expected)
            ):  # 0 has every shape
                wrong.append(f"{printed}   is {got}, not {expected}")
        except (Ambiguous, AssertionError, ValueError, IndexError) as error:
            wrong.append(f"{printed}   {error}")
    return sorted(wrong, key=len)


@pytest.mark.parametrize("language", LANGUAGES)
def test_printed_scalars_evaluate_to_what_was_meant(language):
    wrong = disagreements(scalar, language, {q: np.array(value) for q, value in POINT.items()}, 800, 4)
    assert not wrong, "\n".join([f"{len(wrong)} of 800", *wrong[:12]])


SIZES = {n: 3, m: 2}
SHAPED = {
    "a": (),
    "b": (),
    "u": (n,),
    "v": (n,),
    "p": (n,),
    "r": (m,),
    "A": (n, n),
    "B": (n, n),
    "W": (m, n),
    "V": (m, n),
    "W1": (m, n),
    "b1": (m,),
    "M": (m, m),
}


def column(shape, name):
    sizes = [SIZES[q] for q in shape] + [1] * (len(shape) == 1)
    return np.random.default_rng(list(name.encode())).uniform(0.3, 1.7, sizes)


ARRAYS = {name: column(shape, name) for name, shape in SHAPED.items()}
LEAVES = {name: var(name, shape) for name, shape in SHAPED.items()}


def matrix(rng, depth, shape=None):
    """A random formula in vectors and matrices, and its value with vectors as columns."""
    shape = rng.choice([(), (n,), (m,), (m, n), (n, n)]) if shape is None else shape
    fitting = [name for name, s in SHAPED.items() if s == shape]
    if not fitting:
        e, q = matrix(rng, depth, shape[::-1])
        return e.T, q.T
    if depth == 0:
        name = rng.choice(fitting)
        return LEAVES[name], ARRAYS[name]
    kinds = (
        ["+", "-", "*", "number", "f", "scaled"]
        + ["@", "@", "@", "outer"] * (len(shape) > 0)
        + ["inner", "inner", "trace"] * (not shape)
    )
    kinds += ["diag", "/"] * (len(shape) == 1) + ["diagonal", "transpose"] * (shape == (n, n))
    kind = rng.choice(kinds)
    if kind in "+-*/":
        (e, q), (f, s) = matrix(rng, depth - 1, shape), matrix(rng, depth - 1, shape)
        if kind == "/":
            f, s = exp(f), np.exp(s)
        return {"+": (e + f, q + s), "-": (e - f, q - s), "*": (e * f, q * s)}[kind] if kind != "/" else (e / f, q / s)
    if kind == "number":
        e, q = matrix(rng, depth - 1, shape)
        number = rng.choice([2, -1, Half, 3])
        return number * e, float(number) * q
    if kind == "f":
        e, q = matrix(rng, depth - 1, shape)
        return tanh(e), np.tanh(q)
    if kind == "scaled":
        (e, q), (f, s) = matrix(rng, depth - 1, shape), matrix(rng, depth - 1, ())
        return (f * e, s * q) if rng.random() < 0.6 or np.abs(s) < 1e-2 else (e / f, q / s)
    if kind == "@":
        size = rng.choice([n, m])
        (e, q), (f, s) = matrix(rng, depth - 1, (shape[0], size)), matrix(rng, depth - 1, (size, *shape[1:]))
        return e @ f, q @ s
    if kind == "outer":
        if len(shape) == 1:
            return matrix(rng, depth - 1, shape)
        (e, q), (f, s) = matrix(rng, depth - 1, shape[:1]), matrix(rng, depth - 1, shape[1:])
        return (outer(e, f) if rng.random() < 0.5 else e @ f.T), q @ s.T
    if kind == "inner":
        size = (rng.choice([n, m]),)
        (e, q), (f, s) = matrix(rng, depth - 1, size), matrix(rng, depth - 1, size)
        return rng.choice([e @ f, e.T @ f, inner(e, f)]), (q.T @ s)[0, 0]
    if kind == "transpose":
        e, q = matrix(rng, depth - 1, shape)
        return e.T, q.T
    square = (n, n)
    e, q = matrix(rng, depth - 1, square)
    if kind == "trace":
        return trace(e), np.trace(q)
    if kind == "diag":
        if shape == (m,):
            return matrix(rng, depth - 1, shape)
        return diag(e), np.diag(q)[:, None]
    f, s = matrix(rng, depth - 1, (n,))
    return (diag(f) @ e, np.diag(s[:, 0]) @ q) if rng.random() < 0.5 else (e @ diag(f), q @ np.diag(s[:, 0]))


@pytest.mark.parametrize("language", LANGUAGES)
def test_printed_matrices_evaluate_to_what_was_meant(language):
    wrong = disagreements(matrix, language, ARRAYS, 800, 3)
    assert not wrong, "\n".join([f"{len(wrong)} of 800", *wrong[:12]])


CHAINS = [
    u.T @ A @ v, u.T @ A.T @ v, u.T @ A @ B @ v, (A @ u).T @ v, (A @ u).T @ B @ v, u @ A.T @ v, a * (u.T @ v), (a * u.T) @ v,
    (u.T / a) @ v, (2 * u.T) @ (A @ v),
    (u + v).T @ A @ p, (u * v).T @ p, r.T @ W @ u, (W @ u).T @ r, u.T @ W.T @ r, (W.T @ r).T @ u, u.T @ (A + B) @ v,
    (u.T @ A + v.T) @ p, (u.T @ A * v.T) @ p,
]  # fmt: skip


@pytest.mark.parametrize("e", CHAINS, ids=[f"chain {i}" for i in range(len(CHAINS))])
def test_rows_in_chains_are_printed_as_written(e):
    """A number made of rows and matrices needs no vector of ones."""
    assert e.shape == ()
    assert "𝟏" not in write(e)
    assert "ᵀ" in write(e)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("e", "expected"),
    [
        (2 * x * y, 2 * 3 * 4), (x * y, 12), (x * y**2, 48), (2 * x**2, 18), (x - y, -1), (-x, -3), (x**2 - 2 * x * y, -15),
        (x / y, 0.75), (2 * (x / y), 1.5),
        ((x + y) * x, 21), (z * x, -1.5), (z**2, 0.25), (x - z, 3.5), (2 * z, -1), (x * z**2, 0.75),
        (exp(z * x), float(np.exp(-1.5))), (2 * x, 6),
    ],
    ids=str,
)  # fmt: skip
def test_numbers_put_in_for_names(e, expected, language):
    """A worked line: 2·3·4, never 2 3 4; a negative number in brackets."""
    numbers = {x: Num("3"), y: Num("4"), z: Num("-0.5")}
    printed = write(Speller(Style(), numbers).spell(e), language)
    assert read(printed, language, {}) == pytest.approx(expected), printed


# -- every line of the gallery ------------------------------------------------------------------------------------

STYLES_OF_A_SHEET = [Style(), Style(time="subscript", layers="subscript"), Style(adjoint="delta"), Style(adjoint="partial")]


def gallery_expressions():
    found = {}
    for name in derive.gallery():
        net = derive.load(name)
        for equation in net.system.equations:
            found[f"{name} {equation.name}"] = [equation.left, equation.right]
        if net.system.loss is None:
            continue
        solution = net.solve()
        for key, adjoint in solution.sweep.adjoints.items():
            lines = [e for line in adjoint.lines for e in (line.node.adjoint, line.formula)]
            steps = [e for line in adjoint.lines for s in line.steps for e in (s.before, s.after)]
            closed = solution.closed_forms.get(key)
            found[f"{name} adjoint of {key}"] = [*lines, *steps, *([closed] if closed is not None else [])]
    return found


GALLERY = gallery_expressions()
every_line = pytest.mark.parametrize("expressions", GALLERY.values(), ids=GALLERY)
ALL = {**{key: [e] for key, (e, *_) in TABLE.items()}, **GALLERY}
everything = pytest.mark.parametrize("expressions", ALL.values(), ids=ALL)


@everything
def test_mathml_is_well_formed(expressions):
    for e in expressions:
        for style in STYLES_OF_A_SHEET:
            root = ET.fromstring(write(e, "mathml", style))
            assert root.tag == "math"
            for node in root.iter():
                assert len(node) == {
                    "msup": 2,
                    "msub": 2,
                    "mfrac": 2,
                    "mover": 2,
                    "munder": 2,
                    "msubsup": 3,
                    "munderover": 3,
                }.get(node.tag, len(node))
                assert node.tag in ("mi", "mn", "mo", "mtext") or not (node.text or "").strip()
                assert not (node.tail or "").strip()


def superscripts(s):
    """Places where two superscripts would follow one another; what stands in braces is one thing."""
    tokens = re.findall(r"\\[A-Za-z]+|\\.|\s+|.", s)

    def skip(i):
        if tokens[i] != "{":
            return i + 1
        depth, i = 1, i + 1
        while depth:
            depth += {"{": 1, "}": -1}.get(tokens[i], 0)
            i += 1
        return i

    found = []
    for i, token in enumerate(tokens):
        if token == "^":
            j = skip(i + 1)
            if j < len(tokens) and tokens[j] == "_":
                j = skip(j + 1)
            if j < len(tokens) and tokens[j] in ("^", "'"):
                found.append("".join(tokens[max(0, i - 8) : j + 6]))
    return found


def test_double_superscripts_are_seen():
    assert superscripts(r"h^{(t)}^{\odot 2}")
    assert superscripts(r"a^2^3")
    assert superscripts(r"h^{(t)}_{i}^2")
    assert not superscripts(r"(h^{(t)})^{\odot 2} \sigma'^2(x) e^{a^{2}}")


@everything
def test_latex_is_sound(expressions):
    for e in expressions:
        for style in STYLES_OF_A_SHEET:
            s = write(e, "latex", style)
            assert not superscripts(s), s
            depth = 0
            for char in re.sub(r"\\[{}]", "", s):
                depth += {"{": 1, "}": -1}.get(char, 0)
                assert depth >= 0, s
            assert depth == 0, s
            assert s.count("(") == s.count(")"), s
            for size in ("big", "Big", "bigg"):
                assert len(re.findall(rf"\\{size}l(?![a-z])", s)) == len(re.findall(rf"\\{size}r(?![a-z])", s)), s
            assert s.isascii(), s
            assert set(re.findall(r"\\([A-Za-z]+)", s)) <= COMMANDS, set(re.findall(r"\\([A-Za-z]+)", s)) - COMMANDS
            assert "  " not in s
            assert r"\cdot \cdot" not in s


COMMANDS = {
    "frac", "tfrac", "sqrt", "operatorname", "mathrm", "mathbf", "text", "bar", "hat", "tilde", "overline", "top", "odot",
    "oslash", "cdot", "times", "sum", "prod",
    "partial", "nabla", "ell", "sigma", "tanh", "log", "exp", "sin", "cos", "alpha", "delta", "pi", "bigl", "bigr", "Bigl",
    "Bigr", "biggl", "biggr", "lvert",
    "rvert", "lVert", "rVert", "_", "le", "ge",
}  # fmt: skip


@everything
def test_writers_agree_on_brackets(expressions):
    """The three show the same brackets, but for the fractions that a line of text can't stack."""
    for e in expressions:
        seen = {language: brackets(write(e, language)) for language in LANGUAGES}
        assert seen["latex"] == seen["mathml"], e
        if not any(sign in write(e) for sign in "/√Σ∏^½⅓⅔¼¾") and not re.search(r"_\(", write(e)):
            assert brackets(spread(write(e))) == seen["latex"], e


def brackets(s):
    return "".join(re.findall(r"[()\[\]]", re.sub(r"<[^>]*>", "", s)))


def spread(s):
    """Raised and lowered brackets as plain ones."""
    return s.translate(str.maketrans("⁽⁾₍₎", "()()"))


@everything
def test_text_is_one_line_without_stray_blanks(expressions):
    for e in expressions:
        s = write(e)
        assert s == s.strip()
        assert "\n" not in s
        assert "  " not in s
        assert "( " not in s
        assert " )" not in s


INDEXED = {
    "three letters": (ein([(u, (0,)), (v, (1,)), (p, (2,))], (0, 1, 2)), "u_i v_j p_k", "uᵢ vⱼ pₖ"),
    "a tensor and a vector": (ein([(var("K", (n, n, n)), (0, 1, 2)), (u, (2,))], (0, 1)), r"\sum_{k} K_{ijk} u_k",
        "Σ_{k} Kᵢⱼₖ uₖ"),
    "four round a vertex": (ein([(A, (0, 1)), (A, (0, 2)), (A, (0, 3)), (A, (0, 4))], (1, 2, 3, 4)),
        r"\sum_{m} A_{mi} A_{mj} A_{mk} A_{ml}", None),
    "entries of a function": (ein([(tanh(var("K", (n, n, n))), (0, 1, 2)), (u, (2,))], (0, 1)), r"\sum_{k} \tanh(K_{ijk}) u_k",
        None),
    "entries of a sum": (ein([(var("K", (n, n, n)) + 1, (0, 1, 2)), (u, (2,))], (0, 1)), r"\sum_{k} (K_{ijk} + 1) u_k", None),
    "entries of a name in time": (ein([(h, (0,)), (v, (1,)), (p, (2,))], (0, 1, 2)), ("h_i^{(t)} v_j p_k", "(h^{(t)})_i v_j p_k"),
        None),
    "entries of a layer": (ein([(W1, (0, 1)), (p, (2,))], (0, 1, 2)), ("W_{ij}^{(1)} p_k", "(W^{(1)})_{ij} p_k"), None),
}  # fmt: skip


@pytest.mark.parametrize(("e", "latex", "text"), INDEXED.values(), ids=INDEXED)
def test_what_has_no_matrix_form_is_written_with_indices(e, latex, text):
    assert among(write(e, "latex"), latex), write(e, "latex")
    assert text is None or write(e) == text


def test_the_default_of_every_style_is_the_printer_of_str():
    for e in (
        W1 @ u + b1,
        h**2,
        recip(u),
        step(a),
        relu(a),
        erf(a),
        gelu_tanh(a),
        logsumexp(u),
        broadcast(a, n),
        ones((n,)),
        jac(h, ago(h)),
    ):
        assert str(e) == write(e) == write(e, "text", Style())
        assert e._repr_latex_() == f"$\\displaystyle {write(e, 'latex')}$"
