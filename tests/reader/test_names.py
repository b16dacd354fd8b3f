"""Names with scripts to quantities: what is part of the name, a time, an index, an exponent, a transpose, an adjoint."""

from __future__ import annotations

import pytest
import sympy
from reading import read, scope_of, value

from derive.expr import Instant, ShapeError, constant, ein, inverse, unit, var
from derive.judge import judge
from derive.ops import identity, power, total
from derive.reader.tokens import Unreadable

d, n, m, k = sympy.symbols("d n m k", positive=True, integer=True)


def t(shift=0):
    return Instant("t", shift)


def at(name, when=None, shape=(n,)):
    return var(name, shape, when)


def entry(e, *places):
    """An entry of an array, by numbers or sizes."""
    letters = tuple(range(len(e.shape)))
    return ein([(e, letters), *((unit(size, p), (j,)) for j, (p, size) in enumerate(zip(places, e.shape, strict=False)))], letters[len(places) :])


W1, W2, b1, x, h, y = at("W1", None, (n, d)), at("W2", None, (d, n)), at("b1"), at("x", None, (d,)), at("h"), at("y", None, (d,))
W, v, A, w = at("W", None, (n, d)), at("v", None, (d,)), at("A", None, (n, n)), at("w")
Whh, Wxh = at("W_hh", None, (n, n)), at("W_xh", None, (n, d))
STATE, INPUT = at("h", t()), at("x", t(), (d,))
FREE = "W: n x d, v: d, A: n x n, w: n, s: scalar, q: scalar"

TABLE = {
    "residual": {  # numbered layers
        W1: ["W^{(1)}", "W_1", "W^{[1]}", "W_{1}", "W^{1}", r"\mathbf{W}^{(1)}", r"\mathbf{W}_1", r"\boldsymbol{W}^{(1)}", r"{W}^{(1)}", r"W^{\,(1)}", r"\mathrm{W}_1", r"W_{(1)}", "W^1"],
        b1: ["b^{(1)}", "b_1", r"\mathbf b^{[1]}", r"\vec{b}_1"],
        W1.adjoint: [r"\bar{W}^{(1)}", r"\bar{W^{(1)}}", r"\bar W_1", r"\overline{W}_1", r"\overline{W^{(1)}}", r"\bar{\mathbf{W}}^{(1)}"],
        h: ["h", r"\mathbf h", r"\vec h", r"{h}"],
        h.adjoint: [r"\bar h", r"\bar{h}", r"\bar{\mathbf{h}}", r"\mathbf{\bar h}", r"\overline{h}"],
        W2.T: [
            r"W^{(2)\top}", r"W^{(2)T}", r"(W^{(2)})^\top", r"{W^{(2)}}^T", r"W_2^\top", r"W_2^T", r"W^{(2),\top}", r"W^{(2)}{}^\top", r"W^{(2)\mathsf{T}}", r"W^{(2)\mathrm T}", r"\left(W^{(2)}\right)^{\!\top}",
            r"{W_2}^{\intercal}", r"W_2'", r"W^{\top}_2", r"W^T_{2}", r"W_{2}^{\mathsf{T}}",
        ],
        W1.adjoint.T: [r"\bar{W}^{(1)\top}", r"\bar{W}_1^T"],
        W1 @ x: ["W_1 x", r"W^{(1)} \mathbf{x}"],
    },
    "lstm_scalar": {  # names with letters below, instants above or below
        at("w_ix", None, ()): ["w_{ix}", "w_{i x}", "w_{i,x}", r"w_{\text{ix}}", r"w_{\mathrm{ix}}", "w_{{ix}}"],
        at("w_ix", None, ()).adjoint: [r"\bar{w}_{ix}", r"\bar{w_{ix}}"],
        at("h", t(), ()): ["h^{(t)}", "h_t", "h_{t}", "h(t)", "h[t]", "h^{[t]}", "h^t", "h^{t}", "h"],
        at("h", t(-1), ()): ["h^{(t-1)}", "h_{t-1}", "h_{t - 1}", "h(t-1)", "h[t-1]", "h^{[t-1]}"],
        at("h", t(1), ()): ["h_{t+1}", "h^{(t+1)}", "h_{1+t}"],
        at("h", Instant("T"), ()): ["h_T", "h^{(T)}", "h_{T}", "h(T)"],
        at("h", Instant("T", -1), ()): ["h_{T-1}", "h^{(T-1)}"],
        at("h", Instant("", 0), ()): ["h_0", "h^{(0)}", "h_{0}", "h^{[0]}"],
        at("h", Instant("", 3), ()): ["h_3", "h^{(3)}"],
        at("h", Instant("k"), ()): ["h_k", "h^{(k)}"],
        at("h", Instant("k", -1), ()): ["h_{k-1}", "h^{(k-1)}"],
        at("h", t(), ()).adjoint: [r"\bar{h}^{(t)}", r"\bar{h}_t", r"\bar{h_t}", r"\overline{h}^{(t)}", r"\bar{h^{(t)}}", r"\bar h_t"],
        at("c", t(1), ()).adjoint: [r"\bar{c}^{(t+1)}", r"\bar c_{t+1}"],
        power(at("g", t(), ()), 2): ["(g^{(t)})^2", "g_t^2", "{g_t}^2", "g(t)^2", "g^{(t)2}"],
        at("y", None, ()): ["y"],
    },
    "rnn_tanh": {  # vectors and instants
        STATE: ["h_t", "h^{(t)}", r"\mathbf{h}_t"],
        STATE.adjoint: [r"\bar{h}^{(t)}", r"\bar{\mathbf h}_t"],
        STATE.T: ["h_t^T", r"h_t^\top", r"h^{(t)\top}", r"(h_t)^\top", r"{h_t}^{\mathsf T}", "h^{(t)T}"],
        at("h", t(-1)).T: [r"h_{t-1}^\top", r"h^{(t-1)\top}"],
        Whh: ["W_{hh}", r"W_{\mathrm{hh}}", r"\mathbf{W}_{hh}", "W_{h,h}", r"W_{h h}"],
        Whh.T: [r"W_{hh}^\top", "W_{hh}^T", r"W_{\text{hh}}^{\mathsf T}", r"W^\top_{hh}", r"W_{hh}'"],
        Wxh.adjoint: [r"\bar{W}_{xh}", r"\bar W_{xh}", r"\overline{W_{xh}}"],
        Whh @ STATE: ["W_{hh} h_t"],
        entry(STATE, 2): ["h_{t,2}", "h^{(t)}_2", "h_2^{(t)}", r"\mathbf{h}_{t,2}", "h_t[2]", "(h_t)_2"],
        entry(STATE, n): ["h_{t,n}", "h^{(t)}_n"],
        power(at("h", Instant("", 1)), 2): ["h_1^2", "h_{1}^{2}", "(h_1)^2", "h^{(1)2}"],
        power(STATE, 2): ["h_t^2", "h^2", "(h_t)^2", r"h_t^{\odot 2}", r"h_t^{\circ 2}"],
        entry(at("h", Instant("", 2)), 1): ["h^{(2)}_1", "h_{2,1}"],
        at("target", t(), (m,)): [r"\mathrm{target}_t", r"\text{target}^{(t)}", r"\operatorname{target}_t"],
    },
    "lstm": {  # accents that are part of a name
        at("ctilde", t()): [r"\tilde{c}_t", r"\tilde c^{(t)}", r"\tilde{c_t}", r"\widetilde{c}_t"],
        at("ctilde", t()).adjoint: [r"\bar{\tilde{c}}_t", r"\bar{\tilde c}^{(t)}", r"\overline{\tilde{c}_t}", r"\bar{\tilde{c}_t}"],
        at("c", t()): ["c_t", "c^{(t)}"],
        at("U_f", None, (n, n)).T: [r"U_f^\top", "U_f^T", r"U^\top_f", r"{U_f}^{\top}"],
        at("i", t()): ["i_t", "i^{(t)}"],
        at("o", t()): ["o_t", r"\mathbf{o}_t"],
    },
    "linear_rnn": {at("yhat", t(), ()): [r"\hat{y}_t", r"\hat y^{(t)}", r"\hat{y_t}"], at("y", t(), ()): ["y_t"], at("yhat", t(), ()).adjoint: [r"\bar{\hat{y}}_t", r"\bar{\hat y_t}"]},
    FREE: {  # entries, powers
        entry(W, 1, 2): ["W_{12}", "W_{1,2}", "W[1,2]", "W_{1 2}", "(W)_{12}", r"\mathbf{W}_{1,2}", "W[1, 2]"],
        entry(W, 2): ["W_{2}", "W_2", "W_{2,:}", "W[2,:]", "W_{2:}"],
        entry(v, 3): ["v_3", "v_{3}", "v[3]", "(v)_3"],
        entry(v, d): ["v_d", "v_{d}"],
        entry(W, n, d): ["W_{nd}", "W_{n,d}"],
        inverse(A): ["A^{-1}", "(A)^{-1}", "{A}^{-1}"],
        inverse(A).T: [r"A^{-\top}", "A^{-T}", r"(A^{-1})^\top", r"(A^{\top})^{-1}"] [:3],
        A @ A: ["A^2", "A A", "AA", "A^{2}", r"A \cdot A"],
        A @ A @ A: ["A^3", "A A A"],
        power(w, 2): ["w^2", r"w^{\odot 2}", r"w^{\circ 2}", r"w \odot w"] [:3],
        power(var("s"), -1): ["s^{-1}", r"\frac{1}{s}", "1/s"],
        var("s"): ["s", "s^T", r"s^\top", "(s)", "{s}", "[s]"],
        W.T: ["W^T", r"W^\top", r"W^{\top}", r"W^{\mathsf T}", r"W^\intercal", "W'", r"W^{\prime}", r"W^{\mathrm{T}}", r"W^{\text{T}}", r"W^{\dagger}", r"{W}^T", r"(W)^\top", "W^{t}", r"W^{'}", "W^H"],
        W: [r"W^{\top\top}", "W''", r"(W^\top)^\top"] [1:],
    },
}  # fmt: skip
ROWS = [(problem, tex, wanted) for problem, table in TABLE.items() for wanted, texts in table.items() for tex in texts]


@pytest.mark.parametrize(("problem", "tex", "wanted"), ROWS, ids=[f"{p[:8]} {tex}" for p, tex, _ in ROWS])
def test_names(problem, tex, wanted):
    assert read(tex, scope_of(problem)) is wanted


# -- free indices -------------------------------------------------------------------------------------------------

INDEXED = {
    FREE: {
        ("ij", W): ["W_{ij}", "W_{i,j}", "W[i,j]", "(W)_{ij}", "W_{i j}", "W_{i, j}", "[W]_{ij}", r"\mathbf{W}_{ij}", "{W}_{ij}", "(W)_{i,j}"],
        ("ji", W.T): ["W_{ij}", "(W)_{ij}"],
        ("ij", A.T): ["A_{ji}", "(A^T)_{ij}", r"A^\top_{ij}", r"[A^\top]_{ij}", "A[j,i]"],
        ("i", v): ["v_i", "v[i]", "(v)_i", r"\mathbf{v}_{i}", "v_{i}"],
        ("i", W @ v): ["(W v)_i", "[Wv]_i", r"\left(W v\right)_{i}", r"(W v)_{i}"],
        ("i", ein([(A, (0, 0))], (0,))): ["A_{ii}", "A_{i,i}"],
        ("", total(ein([(A, (0, 0))], (0,)))): [r"\sum_i A_{ii}"],
        ("i", W): ["W_i", "W_{i,:}", "W_{i:}", "W[i,:]", "W^{(i)}"],
        ("j", W.T): ["W_{:,j}", "W_{:j}"],
        ("i", power(v, 2)): ["v_i^2", "(v_i)^2", "{v_i}^2", "v_{i}^{2}"],
        ("ab", W): ["W_{ab}", "W[a,b]"],
        ("i", ein([(W, (0, 1)), (unit(d, 2), (1,))], (0,))): ["W_{i2}", "W_{i,2}", "W[i,2]", "(W)_{i2}"],
    },
    "rnn_tanh": {
        ("i", STATE): ["h_{t,i}", "h^{(t)}_i", "h_i^{(t)}", "h_{i}^{(t)}", "h_t[i]", "(h_t)_i", "{h_t}_i", r"\mathbf{h}_{t,i}", "h_{i,t}", "h_{it}", "h_{ti}"],
        ("i", STATE.adjoint): [r"\bar{h}_{t,i}", r"\bar{h}^{(t)}_i", r"\bar{h}_i^{(t)}", r"\overline{h_{t,i}}"],
        ("i", at("h", t(-1))): ["h_{t-1,i}", "h^{(t-1)}_i", "h_{i,t-1}"],
        ("ij", Whh): ["W_{hh,ij}", "(W_{hh})_{ij}", "W_{hh}[i,j]", "[W_{hh}]_{ij}", "{W_{hh}}_{ij}"],
    },
    "residual": {("ij", W1): ["W^{(1)}_{ij}", "W_{ij}^{(1)}", "W^{[1]}_{i,j}", "(W_1)_{ij}", "W_{1,ij}"], ("i", b1.adjoint): [r"\bar{b}^{(1)}_i", r"\bar{b}_i^{(1)}"]},
}  # fmt: skip
INDEX_ROWS = [(p, tex, labels, e) for p, table in INDEXED.items() for (labels, e), texts in table.items() for tex in texts]


@pytest.mark.parametrize(("problem", "tex", "labels", "wanted"), INDEX_ROWS, ids=[f"{p[:8]} {tex} {labels}" for p, tex, labels, _ in INDEX_ROWS])
def test_free_indices(problem, tex, labels, wanted):
    scope = scope_of(problem)
    assert set(value(tex, scope).labels) == set(labels)
    assert read(tex, scope, labels) is wanted


def test_the_first_index_may_be_zero():
    scope = scope_of("v: d, W: n x d", (("index_base", 0),))
    assert read("v_0", scope) is entry(var("v", (d,)), 1)
    assert read("W_{0,2}", scope) is entry(var("W", (n, d)), 1, 3)


# -- fixed names --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("tex", "wanted"), [("e", sympy.E), (r"\pi", sympy.pi), ("n", n), ("d", d), (r"\frac{1}{n}", 1 / n), ("2 n d", 2 * n * d), ("n - 1", n - 1), ("0.1", sympy.Rational(1, 10))])
def test_constants_and_sizes(tex, wanted):
    e = read(tex, scope_of("v: d, W: n x d"))
    assert e.shape == () and judge(e, constant(wanted)).verdict == "proved"


def test_an_instant_above_without_brackets():
    """h^2 is a square, unless instants stand above without brackets here."""
    square, entry_ = power(at("h", Instant("", 1)), 2), entry(at("h", Instant("", 2)), 1)
    assert read("h_1^2", scope_of("rnn_tanh")) is square
    assert read("h_1^2", scope_of("rnn_tanh", (("time", "subscript"),))) is square
    assert read("h_1^2", scope_of("rnn_tanh", (("time", "superscript"),))) is entry_
    assert read("h^1_1 + h^2_1", scope_of("rnn_tanh")) is entry(at("h", Instant("", 1)), 1) + entry_


def test_a_primed_name_of_its_own():
    scope = scope_of("", (("declare", (("x", "n"), ("x'", "n"))),))
    assert read("x'", scope) is var("xprime", (n,))
    assert read("x", scope) is var("x", (n,))
    assert read(r"x'^\top", scope) is var("xprime", (n,)).T


def test_columns_and_rows():
    scope = scope_of("", (("declare", (("U", "d x n"), ("X", "m x d"))), ("columns", (("u", "U"),)), ("rows", (("x", "X"),))))
    U, X = var("U", (d, n)), var("X", (m, d))
    assert read("u_i", scope, "i") is U.T
    assert read("x_i", scope, "i") is X
    assert read("u_2", scope) is ein([(U, (0, 1)), (unit(n, 2), (1,))], (0,))
    assert read("x_2", scope) is entry(X, 2)


@pytest.mark.parametrize(("problem", "tex", "message"), [
    (FREE, "r", "unknown name r"), (FREE, "W_{xx}^{(1)}", "unknown name W_{xx}^{(1)}; the name is known with other scripts"), ("residual", "W^{(7)}", "unknown name W^{(7)}; the name is known with other scripts"),
    (FREE, r"\hat{v}", r"unknown name \hat{v}; the name is known with other scripts"), (FREE, "s'", "a prime on s', which is not a function"), (FREE, "v^{(t+1)}", "unknown name v^{(t+1)}; the name is known with other scripts"),
    ("residual", r"\bar{q}", r"unknown name \bar{q}"), (FREE, "W_{a+b,1}", "a+b is not an index"),
])  # fmt: skip
def test_what_has_no_meaning(problem, tex, message):
    with pytest.raises(Unreadable) as caught:
        value(tex, scope_of(problem))
    assert caught.value.message == message


@pytest.mark.parametrize(("tex", "message"), [
    ("v_{ij}", "unknown name v_{ij}; the name is known with other scripts"), ("W_{1,2,3}", "unknown name W_{1,2,3}; the name is known with other scripts"), ("(v)_{ij}", "2 indices for R^d"),
    ("W_{ij} + v_i", "the index i runs over n and over d entries"), ("W_{ij} w_j", "the index j runs over d and over n entries"), ("W[i,j,k]", None),
])  # fmt: skip
def test_indices_that_do_not_fit(tex, message):
    with pytest.raises((Unreadable, ShapeError)) as caught:
        value(tex, scope_of(FREE))
    assert message is None or str(caught.value) == message


def test_identities():
    assert read("A + I", scope_of(FREE)) is A + identity(n)
