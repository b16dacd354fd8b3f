"""Independent oracles for the gallery networks: losses in plain loops, differentiated by the ``autograd`` package.

Nothing here comes from the package under test, so agreement is evidence and not an echo.

``values`` maps a network's own names to float64 arrays: a scalar is 0-d; a sequence is one array whose first axis is
time, its index 0 being the first step (t = 1, or t = 0 for ``rnn``); an initial value has the key ``"h[0]"``
(``"h[-1]"`` for ``rnn``). ``rnn``'s open loss ``values["ell"]`` is a callable ``f(t, h)`` with t = 0..T, written with
``autograd.numpy``. ``T`` is the last time step; the networks without time ignore it.
"""

from collections.abc import Callable
from typing import Any

import autograd.numpy as anp
import numpy as np
from autograd import grad, jacobian

Values = dict[str, Any]

KINK_MARGIN = 0.05

# Shapes by dimension name. "T" is the time axis with entries t = 1..T, "T+1" the one with t = 0..T.
SHAPES: dict[str, dict[str, tuple[str, ...]]] = {
    "layer": {"x": ("d",), "W": ("n", "d")},
    "linear_rnn": {"x": ("T",), "y": ("T",), "w_x": (), "w_h": (), "w_y": (), "h[0]": ()},
    "log_regression": {"x": (), "w1": (), "w2": (), "t": ()},
    "lstm": {
        "x": ("T", "d"), "y": ("T", "n"),
        "W_f": ("n", "d"), "U_f": ("n", "n"), "b_f": ("n",),
        "W_i": ("n", "d"), "U_i": ("n", "n"), "b_i": ("n",),
        "W_o": ("n", "d"), "U_o": ("n", "n"), "b_o": ("n",),
        "W_c": ("n", "d"), "U_c": ("n", "n"), "b_c": ("n",),
        "h[0]": ("n",), "c[0]": ("n",),
    },
    "lstm_scalar": {
        "x": ("T",), "y": (),
        "w_ix": (), "w_ih": (), "w_fx": (), "w_fh": (), "w_ox": (), "w_oh": (), "w_gx": (), "w_gh": (),
        "h[0]": (), "c[0]": (),
    },
    "mlp": {
        "x": ("d",), "W1": ("n", "d"), "b1": ("n",), "W2": ("m", "n"), "b2": ("m",),
        "W3": ("k", "m"), "b3": ("k",), "t": ("k",),
    },
    "mlp_batch": {
        "X": ("N", "d"), "W1": ("n", "d"), "b1": ("n",), "W2": ("m", "n"), "b2": ("m",),
        "W3": ("k", "m"), "b3": ("k",), "Y": ("N", "k"),
    },
    "relu_sparsity": {"x": (), "w1": (), "w2": (), "w3": (), "w4": (), "w5": (), "t": ()},
    "residual": {
        "x": ("d",), "W1": ("n", "d"), "b1": ("n",), "W2": ("d", "n"), "b2": ("d",), "r": ("n",), "s": ("d",),
    },
    "rnn": {"x": ("T+1", "n"), "W": ("n", "n"), "h[-1]": ("n",)},
    "rnn_tanh": {
        "x": ("T", "d"), "target": ("T", "m"), "W_hh": ("n", "n"), "W_xh": ("n", "d"), "W_hy": ("m", "n"),
        "h[0]": ("n",),
    },
}  # fmt: skip

# Entries that a logarithm or a cross-entropy needs to be positive.
POSITIVE = {("log_regression", "t"), ("mlp", "t"), ("mlp_batch", "Y")}


def _sigmoid(z):
    """Logistic function of each entry; any shape."""
    return 1 / (1 + anp.exp(-z))


def _softmax(z):
    """Softmax of one vector (k,). Not shifted by the maximum: the sampled entries are of moderate size."""
    e = anp.exp(z)
    return e / anp.sum(e)


def _sqnorm(a):
    """Squared Euclidean norm of a vector; 0-d."""
    return anp.sum(a**2)


def _relu(z):
    """Positive part of each entry; any shape. Meant for arguments away from 0, where it has a derivative."""
    return anp.maximum(z, 0.0)


def _linear_rnn(v: Values, T: int) -> float:
    """Scalar states; every step adds its squared error (without the factor 1/2)."""
    h, loss = v["h[0]"], 0.0
    for t in range(1, T + 1):
        h = v["w_h"] * h + v["w_x"] * v["x"][t - 1]
        loss = loss + (v["w_y"] * h - v["y"][t - 1]) ** 2
    return loss


def _log_regression(v: Values, T: int) -> float:
    """All scalars. log(y) is kept although y = exp(z), as the network has it."""
    y = anp.exp(v["w1"] * v["x"] + v["w2"] * v["x"] ** 2)
    return (anp.log(y) - anp.log(v["t"])) ** 2 / 2


def _lstm_gate(v: Values, g: str, t: int, h):
    """Pre-activation (n,) of gate g at step t from the state h (n,) of step t - 1."""
    return v[f"W_{g}"] @ v["x"][t - 1] + v[f"U_{g}"] @ h + v[f"b_{g}"]


def _lstm_step(v: Values, t: int, h, c):
    """The output gate o[t] and the cell c[t], both (n,), from h[t-1] and c[t-1]; then h[t] = o[t] * tanh(c[t])."""
    f = _sigmoid(_lstm_gate(v, "f", t, h))
    i = _sigmoid(_lstm_gate(v, "i", t, h))
    o = _sigmoid(_lstm_gate(v, "o", t, h))
    candidate = anp.tanh(_lstm_gate(v, "c", t, h))
    return o, f * c + i * candidate


def _lstm(v: Values, T: int) -> float:
    """States h, c (n,); every step adds half its squared error."""
    h, c, loss = v["h[0]"], v["c[0]"], 0.0
    for t in range(1, T + 1):
        o, c = _lstm_step(v, t, h, c)
        h = o * anp.tanh(c)
        loss = loss + _sqnorm(h - v["y"][t - 1]) / 2
    return loss


def _lstm_scalar(v: Values, T: int) -> float:
    """Scalar states; only the last state meets the target y."""
    h, c = v["h[0]"], v["c[0]"]
    for t in range(1, T + 1):
        x = v["x"][t - 1]
        i = _sigmoid(v["w_ix"] * x + v["w_ih"] * h)
        f = _sigmoid(v["w_fx"] * x + v["w_fh"] * h)
        o = _sigmoid(v["w_ox"] * x + v["w_oh"] * h)
        g = anp.tanh(v["w_gx"] * x + v["w_gh"] * h)
        c = f * c + i * g
        h = o * anp.tanh(c)
    return (h - v["y"]) ** 2 / 2


def _cross_entropy(v: Values, x, target):
    """Loss of one example x (d,) with target (k,): two tanh layers (n,), (m,), then softmax (k,)."""
    h1 = anp.tanh(v["W1"] @ x + v["b1"])
    h2 = anp.tanh(v["W2"] @ h1 + v["b2"])
    p = _softmax(v["W3"] @ h2 + v["b3"])
    return -anp.sum(target * anp.log(p))


def _mlp(v: Values, T: int) -> float:
    """One example x (d,), target t (k,)."""
    return _cross_entropy(v, v["x"], v["t"])


def _mlp_batch(v: Values, T: int) -> float:
    """Mean over the N rows of X (N, d) and Y (N, k), one row after the other so that no matrix product is shared."""
    loss, count = 0.0, v["X"].shape[0]
    for e in range(count):
        loss = loss + _cross_entropy(v, v["X"][e], v["Y"][e])
    return loss / count


def _relu_sparsity(v: Values, T: int) -> float:
    """All scalars: one hidden unit h3 feeds two others."""
    h3 = _relu(v["w3"] * v["x"])
    h1 = _relu(v["w2"] * h3)
    h2 = _relu(v["w4"] * h3)
    return (v["w1"] * h1 + v["w5"] * h2 - v["t"]) ** 2 / 2


def _residual(v: Values, T: int) -> float:
    """Hidden h (n,), output y (d,) with x added to it; a linear term r . h beside half the squared error."""
    h = _sigmoid(v["W1"] @ v["x"] + v["b1"])
    y = v["x"] + v["W2"] @ h + v["b2"]
    return anp.sum(v["r"] * h) + _sqnorm(y - v["s"]) / 2


def _rnn(v: Values, T: int) -> float:
    """State h (n,); time starts at 0, so x (T+1, n) is indexed by t itself and there are T + 1 steps."""
    h, loss = v["h[-1]"], 0.0
    for t in range(T + 1):
        h = _sigmoid(v["W"] @ h + v["x"][t])
        loss = loss + v["ell"](t, h)
    return loss


def _rnn_tanh(v: Values, T: int) -> float:
    """State h (n,), output y (m,); every step adds half its squared error."""
    h, loss = v["h[0]"], 0.0
    for t in range(1, T + 1):
        h = anp.tanh(v["W_hh"] @ h + v["W_xh"] @ v["x"][t - 1])
        loss = loss + _sqnorm(v["W_hy"] @ h - v["target"][t - 1]) / 2
    return loss


# loss(values, T), 0-d. ``layer`` has no loss; see JACOBIANS.
LOSSES: dict[str, Callable[[Values, int], float]] = {
    "linear_rnn": _linear_rnn,
    "log_regression": _log_regression,
    "lstm": _lstm,
    "lstm_scalar": _lstm_scalar,
    "mlp": _mlp,
    "mlp_batch": _mlp_batch,
    "relu_sparsity": _relu_sparsity,
    "residual": _residual,
    "rnn": _rnn,
    "rnn_tanh": _rnn_tanh,
}


def _split(values: Values) -> tuple[Values, Values]:
    """The numeric entries as float64 arrays, and the callables: autograd can only take a dict of numbers."""
    numbers = {key: np.asarray(value, dtype=float) for key, value in values.items() if not callable(value)}
    functions = {key: value for key, value in values.items() if callable(value)}
    return numbers, functions


def gradients(name: str, values: Values, T: int) -> dict[str, np.ndarray]:
    """Gradient of the loss in every numeric entry of values, each of that entry's shape (data and targets too)."""
    numbers, functions = _split(values)

    def loss(v):
        return LOSSES[name]({**v, **functions}, T)

    return {key: np.asarray(g, dtype=float) for key, g in grad(loss)(numbers).items()}


def _layer_y(v: Values):
    """y = sigmoid(W x), (n,)."""
    return _sigmoid(v["W"] @ v["x"])


def _layer_z(v: Values):
    """z = (W x)^T as a flat vector (n,): transposing a vector changes its layout and none of its entries."""
    return v["W"] @ v["x"]


def _jacobian_of(output: Callable[[Values], Any], wrt: str) -> Callable[[Values], np.ndarray]:
    """The function values -> d output / d values[wrt]."""

    def at(values: Values) -> np.ndarray:
        return jacobian(lambda a: output({**values, wrt: a}))(values[wrt])

    return at


# (network, output, input) -> function of values. The output's axis comes first, then the input's own axes:
# (n, d) in x, (n, n, d) in W. z = (W x)^T counts as a flat vector (n,), not as a row (1, n).
JACOBIANS: dict[tuple[str, str, str], Callable[[Values], np.ndarray]] = {
    ("layer", "y", "x"): _jacobian_of(_layer_y, "x"),
    ("layer", "y", "W"): _jacobian_of(_layer_y, "W"),
    ("layer", "z", "x"): _jacobian_of(_layer_z, "x"),
    ("layer", "z", "W"): _jacobian_of(_layer_z, "W"),
}


def _lstm_state(values: Values, t: int):
    """The output gate, h and c of ``lstm`` after step t, each (n,); the gate is None at t = 0, where none exists."""
    o, h, c = None, values["h[0]"], values["c[0]"]
    for step in range(1, t + 1):
        o, c = _lstm_step(values, step, h, c)
        h = o * anp.tanh(c)
    return o, h, c


def lstm_cell_jacobian(values: Values, t: int, total: bool) -> np.ndarray:
    """d c[t] / d c[t-1] of ``lstm``, (n, n) with c[t]'s axis first, at the states of the forward pass; t = 1..T.

    With ``total`` the state h[t-1] = o[t-1] * tanh(c[t-1]) follows c[t-1]; o[t-1] does not, it depends on h[t-2].
    Without it h[t-1] is held. At t = 1 the two agree, h[0] being an input of its own.
    """
    if t < 1:
        raise ValueError(f"c[{t}] is not computed by a step: t starts at 1")
    o, h, c = _lstm_state(values, t - 1)

    def next_cell(a):
        h_before = o * anp.tanh(a) if total and o is not None else h
        return _lstm_step(values, t, h_before, a)[1]

    return jacobian(next_cell)(np.asarray(c, dtype=float))


def _sizes(name: str, rng: np.random.Generator) -> dict[str, int]:
    """Pairwise distinct sizes, so that no wrong transpose fits: 2..5, or 2..6 for the five names of ``mlp_batch``."""
    names = sorted({dim for shape in SHAPES[name].values() for dim in shape} - {"T", "T+1"})
    choices = rng.permutation(np.arange(2, 2 + max(4, len(names))))
    return {dim: int(size) for dim, size in zip(names, choices, strict=False)}


def _entries(rng: np.random.Generator, shape: tuple[int, ...], positive: bool) -> np.ndarray:
    """Magnitudes in 0.2..1.2 so that no factor hides a term by nearly vanishing; random signs unless positive."""
    size = rng.uniform(0.2, 1.2, shape)
    return np.asarray(size if positive else size * rng.choice([-1.0, 1.0], shape))


def _open_loss(rng: np.random.Generator, steps: int, n: int) -> Callable[[int, Any], float]:
    """A smooth f(t, h) of h (n,), t = 0..steps-1: other coefficients at each step, and neither linear nor even."""
    a, b = _entries(rng, (steps, n), False), _entries(rng, (steps, n), False)

    def ell(t, h):
        return anp.sin(anp.sum(a[t] * h)) + anp.sum(b[t] * h**3)

    return ell


def _near_kink(v: Values) -> bool:
    """Whether a pre-activation of ``relu_sparsity`` is near 0; with z3 < 0, z1 = z2 = 0 are, so z3 > 0 remains."""
    z3 = v["w3"] * v["x"]
    z1, z2 = v["w2"] * max(z3, 0.0), v["w4"] * max(z3, 0.0)
    return min(abs(z1), abs(z2), abs(z3)) < KINK_MARGIN


def sample(name: str, rng: np.random.Generator, T: int) -> Values:
    """Random values of the shapes in SHAPES, with a random ``ell`` for ``rnn``; targets are not normalised."""
    sizes = {**_sizes(name, rng), "T": T, "T+1": T + 1}
    shapes = {key: tuple(sizes[dim] for dim in dims) for key, dims in SHAPES[name].items()}
    values: Values = {key: _entries(rng, shape, (name, key) in POSITIVE) for key, shape in shapes.items()}
    if name == "relu_sparsity" and _near_kink(values):
        return sample(name, rng, T)
    if name == "rnn":
        values["ell"] = _open_loss(rng, T + 1, sizes["n"])
    return values
