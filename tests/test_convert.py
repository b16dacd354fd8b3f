"""To SymPy and back: explicit forms equal the engine's numbers, and SymPy's own derivatives equal the gradients."""

from __future__ import annotations

import numpy as np
import pytest
import sympy

import derive
from derive.convert import from_sympy, to_sympy
from derive.expr import DeriveError, MissingRule, Var, jac, var
from derive.ops import POINTWISE, sigmoid, sqnorm, tanh
from derive.pysource import dimension

x, y = var("x"), var("y")
n, d = dimension("n"), dimension("d")
W, u, v = var("W", (n, d)), var("u", (d,)), var("v", (n,))


def test_scalars():
    a, b = sympy.symbols("x y")
    assert to_sympy((x - 2 * y) ** 2 / 3) == (a - 2 * b) ** 2 / 3
    assert to_sympy(tanh(x * y)) == sympy.tanh(a * b)
    assert (x / 2 + 1).to_sympy() == a / 2 + 1


def test_a_matrix_is_explicit_for_its_sizes():
    m = (W @ u).to_sympy({"n": 2, "d": 3})
    assert m.shape == (2, 1)
    assert m[1] == sum(sympy.Symbol(f"W[1,{j}]") * sympy.Symbol(f"u[{j}]") for j in range(3))
    assert W.T.to_sympy({n: 2, d: 3}).shape == (3, 2)
    assert u.T.to_sympy({"d": 3}).shape == (1, 3)


@pytest.mark.parametrize("name", ["residual", "mlp", "log_regression"])
def test_gradients_are_sympys(name):
    """The closed form of every gradient against diff of the loss, both explicit."""
    net = derive.load(name)
    sol = net.solve()
    sizes = {str(s): 2 + k % 2 for k, s in enumerate(sorted({s for q in net.system.quantities.values() for i in q.shape for s in i.free_symbols}, key=str))}
    numbers = {}
    rng = np.random.default_rng(0)
    values = {k: rng.uniform(0.3, 1, [sizes[str(s)] for s in q.shape]) for k, q in net.system.independent.items()}
    for k, q in net.system.independent.items():
        for place in np.ndindex(*values[k].shape):
            numbers[sympy.Symbol(q.name + (f"[{','.join(map(str, place))}]" if place else ""))] = values[k][place]
    loss = net.system.loss
    while any(q.name in net.system.by_name for q in loss.atoms(Var)):
        loss = loss.xreplace({e.left: e.right for e in net.system.equations})
    explicit = loss.to_sympy(sizes)
    found = sol.evaluate(values)
    for k, q in net.system.independent.items():
        place = tuple(0 for _ in q.shape)
        symbol = sympy.Symbol(q.name + (f"[{','.join(map(str, place))}]" if place else ""))
        assert float(sympy.diff(explicit, symbol).subs(numbers)) == pytest.approx(float(found[k][place]), rel=1e-10)


def test_sums_over_time_are_written_out():
    L = derive.load("linear_rnn").system.by_name["L"].right
    a, b = (sympy.symbols(f"{q}[1] {q}[2]") for q in ("yhat", "y"))
    assert L.to_sympy({"T": 2}) == (a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2
    with pytest.raises(DeriveError, match="needs T"):
        L.to_sympy()


def test_what_is_missing_is_said():
    with pytest.raises(DeriveError, match="sizes"):
        (W @ u).to_sympy({"n": 2})
    with pytest.raises(MissingRule):
        jac(v, u).to_sympy({"n": 2, "d": 2})


@pytest.mark.parametrize("fn", POINTWISE.values(), ids=str)
def test_there_and_back(fn):
    """Back from SymPy the value is the same; what SymPy writes as Piecewise or Heaviside has no way back, and says so."""
    there = to_sympy(fn(x))
    try:
        back = from_sympy(there)
    except MissingRule:
        assert there.has(sympy.Piecewise, sympy.Heaviside, sympy.Max)
        return
    at = sympy.Rational(7, 10)
    assert float(to_sympy(back).subs(sympy.Symbol("x"), at)) == pytest.approx(float(there.subs(sympy.Symbol("x"), at)), rel=1e-12)


def test_from_sympy():
    a, b = sympy.symbols("a b")
    assert to_sympy(from_sympy(a * b + 1, {"a": x, "b": y})) == sympy.Symbol("x") * sympy.Symbol("y") + 1
    assert from_sympy(sympy.exp(a), {a: x}) is derive.exp(x)
    assert float(to_sympy(from_sympy(a**b)).subs({a: 2, b: 3}).evalf()) == pytest.approx(8)
    with pytest.raises(MissingRule, match="gamma"):
        from_sympy(sympy.gamma(a))
    with pytest.raises(DeriveError, match="not text"):
        from_sympy("__import__('os')")


def test_open_functions():
    f = derive.network("def f(q: Scalar, ell: Function):\n    L = ell(q)\n    return L")
    assert str(f.system.by_name["L"].right.to_sympy()) == "ell(q)"
    assert f.solve().gradients["q"].to_sympy() == sympy.Derivative(sympy.Function("ell")(sympy.Symbol("q")), sympy.Symbol("q"))


def test_compositions_are_their_bodies():
    assert sqnorm(u).to_sympy({"d": 2}) == sympy.Symbol("u[0]") ** 2 + sympy.Symbol("u[1]") ** 2
    assert sigmoid(x).to_sympy() == 1 / (1 + sympy.exp(-sympy.Symbol("x")))
