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


@pytest.mark.parametrize("name", PAIRS)
def test_the_right_line_holds(name):
    problem, settings, before, right, _ = PAIRS[name]
    assert verdict(problem, settings, before, right) in ("proved", "agrees")


@pytest.mark.parametrize("name", PAIRS)
def test_the_near_miss_does_not(name):
    problem, settings, before, _, wrong = PAIRS[name]
    assert verdict(problem, settings, before, wrong) in ("refuted", "unreadable", "undecided")
