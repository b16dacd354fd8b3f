"""Reading of Python networks: what the grammar offers, unusual but fair inputs, and every error by its text."""

import importlib.util
import os
import re
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest
import sympy

import derive
from derive import DeriveError, Matrix, NetworkError, Scalar, Sequence, Time, Vector, dims, load, network
from derive.expr import Instant, Lin, Over, apply, at_time, constant, is_zero, opaque, over, times, var
from derive.ops import CALLABLES, exp, leaky_relu, power, recip, rows, sigmoid, softmax, sqnorm, sqrt, tanh, total
from derive.pysource import dimension, read_function, resolve_sizes

n, m, p = dims("n m p")
N, d = 4, 3  # sizes as numbers, for networks in this module
k = dims("q")  # a size under another name
Half = sympy.Rational(1, 2)
t, T = Instant("t"), Instant("T")


def net(body, head="x: Scalar, y: Scalar", result="return L"):
    """A network of these lines."""
    lines = textwrap.dedent(body).strip("\n").splitlines()
    return network("\n".join([f"def a({head}):", *(f"    {line}" for line in lines), *([f"    {result}"] if result else [])]))


def right(expression, head="x: Scalar, y: Scalar"):
    """What a right side is read as."""
    return net(f"L = {expression}", head)["L"]


SEQ = "t: Time, x: Sequence[Scalar], w: Scalar"
x, y = var("x"), var("y")
u, v = var("u", (n,)), var("v", (n,))
W, A = var("W", (m, n)), var("A", (n, n))
SHAPES = "u: Vector[n], v: Vector[n], W: Matrix[m, n], A: Matrix[n, n], s: Scalar"
s = var("s")

# -- expressions --------------------------------------------------------------------------------------------------

SCALARS = {
    "x": x,
    "-x": -x,
    "+x": x,
    "- -x": x,
    "x + y - 2 * x": x + y - 2 * x,
    "x * y * x": times(x * y, x),
    "x / y / x": x / y / x,
    "x / (y / x)": x / (y / x),
    "2 * x + 1": 2 * x + 1,
    "1 - x": 1 - x,
    "3": constant(3),
    "2 * 3": constant(6),
    "1 / 3": constant(sympy.Rational(1, 3)),
    "0.1 * x": x / 10,
    "0.1 + 0.2": constant(sympy.Rational(3, 10)),
    "5. * x + .5 * x": sympy.Rational(11, 2) * x,
    "1e-3 * x": x / 1000,
    "1_000 * x": 1000 * x,
    "1_0.5 * x": sympy.Rational(21, 2) * x,
    "0x10 * x": 16 * x,
    "x ** 2": x**2,
    "-x ** 2": -(x**2),
    "(-x) ** 2": (-x) ** 2,
    "x ** -1": recip(x),
    "x ** 0.5": sqrt(x),
    "x ** (1 / 2)": sqrt(x),
    "x ** (2 / 3)": x ** sympy.Rational(2, 3),
    "x ** 2 ** 3": x**8,
    "x ** 0": constant(1),
    "x ** 1": x,
    "x ** pi": x**sympy.pi,
    "pi * x": sympy.pi * x,
    "2 ** 0.5 * x": sympy.sqrt(2) * x,
    "exp(x) / (1 + exp(x))": exp(x) / (1 + exp(x)),
    "exp(0)": constant(1),
    "derive.exp(x)": exp(x),
    "abs(x)": CALLABLES["abs"](x),
    "leaky_relu(x)": leaky_relu(x),
    "leaky_relu(x, 0.1)": leaky_relu(x, 0.1),
    "leaky_relu(x, alpha=0.1)": leaky_relu(x, 0.1),
    "elu(x, alpha=2)": CALLABLES["elu"](x, 2),
    "power(x, 3)": power(x, 3),
    "power(x, n=3)": power(x, 3),
    "x.T": x,
    "(x)": x,
    "(\n x\n + y\n)": x + y,
}
SHAPED = {
    "u @ v": u @ v,
    "u.T @ v": u @ v,
    "dot(u, v)": u @ v,
    "inner(u, v)": u @ v,
    "u @ A @ v": u @ A @ v,
    "u.T @ A @ v": u.T @ A @ v,
    "u.T @ A.T @ v": u.T @ A.T @ v,
    "sqnorm(W @ u)": sqnorm(W @ u),
    "trace(A @ A.T)": CALLABLES["trace"](A @ A.T),
    "trace(outer(u, v))": CALLABLES["trace"](CALLABLES["outer"](u, v)),
    "total(u * v)": total(u * v),
    "total(u) / n": total(u) / n,
    "mean(W)": total(W) / (m * n),
    "total(1 - tanh(u) ** 2)": total(1 - tanh(u) ** 2),
    "n * s": n * s,
    "s / (2 * n)": s / (2 * n),
    "total(rows(u, m) * W)": total(rows(u, m) * W),
    "total(rows(u, 5))": total(rows(u, 5)),
    "total(columns(u, m))": total(CALLABLES["columns"](u, m)),
    "total(broadcast(s, n, m))": n * m * s,
    "total(ones(n))": constant(n),
    "trace(identity(n) * A)": CALLABLES["trace"](A * CALLABLES["identity"](n)),
    "logsumexp(u)": CALLABLES["logsumexp"](u),
    "-(u @ log(softmax(v)))": -(u @ CALLABLES["log"](softmax(v))),
    "norm(u) ** 2": CALLABLES["norm"](u) ** 2,
    "total(diag(u) @ A)": total(CALLABLES["diag"](u) @ A),
    "total(transpose(W))": total(W.T),
    "total(matmul(W, u))": total(W @ u),
    "total(row_sums(W))": total(CALLABLES["row_sums"](W)),
}


@pytest.mark.parametrize("text", SCALARS)
def test_scalar_expressions(text):
    assert right(text) is SCALARS[text]


@pytest.mark.parametrize("text", SHAPED)
def test_expressions_with_shapes(text):
    assert right(text, SHAPES) is SHAPED[text]


def numeric_arguments(name):
    return {"inner": "(u, v)", "dot": "(u, v)", "outer": "(u, v)", "matmul": "(W, u)", "power": "(s, 2)", "rows": "(u, m)",
        "columns": "(u, m)", "identity": "(n)",
            "ones": "(n)", "broadcast": "(s, n)", "trace": "(A)", "row_sums": "(W)", "column_sums": "(W)", "inverse": "(A)", "det": "(A)",
            "concat": "(u, v)"}.get(name,
            "(u)")  # fmt: skip


@pytest.mark.parametrize("name", CALLABLES)
def test_every_function_of_the_table_can_be_called(name):
    assert net(f"R = {name}{numeric_arguments(name)}\nL = s", SHAPES).system.by_name["R"].right is not None


# -- declarations -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("head", "name", "shape"),
    [
        ("x: Scalar", "x", ()), ("x: Vector[n]", "x", (n,)), ("x: Matrix[n, m]", "x", (n, m)), ("x: Vector[3]", "x", (3,)),
        ("x: 'Vector[n]'", "x", (n,)),
        ("x: \"Matrix[n, 2]\"", "x", (n, 2)), ("x: derive.Vector[n]", "x", (n,)), ("x: Vector[n + m]", "x", (n + m,)),
        ("x: Vector[2 * n - 1]", "x", (2 * n - 1,)),
        ("x: Sequence[Scalar]", "x", ()), ("x: Sequence[Vector[n]]", "x", (n,)), ("x: Sequence['Vector[n]']", "x", (n,)),
        ("x: derive.Sequence[derive.Matrix[n, m]]", "x", (n, m)),
        ("x: Scalar, /, y: Scalar", "x", ()), ("*, x: Vector[n]", "x", (n,)),
        ("y: Scalar, *, x: Vector[n], z: Scalar", "x", (n,)), ("größe: Vector[ñ]", "größe", (dimension("ñ"),)),
        ("α: Scalar", "α", ()), ("_x: Scalar", "_x", ()), (f"{'q' * 200}: Scalar", "q" * 200, ()), ("exp: Scalar", "exp", ()),
    ],
)  # fmt: skip
def test_declarations(head, name, shape):
    system = net("L = 1", head).system
    assert system.quantities[name].shape == shape
    assert (system.quantities[name].time is not None) == ("Sequence" in head)


@pytest.mark.parametrize(
    ("time_", "first"),
    [("Time", 1), ("Time[0]", 0), ("Time[1]", 1), ("Time[2]", 2), ("Time[-1]", -1), ("Time[0:T]", 0), ("Time[1:T]", 1),
        ("derive.Time[0]", 0), ("'Time[0]'", 0), ("Time[T]", 1)],
)  # fmt: skip
def test_where_time_starts(time_, first):
    assert net("L = x[T]", f"t: {time_}, x: Sequence[Scalar]").system.first == first


def test_sizes_that_are_numbers():
    text = "def a(x: Vector[d], W: Matrix[N, d]):\n    L = total(W @ x)\n    return L"
    system = read_function(text, {"d": 3, "N": 4})
    assert system.quantities["W"].shape == (4, 3)
    assert read_function(text, {"d": n}).quantities["x"].shape == (n,)
    assert read_function(text).quantities["x"].shape == (dimension("d"),)
    for value in (0, -3, 2.5, "x"):
        assert read_function(text, {"d": value}).quantities["x"].shape == (dimension("d"),)


def test_sizes_from_the_module():
    @network
    def f(X: Matrix[N, d], w: Vector[d], b: Vector[k]):
        L = total(X @ w) + total(b)
        return L

    assert f.system.quantities["X"].shape == (4, 3)
    assert f.system.quantities["b"].shape == (k,)


def test_names_that_can_be_sizes():
    size, name = 7, "x"

    def f():
        return size, name, N

    found = resolve_sizes(f)
    assert (found["size"], found["N"], found["k"]) == (7, 4, k)
    assert "name" not in found
    assert "np" not in found


def test_a_size_that_is_a_number_can_be_used_in_the_equations():
    """The batch size N = 4 of the module stands in rows(b, N) and in / N as it does in the declaration."""

    @network
    def f(X: Matrix[N, d], b: Vector[d]):
        Y = X + rows(b, N)
        L = total(Y) / N
        return L

    assert f["L"] is total(var("Y", (4, 3))) / 4


def test_a_size_under_another_name_can_be_used_in_the_equations():
    @network
    def f(x: Vector[k]):
        L = sqnorm(x) / k
        return L

    assert f["L"] is sqnorm(var("x", (k,))) / k


def test_a_size_that_only_an_initial_value_has():
    system = net(
        "h[0]: Vector[n]\nh[t] = w * h[t - 1] + x[t]\nL = sqnorm(h[T]) / n", "t: Time, x: Sequence[Vector[n]], w: Scalar"
    )
    assert system["L"] is not None
    alone = net("h[0]: Vector[m]\nh[t] = x[t] * h[t - 1]\nL = sqnorm(h[T]) / m", SEQ)
    assert alone["L"] is sqnorm(var("h", (m,), T)) / m


# -- time ---------------------------------------------------------------------------------------------------------


def test_a_recurrence():
    system = net("h[0]: Scalar\nh[t] = tanh(w * h[t - 1] + x[t])\nL = h[T] ** 2", SEQ).system
    h = var("h", (), t)
    assert [e.left for e in system.equations] == [h, var("L")]
    assert system.initial == (h.at(Instant("", 0)),)
    assert system.by_name["h"].right is tanh(var("w") * h.at(Instant("t", -1)) + var("x", (), t))
    assert system.by_name["L"].right is h.at(T) ** 2
    assert system.loss is var("L")


xs = var("x", (), t)
SUMS = {
    "sum(x[t] for t in Time)": over("sum", xs, "t", Instant("", 1), T),
    "sum(x[i] for i in Time)": over("sum", xs, "t", Instant("", 1), T),
    "sum(x[t] for t in derive.Time)": over("sum", xs, "t", Instant("", 1), T),
    "sum(x[t] for t in range(1, T + 1))": over("sum", xs, "t", Instant("", 1), T),
    "sum(x[t] for t in range(2, T))": over("sum", xs, "t", Instant("", 2), Instant("T", -1)),
    "sum(x[t - 1] * x[t] for t in range(2, T + 1))": over("sum", xs.at(Instant("t", -1)) * xs, "t", Instant("", 2), T),
    "sum(x[t] for t in range(1, 4))": over("sum", xs, "t", Instant("", 1), Instant("", 3)),
    "sum(w * x[t] for t in Time) / T": over("sum", var("w") * xs, "t", Instant("", 1), T) / dimension("T"),
    "T * w": dimension("T") * var("w"),
    "w / (T - 1)": var("w") / (dimension("T") - 1),
    "sum(x[t] ** 2 - 1 for t in Time) + w": over("sum", xs**2 - 1, "t", Instant("", 1), T) + var("w"),
    "x[T]": xs.at(T),
    "x[T - 1] * x[1]": xs.at(Instant("T", -1)) * xs.at(Instant("", 1)),
    "sum(x[s] * sum(x[r] for r in range(1, s + 1)) for s in Time)": over(
        "sum", xs * over("sum", xs.at(Instant("k")), "k", Instant("", 1), t), "t", Instant("", 1), T
    ),
}  # fmt: skip


@pytest.mark.parametrize("text", SUMS)
def test_sums_over_time(text):
    assert right(text, SEQ) is SUMS[text]


def plainly(text, head, values, last=None):
    return net(text, head).forward(values, last)["L"]


def recurrence(step, *initial):
    values = list(initial)
    for xt in XS:
        values.append(step(values, xt))
    return values[len(initial) :]


XS = [1.0, 2.0, 3.0, 2.0]
NUMBERS = {
    "L = sum(x[t] for t in Time)": 8,
    "L = sum(x[t] for t in Time) / T": 2,
    "L = sum(x[t] for t in range(2, T))": 5,
    "L = sum(x[t] for t in range(4, T))": 0,
    "L = w + sum(x[t] for t in range(3, 3))": 0.5,
    "L = w + sum(x[t] for t in range(4, 2))": 0.5,
    "L = x[T - 1] - x[1]": 2,
    "L = T ** 2 - 1 / T": 15.75,
    "L = sum(x[t - 1] * x[t] for t in range(2, T + 1))": 14,
    "y[t] = x[t] - sum(x[s] for s in Time) / T\nL = sum(y[t] ** 2 for t in Time)": 2,
    "y[t] = sum(x[s] for s in range(1, t + 1))\nL = y[T] + y[2]": 8 + 3,
    "y[t] = sum(x[s] for s in range(t, T + 1))\nL = y[1] + y[2]": 8 + 7,
    "h[0]: Scalar\nh[t] = h[t - 1] * w + x[t]\nL = h[T]": recurrence(lambda h, xt: h[-1] / 2 + xt, 1)[-1],
    "h[-1]: Scalar\nh[0]: Scalar\nh[t] = h[t - 1] + h[t - 2] + x[t]\nL = h[T]": recurrence(
        lambda h, xt: h[-1] + h[-2] + xt, 1, 1
    )[-1],
    "y[t] = x[t] * w\nz[t] = y[t] + m\nm = sum(y[s] for s in Time)\nL = z[1] + z[T]": 4.5 + 5,
    "h[0]: Scalar\ng[t] = h[t - 1] * x[t]\nh[t] = g[t] + w\nL = h[T]": recurrence(lambda h, xt: h[-1] * xt + 0.5, 1)[-1],
}


@pytest.mark.parametrize("text", NUMBERS)
def test_networks_in_time_by_their_numbers(text):
    """x = 1, 2, 3, 2 with w = 1/2; initial values are 1."""
    found = net(text, SEQ)
    values = {"x": XS, "w": 0.5, **{v.key: 1.0 for v in found.system.initial}}
    assert found.forward(values)["L"] == pytest.approx(NUMBERS[text])


def test_time_under_another_name():
    system = net(
        "h[0]: Scalar\nh[k] = h[k - 1] + t * x[k]\nL = h[T] + sum(x[k] for k in Time)", "k: Time, x: Sequence[Scalar], t: Scalar"
    ).system
    assert system.by_name["h"].right is var("h", (), Instant("t", -1)) + var("t") * var("x", (), t)


def test_sequences_without_a_declared_time():
    assert right("sum(x[t] for t in Time)", "x: Sequence[Scalar]") is SUMS["sum(x[t] for t in Time)"]


def test_an_instant_may_be_an_initial_value():
    system = net("h[0]: Scalar\nh[t] = h[t - 1] + x[t]\nL = h[T] - h[0]", SEQ).system
    assert system.by_name["L"].right is var("h", (), T) - var("h", (), Instant("", 0))


def test_open_functions():
    head = "t: Time, x: Sequence[Vector[n]], f: Function, w: Vector[n]"
    xn = var("x", (n,), t)
    assert right("f(w)", head) is opaque("f", None, var("w", (n,)))
    assert right("sum(f[t](x[t]) for t in Time)", head) is over("sum", opaque("f", t, xn), "t", Instant("", 1), T)
    assert right("f[T](x[T])", head) is opaque("f", T, xn.at(T))
    system = net("e[t] = f[t](x[t])\nL = e[T]", head).system
    assert system.by_name["e"].right is opaque("f", t, xn)


def test_a_sum_inside_a_recurrence_binds_an_index_of_its_own():
    system = net("y[t] = x[t] * sum(x[t] for t in Time)\nL = y[T]", SEQ).system
    e = system.by_name["y"].right
    assert at_time(e, "t", T).xreplace({xs.at(T): constant(1)}) is not None
    inner_sum = next(node for node in e.children() if isinstance(node, Over))
    assert inner_sum.index != "t"
    assert is_zero(e - xs * inner_sum)


# -- statements ---------------------------------------------------------------------------------------------------


def test_equations_keep_the_order_of_the_page_and_may_use_later_names():
    system = net("L = a * b\na = b + x\nb = x * x").system
    assert [e.name for e in system.equations] == ["L", "a", "b"]
    assert [e.name for e in system.ordered] == ["b", "a", "L"]
    assert system.by_name["L"].right is var("a") * var("b")


def test_returned_expressions_are_called_L():
    system = net("z = x * y", result="return z ** 2 / 2").system
    assert system.loss is var("L")
    assert system.by_name["L"].right is var("z") ** 2 / 2
    assert system.by_name["L"].source == "return z ** 2 / 2"


def test_a_returned_expression_leaves_a_declared_L_alone():
    system = network("def f(L: Matrix[n, n], x: Vector[n]):\n    return sqnorm(L @ x)").system
    assert system.loss is not None
    assert system.loss.name != "L"


def test_a_network_without_a_return_has_no_loss():
    system = net("z = x * y", result="").system
    assert system.loss is None
    with pytest.raises(NetworkError, match="has no loss: it defines z and returns none of them"):
        system.require_loss()


FAIR = {
    "docstring": 'def a(x: Scalar):\n    """A title.\n\n    More.\n    """\n    L = x\n    return L',
    "comments and blank lines": (
        "# before\n\ndef a(x: Scalar):  # here\n    # there\n\n    L = x  # trailing\n\n    # after\n    return L\n\n\n# end\n"
    ),
    "indented text": "\n\n        def a(x: Scalar):\n            L = x\n            return L\n    ",
    "one line": "def a(x: Scalar): L = x; return L",
    "semicolons": "def a(x: Scalar):\n    y = x; L = y\n    return L",
    "continued": "def a(x: Scalar):\n    L = x \\\n        + x\n    return L",
    "in brackets": "def a(\n    x: Scalar,  # a\n):\n    L = (\n        x  # b\n        + x\n    )\n    return L",
    "pass": "def a(x: Scalar):\n    pass\n    L = x\n    return L",
    "a string in between": "def a(x: Scalar):\n    L = x\n    'a remark'\n    return L",
    "result annotated": "def a(x: Scalar) -> Scalar:\n    L = x\n    return L",
    "decorated": "@network\ndef a(x: Scalar):\n    L = x\n    return L",
    "decorated, attribute": "@derive.network\ndef a(x: Scalar):\n    L = x\n    return L",
    "imports around it": (
        "from __future__ import annotations\nfrom derive import *\nd, n = dims('d n')\n\n@network\n"
        "def a(x: Scalar):\n    L = x\n    return L\n\nprint(a)\n"
    ),
    "windows lines": "def a(x: Scalar):\r\n    L = x\r\n    return L\r\n",
    "tabs": "def a(x: Scalar):\n\tL = x\n\treturn L",
    "a byte order mark": "\ufeffdef a(x: Scalar):\n    L = x\n    return L",
    "a long name": f"def a({'q' * 200}: Scalar):\n    L = {'q' * 200}\n    return L",
    "many brackets": "def a(x: Scalar):\n    L = " + "(" * 150 + "x" + ")" * 150 + "\n    return L",
    "unicode names": "def réseau(α: Scalar, größe: Scalar):\n    ŷ = α * größe\n    L = ŷ\n    return L",
    "a form feed": "def a(x: Scalar):\n\x0c    L = x\n    return L",
    "a name that is a function's": "def a(x: Scalar):\n    sigmoid = x * x\n    L = tanh(sigmoid)\n    return L",
    "an underscore": "def a(_: Scalar):\n    L = _\n    return L",
}


@pytest.mark.parametrize("text", FAIR.values(), ids=FAIR)
def test_unusual_but_fair_texts(text):
    found = network(text)
    assert found.system.loss is var("L")
    assert "L" in str(found)


def test_the_title_is_the_first_line_of_the_docstring():
    assert network(FAIR["docstring"]).title == "A title"
    assert network("def my_net(x: Scalar):\n    L = x\n    return L").title == "my net"
    assert network("def my_net(x: Scalar):\n    ''' '''\n    L = x\n    return L").title == "my net"
    assert (
        network("def my_net(x: Scalar):\n    '''\n    Two lines\n    of it.\n    '''\n    L = x\n    return L").title
        == "Two lines"
    )


def test_a_docstring_may_hold_latex():
    assert network('def a(x: Scalar):\n    """With \\\\sigma."""\n    L = x\n    return L').title == "With \\sigma"
    assert network('def a(x: Scalar):\n    r"""With \\sigma."""\n    L = x\n    return L').title == "With \\sigma"


def test_the_source_of_an_equation_is_one_line_of_the_page():
    system = network("def a(größe: Scalar):\n    ŷ = (größe\n        +   2 * größe  )\n    L = ŷ; M = ŷ\n    return L").system
    assert system.by_name["ŷ"].source == "ŷ = (größe + 2 * größe )"
    assert system.by_name["L"].source == "L = ŷ"
    assert system.by_name["M"].source == "M = ŷ"
    assert [e.line for e in system.equations] == [2, 4, 4]


@pytest.mark.parametrize("count", [500, 1500, 2900])
def test_long_sums(count):
    """Python 3.12 itself reads no sum of more than about 2,950 terms; the others read longer ones."""
    e = right(" + ".join(f"{i} * x ** {i % 7 + 2}" for i in range(1, count + 1)))
    assert isinstance(e, Lin)
    assert len(e.terms) == 7
    assert sum(c for c, _ in e.terms) == count * (count + 1) // 2


def test_long_products_and_differences():
    assert right(" - ".join(["x"] * 1000)) is -998 * x
    assert right(" * ".join(["2"] * 1000) + " * x") is 2**1000 * x


def test_long_chains_of_equations():
    lines = [f"y{i + 1} = tanh(y{i})" for i in range(1000)]
    system = net("\n".join(["y0 = x", *lines]), result="return y1000").system
    assert len(system.equations) == 1001
    assert system.loss is var("y1000")


def test_equations_written_backwards():
    """Each uses the next."""
    lines = [f"y{i} = tanh(y{i + 1})" for i in range(300)]
    system = net("\n".join([*lines, "y300 = x"]), result="return y0").system
    assert [e.name for e in system.ordered[:2]] == ["y300", "y299"]


# -- functions in files -------------------------------------------------------------------------------------------


def module_of(tmp_path, text, name="nets"):
    path = tmp_path / f"{name}.py"
    path.write_text(textwrap.dedent(text), encoding="utf-8")
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_annotations_that_are_not_evaluated(tmp_path):
    module = module_of(
        tmp_path,
        """
        from __future__ import annotations
        from derive import network

        d = 3

        @network
        def f(x: Vector[d], W: Matrix[n, d]):
            L = sqnorm(W @ x)
            return L
        """,
    )
    assert module.f.system.quantities["W"].shape == (n, 3)


def test_a_decorated_function_names_its_own_line(tmp_path):
    with pytest.raises(NetworkError) as error:
        module_of(
            tmp_path,
            """
            from derive import Vector, network


            def helper():
                @network
                def f(
                    x: Vector[3],
                    y: Vector[2],
                ):
                    # a comment

                    L = x @ y
                    return L

            helper()
            """,
        )
    assert str(error.value) == "nets.py:13: can't multiply x in R^3 by y in R^2, in `L = x @ y`"


def test_a_function_here_names_its_own_line():
    def bad(x: Vector[3], y: Vector[2]):
        L = x + y
        return L

    with pytest.raises(NetworkError) as error:
        network(bad)
    assert str(error.value).startswith(f"test_pysource.py:{bad.__code__.co_firstlineno + 1}: can't add x in R^3 and y in R^2")


def test_names_around_a_network_may_be_assigned_later():
    """A variable of the enclosing function that has a name of the network's, and no value yet."""

    @network
    def rnn(t: Time, x: Sequence[Scalar]):
        h[0]: Scalar  # noqa: B032
        h[t] = tanh(h[t - 1] + x[t])
        L = h[T]
        return L

    h = rnn.forward({"x": [0.0], "h[0]": 0.0})["h"]
    assert np.array_equal(h, [0.0])


def test_a_network_may_have_the_name_of_its_sequence():
    @network
    def h(t: Time, x: Sequence[Scalar]):
        h[0]: Scalar  # noqa: B032
        h[t] = tanh(h[t - 1] + x[t])
        L = h[T]
        return L

    assert h.name == "h"


@pytest.mark.parametrize(
    "inside",
    [
        "# at the margin\n        L = x",
        '    """Title.\n\nat the margin\n        """\n        L = x',
        "    L = x\n# at the margin",
    ],
    ids=["comment", "docstring", "last comment"],
)
def test_lines_at_the_margin_of_a_nested_function(tmp_path, inside):
    text = f"from derive import *\n\ndef outer():\n    @network\n    def f(x: Scalar):\n    {inside}\n        return L\n    return f\n"
    text = text.replace("    # at the margin", "# at the margin") + "\nf = outer()\n"
    assert module_of(tmp_path, text).f["L"] is x


def test_a_file(tmp_path):
    path = tmp_path / "one.py"
    path.write_text(
        "from derive import *\n\n\n@network\ndef one(x: Vector[n]):\n    '''One.'''\n    L = sqnorm(x)\n    return L\n",
        encoding="utf-8",
    )
    for given in (path, str(path)):
        assert load(given).name == "one"
        assert load(given).title == "One"
    assert load(path)["L"] is sqnorm(var("x", (n,)))


def test_a_file_is_read_and_not_run(tmp_path):
    path = tmp_path / "bomb.py"
    path.write_text(
        f"open({str(tmp_path / 'ran')!r}, 'w').close()\nraise SystemExit\ndef f(x: Scalar):\n    L = x\n    return L\n",
        encoding="utf-8",
    )
    assert load(path).name == "f"
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "text",
    [
        "def helper(u):\n    return u\n\n@network\ndef f(x: Scalar):\n    L = x\n    return L\n",
        "import derive\n\n@derive.network\ndef f(x: Scalar):\n    L = x\n    return L\n\ndef test_f():\n    assert f\n",
    ],
    ids=["helper", "test"],
)
def test_a_file_with_one_decorated_network_among_functions(tmp_path, text):
    path = tmp_path / "f.py"
    path.write_text(text, encoding="utf-8")
    assert load(path).name == "f"


def test_a_file_has_its_own_sizes(tmp_path):
    """The same file gives the same shapes, imported or loaded."""
    text = "from derive import *\n\nd = 3\n\n\n@network\ndef f(x: Vector[d]):\n    L = sqnorm(x)\n    return L\n"
    assert module_of(tmp_path, text).f.system.quantities["x"].shape == (3,)
    assert load(tmp_path / "nets.py").system.quantities["x"].shape == (3,)


def test_a_file_with_a_byte_order_mark(tmp_path):
    path = tmp_path / "f.py"
    path.write_bytes(b"\xef\xbb\xbfdef f(x: Scalar):\r\n    L = x\r\n    return L\r\n")
    assert load(path).name == "f"


BAD_FILES = {
    "missing": (None, "No such file"),
    "a directory": ("directory", "directory"),
    "not UTF-8": ("# é\ndef f(x: Scalar):\n    L = x\n    return L\n".encode("latin-1"), "not a text file in UTF-8"),
    "binary": (b"\x7fELF\x00\x01\xff\xfe", "not a text file in UTF-8"),
    "empty": (b"", "should hold one network"),
    "two networks": (b"def f(x: Scalar):\n    L = x\n    return L\ndef g(x: Scalar):\n    L = x\n    return L\n", "found f, g"),
    "no function": (b"x = 1\n", "found none"),
    "a syntax error": (b"\n\ndef f(x: Scalar):\n    L = = x\n", "bad.py:4: not Python"),
    "an error": (b"\n\n\ndef f(x: Scalar):\n    L = x + q\n    return L\n", "bad.py:5: `q` is not defined"),
    "null bytes": (b"def f(x: Scalar):\n    L = x\x00\n    return L\n", "bad.py"),
}  # fmt: skip


@pytest.mark.parametrize(("content", "text"), BAD_FILES.values(), ids=BAD_FILES)
def test_files_that_hold_no_network(tmp_path, content, text):
    path = tmp_path / "bad.py"
    if content == "directory":
        path.mkdir()
    elif content is not None:
        path.write_bytes(content)
    with pytest.raises(DeriveError) as error:
        load(path)
    assert text in str(error.value)
    assert "bad.py" in str(error.value)


# -- errors -------------------------------------------------------------------------------------------------------

# What Python says, and no person would: an error of ours has words of its own.
INTERNALS = re.compile(
    r"<lambda>|__call__|positional argument|keyword argument|object has no attribute|NoneType|invalid input|unsupported operand|"
    r"_softmax|index out of range|"
    r"Sympify|cannot determine truth|recursion|<unknown>|Invalid comparison|convert expression",
    re.IGNORECASE,
)

# (parameters, equations, what the message must hold); every message names the line and the equation
EQUATIONS = {
    # shapes
    "a shape mismatch": ("x: Vector[n], W: Matrix[n, m]", "y = W @ x\nL = sqnorm(y)",
        ["line 2", "R^(n x m)", "R^n", "`y = W @ x`"]),
    "a sum of shapes": ("x: Vector[n], y: Scalar", "L = sqnorm(x + y)", ["R^n", "a scalar", "can't add"]),
    "a product by entries": ("x: Vector[n], W: Matrix[n, n]", "L = total(W * x)",
        ["R^(n x n)", "R^n", "`@` is the matrix product"]),
    "a quotient of shapes": ("x: Vector[n], y: Vector[m]", "L = total(x / y)", ["R^n", "R^m"]),
    "trace of a rectangle": ("W: Matrix[n, m]", "L = trace(W)", ["square", "R^(n x m)"]),
    "diag of a rectangle": ("W: Matrix[n, m]", "L = total(diag(W))", ["square", "R^(n x m)"]),
    "sizes that differ": ("x: Vector[3], y: Vector[2]", "L = x @ y", ["R^3", "R^2"]),
    "an initial value of another shape": (SEQ, "h[0]: Vector[n]\nh[t] = w * x[t]\nL = h[T]",
        ["h[0]", "R^n", "a scalar", "`h[t] = w * x[t]`"]),
    "a matrix product with a number": ("x: Vector[n]", "L = 2 @ x", ["`@` needs vectors or matrices", "use `*` for a scalar"]),
    "a matrix product with a scalar": ("x: Vector[n], y: Scalar", "L = total(y @ x)", ["use `*` for a scalar"]),
    "a number where a vector is needed": ("x: Scalar", "L = total(softmax(3))",
        ["softmax takes a vector or a matrix", "a scalar"]),
    "a scalar where a vector is needed": ("x: Scalar", "L = logsumexp(x)", ["logsumexp takes a vector or a matrix", "a scalar"]),
    "trace of a number": ("x: Scalar", "L = trace(3)", ["trace takes a matrix"]),
    "diag of a number": ("x: Scalar", "L = total(diag(3))", ["diag takes a vector or a matrix"]),
    "outer of numbers": ("x: Scalar", "L = total(outer(3, 4))", ["outer takes a vector"]),
    "inner with a number": ("x: Vector[n]", "L = inner(x, 3)", ["inner", "R^n", "a scalar"]),
    "rows of a matrix": ("W: Matrix[n, m]", "L = total(rows(W, n))", ["rows takes a vector", "R^(n x m)"]),
    "broadcast of a vector": ("x: Vector[n]", "L = total(broadcast(x, 3))", ["broadcast takes a scalar", "R^n"]),
    # names
    "undefined": ("x: Scalar, weight: Scalar", "L = x * weigth",
        ["line 2", "`weigth` is not defined", "did you mean `weight`?", "`L = x * weigth`"]),
    "undefined, nothing near": ("x: Scalar", "L = x * zzz", ["`zzz` is not defined", "declare it"]),
    "undefined, an equation near": ("x: Scalar", "hidden = x\nL = hiden", ["did you mean `hidden`?"]),
    "undefined sequence": (SEQ, "L = y[T]", ["`y` is not defined", "`y[T]`"]),
    "defined twice": ("x: Scalar", "L = x\nL = x * x", ["line 3", "`L` is defined twice", "first by `L = x`", "`L = x * x`"]),
    "a sequence defined twice": (SEQ, "h[t] = x[t]\nh[t] = w * x[t]\nL = h[T]",
        ["line 3", "`h` is defined twice", "first by `h[t] = x[t]`"]),
    "a name and a sequence": (SEQ, "h = w\nh[t] = x[t]\nL = h", ["`h` is defined twice"]),
    "a declared name": ("x: Scalar", "x = x * x\nL = x", ["line 2", "`x` is declared as given", "`x = x * x`"]),
    "a declared sequence": (SEQ, "x[t] = w\nL = x[T]", ["`x` is declared as given"]),
    "time defined": (SEQ, "t = w\nL = t", ["`t` is declared as given"]),
    "the last instant defined": (SEQ, "T = w\nL = T", ["`T`"]),
    "an open function defined": ("f: Function, x: Scalar", "f = x\nL = f", ["`f` is declared as given"]),
    # functions
    "unknown function": ("x: Vector[n]", "L = total(sigmiod(x))",
        ["line 2", "`sigmiod` is not a function of the table", "did you mean `sigmoid`?"]),
    "unknown function, nothing near": ("x: Scalar", "L = zzz(x)", ["`zzz` is not a function of the table"]),
    "a quantity called": ("x: Scalar", "L = x(3)", ["`x` is a quantity, not a function", "`*` or `@`"]),
    "too many arguments": ("x: Vector[n]", "L = sqnorm(x, x)", ["argument"]),
    "too many arguments to a pointwise function": ("x: Scalar", "L = sigmoid(x, x)", ["argument"]),
    "too few arguments": ("x: Vector[n]", "L = inner(x)", ["argument"]),
    "no arguments": ("x: Vector[n]", "L = sqnorm()", ["argument"]),
    "no arguments to softmax": ("x: Vector[n]", "L = total(softmax())", ["argument"]),
    "no arguments to tanh": ("x: Vector[n]", "L = tanh()", ["argument"]),
    "no arguments to broadcast": ("x: Vector[n]", "L = total(broadcast())", ["broadcast"]),
    "a keyword that it doesn't take": ("x: Vector[n]", "L = sqnorm(x, axis=0)", ["sqnorm", "axis"]),
    "a keyword to a pointwise function": ("x: Scalar", "L = sigmoid(x, alpha=2)", ["sigmoid", "alpha"]),
    "keywords unpacked": ("x: Scalar", "L = sigmoid(x, **x)", ["**x"]),
    "arguments unpacked": ("x: Scalar", "L = sigmoid(*x)", ["*x"]),
    "a keyword to an open function": ("x: Scalar, f: Function", "L = f(x, y=x)", ["f"]),
    "an open function of two": ("x: Scalar, f: Function", "L = f(x, x)", ["`f`", "argument"]),
    "an open function of none": ("x: Scalar, f: Function", "L = f()", ["`f`", "argument"]),
    "an open function as a number": ("x: Scalar, f: Function", "L = f * x", ["`f`", "function"]),
    "a parameter that is no number": ("x: Scalar, y: Scalar", "L = leaky_relu(x, y)", ["leaky_relu"]),
    "a keyword that is no number": ("x: Scalar, y: Scalar", "L = elu(x, alpha=y)", ["elu"]),
    "a size for a parameter": ("x: Scalar, v: Vector[n]", "L = elu(x, n)", ["elu"]),
    "a method": ("x: Scalar", "L = x.leaky_relu(0.5)", ["leaky_relu"]),
    "another method": ("x: Vector[n]", "L = x.sum()", ["`sum`"]),
    "sum of a vector": ("x: Vector[n]", "L = sum(x)", ["sum", "total"]),
    "sum of a list": (SEQ, "L = sum([x[t] for t in Time])", ["sum(", "for t in Time"]),
    # sizes
    "a count that is no size": ("x: Vector[n]", "L = total(rows(x, 0))", ["0 is not a size"]),
    "a negative count": ("x: Vector[n]", "L = total(rows(x, -3))", ["-3 is not a size"]),
    "half a row": ("x: Vector[n]", "L = total(rows(x, 1 / 2))", ["1/2 is not a size"]),
    "a quantity as a count": ("x: Vector[n]", "L = total(rows(x, x))", ["x is not a size"]),
    "a quantity in ones": ("x: Vector[n]", "L = total(ones(x))", ["x is not a size"]),
    # exponents and numbers
    "an exponent that is no constant": ("x: Scalar, y: Scalar", "L = x ** y",
        ["an exponent must be a constant", "exp(b * log(a))", "`L = x ** y`"]),
    "a power of a number": ("y: Scalar", "L = 2 ** y", ["an exponent must be a constant"]),
    "power with a quantity": ("x: Scalar, y: Scalar", "L = power(x, y)", ["an exponent must be a constant"]),
    "a complex exponent": ("x: Scalar", "L = x ** ((-1) ** 0.5)", []),
    "a complex number": ("x: Scalar", "L = (-1) ** 0.5 * x", []),
    "an imaginary number": ("x: Scalar", "L = 2j * x", ["`2j`"]),
    "division by zero": ("x: Scalar", "L = x / 0", []),
    "one over zero": ("x: Scalar", "L = 1 / 0 * x", []),
    "zero to a negative power": ("x: Scalar", "L = x * 0 ** -1", []),
    # time
    "no initial value": (SEQ, "h[t] = h[t - 1] + x[t]\nL = h[T]",
        ["line 2", "`h[0]` when t = 1", "`h[0]: Scalar`", "`h[t] = h[t - 1] + x[t]`"]),
    "one of two initial values": (SEQ, "h[0]: Scalar\nh[t] = h[t - 1] + h[t - 2]\nL = h[T]", ["line 3", "`h[-1]`", "not given"]),
    "before the first input": (SEQ, "h[t] = x[t - 1]\nL = h[T]", ["`x[0]` when t = 1"]),
    "an input before time": (SEQ, "L = x[0]", ["x[0]"]),
    "an input before time, in a sum": (SEQ, "L = sum(x[t - 1] for t in Time)", ["x[0]"]),
    "an input before time, in a sum of its own": (SEQ, "y[t] = sum(x[s - 1] for s in range(t, T + 1))\nL = y[T]", ["x[0]"]),
    "past T": (SEQ, "h[t] = x[t + 1]\nL = h[T]", ["line 2", "`x[t+1]` reaches past T", "1 … T"]),
    "past T, at T": (SEQ, "L = x[T + 1]", ["`x[T+1]` reaches past T"]),
    "past T, in a sum": (SEQ, "L = sum(x[t + 1] for t in Time)", ["reaches past T"]),
    "past T, by a range": (SEQ, "L = sum(x[s] for s in range(1, T + 2))", ["`x[s]` reaches past T"]),
    "past T, in a sum up to t": (SEQ, "y[t] = sum(x[s + 1] for s in range(1, t + 1))\nL = y[T]", ["reaches past T"]),
    "a sequence without t": (SEQ, "L = x", ["`x` is a sequence", "`x[t]`", "`x[T]`"]),
    "a sequence defined here, without t": (SEQ, "h[t] = x[t]\nL = h", ["`h` is a sequence"]),
    "no sequence, with t": ("t: Time, x: Scalar, y: Sequence[Scalar]", "h[t] = x[t] * y[t]\nL = h[T]",
        ["`x` has no time index", "`x[t]`"]),
    "an entry of a vector": ("x: Vector[n]", "L = x[0]", ["`x` has no time index", "`x[0]`"]),
    "t outside of a sequence": (SEQ, "L = x[t]", ["without t on its left", "`L[t]`", "sum(… for t in Time)"]),
    "t as a number": (SEQ, "h[t] = t * x[t]\nL = h[T]", ["`t`"]),
    "an instant that is a product": (SEQ, "h[t] = x[2 * t]\nL = h[T]", ["an instant is t, t-1, T or a number"]),
    "an instant that is text": (SEQ, "L = x['a']", ["an instant is t, t-1, T or a number"]),
    "an instant that is a sequence": (SEQ, "L = x[x]", ["an instant is"]),
    "a slice": (SEQ, "L = x[1:2]", ["an instant is"]),
    "two instants": (SEQ, "L = x[1, 2]", ["an instant is"]),
    "an unknown instant": (SEQ, "L = x[q]", ["an instant is"]),
    "a sum with a condition": (SEQ, "L = sum(x[t] for t in Time if t > 1)", ["a sum over time is `sum(… for t in Time)`"]),
    "a sum over two": (SEQ, "L = sum(x[t] for t in Time for s in Time)", ["a sum over time is"]),
    "a sum over pairs": (SEQ, "L = sum(x[t] for t, s in Time)", ["a sum over time is"]),
    "a sum over a list": (SEQ, "L = sum(x[t] for t in [1, 2])", ["`Time` or `range(1, T + 1)`", "[1, 2]"]),
    "a range of one": (SEQ, "L = sum(x[t] for t in range(T))", ["`Time` or `range(1, T + 1)`"]),
    "a range with a step": (SEQ, "L = sum(x[t] for t in range(1, T, 2))", ["`Time` or `range(1, T + 1)`"]),
    "a sum with a start": (SEQ, "L = sum((x[t] for t in Time), 3)", ["sum"]),
    "a sum over time without sequences": ("x: Scalar", "L = sum(x for t in Time)", ["without sequences"]),
    "an initial value after the start": (SEQ, "h[1]: Scalar\nh[t] = x[t]\nL = h[T]", ["before time starts", "`h[0]`"]),
    "an initial value by a formula": (SEQ, "h[0] = 0\nh[t] = h[t - 1] + x[t]\nL = h[T]",
        ["an equation defines h[t], for every t", "`h[0]: Scalar`"]),
    "an equation for t + 1": (SEQ, "h[t + 1] = x[t]\nL = h[T]", ["an equation defines h[t]"]),
    "an initial value without an equation": (SEQ, "h[0]: Scalar\nL = x[T]", ["`h` has an initial value but no equation"]),
    "an initial value of what is no sequence": ("t: Time, x: Scalar, y: Sequence[Scalar]", "x[0]: Scalar\nL = y[T]", ["`x`"]),
    "an initial value of a static node": (SEQ, "h[0]: Scalar\nh = w\nL = h", ["`h`"]),
    "two initial values": (SEQ, "h[0]: Scalar\nh[0]: Scalar\nh[t] = h[t - 1] + x[t]\nL = h[T]",
        ["line 3", "`h[0]` is declared twice"]),
    "an initial value of no shape": (SEQ, "h[0]: Time\nh[t] = h[t - 1] + x[t]\nL = h[T]", ["Scalar, Vector[n] or Matrix[n, d]"]),
    # cycles
    "a cycle": ("x: Scalar", "y = z + x\nz = y * x\nL = z", ["line 2", "a cycle: y needs z needs y", "y = z + x; z = y * x"]),
    "a cycle of one": ("x: Scalar", "y = y * x\nL = y", ["a cycle: y needs y", "y = y * x"]),
    "a cycle at one instant": (SEQ, "h[t] = g[t] + x[t]\ng[t] = h[t] * x[t]\nL = h[T]",
        ["line 2", "a cycle: h needs g needs h", "t-1"]),
    "a cycle of one at one instant": (SEQ, "h[t] = h[t] * x[t]\nL = h[T]", ["a cycle: h needs h", "t-1"]),
    "a cycle beside initial values": (SEQ, "h[0]: Scalar\ng[0]: Scalar\nh[t] = g[t] + x[t]\ng[t] = h[t] + g[t - 1]\nL = h[T]",
        ["line 4", "a cycle", "h needs g needs h"]),
    "a cycle of one beside its initial value": (SEQ, "h[0]: Scalar\nh[t] = h[t] * x[t] + h[t - 1]\nL = h[T]",
        ["line 3", "a cycle", "h needs h"]),
    "a cycle through the last instant": (SEQ, "h[0]: Scalar\nh[t] = h[t - 1] + h[T]\nL = h[T]", ["line 3", "a cycle"]),
    "a cycle through all of time": (SEQ, "h[t] = x[t] - m\nm = sum(h[t] for t in Time)\nL = m", ["a cycle"]),
    # statements
    "a tuple": ("x: Scalar", "y, z = x, x\nL = y", ["line 2", "`name = expression`", "`y, z = x, x`"]),
    "two targets": ("x: Scalar", "y = z = x\nL = y", ["`name = expression`"]),
    "augmented": ("x: Scalar", "L = x\nL += x", ["line 3", "`name = expression`", "`L += x`"]),
    "annotated": ("x: Scalar", "L: Scalar = x", ["`name = expression`", "`L: Scalar = x`"]),
    "only annotated": ("x: Scalar", "y: Scalar\nL = x", ["`name = expression`"]),
    "for": ("x: Scalar", "for i in range(3):\n    y = x\nL = y", ["line 2", "`name = expression`"]),
    "while": ("x: Scalar", "while x:\n    y = x\nL = x", ["`name = expression`"]),
    "if": ("x: Scalar", "if x > 0:\n    y = x\nL = x", ["line 2", "`name = expression`"]),
    "with": ("x: Scalar", "with x:\n    y = x\nL = x", ["`name = expression`"]),
    "try": ("x: Scalar", "try:\n    y = x\nfinally:\n    z = x\nL = x", ["`name = expression`"]),
    "import": ("x: Scalar", "import os\nL = x", ["`name = expression`", "`import os`"]),
    "a function inside": ("x: Scalar", "def g(y):\n    return y\nL = x", ["`name = expression`"]),
    "a class inside": ("x: Scalar", "class G:\n    pass\nL = x", ["`name = expression`"]),
    "global": ("x: Scalar", "global q\nL = x", ["`name = expression`"]),
    "del": ("x: Scalar", "L = x\ndel L", ["`name = expression`"]),
    "assert": ("x: Scalar", "assert x\nL = x", ["`name = expression`"]),
    "a bare expression": ("x: Scalar", "x + x\nL = x", ["`name = expression`", "`x + x`"]),
    "an attribute as a target": ("x: Scalar", "x.y = x\nL = x", ["`name = expression`"]),
    "two returns": ("x: Scalar", "L = x\nreturn L\nM = x\nreturn M", ["return"]),
    # Python that is no formula
    "lambda": ("x: Scalar", "f = lambda u: u\nL = x", ["can't be read", "`lambda u: u`"]),
    "lambda called": ("x: Scalar", "L = (lambda u: u)(x)", ["can't be read"]),
    "walrus": ("x: Scalar", "L = (y := x) * y", ["can't be read", "(y := x)"]),
    "comprehension": ("x: Scalar", "L = [x for i in x]", ["can't be read"]),
    "generator": ("x: Vector[n]", "L = total(x for i in x)", ["can't be read"]),
    "f-string": ("x: Scalar", "L = f'{x}'", ["can't be read"]),
    "string": ("x: Scalar", "L = 'x'", ["can't be read"]),
    "bytes": ("x: Scalar", "L = b'x' * x", ["can't be read"]),
    "None": ("x: Scalar", "L = None", ["can't be read"]),
    "True": ("x: Scalar", "L = True * x", ["can't be read", "`True`"]),
    "ellipsis": ("x: Scalar", "L = ...", ["can't be read"]),
    "not": ("x: Scalar", "L = not x", ["can't be read"]),
    "invert": ("x: Scalar", "L = ~x", ["can't be read"]),
    "comparison": ("x: Scalar", "L = x > 0", ["can't be read"]),
    "and": ("x: Scalar", "L = x and x", ["can't be read"]),
    "conditional": ("x: Scalar", "L = x if x > 0 else 0", ["can't be read"]),
    "a tuple as a value": ("x: Scalar", "L = (x, x)", ["can't be read"]),
    "a dict": ("x: Scalar", "L = {x: x}", ["can't be read"]),
    "a set": ("x: Scalar", "L = {x}", ["can't be read"]),
    "yield": ("x: Scalar", "L = yield x", ["can't be read"]),
    "starred": ("x: Scalar", "L = *x,", ["can't be read"]),
    "modulo": ("x: Scalar", "L = x % 2", ["not an operation"]),
    "whole division": ("x: Scalar", "L = x // 2", ["not an operation"]),
    "shift": ("x: Scalar", "L = x << 2", ["not an operation"]),
    "caret": ("x: Scalar", "L = x ^ 2", ["not an operation"]),
    "an attribute": ("x: Scalar", "L = x.__class__", ["can't be read", "`x.__class__`"]),
    "a chain of attributes": ("x: Scalar", "L = x.__class__.__mro__[1].__subclasses__()", ["line 2"]),
    "import in an expression": ("x: Scalar", "L = __import__('os').system('true')", ["not a function of the table"]),
    "exec": ("x: Scalar", "L = exec('1')", ["`exec` is not a function of the table"]),
    "a number called": ("x: Scalar", "L = 2(x)", ["can't be read", "`2(x)`"]),
    "a call called": ("x: Scalar", "L = exp(x)(x)", ["can't be read"]),
    "a transpose called": ("x: Scalar", "L = x.T(x)", ["line 2"]),
    "text as an argument": ("x: Scalar", "L = sigmoid('a')", ["can't be read", "`'a'`"]),
    "a long name": ("x: Scalar", f"L = {'q' * 200}", ["is not defined", "q" * 200]),
    "calls": ("x: Scalar", f"L = {'tanh(' * 199}q{')' * 199}", ["`q` is not defined"]),
    "brackets": ("x: Scalar", f"L = {'(' * 500}x{')' * 500}", []),
}  # fmt: skip


@pytest.mark.parametrize(("head", "body", "texts"), EQUATIONS.values(), ids=EQUATIONS)
def test_errors_in_equations(head, body, texts):
    with pytest.raises(DeriveError) as error:
        net(body, head)
    message = str(error.value)
    assert isinstance(error.value, NetworkError)
    assert re.match(r"line \d+: ", message), message
    assert "\n" not in message
    assert not INTERNALS.search(message.partition(" in `")[0]), message
    for text in texts:
        assert text in message, message


DECLARATIONS = {
    "no annotation": ("x", ["`x` needs Scalar, Vector[n], Matrix[n, d]"]),
    "another type": ("x: int", ["`x` needs Scalar", "not `int`"]),
    "a number": ("x: 3", ["`x` needs Scalar", "not `3`"]),
    "a call": ("x: Vector(n)", ["`x` needs Scalar", "not `Vector(n)`"]),
    "an unknown type": ("x: Tensor[n]", ["`x` needs Scalar", "not `Tensor[n]`"]),
    "text that is no type": ("x: 'Vector[n'", ["`x`", "Vector[n"]),
    "empty text": ("x: ''", ["`x`"]),
    "a union": ("x: Scalar | None", ["`x` needs Scalar"]),
    "one size of two": ("W: Matrix[n]", ["Matrix takes 2 sizes", "Matrix[n, d]", "it has 1"]),
    "three sizes": ("W: Matrix[n, m, p]", ["Matrix takes 2 sizes", "it has 3"]),
    "no size": ("x: Vector", ["Vector takes 1 size", "Vector[n]", "it has 0"]),
    "two sizes": ("x: Vector[n, m]", ["Vector takes 1 size", "it has 2"]),
    "a size for a scalar": ("x: Scalar[n]", ["Scalar takes 0 sizes"]),
    "size zero": ("x: Vector[0]", ["`0` is not a size"]),
    "a negative size": ("x: Vector[-1]", ["`-1` is not a size"]),
    "a size that comes to zero": ("x: Vector[n - n]", ["n - n", "not a size"]),
    "a size that comes to less": ("x: Vector[2 - 5]", ["2 - 5", "not a size"]),
    "half a size": ("x: Vector[2.5]", ["`2.5` is not a size"]),
    "a size that is a truth": ("x: Vector[True]", ["`True` is not a size"]),
    "a size that is text": ("x: Vector['n']", ["is not a size"]),
    "a quotient as a size": ("x: Vector[n / 2]", ["`n / 2` is not a size"]),
    "a power as a size": ("x: Vector[10 ** 10]", ["is not a size"]),
    "a slice as a size": ("x: Vector[1:2]", ["is not a size"]),
    "a call as a size": ("x: Vector[len(y)]", ["is not a size"]),
    "no sizes in the brackets": ("x: Vector[()]", ["Vector takes 1 size", "it has 0"]),
    "a sequence of nothing": ("t: Time, x: Sequence", ["`x`", "Sequence["]),
    "a sequence of sequences": ("t: Time, x: Sequence[Sequence[Scalar]]", ["`x`: a sequence of what?"]),
    "a sequence of times": ("t: Time, x: Sequence[Time]", ["`x`: a sequence of what?"]),
    "a sequence of two": ("t: Time, x: Sequence[Scalar, Scalar]", ["`x`"]),
    "a start that is text": ("t: Time['x'], x: Sequence[Scalar]", ["time starts at a whole number"]),
    "half a start": ("t: Time[0.5], x: Sequence[Scalar]", ["time starts at a whole number"]),
    "an end that is no T": ("t: Time[1:5], x: Sequence[Scalar]", ["T"]),
    "two starts": ("t: Time[1, 5], x: Sequence[Scalar]", ["time starts at a whole number"]),
    "two times": ("t: Time, s: Time, x: Sequence[Scalar]", ["time"]),
    "T as a parameter": ("t: Time, x: Sequence[Scalar], T: Scalar", ["T is the last instant"]),
    "T as the first parameter": ("T: Scalar, t: Time, x: Sequence[Scalar]", ["T is the last instant"]),
    "one name twice": ("x: Scalar, x: Vector[n]", ["`x`", "twice"]),
    "a default": ("x: Scalar = 1", ["without defaults"]),
    "a default of a keyword": ("*, x: Scalar = 1", ["without defaults"]),
    "all the rest": ("*x: Scalar", ["declared one by one"]),
    "all keywords": ("**x: Scalar", ["declared one by one"]),
    "self": ("self, x: Scalar", ["`self` needs Scalar"]),
}  # fmt: skip


@pytest.mark.parametrize(("head", "texts"), DECLARATIONS.values(), ids=DECLARATIONS)
def test_errors_in_declarations(head, texts):
    with pytest.raises(DeriveError) as error:
        net("L = 1", head)
    message = str(error.value)
    assert isinstance(error.value, NetworkError)
    assert message.startswith("line 1: "), message
    assert not INTERNALS.search(message), message
    for text in texts:
        assert text in message, message


TEXTS = {
    "empty": ("", ["should hold one network", "found none"]),
    "blank": ("\n\n   \n", ["should hold one network"]),
    "a comment": ("# nothing\n", ["should hold one network"]),
    "prose": ("The network has one layer.", ["not Python"]),
    "LaTeX": (r"\begin{align} z &= W x \end{align}", ["not Python"]),
    "two networks": ("def a(x: Scalar):\n    L = x\n    return L\ndef b(x: Scalar):\n    L = x\n    return L",
        ["should hold one network", "found a, b"]),
    "a class": ("class A:\n    pass", ["should hold one network", "found none"]),
    "an assignment": ("a = lambda x: x", ["should hold one network"]),
    "an asynchronous function": ("async def a(x: Scalar):\n    L = x\n    return L", ["should hold one network"]),
    "a syntax error": ("def a(x: Scalar):\n    L = = x\n    return L", ["line 2", "not Python", "L = = x"]),
    "an open bracket": ("def a(x: Scalar:\n    L = x", ["line 1", "not Python"]),
    "no body": ("def a(x: Scalar):\n", ["not Python", "indented block"]),
    "mixed indentation": ("def a(x: Scalar):\n    L = x\n\treturn L", ["line 3", "not Python"]),
    "a character": ("def a(x: Scalar):\n    L = x ÷ 2\n    return L", ["line 2", "not Python", "÷"]),
    "a null byte": ("def a(x: Scalar):\n    L = x\0\n    return L", ["not Python"]),
    "a lone surrogate": ("def a(x: Scalar):\n    L = x\ud800\n    return L", ["not Python"]),
    "a surrogate in a comment": ("# \ud800\ndef a(x: Scalar):\n    L = x\n    return L", ["not Python"]),
    "a number of 5,000 digits": (f"def a(x: Scalar):\n    L = x * {'9' * 5000}\n    return L", ["line 2"]),
    "five hundred brackets": (f"def a(x: Scalar):\n    L = {'(' * 500}x{')' * 500}\n    return L", ["not Python"]),
    "an unbalanced tower": ("def a(x: Scalar):\n    L = " + "[" * 100000, ["not Python"]),
    "a returned parameter": ("def a(x: Scalar):\n    L = x\n    return x", ["`x` is returned but no equation defines it"]),
    "a returned unknown": ("def a(x: Scalar):\n    L = x\n    return M", ["`M` is returned but no equation defines it"]),
    "nothing returned": ("def a(x: Scalar):\n    L = x\n    return", ["return"]),
    "two things returned": ("def a(x: Scalar):\n    L = x\n    return L, x", ["return"]),
    "no equations": ("def a(x: Scalar):\n    pass", ["equation"]),
    "only a docstring": ("def a(x: Scalar):\n    'A network.'", ["equation"]),
}  # fmt: skip


@pytest.mark.parametrize(("text", "texts"), TEXTS.values(), ids=TEXTS)
def test_errors_in_texts(text, texts):
    with pytest.raises(DeriveError) as error:
        network(text)
    assert isinstance(error.value, NetworkError)
    message = str(error.value)
    assert not INTERNALS.search(message), message
    assert len(message) < 1000
    for part in texts:
        assert part in message, message


DEEP = {
    "powers": f"x{' ** 1' * 900}",
    "signs": f"{'-' * 900}x",
    "thousands of signs": f"{'-' * 20000}x",
    "transposes": f"x{'.T' * 900}",
    "thousands of transposes": f"x{'.T' * 20000}",
    "calls": f"{'tanh(' * 150}x{')' * 150}",
    "sums in sums": "".join(f"{i} + (" for i in range(150)) + "x" + ")" * 150,
    "quotients": "x" + " / (x" * 150 + ")" * 150,
    "thousands of terms": " + ".join(["x"] * 20000),
    "thousands of factors": " * ".join(["x"] * 5000),
    "a dozen sums over time": "sum(" * 12 + "z[i0]" + "".join(f" for i{i} in Time)" for i in range(12)),
}


@pytest.mark.parametrize("text", DEEP.values(), ids=DEEP)
def test_deep_formulas_are_read_or_refused(text):
    """Both are fair; a RecursionError, a MemoryError or an IndexError is not."""
    try:
        found = right(text, "x: Scalar, z: Sequence[Scalar]")
    except DeriveError as error:
        assert len(str(error)) < 1000  # noqa: PT017
    else:
        assert found.shape == ()


ODD = [
    "x ** n", "x ** (n - 1)", "x ** ((-1) ** 0.5)", "x ** (2 ** 0.5)", "x / 0", "0 / x", "sqrt(-1) * x", "log(0) * x",
    "log(-1) + x", "recip(0) * x", "power(0, -2) * x",
    "0 ** 0 * x", "x ** 0.1", "(-8) ** (1 / 3) * x", "leaky_relu(x, -1)", "leaky_relu(x, 0)", "leaky_relu(x, 1)",
    "leaky_relu(x, 10 ** 9)", "elu(x, -1)", "elu(x, 0)",
    "elu(x, pi)", "leaky_relu(x, pi)", "norm(3) * x", "norm(x)", "sqnorm(x)", "mean(x)", "total(x)", "transpose(x)", "x ** -0.5",
    "x ** pi", "x ** -pi", "abs(-3) * x", "abs(x) ** 3",
    "sign(x) ** 2", "1e300 * x ** 2", "1e-300 * x", "x ** 100", "x ** -100", "x ** (1 / 7)", "x - x", "0 * x", "5", "n",
    "n * x - n * x", "x / n ** 2", "n ** n * x", "2 ** n * x",
    "n ** 0.5 * x", "(n - 3) * x", "x / (n - 3)", "-n", "1 / n", "x + 1 / 7", "x * (1 / 7) ** 9",
]  # fmt: skip


@pytest.mark.parametrize("text", ODD)
def test_odd_formulas_work_to_the_end_or_are_refused(text):
    """What is read can be shown and solved; nothing comes later but a message of ours."""
    try:
        found = net(f"L = {text}", "x: Scalar, v: Vector[n]")
        solution = found.solve()
        for shown in (str(found), found._repr_latex_(), str(solution), solution.to_latex(), solution.to_html()):
            assert not re.search(r"zoo|nan|oo\b|\bI\b", shown), shown
    except DeriveError:
        pass


def test_there_are_enough_bad_inputs():
    assert len(EQUATIONS) + len(DECLARATIONS) + len(TEXTS) + len(BAD_FILES) > 200


@pytest.mark.parametrize(
    "thing",
    [None, 5, 2.5, b"def a(x: Scalar): return x", [], {}, len, print, object, DeriveError, derive.Network, lambda q: q, Path, re],
)
def test_what_is_no_function_is_refused(thing):
    with pytest.raises(NetworkError):
        network(thing)


def test_a_function_without_a_source_says_what_to_do():
    space = {}
    exec("def f(x):\n    return x", space)
    with pytest.raises(NetworkError, match=r'the source of .f. can.t be found.*give its text, network\("""def f'):
        network(space["f"])


def test_a_non_scalar_loss_is_an_error_when_it_is_needed():
    for body, head, words in [
        ("L = 2 * x", "x: Vector[n]", "in R^n"),
        ("L = x @ x.T", "x: Vector[n]", "in R^(n x n)"),
        ("L[t] = 2 * x[t]", SEQ, "a sequence"),
    ]:
        found = net(body, head)
        with pytest.raises(NetworkError) as error:
            found.solve()
        for text in ("the loss must be a scalar", words, body, "net.jacobian"):
            assert text in str(error.value)


# -- numbers too large to work out must not hang ------------------------------------------------------------------

HUGE = [
    "x * 10 ** 10 ** 10", "10 ** 10 ** 10 * x", "x ** 10 ** 10 ** 10", "x * 99999999 ** 99999999", "x * 1e100000000",
    "x * 1e-100000000", "x * (1 / 3) ** -(10 ** 9)",
    "x + 2 ** (2 ** 40)", "power(2, 10 ** 12) * x",
]  # fmt: skip
SCRIPT = """
import resource, sys
import derive
used = int(resource.getrusage(resource.RUSAGE_SELF).ru_utime)
resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
resource.setrlimit(resource.RLIMIT_CPU, (used + 3, used + 3))
try:
    net = derive.network("def a(x: Scalar):\\n    L = " + sys.argv[1] + "\\n    return L")
    str(net)
except derive.DeriveError as error:
    print("refused", error)
else:
    print("read")
"""


@pytest.fixture(scope="module")
def huge():
    """Every text in a process of its own, all at once, with a limit on computing time and on memory."""
    here = str(Path(derive.__file__).parents[1])
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([here, os.environ.get("PYTHONPATH", "")])}
    started = {
        text: subprocess.Popen(
            [sys.executable, "-c", SCRIPT, text], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
        )
        for text in HUGE
    }
    deadline, results = time.monotonic() + 60, {}
    for text, process in started.items():
        try:
            results[text] = process.communicate(timeout=max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            results[text] = ("", "did not end in a minute")
        else:
            results[text] = (results[text][0], results[text][1] or f"ended with {process.returncode}: more than 3 s of computing")
    return results


@pytest.mark.parametrize("text", HUGE)
def test_huge_numbers_are_refused_at_once(huge, text):
    out, err = huge[text]
    assert out.startswith("refused line 2"), err.strip().splitlines()[-1:] or out[:200]


# -- the reader's own parts ---------------------------------------------------------------------------------------


def test_functions_of_one_text_by_name():
    text = "def a(x: Scalar):\n    L = x\n    return L\ndef b(x: Scalar):\n    L = 2 * x\n    return L"
    assert read_function(text, name="b").by_name["L"].right is 2 * x
    with pytest.raises(NetworkError, match="found none"):
        read_function(text, name="c")


def test_the_place_stands_in_front_of_the_line():
    with pytest.raises(NetworkError) as error:
        read_function("\n\ndef a(x: Scalar):\n    L = q\n    return L", place="here.py")
    assert str(error.value).startswith("here.py:4: `q` is not defined")


def test_dimensions_are_positive_integers():
    assert dimension("n") is n or dimension("n") == n
    assert dimension("n").is_positive
    assert dimension("n").is_integer
    assert dims("n") == n
    assert dims("n m") == dims("n, m") == (n, m)


def test_sigmoid_of_a_sum_reads_as_written():
    h = var("h", (n,), t)
    found = net("h[0]: Vector[n]\nh[t] = sigmoid(A @ h[t - 1] + u)\nL = sqnorm(h[T])", "t: Time, A: Matrix[n, n], u: Vector[n]")
    assert found["h"] is sigmoid(A @ h.at(Instant("t", -1)) + u)
    assert apply(sigmoid, u) is sigmoid(u)
