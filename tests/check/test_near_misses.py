"""Lines that a generous reading would let pass: each beside the right one of its kind, of which it is a near miss."""

from __future__ import annotations

from functools import cache

import pytest

from derive.check import Checker
from derive.check.settings import parts
from derive.network import Network
from derive.reader.problem import read_problem

FREE = {"declare": {"x": "n", "w": "n", "A": "n x n", "B": "n x n", "c": "scalar"}}
THREE = {"declare": {"x": "3", "w": "3", "A": "4 x 3"}}
RNN = r"""% loss: L
% time: t = 1..T
$x_t, h_0 \in \mathbb{R}^{n}$, $W, U \in \mathbb{R}^{n \times n}$
$\ell_t : \mathbb{R}^{n} \to \mathbb{R}$
\begin{align} z_t &= W h_{t-1} + U x_t \\ h_t &= \sigma(z_t) \\ L_t &= \ell_t(h_t) \\ L &= \sum_{t=1}^T L_t \end{align}"""
NET = r"""% loss: L
$x \in \mathbb{R}^{d}$, $W \in \mathbb{R}^{m \times d}$, $b \in \mathbb{R}^{m}$, $V \in \mathbb{R}^{k \times m}$, $y \in \mathbb{R}^{k}$
\begin{align} z &= W x + b \\ h &= \sigma(z) \\ p &= \mathrm{softmax}(V h) \\ L &= -\sum_i y_i \log p_i \end{align}"""
TWO = r"""% loss: L
$z, u, v \in \mathbb{R}^{n}$
\begin{align} a &= \sigma(z) \\ h &= \sigma(z) \\ L &= u^\top a + v^\top h \end{align}"""
GATED = r"""% loss: L
% time: t = 1..T
$x_t, a_t, b_t, h_0 \in \mathbb{R}^{n}$
\begin{align} f_t &= \sigma(a_t) \\ i_t &= \sigma(b_t) \\ h_t &= f_t \odot h_{t-1} + i_t \odot x_t \\ L &= \sum_{t=1}^T \mathbf{1}^\top h_t \end{align}"""
BATCH = r"""% loss: none
$X \in \mathbb{R}^{s \times d}$, $W \in \mathbb{R}^{d \times k}$, $b \in \mathbb{R}^{k}$
\begin{align} Z &= X W + \mathbf{1} b^\top \end{align}"""
CASE = "Case 1: $i = j$.\n\n$$\\frac{\\partial p_i}{\\partial q_j} = p_i (1 - p_j)$$\n\n"
CASES = r"""% loss: none
$q \in \mathbb{R}^{k}$
\begin{align} p &= \mathrm{softmax}(q) \end{align}"""

PAIRS = {  # (problem, settings, the text before, right, wrong)
    "a sum that ends early": ("", THREE, "", r"\sum_{i=1}^{3} x_i w_i = x^\top w", r"\sum_{i=1}^{2} x_i w_i = x^\top w"),
    "a sum that ends late": ("", THREE, "", r"(A x)_i = \sum_{j=1}^{3} A_{ij} x_j", r"(A x)_i = \sum_{j=1}^{4} A_{ij} x_j"),
    "a sum up to another size": (NET, {}, "", r"z_i = \sum_{j=1}^{d} W_{ij} x_j + b_i", r"z_i = \sum_{j=1}^{m} W_{ij} x_j + b_i"),
    "a sum up to a part of a size": ("", FREE, "", r"\sum_{i=1}^{n} x_i = \mathbf{1}^\top x", r"\sum_{i=1}^{n/2} x_i = \mathbf{1}^\top x"),
    "a sum up to a quantity": ("", FREE, "", r"\sum_{i=1}^{n} x_i = \mathbf{1}^\top x", r"\sum_{i=1}^{c} x_i = \mathbf{1}^\top x"),
    "a sum up to an index": ("", FREE, "", r"w_i \sum_l x_l = w_i \sum_{l=1}^{n} x_l", r"w_i \sum_l x_l = w_i \sum_{l=1}^{i} x_l"),
    "a sum that begins late": ("", FREE, "", r"\sum_{i=2}^{n} x_i = \mathbf{1}^\top x - x_1", r"\sum_{i=5}^{n} x_i = \mathbf{1}^\top x"),
    "a sum below a size": ("", FREE, "", r"\sum_{1 \le i < n} x_i = \mathbf{1}^\top x - x_n", r"\sum_{1 \le i < n} x_i = \mathbf{1}^\top x"),
    "three entries of many": ("", FREE, "", r"\sum_{i=1}^{3} x_i = x_1 + x_2 + x_3", r"\sum_{i=1}^{3} x_i = \mathbf{1}^\top x"),
    "a sum from the initial state": (RNN, {}, "", r"\sum_{t=0}^{T} h_t = h_0 + \sum_{t=1}^{T} h_t", r"\sum_{t=0}^{T} h_t = \sum_{t=1}^{T} h_t"),
    "a product from the initial state": (
        RNN, {}, r"$$G_t = \mathrm{diag}(h_t \odot (1 - h_t)) W$$",
        r"\frac{\partial h_T}{\partial h_0} = G_T G_{T-1} \cdots G_1", r"\frac{\partial h_T}{\partial h_0} = G_T G_{T-1} \cdots G_0"),
    "limits the wrong way round": (
        RNN, {}, "", r"\frac{\partial h_t}{\partial h_s} = \prod_{i=s+1}^{t} \frac{\partial h_i}{\partial h_{i-1}}",
        r"\frac{\partial h_t}{\partial h_s} = \prod_{i=t+1}^{s} \frac{\partial h_i}{\partial h_{i-1}}"),
    "instants the wrong way round": (
        RNN, {}, "", r"\bar h_t = \sum_{k=t}^{T} (\frac{\partial h_k}{\partial h_t})^\top \ell_k'(h_k)",
        r"\bar h_t = \sum_{k=t}^{T} (\frac{\partial h_t}{\partial h_k})^\top \ell_k'(h_k)"),
    "inner products": ("", FREE, "", r"(x \cdot w) x = x x^\top w", r"(x \cdot w) x = (x \cdot x) w"),
    "an inner product in a quotient": ("", FREE, "", r"\frac{x \cdot w}{x \cdot x} x = \frac{x x^\top w}{x^\top x}", r"\frac{x \cdot w}{x \cdot x} x = w"),
    "a case that is over": (
        CASES, {}, CASE + "In general,\n\n", r"\frac{\partial p_i}{\partial q_j} = p_i (\delta_{ij} - p_j)", r"\frac{\partial p_i}{\partial q_j} = p_i (1 - p_i)"),
    "a case under its own heading": (
        CASES, {}, CASE + "## The general case\n\n", r"\frac{\partial p_i}{\partial q_j} = p_i (\delta_{ij} - p_j)", r"\frac{\partial p_i}{\partial q_j} = p_i (1 - p_j)"),
    "the other case of all": (
        CASES, {}, "$$\\frac{\\partial p_i}{\\partial q_i} = p_i (1 - p_i)$$\n\nFor all $i$ and $j$:\n\n",
        r"\frac{\partial p_i}{\partial q_j} = p_i (\delta_{ij} - p_j)", r"\frac{\partial p_i}{\partial q_j} = -p_i p_j"),
    "gates that learn again": (
        GATED, {}, "If $f_t = 1$ and $i_t = 0$, the memory is kept. Later in training,\n\n",
        r"h_t = i_t \odot x_t + f_t \odot h_{t-1}", r"h_t = h_{t-1}"),
    "a Jacobian with more than its diagonal": (
        NET, {}, "", r"\frac{\partial L}{\partial z} = \frac{\partial L}{\partial h} \odot \frac{\partial h}{\partial z}",
        r"\frac{\partial h}{\partial x} \odot \bar h = \bar z \odot \mathrm{diag}(W)"),
    "a bias in every row by its derivative": (BATCH, {}, "", r"Z = X W + B", r"\frac{\partial L}{\partial B} = \bar b"),
    "columns that repeat": (
        "", {"declare": {"a": "n", "A": "n x n"}}, r"$$R = \begin{bmatrix} a & \cdots & a \end{bmatrix}$$",
        r"(A + R)_{ij} = A_{ij} + a_i", r"(A + R)_{ij} = A_{ij} + a_j"),
    "a formula of two quantities": (TWO, {}, "", r"\frac{\partial L}{\partial a} = u", r"\frac{\partial L}{\partial \sigma(z)} = u"),
    "a transpose on the left": (NET, {}, "", r"h^\top = \sigma(W x + b)^\top", r"h^\top = \sigma(W x + b)"),
    "a chain over two displays": ("", FREE, "$$x^\\top w =$$\n\n", r"= w^\top x", r"= 2 w^\top x"),
    "what a box holds": ("", FREE, "", r"\bbox[yellow]{x^\top w = w^\top x}", r"\bbox[yellow]{x^\top w = 2 w^\top x}"),
    "signs in a picture": (
        "", FREE, "", r"-x = \begin{bmatrix} -x_1 \\ -x_2 \\ \vdots \\ -x_n \end{bmatrix}", r"-x = \begin{bmatrix} -x_1 \\ x_2 \\ \vdots \\ -x_n \end{bmatrix}"),
}  # fmt: skip


@cache
def network(problem: str) -> Network | None:
    read = read_problem(problem) if problem else None
    return Network(read.system, read.scope) if read is not None else None


def verdict(problem: str, settings: dict, before: str, tex: str) -> str:
    checker = Checker(parts(settings, problem=network(problem)), explain=False)
    lines = checker.text(f"{before}\n\n$${tex}$$\n").lines
    assert not checker.faults, checker.faults
    return lines[-1].verdict

RELU = r"""% loss: L
$x \in \mathbb{R}^{d}$, $w, y \in \mathbb{R}^{n}$, $W \in \mathbb{R}^{n \times d}$
\begin{align} z &= W x \\ h &= \mathrm{relu}(z) \\ L &= w^\top h \end{align}"""
BINARY = r"""% loss: L
$x, w \in \mathbb{R}^{d}$, $y \in \mathbb{R}$
\begin{align} a &= \sigma(w^\top x) \\ L &= -(y \log a + (1 - y) \log(1 - a)) \end{align}"""
NORMED = r"""% loss: none
$x \in \mathbb{R}^{n}$, $\gamma, \epsilon \in \mathbb{R}$
\begin{align} v &= \frac{1}{n} \sum_i x_i^2 \\ s &= \sqrt{v + \epsilon} \\ u_i &= \frac{x_i}{\sqrt{v + \epsilon}} \\ y_i &= \gamma u_i \end{align}"""
HEADS = r"""% loss: none
$h \in \mathbb{R}^{n}$, $B, C \in \mathbb{R}^{n \times n}$
\begin{align} p &= B h \\ q &= C h \end{align}"""
JACOBIAN = {"layout": "jacobian"}
LAID = r"$$\frac{\partial L}{\partial W} = x \frac{\partial L}{\partial z}$$"
PAIRS |= {
    "a condition that is never met": (RELU, {}, r"If $z_j > 0$:", r"\frac{\partial L}{\partial z_j} = w_j", r"\frac{\partial L}{\partial z_j} = 2 w_j"),
    "a condition beyond all numbers": (RELU, {}, r"If $L > 10000$:", r"\frac{\partial L}{\partial w} = h", r"L = 3 x^\top x"),
    "a condition that can't be": (BINARY, {}, r"If $a < 0$:", r"\frac{\partial L}{\partial a} = \frac{1 - y}{1 - a} - \frac{y}{a}", r"L = 3"),
    "a condition of a thing with itself": (RELU, {}, r"If $z_j \le z_j$:", r"\frac{\partial L}{\partial w_j} = h_j", r"h_j = 3 z_j"),
    "an index apart from itself": (CASES, {}, r"If $i \ne i$:", r"\frac{\partial p_i}{\partial q_i} = p_i (1 - p_i)", r"\frac{\partial p_i}{\partial q_i} = p_i"),
    "a condition of a sentence before": (RELU, {}, r"It is zero if $z_j < 0$. In general", r"\frac{\partial L}{\partial w_j} = h_j", r"\frac{\partial L}{\partial z_j} = 0"),
    "a condition of a section before": (RELU, {}, "Suppose $z_j > 0$\n\n## Problem 2\n\nHere", r"\frac{\partial L}{\partial w_j} = h_j", r"h_j = z_j"),
    "a condition that is denied": (RELU, {}, r"No matter if $z > 0$ or not:", r"\frac{\partial L}{\partial w} = h", r"h = z"),
    "a row of words that denies": (
        CASES, {}, "", r"\text{If $i = j$} \\ \frac{\partial p_i}{\partial q_j} = p_i (1 - p_j)", r"\text{not only when $i = j$} \\ \frac{\partial p_i}{\partial q_j} = p_i (1 - p_j)"),
    "a part of the loss that is left out": (
        NORMED, {}, "", r"\frac{\partial L}{\partial v} = \sum_i \frac{\partial L}{\partial u_i} \frac{\partial u_i}{\partial v}",
        r"\frac{\partial L}{\partial v} = \sum_i \frac{\partial L}{\partial u_i} \frac{\partial u_i}{\partial v} + 4 \frac{\partial L}{\partial s}"),
    "one of two heads": (
        HEADS, {}, "", r"\frac{\partial L}{\partial h} = B^\top \frac{\partial L}{\partial p} + C^\top \frac{\partial L}{\partial q}", r"\frac{\partial L}{\partial h} = C^\top \frac{\partial L}{\partial q}"),
    "rows in the order of the factors": (NET, {}, "", r"\frac{\partial L}{\partial W_{ij}} = \bar z x^\top", r"x_j \bar z_i = x \bar z^\top"),
    "entries the other way round": ("", FREE, "", r"(A B)_{ij} = A B", r"(A B)_{ij} = (A B)^\top"),
    "a function at another argument": (RNN, {}, "", r"\sigma(-v) = 1 - \sigma(v)", r"\sigma(-v) = \sigma"),
    "a number of another case": (BINARY, {}, "When $y = 1$ all is simple. Otherwise", r"\frac{\partial L}{\partial w} = (a - y) x", r"L = -\log a"),
    "a number of another section": (BINARY, {}, "When $y = 1$ all is simple.\n\n# Problem 2\n\n", r"\frac{\partial L}{\partial w} = (a - y) x", r"L = -\log a"),
    "a number that is not": (BINARY, {}, r"When $y = 1$ all is simple. If $y \ne 1$:", r"\frac{\partial L}{\partial w} = (a - y) x", r"L = -\log a"),
    "∇ in a text of Jacobians": (RELU, JACOBIAN, LAID, r"\nabla_W L = \bar z x^\top", r"\nabla_W L = x \bar z^\top"),
    "a square that is transposed": ("", FREE, "", r"(x^2)' w = \sum_i x_i^2 w_i", r"A (x^2)' = 2 A x"),
    "a matrix that is transposed": ("", FREE, "", r"(e^A)' = e^{A'}", r"(e^A)' = e^A"),
    "a bracket that is missing in front": ("", FREE, "", r"2 (x + w) = 2 x + 2 w", r"2 x + w) = 2 x + w"),
    "a minus in the cells of a matrix": (
        "", FREE, "", r"\begin{bmatrix} -c^2 - 1 & c \end{bmatrix} = -\begin{bmatrix} c^2 + 1 & -c \end{bmatrix}", r"\begin{bmatrix} -c^2 - & c \end{bmatrix} = \begin{bmatrix} c^2 & c \end{bmatrix}"),
    "a column for a row": (NET, {}, "", r"z_i = W_{i,:} x + b_i", r"z_i = W_{:,i}^\top x + b_i"),
    "a column for the row that is one": (NET, {}, "", r"\frac{\partial z_i}{\partial x} = W_{i,:}^\top", r"\frac{\partial z_i}{\partial x} = W_{:,i}"),
    "a row for a column": ("", FREE, "", r"(A^\top A)_{ij} = A_{:,i}^\top A_{:,j}", r"A A_{:,i} = A A_{i,:}^\top"),
    "a condition that is contradicted": (RELU, {}, r"If $z_j > 0$ fails:", r"\frac{\partial L}{\partial w_j} = h_j", r"\frac{\partial L}{\partial z_j} = w_j"),
    "one of two conditions": (RELU, {}, r"If $z_j < 0$ or $z_j > 0$:", r"\frac{\partial L}{\partial w_j} = h_j", r"\frac{\partial L}{\partial z_j} = w_j"),
    "a number beside another": (BINARY, {}, r"When $y = 1$ it is easy. For $y < 1$ it is", r"\frac{\partial L}{\partial w} = (a - y) x", r"L = -\log a"),
    "ones beside a Jacobian": (
        r"""% loss: none
$x \in \mathbb{R}^{n}$, $W \in \mathbb{R}^{n \times n}$
\begin{align} f &= \tanh(W x) \\ h &= x + f \end{align}""", {}, "", r"\frac{\partial h}{\partial x} = 1 + \frac{\partial f}{\partial x}", r"\frac{\partial h}{\partial x} = \mathbf{1} + \frac{\partial f}{\partial x}"),
    "a bracket that is squared": ("", FREE, "", r"(c - 1)^2 = c^2 - 2 c + 1", r"c - 1))^2 = c^2 - 2 c + 1"),
    "an adjoint in brackets": (RELU, {}, "", r"W^\top (\bar z) = \bar x", r"W^\top (\bar z) = W \bar z"),
    "two numbers that are no case": (BINARY, {}, r"The labels are $y = 0$ and $y = 1$. The loss is", r"L = -(y \log a + (1 - y) \log(1 - a))", r"L = -\log a"),
    "a row of differences": ("", FREE, "", r"c - 1 = -(1 - c)", r"\begin{bmatrix} - c - 1 - \end{bmatrix} = c - 1"),
}  # fmt: skip


@pytest.mark.parametrize("name", PAIRS)
def test_the_right_line_holds(name):
    problem, settings, before, right, _ = PAIRS[name]
    assert verdict(problem, settings, before, right) in ("proved", "agrees")


@pytest.mark.parametrize("name", PAIRS)
def test_the_near_miss_does_not(name):
    problem, settings, before, _, wrong = PAIRS[name]
    assert verdict(problem, settings, before, wrong) in ("refuted", "unreadable", "undecided")
