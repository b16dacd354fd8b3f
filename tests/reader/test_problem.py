"""Problems in LaTeX: each against the same network written in Python, at random values; and what can't be used, with its place."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from derive.expr import DeriveError, ShapeError
from derive.network import Network, load, network
from derive.numeric import smooth_function
from derive.reader.problem import read_problem
from derive.system import NetworkError


@dataclass
class Twin:
    """A problem in LaTeX and in Python, whose names are the same; `others` are further ways of writing the first."""

    tex: str
    python: str
    others: tuple[str, ...] = ()


RESIDUAL = """def net(x: Vector[d], s: Vector[d], W1: Matrix[n, d], W2: Matrix[d, n], b1: Vector[n], r: Vector[n], b2: Vector[d]):
    z = W1 @ x + b1
    h = sigmoid(z)
    y = x + W2 @ h + b2
    E = r @ h + sqnorm(y - s) / 2
    return E
"""
INDEXED = r"""
% loss: E
$x \in \mathbb{R}^{d}$, $W \in \mathbb{R}^{n \times d}$, $b, y \in \mathbb{R}^{n}$
$$z_i = \sum_{j=1}^{d} W_{ij} x_j + b_i$$ $$h_i = \sigma(z_i)$$ $$E = \frac12 \sum_{i=1}^n (h_i - y_i)^2$$
"""
LAYER = """def net(x: Vector[d], W: Matrix[n, d], b: Vector[n], y: Vector[n]):
    z = W @ x + b
    h = sigmoid(z)
    E = sqnorm(h - y) / 2
    return E
"""
SOFTMAX = """def net(x: Vector[d], W: Matrix[k, d], y: Vector[k]):
    z = W @ x
    p = softmax(z)
    L = -(y @ log(p))
    return L
"""
RNN = """def net(t: Time, x: Sequence[Vector[d]], y: Sequence[Vector[m]], W: Matrix[n, n], U: Matrix[n, d], V: Matrix[m, n]):
    h[0]: Vector[n]
    h[t] = tanh(W @ h[t - 1] + U @ x[t])
    o[t] = V @ h[t]
    L = sum(sqnorm(o[t] - y[t]) / 2 for t in Time)
    return L
"""
SHAPES = r"$W \in \mathbb{R}^{n \times n}$, $U \in \mathbb{R}^{n \times d}$, $V \in \mathbb{R}^{m \times n}$"
RNN_BODY = r"""
\begin{align}
h_t &= \tanh(W h_{t-1} + U x_t) \\
o_t &= V h_t \\
L &= \sum_{t=1}^{T} \frac12 \lVert o_t - y_t \rVert^2
\end{align}
"""
BATCHNORM = """def net(x: Vector[m], gamma: Scalar, beta: Scalar, epsilon: Scalar, r: Vector[m]):
    mu = mean(x)
    v = sqnorm(x - broadcast(mu, m)) / m
    xhat = (x - broadcast(mu, m)) * (1 / sqrt(v + epsilon))
    y = gamma * xhat + broadcast(beta, m)
    L = r @ y
    return L
"""
TWINS = {
    "interface": Twin(r"""
% loss: E
Declarations. $x, s \in \mathbb{R}^{d}$, $W^{(1)} \in \mathbb{R}^{n \times d}$, $W^{(2)} \in \mathbb{R}^{d \times n}$, $b^{(1)}, r \in \mathbb{R}^{n}$, $b^{(2)} \in \mathbb{R}^{d}$
\begin{align}
z &= W^{(1)} x + b^{(1)} \\
h &= \sigma(z) \\
y &= x + W^{(2)} h + b^{(2)} \\
E &= r^\top h + \tfrac12 \lVert y - s \rVert^2
\end{align}
""", RESIDUAL, (
        # without a loss, in another order, in pieces, with prose, with macros and with labels
        r"Let $W^{(2)} \in \mathbb{R}^{d \times n}$ and $x, s \in \mathbb{R}^d$, $W^{(1)} \in \mathbb{R}^{n \times d}$. $$E = r^\top h + \frac{1}{2} \|y - s\|_2^2$$ where \[ y = x + W^{(2)} h + b^{(2)} \] with $b^{(2)} \in \mathbb{R}^{d}$, $b^{(1)} \in \mathbb{R}^{n}$, $r \in \mathbb{R}^{n}$, $$h = \sigma(z), \quad z = W^{(1)} x + b^{(1)}$$",
        r"\newcommand{\R}[1]{\mathbb{R}^{#1}} \newcommand{\W}[1]{\mathbf{W}^{(#1)}} $x, s \in \R{d}$ $\W1 \in \R{n \times d}$ $\W2 \in \R{d \times n}$ $b^{(1)}, r \in \R{n}$ $b^{(2)} \in \R{d}$ \begin{equation} \label{eq:z} z = \W1 x + b^{(1)} \tag{1} \end{equation} \begin{aligned} \end{aligned} $$h = \operatorname{sigmoid}(z)$$ $$y = x + \W2 h + b^{(2)}.$$ $$E = h^\top r + \tfrac12 (y - s)^\top (y - s)$$",
        r"% loss: $E$" + "\r\n" + r"$x, s \in \mathbb{R}^{d}, W_{1} \in \mathbb{R}^{n \times d}$, $W^{[2]} \in \mathbb{R}^{d \times n}$, $b^{[1]}, r \in \mathbb{R}^{n}$, $b^{[2]} \in \mathbb{R}^{d}$ \begin{align*} z &= W_1 x + b^{[1]} \\[1ex] h &= \sigma(z) \\ y &= x + W^{[2]} h + b^{[2]} \\ E &= \sum_{i} r_i h_i + \frac12 \sum_j (y_j - s_j)^2 \end{align*}".replace("W_{1}", "W^{[1]}").replace("W_1", "W^{[1]}"),
    )),
    "index form": Twin(INDEXED, LAYER, (
        INDEXED.replace(r"\sum_{j=1}^{d} W_{ij} x_j + b_i", r"b_i + \sum_j W_{i,j} x_j"), INDEXED.replace(r"z_i = \sum_{j=1}^{d} W_{ij} x_j + b_i", "z = W x + b"), INDEXED.replace(r"h_i = \sigma(z_i)", r"h_k = \sigma(z_k)"),
        INDEXED.replace(r"\frac12 \sum_{i=1}^n (h_i - y_i)^2", r"\frac12 (h - y)^\top (h - y)"), INDEXED.replace("W_{ij} x_j", "W[i,j] x[j]").replace("z_i", "z[i]").replace(r"\sigma(z[i])", r"\sigma(z_i)"),
    )),
    "softmax": Twin(r"% loss: L" + "\n" + r"$x \in \mathbb{R}^d$, $W \in \mathbb{R}^{k \times d}$, $y \in \mathbb{R}^k$ $$z = W x$$ $$p = \mathrm{softmax}(z)$$ $$L = - y^\top \log p$$", SOFTMAX, (
        r"% loss: L" + "\n" + r"$x \in \mathbb{R}^d$, $W \in \mathbb{R}^{k \times d}$, $y \in \mathbb{R}^k$ $$z_i = \sum_j W_{ij} x_j$$ $$p_i = \frac{e^{z_i}}{\sum_{j=1}^{k} e^{z_j}}$$ $$L = - \sum_{i=1}^{k} y_i \log p_i$$",
        r"% loss: L" + "\n" + r"$x \in \mathbb{R}^d$, $W \in \mathbb{R}^{k \times d}$, $y \in \mathbb{R}^k$ $$z = W x, \qquad p = \operatorname{softmax}(z)$$ $$L = - \sum_i y_i \ln p_i$$",
    )),
    "a loss out of two": Twin("% loss: A\n$x \\in \\mathbb{R}^n$ $$A = \\sum_i x_i$$ $$B = A^2$$", "def net(x: Vector[n]):\n    A = total(x)\n    B = A ** 2\n    return A\n"),
    "the last scalar is the loss": Twin("$x \\in \\mathbb{R}^n$ $$A = \\sum_i x_i$$ $$B = A^2$$ $$c = A x$$", "def net(x: Vector[n]):\n    A = total(x)\n    B = A ** 2\n    c = A * x\n    return B\n"),
    "scalars": Twin("% loss: L\n% scalars: all\n$$z = w x + b$$ $$y = \\sigma(z)$$ $$L = \\frac{1}{2} (y - t)^2$$", "def net(w: Scalar, x: Scalar, b: Scalar, t: Scalar):\n    z = w * x + b\n    y = sigmoid(z)\n    L = (y - t) ** 2 / 2\n    return L\n", (
        "$w, x, b, t \\in \\mathbb{R}$ $$z = w x + b$$ $$y = \\frac{1}{1 + e^{-z}}$$ $$L = \\frac{(y - t)^2}{2}$$",
    )),
    "scalars with tags": Twin("% scalars: all\n$$h_1 = \\tanh(w_1 x)$$ $$h_2 = w_{21} h_1$$ $$L = (h_2 - y)^2$$", "def net(w_1: Scalar, x: Scalar, w_21: Scalar, y: Scalar):\n    h_1 = tanh(w_1 * x)\n    h_2 = w_21 * h_1\n    L = (h_2 - y) ** 2\n    return L\n"),
    "row vectors": Twin("% loss: L\n% vectors: row\n$x \\in \\mathbb{R}^{d}$, $W \\in \\mathbb{R}^{d \\times n}$, $b, y \\in \\mathbb{R}^{n}$ $$z = x W + b$$ $$h = \\sigma(z)$$ $$L = \\frac12 \\lVert h - y \\rVert^2$$", "def net(x: Vector[d], W: Matrix[d, n], b: Vector[n], y: Vector[n]):\n    z = W.T @ x + b\n    h = sigmoid(z)\n    L = sqnorm(h - y) / 2\n    return L\n", (
        "$x \\in \\mathbb{R}^{d}$, $W \\in \\mathbb{R}^{d \\times n}$, $b, y \\in \\mathbb{R}^{n}$ $$z = x W + b$$ $$h = \\sigma(z)$$ $$L = \\frac12 \\lVert h - y \\rVert^2$$",  # told by the shapes
        "$x \\in \\mathbb{R}^{d}$, $W \\in \\mathbb{R}^{d \\times n}$, $b, y \\in \\mathbb{R}^{n}$ $$z = W^\\top x + b$$ $$h = \\sigma(z)$$ $$L = \\frac12 \\sum_i (h_i - y_i)^2$$",
    )),
    "batch": Twin("$X \\in \\mathbb{R}^{N \\times d}$, $W \\in \\mathbb{R}^{n \\times d}$, $b \\in \\mathbb{R}^n$, $Y \\in \\mathbb{R}^{N \\times n}$ $$Z = X W^\\top + \\mathbf{1} b^\\top$$ $$H = \\tanh(Z)$$ $$L = \\frac{1}{N} \\lVert H - Y \\rVert_F^2$$", "def net(X: Matrix[N, d], W: Matrix[n, d], b: Vector[n], Y: Matrix[N, n]):\n    Z = X @ W.T + rows(b, N)\n    H = tanh(Z)\n    L = sqnorm(H - Y) / N\n    return L\n", (
        "$X \\in \\mathbb{R}^{N \\times d}$, $W \\in \\mathbb{R}^{n \\times d}$, $b \\in \\mathbb{R}^n$, $Y \\in \\mathbb{R}^{N \\times n}$ $$Z = X W^\\top + b$$ $$H = \\tanh(Z)$$ $$L = \\frac{1}{N} \\sum_{i,j} (H_{ij} - Y_{ij})^2$$",
        "$X \\in \\mathbb{R}^{N \\times d}$, $W \\in \\mathbb{R}^{n \\times d}$, $b \\in \\mathbb{R}^n$, $Y \\in \\mathbb{R}^{N \\times n}$ $$Z_{ij} = \\sum_k X_{ik} W_{jk} + b_j$$ $$H_{ij} = \\tanh(Z_{ij})$$ $$L = \\frac{1}{N} \\sum_i \\sum_j (H_{ij} - Y_{ij})^2$$",
    )),
    "batch normalisation": Twin(r"$x, r \in \mathbb{R}^{m}$, $\gamma, \beta, \epsilon \in \mathbb{R}$ $$\mu = \frac1m \sum_{i=1}^{m} x_i$$ $$v = \frac1m \sum_{i=1}^m (x_i - \mu)^2$$ $$\hat x_i = \frac{x_i - \mu}{\sqrt{v + \epsilon}}$$ $$y_i = \gamma \hat x_i + \beta$$ $$L = \sum_i r_i y_i$$", BATCHNORM, (
        r"$x, r \in \mathbb{R}^{m}$, $\gamma, \beta, \epsilon \in \mathbb{R}$ $$\mu = \frac1m \mathbf{1}^\top x$$ $$v = \frac1m \lVert x - \mu \rVert^2$$ $$\hat x = (x - \mu \mathbf 1) / \sqrt{v + \epsilon}$$ $$y = \gamma \hat x + \beta \mathbf 1$$ $$L = r^\top y$$",
    )),
    "log-determinant": Twin(r"$A \in \mathbb{R}^{n \times n}$, $x \in \mathbb{R}^n$ $$u = A^{-1} x$$ $$L = x^\top u + \log |\det A|$$", "def net(A: Matrix[n, n], x: Vector[n]):\n    u = inverse(A) @ x\n    L = x @ u + log(abs(det(A)))\n    return L\n"),
    "an open loss": Twin(r"$x \in \mathbb{R}^d$, $W \in \mathbb{R}^{n \times d}$, $\ell : \mathbb{R}^{n} \to \mathbb{R}$ $$h = \tanh(W x)$$ $$L = \ell(h)$$", "def net(x: Vector[d], W: Matrix[n, d], ell: Function):\n    h = tanh(W @ x)\n    L = ell(h)\n    return L\n"),
    "a sequence": Twin("% time: t = 1..T\n$x_t \\in \\mathbb{R}^{d}$, $y_t \\in \\mathbb{R}^{m}$, $h_0 \\in \\mathbb{R}^{n}$, " + SHAPES + RNN_BODY, RNN, (
        "% time: t = 1..T\n$x_t \\in \\mathbb{R}^{d}$, $y_t \\in \\mathbb{R}^{m}$, " + SHAPES + RNN_BODY,  # the state's shape follows from its equation
        "$x_t \\in \\mathbb{R}^{d}$, $y_t \\in \\mathbb{R}^{m}$, $h_0 \\in \\mathbb{R}^n$, " + SHAPES + RNN_BODY,  # time is told by h_{t-1}
        "% loss: L\n% time: t = 1..T\n$x^{(t)} \\in \\mathbb{R}^{d}$, $y^{(t)} \\in \\mathbb{R}^{m}$, $h^{(0)} \\in \\mathbb{R}^{n}$, " + SHAPES + RNN_BODY.replace("h_{t-1}", "h^{(t-1)}").replace("_t", "^{(t)}"),
        "% time: t = 1, \\dots, T\n$x_t \\in \\mathbb{R}^{d}$, $y_t \\in \\mathbb{R}^{m}$, $h_t \\in \\mathbb{R}^{n}$, " + SHAPES + RNN_BODY,
        "% time: s = 1..N\n$x_s \\in \\mathbb{R}^{d}$, $y_s \\in \\mathbb{R}^{m}$, $h_0 \\in \\mathbb{R}^{n}$, " + SHAPES + RNN_BODY.replace("_t", "_s").replace("t-1", "s-1").replace("{t=1}^{T}", "{s=1}^{N}"),
        "% time: t = 1..T\n$x_t \\in \\mathbb{R}^{d}$, $y_t \\in \\mathbb{R}^{m}$, $h_0 \\in \\mathbb{R}^{n}$, " + SHAPES + RNN_BODY.replace(r"h_t &= \tanh(W h_{t-1} + U x_t)", r"h_{t,i} &= \tanh\left(\sum_j W_{ij} h_{t-1,j} + \sum_k U_{ik} x_{t,k}\right)"),
    )),
    "the last state": Twin("% time: t = 1..T\n$x_t, h_0, y \\in \\mathbb{R}^{n}$, $W \\in \\mathbb{R}^{n \\times n}$ $$h_t = \\sigma(W h_{t-1} + x_t)$$ $$L = \\frac12 \\lVert h_T - y \\rVert^2$$", "def net(t: Time, x: Sequence[Vector[n]], y: Vector[n], W: Matrix[n, n]):\n    h[0]: Vector[n]\n    h[t] = sigmoid(W @ h[t - 1] + x[t])\n    L = sqnorm(h[T] - y) / 2\n    return L\n"),
    "a scalar sequence": Twin("% time: t = 1..T\n% scalars: all\n$$h_t = w h_{t-1} + u x_t$$ $$\\hat y_t = v h_t$$ $$L = \\sum_{t=1}^T (\\hat y_t - y_t)^2$$", "def net(t: Time, w: Scalar, u: Scalar, x: Sequence[Scalar], v: Scalar, y: Sequence[Scalar]):\n    h[0]: Scalar\n    h[t] = w * h[t - 1] + u * x[t]\n    yhat[t] = v * h[t]\n    L = sum((yhat[t] - y[t]) ** 2 for t in Time)\n    return L\n"),
    "from the time zero": Twin("% time: t = 0..T\n$x_t \\in \\mathbb{R}^{n}$, $W \\in \\mathbb{R}^{n \\times n}$, $h_{-1} \\in \\mathbb{R}^n$ $$h_t = \\sigma(W h_{t-1} + x_t)$$ $$L = \\sum_{t=0}^T \\lVert h_t \\rVert^2$$", "def net(t: Time[0], x: Sequence[Vector[n]], W: Matrix[n, n]):\n    h[-1]: Vector[n]\n    h[t] = sigmoid(W @ h[t - 1] + x[t])\n    L = sum(sqnorm(h[t]) for t in Time)\n    return L\n", (
        "% time: t = 0..T\n$x_t \\in \\mathbb{R}^{n}$, $W \\in \\mathbb{R}^{n \\times n}$ $$h_t = \\sigma(W h_{t-1} + x_t)$$ $$L = \\sum_t h_t^\\top h_t$$",
    )),
    "gates": Twin("% time: t = 1..T\n$x_t \\in \\mathbb{R}^{d}$, $W_f, W_c \\in \\mathbb{R}^{n \\times d}$, $U_f, U_c \\in \\mathbb{R}^{n \\times n}$, $b_f \\in \\mathbb{R}^n$ \\begin{align} f_t &= \\sigma(W_f x_t + U_f h_{t-1} + b_f) \\\\ \\tilde{c}_t &= \\tanh(W_c x_t + U_c h_{t-1}) \\\\ c_t &= f_t \\odot c_{t-1} + (1 - f_t) \\odot \\tilde{c}_t \\\\ h_t &= \\tanh(c_t) \\\\ L &= \\sum_{t=1}^{T} \\lVert h_t \\rVert^2 \\end{align}", "def net(t: Time, x: Sequence[Vector[d]], W_f: Matrix[n, d], W_c: Matrix[n, d], U_f: Matrix[n, n], U_c: Matrix[n, n], b_f: Vector[n]):\n    h[0]: Vector[n]\n    c[0]: Vector[n]\n    f[t] = sigmoid(W_f @ x[t] + U_f @ h[t - 1] + b_f)\n    ctilde[t] = tanh(W_c @ x[t] + U_c @ h[t - 1])\n    c[t] = f[t] * c[t - 1] + (1 - f[t]) * ctilde[t]\n    h[t] = tanh(c[t])\n    L = sum(sqnorm(h[t]) for t in Time)\n    return L\n"),
    "losses of each step": Twin("% loss: L\n% time: t = 1..T\n$x_t \\in \\mathbb{R}^n$, $w \\in \\mathbb{R}^n$, $y_t \\in \\mathbb{R}$ $$p_t = w^\\top x_t$$ $$\\ell_t = (p_t - y_t)^2$$ $$L = \\sum_{t=1}^T \\ell_t$$", "def net(t: Time, x: Sequence[Vector[n]], w: Vector[n], y: Sequence[Scalar]):\n    p[t] = w @ x[t]\n    ell[t] = (p[t] - y[t]) ** 2\n    L = sum(ell[t] for t in Time)\n    return L\n"),
    "layers by a letter": Twin("% loss: L\n% time: l = 1..L\n$h^{(0)}, y \\in \\mathbb{R}^{m}$, $w_l \\in \\mathbb{R}^{m \\times m}$ $$h^{(l)} = \\tanh(w_l h^{(l-1)})$$ $$E = \\lVert h^{(L)} - y \\rVert^2$$".replace("% loss: L", "% loss: E"), "def net(t: Time, y: Vector[m], w: Sequence[Matrix[m, m]]):\n    h[0]: Vector[m]\n    h[t] = tanh(w[t] @ h[t - 1])\n    E = sqnorm(h[T] - y)\n    return E\n"),
    "two steps back": Twin("% time: t = 1..T\n% scalars: all\n$$h_t = a h_{t-1} + b h_{t-2} + x_t$$ $$L = \\sum_{t=1}^T h_t^2$$", "def net(t: Time, a: Scalar, b: Scalar, x: Sequence[Scalar]):\n    h[-1]: Scalar\n    h[0]: Scalar\n    h[t] = a * h[t - 1] + b * h[t - 2] + x[t]\n    L = sum(h[t] ** 2 for t in Time)\n    return L\n"),
}  # fmt: skip


def drawn(system, last=4):
    """Random values of everything independent, sizes all distinct; smooth functions for open ones."""
    rng = np.random.default_rng(5)
    sizes = {s: k + 2 for k, s in enumerate(sorted({s for v in system.quantities.values() for d in v.shape for s in d.free_symbols}, key=str))}
    found = {}
    for key, v in system.independent.items():
        shape = [int(d.xreplace(sizes)) for d in v.shape]
        found[key] = rng.uniform(0.2, 1, [last - system.first + 1, *shape] if v.time is not None and v.time.base else shape)
    return {**found, **{f.name: smooth_function(rng) for f in system.functions}}


CASES = [pytest.param(tex, twin.python, id=f"{name} {k}") for name, twin in TWINS.items() for k, tex in enumerate((twin.tex, *twin.others))]


@pytest.mark.parametrize(("tex", "python"), CASES)
def test_the_same_network_in_python(tex, python):
    latex = Network(read_problem(tex).system)
    other = network(python)
    assert set(latex.system.independent) == set(other.system.independent)
    assert {k: v.shape for k, v in latex.system.independent.items()} == {k: v.shape for k, v in other.system.independent.items()} or latex.system.sequential
    assert latex.system.loss.name == other.system.loss.name
    values = drawn(other.system)
    for kind, ours, theirs in (
        ("node", latex.forward(values), other.forward(values)),
        ("gradient", latex.solve().evaluate(values), other.solve().evaluate(values)),
    ):
        for key in theirs:
            np.testing.assert_allclose(ours[key], theirs[key], rtol=1e-9, atol=1e-12, err_msg=f"{kind} {key}")


def test_a_file_with_a_problem(tmp_path):
    path = tmp_path / "residual_net.tex"
    path.write_bytes(b"\xef\xbb\xbf" + TWINS["interface"].tex.replace("\n", "\r\n").encode())
    net = load(path)
    assert (net.name, net.system.loss.name) == ("residual_net", "E")
    assert net.solve().crosscheck(points=1).passed


@pytest.mark.parametrize(("tex", "loss"), [
    ("% loss: none\n$x \\in \\mathbb{R}^n$ $$A = \\sum_i x_i$$", None), ("$x \\in \\mathbb{R}^n$ $$y = 2 x$$", None), ("$x \\in \\mathbb{R}^n$ $$A = \\sum_i x_i$$", "A"), ("% loss: $A$\n$x \\in \\mathbb{R}^n$ $$A = \\sum_i x_i$$ $$B = 2 A$$", "A"),
    ("% loss: \\mathcal{L}\n$x \\in \\mathbb{R}^n$ $$\\mathcal{L} = \\sum_i x_i$$", "L"),
])  # fmt: skip
def test_the_loss(tex, loss):
    found = read_problem(tex).system.loss
    assert (found.name if found is not None else None) == loss


@pytest.mark.parametrize(("tex", "title"), [("% title: A small one\n$x \\in \\mathbb{R}$ $$y = 2 x$$", "A small one"), ("$x \\in \\mathbb{R}$ $$y = 2 x$$", "my net")])
def test_the_title(tex, title):
    assert read_problem(tex, "my_net").system.title == title


@pytest.mark.parametrize(("declared", "shapes"), [
    (r"$x \in \mathbb{R}$", {"x": ()}), (r"$x \in \mathbb{R}^{3}$", {"x": (3,)}), (r"$x, y \in \mathbb{R}^n$", {"x": ("n",), "y": ("n",)}), (r"$W \in \mathbb R^{n \times d}$", {"W": ("n", "d")}),
    (r"$W_1, W_2 \in \mathbb{R}^{n \times n}$", {"W_1": ("n", "n"), "W_2": ("n", "n")}), (r"$X \in \mathbb{R}^{p \times q \times r}$", {"X": ("p", "q", "r")}), (r"$x \in R^{n}$", {"x": ("n",)}),
    (r"$W \in \mathbb{R}^{n_h \times n_x}$", {"W": ("n_h", "n_x")}), (r"$w_{ij}, \hat{y} \in \mathbb{R}$", {"w_ij": (), "yhat": ()}), (r"$\mathbf{W}^{(1)} \in \mathbb{R}^{n \times d}$", {"W1": ("n", "d")}),
    (r"$(x, y) \in \mathbb{R}^n$", None), (r"$z \in \{0, 1\}$", {"z": ()}), ("$\\theta \\in \\mathbb{R}^{d_\\text{in}}$", {"theta": ("d_in",)}),
])  # fmt: skip
def test_declarations(declared, shapes):
    if shapes is None:
        with pytest.raises(DeriveError):
            read_problem(declared + r" $$q = 1$$")
        return
    system = read_problem(declared + r" $$q_{out} = 1$$").system
    assert {v.name: tuple(str(s) for s in v.shape) for v in system.declared} == {k: tuple(map(str, s)) for k, s in shapes.items()}


# -- what can't be used -------------------------------------------------------------------------------------------

X, W = r"$x \in \mathbb{R}^{d}$ ", r"$W \in \mathbb{R}^{n \times d}$ "
UNUSABLE = {
    "nothing": ("", NetworkError, r"p: no equation found: a problem needs declarations ($x \in \mathbb{R}^{n}$) and equations in displays"),
    "declarations alone": (X, NetworkError, r"p: no equation found: a problem needs declarations ($x \in \mathbb{R}^{n}$) and equations in displays"),
    "equations in a line of prose": (X + "and $y = 2 x$", NetworkError, r"p: no equation found: a problem needs declarations ($x \in \mathbb{R}^{n}$) and equations in displays"),
    "an unknown name": (X + "$$y = W x$$", NetworkError, r"p: y = W x: unknown name W: it is neither declared ($… \in \mathbb{R}^{n}$) nor defined by an equation (or write `% scalars: all`)"),
    "a row of a matrix": (X + W + "$$y = W_2 x$$", ShapeError, "p: y = W_2 x: can't multiply the column in R^d by R^d"),
    "shapes that don't fit": (X + W + "$$y = W^\\top x$$", ShapeError, r"p: y = W^\top x: can't multiply Wᵀ in R^(d x n) by x in R^d"),
    "a sum that doesn't fit": (X + W + "$$y = W x + x$$", ShapeError, "p: y = W x + x: can't add R^d and R^n"),
    "declared otherwise": (X + W + "$y \\in \\mathbb{R}^d$ $$y = W x$$", ShapeError, "p: y = W x: the left side is in R^d, the right one in R^n"),
    "an index on one side": (X + W + "$$y_i = \\sum_j W_{ij} x_j + x_j$$", ShapeError, None),
    "an index on the right alone": (X + W + "$$y = W_{ij} x_j$$", ShapeError, None),
    "an index over two sizes": (X + W + "$$y_i = W_{ij} x_i$$", ShapeError, None),
    "twice defined": (X + "$$y = 2 x$$ $$y = 3 x$$", NetworkError, "p: y = 3 x: y is defined twice"),
    "twice declared": (X + r"$x \in \mathbb{R}^{n}$ $$y = 2 x$$", NetworkError, "p: x is declared twice"),
    "a set that is none": (r"$x \in S$ $$y = 2 x$$", NetworkError, r"p: x \in S: a set such as \mathbb{R}^{n \times d} is needed, not S"),
    "a size that is none": (r"$x \in \mathbb{R}^{n+}$ $$y = 2 x$$", DeriveError, None),
    "a left side of two": (X + "$$2 y = x$$", NetworkError, "p: 2 y = x: the left side of an equation is one name"),
    "a left side with a prime": (X + "$$y' = x$$", NetworkError, "p: y' = x: the left side of an equation is one name"),
    "an unreadable equation": (X + r"$$y = \foo(x)$$", NetworkError, r"p: y = \foo(x): \foo is not known (column 4)"),
    "an open bracket": (X + "$$y = (x$$", NetworkError, "p: y = (x: the bracket '(' is never closed (column 4)"),
    "a wrong time": ("% time: from 1 to T\n" + X + "$$y = 2 x$$", NetworkError, "p: % time: 'from 1 to T': write it as t = 1..T"),
    "no such loss": ("% loss: E\n" + X + "$$y = \\sum_i x_i$$", NetworkError, "p: % loss: E: no equation defines it"),
    "a loss that is a vector": ("% loss: y\n" + X + "$$y = 2 x$$", NetworkError, "p: % loss: y is not a scalar"),
    "a loss that is an input": ("% loss: x\n$x \\in \\mathbb{R}$ $$y = 2 x$$", NetworkError, "p: % loss: x: no equation defines it"),
    "a loss at every instant": ("% loss: y_t\n% time: t = 1..T\n$x_t \\in \\mathbb{R}$ $$y_t = 2 x_t$$", NetworkError, None),
    "in a circle": ("% scalars: all\n$$a = b$$ $$b = a$$", NetworkError, None),
    "a function that isn't one": (X + r"$f : \mathbb{R} \to \mathbb{R}$ $$y = f$$", DeriveError, None),
}  # fmt: skip


@pytest.mark.parametrize(("tex", "kind", "message"), list(UNUSABLE.values()), ids=list(UNUSABLE))
def test_unusable(tex, kind, message):
    with pytest.raises(kind) as caught:
        read_problem(tex, "p")
    assert str(caught.value).startswith("p: ")
    assert message is None or str(caught.value) == message
