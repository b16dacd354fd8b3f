"""Ways in which documents are written: each with a line that is right and one like it that is wrong."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import pytest

from derive.check import Checker
from derive.check.settings import parts
from derive.expr import DeriveError
from derive.network import Network
from derive.reader.problem import read_problem

SOFTMAX = r"""% loss: L
$x \in \mathbb{R}^{d}$, $W \in \mathbb{R}^{k \times d}$, $b, y \in \mathbb{R}^{k}$
\begin{align} z &= W x + b \\ p &= \mathrm{softmax}(z) \\ L &= -\sum_i y_i \log p_i \end{align}"""
RNN = r"""% loss: L
% time: t = 1..T
$x_t, h_0 \in \mathbb{R}^{n}$, $W, U \in \mathbb{R}^{n \times n}$
$\ell_t : \mathbb{R}^{n} \to \mathbb{R}$
\begin{align} z_t &= W h_{t-1} + U x_t \\ h_t &= \sigma(z_t) \\ L_t &= \ell_t(h_t) \\ L &= \sum_{t=1}^T L_t \end{align}"""
LINEAR = RNN.replace(r"h_t &= \sigma(z_t)", r"h_t &= z_t")
ROWS = r"""% loss: none
% vectors: row
$x \in \mathbb{R}^{d}$, $W \in \mathbb{R}^{d \times k}$
\begin{align} z &= x W \\ h &= \sigma(z) \end{align}"""
GATED = r"""% loss: L
% time: t = 1..T
$x_t, a_t, b_t, h_0 \in \mathbb{R}^{n}$
\begin{align} f_t &= \sigma(a_t) \\ i_t &= \sigma(b_t) \\ h_t &= f_t \odot h_{t-1} + i_t \odot x_t \\ L &= \sum_{t=1}^T \mathbf{1}^\top h_t \end{align}"""
BATCHED = r"""% loss: J
$X \in \mathbb{R}^{m \times d}$, $W \in \mathbb{R}^{d \times k}$, $b \in \mathbb{R}^{k}$, $Y \in \mathbb{R}^{m \times k}$
\begin{align}
Z_{ij} &= \sum_l X_{il} W_{lj} + b_j \\
J &= \frac{1}{2m} \sum_i \sum_j (Z_{ij} - Y_{ij})^2
\end{align}"""
LAYERED = r"""% loss: C
% time: l = 1..L
$w^{(l)} \in \mathbb{R}^{n \times n}$, $b^{(l)} \in \mathbb{R}^{n}$, $a^{(0)}, y \in \mathbb{R}^{n}$
\begin{align}
z^{(l)} &= w^{(l)} a^{(l-1)} + b^{(l)} \\
a^{(l)} &= \sigma(z^{(l)}) \\
C &= \frac{1}{2} \lVert y - a^{(L)} \rVert^2
\end{align}"""
ONE = r"""% loss: L
$x \in \mathbb{R}^{n}$, $W \in \mathbb{R}^{1 \times n}$, $b, y \in \mathbb{R}^{1}$
\begin{align}
h &= \tanh(x) \\
u &= W h + b \\
L &= \frac{1}{2} \lVert u - y \rVert^2
\end{align}"""
SPOKEN = r"""% loss: L
% time: t = 1..T
$x_t \in \mathbb{R}^{d}$, $y_t \in \mathbb{R}^{K}$, $h_0 \in \mathbb{R}^{n}$, $U \in \mathbb{R}^{n \times d}$, $W \in \mathbb{R}^{n \times n}$, $V \in \mathbb{R}^{K \times n}$
\begin{align}
h_t &= \tanh(W h_{t-1} + U x_t) \\
p_t &= \mathrm{softmax}(V h_t) \\
L_t &= -\sum_{i=1}^{K} y_{t,i} \log p_{t,i} \\
L &= \sum_{t=1}^{T} L_t
\end{align}"""
HEAD = r"""% loss: L
$Q, K \in \mathbb{R}^{T \times d}$, $G \in \mathbb{R}^{T \times T}$
\begin{align}
E &= \frac{Q K^\top}{\sqrt{d}} \\
L &= \sum_i \sum_j G_{ij} E_{ij}
\end{align}"""
NORMED = r"""% loss: none
$x \in \mathbb{R}^{n}$, $\gamma, \epsilon \in \mathbb{R}$
\begin{align} v &= \frac{1}{n} \sum_i x_i^2 \\ s &= \sqrt{v + \epsilon} \\ u_i &= \frac{x_i}{\sqrt{v + \epsilon}} \\ y_i &= \gamma u_i \end{align}"""
FREE = {"declare": {"x": "n", "w": "n", "A": "n x n", "B": "n x n", "c": "scalar"}}
POINTWISE = r"""% loss: none
$a, b \in \mathbb{R}^{n}$
\begin{align} z &= a \odot b \end{align}"""


class Page(NamedTuple):
    right: str
    wrong: str
    problem: str = ""
    before: str = ""
    settings: dict = {}  # noqa: RUF012


PAGES = {
    "upper indices": Page(r"\sum_j W^{ij} x_j + b_i = z_i", r"\sum_j W^{ji} x_j + b_i = z_i", SOFTMAX),
    "Greek indices": Page(r"z_\alpha = \sum_\beta W_{\alpha\beta} x_\beta + b_\alpha", r"z_\alpha = \sum_\beta W_{\alpha\beta} x_\beta", SOFTMAX),
    "Latin indices that are names, too": Page(r"\frac{\partial p_a}{\partial z_b} = p_a \delta_{ab} - p_a p_b", r"\frac{\partial p_a}{\partial z_b} = p_a \delta_{ab} + p_a p_b", SOFTMAX),
    "a sum with its general term": Page(r"z_i = W_{i1} x_1 + \cdots + W_{ij} x_j + \cdots + W_{id} x_d + b_i", r"z_i = W_{i1} x_1 + \cdots + W_{ij} x_j + \cdots + W_{id} x_d - b_i", SOFTMAX),
    "a derivative of all that follows": Page(r"\frac{\partial z_i}{\partial b_k} = \frac{\partial}{\partial b_k} \sum_j W_{ij} x_j + b_i", r"\frac{\partial z_i}{\partial b_k} = \frac{\partial}{\partial b_k} \sum_j W_{ij} x_j - b_i", SOFTMAX),
    "softmax of an entry": Page(r"\frac{\partial}{\partial z_j} \mathrm{softmax}(z_i) = p_i (\delta_{ij} - p_j)", r"\frac{\partial}{\partial z_j} \mathrm{softmax}(z_i) = p_i (1 - p_j)", SOFTMAX),
    "a minus over the line": Page(r"\frac{\partial -\log p_i}{\partial p_j} = -\frac{\delta_{ij}}{p_i}", r"\frac{\partial -\log p_i}{\partial p_j} = \frac{\delta_{ij}}{p_i}", SOFTMAX),
    "a bare ∂": Page(r"\partial z_i = \sum_k \partial p_k \frac{\partial p_k}{\partial z_i}", r"\partial z_i = \sum_k \partial p_i \frac{\partial p_k}{\partial z_i}", SOFTMAX),
    "an underbrace around a sum": Page(r"\bar x_j = \underbrace{\sum_i \bar z_i}_{\text{known}} \underbrace{W_{ij}}_{\text{simple}}", r"\bar x_j = \underbrace{\sum_i \bar z_i}_{\text{known}} \underbrace{W_{ji}}_{\text{simple}}", SOFTMAX),
    "a point as a product": Page(r"\bar W_{ij} = \bar z_i.x_j", r"\bar W_{ij} = \bar z_j.x_i", SOFTMAX),
    "letters as a terminal shows them": Page("x̄ = Wᵀ z̄", "x̄ = W z̄", SOFTMAX),
    "eqnarray": Page(r"\begin{eqnarray} \bar W &=& \bar z x^\top \end{eqnarray}", r"\begin{eqnarray} \bar W &=& x \bar z^\top \end{eqnarray}", SOFTMAX),
    "cases in an aligned environment": Page(
        r"\frac{\partial p_i}{\partial z_j} = \left\{ \begin{aligned} p_i(1 - p_i) &,& i = j \\ -p_i p_j &,& i \neq j \end{aligned} \right.",
        r"\frac{\partial p_i}{\partial z_j} = \left\{ \begin{aligned} p_i(1 - p_i) &,& i = j \\ p_i p_j &,& i \neq j \end{aligned} \right.", SOFTMAX),
    "cases in French": Page(
        r"\frac{\partial p_i}{\partial z_j} = \left\{{\begin{array}{rcl}p_i(1 - p_i)&\mbox{si}&i = j\\-p_i p_j&\mbox{sinon}&\end{array}}\right.",
        r"\frac{\partial p_i}{\partial z_j} = \left\{{\begin{array}{rcl}p_i(1 - p_j)&\mbox{si}&i = j\\-p_i p_i&\mbox{sinon}&\end{array}}\right.", SOFTMAX),
    "a function without a formula": Page(r"L = -\sum_i y_i \log p_i", r"L = \sum_i y_i \log p_i", SOFTMAX, r"$$L = CE(y, p)$$"),
    "that function": Page(r"CE(y, p) = -\sum_i y_i \log p_i", r"CE(y, p) = -\sum_i p_i \log y_i", SOFTMAX, r"$$L = CE(y, p)$$"),
    "a part that is named": Page(
        r"\bar h_t = \frac{\partial L_t}{\partial h_t} + \left.\frac{\partial L}{\partial h_t}\right|_{\text{later}}",
        r"\bar h_t = \frac{\partial L_t}{\partial h_t} - \left.\frac{\partial L}{\partial h_t}\right|_{\text{later}}",
        RNN, r"$$\left.\frac{\partial L}{\partial h_t}\right|_{\text{later}} = W^\top \bar z_{t+1}$$"),
    "stages": Page(
        r"\frac{\partial L}{\partial s} = -\sum_i \frac{\partial L}{\partial q_i} \frac{a_i}{s^2}", r"\frac{\partial L}{\partial s} = \sum_i \frac{\partial L}{\partial q_i} a_i",
        SOFTMAX, r"$$a_i = e^{z_i}, \qquad s = \sum_i a_i, \qquad q_i = a_i / s$$ $$L = -\sum_i y_i \log q_i$$"),
    "another loss": Page(r"\frac{\partial L}{\partial p} = p - y", r"\frac{\partial L}{\partial p} = y - p", SOFTMAX, r"Another loss is instead $$L = \frac12 \sum_i (p_i - y_i)^2$$"),
    "words as a condition": Page(r"\frac{\partial p_i}{\partial z_j} = -p_i p_j", r"\frac{\partial p_i}{\partial z_j} = p_i p_j", SOFTMAX, r"Si $i \neq j$ :"),
    "a condition as a heading": Page(r"\frac{\partial p_i}{\partial z_j} = p_i (1 - p_i)", r"\frac{\partial p_i}{\partial z_j} = p_i", SOFTMAX, "#### $i = j$\n"),
    "a condition in a display": Page(r"\frac{\partial p_i}{\partial z_j} = -p_i p_j", r"\frac{\partial p_i}{\partial z_j} = -p_i^2", SOFTMAX, r"If $$i \neq j$$ then"),
    "a mean under a bar": Page(r"\sum_i (x_i - \bar x) w_i = \sum_i x_i w_i - \bar x \sum_i w_i", r"\sum_i (x_i - \bar x) w_i = \sum_i x_i w_i - n \bar x", "", r"$$\bar x = \frac1n \sum_i x_i$$", FREE),
    "both signs": Page(r"(A \pm B)^2 = A^2 \pm A B \pm B A + B^2", r"(A \pm B)^2 = A^2 \pm A B \pm B A \pm B^2", "", "", FREE),
    "a weighted inner product": Page(r"\langle x, w \rangle_A = x^\top A w", r"\langle x, w \rangle_A = w^\top A x", "", "", FREE),
    "an inner product of matrices": Page(r"\langle A, B \rangle_F = \mathrm{tr}(A^\top B)", r"\langle A, B \rangle_F = \mathrm{tr}(A B)", "", "", FREE),
    "an entry of the ones": Page(r"(A \mathbf{1} w^\top)_{ij} = \sum_k A_{ik} \mathbf{1}_k w_j", r"(A \mathbf{1} w^\top)_{ij} = \sum_k A_{ki} \mathbf{1}_k w_j", "", "", FREE),
    "row sums": Page(r"\mathrm{rowsum}(A) = A \mathbf{1}", r"\mathrm{rowsum}(A) = A^\top \mathbf{1}", "", "", FREE),
    "row sums beside a matrix": Page(r"A \odot B - \mathrm{rowsum}(A \odot B) \odot B = A \odot B - \mathrm{diag}((A \odot B) \mathbf{1}) B", r"A \odot B - \mathrm{rowsum}(A \odot B) \odot B = A \odot B - B \, \mathrm{diag}((A \odot B) \mathbf{1})", "", "", FREE),
    "sums along an axis": Page(r"np.sum(A, axis=0, keepdims=True) = A^\top \mathbf{1}", r"np.sum(A, axis=1, keepdims=True) = A^\top \mathbf{1}", "", "", FREE),
    "a transpose on brackets": Page(r"{A}^T_{ij} = A_{ji}", r"{A}^T_{ij} = A_{ij}", "", "", FREE),
    "a diagonal by its entries": Page(r"\mathrm{diag}(x_i w_i) = \mathrm{diag}(x) \, \mathrm{diag}(w)", r"\mathrm{diag}(x_i w_i) = x w^\top", "", "", FREE),
    "ten to a power": Page(r"3^8 \approx 6.6 \times 10^3", r"3^8 \approx 6.7 \times 10^3", "", "", FREE),
    "vectors side by side": Page(r"\bar x = (\bar h \odot h (1 - h)) W^\top", r"\bar x = (\bar h \odot h (1 + h)) W^\top", ROWS),
    "error signals of two instants": Page(
        r"\frac{\partial L_t}{\partial U} = \sum_{k=1}^t \delta_{t,k} x_k^\top", r"\frac{\partial L_t}{\partial U} = \sum_{k=1}^t \delta_{t,k} x_t^\top",
        RNN, r"$$\delta_{t,k} = \frac{\partial L_t}{\partial z_k}$$"),
    "a parameter at one instant": Page(
        r"\frac{\partial L_t}{\partial W}\bigg|_{(t)} = \frac{\partial L_t}{\partial z_t} h_{t-1}^\top", r"\frac{\partial L_t}{\partial W}\bigg|_{(t)} = \frac{\partial L_t}{\partial z_t} h_t^\top", RNN),
    "a sum that runs backwards": Page(
        r"\bar h_t = \sum_{i=t}^{T} (W^\top)^{T-i} \frac{\partial L_{T+t-i}}{\partial h_{T+t-i}}", r"\bar h_t = \sum_{i=t}^{T} (W^\top)^{T-i} \frac{\partial L_{i}}{\partial h_{i}}", LINEAR),
    "a state by its entries": Page(r"\frac{\partial h_k}{\partial z_k} = \mathrm{diag}(h_{k,i} (1 - h_{k,i}))", r"\frac{\partial h_k}{\partial z_k} = \mathrm{diag}(1 - h_{k,i})", RNN),
    "an alias with its instant": Page(r"s_{t-1} = z_t", r"s_t = z_t", RNN, "", {"alias": {"s_{t-1}": "z_t"}}),
    "an error signal as a row": Page(r"\delta W = \frac{\partial L}{\partial x}", r"\delta W^\top = \frac{\partial L}{\partial x}", SOFTMAX, r"$$\delta = \frac{\partial L}{\partial z}$$", {"layout": "jacobian"}),
    "gates that are set": Page(
        r"h_2 = 0 + x_2", r"h_2 = 1 + x_2", GATED, r"With $f_1 = 1$, $f_2 = 0$ and $i_2 = 1$ we have:"),
    "gates that are set at every step": Page(r"h_t = h_{t-1}", r"h_t = h_{t-1} + x_t", GATED, r"Suppose $f_t = 1$ and $i_t = 0$."),
    "the other case of a derivative": Page(
        r"\frac{\partial p_i}{\partial z_j} = -p_i p_j", r"\frac{\partial p_i}{\partial z_j} = p_i (1 - p_j)", SOFTMAX,
        r"$$\frac{\partial p_i}{\partial z_i} = p_i (1 - p_i)$$"),
    "a case over two displays": Page(
        r"p_i (1 - p_j) = p_j - p_i^2", r"p_i (1 - p_j) = p_j + p_i^2", SOFTMAX,
        "1) $i=j$:\n\n$$p_i^2 = p_j p_i$$\n\nthus"),
    "sums of rows over an index that isn't written": Page(
        r"A \odot (B - \sum_j A \odot B) = A \odot (B - (A \odot B) \mathbf{1} \mathbf{1}^\top)",
        r"A \odot (B - \sum_j A \odot B) = A \odot (B - \mathbf{1} \mathbf{1}^\top (A \odot B))", settings=FREE),
    "a sum over the entries of a vector": Page(r"\sum_i x \odot w = w^\top x", r"\sum_i x \odot w = x \odot w", settings=FREE),
    "a vector whose letter is a row, too": Page(
        r"\frac{\partial}{\partial x_k} \sum_j c_j x_j = c_k", r"\frac{\partial}{\partial x_k} \sum_j c_j x_j = c_k x_k", "", "",
        {"declare": {"x": "n", "c": "n", "X": "N x n"}, "rows": {"x": "X"}}),
    "the differential of what is constant": Page(
        r"dI = (dA) A^{-1} + A \, d(A^{-1})", r"dI = (dA) A^{-1} - A \, d(A^{-1})", settings=FREE),
    "a reason in the row": Page(
        r"\begin{aligned} x^\top A w &= x^\top B c && \because A w = B c \\ &= c^\top B^\top x \end{aligned}",
        r"\begin{aligned} x^\top A w &= x^\top B c && \because A w = B c \\ &= c^\top B x \end{aligned}", "", "",
        {"declare": {"x": "n", "w": "n", "c": "n", "A": "n x n", "B": "n x n"}}),
    "a function with steps in its brackets": Page(
        r"CE(y^{(t)}, h^{(t)}) = -y^{(t)\top} h^{(t)}", r"CE(y^{(t)}, h^{(t)}) = y^{(t)\top} h^{(t)}",
        GATED.replace("L &= ", r"J_t &= -y_t^\top h_t \\ L &= ").replace("x_t, ", "x_t, y_t, "), r"$$J^{(t)} = CE(y^{(t)}, h^{(t)})$$"),
    "braces that aren't printed": Page(r"{c - c^2} c = c - c^3", r"{c - c^2} c = c + c^3", settings=FREE),
    "blanks by name": Page(r"z_i \space = b_i + \sum_j W_{ij} x_j \space.", r"z_i \space = b_j + \sum_j W_{ij} x_j \space.", SOFTMAX),
    "two signs for equal": Page(
        r"\frac{\partial p_i}{\partial z_j} = p_i (1(i == j) - p_j)", r"\frac{\partial p_i}{\partial z_j} = p_i (1(i == j) + p_j)", SOFTMAX),
    "backslashes that a page has doubled": Page(r"\\frac{\partial L}{\partial z} = p \sum_i y_i - y", r"\\frac{\partial L}{\partial z} = p - 2 y", SOFTMAX),
    "a word in brackets": Page(r"(Scores) \space z_i = b_i + \sum_j W_{ij} x_j", r"(Scores) \space z_i = \sum_j W_{ij} x_j", SOFTMAX),
    "blanks between the cases": Page(
        r"\frac{\partial p_i}{\partial z_j} = \begin{cases} p_i (1 - p_i), \quad i = j \\ -p_i p_j, \quad i \neq j \end{cases}",
        r"\frac{\partial p_i}{\partial z_j} = \begin{cases} p_i (1 - p_i), \quad i = j \\ p_i p_j, \quad i \neq j \end{cases}", SOFTMAX),
    "a remark beside a condition": Page(
        r"\frac{\partial p_i}{\partial z_j} = \begin{cases} p_i (1 - p_i) & \text{if } i = j \text{ (same class)} \\ -p_i p_j & \text{otherwise} \end{cases}",
        r"\frac{\partial p_i}{\partial z_j} = \begin{cases} p_i (1 + p_i) & \text{if } i = j \text{ (same class)} \\ -p_i p_j & \text{otherwise} \end{cases}", SOFTMAX),
    "a function of a computed argument": Page(
        r"g'(p) = \begin{cases} 1 & p \geq 0 \\ e^p & p < 0 \end{cases}", r"g'(p) = \begin{cases} 1 & p \geq 0 \\ 2 e^p & p < 0 \end{cases}", SOFTMAX,
        r"$$g(p) = \begin{cases} p & p \geq 0 \\ e^p - 1 & p < 0 \end{cases}$$"),
    "an outer product with ones": Page(r"(x \mathbf{1}^\top A)_{ij} = x_i \sum_k A_{kj}", r"x \mathbf{1}^\top A = \mathrm{diag}(x) A", settings=FREE),
    "ones between vectors": Page(r"x \mathbf{1}^\top w - x = (\sum_k w_k - 1) x", r"x \mathbf{1}^\top w - x = x \odot w - x", settings=FREE),
    "a sum without an index": Page(r"L = -\sum y_i \log p_i", r"L = \sum y_i \log p_i", SOFTMAX),
    "a sum without an index in a denominator": Page(r"p_i = \frac{e^{z_i}}{\sum e^{z_j}}", r"p_i = \frac{e^{-z_i}}{\sum e^{z_j}}", SOFTMAX),
    "a Greek column": Page(
        r"a_\omega = \frac{e^{u_\omega^\top w}}{\sum e^{u_c^\top w}}", r"a_\omega = \frac{e^{u_\omega^\top w}}{\sum e^{-u_c^\top w}}", "",
        r"$$a = \mathrm{softmax}(U^\top w)$$", {"declare": {"U": "d x n", "w": "d"}, "columns": {"u": "U"}}),
    "another index in words": Page(
        r"\frac{\partial p_i}{\partial z_j} = -p_i p_j", r"\frac{\partial p_i}{\partial z_j} = p_i p_j", SOFTMAX, "Now for $j$ different from $i$:"),
    "a name with the index of its formula": Page(
        r"\frac{\partial p_i}{\partial z_j} = \frac{v \frac{\partial u}{\partial z_j} - u \frac{\partial v}{\partial z_j}}{v^2}",
        r"\frac{\partial p_i}{\partial z_j} = \frac{v \frac{\partial u}{\partial z_j} + u \frac{\partial v}{\partial z_j}}{v^2}", SOFTMAX,
        r"Let $u = e^{z_i}$ and $v = \sum_t e^{z_t}$."),
    "rows that repeat": Page(
        r"(A + R)_{ij} = A_{ij} + a_j", r"(A + R)_{ij} = A_{ij} - a_j", "", r"$$R = \begin{bmatrix} a^\top \\ \vdots \\ a^\top \end{bmatrix}$$",
        {"declare": {"a": "m", "A": "n x m"}}),
    "a bias in every row": Page(r"Z = X W + B", r"Z = X W - B", r"""% loss: none
$X \in \mathbb{R}^{s \times d}$, $W \in \mathbb{R}^{d \times k}$, $b \in \mathbb{R}^{k}$
\begin{align} Z &= X W + \mathbf{1} b^\top \end{align}"""),
    "Jacobians with dots": Page(
        r"\frac{\partial h_t}{\partial h_s} = G_t G_{t-1} \cdots G_{s+1}", r"\frac{\partial h_t}{\partial h_s} = G_t G_{t-1} \cdots G_s", RNN,
        r"$$G_t = \mathrm{diag}(h_t \odot (1 - h_t)) W$$"),
    "Jacobians with dots the other way": Page(
        r"\frac{\partial L_t}{\partial h_s} = G_{s+1}^\top G_{s+2}^\top \cdots G_t^\top \frac{\partial L_t}{\partial h_t}",
        r"\frac{\partial L_t}{\partial h_s} = G_t^\top G_{t-1}^\top \cdots G_{s+1}^\top \frac{\partial L_t}{\partial h_t}", RNN,
        r"$$G_t = \mathrm{diag}(h_t \odot (1 - h_t)) W$$", {"layout": "gradient"}),
    "factors with dots": Page(
        r"\frac{\partial h_T}{\partial h_s} = \mathrm{diag}(h_T (1 - h_T)) W \cdots \mathrm{diag}(h_{s+1} (1 - h_{s+1})) W",
        r"\frac{\partial h_T}{\partial h_s} = \mathrm{diag}(h_T (1 - h_T)) W \cdots \mathrm{diag}(h_s (1 - h_s)) W", RNN),
    "an open function without its argument": Page(
        r"\bar h_t = \frac{\partial \ell_t}{\partial h_t} + W^\top \bar z_{t+1}", r"\bar h_t = \frac{\partial \ell_t}{\partial h_t} - W^\top \bar z_{t+1}", RNN),
    "a Jacobian by the letter of a loss": Page(
        r"J_t = \mathrm{diag}(h_t \odot (1 - h_t)) W", r"J_t = \mathrm{diag}(h_t \odot (1 - h_t)) W^\top", RNN,
        r"$$J_t = \frac{\partial h_t}{\partial h_{t-1}}$$"),
    "a power as a product": Page(r"\prod_{i=1}^{3} A = A A^2", r"\prod_{i=1}^{n} \mathrm{diag}(x) A = \mathrm{diag}(x)^n A^n", settings=FREE),
    "an empty group under ∂": Page(
        r"\frac{\partial {}}{\partial {z_j}} p_i = p_i (\delta_{ij} - p_j)", r"\frac{\partial {}}{\partial {z_j}} p_i = p_i (\delta_{ij} + p_j)", SOFTMAX),
    "where a derivative is taken": Page(
        r"\frac{\partial z_1}{\partial W_{12}}(x) = x_2", r"\frac{\partial z_1}{\partial W_{12}}(x) = x_1", SOFTMAX),
    "an empty last column": Page(
        r"\begin{bmatrix} c & c^2 & \\ 1 & c & \end{bmatrix} = \begin{bmatrix} c & c^2 \\ 1 & c \end{bmatrix}",
        r"\begin{bmatrix} c & c^2 & \\ 1 & c & \end{bmatrix} = \begin{bmatrix} c & 1 \\ c^2 & c \end{bmatrix}", settings=FREE),
    "a Jacobian as its diagonal": Page(
        r"\frac{\partial L}{\partial z_t} = \frac{\partial L}{\partial h_t} \odot \frac{\partial h_t}{\partial z_t}",
        r"\frac{\partial L}{\partial z_t} = \frac{\partial L}{\partial h_t} \odot \frac{\partial h_t}{\partial h_{t-1}}", RNN),
    "a Jacobian that is no diagonal": Page(
        r"\frac{\partial L}{\partial z} = \frac{\partial p}{\partial z}^\top \frac{\partial L}{\partial p}", r"\frac{\partial L}{\partial z} = \frac{\partial L}{\partial p} \odot \frac{\partial p}{\partial z}", SOFTMAX),
    "derivatives by what lies": Page(
        r"\frac{\partial L}{\partial z^\top} = \frac{\partial L}{\partial p^\top} \frac{\partial p}{\partial z^\top}",
        r"\frac{\partial L}{\partial z^\top} = p \sum_i y_i - y", SOFTMAX),
    "a gradient by a transpose": Page(r"\nabla_{W^\top} L = x \bar z^\top", r"\nabla_{W^\top} L = \bar z x^\top", SOFTMAX),
    "a gradient at x, transposed": Page(
        r"\nabla f(x)^\top w = w^\top (A + A^\top) x", r"\nabla f(x)^\top w = w^\top A x", "", r"$$f(x) = x^\top A x$$", FREE),
    "a gradient in brackets, at x": Page(
        r"(\nabla_x f)(x) = (A + A^\top) x", r"(\nabla_x f)(x) = 2 A x", "", r"$$f(x) = x^\top A x$$", FREE),
    "indices below a size": Page(r"\sum_{i<n} \sum_{j<n} A_{ij} x_j = \mathbf{1}^\top A x", r"\sum_{i<n} \sum_{j<n} A_{ij} x_j = \mathbf{1}^\top A^\top x", settings={**FREE, "index_base": 0}),
    "a few terms one by one": Page(r"\sum_{l=1}^{2} x_l = x_1 + x_2", r"\sum_{l=1}^{2} x_l = \mathbf{1}^\top x", settings=FREE),
    "rows one above the other": Page(
        r"2 A = \begin{bmatrix} 2 a_1^\top \\ \vdots \\ 2 a_n^\top \end{bmatrix}", r"A^\top = \begin{bmatrix} a_1^\top \\ \vdots \\ a_n^\top \end{bmatrix}", "",
        r"$$B = A^2$$", {"declare": {"A": "n x n"}, "rows": {"a": "A"}}),
    "the identity with dots": Page(
        r"A \begin{bmatrix} 1 & \cdots & 0 \\ \vdots & \ddots & \vdots \\ 0 & \cdots & 1 \end{bmatrix} = A",
        r"A \begin{bmatrix} 2 & \cdots & 0 \\ \vdots & \ddots & \vdots \\ 0 & \cdots & 2 \end{bmatrix} = A", settings=FREE),
    "a diagonal of its own": Page(
        r"\mathrm{diag}(x) - x x^\top = \begin{bmatrix} x_1 - x_1^2 & -x_1 x_2 & \cdots & -x_1 x_n \\ -x_2 x_1 & x_2 - x_2^2 & \cdots & -x_2 x_n \\ \vdots & \vdots & \ddots & \vdots \\ -x_n x_1 & -x_n x_2 & \cdots & x_n - x_n^2 \end{bmatrix}",
        r"\mathrm{diag}(x) + x x^\top = \begin{bmatrix} x_1 - x_1^2 & -x_1 x_2 & \cdots & -x_1 x_n \\ -x_2 x_1 & x_2 - x_2^2 & \cdots & -x_2 x_n \\ \vdots & \vdots & \ddots & \vdots \\ -x_n x_1 & -x_n x_2 & \cdots & x_n - x_n^2 \end{bmatrix}", settings=FREE),
    "a function by its argument": Page(
        r"\bar z_t = \bar h_t \odot \frac{\partial \sigma}{\partial z_t}", r"\bar z_t = \bar h_t \odot \frac{\partial \sigma}{\partial h_t}", RNN),
    "a parameter at the step of a state": Page(
        r"\frac{\partial L}{\partial W} = \sum_{t=1}^T \frac{\partial L}{\partial h_t} \frac{\partial h_t}{\partial W}",
        r"\frac{\partial L}{\partial W} = \sum_{t=1}^T \frac{\partial L}{\partial h_{t-1}} \frac{\partial h_{t-1}}{\partial W}", RNN),
    "a parameter at a step, of one loss": Page(
        r"\frac{\partial L_t}{\partial W} = \sum_{k=1}^t \frac{\partial L_t}{\partial h_k} \frac{\partial h_k}{\partial W}",
        r"\frac{\partial L_t}{\partial W} = \sum_{k=1}^{t-1} \frac{\partial L_t}{\partial h_k} \frac{\partial h_k}{\partial W}", RNN),
    "a sign before the alignment": Page(
        r"\begin{aligned} \frac{\partial L}{\partial p_i} = -& \frac{1}{p_i} y_i \end{aligned}", r"\begin{aligned} \frac{\partial L}{\partial p_i} = -& p_i y_i \end{aligned}", SOFTMAX),
    "a name with a minus before the alignment": Page(
        r"\begin{aligned} c + A_- &= A_- + c & c^2 &= c c \end{aligned}", r"\begin{aligned} c + A_- &= A_- + c & c^2 &= c \end{aligned}",
        "", "", {"declare": {"c": "scalar", "A_-": "scalar"}}),
    "an error of an example": Page(
        r"\frac{\partial f}{\partial c} = 2 c \sum_i \delta^{(i)}", r"\frac{\partial f}{\partial c} = c \sum_i \delta^{(i)}", "", r"$$\delta^{(i)} = x_i - w_i$$ $$f = c^2 \sum_i \delta^{(i)}$$", FREE),
    "an array before brackets": Page(r"\bar W = g (x)^\top", r"\bar W = x (g)^\top", SOFTMAX, r"$$g = \bar z$$"),
    "another quantity by the letter of the loss": Page(
        r"\frac{\partial L}{\partial x} = W^\top \frac{\partial L}{\partial z}", r"\frac{\partial L}{\partial x} = W \frac{\partial L}{\partial z}", SOFTMAX, r"Here $L_i = \log \sum_j e^{W_{ij}}$."),
    "a size by other sizes": Page(
        r"\frac{1}{\sqrt{d}} \sum_j W_{ij} x_j = \frac{z_i - b_i}{\sqrt{d}}", r"\frac{1}{\sqrt{d}} \sum_j W_{ij} x_j = \frac{z_i - b_i}{d}", SOFTMAX, r"The size is $d = C / H$."),
    "a formula that is a quantity": Page(
        r"\frac{\partial L}{\partial (W x + b)} = p \sum_i y_i - y", r"\frac{\partial L}{\partial (W x + b)} = y - p \sum_i y_i", SOFTMAX),
    "targets in columns": Page(
        r"\frac{\partial L}{\partial W} = X (P - Y)^\top", r"\frac{\partial L}{\partial W} = X (Y - P)^\top", r"""% loss: L
$X \in \mathbb{R}^{m \times n}$, $Y \in \mathbb{R}^{K \times n}$, $W \in \mathbb{R}^{m \times K}$
\begin{align} Z &= W^\top X \\ P_{ki} &= \frac{e^{Z_{ki}}}{\sum_j e^{Z_{ji}}} \\ L &= -\sum_{i=1}^n \sum_{k=1}^K Y_{ki} \log P_{ki} \end{align}""",
        "", {"columns": {"y": "Y"}}),
    "letters that spell a function": Page(r"\frac{\partial z_l}{\partial W_{ln}} = x_n", r"\frac{\partial z_l}{\partial W_{ln}} = x_l", SOFTMAX),
    "a name under a brace": Page(
        r"u - y = \bar z", r"u + y = \bar z", SOFTMAX, r"$$\bar z = \underbrace{p \sum_i y_i}_{u} - y$$"),
    "a reason over the sign": Page(
        r"\bar x \overset{(1)}{=} W^\top \bar z \stackrel{\text{softmax}}{=} W^\top (p \sum_i y_i - y)",
        r"\bar x = W^\top \bar z \underset{\eqref{a}}{=} W^\top (y - p \sum_i y_i)", SOFTMAX),
    "a long sign": Page(r"\bar x \xlongequal{(1)} W^\top \bar z", r"\bar x \xlongequal{(1)} W \bar z", SOFTMAX),
    "scripts in braces of their own": Page(r"\frac{\partial z{_i}}{\partial x{_j}} = W_{ij}", r"\frac{\partial z{_i}}{\partial x{_j}} = W_{ji}", SOFTMAX),
    "a transpose in a script": Page(r"\bar x = W^{(1)^T} \bar z", r"\bar z = W^{(1)^T} \bar x", SOFTMAX, "", {"alias": {"W^{(1)}": "W"}}),
    "a name in brackets behind ∂": Page(
        r"\frac{\partial(\textrm{CE})}{\partial z} = p \sum_i y_i - y", r"\frac{\partial(\textrm{CE})}{\partial z} = y - p", SOFTMAX, "", {"alias": {r"(\textrm{CE})": "L"}}),
    "a function without its argument": Page(r"\sigma' = \sigma (1 - \sigma)", r"\sigma' = \sigma (2 - \sigma)", RNN),
    "a function that has its argument elsewhere": Page(r"\sigma'(x) = \sigma (1 - \sigma)", r"\sigma'(x) = 1 - \sigma", RNN),
    "a function in the place of its formula": Page(
        r"\frac{1}{1 + e^{-v}} \left(1 - \frac{1}{1 + e^{-v}}\right) = \sigma (1 - \sigma)", r"\frac{1}{1 + e^{-v}} \left(1 + \frac{1}{1 + e^{-v}}\right) = \sigma (1 - \sigma)", RNN,
        r"$\sigma = \sigma(v)$"),
    "a prime at brackets": Page(
        r"\sigma'(v) = \left(\frac{1}{1 + e^{-v}}\right)' = \frac{e^{-v}}{(1 + e^{-v})^2}", r"\left(\frac{1}{1 + e^{-v}}\right)' = -\frac{e^{-v}}{(1 + e^{-v})^2}", RNN),
    "a prime that transposes": Page(r"(A x)' = x' A'", r"(A x)' = A' x'", "", "", FREE),
    "∂L/∂W as the transpose": Page(
        r"\frac{\partial L}{\partial W} = x \frac{\partial L}{\partial z}", r"\frac{\partial L}{\partial W} = \left(\frac{\partial L}{\partial z}\right)^\top x^\top", SOFTMAX,
        r"$$\frac{\partial L}{\partial W} = x \left(p \sum_i y_i - y\right)^\top$$", {"layout": "jacobian"}),
    "∂L/∂W in its own shape": Page(
        r"\frac{\partial L}{\partial W} = \left(\frac{\partial L}{\partial z}\right)^\top x^\top", r"\frac{\partial L}{\partial W} = x \frac{\partial L}{\partial z}", SOFTMAX,
        r"$$\frac{\partial L}{\partial W} = \left(p \sum_i y_i - y\right) x^\top$$", {"layout": "jacobian"}),
    "a name at another letter of time": Page(
        r"\frac{\partial h_t}{\partial h_{t-1}} = D_t W", r"\frac{\partial h_t}{\partial h_{t-1}} = D_{t-1} W", RNN, r"$$D_k = \operatorname{diag}(h_k (1 - h_k))$$"),
    "an example above and an index below": Page(
        r"\bar z_{1,i} = \sum_j W_{ji} \bar q_j \sigma'(z_{1,i})", r"\bar z_{1,i} = \sum_j W_{ij} \bar q_j \sigma'(z_{1,i})", r"""% loss: L
$z_1 \in \mathbb{R}^{n}$, $W \in \mathbb{R}^{n \times n}$, $\ell : \mathbb{R}^{n} \to \mathbb{R}$
\begin{align} q &= W \sigma(z_1) \\ L &= \ell(q) \end{align}""", "", {"alias": {"z_1^{(i)}": "z_1"}}),
    "a name that is a letter of an index, too": Page(
        r"c w_i A_{ij} x_j = j_1 (w)_p A_{pl} x_l", r"c w_i A_{ij} x_j = j_1 (w)_p A_{lp} x_l", "", "", {**FREE, "sums": "repeated", "alias": {"j_1": "c"}}),
    "columns with strokes": Page(
        r"A B = \left[\begin{array}{ccc} | & & | \\ a_1 & \cdots & a_n \\ | & & | \end{array}\right] B", r"A^\top B = \left[\begin{array}{ccc} | & & | \\ a_1 & \cdots & a_n \\ | & & | \end{array}\right] B", "", "",
        {**FREE, "columns": {"a": "A"}}),
    "rows with dashes": Page(
        r"A^\top B = \begin{bmatrix} - & a_1^\top & - \\ & \vdots & \\ - & a_n^\top & - \end{bmatrix} B", r"A B = \begin{bmatrix} - & a_1^\top & - \\ & \vdots & \\ - & a_n^\top & - \end{bmatrix} B", "", "",
        {**FREE, "columns": {"a": "A"}}),
    "dashes in the cells": Page(
        r"A^\top B = \left(\begin{array}{c} -\,a_1^\top\,- \\ \vdots \\ -\,a_n^\top\,- \end{array}\right) B", r"A B = \left(\begin{array}{c} -\,a_1^\top\,- \\ \vdots \\ -\,a_n^\top\,- \end{array}\right) B", "", "",
        {**FREE, "columns": {"a": "A"}}),
    "a sum over an index that its terms lack": Page(
        r"\sum_n \bar z_n \frac{\partial z_n}{\partial W_{ij}} = \bar z_i x_j", r"\sum_n \bar z_n \frac{\partial z_n}{\partial W_{ij}} = \sum_n \bar z_i x_j", SOFTMAX),
    "updates of numbered names": Page(
        r"\bar x = W^\top \bar z", r"\bar x = W \bar z", SOFTMAX, r"$$b_{1, N+1} = b_{1, N} - \eta \frac{\partial L}{\partial b}$$", {"alias": {"b_1": "b"}}),
    "Jacobians of matrices in four indices": Page(
        r"\frac{\partial L}{\partial Q_{ij}} = \sum_{abcd} \frac{\partial L}{\partial P_{ab}} \frac{\partial P_{ab}}{\partial S_{cd}} \frac{\partial S_{cd}}{\partial Q_{ij}}"
        r" = \sum_{abcd} \frac{\partial L}{\partial P_{ab}} \delta_{ac} P_{ab} (\delta_{bd} - P_{ad}) \delta_{ci} K_{dj}",
        r"\frac{\partial L}{\partial Q_{ij}} = \sum_{abcd} \frac{\partial L}{\partial P_{ab}} \delta_{ac} P_{ab} (\delta_{bd} - P_{ad}) \delta_{ci} K_{bj}", r"""% loss: L
$Q \in \mathbb{R}^{n \times d}$, $K \in \mathbb{R}^{m \times d}$, $\ell : \mathbb{R}^{n \times m} \to \mathbb{R}$
\begin{align} S &= Q K^\top \\ P &= \mathrm{softmax}(S) \\ L &= \ell(P) \end{align}""", "", {"delta": "kronecker"}),
    "softmax of a row": Page(
        r"P_{ik} = \mathrm{softmax}(o_i)_k", r"P_{ik} = \mathrm{softmax}(o_k)_i", r"""% loss: none
% vectors: row
$O \in \mathbb{R}^{m \times k}$
\begin{align} P &= \mathrm{softmax}(O) \end{align}""", "", {"rows": {"o": "O"}, "vectors": "row"}),
    "entries for their matrix": Page(r"(A B)_{ij}^T = (A B)^T", r"(A B)_{ij} = B A", "", "", FREE),
    "a derivative entry by entry": Page(
        r"\frac{\partial z}{\partial b} = 1", r"\frac{\partial z}{\partial b} = 2", SOFTMAX),
    "the chain rule of a backward pass": Page(
        r"\frac{\partial y_j}{\partial x_i} = \frac{\partial y_j}{\partial u_j} \frac{\partial u_j}{\partial x_i} + \frac{\partial y_j}{\partial \mu} \frac{\partial \mu}{\partial x_i} + \frac{\partial y_j}{\partial v} \frac{\partial v}{\partial x_i}",
        r"\frac{\partial y_j}{\partial x_i} = \frac{\partial y_j}{\partial u_j} \frac{\partial u_j}{\partial x_i} + \frac{\partial y_j}{\partial v} \frac{\partial v}{\partial x_i}", r"""% loss: none
$x \in \mathbb{R}^{n}$, $\epsilon \in \mathbb{R}$
\begin{align} \mu &= \frac{1}{n} \sum_i x_i \\ v &= \frac{1}{n} \sum_i (x_i - \mu)^2 \\ u_i &= \frac{x_i - \mu}{\sqrt{v + \epsilon}} \\ y_i &= 2 u_i \end{align}"""),
    "a derivative by a row": Page(
        r"\frac{\partial z_i}{\partial W_{i,:}} = x^\top", r"\frac{\partial z_i}{\partial W_{i,:}} = 2 x^\top", SOFTMAX),
    "the identity by its entries": Page(r"\frac{\partial x_k}{\partial x_l} = \delta_{kl} = I", r"\frac{\partial x_k}{\partial x_l} = 2 I", SOFTMAX),
    "a sum over the classes of a label": Page(
        r"p_i = \frac{e^{z_i}}{\sum_{j=1} e^{z_j}}", r"p_i = \frac{e^{z_i}}{\sum_{j=1} e^{z_j + z_i}}", SOFTMAX, "", {"onehot": {"j": "y"}}),
    "1 beside a Jacobian": Page(
        r"\frac{\partial h}{\partial x} = 1 + \frac{\partial f}{\partial x}", r"\frac{\partial h}{\partial x} = 2 + \frac{\partial f}{\partial x}", r"""% loss: none
$x \in \mathbb{R}^{n}$, $W \in \mathbb{R}^{n \times n}$
\begin{align} f &= \tanh(W x) \\ h &= x + f \end{align}"""),
    "a diagonal as a row": Page(r"\frac{\partial h}{\partial z} = h \odot (1 - h)", r"\frac{\partial h}{\partial z} = 1 - h", ROWS, "", {"vectors": "row"}),
    "an index and what it isn't": Page(r"\sum_{j, j \ne i} p_j = \sum_j p_j - p_i", r"\sum_{j, j \ne i} p_j = \sum_j p_j", SOFTMAX),
    "fractions of old": Page(r"{\partial z_i \over \partial x_j} = {2 W_{ij} \over 2}", r"{\partial z_i \over \partial x_j} = {W_{ij} \over 2}", SOFTMAX),
    "macros of TeX": Page(
        r"\gdef\pd#1#2{\frac{\partial #1}{\partial #2}} \pd{z_i}{x_j} = W_{ij}", r"\gdef\pd#1#2{\frac{\partial #1}{\partial #2}} \pd{z_i}{x_j} = W_{ji}", SOFTMAX),
    "brackets in the braces of a function": Page(
        r"p_i = \frac{\exp{(z_i) p_i}}{\exp{(z_i)}}", r"p_i = \frac{\exp{(z_i) 2}}{\exp{(z_i)}}", SOFTMAX),
    "members of a set and another condition": Page(
        r"y_i + \sum_{k \in C, k \neq i} y_k = 1",
        r"\sum_{k \in C, k \neq i} y_k = 1", SOFTMAX),
    "repeated indices inside a function": Page(
        r"\exp(W_{ij} x_j) = \exp(z_i - b_i)",
        r"\exp(W_{ij} x_j) = \exp(z_i + b_i)", SOFTMAX, settings={"sums": "repeated"}),
    "repeated indices around brackets": Page(
        r"y_a [p_a W_{ai} - p_a p_k W_{ki}] = y_a p_a W_{ai} - y_a p_a p_k W_{ki}",
        r"y_a [p_a W_{ai} - p_a p_k W_{ki}] = y_a p_a W_{ai} + y_a p_a p_k W_{ki}", SOFTMAX, settings={"sums": "repeated"}),
    "braces that end too early": Page(
        r"z_i = \log \left( \exp{w_i^\top} x \right) + b_i",
        r"z_i = \log \left( \exp{w_i^\top} x \right) - b_i", SOFTMAX, settings={"rows": {"w": "W"}}),
    "a picture of three classes": Page(
        r"\frac{\partial p}{\partial z} = \begin{bmatrix} p_1(1-p_1) & -p_1p_2 & -p_1p_3 \\ -p_2p_1 & p_2(1-p_2) & -p_2p_3 \\ -p_3p_1 & -p_3p_2 & p_3(1-p_3) \end{bmatrix}",
        r"\frac{\partial p}{\partial z} = \begin{bmatrix} p_1(1-p_1) & -p_1p_2 & -p_1p_3 \\ -p_2p_1 & p_2(1-p_2) & p_2p_3 \\ -p_3p_1 & -p_3p_2 & p_3(1-p_3) \end{bmatrix}", SOFTMAX),
    "a number with a name beside a vector": Page(
        r"w^\top (x - m - c x) = w^\top x - m \sum_i w_i - c \, w^\top x",
        r"w^\top (x - m - c x) = w^\top x + m \sum_i w_i - c \, w^\top x", "", r"$$m = \frac{1}{n} \sum_i x_i$$", settings=FREE),
    "a sum over the examples of a batch": Page(
        r"\frac{\partial J}{\partial b} = \frac{1}{m} \sum (Z - Y)",
        r"\frac{\partial J}{\partial b} = \sum (Z - Y)", BATCHED),
    "a sum whose terms are in the next row": Page(
        r"\begin{aligned} z_i - b_i = \sum_{j=1}^{d} \\ W_{ij} x_j \end{aligned}",
        r"\begin{aligned} z_i + b_i = \sum_{j=1}^{d} \\ W_{ij} x_j \end{aligned}", SOFTMAX),
    "a sign for the row": Page(
        r"\frac{\partial L}{\partial z} = \left(\sum_j y_j\right) p - y \quad (\star)",
        r"\frac{\partial L}{\partial z} = \left(\sum_j y_j\right) p + y \quad (\star)", SOFTMAX),
    "tildes as room": Page(
        r"\frac{\partial L}{\partial z_i} = p_i - y_i ~~~~ (4)",
        r"\frac{\partial L}{\partial z_i} = p_i + y_i ~~~~ (4)", SOFTMAX),
    "weights of a layer that isn't said": Page(
        r"a_{j}^{l} = \sigma\left(\sum_{k} w_{jk} a_{k}^{l-1} + b_{j}^{l}\right)",
        r"a_{j}^{l} = \sigma\left(\sum_{k} w_{kj} a_{k}^{l-1} + b_{j}^{l}\right)", LAYERED),
    "one output": Page(
        r"\frac{\partial L}{\partial h} = (u - y) W",
        r"\frac{\partial L}{\partial h} = (y - u) W", ONE),
    "a vector before a matrix beside a Jacobian": Page(
        r"\frac{\partial h_t}{\partial h_{t-1}} = (1 - h_t^2) W",
        r"\frac{\partial h_t}{\partial h_{t-1}} = (1 - h_t) W", SPOKEN),
    "entries of a sequence in a sum up to a size": Page(
        r"L_t = -\sum_{i=1}^{K} y_i \log p_i",
        r"L_t = -\sum_{i=1}^{K} p_i \log y_i", SPOKEN),
    "the diagonal of a Jacobian that lies": Page(
        r"\frac{\partial L}{\partial x} = \frac{\partial L}{\partial h} \odot \frac{\partial h}{\partial x}",
        r"\frac{\partial L}{\partial x} = -\frac{\partial L}{\partial h} \odot \frac{\partial h}{\partial x}", ONE, settings={"vectors": "row"}),
    "a norm with other signs": Page(
        r"C = \frac{1}{2} \parallel y - a^{(L)} \parallel^2",
        r"C = \frac{1}{2} \parallel y + a^{(L)} \parallel^2", LAYERED),
    "the size of the numbers": Page(
        r"E = \frac{Q K^\top}{\sqrt{2}}",
        r"E = \frac{Q K^\top}{2}", HEAD, settings={"values": {"Q": [[1, 2], [0.5, 1]], "K": [[1, -1], [2, 0.5]], "G": [[1, 0], [0.25, 1]]}}),
    "the standard deviation": Page(
        r"u_i = \frac{x_i}{\sigma}",
        r"u_i = \frac{x_i}{\sigma^2}", NORMED, r"$$\sigma = \sqrt{v + \epsilon}$$"),
    "the size d before a name": Page(
        r"d \gamma v = \gamma \sum_i x_i^2", r"d \gamma v = \gamma^2 \sum_i x_i^2", NORMED.replace("{n}", "{d}")),
    "a name at the end of a chain": Page(r"\bar x = W^\top g", r"\bar x = W^\top g + g", SOFTMAX, r"$$\frac{\partial L}{\partial z} = g$$"),
}  # fmt: skip


@cache
def network(problem: str) -> Network:
    read = read_problem(problem)
    return Network(read.system, read.scope)


def last(page: Page, tex: str):
    checker = Checker(parts(page.settings, problem=network(page.problem) if page.problem else None), explain=False)
    report = checker.text(f"{page.before}\n\n$${tex}$$\n")
    assert not checker.faults, checker.faults
    return report.lines[-1]


@pytest.mark.parametrize("name", PAGES)
def test_what_is_right_holds(name):
    page = PAGES[name]
    line = last(page, page.right)
    assert line.verdict in ("proved", "agrees"), line


@pytest.mark.parametrize("name", PAGES)
def test_what_is_wrong_is_not_accepted(name):
    page = PAGES[name]
    line = last(page, page.wrong)
    assert line.verdict == "refuted", line


def test_inline_formulas_with_lines_of_their_own_go_on():
    text = "<p>\n$\\bar z_i$\n</p>\n\n<p>\n$= \\sum_k \\bar p_k p_k (\\delta_{ki} - p_i)$\n</p>\n\n<p>\n$= p_i - \\bar p_i$\n</p>"
    checker = Checker(parts({}, problem=network(SOFTMAX)), explain=False)
    assert [line.verdict for line in checker.text(text).lines] == ["proved", "refuted"]


def test_a_remark_at_the_end_of_a_row_is_no_expression():
    text = r"$$\begin{aligned} \bar x &= W^\top \bar z && \text{linearity}\\ &= 7 W^\top \bar z \end{aligned}$$"
    checker = Checker(parts({}, problem=network(SOFTMAX)), explain=False)
    assert [line.verdict for line in checker.text(text).lines] == ["proved", "refuted"]


@pytest.mark.parametrize(
    ("more", "formula", "verdict"),
    [
        (r"$$L_r = L + c s^2$$", r"-\sum_i \frac{\partial L}{\partial q_i} \frac{a_i}{s^2}", "agrees"),
        (r"$$L_r = L + c s^2$$", r"2 c s - \sum_i \frac{\partial L}{\partial q_i} \frac{a_i}{s^2}", "refuted"),
    ],
)
def test_another_loss_beside_it_is_not_that_of_the_stages(more, formula, verdict):
    page = PAGES["stages"]
    checker = Checker(parts({"declare": {"c": "scalar"}}, problem=network(SOFTMAX)), explain=False)
    report = checker.text(f"{page.before} {more}\n\n$$\\frac{{\\partial L}}{{\\partial s}} = {formula}$$")
    assert report.lines[-1].verdict == verdict, report.lines[-1]


def test_a_slip_beside_a_named_part_is_told_in_the_words_of_the_document():
    page = PAGES["a part that is named"]
    report = Checker(parts({}, problem=network(RNN))).text(f"{page.before} $${page.wrong}$$")
    assert report.lines[-1].slip.kind == "sign"
    assert "h̄ₜ = ∂Lₜ/∂hₜ + ∂L/∂hₜ|ₗₐₜₑᵣ" in str(report)


def test_a_report_shows_both_signs_as_they_were_written():
    page = PAGES["both signs"]
    report = Checker(parts(FREE), explain=False).text(f"$${page.wrong}$$")
    assert r"\pm B A \pm B^2" in str(report)
    assert report.lines[0].reason == "the sides differ, with the lower signs"


def test_what_a_name_has_to_do_with_the_loss_has_to_be_said():
    checker = Checker(parts({"declare": {"q": "n"}}, problem=network(SOFTMAX)), explain=False)
    assert [line.verdict for line in checker.text(r"$$\frac{\partial L}{\partial q} = 0$$").lines] == ["undecided"]


def test_a_problem_finds_the_size_of_ones():
    text = r"""% loss: none
$V \in \mathbb{R}^{n \times h}$, $S \in \mathbb{R}^{n \times n}$
\begin{align} q &= S \mathbf{1} \\ Q &= q \mathbf{1}^\top \\ B &= S \odot Q \\ C &= B V \end{align}"""
    assert [str(e.left.shape) for e in network(text).system.equations][1] == "(n, n)"


def verdicts(problem: str, text: str, settings: dict | None = None) -> list[str]:
    return [line.verdict for line in Checker(parts(settings or {}, problem=network(problem)), explain=False).text(text).lines]


@pytest.mark.parametrize(
    "tex",
    [
        r"W_{\text{new}} = W_{\text{old}} - \eta \frac{\partial L}{\partial W}",
        r"W^{(k+1)} = W^{(k)} - \eta \nabla_W L",
        r"W' = W - \eta \frac{\partial L}{\partial W}",
        r"b_{t+1} = b_t - \eta \frac{\partial L}{\partial b_t}",
        r"x_{1:T} = (x_1, \dots, x_T)",
        r"L(x) = \phi \circ z(x)",
    ],
)
def test_what_says_nothing_that_could_be_wrong(tex):
    assert verdicts(SOFTMAX, f"$${tex}$$") == ["definition"]


@pytest.mark.parametrize(
    ("tex", "verdict"),
    [
        (r"L = -y \log p", "undecided"),
        (r"L = y \log p", "refuted"),
        (r"p = W_{11} x_1", "undecided"),
        (r"\frac{\partial z_i}{\partial W_{ij}} = \frac{\partial}{\partial W_{ij}} (W x + b)", "undecided"),
        (r"\frac{\partial z_i}{\partial W_{ij}} = \frac{\partial}{\partial W_{ij}} (2 W x + b)", "refuted"),
        (r"p_i \approx W x", "undecided"),
        (r"p = \begin{bmatrix} 0.1 \\ 0.9 \end{bmatrix}", "definition"),
        (r"p \odot y = \begin{bmatrix} 0.1 \\ 0.9 \end{bmatrix}", "undecided"),
        (r"p_1 = 1", "definition"),
        (r"\sum_{l=1}^{i} x_l = \sum_l x_l", "unreadable"),
        (r"\sum_{l < i} x_l = \sum_l x_l", "unreadable"),
        (r"p = \begin{bmatrix} p_1 \\ -p_2 \\ \vdots \\ p_k \end{bmatrix}", "unreadable"),
        (r"\bar z^\top = p \sum_i y_i - y", "refuted"),
        (r"so that $$p = 1$$ and $$\bar z = \int p", "refuted"),
    ],
)
def test_what_may_be_of_something_else_is_undecided(tex, verdict):
    assert verdicts(SOFTMAX, f"$${tex}$$" if "$$" not in tex else f"{tex}$$")[0] == verdict


BINARY = r"""% loss: L
$x \in \mathbb{R}^{d}$, $w \in \mathbb{R}^{d}$, $y \in \mathbb{R}$
\begin{align} a &= \sigma(w^\top x) \\ L &= -(y \log a + (1 - y) \log(1 - a)) \end{align}"""


LAYER = r"""% loss: L
$x \in \mathbb{R}^{d}$, $w, y \in \mathbb{R}^{n}$, $W \in \mathbb{R}^{n \times d}$
\begin{align} z &= W x \\ h &= \mathrm{relu}(z) \\ L &= w^\top h \end{align}"""


@pytest.mark.parametrize(("wrong", "verdict"), [("", "proved"), ("2 ", "refuted")])
def test_a_loss_of_the_last_quantity_alone(wrong, verdict):
    line = rf"$$\frac{{\partial L}}{{\partial v}} = {wrong}\sum_i \frac{{\partial L}}{{\partial u_i}} \frac{{\partial u_i}}{{\partial v}}$$"
    assert verdicts(NORMED, line) == [verdict]


@pytest.mark.parametrize(
    ("before", "line", "verdict"),
    [
        (r"If $z_j > 0$:", r"\frac{\partial L}{\partial z_j} = w_j", "proved"),
        (r"If $z_j < 0$:", r"\frac{\partial L}{\partial z_j} = w_j", "refuted"),
        (r"If $z_j < 0$:", r"\frac{\partial L}{\partial z_j} = 0", "proved"),
        (r"If $z_j \le 0$ it is", r"\frac{\partial h_j}{\partial W_{ji}} = 0", "proved"),
        (r"If $z_j > 0$ it is", r"\frac{\partial h_j}{\partial W_{ji}} = x_i", "proved"),
        (r"If $z_j > 0$ it is", r"\frac{\partial h_j}{\partial W_{ji}} = x_j", "refuted"),
        (r"If $z > 0$:", r"\frac{\partial L}{\partial z} = w", "proved"),
        (r"If $z > 0$:", r"\frac{\partial L}{\partial z} = w \odot h", "refuted"),
        (r"If $z_j > 0$: $$h_j = z_j$$ and then", r"\frac{\partial L}{\partial z_j} = w_j", "refuted"),
    ],
)
def test_a_condition_on_the_sign_of_a_quantity(before, line, verdict):
    assert verdicts(LAYER, f"{before}\n$${line}$$")[-1] == verdict


@pytest.mark.parametrize(
    ("problem", "text", "right"),
    [
        (LAYER, r"If $z_j > 0$: $$\frac{\partial L}{\partial z_j} = 2 w_j$$", r"\frac{\partial L}{\partial z_j} = 1 w_j"),
        (SOFTMAX, r"If $i = j$: $$\frac{\partial p_i}{\partial z_j} = p_i (1 + p_i)$$", r"\frac{\partial p_i}{\partial z_j} = p_i (1 - p_i)"),
    ],
)
def test_a_slip_in_a_case_is_sought_in_the_case(problem, text, right):
    slip = Checker(parts({}, problem=network(problem))).text(text).lines[0].slip
    assert slip.corrected == right


def test_rows_of_words_that_state_a_case():
    text = r"$$\begin{aligned} \text{Case when $i = j$} \\ \frac{\partial p_i}{\partial z_j} &= p_i (1 - p_j) \\ \text{Case when $i \neq j$} \\ \frac{\partial p_i}{\partial z_j} &= -p_i p_j \\ \frac{\partial p_i}{\partial z_j} &= p_i p_j \end{aligned}$$"
    assert verdicts(SOFTMAX, text) == ["proved", "proved", "refuted"]


def test_a_case_in_another_language():
    text = r"Si $i \ne j$ $$\frac{\partial p_i}{\partial z_j} = -p_i p_j$$ Sinon (dans le cas où $i = j$): $$\frac{\partial p_i}{\partial z_j} = p_i (1 - p_j)$$"
    assert verdicts(SOFTMAX, text) == ["proved", "proved"]


def test_a_row_of_reasons_is_no_part_of_the_chain():
    text = r"$$\begin{aligned} \bar x &= W^\top \bar z \\ & \because \bar z = p \sum_i y_i - y \\ &= W^\top (p \sum_i y_i - y) \end{aligned}$$"
    assert verdicts(SOFTMAX, text) == ["proved", "proved", "proved"]


@pytest.mark.parametrize(
    ("tex", "found"),
    [
        (r"\bar x = W^\top (p \sum_i y_i - y))", ["proved"]),
        (r"\bar x = W^\top (p \sum_i y_i - y = W^\top \bar z", ["unreadable"]),
        (r"\bar x = \sum_{n} (W^\top (\bar z) = W^\top \bar z", ["unreadable"]),
        (r"\bar x = W \bar z)", ["unreadable"]),
        (r"\bar x = \frac{W^\top (2 \bar z))}{2} = W^\top \bar z", ["proved", "proved"]),
    ],
)
def test_a_bracket_too_many_or_too_few(tex, found):
    assert verdicts(SOFTMAX, f"$${tex}$$") == found


def test_what_is_set_aside_in_a_row_is_no_part_of_the_chain():
    text = r"$$\begin{aligned} \bar x &= W^\top \bar z, \text{ set } q = p \sum_i y_i \\ &= W^\top (q - y) \end{aligned}$$"
    assert verdicts(SOFTMAX, text) == ["proved", "definition", "proved"]


@pytest.mark.parametrize(("tex", "verdict"), [(r"(k \times d) \cdot (d \times 1) = k \times 1", "definition"), (r"k d = d", "refuted")])
def test_shapes_are_no_claim(tex, verdict):
    assert verdicts(SOFTMAX, f"$${tex}$$") == [verdict]


def test_arguments_of_macros_stay_apart():
    text = r"\newcommand{\norm}[1]{\left\lVert#1\right\rVert} $$\norm{b}^2 = b^\top b$$"
    assert verdicts(SOFTMAX, text) == ["proved"]


def test_an_alias_inside_an_alias():
    settings = {"alias": {r"\log s": "z", r"\delta_{\log s}": r"\frac{\partial L}{\partial z}"}}
    checker = Checker(parts(settings, problem=network(SOFTMAX)), explain=False)
    assert [line.verdict for line in checker.text(r"$$\delta_{\log s} = p \sum_i y_i - y$$").lines] == ["proved"]


def test_one_case_after_the_other():
    text = r"When $y = 1$ it is $$L = -\log a$$ and when $y = 0$ it is $$L = -\log (1 - a)$$ and not $$L = -\log a$$"
    assert verdicts(BINARY, text) == ["definition", "agrees", "definition", "agrees", "refuted"]


def test_a_number_in_the_words_is_no_claim():
    assert verdicts(SOFTMAX, r"where $y_i = 0$ for most of them") == ["undecided"]
    assert verdicts(RNN, r"$$r_t = \frac{\partial L_t}{\partial h_t}$$ and often $r_t = 0$ here") == ["definition", "undecided"]
    assert verdicts(SOFTMAX, r"$$\frac{\partial L}{\partial x} = 0$$") == ["refuted"]


def test_a_condition_over_the_sign_is_no_claim():
    assert verdicts(SOFTMAX, r"$$\bar x \overset{!}{=} 0$$") == []


def test_signs_that_mean_nothing_there_may_be_meant_otherwise():
    assert verdicts(SOFTMAX, r"$$\frac{\partial L_i}{\partial z_j} = L_{ij}$$")[0] != "refuted"


def test_a_case_ends_with_its_sentence():
    text = r"When $f_t = 1$ and $i_t = 0$ nothing is lost. But then $$h_t = h_{t-1}$$"
    assert verdicts(GATED, text)[-1] == "refuted"


def test_a_lost_root_is_named():
    problem = r"""% loss: L
$Q, K \in \mathbb{R}^{n \times d}$, $\ell : \mathbb{R}^{n \times n} \to \mathbb{R}$
\begin{align} S &= \frac{Q K^\top}{\sqrt{d}} \\ L &= \ell(S) \end{align}"""
    report = Checker(parts({}, problem=network(problem))).text(r"$$\frac{\partial L}{\partial Q} = \frac{\partial L}{\partial S} K$$")
    slip = report.lines[0].slip
    assert slip.kind == "factor" and r"\frac{1}{\sqrt{d}}" in slip.corrected


@pytest.mark.parametrize(
    ("line", "after", "verdict"),
    [
        (r"L = -\log p_k,", "where $k$ is the index of the correct class.", "agrees"),
        (r"L = -\log p_k,", "where $k$ is the number of classes.", "refuted"),
        (r"L = -\log p_k,", "where $k$ is the size of the target vector.", "refuted"),
        (r"L = -\log p_k,", "where $k$ is the index of any class other than the correct one.", "refuted"),
        (r"L = \log p_k,", "where $k$ is the true label.", "refuted"),
        (r"\frac{\partial L}{\partial z_k} = p_k - 1", "where $k$ is the true label.", "agrees"),
        (r"\frac{\partial L}{\partial z_k} = p_k", "where $k$ is the true label.", "refuted"),
        (r"L = -\log p_k,", "where $k$ is the true label. So $$L = -\\log p_j$$", "agrees"),
    ],
)
def test_the_index_of_the_right_class(line, after, verdict):
    found = verdicts(SOFTMAX, f"$${line}$$ {after}")
    assert found[0] == verdict
    assert "agrees" not in found[1:], "said of this formula alone"


@pytest.mark.parametrize(
    ("line", "settings", "verdict"),
    [
        (r"\frac{\partial z}{\partial W} = x", {}, "undecided"),  # right for scalars
        (r"\frac{\partial L}{\partial x} = W p", {}, "refuted"),
        (r"b = x", {}, "undecided"),  # two names: the letters may be other ones
        (r"\frac{\partial L}{\partial x} = \frac{\partial L}{\partial z} \cdot W", {"layout": "gradient", "elementwise": ["\\cdot"]}, "refuted"),
        (r"\frac{\partial L}{\partial x} = \frac{\partial L}{\partial z} \cdot W", {"elementwise": ["\\cdot"]}, "proved"),
    ],
)
def test_shapes_that_do_not_fit(line, settings, verdict):
    checker = Checker(parts(settings, problem=network(SOFTMAX)))
    assert [x.verdict for x in checker.text(f"$${line}$$").lines] == [verdict]


@pytest.mark.parametrize(("last", "verdict"), [("0.77", "agrees"), ("0.81", "refuted")])
def test_a_rounded_result_carries_its_rounding(last, verdict):
    """tanh(1) is 0.7616: 0.76 is a result, and so 0.76 + 0.004 may be 0.77; given as data it could not be."""
    text = rf"$$a = \tanh(1) = 0.76$$ $$0.76 + 0.004 = {last}$$"
    report = Checker(parts({"declare": {"a": "scalar"}}), explain=False).text(text)
    assert report.lines[-1].verdict == verdict
    alone = Checker(parts({"declare": {"a": "scalar"}}), explain=False).text(r"$$0.76 + 0.004 = 0.77$$")
    assert alone.lines[-1].verdict == "refuted"


@pytest.mark.parametrize(("tex", "verdict"), [(r"E = E^\top", "undecided"), (r"E = 2 E^\top", "refuted")])
def test_right_for_the_numbers_that_are_given_alone(tex, verdict):
    numbers = {"Q": [[1, 2], [2, 1]], "K": [[1, 0], [0, 1]], "G": [[1, 0], [0.25, 1]]}
    assert Checker(parts({"values": numbers}, problem=network(HEAD))).text(f"$${tex}$$").lines[-1].verdict == verdict


@pytest.mark.parametrize(
    ("line", "verdict"),
    [
        (r"s = \sqrt{s^2 + \epsilon}", "undecided"),  # s may be given anew
        (r"s = \sqrt{v - \epsilon}", "refuted"),
        (r"u = \begin{bmatrix} u_1 \\ u_2 \\ \vdots \\ u_n \end{bmatrix}", "proved"),
    ],
)
def test_a_name_said_of_itself(line, verdict):
    assert verdicts(NORMED, f"$${line}$$") == [verdict]


@pytest.mark.parametrize(("end", "verdict"), [("k", "proved"), ("d", "refuted")])
def test_where_a_picture_ends(end, verdict):
    line = rf"p = \begin{{bmatrix}} p_1 \\ p_2 \\ \vdots \\ p_{end} \end{{bmatrix}}"
    assert verdicts(SOFTMAX, f"$${line}$$") == [verdict]


def test_what_has_a_name_in_words_goes_on_from_nothing():
    document = r"$$z = W x + b$$ $$\text{Path 1} = p$$ $$= \mathrm{softmax}(z)$$ $$= z$$"
    assert verdicts(SOFTMAX, document) == ["proved", "proved", "refuted"]


REPEATED = {"declare": {"u": "n", "v": "n", "A": "n x n"}, "sums": "repeated"}


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        (r"\exp(A_{ii}) = \exp(\sum_i A_{ii})", r"\exp(A_{ii}) = \sum_i \exp(A_{ii})"),
        (r"\exp(\sqrt{u_i v_i}) = \exp(\sqrt{u^\top v})", r"\exp(\sqrt{u_i v_i}) = \sum_i \exp(\sqrt{u_i v_i})"),
        (r"(u_i v_i)^2 = u_i v_i u_j v_j", r"(u_i v_i)^2 = u_i^2 v_i^2"),
    ],
)
def test_repeated_indices_are_summed_inside(right, wrong):
    found = [Checker(parts(REPEATED), explain=False).text(f"$${tex}$$").lines[-1].verdict for tex in (right, wrong)]
    assert found == ["proved", "refuted"]


@pytest.mark.parametrize(
    ("limits", "verdict"),
    [
        (r"k \in C", "agrees"),
        (r"k \in \{1, \ldots, n\}", "agrees"),
        (r"k \in \{1, 2\}", "unreadable"),
        (r"k \in C - \{i\}", "unreadable"),
        (r"k \in C, k = i", "unreadable"),
        (r"k \in C, k \neq i", "refuted"),
    ],
)
def test_what_a_sum_runs_over(limits, verdict):
    assert verdicts(SOFTMAX, rf"$$\sum_{{{limits}}} p_k = 1$$") == [verdict]


@pytest.mark.parametrize(
    ("problem", "tex", "verdict"),
    [
        (SPOKEN, r"L_T = -\sum_i y_{T,i} \log p_{T,i}", "proved"),
        (SPOKEN, r"L_T = -\sum_i y_{1,i} \log p_{T,i}", "refuted"),
        (SPOKEN, r"\frac{\partial L_T}{\partial h_T} = V^\top (p_T - y_1)", "refuted"),
        (SPOKEN, r"\frac{\partial L_t}{\partial h_{t-1}} = W \left(\frac{\partial L_t}{\partial h_t} (1 - h_t^2)\right)", "refuted"),
        (SPOKEN, r"\sigma = 1 - h_t", "unreadable"),
        (SOFTMAX, r"\begin{aligned} p &= p \circ \\ & y \end{aligned}", "unreadable"),
    ],
)
def test_holes_that_were_found(problem, tex, verdict):
    assert verdicts(problem, f"$${tex}$$")[0] == verdict


@pytest.mark.parametrize("tex", [r"E = \frac{Q K^\top}{\sqrt{T}}", r"\frac{d}{T} E = E"])
def test_a_size_for_another_is_wrong_though_the_numbers_have_both(tex):
    numbers = {"Q": [[1, 2], [0.5, 1]], "K": [[1, -1], [2, 0.5]], "G": [[1, 0], [0.25, 1]]}
    assert Checker(parts({"values": numbers}, problem=network(HEAD)), explain=False).text(f"$${tex}$$").lines[-1].verdict == "refuted"


@pytest.mark.parametrize("tex", ["0.562 - 0.562 = 0.001", r"2 \cdot 0.562 - 0.562 - 0.562 = 0.002"])
def test_a_rounded_number_is_one_number(tex):
    assert Checker(parts({"declare": {"a": "scalar"}}), explain=False).text(f"$${tex}$$").lines[-1].verdict == "refuted"


def test_a_scope_may_name_a_function_of_the_reader():
    scope = {**FREE, "alias": {r"\text{row\_sum}": r"\mathrm{rowsum}"}}
    report = Checker(parts(scope), explain=False).text(r"$$\text{row\_sum}(A) = A \mathbf{1}$$")
    assert [line.verdict for line in report.lines] == ["proved"]


SQUARE = r"""% loss: L
$C \in \mathbb{R}^{d \times d}$, $D, W \in \mathbb{R}^{n \times d}$
\[ L = \operatorname{tr}(W C W^\top) - 2 \operatorname{tr}(W D^\top) \]"""
DENSE = r"""% loss: L
$W \in \mathbb{R}^{n \times d}$, $x \in \mathbb{R}^d$, $y \in \mathbb{R}^n$
\begin{align} z &= W x \\ h &= \tanh(z) \\ L &= \frac12 \|h - y\|^2 \end{align}"""


@pytest.mark.parametrize(
    "around",
    [
        r"\left\{ \begin{array}{l} %s \\ %s \end{array} \right.", r"\begin{cases} %s \\ %s \end{cases}", r"\begin{matrix} %s \\ %s \end{matrix}",
        r"\left\{ \begin{aligned} %s \\ %s \end{aligned} \right.", r"\begin{array} %s \\ %s \end{array}", r"h = \tanh(z), \quad \begin{cases} %s \\ %s \end{cases}",
    ],
)  # fmt: skip
@pytest.mark.parametrize("sign", ["=", "&=", "&=&"])
def test_equations_under_each_other_are_equations(around, sign):
    for last, verdict in ((r"W^\top \bar z", "proved"), (r"W \bar z", "refuted")):
        rows = rf"\bar z {sign} \bar h \odot (1 - h^2)", rf"\bar x {sign} {last}"
        found = verdicts(DENSE, f"$${around % rows}$$")
        assert found[-2:] == ["proved", verdict] and len(found) == 2 + around.startswith("h"), (around, sign)


def test_cases_and_matrices_are_no_systems():
    slope = r"\frac{\partial h_i}{\partial z_j} = \begin{cases} 1 - h_i^2 & i = j \\ 0 & i \ne j \end{cases}"
    assert verdicts(DENSE, f"$${slope}$$") == ["proved"]
    assert verdicts(DENSE, f"$${slope.replace('1 - h', '1 + h')}$$") == ["refuted"]


def test_a_row_goes_on_after_a_bracket_that_stays_open():
    rows = r"\begin{align} \bar z_i &= (\bar h_i (1 - h_i^2) \\ &= \bar h_i - \bar h_i h_i^2 \\ &= \bar h_i \end{align}"
    assert verdicts(DENSE, rows) == ["proved", "proved", "refuted"]
    parted = r"\begin{align} \bar z &= (\bar h \odot (1 \\ &- h \odot h)) \\ &= \bar h \end{align}"
    assert verdicts(DENSE, parted) == ["proved", "refuted"]


def test_what_goes_on_from_the_unreadable_is_not_lost():
    assert verdicts(DENSE, r"$$\bar x = W^\top \bar z = \foo$$ $$= \bar h$$") == ["proved", "unreadable", "unreadable"]


@pytest.mark.parametrize("words", ["由此可得 %s", "%s 结果", "结合上式得: %s", "따라서 %s", r"%s \quad 其中"])
def test_words_in_other_scripts_are_words(words):
    for line, verdict in ((r"\bar x = W^\top \bar z", "proved"), (r"\bar x = W \bar z", "refuted")):
        assert verdicts(DENSE, f"$${words % line}$$") == [verdict]


JACOBIAN = r"\frac{\partial h_i}{\partial z_j}"
ONE_MINUS = r"1 - h_i^2"


@pytest.mark.parametrize(
    "text",
    [
        "If $i \\ne j$ then $$J = 0$$ Otherwise $$J = %s$$", "When $i \\ne j$: $$J = 0$$ and otherwise: $$J = %s$$",
        "当 $i \\ne j$ 时 $$J = 0$$ 否则 $$J = %s$$", "$$J = 0$$ if $i \\ne j$, and otherwise $$J = %s$$",
        "when $i \\neq j$ $$J = 0$$ when $i = j$ $$J = %s$$", "$i \\ne j: J = 0$, $i = j: J = %s$",
        "$$i \\ne j: \\quad J = 0$$ $$i = j: \\quad J = %s$$", "we saw that $\\forall i \\ne j$: $$J = 0$$ If $i = j$: $$J = %s$$",
        "$J = 0$ khi $i \\ne j$, $J = %s$ khi $i = j$",
    ],
)  # fmt: skip
def test_the_two_cases_of_an_index(text):
    for right, verdict in ((ONE_MINUS, "proved"), ("1 - h_i", "refuted"), ("0", "refuted")):
        assert verdicts(DENSE, text.replace("J", JACOBIAN) % right) == ["proved", verdict], right


def test_otherwise_is_of_the_case_just_before():
    between = "".join(f"$$x_{k} = x_{k}$$" for k in (1, 2, 3, 4))
    found = verdicts(DENSE, f"If $i \\ne j$ then $${JACOBIAN} = 0$$ {between} Otherwise $${JACOBIAN} = {ONE_MINUS}$$")
    assert found[0] == "proved" and found[-1] == "refuted"


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        (r"\max(z_i, h_i) = h_i + \max(0, z_i - h_i)", r"\max(z_i, h_i) = z_i + \max(0, z_i - h_i)"),
        (r"\min(z_i, h_i) = z_i + h_i - \max(z_i, h_i)", r"\min(z_i, h_i) = z_i - h_i + \max(z_i, h_i)"),
        (r"\mathrm{logaddexp}(0, z_i) = \log(1 + e^{z_i})", r"\mathrm{logaddexp}(0, z_i) = \log(1 - e^{z_i})"),
        (r"\mathrm{logaddexp}(h_i, z_i) = \log(e^{h_i} + e^{z_i})", r"\mathrm{logaddexp}(h_i, z_i) = \log(e^{h_i} e^{z_i})"),
        (r"L = \frac12 \sum_i \quad (h_i - y_i)^2", r"L = \frac12 \sum_i \quad (h_i + y_i)^2"),
        (r"\stackrel{\sim}{y} = 2 y$$ $$\tilde y = y + y", r"\stackrel{\sim}{y} = 2 y$$ $$\tilde y = 3 y"),
        (r"z_j = \sum_{k=1}^d W_{jk} x_k", r"z_j = \sum_{k=1}^n W_{jk} x_k"),
        (r"2 \cdot -\exp(-z_i) = -2 \exp(-z_i)", r"2 \cdot -\exp(-z_i) = 2 \exp(-z_i)"),
        (r"z_i * -\tanh(z_i) = -z_i h_i", r"z_i * -\tanh(z_i) = z_i - h_i"),
        (r"\bar z \odot -h \odot h = -(\bar z \odot h \odot h)", r"\bar z \odot -h \odot h = \bar z - h \odot h"),
        (r"\overset{-}{x} = W^\top \bar z", r"\overset{-}{x} = W \bar z"),
    ],
)
def test_small_readings(right, wrong):
    assert verdicts(DENSE, f"$${right}$$")[-1] in ("proved", "agrees")
    assert verdicts(DENSE, f"$${wrong}$$")[-1] == "refuted"


def test_room_parts_formulas_and_comments_say_nothing():
    assert verdicts(DENSE, r"$$\bar x = W^\top \bar z \ \ \ \ \ \ \bar z = \bar h$$") == ["proved", "refuted"]
    rows = "$$\\begin{align}\n\\bar z &= \\bar h \\odot (1 - h^2) \\\\\n% &= \\bar h \\\\\n\\bar x &= W \\bar z\n\\end{align}$$"
    assert verdicts(DENSE, rows) == ["proved", "refuted"]


def test_a_sum_over_another_size_has_its_slip():
    report = Checker(parts({}, problem=network(DENSE))).text(r"$$z_j = \sum_{k=1}^n W_{jk} x_k$$")
    assert report.lines[0].slip.kind == "symbol" and r"^d" in report.lines[0].slip.corrected


def test_a_product_between_instants():
    chain = r"\prod_{%s} \frac{\partial h_i}{\partial h_{i-1}} = \prod_{i=k+1}^{t} \frac{\partial h_i}{\partial h_{i-1}}"
    for limits, holds in ((r"t \ge i > k", True), (r"t > i > k", False)):
        assert (verdicts(RNN, f"$${chain % limits}$$") == ["proved"]) is holds


def test_lists_that_lie():
    pair = r"""% loss: L
$x_1, x_2, y \in \mathbb{R}$, $w \in \mathbb{R}^2$
\begin{align} x &= \begin{bmatrix} x_1 \\ x_2 \end{bmatrix} \\ L &= \frac12 (w^\top x - y)^2 \end{align}"""
    assert verdicts(pair, r"$$x = [x_1, x_2]^\top$$ $$x = [x_2, x_1]^\top$$ $$x^\top = [x_1, x_2]^\top$$")[:2] == ["proved", "refuted"]


def test_rows_lie_in_all_of_a_formula_or_in_none():
    chosen = r"""% loss: L
$W \in \mathbb{R}^{n \times d}$, $e \in \mathbb{R}^n$
\begin{align} h &= W^\top e \\ L &= h^\top h \end{align}"""
    assert verdicts(chosen, r"$$2 e_i h = \bar W_{i,:}^\top = 2 e_i h^\top$$") == ["proved", "refuted"]
    assert verdicts(chosen, r"$$\bar W_{i,:} = 2 e_i h^\top$$ $$\bar W_{i,:} = 2 e_i h$$") == ["proved", "proved"]


@pytest.mark.parametrize(
    ("assumed", "wanted"),
    [([], ["refuted"] * 3), ([r"C = C^\top"], ["proved", "refuted", "refuted"]), (["C = I"], ["proved", "proved", "refuted"])],
)
def test_what_a_scope_assumes(assumed, wanted):
    lines = r"$$\frac{\partial L}{\partial W} = 2 W C - 2 D$$ $$\frac{\partial L}{\partial W} = 2 W - 2 D$$"
    found = verdicts(SQUARE, lines + r" In general: $$\frac{\partial L}{\partial W} = 2 W + 2 D$$", {"assume": assumed})
    assert found == wanted


@pytest.mark.parametrize("text", ["L = 3", "Q = 3", "C", r"C \ne I"])
def test_what_a_scope_can_not_assume(text):
    with pytest.raises(DeriveError, match=r"assume: .* gives no input of the problem a form"):
        Checker(parts({"assume": [text]}, problem=network(SQUARE)))


def test_aliases_that_stand_nowhere_are_told():
    scope = {"alias": {r"\frac{dQ}{dq}": r"\bar x", r"E(\theta)": "L"}}
    report = Checker(parts(scope, problem=network(DENSE)), explain=False).text(r"$$\frac{\partial E(\theta)}{\partial x} = W^\top \bar z$$")
    assert [line.verdict for line in report.lines] == ["proved"]
    assert len(report.notes) == 1 and "dQ" in report.notes[0] and report.notes[0] in str(report)
    assert report.to_json()["notes"] == report.notes


@pytest.mark.parametrize("index", ["t", "s"])
def test_products_over_time_of_vectors_are_entry_by_entry(index):
    total = rf"\prod_{{{index}=1}}^T f_{{{index},j}}"
    assert verdicts(GATED, rf"$$\frac{{\partial h_{{T,j}}}}{{\partial h_{{0,j}}}} = {total}$$") == ["proved"]
    assert verdicts(GATED, rf"$$\frac{{\partial h_{{T,j}}}}{{\partial h_{{0,j}}}} = {total.replace('f', 'i')}$$") == ["refuted"]
    step = r"\frac{\partial h_t}{\partial h_k} = \mathrm{diag}\left(\prod_{s=%s}^t f_s\right)"
    assert verdicts(GATED, f"$${step % 'k+1'}$$") == ["proved"] and verdicts(GATED, f"$${step % 'k'}$$") == ["refuted"]
    dots = r"\mathrm{diag}(f_t) \cdots \mathrm{diag}(f_{k+1}) = \mathrm{diag}(f_t \odot \cdots \odot f_{%s})"
    assert verdicts(GATED, f"$${dots % 'k+1'}$$") == ["proved"] and verdicts(GATED, f"$${dots % 'k'}$$") == ["refuted"]


@pytest.mark.parametrize("why", [r"\because", r"\text{since }", r"\tanh\text{의 도함수: }"])
def test_a_reason_in_brackets_is_a_line_of_its_own(why):
    for line, verdict in ((r"\bar x = W^\top \bar z", "proved"), (r"\bar x = W \bar z", "refuted")):
        for reason, judged in ((r"\tanh'(z) = 1 - h^2", "proved"), (r"\tanh'(z) = 1 - h", "refuted")):
            assert verdicts(DENSE, rf"$${line} \quad ({why} {reason})$$") == [verdict, judged]
    assert verdicts(DENSE, r"$$\bar x = W^\top \bar z \quad (\text{by the chain rule})$$") == ["proved"]


def test_a_function_without_argument_keeps_its_power():
    lines = ["h = \\tanh", "h = \\tanh^2", "h^2 = \\tanh^2", r"\bar z = \bar h \odot (1 - \tanh^2)", r"\bar z = \bar h \odot (1 - \tanh)"]
    assert verdicts(DENSE, "".join(f"$${line}$$ " for line in lines)) == ["proved", "refuted", "proved", "proved", "refuted"]


def test_an_entry_of_a_transpose_below():
    for below, indices in ((r"(W^\top)_{ij}", "ji"), (r"(W^\top)_{12}", "21"), (r"W^\top_{ij}", "ji")):
        right = rf"\frac{{\partial L}}{{\partial {below}}} = \frac{{\partial L}}{{\partial W_{{{indices}}}}}"
        wrong = right.replace(f"W_{{{indices}}}}}", f"W_{{{indices[::-1]}}}}}")
        assert verdicts(DENSE, f"$${right}$$") == ["proved"] and verdicts(DENSE, f"$${wrong}$$") == ["refuted"], below
    assert verdicts(DENSE, r"$$\frac{\partial L}{\partial (W^\top)_{ij}} = \bar z_j x_i$$") == ["proved"]


def test_a_sum_over_an_index_that_its_terms_lack():
    document = r"$$L = \frac12 \sum_j (h_i - y_i)^2$$ $$\bar x_k = \sum_j W_{ik} \bar z_i$$"
    report = Checker(parts({}, problem=network(DENSE))).text(document)
    assert [(line.verdict, line.slip.kind) for line in report.lines] == [("refuted", "symbol")] * 2
    assert report.lines[0].slip.corrected == r"L = \frac12 \sum_i (h_i - y_i)^2"


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("z_n = W_{nd} x_d", "z_n = W_{nd} x_d h_n"),
        (r"\frac{\partial z_k}{\partial x_d} = W_{kn} \delta_{nd}", r"\frac{\partial z_k}{\partial x_d} = W_{nk} \delta_{nd}"),
    ],
)
def test_the_letter_of_a_size_may_be_an_index(right, wrong):
    found = [verdicts(DENSE, f"$${tex}$$", {"sums": "repeated"})[0] for tex in (right, wrong)]
    assert found[0] == "proved" and found[1] in ("refuted", "undecided")


PAIR = r"""% loss: s
$v, w \in \mathbb{R}^2$, $M \in \mathbb{R}^{2 \times 2}$
\begin{align} q &= M v \\ s &= v^\top w \end{align}"""
STATES = r"""% loss: L
% time: t = 1..T
$x_t \in \mathbb{R}^{d}$, $h_0 \in \mathbb{R}^n$, $W \in \mathbb{R}^{n \times n}$, $U \in \mathbb{R}^{n \times d}$, $\ell_t : \mathbb{R}^{n} \to \mathbb{R}$
\begin{align} h_t &= W h_{t-1} + U x_t \\ L_t &= \ell_t(h_t) \\ L &= \sum_{t=1}^T L_t \end{align}"""


@pytest.mark.parametrize(
    ("around", "count"),
    [
        (r"\begin{cases} %s \\[2pt] %s \end{cases}", 2), (r"\label{eq:s} \begin{cases} %s \\ %s \end{cases}", 2), (r"\tag{1} \small \begin{cases} %s \\ %s \end{cases}", 2),
        (r"\begin{cases} (1) & %s \\ (2) & %s \end{cases}", 2), (r"\begin{cases} \text{first:} & %s \\ 隐藏层: & %s \end{cases}", 2),
        (r"\begin{cases} %s \\ \text{and} \\ %s \end{cases}", 2), (r"\begin{cases} %s \\ \vdots \\ %s \end{cases}", 2), (r"\boxed{\begin{cases} %s \\ %s \end{cases}}", 2),
        (r"h = \tanh(z) \longrightarrow \begin{cases} %s \\ %s \end{cases}", 3), (r"\left\lbrace \begin{array}{l@{\quad}l} %s \\ %s \end{array} \right.", 2),
    ],
)  # fmt: skip
def test_what_stands_in_and_around_a_system(around, count):
    for last, verdict in ((r"\bar x &= W^\top \bar z", "proved"), (r"\bar x &= W \bar z", "refuted")):
        found = verdicts(DENSE, f"$${around % ('z &= W x', last)}$$")
        assert found[-2:] == ["proved", verdict] and len(found) == count, around


def test_a_relation_that_has_no_reading_gives_a_line():
    assert verdicts(DENSE, r"$$\left[\begin{array}{l} z &= W x \\ h &= z \end{array}\right]$$") == ["unreadable"]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (r"$$\begin{cases} J = 7 & i = j \\ J = 0 & i \ne j \end{cases}$$", ["refuted", "proved"]),
        (r"$$\begin{cases} J = 1 - h_i^2 & \text{if } i = j \\ J = 0 & \text{if } i \ne j \end{cases}$$", ["proved", "proved"]),
        (r"$$J = 7 \quad (i = j), \quad J = 0 \quad (i \ne j)$$", ["refuted", "proved"]),
        (r"$$J = 0$$ if $i \ne j$, and $$J = 0$$ if $i = j$.", ["proved", "refuted"]),
        (r"$$J = 1 - h_i^2$$ for $i = j$, $$J = 0$$ for $i \ne j$.", ["proved", "proved"]),
        (r"If $i = j$: $$J = 1 - h_i^2$$ since otherwise the sum would vanish $$J = 0$$", ["proved", "refuted"]),
        (r"If $i = j$: $$J = 1 - h_i^2$$ Unless otherwise noted, $$J = 0$$", ["proved", "refuted"]),
        (r"Case $i = j$: $$J = 1 - h_i^2$$ Else: $$J = 1 - h_i^2$$", ["proved", "refuted"]),
        (r"If $i = j$: $$J = 1 - h_i^2$$ In all other cases $$J = 0$$", ["proved", "proved"]),
        (r"\begin{align} i = j: \quad J &= 1 - h_i^2 \\ &= 1 - h_i h_j \end{align}", ["proved", "proved"]),
        (r"$$i = j: J = 1 - h_i^2, \quad i \ne j: J = 1 - h_i^2$$", ["proved", "refuted"]),
        (r"$$J = 0$$ $\forall i \ne j$.", ["proved"]),
        (r"$$J = 1$$ $\forall i \ne j$.", ["refuted"]),
    ],
)
def test_how_far_a_condition_reaches(text, wanted):
    assert verdicts(DENSE, text.replace("J", JACOBIAN)) == wanted


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        (r"s = (v_1, v_2) (w_1, w_2)^T = v w^T", ["agrees", "refuted"]), ("q = (q_1, q_2)^T = q^T", ["agrees", "refuted"]),
        ("q^T = (q_1, q_2)", ["agrees"]), (r"(v_1, v_2) M = v^\top M", ["agrees"]), (r"(v_1, v_2) M = v^\top M^\top", ["refuted"]),
    ],
)  # fmt: skip
def test_lists_lie_in_all_of_a_formula_or_in_none(line, wanted):
    assert verdicts(PAIR, f"$${line}$$") == wanted


@pytest.mark.parametrize("words", ["%s 的两倍", "%s 加上 正则项", "3 乘以 %s", "并非 %s", "%s 의 전치", "%s の二乗"])
def test_words_that_do_something_to_a_formula_are_no_words_beside_it(words):
    line = words % r"L = \frac12 (h - y)^\top (h - y)"
    assert verdicts(DENSE, f"$${line}$$") == ["unreadable"]


def test_a_state_at_its_last_instant():
    left, own = r"\frac{\partial L}{\partial h_t}", r"\frac{\partial L_t}{\partial h_t}"
    for last, verdict in ((own, "proved"), (f"2 {own}", "refuted")):
        rows = rf"{left} = {last} & t = T \\ {left} = {own} + W^\top \frac{{\partial L}}{{\partial h_{{t+1}}}} & t < T"
        assert verdicts(STATES, rf"$$\begin{{cases}} {rows} \end{{cases}}$$") == [verdict, "proved"]
    assert verdicts(STATES, r"$$(W h_{t-1})_i = \sum_{j=1}^{T} W_{ij} h_{t-1,j}$$") == ["undecided"]


def test_a_document_does_not_change_what_its_scope_assumes():
    lines = r"$$C = 2 I$$ $$\frac{\partial L}{\partial W} = 4 W - 2 D$$ $$\frac{\partial L}{\partial W} = 2 W - 2 D$$"
    assert verdicts(SQUARE, lines, {"assume": ["C = I"]}) == ["refuted", "refuted", "proved"]
    assert verdicts(SQUARE, "$$L = 0$$", {"assume": ["W = 0"]}) == ["proved"]


@pytest.mark.parametrize("sign", ["+=", "-=", r"\gets", r"\leftarrow", r"\mathrel{+}=", r"\mathrel{-}=", r"\;{+}{=}\;"])
def test_an_update_is_a_definition(sign):
    assert verdicts(DENSE, rf"$$\bar W {sign} \bar z x^\top$$") == ["definition"]


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        (r"z_i = W_{i:} x", r"z_i = W_{i:} h"),
        (r"\frac{\partial L}{\partial W_{i:}} = \bar z_i x^\top", r"\frac{\partial L}{\partial W_{i:}} = \bar z_i h^\top"),
        (r"\bold{\bar x} = \bold{W}^\top \bar{\bold{z}}", r"\bold{\bar x} = \bold{W} \bar{\bold{z}}"),
    ],
)
def test_rows_with_a_colon_alone_and_bold_letters(right, wrong):
    assert verdicts(DENSE, f"$${right}$$") == ["proved"] and verdicts(DENSE, f"$${wrong}$$") == ["refuted"]


def test_a_column_of_a_vector_is_none():
    scope = {"columns": {"y": "y"}, "alias": {r"\delta_i": r"\frac{\partial L}{\partial y_i}"}}
    checker = Checker(parts(scope, problem=network(DENSE)), explain=False)
    assert checker.text(r"$$\bar x = W^\top \bar z$$").lines[0].verdict == "proved" and not checker.faults


def test_of_two_aliases_the_longer_text_goes_first():
    scope = {"alias": {r"J(\vec\theta)": "L", r"\nabla J(\vec\theta)": r"\bar x", "U": r"\bar z", "U_{1:}": r"\bar z_1"}}
    report = Checker(parts(scope, problem=network(DENSE)), explain=False).text(r"$$\nabla J(\vec\theta) = W^\top U$$ $$U_{1:} = \bar h_1 (1 - h_1^2)$$")
    assert [line.verdict for line in report.lines] == ["proved", "proved"]


@pytest.mark.parametrize(
    ("limits", "verdict"),
    [
        (r"i \in \{1, \ldots, n\}", "proved"), (r"i \in [n]", "proved"), (r"i \in [1, n]", "proved"), (r"i \in \{1, 2, \ldots, n-1\}", "refuted"), (r"i \in [d]", "refuted"),
        (r"i \in \{1, n\}", "unreadable"), (r"i \in \{1, \ldots, n\} - \{j\}", "unreadable"), (r"i \in \{1, 3, \ldots, n\}", "unreadable"),
    ],
)  # fmt: skip
def test_a_sum_over_a_set(limits, verdict):
    assert verdicts(DENSE, rf"$$L = \frac12 \sum_{{{limits}}} (h_i - y_i)^2$$") == [verdict]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("$J = %s$ if $i = j$ and $J = 0$ otherwise.", ["proved", "proved"]), ("$J = %s$ if $i = j$ and $J = %s$ otherwise.", ["proved", "refuted"]),
        ("$$J = %s$$ if $i = j$, $$J = 0$$ otherwise.", ["proved", "proved"]), ("We do not assume $i = j$. $$J = %s$$", ["refuted"]),
        ("For any $i$, not only if $i = j$, $$J = %s$$", ["refuted"]), (r"\begin{align} i = j: && J = %s \\ i \ne j: && J = 0 \end{align}", ["proved", "proved"]),
        (r"$$\begin{cases} J = %s & i = j \\ J = 0 & \text{otherwise} \end{cases}$$", ["proved", "proved"]),
        (r"$$\begin{cases} J = %s & i = j \\ J = 1 & \text{otherwise} \end{cases}$$", ["proved", "refuted"]),
    ],
)  # fmt: skip
def test_otherwise_behind_a_formula_and_in_a_system(text, wanted):
    assert verdicts(DENSE, text.replace("%s", ONE_MINUS).replace("J", JACOBIAN)) == wanted


def test_lists_settle_on_both_sides():
    for line in (r"v = (v_1, v_2)^\top = (v_1, v_2)", r"v = (v_1, v_2) = v^\top"):
        first, second = verdicts(PAIR, f"$${line}$$")
        assert first == "agrees" and second in ("refuted", "undecided")


def test_a_product_before_its_factors():
    assert verdicts(GATED, r"$$\prod_{s=0}^t f_s = \prod_{s=1}^t f_s$$") == ["unreadable"]


def test_entries_of_a_transpose_in_every_derivative():
    traces = r"""% loss: L
$X \in \mathbb{R}^{n \times m}$, $A \in \mathbb{R}^{n \times n}$, $u \in \mathbb{R}^n$, $v \in \mathbb{R}^m$
\[ L = \operatorname{tr}(X^\top A X) + u^\top X v \]"""
    slope = r"\nabla_{(X^\top)_{ij}} L = ((A + A^\top) X)_{%s} + u_%s v_%s"
    curve = r"\frac{\partial^2 L}{\partial (X^\top)_{ij} \partial X_{kl}} = (A + A^\top)_{%s} \delta_{%s}"
    assert verdicts(traces, f"$${slope % ('ji', 'j', 'i')}$$ $${slope % ('ij', 'i', 'j')}$$") == ["proved", "refuted"]
    assert verdicts(traces, f"$${curve % ('jk', 'il')}$$ $${curve % ('ik', 'jl')}$$") == ["proved", "refuted"]


@pytest.mark.parametrize("line", ["(z = W x)", r"\left[ z = W x \right]", r"\boxed{(z = W x)}", r"\{z = W x, h = z\}"])
def test_a_relation_in_brackets_is_not_lost(line):
    assert verdicts(DENSE, f"$${line}$$") == ["unreadable"]


def test_an_arrow_between_two_relations():
    assert verdicts(DENSE, r"$$z = W x \to h = z$$") == ["proved", "refuted"]


def test_functions_and_inputs_are_assumed_together():
    quadratic = r"""% loss: L
$w, a \in \mathbb{R}^n$, $A \in \mathbb{R}^{n \times n}$, $\phi : \mathbb{R} \to \mathbb{R}$
\begin{align} q &= A w \\ s &= \phi(q) \\ L &= w^\top A w + a^\top s \end{align}"""
    scope = {"assume": ["A = I", r"\phi(z) = z"]}
    assert verdicts(quadratic, r"$$L = w^\top w + a^\top w$$ $$L = w^\top w - a^\top w$$", scope) == ["proved", "refuted"]


def test_a_row_may_begin_with_a_brace():
    rows = r"{\partial L \over \partial z_i} =& {\bar h_i (1 - h_i^2)} \\ =& {%s}"
    for around in (r"\begin{aligned} %s \end{aligned}", r"\begin{array}{rl} %s \end{array}", r"\begin{array} %s \end{array}"):
        for last, verdict in ((r"\bar h_i - \bar h_i h_i^2", "proved"), (r"\bar h_i - h_i^2", "refuted")):
            assert verdicts(DENSE, f"$${around % (rows % last)}$$") == ["proved", verdict]


def test_a_plus_above_a_name_is_no_update():
    assert verdicts(DENSE, r"$$w^{+} = 2 \bar x$$ $$w^{+} - \bar x = W^\top \bar z$$") == ["definition", "proved"]
