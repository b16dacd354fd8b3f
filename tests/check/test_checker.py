"""The checker: a verdict for every relation of a text, what it says, what follows from what, and what a text may not do."""

from __future__ import annotations

import json
import time

import pytest

import derive
from derive.check import Checker, check_file, walk
from derive.check.lines import SLIPS, VERDICTS
from derive.check.settings import parts, read_settings
from derive.expr import DeriveError
from derive.network import Network
from derive.reader.problem import read_problem


def report(text, problem=None, settings=None, explain=True):
    net = problem
    if isinstance(problem, str):
        net = derive.load(problem) if problem.isidentifier() else (lambda p: Network(p.system, p.scope))(read_problem(problem))
    return Checker(parts(settings or {}, problem=net), explain).text(text)


def verdicts(text, problem=None, settings=None):
    return [line.verdict for line in report(text, problem, settings, explain=False).lines]


# -- which relations there are ------------------------------------------------------------------------------------

H = r"\bar h = W_2^\top \bar y + r"
LINKS = {
    "a chain, link by link": (r"$$\bar h = W_2^\top \bar y - r = W_2^\top (y - s) + r = r + W_2^\top \bar y$$", ["refuted", "refuted", "proved"]),
    "a wrong middle and a right end": (r"$$\bar{h} = W_2^\top \bar y = \bar{h}$$", ["refuted", "refuted"]),
    "rows": (rf"\begin{{align}} {H} \\ &= W_2^\top (y - s) + r \\ \bar{{y}} &= s - y \end{{align}}", ["proved", "proved", "refuted"]),
    "a row that goes on": (r"\begin{align} \bar h &= W_2^\top \bar y \\ &\quad + r \end{align}", ["proved"]),
    "a display that goes on": (rf"$${H}$$ and then $$= W_2^\top (y - s) + r$$", ["proved", "proved"]),
    "inline mathematics in between": (rf"$${H}$$ with $\bar y = y - s$ this is $$= W_2^\top (y - s) + r$$", ["proved", "proved", "proved"]),
    "inline mathematics has a chain of its own": (r"$\bar h$ is $= W_2^\top \bar y + r$", []),
    "no statements": (r"$$x$$ $$(2)$$ $$\text{a note}$$ $x \in \mathbb{R}^d$ $W_1, W_2$ $d \ne n$ $$\vdots$$", []),
    "a label": (rf"$$(2)\quad {H}$$ $$\text{{a) }} {H}$$", ["proved", "proved"]),
    "side by side": (rf"$${H}, \qquad \bar y = y - s$$", ["proved", "proved"]),
    "what can't be read leaves the rest": (rf"$$\bar h = \foo$$ $${H}$$ $$x = (y$$", ["unreadable", "proved", "unreadable"]),
    "an order is no equation": (r"$$h > 0$$ $$x \le y$$", []),
    "an approximation that holds": (r"$$\bar y \approx y - s$$", ["proved"]),
    "one that doesn't": (r"$$\bar y \approx y$$", ["undecided"]),
    "plain text": ("\\bar{y} = y - s\nwords\n\\bar{b}_2 = \\bar{y}", ["proved", "proved"]),
}  # fmt: skip


@pytest.mark.parametrize(("text", "wanted"), list(LINKS.values()), ids=list(LINKS))
def test_relations(text, wanted):
    assert verdicts(text, "residual") == wanted


def test_places():
    found = report("$\\bar y = y - s$ $$x$$ $$\\bar b_2 = \\bar y$$ \\[ \\bar z = h \\] $s = s$ \\begin{align} E &= R \\\\ E &= R + S \\end{align}", "residual", explain=False)
    assert [(line.n, line.display) for line in found.lines] == [(1, None), (2, 1), (3, 2), (4, None), (5, 3), (6, 3)]


# -- what a line says ---------------------------------------------------------------------------------------------


def test_the_fields_of_a_line_that_holds():
    (line,) = report(rf"$$ {H} $$", "residual").lines
    assert (line.n, line.display, line.verdict, line.expected, line.slip, line.counterexample, line.follows, line.bound) == (1, 0, "proved", None, None, None, None, None)
    assert line.tex == r"\bar h = W_2^\top \bar y + r"
    assert line.reason.startswith("same canonical form, with the meaning of the adjoint of h")


def test_the_fields_of_a_line_that_agrees():
    (line,) = report(r"$$\tanh(x) = 2 \sigma(2 x) - 1 + \sin^2(x) + \cos^2(x) - 1$$", settings={"declare": {"x": "n"}}).lines
    assert line.verdict == "agrees" and "2^-" in line.bound
    assert line.reason.startswith("equal wherever it was evaluated")


def test_the_fields_of_a_line_that_is_refuted():
    (line,) = report(r"$$\bar{h}  =  W_2^\top \bar y  -  r$$", "residual").lines
    assert (line.verdict, line.tex) == ("refuted", r"\bar{h} = W_2^\top \bar y - r")
    assert (line.slip.kind, line.slip.corrected.replace(" ", "")) == ("sign", r"\bar{h}=W_2^\top\bary+r")
    assert line.expected.replace(" ", "") == r"W_2^{\top}\bar{y}+r"
    example = line.counterexample
    assert set(example.sizes) == {"d", "n"} and set(example.values) <= set(derive.load("residual").system.nodes)
    assert example.left != example.right and all(a != b for _, a, b in example.parts)


def test_a_report():
    found = report(rf"$${H}$$ $$\bar y = s - y$$ $$e = y - s$$ $$\bar y = \foo$$ $$\bar y = 2 e$$", "residual")
    assert found.first_wrong == 2
    assert found.summary == {"proved": 1, "agrees": 0, "refuted": 2, "undecided": 0, "unreadable": 1, "definition": 1}
    data = found.to_json()
    assert json.loads(json.dumps(data, default=str)).keys() == {"lines", "first_wrong", "summary"}
    assert [line["n"] for line in data["lines"]] == [1, 2, 3, 4, 5]
    for line in data["lines"]:
        assert line["verdict"] in VERDICTS and line["reason"]
        assert line["slip"] is None or line["slip"]["kind"] in SLIPS
        assert (line["counterexample"] is None) or line["verdict"] == "refuted"
    assert report(rf"$${H}$$", "residual").first_wrong is None


@pytest.mark.parametrize(("tex", "reason"), [
    (r"\bar h = c W_2^\top \bar y + r", "unknown name c: as any number the line doesn't hold"), (r"\bar{h} = W_3^\top \bar y + r", r"unknown name W_3^\top; the name is known with other scripts (column 10)"),
    (r"\bar h = \foo", r"\foo is not known (column 9)"), (r"\bar h = (W_2", "the bracket '(' is never closed (column 9)"), (r"\bar h = \tilde q", r"unknown name \tilde q (column 9)"),
])  # fmt: skip
def test_what_is_unreadable_says_why_and_where(tex, reason):
    (line,) = report(f"$${tex}$$", "residual").lines
    assert (line.verdict, line.reason) == ("unreadable", reason)


def test_a_letter_that_nothing_explains_is_any_number():
    assert verdicts(r"$$3 q - q = 2 q$$ $$(a + b)^2 = a^2 + 2ab + b^2$$") == ["proved", "proved"]
    assert verdicts(r"$$3 q - q = q$$ $$(a + b)^2 = a^2 + b^2$$") == ["unreadable", "unreadable"]


def test_a_name_that_the_problem_lacks_beside_its_kin():
    (line,) = report(r"$$f_t = \sigma(w_{fg} x_t + w_{fh} h_{t-1})$$", "lstm_scalar").lines
    assert line.verdict == "refuted" and (line.slip.kind, line.slip.corrected) == ("symbol", r"f_t = \sigma(w_{fx} x_t + w_{fh} h_{t-1})")


# -- what a reading says ------------------------------------------------------------------------------------------

READINGS = {
    "numerator layout": (r"\frac{\partial E}{\partial x} = \bar z^\top W_1 + \bar y^\top", "read with the numerator layout (∂L/∂v lies down)"),
    "denominator layout": (r"\frac{\partial y}{\partial h} = W_2^\top", "read with the denominator layout"),
    "in one equation": (r"\frac{\partial y}{\partial x} = I", "read with derivatives in one equation alone"),
    "repeated indices": (r"\frac{\partial E}{\partial h_j} = \bar y_i W^{(2)}_{ij} + r_j", "read with a sum over repeated indices"),
    "a diagonal": (r"\frac{\partial h}{\partial z} = h \odot (1 - h)", "read as the diagonal of a matrix"),
}  # fmt: skip


@pytest.mark.parametrize(("tex", "said"), list(READINGS.values()), ids=list(READINGS))
def test_a_verdict_that_depends_on_the_reading_says_so(tex, said):
    (line,) = report(f"$${tex}$$", "residual").lines
    assert line.verdict in ("proved", "agrees") and said in line.reason
    assert report(r"$$\frac{\partial E}{\partial h} = W_2^\top \bar y + r$$", "residual").lines[0].reason.count("read") == 0


def test_what_only_differs_by_the_layout():
    (told,) = report(r"$$\frac{\partial E}{\partial h} = W_2^\top \bar y + r$$", "residual", {"layout": "jacobian"}).lines
    assert told.verdict == "proved" and told.reason.endswith("up to the layout")
    (wrong,) = report(r"$$\bar{W}_1 = x \bar z^\top$$", "residual").lines
    assert wrong.verdict == "refuted" and wrong.slip.kind == "transpose" and wrong.reason == "the left side is R^(n x d), the right one R^(d x n)"


# -- following, defining ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("problem", "tex", "follows"), [
    ("residual", [r"\bar y = 2 (y - s)", r"\bar h = 2 W_2^\top (y - s) + r"], [None, 1]),
    ("residual", [r"\bar y = 2 (y - s)", r"\bar b_2 = 2 (y - s)", r"\bar{W}_2 = 2 (y - s) h^\top", r"\bar{W}_2 = 3 (y - s) h^\top", r"\bar b_2 = \bar y"], [None, 1, 1, None, None]),
    ("residual", [r"\bar y = s - y", r"\bar{h} = W_2^\top \bar y", r"\bar z = W_2^\top \bar y \odot h \odot (1 - h)"], [None, None, 2]),
    ("residual", [r"\bar h = W_2^\top \bar y", r"= W_2^\top (s - y)", r"\bar z = \sigma'(z) \odot W_2^\top \bar y"], [None, None, 1]),
    ("linear_rnn", [r"\bar{\hat y}_t = \hat y_t - y_t", r"\bar w_y = \sum_t (\hat y_t - y_t) h_t", r"\bar h_T = w_y (\hat y_T - y_T)"], [None, 1, 1]),
    ("rnn_tanh", [r"\bar y_t = y_t", r"\bar W_{hy} = \sum_t y_t h_t^\top", r"\bar h_T = W_{hy}^\top y_T"], [None, 1, 1]),
])  # fmt: skip
def test_consequences_of_a_wrong_line(problem, tex, follows):
    found = report("".join(f"$${t}$$ " for t in tex), problem)
    assert [line.follows for line in found.lines] == follows
    for line in found.lines:
        assert line.verdict == ("proved" if line.tex == r"\bar b_2 = \bar y" else "refuted")
        assert line.reason.endswith(f"it follows from line {line.follows}") if line.follows else "follows" not in line.reason


DEFINITIONS = {
    "a name": ([r"e = y - s", r"\bar y = e", r"\bar y = -e"], ["definition", "proved", "refuted"]),
    "entry by entry": ([r"g_i = h_i (1 - h_i)", r"\bar z_i = g_i \bar h_i", r"\bar z = g \odot \bar h", r"\bar z_i = g_i"], ["definition", "proved", "proved", "refuted"]),
    "a matrix": ([r"D = \operatorname{diag}(h)", r"D_{ij} = \delta_{ij} h_i", r"D_{ij} = h_i"], ["definition", "proved", "refuted"]),
    "a function": ([r"\phi(a) = a (1 - a)", r"\sigma'(z) = \phi(h)", r"\sigma'(z) = \phi(z)", r"\phi'(a) = 1 - 2 a", r"\phi(h)_i = h_i (1 - h_i)", r"\phi'(h) = 1 - 2 h", r"\phi'(h) = 1 - h"], ["definition", "proved", "refuted", "proved", "proved", "proved", "refuted"]),
    "a function entry by entry": ([r"g(u, v) = u v + 1", r"g(h, z)_i = h_i z_i + 1", r"g(h, z) = h \odot z + 1", r"g(h, z) = h \odot h + 1"], ["definition", "proved", "proved", "refuted"]),
    "a name for a derivative": ([r"\delta = \frac{\partial E}{\partial z}", r"\bar{W}_1 = \delta x^\top", r"\bar{W}_1 = x \delta^\top"], ["definition", "proved", "refuted"]),
    "a later meaning": ([r"e = y - s", r"e = s - y", r"\bar y = e"], ["definition", "refuted", "proved"]),
    "the network's own": ([r"z = W_1 x + b_1", r"z = W_1 x"], ["proved", "refuted"]),
    "a change": ([r"\Delta W = -\eta \bar W_1", r"W_1 = W_1 - \eta \bar W_1"], ["definition", "definition"]),
    "a number of the prose": ([r"\alpha = 0.1", r"2 \alpha = 0.2"], ["definition", "agrees"]),
    "a number": ([r"e^0 = 1", r"e^0 = 2"], ["agrees", "refuted"]),
}  # fmt: skip


@pytest.mark.parametrize(("tex", "wanted"), list(DEFINITIONS.values()), ids=list(DEFINITIONS))
def test_definitions(tex, wanted):
    assert verdicts("".join(f"$${t}$$ " for t in tex), "residual") == wanted


def test_definitions_of_sequences():
    tex = [r"e_t = y_t - \text{target}_t", r"\bar y_t = e_t", r"\bar h_T = W_{hy}^\top e_T", r"\bar W_{hy} = \sum_t e_t h_t^\top", r"\bar h_T = W_{hy}^\top e_{T-1}"]
    assert verdicts("".join(f"$${t}$$ " for t in tex), "rnn_tanh") == ["definition", "proved", "proved", "proved", "refuted"]


# -- conditions ---------------------------------------------------------------------------------------------------

CONDITIONS = [
    (r"$$\frac{\partial h_i}{\partial z_j} = 0$$", ["refuted"], None), (r"$$\frac{\partial h_i}{\partial z_j} = 0 \quad (i \ne j)$$", ["proved"], r"for i \ne j"),
    (r"$$\frac{\partial h_i}{\partial z_j} = h_i (1 - h_i), \quad i = j$$", ["proved"], "for i = j"), (r"$$\frac{\partial h_i}{\partial z_j} = h_i (1 - h_i) \quad (i \ne j)$$", ["refuted"], None),
    (r"If $i \ne j$: $$\frac{\partial h_i}{\partial z_j} = 0$$", ["proved"], r"under the condition said before, i \ne j"), (r"For $i = j$ $$\frac{\partial h_i}{\partial z_j} = \sigma'(z_i)$$", ["proved"], "under the condition said before, i = j"),
    (r"For $i = j$ $$\frac{\partial h_i}{\partial z_j} = 0$$", ["refuted"], None),
]  # fmt: skip


@pytest.mark.parametrize(("text", "wanted", "said"), CONDITIONS)
def test_conditions_on_indices(text, wanted, said):
    lines = report(text, "residual").lines
    assert [line.verdict for line in lines] == wanted
    assert said is None or lines[-1].reason.endswith(said)


def test_a_condition_on_values():
    text = r"$$\frac{\partial L}{\partial w_2} = 0$$ $$\frac{\partial L}{\partial w_1} = 0$$ $$\frac{\partial L}{\partial w_5} = 0$$"
    lines = report(text, "relu_sparsity", {"values": {"z_1": -1}}).lines
    assert [line.verdict for line in lines] == ["agrees", "agrees", "refuted"]
    assert lines[0].reason == "where z₁ = -1" and lines[0].bound == "1e-9, relative, in 8 points"
    assert verdicts(text, "relu_sparsity") == ["refuted", "refuted", "refuted"]


def test_conditions_on_time_are_told():
    lines = report(r"$$\bar h_t = W_{hy}^\top \bar y_t + W_{hh}^\top \operatorname{diag}(1 - h_{t+1}^2) \bar h_{t+1}$$ $$\bar h_T = W_{hy}^\top \bar y_T$$ $$\bar h_t = W_{hy}^\top \bar y_t$$", "rnn_tanh").lines
    assert [line.verdict for line in lines] == ["proved", "proved", "refuted"]
    assert "on the generic step, t <= T-1" in lines[0].reason and "at t = " in lines[2].reason


SUMS = [
    ("rnn_tanh", r"\bar W_{hh} = \operatorname{diag}(1 - h_t^2) \bar h_t h_{t-1}^\top"), ("rnn_tanh", r"\bar W_{hy} = \bar y_t h_t^\top"), ("linear_rnn", r"\frac{\partial L}{\partial w_h} = \bar h_t h_{t-1}"),
    ("lstm_scalar", r"\bar w_{ox} = \bar o_t o_t (1 - o_t) x_t"), ("lstm", r"\frac{\partial L}{\partial b_f} = \bar f_t \odot f_t \odot (1 - f_t)"),
]  # fmt: skip


@pytest.mark.parametrize(("problem", "tex"), SUMS)
def test_a_sum_over_time_that_is_missing(problem, tex):
    (line,) = report(f"$${tex}$$", problem).lines
    assert (line.verdict, line.slip.kind) == ("refuted", "term")
    assert r"\sum_{t=1}^{T} is missing" in line.slip.words
    left, right = tex.split(" = ", 1)
    assert verdicts(rf"$${left} = \sum_{{t=1}}^T {right}$$", problem) == ["proved"]


SHARED = "% loss: L\n$x \\in \\mathbb{R}^{d}$, $W \\in \\mathbb{R}^{n \\times d}$, $y \\in \\mathbb{R}^{n}$, $q \\in \\mathbb{R}$ $$z_i = \\sum_j W_{ij} x_j + q$$ $$L = \\frac12 \\sum_i (z_i - y_i)^2$$"


@pytest.mark.parametrize("tex", [r"\frac{\partial L}{\partial q} = \frac{\partial L}{\partial z_i}", r"\frac{\partial L}{\partial q} = z_i - y_i", r"L = \frac12 (z_i - y_i)^2"])
def test_a_sum_over_an_index_that_is_missing(tex):
    (line,) = report(f"$${tex}$$", SHARED).lines
    assert (line.verdict, line.slip.kind, line.slip.words) == ("refuted", "term", r"\sum_i is missing")
    assert verdicts(f"$${line.slip.corrected}$$", SHARED) == ["proved"]


# -- numbers ------------------------------------------------------------------------------------------------------

GIVEN = {
    "declare": {"y": "scalar", "q": "scalar", "u": "scalar", "M": "2 x 2", "v": "2", "w": "2"},
    "values": {"y": 0.217415, "q": -0.165, "M": [[1.5, 0.33333], [0.66667, 2]], "v": [0.12345, -2], "w": [0, 1]},
}
NUMBERS = {
    "rounded": (r"y = 0.2174", "agrees", "the same in the precision in which it is written"), "rounded up": (r"y = 0.21742", "agrees", "the same in the precision in which it is written"),
    "in full": (r"y = 0.217415", "agrees", "the same in the precision in which it is written"), "to one place": (r"y \approx 0.2", "agrees", "the same in the precision in which it is written"),
    "rounded wrongly": (r"y = 0.2175", "refuted", "it is 0.217415"), "cut off": (r"y = 0.2173", "refuted", "it is 0.217415"), "another number": (r"q = -0.185", "refuted", "it is -0.165"), "of the other sign": (r"q = 0.165", "refuted", "it is -0.165"),
    "a formula": (r"2 y + q = 0.27", "agrees", "the same in the precision in which it is written"), "arithmetic": (r"0.1 \times 10 + 1 = 2", "agrees", "the same number"), "wrong arithmetic": (r"2 + 2 = 5", "refuted", "it is 4"),
    "whole numbers are exact": (r"q = 0", "refuted", "it is -0.165"), "fractions are exact": (r"q = -\frac{33}{200}", "agrees", "the same number"), "a quotient": (r"\frac{1}{3} = 0.333", "agrees", "the same in the precision in which it is written"),
    "a wrong quotient": (r"\frac13 = 0.334", "refuted", "it is 0.333333"), "rounded numbers inside": (r"0.667 \cdot 3 = 2.00", "agrees", "the same in the precision in which it is written"),
    "functions": (r"\sigma(0) = 0.5", "agrees", None), "of numbers": (r"e^{-1.5} = 0.223", "agrees", None), "wrongly": (r"e^{-1.5} = 0.233", "refuted", "it is 0.22313"), "logarithms": (r"\ln 2 = 0.69", "agrees", None),
    "a matrix": (r"M = \begin{pmatrix} 1.5 & 0.33 \\ 0.667 & 2 \end{pmatrix}", "agrees", "the same in the precision in which it is written"),
    "entries that are off": (r"M = \begin{pmatrix} 1.5 & 0.34 \\ 0.667 & 3 \end{pmatrix}", "refuted", "entry (1, 2): 0.34 where it is 0.33333, entry (2, 2): 3 where it is 2"),
    "a vector": (r"v = \begin{bmatrix} 0.12 \\ -2 \end{bmatrix}", "agrees", "the same in the precision in which it is written"), "an entry of a vector that is off": (r"v = \begin{bmatrix} 0.12 \\ -2.1 \end{bmatrix}", "refuted", "entry (2,): -2.1 where it is -2"),
    "a list": (r"v = (0.1235, -2)", "agrees", None), "a product": (r"M w = \begin{pmatrix} 0.333 \\ 2 \end{pmatrix}", "agrees", None), "a wrong product": (r"M w = \begin{pmatrix} 0.667 \\ 2 \end{pmatrix}", "refuted", "entry (1,): 0.667 where it is 0.33333"),
    "other sizes": (r"v = \begin{pmatrix} 0.12 \\ -2 \\ 1 \end{pmatrix}", "refuted", "the two sides have different shapes"), "an entry": (r"M_{21} = 0.67", "agrees", None), "nothing is given": (r"u = 0.5", "definition", "a number that is given"),
}  # fmt: skip


@pytest.mark.parametrize(("tex", "verdict", "reason"), list(NUMBERS.values()), ids=list(NUMBERS))
def test_numbers(tex, verdict, reason):
    (line,) = report(f"$${tex}$$", settings=GIVEN).lines
    assert (line.verdict, line.reason) == (verdict, reason if reason is not None else line.reason)
    if verdict == "refuted":
        assert line.slip.kind in ("value", "shape")


def test_a_corrected_number_has_the_digits_that_were_written():
    wrong, matrix = report(r"$$y = 0.2175$$ $$M = \begin{pmatrix} 1.50 & 0.33 \\ 0.67 & 3.00 \end{pmatrix}$$", settings=GIVEN).lines
    assert (wrong.expected, wrong.slip.corrected) == ("0.2174", "y = 0.2174")
    assert matrix.expected == r"\begin{bmatrix} 1.50 & 0.33 \\ 0.67 & 2.00 \end{bmatrix}"


def test_numbers_of_a_network():
    settings = {"values": {"w_x": 0.1, "w_h": 1, "w_y": 2, "h_0": 1, "x_1": 10, "x_2": 10, "y_1": 5, "y_2": 5}}
    right = r"$$h_1 = 2$$ $$h_2 = 3$$ $$\hat y_2 = 6$$ $$L = 2$$ $$\bar h_2 = 4$$ $$h_1 = 1 \cdot 1 + 0.1 \cdot 10$$ $$\frac{\partial L}{\partial w_h} = 4$$"
    assert verdicts(right, "linear_rnn", settings)[:6] == ["agrees"] * 6
    wrong = r"$$h_1 = 3$$ $$\hat y_1 = 2$$ $$L = 3$$ $$\bar{h}_2 = -4$$"
    assert verdicts(wrong, "linear_rnn", settings) == ["refuted"] * 4


def test_numbers_may_be_given_by_the_document():
    assert verdicts(r"$x = 2$, $w_1 = 3$ and $w_2 = 1$: $$z = 10$$ $$z = 11$$", "log_regression") == ["definition", "definition", "definition", "agrees", "refuted"]


# -- parts --------------------------------------------------------------------------------------------------------

PARTED = {"part": [{"from": "First", "problem": "residual"}, {"from": "Second", "problem": "linear_rnn", "alias": {"u": "h"}}]}


def test_parts_have_networks_of_their_own():
    text = r"$$\alpha = 2$$ First $$\bar y = y - s$$ Second $$\bar{u}_T = 2 w_y (\hat y_T - y_T)$$ $$\bar y = y - s$$"
    found = report(text, settings=PARTED)
    assert [line.verdict for line in found.lines][:3] == ["definition", "proved", "proved"]
    assert found.lines[3].verdict in ("refuted", "unreadable", "undecided")


def test_a_part_begins_anew():
    """A chain, a wrong line and a condition end with their part."""
    text = r"First: if $i \ne j$ $$\bar h = W_2^\top \bar y$$ Second $$= W_2^\top \bar y$$ Third $$\frac{\partial h_i}{\partial z_j} = 0$$"
    found = report(text, settings={"part": [*PARTED["part"], {"from": "Third", "problem": "residual"}]})
    assert [line.verdict for line in found.lines] == ["refuted", "refuted"]
    assert all(line.follows is None for line in found.lines)


def test_a_problem_that_is_given_overrides_those_of_the_scope():
    assert report(r"First $$\bar{h}_T = 2 w_y (\hat y_T - y_T)$$ Second $$\hat y_t = w_y h_t$$", "linear_rnn", PARTED).summary["proved"] == 2


SETTINGS = {
    "a part that begins nowhere": ({"part": [{"from": "Third"}]}, "the scope's part 'Third' begins nowhere in the document, after the part before it"),
    "parts in another order": ({"part": [{"from": "Second"}, {"from": "First"}]}, "the scope's part 'First' begins nowhere in the document, after the part before it"),
    "a part without its beginning": ({"part": [{"problem": "residual"}]}, 'scope, part 1: a part needs from = "the text where it begins"'),
    "a part that is no table": ({"part": ["First"]}, "scope: parts are written as [[part]]"),
    "an unknown key": ({"layouts": "auto"}, "scope: 'layouts' is not a setting; there are alias, "),
    "a wrong choice": ({"layout": "both"}, "scope: layout is one of auto, gradient, jacobian, denominator, not 'both'"),
    "a table that is none": ({"alias": "x"}, "scope: alias takes a table, not 'x'"),
    "a list that is none": ({"elementwise": "*"}, "scope: elementwise takes a list, not '*'"),
    "a sign that is none": ({"elementwise": ["?"]}, "elementwise: '?' is not a sign of a product"),
    "a base": ({"log": "two"}, "log: a base is e, 2 or 10, not 'two'"),
    "an alias of nothing": ({"problem": "residual", "alias": {"V": r"\mathbb{Q}^{7}"}}, None),
    "a value that is no text": ({"declare": {"x": 3}}, "scope, declare: every value is a text"),
    "a size": ({"declare": {"x": "n!"}}, "scope, declare x: 'n!' is not a size: a name or a number is needed"),
    "a name": ({"declare": {"2": "n"}}, "scope, declare 2: '2' is not a name"),
    "an unknown network": ({"problem": "residuals"}, "no network 'residuals': give a .py file, or one of "),
    "a one-hot name of nothing": ({"problem": "residual", "onehot": {"c": "Q"}}, None),
}  # fmt: skip


@pytest.mark.parametrize(("settings", "message"), list(SETTINGS.values()), ids=list(SETTINGS))
def test_settings_that_can_not_be_used(settings, message):
    with pytest.raises(DeriveError) as caught:
        report("First $x = x$ Second", settings=settings)
    assert message is None or str(caught.value).startswith(message)


def test_scope_files(tmp_path):
    path = tmp_path / "scope.toml"
    path.write_text("problem = 'residual'\nlayout = 'gradient'\n[alias]\n'V' = 'W_2'\n", encoding="utf-8-sig")
    hand = tmp_path / "hand.txt"
    hand.write_bytes(b"$$\\bar h = V^\\top \\bar y + r$$\r\n$$\\bar h = V \\bar y + r$$\r\n")
    found = check_file(hand, scope=path)
    assert [line.verdict for line in found.lines] == ["proved", "refuted"] and found.title == "hand.txt"
    path.write_text("alias = [", encoding="utf-8")
    with pytest.raises(DeriveError, match=r"scope.toml: not TOML: "):
        read_settings(path)
    with pytest.raises(DeriveError, match=r"none.toml: No such file or directory"):
        read_settings(tmp_path / "none.toml")


def test_the_check_of_a_network(tmp_path):
    net = derive.load("residual")
    assert net.check(H).lines[0].verdict == "proved"
    assert net.check(r"\bar h = V^\top \bar y + r", {"alias": {"V": "W_2"}}).lines[0].verdict == "proved"
    path = tmp_path / "scope.toml"
    path.write_text("[alias]\nV = 'W_2'\n", encoding="utf-8")
    assert net.check(r"\bar h = V^\top \bar y + r", path).lines[0].verdict == net.check(r"\bar h = V^\top \bar y + r", str(path)).lines[0].verdict == "proved"


# -- budgets ------------------------------------------------------------------------------------------------------

HEAVY = {
    "a tower": r"10^{10^{10}} = x", "a tower of names": r"x^{x^{x^{x^{x}}}} = x", "braces": "x = " + "{" * 10_000, "brackets": "x = " + "(" * 10_000, "two hundred letters": "x = " + "x" * 200, "a long sum": "x = " + " + ".join(["y z"] * 900),
    "a power of a sum": "(x + y + z)^{60} = x", "nested functions": r"\sigma(" * 30 + "x" + ")" * 30 + " = x", "a file": r"x = \input{secret}", "code": r"x = \mathrm{import}(os)", "many fractions": r"x = " + r"\frac{1}{1 + " * 25 + "x" + "}" * 25,
    "accents": r"x = " + r"\bar" * 3_000 + " y", "products of sums": "".join(f"(x + {k} y)" for k in range(40)) + " = 0", "a large number": "x = " + "9" * 3_000, "deep scripts": "x" + "_{a" * 500 + "}" * 500 + " = 1", "lone derivatives": r"\partial = \partial",
}  # fmt: skip


@pytest.mark.parametrize("tex", HEAVY.values(), ids=list(HEAVY))
def test_every_line_ends_in_a_verdict(tex):
    started = time.process_time()
    lines = report(f"$${tex}$$ $$x = x$$", settings={"declare": {"x": "scalar", "y": "scalar", "z": "scalar"}}, explain=False).lines
    assert time.process_time() - started < 6
    assert all(line.verdict in VERDICTS and line.reason for line in lines)
    assert lines[-1].verdict == "proved", "the rest of the document goes on"
    assert not any(name in line.reason for line in lines for name in ("AttributeError", "NameError", "TypeError", "KeyError", "IndexError", "AssertionError"))


def test_too_many_lines(monkeypatch):
    monkeypatch.setattr(walk, "MOST_LINES", 3)
    with pytest.raises(DeriveError, match="more than 3 relations in one document"):
        report("$$x = x$$ " * 4, settings={"declare": {"x": "n"}})
    assert len(report("$$x = x$$ " * 3, settings={"declare": {"x": "n"}}).lines) == 3


def test_an_empty_text():
    found = report("")
    assert (found.lines, found.first_wrong, sum(found.summary.values())) == ([], None, 0)
