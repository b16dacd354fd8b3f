"""What formulas mean: against numpy on random arrays, against hand-built expressions, and near misses that must differ.

A row is one quantity, the ways in which people write it, and ways of writing something else.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from math import erf

import numpy as np
import oracles
import pytest
import sympy
from reading import network_of, read, scope_of, value

import derive
from derive.check import Checker, numbers
from derive.check.settings import parts
from derive.expr import DeriveError, Instant, apply, ein, jac, opaque, over, var
from derive.judge import Court
from derive.ops import diag, exp, open_function, sigmoid, tanh
from derive.reader.tokens import Unreadable

SIZES = {"n": 3, "d": 2, "m": 4, "N": 4, "k": 5}
POSITIVE = "pqr"


@dataclass
class Row:
    """labels: the free indices, in the order of the oracle's axes. right: spellings of it. wrong: of other things."""

    oracle: object
    right: list[str]
    wrong: list[str] = field(default_factory=list)
    labels: str = ""


@cache
def arrays(problem):
    """Random arrays for declarations "x: n, W: n x d"; names out of `POSITIVE` have positive entries."""
    rng = np.random.default_rng(7)
    found = {}
    for piece in problem.split(","):
        name, shape = map(str.strip, piece.split(":"))
        if shape == "function":
            continue
        dims = [] if shape == "scalar" else [SIZES[d] if d in SIZES else int(d) for d in shape.split(" x ")]
        entries = rng.uniform(0.3, 1.7, dims)
        found[name] = entries if name in POSITIVE else entries * rng.choice([-1, 1], dims)
    return found


court = Court(None)


def number(tex, scope, labels, values):
    """The array that a formula is; an axis for each label in front. Raises Unreadable, ShapeError."""
    got = numbers.evaluate(court, read(tex, scope, labels), {k: v.tolist() for k, v in values.items()})
    assert got is not None, f"{tex}: no value"
    return got


def onehot(size, place):
    return np.eye(size)[place]


class V(dict):
    """Values by attribute, for oracles."""

    __getattr__ = dict.__getitem__


def mask(n):
    return 1 - np.eye(n)


FREE = "A: n x n, B: n x n, W: n x d, x: d, u: n, w: n, s: scalar, p: n, q: scalar, r: n"
ROWS = {
    # -- index form and matrix form ---------------------------------------------------------------------------------
    "matrix times vector": Row(lambda v: v.W @ v.x, [r"\sum_j W_{ij} x_j", r"\sum_{j=1}^{d} W_{ij} x_j", r"\sum_{j=1}^d x_j W_{i,j}", r"(W x)_i", r"[W x]_i", r"\sum_k W_{ik} x_k", r"\sum_j W[i,j] x[j]", r"\sum_{j} x_j \cdot W_{ij}", r"\sum^d_{j=1} W_{ij} x_j"], [r"-\sum_j W_{ij} x_j", r"\sum_{j=2}^d W_{ij} x_j", r"W_{i1} x_1"], "i"),
    "without indices": Row(lambda v: v.W @ v.x, ["W x", r"W \cdot x", r"W\,x", r"(x^\top W^\top)^\top", r"\mathbf{W}\mathbf{x}", r"W \times x", "W * x", r"\left(W\right) x"], [r"-W x", r"2 W x", r"W x + s"]),
    "row times matrix": Row(lambda v: v.w @ v.W, [r"\sum_i w_i W_{ij}", r"(W^\top w)_j", r"(w^\top W)_j", r"\sum_i W_{ij} w_i", r"\sum_i W^\top_{ji} w_i"], [r"\sum_i u_i W_{ij}"], "j"),
    "transposed product": Row(lambda v: v.W.T @ v.w, [r"W^\top w", "W^T w", r"(w^\top W)^\top", "W' w"], [r"-W^\top w", r"W^\top u"]),
    "quadratic form": Row(lambda v: v.u @ v.A @ v.w, [r"u^\top A w", r"\sum_{i,j} u_i A_{ij} w_j", r"\sum_i \sum_j u_i A_{ij} w_j", r"\sum_{ij} u_i w_j A_{ij}", r"\sum_{i=1}^n \sum_{j=1}^n A_{ij} u_i w_j", r"\langle u, A w \rangle", r"\operatorname{tr}(A w u^\top)", r"u \cdot (A w)", r"w^\top A^\top u", r"\sum_i u_i (A w)_i", r"\sum_{i}\left(\sum_j A_{ij} w_j\right) u_i"], [r"u^\top A^\top w", r"\sum_{i,j} u_i A_{ji} w_j", r"w^\top A u", r"\sum_{i \ne j} u_i A_{ij} w_j"]),
    "outer product": Row(lambda v: np.outer(v.u, v.w), [r"u_i w_j", r"(u w^\top)_{ij}", r"w_j u_i"], [r"u_j w_i", r"u_i u_j"], "ij"),
    "outer product without indices": Row(lambda v: np.outer(v.u, v.w), [r"u w^\top", r"u \otimes w", r"(w u^\top)^\top", r"u w'"], [r"w u^\top", r"w \otimes u", r"-u w^\top"]),
    "inner product": Row(lambda v: v.u @ v.w, [r"u^\top w", r"\sum_i u_i w_i", r"u \cdot w", r"\langle u, w\rangle", r"w^\top u", r"\operatorname{tr}(u w^\top)", r"u^T w", r"\sum_{i=1}^{n} w_i u_i", r"\mathbf 1^\top (u \odot w)", r"(u^\top w)^\top"], [r"u^\top u", r"\sum_{i=1}^{n-1} u_i w_i", r"u_1 w_1"]),
    "entrywise product": Row(lambda v: v.u * v.w, [r"u \odot w", r"u \circ w", r"u \star w", r"\operatorname{diag}(u) w", r"w \odot u", r"\mathrm{diag}(w) u", r"u \bullet w"], [r"u \odot u", r"u + w"]),
    "entrywise product, by entries": Row(lambda v: v.u * v.w, [r"u_i w_i", r"(u \odot w)_i", r"\sum_j \delta_{ij} u_j w_i"], [r"u_i u_i", r"u_i w_1"], "i"),
    "juxtaposition binds tighter": Row(lambda v: v.u * (v.A @ v.w), [r"u \odot A w", r"A w \odot u", r"u \circ A w", r"u \odot (A w)", r"\operatorname{diag}(u) A w", r"u \odot A w \odot \mathbf 1", r"A w \odot \mathbf{1} \odot u"], [r"A (u \odot w)", r"u \odot A^\top w"]),
    "but where it can't": Row(lambda v: np.outer(v.u * v.w, v.x), [r"u \odot w x^\top", r"(u \odot w) x^\top", r"u \odot (w x^\top)"], [r"u x^\top"]),
    "nor here": Row(lambda v: v.u @ (v.w * v.r), [r"u^\top w \odot r", r"u^\top (w \odot r)", r"\sum_i u_i w_i r_i"], [r"u^\top w"]),
    "three entrywise factors": Row(lambda v: (v.A.T @ v.u) * v.w * v.r, [r"A^\top u \odot w \odot r", r"r \odot A^\top u \odot w", r"w \odot r \odot A^\top u"], [r"A^\top (u \odot w \odot r)"]),
    "ones entrywise": Row(lambda v: v.w, [r"w \odot \mathbf{1}", r"\mathbf{1} \odot w", r"w \circ \mathbf 1"], [r"\mathbf 1^\top w"]),
    "entrywise quotient": Row(lambda v: v.u / v.w, [r"u \oslash w", r"\frac{u}{w}", "u / w"], [r"\frac{w}{u}"]),
    "scaled columns": Row(lambda v: v.A * v.w, [r"A_{ij} w_j", r"(A \operatorname{diag}(w))_{ij}"], [r"A_{ij} w_i", r"A_{ji} w_j"], "ij"),
    "scaled rows": Row(lambda v: v.A * v.w[:, None], [r"\operatorname{diag}(w) A"], [r"A \operatorname{diag}(w)"]),
    "transposed entries": Row(lambda v: v.A.T, ["A_{ji}", r"A^\top_{ij}", r"(A^\top)_{ij}", r"A_{ij}^\top"], ["A_{ij}"], "ij"),
    "trace": Row(lambda v: np.trace(v.A), [r"\sum_i A_{ii}", r"\operatorname{tr}(A)", r"\operatorname{tr} A", r"\mathrm{Tr}(A^\top)", r"\sum_{i,j} A_{ij}\delta_{ij}"], [r"\sum_{ij} A_{ij}", r"2\operatorname{tr}(A)"]),
    "product of matrices": Row(lambda v: v.A @ v.B, [r"\sum_k A_{ik} B_{kj}", "(A B)_{ij}", r"\sum_k B_{kj} A_{ik}", "(AB)_{i,j}"], [r"\sum_k A_{ki} B_{kj}", r"\sum_k A_{ik} B_{jk}", r"(BA)_{ij}", r"A_{ij} B_{ij}"], "ij"),
    "products are not exchanged": Row(lambda v: v.A @ v.B, ["A B", r"A \cdot B", "AB", r"(B^\top A^\top)^\top"], ["B A", r"A \odot B", r"A B^\top"]),
    "Frobenius product": Row(lambda v: (v.A * v.B).sum(), [r"\operatorname{tr}(A^\top B)", r"\sum_{ij} A_{ij} B_{ij}", r"\langle A, B\rangle", r"\mathbf 1^\top (A \odot B) \mathbf 1"], [r"\operatorname{tr}(A B)", r"\sum_{ij} A_{ij} B_{ji}"]),
    "a dummy index may be any letter": Row(lambda v: v.w * v.u.sum(), [r"w_i \sum_k u_k", r"\sum_k w_i u_k", r"w_i (\sum_j u_j)"], [r"w_i u_i"], "i"),
    "an index used again inside": Row(lambda v: v.w.sum() * v.u.sum(), [r"\sum_i w_i \sum_i u_i", r"\left(\sum_i w_i\right)\left(\sum_i u_i\right)", r"\sum_{i,j} w_i u_j"], [r"\sum_i w_i u_i"]),
    "a sum takes its whole term": Row(lambda v: v.u @ v.w + v.s, [r"\sum_i u_i w_i + s", r"s + \sum_i u_i w_i", r"\sum_i (u_i w_i) + s"], [r"\sum_i (u_i w_i + s)", r"\sum_i u_i (w_i + s)"]),
    "a sum of a constant counts": Row(lambda v: 3 * v.s * v.w, [r"w \sum_{i=1}^n s", "n s w", r"\left(\sum_{i=1}^{n} s\right) w"], [r"w \sum_{i=1}^{n-1} s", "s w"]),
    "mean": Row(lambda v: v.w.mean(), [r"\frac1n \sum_i w_i", r"\frac{1}{n}\sum_{i=1}^{n} w_i", r"\frac{\sum_i w_i}{n}", r"\frac{1}{n} \mathbf 1^\top w"], [r"\sum_i w_i", r"\frac{1}{d} \sum_i w_i"]),
    "variance": Row(lambda v: v.w.var(), [r"\frac1n \sum_i (w_i - \frac1n\sum_j w_j)^2", r"\frac1n \sum_{i=1}^n w_i^2 - \left(\frac1n \sum_{i=1}^n w_i\right)^2", r"\frac{1}{n}\lVert w - \frac1n \mathbf 1 \mathbf 1^\top w \rVert^2"], [r"\frac1n \sum_i w_i^2"]),
    # -- limits, exclusions, products -------------------------------------------------------------------------------
    "all but the first": Row(lambda v: v.w[1:].sum(), [r"\sum_{i=2}^n w_i", r"\sum_i w_i - w_1"], [r"\sum_i w_i"]),
    "all but the last": Row(lambda v: v.w[:-1].sum(), [r"\sum_{i=1}^{n-1} w_i", r"\sum_i w_i - w_n"], [r"\sum_i w_i", r"\sum_{i=1}^{n-2} w_i"]),
    "all but one": Row(lambda v: (v.A * mask(3)) @ v.w, [r"\sum_{j \ne i} A_{ij} w_j", r"\sum_{j=1, j \ne i}^n A_{ij} w_j", r"\sum_{j \neq i} A_{ij} w_j", r"(A w)_i - A_{ii} w_i", r"\sum_j A_{ij} w_j - A_{ii} w_i"], [r"\sum_j A_{ij} w_j", r"\sum_{j \ne i} A_{ji} w_j"], "i"),
    "off the diagonal": Row(lambda v: (v.A * mask(3)).sum(), [r"\sum_j \sum_{i \ne j} A_{ij}", r"\sum_{ij} A_{ij} - \operatorname{tr} A", r"\sum_{i}\sum_{j=1, j \ne i}^n A_{ij}"], [r"\sum_{ij} A_{ij}"]),
    "product": Row(lambda v: v.p.prod(), [r"\prod_i p_i", r"\prod_{i=1}^n p_i", r"e^{\sum_i \log p_i}", r"\prod_{i=1}^{n} p_{i}"], [r"\sum_i p_i", r"\prod_{i=2}^n p_i"]),
    "product of all but one": Row(lambda v: v.p.prod() / v.p, [r"\prod_{j \ne i} p_j", r"\prod_{j \neq i}^n p_j", r"\frac{1}{p_i} \prod_j p_j"], [r"\prod_j p_j"], "i"),
    "product with powers": Row(lambda v: (v.p**v.r).prod(), [r"\prod_i p_i^{r_i}", r"\exp\left(\sum_i r_i \log p_i\right)", r"\prod_i (p_i)^{r_i}"], [r"\prod_i r_i^{p_i}"]),
    "a product binds what carries its index": Row(lambda v: v.p.prod() * v.q, [r"\prod_i p_i q", r"q \prod_i p_i"], [r"\prod_i (p_i q)"]),
    # -- Kronecker, indicators, cases -------------------------------------------------------------------------------
    "Kronecker picks": Row(lambda v: v.w, [r"\sum_j \delta_{ij} w_j", r"\sum_j \delta_{ji} w_j", r"\sum_j 1(i = j) w_j", r"\sum_j \mathbf{1}[i = j] w_j", r"\sum_j \mathbb{1}_{i=j} w_j", r"\sum_j [i = j] w_j", r"\sum_j \mathbf{1}\{i = j\} w_j", r"\sum_j \delta_{i,j} w_j", r"\sum_j \delta_i^j w_j"], [r"\sum_j w_j", r"\sum_j (1 - \delta_{ij}) w_j"], "i"),
    "diagonal": Row(lambda v: np.diag(np.diag(v.A)), [r"A_{ij} \delta_{ij}", r"A_{ii} \delta_{ij}", r"\delta_{ij} A_{jj}"], [r"A_{ij}"], "ij"),
    "a unit vector": Row(lambda v: np.eye(3)[1] * v.w, [r"\delta_{i2} w_i", r"1(i = 2) w_i", r"\delta_{2i} w_i"], [r"\delta_{i1} w_i"], "i"),
    "cases": Row(lambda v: np.where(np.eye(3) > 0, v.w[:, None], v.u[None]), [r"\begin{cases} w_i & i = j \\ u_j & i \ne j \end{cases}", r"\begin{cases} w_i & \text{if } i = j \\ u_j & \text{otherwise} \end{cases}", r"\begin{cases} u_j & i \neq j \\ w_i & i = j \end{cases}", r"\begin{cases} w_i, & i = j, \\ u_j, & \text{else.} \end{cases}", r"\delta_{ij} w_i + (1 - \delta_{ij}) u_j", r"\begin{cases} w_j & \text{if $i = j$} \\ u_j & \text{if $i \ne j$} \end{cases}"], [r"\begin{cases} u_j & i = j \\ w_i & i \ne j \end{cases}", r"\begin{cases} w_i & i = j \\ 0 & i \ne j \end{cases}"], "ij"),
    "cases by a sign": Row(lambda v: np.where(v.w > 0, v.w, 0), [r"\begin{cases} w_i & w_i > 0 \\ 0 & \text{otherwise} \end{cases}", r"\max(0, w_i)", r"\operatorname{relu}(w_i)", r"1(w_i > 0) w_i", r"\mathrm{ReLU}(w)_i", r"\max(w_i, 0)"], ["w_i", r"|w_i|"], "i"),
    # -- fillers ----------------------------------------------------------------------------------------------------
    "identity": Row(lambda v: v.A + np.eye(3), ["A + I", "I + A", r"A + \mathbf{I}", "A + I_n"], ["A + 1", "A", "A - I"]),
    "scaled identity": Row(lambda v: v.A - v.s * np.eye(3), ["A - s I", "-s I + A", r"A - I s", r"A - s\,\mathbf I"], ["A - s", "A + s I"]),
    "identity as a factor": Row(lambda v: v.A @ v.w, ["A I w", "I A w", "(A I) w", r"A \mathbf{I} w"], ["A w + w"]),
    "identity in brackets": Row(lambda v: v.w - v.s * v.u * (v.u @ v.w), [r"(I - s u u^\top) w", r"w - s u u^\top w", r"w - s (u^\top w) u"], [r"(1 - s u u^\top) w"]),
    "column of ones": Row(lambda v: v.A.sum(1), [r"A \mathbf{1}", r"A \mathbf 1_n", r"A\,\boldsymbol{1}", r"A \mathbb{1}"], [r"A^\top \mathbf 1"]),
    "row of ones": Row(lambda v: v.A.sum(0), [r"(\mathbf{1}^\top A)^\top", r"A^\top \mathbf{1}", r"(\mathbf 1^T A)^T", r"(\mathbf{1}_n^\top A)^\top"], [r"A \mathbf 1"]),
    "ones add": Row(lambda v: 1 - v.w, [r"1 - w", r"\mathbf 1 - w", r"-w + \mathbf{1}", r"\mathbf{1} - w", r"-(w - 1)"], ["w - 1", "1 + w"]),
    "one minus, entrywise": Row(lambda v: v.w * (1 - v.w), [r"w \odot (1 - w)", r"w \odot (\mathbf{1} - w)", r"w - w^2", r"w \circ (1 - w)"], [r"w \odot (w - 1)"]),
    "a matrix of ones": Row(lambda v: (v.A + 1) @ v.w, [r"(A + \mathbf 1 \mathbf 1^\top) w", r"A w + (\mathbf 1^\top w) \mathbf 1", r"A w + \mathbf 1 \mathbf 1^\top w"], [r"(A + I) w"]),
    "centring": Row(lambda v: v.w - v.w.mean(), [r"(I - \frac1n \mathbf 1 \mathbf 1^\top) w", r"w - \frac1n \mathbf 1 \mathbf 1^\top w", r"w - \frac{\mathbf 1^\top w}{n} \mathbf 1", r"(I - \frac{\mathbf 1 \mathbf 1^\top}{n}) w"], [r"(1 - \frac1n) w"]),
    "a row for each": Row(lambda v: v.A + v.w, [r"A + \mathbf{1} w^\top", r"A + \mathbf 1 w^T"], [r"A + w \mathbf{1}^\top"]),
    "a column for each": Row(lambda v: v.A + v.w[:, None], [r"A + w \mathbf{1}^\top"], [r"A + \mathbf{1} w^\top"]),
    "zero": Row(lambda v: v.w, [r"w + 0", r"w + \mathbf 0", r"w - \boldsymbol{0}"]),
    # -- pictures with dots -----------------------------------------------------------------------------------------
    "a column with dots": Row(lambda v: v.w * v.u, [r"\begin{pmatrix} w_1 u_1 \\ \vdots \\ w_n u_n \end{pmatrix}", r"\begin{bmatrix} u_1 w_1 \\ u_2 w_2 \\ \vdots \\ u_n w_n \end{bmatrix}", r"(u_1 w_1, \dots, u_n w_n)^\top", r"(u_1 w_1, u_2 w_2, \ldots, u_n w_n)^T"], [r"\begin{pmatrix} w_1 \\ \vdots \\ w_n \end{pmatrix}"]),
    "a matrix with dots": Row(lambda v: v.W, [r"\begin{pmatrix} W_{11} & \cdots & W_{1d} \\ \vdots & \ddots & \vdots \\ W_{n1} & \cdots & W_{nd} \end{pmatrix}", r"\begin{bmatrix} W_{11} & W_{12} & \dots & W_{1d} \\ \vdots & \vdots & & \vdots \\ W_{n1} & W_{n2} & \dots & W_{nd} \end{bmatrix}", r"\begin{pmatrix} W_{1,1} & \cdots & W_{1,d} \\ \vdots & & \vdots \\ W_{n,1} & \cdots & W_{n,d} \end{pmatrix}"], [r"2 \begin{pmatrix} W_{11} & \cdots & W_{1d} \\ \vdots & \ddots & \vdots \\ W_{n1} & \cdots & W_{nd} \end{pmatrix}"]),
    "an outer product with dots": Row(lambda v: np.outer(v.u, v.x), [r"\begin{pmatrix} u_1 x_1 & \cdots & u_1 x_d \\ \vdots & \ddots & \vdots \\ u_n x_1 & \cdots & u_n x_d \end{pmatrix}"], [r"\begin{pmatrix} u_1 x_1 & \cdots & u_n x_1 \\ \vdots & \ddots & \vdots \\ u_1 x_d & \cdots & u_n x_d \end{pmatrix}"]),
    "a transposed picture": Row(lambda v: v.W.T, [r"\begin{pmatrix} W_{11} & \cdots & W_{n1} \\ \vdots & \ddots & \vdots \\ W_{1d} & \cdots & W_{nd} \end{pmatrix}"]),
    "a diagonal with dots": Row(lambda v: np.diag(v.w), [r"\begin{pmatrix} w_1 & & 0 \\ & \ddots & \\ 0 & & w_n \end{pmatrix}", r"\begin{bmatrix} w_1 & 0 & \cdots & 0 \\ 0 & w_2 & \cdots & 0 \\ \vdots & & \ddots & \\ 0 & 0 & \cdots & w_n \end{bmatrix}", r"\operatorname{diag}(w_1, \dots, w_n)", r"\operatorname{diag}(w)"], [r"\operatorname{diag}(u)"]),
    "a sum with dots": Row(lambda v: v.w.sum(), [r"w_1 + w_2 + \dots + w_n", r"w_1 + \cdots + w_n", r"w_1+\ldots+w_n"], [r"w_1 + w_2"]),
    "a sum of products with dots": Row(lambda v: v.u @ v.w, [r"u_1 w_1 + u_2 w_2 + \dots + u_n w_n", r"u_1 w_1 + \cdots + u_n w_n"], [r"u_1 w_n"]),
    # -- numbers ----------------------------------------------------------------------------------------------------
    "numbers": Row(lambda v: -0.125 * v.s**2, [r"-\frac18 s^2", "-0.125 s^2", r"-2^{-3} s^2", r"-\tfrac{1}{8} s \cdot s", r"-.125 s^2", r"-\frac{s^2}{8}", "-s^2 / 8", r"-(s/4)(s/2)", "-0.25 s^2 0.5"], [r"\frac18 s^2", r"-\frac14 s^2"]),
    # -- norms, determinants ----------------------------------------------------------------------------------------
    "squared norm": Row(lambda v: v.w @ v.w, [r"\lVert w \rVert^2", r"\|w\|_2^2", r"\left\| w \right\|^2", r"w^\top w", r"\sum_i w_i^2", r"\Vert w \Vert_2^2", r"|w|^2", r"\norm{w}^2", "||w||^2", "||w||_2^2", r"\left|\left| w \right|\right|^2"], [r"\lVert w \rVert", r"\|w\|_1^2", "||w||", "w_2^2"]),
    "norm": Row(lambda v: np.linalg.norm(v.w), [r"\lVert w \rVert", r"\|w\|_2", r"\sqrt{w^\top w}", r"\sqrt{\sum_i w_i^2}", r"(w^\top w)^{1/2}", r"(w^\top w)^{\frac12}", r"\|w\|^1", "||w||", "||w||_2"], [r"\|w\|^2"]),
    "Frobenius norm": Row(lambda v: (v.A**2).sum(), [r"\lVert A \rVert_F^2", r"\|A\|^2", r"\operatorname{tr}(A^\top A)", r"\sum_{i,j} A_{ij}^2", r"\|A\|_{F}^{2}"], [r"\|A\|_F"]),
    "norm of entries": Row(lambda v: np.abs(v.w).sum(), [r"\|w\|_1", r"\sum_i |w_i|", r"\mathbf 1^\top |w|"], [r"\|w\|_2"]),
    "distance": Row(lambda v: ((v.u - v.w) ** 2).sum() / 2, [r"\frac12 \lVert u - w \rVert^2", r"\frac{1}{2}\sum_i (u_i - w_i)^2", r"\frac12 (u - w)^\top (u - w)", r"\tfrac12 \|w - u\|_2^2", r"\frac{\|u - w\|^2}{2}"], [r"\frac12 \|u + w\|^2", r"\|u - w\|^2"]),
    "norms of rows": Row(lambda v: (v.W**2).sum(1), [r"\|W_i\|^2", r"\sum_j W_{ij}^2", r"(W W^\top)_{ii}"], [r"\|W\|^2"], "i"),
    "determinant": Row(lambda v: np.linalg.det(v.A), [r"\det A", r"\det(A)", "|A|", r"\det(A^\top)"], [r"\det(2A)", r"\operatorname{tr} A"]),
    "inverse": Row(lambda v: np.linalg.solve(v.A, v.w), ["A^{-1} w", r"(A)^{-1} w", r"((A^\top)^{-1})^\top w", r"(A^{-\top})^\top w"], [r"A^{-\top} w", "A w"]),
    "powers of a matrix": Row(lambda v: np.linalg.matrix_power(v.A, 3) @ v.w, ["A^3 w", "A A^2 w", "A (A (A w))"], ["A^2 w"]),
    # -- functions --------------------------------------------------------------------------------------------------
    "sigmoid": Row(lambda v: 1 / (1 + np.exp(-v.w)), [r"\sigma(w)", r"\frac{1}{1 + e^{-w}}", r"\operatorname{sigmoid}(w)", r"(1 + e^{-w})^{-1}", r"\sigma\left(w\right)", r"\frac{e^w}{1 + e^w}", r"\sigma{(w)}"], [r"\frac{1}{1 + e^{w}}", r"\tanh(w)", r"1 - \sigma(w)"]),
    "its slope": Row(lambda v: np.exp(-v.w) / (1 + np.exp(-v.w)) ** 2, [r"\sigma'(w)", r"\sigma(w) \odot (1 - \sigma(w))", r"\sigma^{\prime}(w)", r"\sigma(w) - \sigma(w)^2", r"\sigma(w) - \sigma^2(w)"], [r"\sigma(w)"]),
    "tanh": Row(lambda v: np.tanh(v.s), [r"\tanh(s)", r"\tanh s", r"\frac{e^s - e^{-s}}{e^s + e^{-s}}", r"2\sigma(2s) - 1", r"\mathrm{tanh}(s)"], [r"\tanh(-s)"]),
    "its slope, three ways": Row(lambda v: 1 - np.tanh(v.s) ** 2, [r"1 - \tanh^2(s)", r"1 - \tanh(s)^2", r"\tanh'(s)", r"1 - (\tanh s)^2", r"1 - \tanh^2 s"], [r"1 - \tanh(s^2)", r"1 - \tanh(s)"]),
    "softmax": Row(lambda v: np.exp(v.w) / np.exp(v.w).sum(), [r"\frac{e^{w_i}}{\sum_j e^{w_j}}", r"\operatorname{softmax}(w)_i", r"\mathrm{softmax}_i(w)", r"\frac{\exp(w_i)}{\sum_{k=1}^{n} \exp(w_k)}", r"\left(\mathrm{softmax}(w)\right)_i", r"\frac{e^{w_i + s}}{\sum_j e^{w_j + s}}", r"e^{w_i} / \sum_j e^{w_j}"], [r"\frac{e^{w_i}}{\sum_j e^{u_j}}", r"\frac{e^{-w_i}}{\sum_j e^{-w_j}}", r"e^{w_i}"], "i"),
    "softmax without indices": Row(lambda v: np.exp(v.w) / np.exp(v.w).sum(), [r"\mathrm{softmax}(w)", r"\frac{e^{w}}{\mathbf 1^\top e^w}", r"\frac{\exp(w)}{\sum_j \exp(w_j)}"], [r"e^w"]),
    "softmax of rows": Row(lambda v: np.exp(v.A) / np.exp(v.A).sum(1, keepdims=True), [r"\operatorname{softmax}(A)_{ij}", r"\frac{e^{A_{ij}}}{\sum_k e^{A_{ik}}}"], [r"\frac{e^{A_{ij}}}{\sum_k e^{A_{kj}}}"], "ij"),
    "log-sum-exp": Row(lambda v: np.log(np.exp(v.w).sum()), [r"\log \sum_i e^{w_i}", r"\operatorname{logsumexp}(w)", r"\log\left(\sum_i \exp(w_i)\right)", r"\mathrm{LSE}(w)", r"\ln \mathbf{1}^\top e^{w}", r"\ln \sum_{j} e^{w_j}"], [r"\sum_i w_i"]),
    "logarithms": Row(lambda v: np.log(v.p), [r"\log p", r"\ln p", r"\log(p)", r"\ln{p}", r"\log_e p"], [r"\log_2 p", r"\log_{10} p", r"\log (2p)"]),
    "logarithms take one argument": Row(lambda v: v.q * np.log(v.q), [r"q \log q", r"\log(q) q", r"\log{q} q", r"q\ln q"], [r"\log (q q)", r"\log q q"]),
    "logarithms with a base": Row(lambda v: np.log2(v.p), [r"\log_2 p", r"\log_2(p)", r"\frac{\ln p}{\ln 2}", r"\log_{2}{p}"], [r"\ln p", r"\log_{10} p"]),
    "decimal logarithms": Row(lambda v: np.log10(v.p), [r"\log_{10} p", r"\log_{10}(p)"], [r"\log p"]),
    "exponentials": Row(lambda v: np.exp(-v.s) * v.q, [r"e^{-s} q", r"\exp(-s) q", r"\exp{(-s)} q", r"q e^{-s}", r"\frac{q}{e^s}", r"\exp{-s}\, q"], [r"e^{-s q}", r"\exp(-s q)"]),
    "roots": Row(lambda v: np.sqrt(v.q) * v.s, [r"\sqrt{q} s", r"s \sqrt q", r"q^{1/2} s", r"q^{\frac{1}{2}} s", r"q^{0.5} s", r"\sqrt[2]{q} s", r"\sqrt{q}\, s"], [r"\sqrt{q q} s", r"q s"]),
    "cube roots": Row(lambda v: np.cbrt(v.q), [r"\sqrt[3]{q}", r"q^{1/3}"], [r"\sqrt{q}", r"q^3"]),
    "powers of scalars": Row(lambda v: v.q**v.s, ["q^s", r"e^{s \log q}", r"\exp(s \ln q)", r"q^{s}"], ["s q", "q^{-s}"]),
    "likelihood": Row(lambda v: v.p**v.r * (1 + v.p) ** (1 - v.r), [r"p_i^{r_i} (1 + p_i)^{1 - r_i}", r"e^{r_i \log p_i + (1 - r_i) \log(1 + p_i)}"], [r"p_i^{r_i} (1 + p_i)^{r_i}"], "i"),
    "sines": Row(lambda v: np.sin(v.s) ** 2, [r"\sin^2 s", r"\sin(s)^2", r"1 - \cos^2(s)", r"(\sin s)^2"], [r"\sin(s^2)"]),
    "absolute values": Row(lambda v: np.abs(v.s) * v.q, [r"|s| q", r"\abs{s} q", r"\left|s\right| q", r"\lvert s \rvert q", r"\sqrt{s^2} q", r"|s q|"], ["-|s| q", "|q|"]),
    "signs": Row(lambda v: np.sign(v.w), [r"\operatorname{sign}(w)", r"\operatorname{sgn}(w)", r"\frac{w}{|w|}"], ["w"]),
    "softplus": Row(lambda v: np.log1p(np.exp(v.w)), [r"\operatorname{softplus}(w)", r"\log(1 + e^w)", r"\log(1 + \exp(w))", r"-\log \sigma(-w)"], [r"\log(1 + e^{-w})"]),
    "silu": Row(lambda v: v.s / (1 + np.exp(-v.s)), [r"\operatorname{SiLU}(s)", r"s \sigma(s)", r"\mathrm{swish}(s)"], [r"\sigma(s)"]),
    "gelu": Row(lambda v: v.s * (1 + erf(float(v.s) / 2**0.5)) / 2, [r"\operatorname{GELU}(s)", r"\frac{s}{2}\left(1 + \operatorname{erf}\left(\frac{s}{\sqrt 2}\right)\right)"], [r"s\operatorname{erf}(s)"]),
    "leaky": Row(lambda v: np.where(v.w > 0, v.w, 0.01 * v.w), [r"\operatorname{LeakyReLU}(w)"], [r"\operatorname{relu}(w)"]),
    # -- signs of products ------------------------------------------------------------------------------------------
    "division": Row(lambda v: v.w / v.s, [r"\frac{w}{s}", "w / s", r"\frac1s w", r"s^{-1} w", r"\frac{1}{s} w", r"w \cdot \frac{1}{s}"], ["s w"]),
    "division binds what stands next to it": Row(lambda v: v.s / v.q * v.q, ["s / q q", "s"], [r"\frac{s}{q q}"]),
    "minus": Row(lambda v: -v.u - v.w, ["-u - w", "-(u + w)", "- w - u", "(-1)(u + w)", r"-\left(w + u\right)"], ["u + w", "-u + w"]),
    "brackets": Row(lambda v: v.s * (v.u + v.w), ["s (u + w)", "(u + w) s", "[u + w] s", r"s \{u + w\}", r"s \left[ u + w \right]", "s u + s w"], ["s u + w"]),
}  # fmt: skip
DATA = "x: 2, s: scalar, A: 2 x 2"
DATA_ROWS = {
    "a matrix of numbers": Row(lambda v: np.array([[1, 2], [0.5, -3]]) @ v.x, [r"\begin{pmatrix} 1 & 2 \\ 0.5 & -3 \end{pmatrix} x", r"\begin{bmatrix} x_1 + 2 x_2 \\ \frac12 x_1 - 3 x_2 \end{bmatrix}", r"\left[\begin{array}{cc} 1 & 2 \\ \tfrac12 & -3 \end{array}\right] x"], [r"\begin{pmatrix} 1 & 0.5 \\ 2 & -3 \end{pmatrix} x"]),
    "a vector of numbers": Row(lambda v: v.x + np.array([1, -2]), [r"x + \begin{pmatrix} 1 \\ -2 \end{pmatrix}", r"x + (1, -2)", r"x + [1, -2]", r"x + \begin{pmatrix} 1 & -2 \end{pmatrix}^\top"], [r"x + (1, 2)"]),
    "a matrix of formulas": Row(lambda v: np.array([[v.s, 1], [0, v.s**2]]) @ v.A, [r"\begin{pmatrix} s & 1 \\ 0 & s^2 \end{pmatrix} A", r"\begin{bmatrix} s A_{11} + A_{21} & s A_{12} + A_{22} \\ s^2 A_{21} & s^2 A_{22} \end{bmatrix}"], [r"\begin{pmatrix} s & 0 \\ 1 & s^2 \end{pmatrix} A"]),
    "the entries of a vector": Row(lambda v: v.x, [r"\begin{pmatrix} x_1 \\ x_2 \end{pmatrix}", "(x_1, x_2)", r"\begin{pmatrix} x_1 & x_2 \end{pmatrix}^\top"], [r"\begin{pmatrix} x_2 \\ x_1 \end{pmatrix}"]),
}  # fmt: skip
BATCH = "X: N x d, W: n x d, V: d x n, b: n, Y: N x n, G: N x n, g: n"
BATCHES = {
    "a bias on every row": Row(lambda v: v.X @ v.W.T + v.b, [r"X W^\top + b", r"X W^\top + \mathbf 1 b^\top", r"X W^\top + b^\top", r"(W X^\top)^\top + b"], [r"X W^\top", r"X W^\top - b"]),
    "by entries": Row(lambda v: v.X @ v.W.T + v.b, [r"\sum_k X_{ik} W_{jk} + b_j", r"(X W^\top)_{ij} + b_j"], [r"\sum_k X_{ik} W_{jk} - b_j"], "ij"),
    "sums of rows": Row(lambda v: v.G.sum(0), [r"\sum_{i=1}^N G_i", r"(\mathbf 1^\top G)^\top", r"G^\top \mathbf 1", r"\sum_i G_{i,:}"], [r"G_1"]),
    "columns scaled": Row(lambda v: v.G * v.g, [r"G \odot g", r"G \operatorname{diag}(g)", r"G \odot \mathbf 1 g^\top", r"g \odot G"], [r"G"]),
    "means of columns": Row(lambda v: v.G.mean(0), [r"\frac1N \sum_{i=1}^N G_{ij}", r"\frac1N \sum_i G_{ij}", r"\frac{1}{N} (G^\top \mathbf 1)_j"], [r"\sum_i G_{ij}"], "j"),
    "products of examples": Row(lambda v: v.G.T @ v.X, [r"G^\top X", r"\sum_i G_i X_i^\top", r"\sum_{i=1}^N G_i X_i^T", r"(X^\top G)^\top"], [r"X^\top G"]),
}  # fmt: skip


def cases(problem, rows):
    return [pytest.param(problem, row, tex, id=f"{name}: {tex}") for name, row in rows.items() for tex in row.right]


def misses(problem, rows):
    return [pytest.param(problem, row, tex, id=f"{name}: {tex}") for name, row in rows.items() for tex in row.wrong]


@pytest.mark.parametrize(("problem", "row", "tex"), [*cases(FREE, ROWS), *cases(DATA, DATA_ROWS), *cases(BATCH, BATCHES)])
def test_spellings(problem, row, tex):
    values = arrays(problem)
    wanted = np.asarray(row.oracle(V(values)))
    got = number(tex, scope_of(problem), row.labels, values)
    got = got.reshape(wanted.shape) if got.size == wanted.size and 1 in got.shape else got
    assert got.shape == wanted.shape
    np.testing.assert_allclose(got, wanted, rtol=1e-9)


@pytest.mark.parametrize(("problem", "row", "tex"), [*misses(FREE, ROWS), *misses(DATA, DATA_ROWS), *misses(BATCH, BATCHES)])
def test_near_misses(problem, row, tex):
    values = arrays(problem)
    wanted = np.asarray(row.oracle(V(values)))
    try:
        got = number(tex, scope_of(problem), row.labels, values)
    except (Unreadable, DeriveError):
        return  # it has no meaning here: that is told, too
    assert got.shape != wanted.shape or not np.allclose(got, wanted, rtol=1e-3)


# -- whole relations: readings, differentials, definitions, one-hot labels, open functions ---------------------------


def last(claims, tex):
    """The line that a relation gets, after what stands before it."""
    checker = Checker(parts(claims.settings, problem=network_of(claims.problem) if claims.problem else None), explain=False)
    return checker.text(f"{claims.before}\n\n$${tex}$$").lines[-1]


@dataclass
class Claims:
    """right: relations that hold. wrong: near misses, which must not. before: what stands in front of each of them."""

    right: list[str]
    wrong: list[str]
    problem: str = ""
    settings: dict = field(default_factory=dict)
    before: str = ""


SQUARES = r"""
% loss: L
$x \in \mathbb{R}^{d}$, $W \in \mathbb{R}^{n \times d}$, $b, y \in \mathbb{R}^{n}$
$$z = W x + b$$ $$h = \tanh(z)$$ $$L = \frac12 \lVert h - y \rVert^2$$
"""
SOFTMAX = r"""
% loss: L
$x \in \mathbb{R}^{d}$, $W \in \mathbb{R}^{k \times d}$, $y \in \mathbb{R}^{k}$
$$z = W x$$ $$p = \mathrm{softmax}(z)$$ $$L = -\sum_{i} y_i \log p_i$$
"""
LINEAR = r"""
% time: t = 1..T
$W \in \mathbb{R}^{n \times n}$, $h_0, y \in \mathbb{R}^n$
$$h_t = W h_{t-1}$$ $$L = \frac12 \lVert h_T - y \rVert^2$$
"""
SHARED = r"""
% loss: L
$x \in \mathbb{R}^{d}$, $W \in \mathbb{R}^{n \times d}$, $y \in \mathbb{R}^{n}$, $q \in \mathbb{R}$
$$z_i = \sum_j W_{ij} x_j + q$$ $$L = \frac12 \sum_i (z_i - y_i)^2$$
"""
LYING = r"""
% loss: L
% vectors: row
$x \in \mathbb{R}^{d}$, $W \in \mathbb{R}^{d \times n}$, $b, y \in \mathbb{R}^{n}$
$$z = x W + b$$ $$h = \sigma(z)$$ $$L = \frac12 \lVert h - y \rVert^2$$
"""
QUADRATIC = "% loss: f\n$x, b \\in \\mathbb{R}^{n}$, $A \\in \\mathbb{R}^{n \\times n}$\n$$f = \\frac12 x^\\top A x + b^\\top x$$\n"
OPEN = r"""
% loss: L
$x \in \mathbb{R}^{d}$, $W \in \mathbb{R}^{n \times d}$, $f : \mathbb{R} \to \mathbb{R}$, $\ell : \mathbb{R}^{n} \to \mathbb{R}$
$$z = W x$$ $$h = f(z)$$ $$L = \ell(h)$$
"""
EXAMPLES = r"""
% loss: J
$X \in \mathbb{R}^{N \times d}$, $w \in \mathbb{R}^{d}$, $y \in \mathbb{R}^{N}$
$$\hat{y} = X w$$ $$J = \frac{1}{2N} \sum_{i=1}^N (\hat{y}_i - y_i)^2$$
"""
CLAIMS = {
    "derivatives of a loss, by entries": Claims([r"\frac{\partial L}{\partial W_{ij}} = \bar{z}_i x_j", r"\frac{\partial L}{\partial W_{ij}} = (h_i - y_i)(1 - h_i^2) x_j", r"\frac{\partial L}{\partial b_i} = (h_i - y_i)(1 - h_i^2)", r"\frac{\partial L}{\partial h_i} = h_i - y_i", r"\frac{\partial L}{\partial x_j} = \sum_i W_{ij} \frac{\partial L}{\partial z_i}", r"\frac{\partial L}{\partial x_j} = \sum_i \frac{\partial L}{\partial z_i} \frac{\partial z_i}{\partial x_j}", r"\frac{\partial L}{\partial W_{ij}} = \sum_k \frac{\partial L}{\partial z_k} \frac{\partial z_k}{\partial W_{ij}}", r"\frac{\partial z_k}{\partial W_{ij}} = \delta_{ki} x_j", r"\frac{\partial h_i}{\partial z_j} = \delta_{ij} (1 - h_i^2)", r"\frac{\partial h_i}{\partial z_j} = \begin{cases} 1 - h_i^2 & i = j \\ 0 & i \ne j \end{cases}", r"\frac{\partial z_i}{\partial x_j} = W_{ij}", r"\frac{\partial L}{\partial W_{12}} = \bar{z}_1 x_2"], [r"\frac{\partial L}{\partial W_{ij}} = \bar{z}_j x_i", r"\frac{\partial L}{\partial W_{ij}} = \bar z_i x_i", r"\frac{\partial L}{\partial W_{ij}} = (h_i - y_i)(1 - h_j^2) x_j", r"\frac{\partial L}{\partial x_j} = \sum_i W_{ij} \frac{\partial L}{\partial h_i}", r"\frac{\partial z_k}{\partial W_{ij}} = x_j", r"\frac{\partial h_i}{\partial z_j} = 1 - h_i^2", r"\frac{\partial z_i}{\partial x_j} = W_{ji}", r"\frac{\partial L}{\partial b_i} = (y_i - h_i)(1 - h_i^2)"], SQUARES),
    "in matrix form": Claims([r"\frac{\partial L}{\partial W} = \bar z x^\top", r"\nabla_W L = ((h - y) \odot (1 - h \odot h)) x^\top", r"\nabla_W L = (h - y) \odot (1 - h^2) x^\top", r"dW = \bar{z} x^\top", r"\frac{\partial L}{\partial x} = W^\top \frac{\partial L}{\partial z}", r"\nabla_x L = W^\top \nabla_z L", r"\frac{dL}{db} = \bar{z}", r"\bar{z} = \operatorname{diag}(1 - h^2) \bar{h}", r"\bar z = \tanh'(z) \odot \bar h", r"\delta z = \delta h \odot (1 - h^2)", r"\frac{\delta L}{\delta z} = \bar z", r"\bar{h} = \frac{\partial L}{\partial h}"], [r"\frac{\partial L}{\partial W} = x \bar z^\top", r"\frac{\partial L}{\partial W} = \bar h x^\top", r"\frac{\partial L}{\partial x} = W \frac{\partial L}{\partial z}", r"\bar{z} = (1 - z^2) \odot \bar h", r"dW = dh\, x^\top", r"\bar z = \tanh'(h) \odot \bar h"], SQUARES),
    "layouts": Claims([r"\frac{\partial L}{\partial x} = W^\top \bar z", r"\frac{\partial L}{\partial x} = \bar z^\top W", r"\frac{\partial z}{\partial x} = W", r"\frac{\partial z}{\partial x} = W^\top", r"\frac{\partial L}{\partial x} = \frac{\partial L}{\partial z} \frac{\partial z}{\partial x}", r"\frac{\partial L}{\partial x} = \frac{\partial z}{\partial x} \frac{\partial L}{\partial z}", r"\frac{\partial h}{\partial z} = \operatorname{diag}(1 - h^2)"], [r"\frac{\partial L}{\partial x} = \bar z W", r"\frac{\partial L}{\partial x} = W \bar z^\top", r"\frac{\partial z}{\partial x} = -W"], SQUARES),
    "numerator layout alone": Claims([r"\frac{\partial L}{\partial x} = \bar z^\top W", r"\frac{\partial z}{\partial x} = W", r"\frac{\partial L}{\partial x} = \frac{\partial L}{\partial z} W"], [r"\frac{\partial L}{\partial x} = W \bar z", r"\frac{\partial z}{\partial x} = -W"], SQUARES, {"layout": "jacobian"}),
    "denominator layout alone": Claims([r"\frac{\partial L}{\partial x} = W^\top \bar z", r"\frac{\partial z}{\partial x} = W^\top", r"\frac{\partial L}{\partial x} = \frac{\partial z}{\partial x} \frac{\partial L}{\partial z}", r"\frac{\partial L}{\partial x} = W^\top \frac{\partial L}{\partial z}"], [r"\frac{\partial L}{\partial x} = \bar z^\top W^\top", r"\frac{\partial z}{\partial x} = -W^\top"], SQUARES, {"layout": "denominator"}),
    "row vectors": Claims([r"\bar{W} = x^\top \bar z", r"\bar x = \bar z W^\top", r"\bar z = (h - y) \odot h \odot (1 - h)", r"\frac{\partial L}{\partial W} = x^T \frac{\partial L}{\partial z}", r"\frac{\partial L}{\partial W_{ij}} = x_i \bar{z}_j", r"z_j = \sum_i x_i W_{ij} + b_j", r"\bar b = \bar z", r"\frac{\partial L}{\partial x} = \frac{\partial L}{\partial z} W^T"], [r"\bar{W} = \bar z^\top x", r"\bar x = \bar z W", r"\bar x = W \bar z", r"\frac{\partial L}{\partial W_{ij}} = x_j \bar{z}_i"], LYING),
    "local and total": Claims([r"\frac{\partial y}{\partial x} = I + W^{(2)} \operatorname{diag}(h \odot (1 - h)) W^{(1)}", r"\frac{\partial y}{\partial x} = I", r"\frac{dy}{dx} = I + W_2 \frac{\partial h}{\partial x}", r"\frac{\partial y}{\partial h} = W_2", r"\frac{\partial E}{\partial x} = \left(\frac{\partial y}{\partial x}\right)^\top \bar y + \left(\frac{\partial h}{\partial x}\right)^\top r", r"\frac{\partial h}{\partial z} = \operatorname{diag}(\sigma'(z))", r"\frac{\partial E}{\partial S} = 1", r"\bar{h} = W^{(2)\top} \bar y + r", r"\frac{\partial R}{\partial h} = r"], [r"\frac{\partial y}{\partial x} = W^{(2)} \operatorname{diag}(h \odot (1 - h)) W^{(1)}", r"\frac{\partial y}{\partial x} = 2I", r"\frac{\partial y}{\partial h} = W_1", r"\frac{\partial h}{\partial z} = \operatorname{diag}(\sigma'(h))", r"\bar{h} = W^{(2)\top} \bar y", r"\bar{h} = W^{(2)} \bar y + r"], "residual"),
    "operators": Claims([r"\frac{\partial}{\partial x} (x^\top A x) = (A + A^\top) x", r"\frac{\partial}{\partial x} \left( b^\top x \right) = b", r"\nabla_x (x^\top x) = 2 x", r"\frac{d}{dx} (b^\top x) = b", r"\frac{\partial}{\partial x_i} \sum_j b_j x_j = b_i", r"\frac{\partial}{\partial x_k} \sum_{i,j} x_i A_{ij} x_j = \sum_j (A_{kj} + A_{jk}) x_j", r"\frac{\partial x^\top A x}{\partial x} = A x + A^\top x", r"\frac{\partial b^\top x}{\partial x} = b", r"\frac{\partial (A x)_i}{\partial x_j} = A_{ij}", r"\frac{\partial}{\partial A} \operatorname{tr}(A) = I", r"\frac{\partial \operatorname{tr}(A X)}{\partial X} = A^\top", r"\frac{\partial \log\det A}{\partial A} = A^{-\top}", r"\frac{\partial \lVert x \rVert^2}{\partial x} = 2x", r"\frac{\partial A x}{\partial x} = A", r"\frac{\partial b^\top A x}{\partial A} = b x^\top", r"\frac{\partial \sigma(x_i)}{\partial x_i} = \sigma(x_i)(1 - \sigma(x_i))", r"\frac{\partial x_i}{\partial x_j} = \delta_{ij}"], [r"\frac{\partial}{\partial x} (x^\top A x) = 2 A x", r"\frac{\partial \operatorname{tr}(A X)}{\partial X} = A", r"\frac{\partial \log\det A}{\partial A} = A^{-1}", r"\frac{\partial b^\top A x}{\partial A} = x b^\top", r"\frac{\partial}{\partial x} (b^\top x) = x", r"\frac{\partial x_i}{\partial x_j} = 1", r"\frac{\partial (A x)_i}{\partial x_j} = A_{ji}", r"\frac{\partial \lVert x \rVert^2}{\partial x} = x"], settings={"declare": {"x": "n", "b": "n", "A": "n x n", "X": "n x n"}}),
    "second derivatives": Claims([r"\nabla^2_x f = \frac12 (A + A^\top)", r"\frac{\partial^2 f}{\partial x_i \partial x_j} = \frac12 (A_{ij} + A_{ji})", r"\frac{\partial^2 f}{\partial x_i^2} = A_{ii}", r"\frac{\partial^2 f}{\partial x \partial x^\top} = \frac12 (A + A^\top)", r"\nabla^2 f = \frac12 (A^\top + A)", r"\frac{\partial^2 f}{\partial x^2} = \frac12 (A + A^\top)", r"\nabla f(x) = \frac12 (A + A^\top) x + b", r"\frac{\partial f}{\partial x_i} = \frac12 \sum_j (A_{ij} + A_{ji}) x_j + b_i"], [r"\nabla^2_x f = A", r"\frac{\partial^2 f}{\partial x_i \partial x_j} = A_{ij}", r"\frac{\partial^2 f}{\partial x_i^2} = 2 A_{ii}", r"\nabla^2 f = A^\top", r"\nabla f(x) = A x + b"], QUADRATIC),
    "differentials": Claims([r"d(x^\top x) = 2 x^\top dx", r"df = b^\top dx", r"df = \operatorname{tr}(b\, dx^\top)", r"d(A x) = A\, dx + dA\, x", r"d \operatorname{tr}(A X) = \operatorname{tr}(A\, dX) + \operatorname{tr}(dA\, X)", r"d(x^\top A x) = dx^\top A x + x^\top dA\, x + x^\top A\, dx", r"d(A^{-1}) = -A^{-1} dA\, A^{-1}", r"d\log\det A = \operatorname{tr}(A^{-1} dA)"], [r"d(x^\top x) = x^\top dx", r"df = x^\top dx", r"d(A^{-1}) = A^{-1} dA\, A^{-1}", r"d\log\det A = \operatorname{tr}(A\, dA)", r"d(A x) = dA\, x - A\, dx"], settings={"declare": {"x": "n", "b": "n", "A": "n x n", "X": "n x n"}}, before=r"$$f = b^\top x$$"),
    "one-hot labels": Claims([r"L = -\log p_c", r"L = -z_c + \log \sum_j e^{z_j}", r"\frac{\partial L}{\partial z_i} = p_i - \delta_{ic}", r"\frac{\partial L}{\partial z_i} = p_i - 1(i = c)", r"\frac{\partial L}{\partial z_i} = \begin{cases} p_i - 1 & i = c \\ p_i & i \ne c \end{cases}", r"\frac{\partial L}{\partial z_c} = p_c - 1", r"\frac{\partial L}{\partial z} = p - y", r"\frac{\partial L}{\partial W_{ij}} = (p_i - 1(i = c)) x_j", r"L = -\log \frac{e^{z_c}}{\sum_j e^{z_j}}", r"\frac{\partial p_i}{\partial z_j} = p_i (\delta_{ij} - p_j)"], [r"L = \log p_c", r"\frac{\partial L}{\partial z_i} = p_i + 1(i = c)", r"\frac{\partial L}{\partial z_i} = \begin{cases} p_i & i = c \\ p_i - 1 & i \ne c \end{cases}", r"\frac{\partial L}{\partial z_i} = p_i", r"\frac{\partial L}{\partial W_{ij}} = (p_i - 1(i = c)) x_i", r"\frac{\partial p_i}{\partial z_j} = p_i (1 - p_j)"], SOFTMAX, {"onehot": {"c": "y"}}),
    "targets that sum to one": Claims([r"\frac{\partial L}{\partial z} = p - y", r"\bar{W} = (p - y) x^\top", r"\frac{\partial L}{\partial z_i} = p_i \sum_k y_k - y_i"], [r"\frac{\partial L}{\partial z} = y - p", r"\bar W = x (p - y)^\top"], SOFTMAX),
    "open functions": Claims([r"\bar z = f'(z) \odot \bar h", r"\bar W = (f'(z) \odot \nabla_h L) x^\top", r"\frac{\partial L}{\partial W} = f'(z) \odot \frac{\partial L}{\partial h} x^\top", r"\frac{\partial h_i}{\partial z_j} = f'(z_i) \delta_{ij}", r"\frac{\partial h}{\partial x} = \operatorname{diag}(f'(z)) W", r"\frac{\partial L}{\partial x_j} = \sum_i W_{ij} f'(z_i) \frac{\partial L}{\partial h_i}", r"h_i = f\left(\sum_j W_{ij} x_j\right)"], [r"\bar z = f(z) \odot \bar h", r"\bar z = f'(h) \odot \bar h", r"\bar z = \bar h", r"\frac{\partial h}{\partial x} = \operatorname{diag}(f'(x)) W", r"h_i = f\left(\sum_j W_{ij}\right) x_i"], OPEN),
    "functions of the document": Claims([r"g(z) = z \odot z + 1", r"g'(z) = 2 z", r"g(h)_i = h_i^2 + 1", r"\frac{\partial}{\partial z} g(z) = \operatorname{diag}(2 z)", r"g(2 z) = 4 z^2 + 1"], [r"g'(z) = z", r"g(h) = z^2 + 1", r"g(2z) = 2 z^2 + 1", r"g'(h) = 2 z"], SQUARES, before=r"$$g(a) = a^2 + 1$$"),
    "functions of vectors": Claims([r"q(x, x) = x^\top A x", r"q(x, b) = \sum_{i,j} x_i A_{ij} b_j", r"q(2 x, b) = 2 q(x, b)"], [r"q(x, b) = q(b, x)", r"q(x, x) = x^\top x"], settings={"declare": {"x": "n", "b": "n", "A": "n x n"}}, before=r"$$q(u, v) = u^\top A v$$"),
    "names of the document": Claims([r"e = h - y", r"\bar{h} = e", r"\frac{\partial L}{\partial W} = (e \odot s) x^\top", r"\frac{\partial L}{\partial W_{ij}} = e_i s_i x_j", r"e_i = h_i - y_i", r"L = \frac12 e^\top e"], [r"\bar{h} = -e", r"\frac{\partial L}{\partial W} = e x^\top", r"\frac{\partial L}{\partial W_{ij}} = e_i x_j", r"L = e^\top e"], SQUARES, before=r"$$e = h - y$$ $$s_i = 1 - h_i^2$$"),
    "examples in rows": Claims([r"\nabla_w J = \frac1N X^\top (X w - y)", r"\frac{\partial J}{\partial w_j} = \frac1N \sum_{i=1}^N (\hat y_i - y_i) X_{ij}", r"\frac{\partial J}{\partial w_j} = \frac1N \sum_i (\hat y_i - y_i) x_{ij}", r"\nabla_w J = \frac1N \sum_{i=1}^N (x_i^\top w - y_i) x_i", r"\hat y_i = x_i^\top w", r"\hat y_i = w^\top x_i", r"\nabla^2_w J = \frac1N X^\top X", r"\frac{\partial \hat y_i}{\partial w} = x_i", r"J = \frac{1}{2N} \lVert X w - y \rVert^2"], [r"\nabla_w J = \frac1N X (X w - y)", r"\nabla_w J = X^\top (X w - y)", r"\frac{\partial J}{\partial w_j} = \frac1N \sum_i (\hat y_i - y_i)", r"\nabla_w J = \frac1N \sum_i (y_i - x_i^\top w) x_i", r"\nabla^2_w J = X^\top X"], EXAMPLES, {"rows": {"x": "X"}}),
    "signs of products by the scope": Claims([r"\bar z = \bar h * (1 - h * h)", r"\bar{W} = (\bar h * (1 - h^2)) x^\top", r"\bar z = \bar h \otimes (1 - h^2)", r"\bar z = W x * 0 + \bar z"], [r"\bar z = \bar h * (1 - h)", r"\bar z = \bar h * h"], SQUARES, {"elementwise": ["*", r"\otimes"]}),
    "a dot between vectors": Claims([r"L = \frac12 (h - y) \cdot (h - y)", r"z = W \cdot x + b"], [r"L = (h - y) \cdot (h - y)"], SQUARES),
    "a dot entry by entry": Claims([r"\bar z = \bar h \cdot (1 - h \cdot h)", r"\bar z = (1 - h^2) \cdot \bar h"], [r"\bar z = \bar h \cdot h"], SQUARES, {"elementwise": [r"\cdot"]}),
    "errors": Claims([r"\delta = (h - y) \odot (1 - h^2)", r"\bar{W} = \delta x^\top", r"\frac{\partial L}{\partial W_{ij}} = \delta_i x_j", r"\bar b = \delta"], [r"\bar W = x \delta^\top", r"\frac{\partial L}{\partial W_{ij}} = \bar{h}_i x_j"], SQUARES, before=r"$$\delta = \frac{\partial L}{\partial z}$$"),
    "repeated indices": Claims([r"z_i = W_{ij} x_j + b_i", r"\bar x_j = W_{ij} \bar z_i", r"\frac{\partial L}{\partial x_j} = \frac{\partial L}{\partial z_i} \frac{\partial z_i}{\partial x_j}", r"L = \frac12 (h_i - y_i) (h_i - y_i)"], [r"z_i = W_{ij} x_j", r"\bar x_j = W_{ij} \bar h_i", r"L = \frac12 (h_i - y_i)^2", r"L = h_i - y_i"], SQUARES, {"sums": "repeated"}),
    "repeated indices where nothing says so": Claims([r"\frac{\partial L}{\partial x_j} = \frac{\partial L}{\partial z_i} \frac{\partial z_i}{\partial x_j}", r"\frac{\partial L}{\partial x_j} = \frac{\partial L}{\partial z_i} W_{ij}"], [r"\frac{\partial L}{\partial q} = \frac{\partial L}{\partial z_i}", r"\frac{\partial L}{\partial q} = z_i - y_i", r"L = \frac12 (z_i - y_i)^2"], SHARED),
    "a sum that is missing": Claims([r"\frac{\partial L}{\partial q} = \sum_i \frac{\partial L}{\partial z_i}", r"\frac{\partial L}{\partial x_j} = \sum_i (z_i - y_i) W_{ij}", r"L = \frac12 \sum_i (z_i - y_i)^2"], [r"\frac{\partial L}{\partial q} = z_k - y_k", r"\frac{\partial L}{\partial x_j} = (z_1 - y_1) W_{1j}", r"L = \frac12 (z_1 - y_1)^2"], SHARED),
    "a sum over more than its first term": Claims([r"q = -\sum_i u_i \log p_i + (1 - u_i) \log(1 - p_i)", r"\frac{\partial q}{\partial p_i} = -\frac{u_i}{p_i} + \frac{1 - u_i}{1 - p_i}", r"q = -\sum_i \left[ u_i \log p_i + (1 - u_i) \log(1 - p_i) \right]"], [r"q = -\sum_i u_i \log p_i - (1 - u_i) \log(1 - p_i)", r"q = -\sum_i u_i \log p_i", r"\frac{\partial q}{\partial p_i} = -\frac{u_i}{p_i}"], settings={"declare": {"u": "n", "p": "n"}}, before=r"$$q = -\sum_{i=1}^n u_i \log p_i + (1 - u_i) \log(1 - p_i)$$"),
    "gradients of whole products": Claims([r"\nabla_x \frac12 x^\top A x = \frac12 (A + A^\top) x", r"\nabla_x b^\top x = b", r"\nabla_x s b^\top x = s b", r"\nabla_x^2 \frac12 x^\top A x = \frac12 (A + A^\top)", r"\nabla_A b^\top A x = b x^\top", r"\nabla_x \lVert A x - b \rVert^2 = 2 A^\top (A x - b)", r"\nabla_x \log \sum_i e^{x_i} = \mathrm{softmax}(x)", r"\partial_{x_i} (b^\top x) = b_i"], [r"\nabla_x \frac12 x^\top A x = A x", r"\nabla_x s b^\top x = b", r"\nabla_A b^\top A x = x b^\top"], settings={"declare": {"x": "n", "b": "n", "A": "n x n", "s": "scalar"}}),
    "powers of matrices over time": Claims([r"h_t = W^t h_0", r"h_2 = W^2 h_0", r"h_t = W^{t-1} h_1", r"\bar h_t = (W^\top)^{T-t} \bar h_T", r"\bar h_{t-1} = W^T \bar h_t"], [r"h_t = W^{t-1} h_0", r"h_t = W^\top h_{t-1}", r"\bar h_t = W^{T-t} \bar h_T"], LINEAR),
    "logarithms of another base": Claims([r"\log 8 = 3", r"\log x = \frac{\ln x}{\ln 2}", r"\frac{\partial \log s}{\partial s} = \frac{1}{s \ln 2}"], [r"\log x = \ln x", r"\frac{\partial \log s}{\partial s} = \frac1s"], settings={"declare": {"x": "n", "s": "scalar"}, "log": "2"}),
    "aliases": Claims([r"\bar V = \delta x^\top", r"\frac{\partial C}{\partial V_{ij}} = \delta_i x_j", r"\delta = \bar a \odot \phi'(z)", r"a = \phi(V x + b)"], [r"\bar V = x \delta^\top", r"\delta = \bar a \odot \phi(z)"], SQUARES, {"alias": {"V": "W", "a": "h", r"\phi": r"\tanh", r"\delta": r"\bar{z}", "C": "L"}}),
}  # fmt: skip
RIGHT = [pytest.param(c, tex, id=f"{name}: {tex}") for name, c in CLAIMS.items() for tex in c.right]
WRONG = [pytest.param(c, tex, id=f"{name}: {tex}") for name, c in CLAIMS.items() for tex in c.wrong]


@pytest.mark.parametrize(("claims", "tex"), RIGHT)
def test_relations_that_hold(claims, tex):
    line = last(claims, tex)
    assert line.verdict in ("proved", "agrees"), line.reason


@pytest.mark.parametrize(("claims", "tex"), WRONG)
def test_relations_that_do_not(claims, tex):
    line = last(claims, tex)
    assert line.verdict == "refuted", line.reason


LAYOUTS = [
    ("jacobian", r"\frac{\partial L}{\partial x} = \bar z^\top W", True), ("jacobian", r"\frac{\partial L}{\partial x} = W^\top \bar z", False), ("jacobian", r"\frac{\partial z}{\partial x} = W", True),
    ("denominator", r"\frac{\partial L}{\partial x} = W^\top \bar z", True), ("denominator", r"\frac{\partial z}{\partial x} = W^\top", True), ("gradient", r"\frac{\partial L}{\partial x} = W^\top \bar z", True),
]  # fmt: skip


@pytest.mark.parametrize(("layout", "tex", "kept"), LAYOUTS)
def test_what_only_differs_by_the_layout_is_told_as_such(layout, tex, kept):
    line = last(Claims([], [], SQUARES, {"layout": layout}), tex)
    assert line.verdict == "proved"
    assert ("up to the layout" in line.reason) is not kept


# -- derivatives of the gallery against autograd ------------------------------------------------------------------

T = 3
GRADIENTS = {
    "residual": {
        "W1": [r"\frac{\partial E}{\partial W^{(1)}}", r"\nabla_{W_1} E", r"\bar{W}^{(1)}", r"(\bar h \odot h \odot (1 - h)) x^\top", r"\operatorname{diag}(\sigma'(z)) \bar h x^\top", r"dW_1", r"\partial_{W_1} E"],
        "x": [r"\bar x", r"W_1^\top \bar z + y - s", r"W^{(1)\top} \bar z + \bar y", r"\frac{dE}{dx}"], "r": ["h", r"\bar r"], "s": ["s - y", r"-\bar{y}"], "b2": [r"y - s"],
    },
    "mlp": {"W3": [r"\bar z_3 h_2^\top", r"(p \sum_i t_i - t) h_2^\top", r"\frac{\partial L}{\partial W^{(3)}}"], "W1": [r"\operatorname{diag}(1 - h_1^2) W_2^\top \bar z_2 x^\top", r"(1 - h_1^2) \odot W_2^\top \bar z_2 x^\top"], "b2": [r"(1 - h_2 \odot h_2) \odot W_3^\top \bar z_3", r"W_3^\top \bar z_3 \odot \tanh'(z_2)"]},
    "mlp_batch": {"W1": [r"\bar Z_1^\top X", r"\bar{Z}^{(1)\top} X", r"(X^\top \bar Z_1)^\top"], "b1": [r"\bar Z_1^\top \mathbf 1", r"(\mathbf 1^\top \bar{Z}_1)^\top"], "b3": [r"\bar Z_3^\top \mathbf{1}"]},
    "rnn_tanh": {
        "W_hh": [r"\sum_{t=1}^T \operatorname{diag}(1 - h_t^2) \bar h_t h_{t-1}^\top", r"\sum_t (\bar{h}_t \odot (1 - h_t \odot h_t)) h_{t-1}^\top", r"\frac{\partial L}{\partial W_{hh}}", r"\sum_{k=1}^T \bar h_k \odot (1 - h_k^2) h_{k-1}^\top"],
        "W_hy": [r"\sum_{t=1}^T (y_t - \text{target}_t) h_t^\top", r"\sum_t \bar y_t h_t^\top"], "h[0]": [r"\bar h_0", r"W_{hh}^\top (\bar h_1 \odot (1 - h_1^2))", r"\frac{\partial L}{\partial h_0}"],
    },
    "lstm": {"U_f": [r"\sum_{t=1}^T (\bar f_t \odot f_t \odot (1 - f_t)) h_{t-1}^\top", r"\sum_t \bar c_t \odot c_{t-1} \odot f_t \odot (1 - f_t) h_{t-1}^\top"], "b_o": [r"\sum_t \bar h_t \odot \tanh(c_t) \odot o_t \odot (1 - o_t)"], "c[0]": [r"\bar c_1 \odot f_1"]},
    "linear_rnn": {"w_h": [r"\sum_{t=1}^T \bar h_t h_{t-1}", r"\sum_t h_{t-1} \bar{h}_t"], "w_y": [r"\sum_t 2 (\hat y_t - y_t) h_t"]},
    "lstm_scalar": {"w_gx": [r"\sum_t \bar g_t (1 - g_t^2) x_t", r"\sum_t \bar c_t i_t (1 - g_t^2) x_t"], "w_ih": [r"\sum_t \bar i_t i_t (1 - i_t) h_{t-1}"]},
    "log_regression": {"w2": [r"(\log y - \log t) \frac1y e^z x^2", r"(\log y - \log t) x^2", r"\frac{dL}{dz} x^2", r"\frac{\partial L}{\partial y} \frac{\partial y}{\partial z} \frac{\partial z}{\partial w_2}"]},
    "relu_sparsity": {"w2": [r"(y - t) w_1 1(z_1 > 0) h_3", r"\bar z_1 h_3", r"\frac{\partial L}{\partial y} \frac{\partial y}{\partial h_1} \frac{\partial h_1}{\partial z_1} \frac{\partial z_1}{\partial w_2}"]},
}  # fmt: skip
BY_HAND = [(name, key, tex) for name, table in GRADIENTS.items() for key, texts in table.items() for tex in texts]


@cache
def sampled(name):
    values = oracles.sample(name, np.random.default_rng(3), T)
    return values, oracles.gradients(name, values, T)


@cache
def court_of(name):
    return Court(derive.load(name).system)


@pytest.mark.parametrize(("name", "key", "tex"), BY_HAND, ids=[f"{n} {k}: {tex}" for n, k, tex in BY_HAND])
def test_gradients_written_by_hand(name, key, tex):
    values, gradients = sampled(name)
    got = numbers.evaluate(court_of(name), read(tex, scope_of(name)), {k: v.tolist() for k, v in values.items()})
    assert got is not None
    np.testing.assert_allclose(got.reshape(gradients[key].shape), gradients[key], rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize("total", [True, False])
@pytest.mark.parametrize("t", [1, 2, 3])
def test_the_jacobian_of_a_cell_along_every_path_and_in_its_equation(t, total):
    values, _ = sampled("lstm")
    e = read(rf"\frac{{\partial c_{t}}}{{\partial c_{{{t - 1}}}}}", scope_of("lstm"), total=total)
    got = numbers.evaluate(court_of("lstm"), e, {k: v.tolist() for k, v in values.items()})
    np.testing.assert_allclose(got, oracles.lstm_cell_jacobian(values, t, total), rtol=1e-8)


# -- expressions, symbol by symbol --------------------------------------------------------------------------------

n, m, d, k = sympy.symbols("n m d k", positive=True, integer=True)


def at(name, shift=0, base="t"):
    return var(name, (n,), Instant(base, shift))


EXACT = {
    ("rnn", r"\sum_{t=0}^T \ell_t(h_t)"): over("sum", opaque("ell", Instant("t"), at("h")), "t", Instant("", 0), Instant("T")),
    ("rnn", r"\ell_t(h_t)"): opaque("ell", Instant("t"), at("h")),
    ("rnn", r"\prod_{i=k+1}^{t} \frac{\partial h_i}{\partial h_{i-1}}"): over("product", jac(at("h", 0, "i"), at("h", -1, "i"), False), "i", Instant("k", 1), Instant("t")),
    ("rnn", r"\frac{\partial h_t}{\partial h_k}"): jac(at("h"), at("h", 0, "k"), False),
    ("rnn", r"\frac{\partial L}{\partial h_t}"): at("h").adjoint,
    ("residual", r"\frac{\partial y}{\partial h}"): jac(var("y", (d,)), var("h", (n,)), False),
    ("f: function, x: n", r"f(x)"): apply(open_function("f", "f"), var("x", (n,))),
    ("f: function, x: n", r"f'(x)"): apply(open_function("f", "f"), var("x", (n,)), 1),
    ("f: function, x: n", r"f''(x)"): apply(open_function("f", "f"), var("x", (n,)), 2),
    ("x: n", r"\sigma'(x)"): apply(sigmoid, var("x", (n,)), 1),
    ("x: n", r"\tanh''(x)"): apply(tanh, var("x", (n,)), 2),
    ("x: n", r"\operatorname{diag}(e^x)"): diag(exp(var("x", (n,)))),
    ("x: n", r"x_1 x_n"): ein([(read("x_1", scope_of("x: n")), ()), (read("x_n", scope_of("x: n")), ())], ()),
}  # fmt: skip


@pytest.mark.parametrize(("problem", "tex"), EXACT, ids=[tex for _, tex in EXACT])
def test_expressions(problem, tex):
    assert read(tex, scope_of(problem)) is EXACT[problem, tex]


REFUSED = {
    r"W u": "can't multiply W in R^(n x d) by u in R^n", "u w": "can't multiply the column in R^n by R^n", "u + x": "can't add R^d and R^n", "A + W": "can't add R^(n x d) and R^(n x n)",
    r"u \odot x": "can't add R^d and R^n", r"\operatorname{tr}(W)": "trace takes a square matrix, not R^(n x d)", r"\det(W)": "the det of W in R^(n x d): a square matrix is needed",
    r"10^{10^{10}}": r"the number 10^{10^{10}} is too large", r"\sum_{i=1}^n": None, r"\frac{\partial u}{}": None, r"\sigma": r"\sigma without an argument", r"\max(u, w, p)": r"max is only read of two numbers, as in max(0, z)",
    r"\begin{pmatrix} 1 & 2 \\ 3 \end{pmatrix}": "a matrix with rows of different lengths", r"u = w": "a relation inside a formula",
    r"\|u\|_3": "the norm 3", r"\langle u, w, p \rangle": "⟨ ⟩ takes two", r"\sigma^{-1}(u)": "an inverse function", r"\log_b(q)": "the base b of a logarithm", r"\partial u": "∂ outside a derivative",
    r"\sum_i \prod_{k} s": "a sum over k, which its terms lack, without limits", r"\dots": "dots: what they stand for can't be told here", r"\text{some words}": None, r"\mathbf{1}\mathbf{1}": "a product of two things without sizes", r"A \otimes B": "⊗ of matrices: their Kronecker product is not read (where it is entry by entry, the scope says so)",
    r"A^{w}": None, r"(-1)^{1/2}": "a root of a negative number", "0^{-1}": "a division by zero", r"w_1 + \dots": "dots in a sum: what they stand for", r"\frac{\partial^2 u}{\partial s \partial (s w)}": None,
}  # fmt: skip


@pytest.mark.parametrize("tex", REFUSED)
def test_refused(tex):
    with pytest.raises((Unreadable, DeriveError)) as caught:
        value(tex, scope_of(FREE))
    assert REFUSED[tex] is None or str(caught.value) == REFUSED[tex]


def test_long_numbers_are_refused():
    with pytest.raises(Unreadable, match="a number of 500 digits"):
        value("1" * 500, scope_of(FREE))
