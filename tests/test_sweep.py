import ast
import copy
import textwrap
from functools import partial

import numpy as np
import pytest

import derive
from derive import network
from derive.crosscheck import random_point
from derive.expr import Expr, Instant, MissingRule, at_time, is_ones, is_zero, var
from derive.numeric import Evaluator
from derive.simplify import Equations
from derive.sweep import differentiate

GALLERY = [name for name in derive.gallery() if derive.load(name).system.loss is not None]

# Networks of the structures that a recurrence can have; every one is solved, checked against differences, and unrolled.
SPECIAL = {
    "lag two": """
        def net(t: Time, x: Sequence[Vector[d]], A: Matrix[n, n], B: Matrix[n, n], U: Matrix[n, d]):
            h[0]: Vector[n]
            h[-1]: Vector[n]
            h[t] = tanh(A @ h[t - 1] + B @ h[t - 2] + U @ x[t])
            L = sum(sqnorm(h[t]) / 2 for t in Time)
            return L""",
    "lag three, last state": """
        def net(t: Time, x: Sequence[Scalar], a: Scalar, b: Scalar):
            h[0]: Scalar
            h[-1]: Scalar
            h[-2]: Scalar
            h[t] = sin(a * h[t - 3] + b * h[t - 1] * x[t])
            L = h[T] ** 2
            return L""",
    "static node in a recurrence": """
        def net(t: Time, x: Sequence[Vector[n]], a: Vector[n], s: Scalar):
            g = sigmoid(a)
            W = outer(g, a) * s
            h[0]: Vector[n]
            h[t] = tanh(W @ h[t - 1] + g * x[t])
            L = sum(sqnorm(h[t] - g) for t in Time)
            return L""",
    "last state and a sum": """
        def net(t: Time, x: Sequence[Vector[n]], y: Vector[n], w: Scalar):
            h[0]: Vector[n]
            h[t] = tanh(w * h[t - 1] + x[t])
            L = sqnorm(h[T] - y) / 2 + w * sum(total(h[t] * x[t]) for t in Time)
            return L""",
    "sum over time in the coefficients": """
        def net(t: Time, x: Sequence[Scalar], w: Scalar):
            h[0]: Scalar
            g[0]: Scalar
            h[t] = tanh(w * h[t - 1] + x[t])
            s = sum(h[t] ** 2 for t in Time)
            g[t] = tanh(s * g[t - 1] + h[t])
            L = sum(g[t] ** 2 for t in Time)
            return L""",
    "sum over time inside the recurrence": """
        def net(t: Time, x: Sequence[Scalar], w: Scalar):
            h[0]: Scalar
            g[0]: Scalar
            h[t] = tanh(w * h[t - 1] + x[t])
            g[t] = tanh(g[t - 1] * sum(h[s] ** 2 for s in Time) + x[t])
            L = sum(g[t] ** 2 for t in Time)
            return L""",
    "parameter inside an inner sum": """
        def net(t: Time, x: Sequence[Scalar], w: Scalar):
            u[t] = x[t] * sum(w * x[s] for s in Time)
            L = sum(u[t] ** 2 for t in Time)
            return L""",
    "function of an inner sum": """
        def net(t: Time, x: Sequence[Scalar], c: Sequence[Scalar]):
            u[t] = tanh(sum(x[s] for s in Time) * c[t])
            L = sum(u[t] ** 2 for t in Time)
            return L""",
    "input at t-1": """
        def net(t: Time, x: Sequence[Vector[d]], W: Matrix[n, d], V: Matrix[n, d]):
            x[0]: Vector[d]
            h[0]: Vector[n]
            h[t] = tanh(W @ x[t] + V @ x[t - 1] + h[t - 1])
            L = sum(sqnorm(h[t]) for t in Time)
            return L""",
    "loss between neighbours": """
        def net(t: Time, x: Sequence[Scalar], w: Scalar):
            h[0]: Scalar
            h[t] = tanh(w * h[t - 1] + x[t])
            L = sum((h[t] - h[t - 1]) ** 2 for t in Time)
            return L""",
    "loss at several instants": """
        def net(t: Time, x: Sequence[Scalar], w: Scalar):
            h[0]: Scalar
            h[t] = tanh(w * h[t - 1] + x[t])
            L = h[T] ** 2 * exp(h[0]) + h[1] ** 3
            return L""",
    "loss before the last": """
        def net(t: Time, x: Sequence[Scalar], w: Scalar):
            h[0]: Scalar
            h[t] = tanh(w * h[t - 1] + x[t])
            L = h[T] * x[T] + h[T - 1] ** 2
            return L""",
    "last state used at every instant": """
        def net(t: Time, x: Sequence[Scalar], w: Scalar):
            h[0]: Scalar
            h[t] = tanh(w * h[t - 1] + x[t])
            u[t] = x[t] * h[T] ** 2 + h[0]
            L = sum(u[t] ** 2 for t in Time)
            return L""",
    "time from zero, two states": """
        def net(t: Time[0], x: Sequence[Vector[n]], U: Matrix[n, n], V: Matrix[n, n]):
            h[-1]: Vector[n]
            c[-1]: Vector[n]
            c[t] = sigmoid(U @ h[t - 1]) * c[t - 1] + x[t]
            h[t] = tanh(V @ c[t]) * c[t - 1]
            L = sum(sqnorm(h[t]) for t in Time)
            return L""",
    "parameters shared with the output and a penalty": """
        def net(t: Time, x: Sequence[Vector[n]], W: Matrix[n, n], lam: Scalar):
            h[0]: Vector[n]
            a[t] = W @ h[t - 1] + x[t]
            h[t] = tanh(a[t])
            y[t] = W.T @ h[t]
            L = sum(sqnorm(y[t]) for t in Time) / T + lam * sqnorm(W) / 2
            return L""",
    "matrix state": """
        def net(t: Time, X: Sequence[Matrix[n, m]], W: Matrix[n, n], b: Vector[m]):
            H[0]: Matrix[n, m]
            H[t] = tanh(W @ H[t - 1] + X[t] + rows(b, n))
            L = sum(trace(H[t].T @ H[t]) for t in Time)
            return L""",
    "softmax in time": """
        def net(t: Time, x: Sequence[Vector[d]], y: Sequence[Vector[k]], W: Matrix[k, d], U: Matrix[d, k]):
            p[0]: Vector[k]
            p[t] = softmax(W @ x[t] + W @ (U @ p[t - 1]))
            L = -sum(y[t] @ log(p[t]) for t in Time)
            return L""",
    "one function of the same thing now and before": """
        def net(t: Time, x: Sequence[Scalar], w: Scalar):
            x[0]: Scalar
            h[0]: Scalar
            h[t] = tanh(w * x[t])
            u[t] = tanh(w * x[t - 1])
            L = sum(u[t] ** 2 + h[t - 1] * h[t] for t in Time)
            return L""",
    "one function of the first and of every state": """
        def net(t: Time, x: Sequence[Scalar], w: Scalar):
            h[0]: Scalar
            q[0]: Scalar
            h[t] = w * h[t - 1] + x[t]
            q[t] = tanh(h[t] * x[t])
            u[t] = tanh(h[0] * x[t])
            L = sum(u[t] ** 2 + q[t - 1] * u[t] for t in Time)
            return L""",
    "one right side twice": """
        def net(t: Time, x: Sequence[Scalar], w: Scalar):
            h[0]: Scalar
            h[t] = tanh(w * h[t - 1] + x[t])
            k[t] = tanh(w * h[t - 1] + x[t])
            L = sum(h[t] * exp(k[t]) for t in Time)
            return L""",
    "nodes that the loss doesn't need": """
        def net(t: Time, x: Sequence[Scalar], w: Scalar, v: Scalar):
            h[0]: Scalar
            h[t] = tanh(w * h[t - 1] + x[t])
            o[t] = v * h[t]
            q = exp(v)
            L = sum(h[t] ** 2 for t in Time)
            return L""",
    "open loss in a scalar state": """
        def net(t: Time, x: Sequence[Scalar], w: Scalar, ell: Function):
            h[0]: Scalar
            h[t] = tanh(w * h[t - 1] + x[t])
            L = sum(ell[t](h[t]) for t in Time)
            return L""",
    "open loss in a matrix state": """
        def net(t: Time, X: Sequence[Matrix[n, m]], W: Matrix[n, n], ell: Function):
            H[0]: Matrix[n, m]
            H[t] = tanh(W @ H[t - 1] + X[t])
            L = sum(ell[t](H[t]) for t in Time)
            return L""",
    "attention in time": """
        def net(t: Time, q: Sequence[Vector[d]], k: Sequence[Vector[d]]):
            u[t] = sum((q[t] @ k[s]) * k[s] for s in Time)
            L = sum(sqnorm(u[t]) for t in Time)
            return L""",
    "sum so far": """
        def net(t: Time, x: Sequence[Scalar], w: Scalar):
            u[t] = sum(w * x[s] ** 2 for s in range(1, t + 1))
            L = sum(u[t] ** 2 for t in Time)
            return L""",
    "sum over the last two": """
        def net(t: Time, x: Sequence[Scalar], w: Scalar):
            h[0]: Scalar
            h[t] = tanh(w * h[t - 1] + x[t])
            L = sum(h[t] ** 2 for t in range(T - 1, T + 1))
            return L""",
    "sum without the last": """
        def net(t: Time, x: Sequence[Scalar], w: Scalar):
            h[0]: Scalar
            h[t] = tanh(w * h[t - 1] + x[t])
            L = sum(h[t - 1] ** 2 for t in range(1, T)) + h[T]
            return L""",
    "sum without the first": """
        def net(t: Time, x: Sequence[Scalar], w: Scalar):
            h[0]: Scalar
            h[t] = tanh(w * h[t - 1] + x[t])
            L = sum((h[t] - h[t - 1]) ** 2 for t in range(2, T + 1)) + h[T]
            return L""",
    "sum of a lag over all of time": """
        def net(t: Time, x: Sequence[Scalar], w: Scalar):
            h[0]: Scalar
            h[t] = tanh(w * h[t - 1] + x[t])
            u[t] = x[t] * sum(h[s - 1] ** 2 for s in Time)
            L = sum(u[t] for t in Time)
            return L""",
    "sum of what is to come": """
        def net(t: Time, x: Sequence[Scalar], w: Scalar):
            u[t] = tanh(w * sum(x[s] ** 2 for s in range(t, T + 1)))
            L = sum(u[t] * x[t] for t in Time)
            return L""",
    "sum over earlier states": """
        def net(t: Time, x: Sequence[Scalar], w: Scalar):
            h[0]: Scalar
            h[t] = tanh(w * h[t - 1] + x[t])
            u[t] = h[t] * sum(h[s] * x[s + 1] for s in range(0, t))
            L = sum(u[t] ** 2 for t in Time)
            return L""",
    "sum over a window": """
        def net(t: Time, x: Sequence[Vector[d]], W: Matrix[n, d]):
            x[0]: Vector[d]
            u[t] = tanh(W @ sum(x[s] * (x[t] @ x[s]) for s in range(t - 1, t + 1)))
            L = sum(sqnorm(u[t]) for t in Time)
            return L""",
    "two inner sums": """
        def net(t: Time, x: Sequence[Scalar], y: Sequence[Scalar], w: Scalar):
            u[t] = sum(exp(w * x[t] * y[s]) * y[s] for s in Time) / sum(exp(w * x[t] * y[s]) for s in Time)
            L = sum((u[t] - y[t]) ** 2 for t in Time)
            return L""",
    "sums with different limits": """
        def net(t: Time, x: Sequence[Scalar], w: Scalar):
            u[t] = x[t] * sum(x[s] for s in Time) + sum(w * x[s] ** 2 for s in range(1, t + 1))
            L = sum(u[t] ** 2 for t in Time)
            return L""",
    "a sum in a sum": """
        def net(t: Time, x: Sequence[Scalar], w: Scalar):
            h[0]: Scalar
            h[t] = tanh(w * h[t - 1] + x[t])
            L = sum(sum(h[t] * h[s] for s in range(1, t + 1)) ** 2 for t in Time)
            return L""",
    "a function of a sum over time": """
        def net(t: Time, x: Sequence[Vector[n]], w: Scalar):
            h[0]: Vector[n]
            h[t] = tanh(w * h[t - 1] + x[t])
            L = log(1 + sqnorm(sum(h[t] for t in Time) / T)) + exp(-sqnorm(h[T]))
            return L""",
    "a sum over time in a later recurrence's end": """
        def net(t: Time, x: Sequence[Scalar], w: Scalar):
            h[0]: Scalar
            g[0]: Scalar
            h[t] = tanh(w * h[t - 1] + x[t])
            g[t] = sin(g[t - 1] * h[T] + sum(h[s] * x[t] for s in range(1, t + 1)))
            L = g[T] * sum(g[t] for t in Time)
            return L""",
}  # fmt: skip

# The engine may refuse these with a reason; but never be wrong about them.
REFUSABLE = {"sum over earlier states", "sum over a window", "a sum in a sum", "a sum over time in a later recurrence's end"}
# The printed formulas are for every T that is long enough; the numbers must be right for every T.
LONG_ENOUGH = {"sum over the last two": 2, "sum without the last": 2, "loss before the last": 2}


def source(name):
    return textwrap.dedent(SPECIAL[name]).strip()


_solved = {}


def solve(name):
    """The solution of a gallery network or a special one; None where the engine refuses one that it may refuse."""
    if name not in _solved:
        try:
            _solved[name] = (derive.load(name) if name in GALLERY else network(source(name))).solve()
        except MissingRule:
            if name not in REFUSABLE:
                raise
            _solved[name] = None
    return _solved[name]


every_network = pytest.mark.parametrize("name", [*GALLERY, *SPECIAL])
every_special = pytest.mark.parametrize("name", SPECIAL)


# -- a small unroller: time written out, as a static network --------------------------------------------------------


class Unroll(ast.NodeTransformer):
    """h[t-1] becomes h_3, a sum becomes its terms, ell[t](…) becomes ell_4(…), T becomes a number."""

    def __init__(self, env):
        self.env = env

    def number(self, node):
        return eval(compile(ast.Expression(ast.fix_missing_locations(node)), "", "eval"), {"range": range}, self.env)

    def visit_Subscript(self, node):
        return ast.Name(entry(node.value.id, self.number(node.slice)), ast.Load())

    def visit_Name(self, node):
        return ast.Constant(self.env["T"]) if node.id == "T" else node

    def visit_Call(self, node):
        if not (isinstance(node.func, ast.Name) and node.func.id == "sum"):
            return self.generic_visit(node)
        loop = node.args[0].generators[0]
        total = None
        for k in self.number(copy.deepcopy(loop.iter)):
            term = Unroll({**self.env, loop.target.id: k}).visit(copy.deepcopy(node.args[0].elt))
            total = term if total is None else ast.BinOp(total, ast.Add(), term)
        return ast.Constant(0) if total is None else total


def entry(name, k):
    return f"{name}_{k}" if k >= 0 else f"{name}_m{-k}"


def unroll(text, system, T):
    """Source text of a static network: one equation for each instant."""
    function = ast.parse(textwrap.dedent(text)).body[0]
    first = system.first
    times = range(first, T + 1)
    env = {"T": T, "Time": times}
    declared, body = [], []
    for argument in function.args.args:
        kind = ast.unparse(argument.annotation)
        if kind.startswith("Sequence["):
            declared += [f"{entry(argument.arg, k)}: {kind[9:-1]}" for k in times]
        elif kind == "Function":
            timed = f"{argument.arg}[" in text
            declared += [f"{entry(argument.arg, k)}: Function" for k in times] if timed else [f"{argument.arg}: Function"]
        elif not kind.startswith("Time"):
            declared.append(f"{argument.arg}: {kind}")
    for statement in function.body:
        if isinstance(statement, ast.AnnAssign):
            given = entry(statement.target.value.id, ast.literal_eval(statement.target.slice))
            declared.append(f"{given}: {ast.unparse(statement.annotation)}")
        elif isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Subscript):
            for k in times:
                right = Unroll({**env, "t": k}).visit(copy.deepcopy(statement.value))
                body.append(f"{entry(statement.targets[0].value.id, k)} = {ast.unparse(right)}")
        elif isinstance(statement, ast.Assign):
            body.append(f"{statement.targets[0].id} = {ast.unparse(Unroll(env).visit(copy.deepcopy(statement.value)))}")
        elif isinstance(statement, ast.Return):
            body.append(ast.unparse(statement))
    return f"def unrolled({', '.join(declared)}):\n    " + "\n    ".join(body)


def cubic(t, h):
    """An open loss: another one at each instant, of an array of any shape."""
    return np.sum((1 + 0.3 * t) * h**3 + np.sin(h + t))


def values_at(system, T, seed):
    """Random values by the network's own names, distinct dimensions of distinct sizes."""
    rng = np.random.default_rng([seed, T])
    symbols = sorted({d for v in system.quantities.values() for n in v.shape for d in n.free_symbols}, key=str)
    sizes = {d: 2 + k for k, d in enumerate(symbols)}
    values = {}
    for key, v in system.independent.items():
        shape = tuple(int(d.xreplace(sizes)) for d in v.shape)
        generic = v.time is not None and v.time.base == "t"
        values[key] = rng.uniform(-1, 1, (T - system.first + 1, *shape) if generic else shape)
    return {**values, **{f.name: cubic for f in system.functions}}


def written_out(system, values, T):
    """The same values under the unrolled network's names."""
    out = {}
    for key, v in system.independent.items():
        if v.time is None:
            out[key] = values[key]
        elif v.time.base == "t":
            out.update({entry(v.name, k): values[key][k - system.first] for k in range(system.first, T + 1)})
        else:
            out[entry(v.name, v.time.offset)] = values[key]
    for f in system.functions:
        if f"{f.name}[" in system.text:
            out.update({entry(f.name, k): partial(cubic, k) for k in range(system.first, T + 1)})
        else:
            out[f.name] = values[f.name]
    return out


def folded(system, gradients, T):
    """Gradients of the unrolled network under the names of the original."""
    out = {}
    for key, v in system.independent.items():
        if v.time is None:
            out[key] = gradients[key]
        elif v.time.base == "t":
            out[key] = np.stack([gradients[entry(v.name, k)] for k in range(system.first, T + 1)])
        else:
            out[key] = gradients[entry(v.name, v.time.offset)]
    return out


SEQUENTIAL = [name for name in [*GALLERY, *SPECIAL] if name in SPECIAL or derive.load(name).system.sequential]


def compare_with_unrolled(sol, lasts):
    for T in lasts:
        static = network(unroll(sol.system.text, sol.system, T)).solve()
        values = values_at(sol.system, T, 1)
        plain = written_out(sol.system, values, T)
        loss = sol.sweep.loss.name
        forward, by_hand = derive.Network(sol.system).forward(values, T)[loss], derive.Network(static.system).forward(plain)[loss]
        assert float(forward) == pytest.approx(float(by_hand), rel=1e-13), f"T = {T}"
        wanted, found = folded(sol.system, static.evaluate(plain), T), sol.evaluate(values, T)
        assert list(found) == list(wanted)
        for key, g in wanted.items():
            assert np.shape(found[key]) == np.shape(g), key
            tiny = 1e-12 * max(1.0, np.abs(g).max())
            np.testing.assert_allclose(found[key], g, rtol=1e-10, atol=tiny, err_msg=f"{key}, T = {T}")


@pytest.mark.parametrize("name", SEQUENTIAL)
def test_gradients_equal_those_of_the_unrolled_network(name):
    """Time written out by hand leaves no recurrence to get wrong; the shortest sequences are where the ends of time meet."""
    if solve(name) is not None:
        compare_with_unrolled(solve(name), range(1, 7))


def test_the_unroller_writes_what_a_person_would():
    text = unroll(source("lag two"), solve("lag two").system, 2)
    assert "h_1 = tanh(A @ h_0 + B @ h_m1 + U @ x_1)" in text
    assert "h_2 = tanh(A @ h_1 + B @ h_0 + U @ x_2)" in text
    assert "L = sqnorm(h_1) / 2 + sqnorm(h_2) / 2" in text
    assert "x_1: Vector[d], x_2: Vector[d]" in text and "h_0: Vector[n], h_m1: Vector[n]" in text


class RandomRecurrence:
    """Source text of a recurrent network: several states, lags, static nodes, sums over time, a loss at several instants."""

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)
        self.states = ["h", "g", "c", "q"][: self.rng.integers(1, 5)]
        self.static = ["a", "b"][: self.rng.integers(3)]
        self.lag = int(self.rng.integers(1, 4))

    def pick(self, *options):
        return options[int(self.rng.integers(len(options)))]

    def back(self):
        return f"{self.pick(*self.states)}[t - {self.rng.integers(1, self.lag + 1)}]"

    def leaf(self, known):
        now = [f"{name}[t]" for name in self.states[:known]]
        return self.pick("u", "w", "x[t]", "x[t - 1]", self.back(), self.back(), *self.static, *now)

    def expression(self, known, depth):
        if not depth:
            return self.leaf(known)
        one, two = self.expression(known, depth - 1), self.expression(known, depth - 1)
        return self.pick(
            f"tanh({one})", f"sigmoid({one})", f"exp(sin({one}))", f"({one}) * ({two})",
            f"({one}) + ({two})", f"({one}) - ({two})",
            f"({one}) / (2 + sin({two}))", f"(2 + sin({one})) ** {self.pick('2', '3', '(-1)', '(-2)')}",
        )  # fmt: skip

    def term(self):
        one, two = self.pick(*self.states), self.pick(*self.states)
        return self.pick(
            f"sum({one}[t] ** 2 for t in Time)", f"{one}[T] * u", f"sum({one}[t] * {two}[t - 1] for t in Time)", f"exp({one}[0])",
            f"{one}[1] ** 2", f"sum(({one}[t] - x[t]) ** 2 for t in Time) / T",
        )  # fmt: skip

    def text(self):
        lines = ["x[0]: Scalar", *(f"{name}[{-k}]: Scalar" for name in self.states for k in range(self.lag))]
        lines += [
            f"{name} = {self.pick('exp(tanh(u))', 'u * w', 'sum(x[t] * w for t in Time)', 'x[T] + u')}" for name in self.static
        ]
        for k, name in enumerate(self.states):
            lines.append(
                f"{name}[t] = tanh({self.expression(k, 2)} + {name}[t - {self.rng.integers(1, self.lag + 1)}] * {self.leaf(k)})"
            )
        one, two, first = self.pick(*self.states), self.pick(*self.states), self.states[0]
        inner = self.pick(f"sin({one}[s] * y[t])", f"{two}[s] ** 2 * w", "x[s] * y[t]", f"{first}[t] * y[s]")
        limits = self.pick("Time", "range(1, t + 1)", "range(t, T + 1)")
        lines.append(f"o[t] = tanh(sum({inner} for s in Time) + y[t] * sum(y[s] ** 2 * u for s in {limits}))")
        lines += [
            "L = sum(o[t] * y[t] for t in Time) + " + " + ".join(self.term() for _ in range(self.rng.integers(1, 4))),
            "return L",
        ]
        return "def net(t: Time, x: Sequence[Scalar], y: Sequence[Scalar], u: Scalar, w: Scalar):\n    " + "\n    ".join(lines)


@pytest.mark.parametrize("seed", range(24))
def test_random_recurrences_equal_their_unrolled_form(seed):
    text = RandomRecurrence(seed).text()
    compare_with_unrolled(network(text).solve(), (1, 2, 3, 6))


@every_special
def test_gradients_equal_differences(name):
    sol = solve(name)
    if sol is not None:
        assert sol.crosscheck(points=3, seed=1).require().passed


@pytest.mark.parametrize("name", sorted(REFUSABLE))
def test_what_is_refused_is_refused_with_advice(name):
    if solve(name) is None:
        with pytest.raises(MissingRule, match=r"recurrence|equation of its own"):
            network(source(name)).solve()


# -- every line of every derivation -------------------------------------------------------------------------------


def holds_at(adjoint, line, system, T):
    """The instants, as numbers, at which the line claims to hold; None for a static one. Too short a T gives none."""
    ends = {"t": 0, "T": T}
    boundary = {line_: when.at(ends) for when, line_ in adjoint.boundary}
    instants = range(system.first, T + 1)
    if line in boundary:
        here = boundary[line]
        return [here] if here in instants and list(boundary.values()).count(here) == 1 else []
    if adjoint.node.time is not None and adjoint.node.time.base == "t":
        return [t for t in instants if t not in boundary.values()]
    fixed = [v.time.offset for v in line.uses if v.time is not None and v.time.base == ""]
    return [None] if all(k <= T for k in fixed) else []


@every_network
def test_every_step_is_an_equality(name):
    """before = after in every step, chain-rule lines included: their Jacobians evaluate through the equations."""
    sol = solve(name)
    lasts = () if sol is None else range(LONG_ENOUGH.get(name, 1), 7) if sol.system.sequential else range(1, 4)
    for T in lasts:
        run = Evaluator(random_point(sol.system, np.random.default_rng([3, T]), last=T)).forward().backward(sol.sweep)
        cases = [
            (step, t)
            for adjoint in sol.sweep.adjoints.values()
            for line in adjoint.lines
            for t in holds_at(adjoint, line, sol.system, T)
            for step in line.steps
        ]
        assert cases
        for step, t in cases:
            times = {} if t is None else {"t": t}
            before, after = run.value(step.before, times), run.value(step.after, times)
            scale = max(1.0, np.abs(before).max(initial=0))
            np.testing.assert_allclose(after, before, rtol=1e-11, atol=1e-12 * scale, err_msg=f"{step!r} at t = {t}, T = {T}")


def test_every_line_is_tested_at_some_instant():
    for name in SEQUENTIAL:
        for adjoint in solve(name).sweep.adjoints.values() if solve(name) is not None else ():
            for line in adjoint.lines:
                assert any(holds_at(adjoint, line, solve(name).system, T) for T in range(1, 7)), line


@every_network
def test_derivations_are_chains(name):
    """From the adjoint to its formula, each line starting where the one before ended, each with its reason."""
    sol = solve(name)
    if sol is None:
        return
    for adjoint in sol.sweep.adjoints.values():
        for line in adjoint.lines:
            assert line.steps[0].before is line.node.adjoint
            for step, after in zip(line.steps, line.steps[1:], strict=False):
                assert step.after is after.before
            assert line.steps[-1].after in (line.formula, line.short)
            assert line.formula in [s.after for s in line.steps]
            assert all(step.rule and step.because and step.before is not step.after for step in line.steps)
            assert line.formula.shape == line.short.shape == line.node.shape
    assert list(sol.steps) == [s for a in sol.sweep.adjoints.values() for line in a.lines for s in line.steps]


@every_network
def test_formulas_hold_only_names_that_have_values(name):
    """A free index that nothing binds, or an adjoint of what is given at a fixed instant, is a formula that can't be used."""
    sol = solve(name)
    if sol is None:
        return
    for key, adjoint in sol.sweep.adjoints.items():
        for line in adjoint.lines:
            free = free_indices(line.formula) | free_indices(line.short)
            indexed = line.node.time is not None and line.node.time.base == "t"
            assert free <= ({"t", "T"} if indexed else {"T"}), f"{key}: {line.formula}"


def free_indices(e: Expr, bound=frozenset()):
    found = set()
    for instant in (getattr(e, "time", None), getattr(e, "lo", None), getattr(e, "hi", None)):
        if instant is not None and instant.base not in ("", *bound):
            found.add(instant.base)
    inside = bound | {e.index} if hasattr(e, "index") and hasattr(e, "body") else bound
    for child in (*e.children(), *(x for x in (getattr(e, "top", None), getattr(e, "below", None)) if isinstance(x, Expr))):
        found |= free_indices(child, inside)
    return found


@every_network
def test_every_quantity_has_its_adjoint(name):
    sol = solve(name)
    if sol is None:
        return
    assert set(sol.adjoints) == set(sol.system.nodes)
    assert list(sol.gradients) == list(sol.system.independent)
    for key, v in sol.system.nodes.items():
        assert sol.adjoints[key].shape == v.shape


@every_network
def test_closed_forms_have_the_gradients_values(name):
    sol = solve(name)
    if sol is None:
        return
    T = sol.system.first + 3
    at = random_point(sol.system, np.random.default_rng(5), last=T)
    run = Evaluator(at).forward().backward(sol.sweep)
    for key, e in sol.closed_forms.items():
        v = sol.system.nodes[key]
        generic = v.time is not None and v.time.base == "t"
        boundary = [when.at({"T": T}) for when, _ in sol.sweep.adjoints[key].boundary]
        for t in [t for t in range(sol.system.first, T + 1) if t not in boundary] if generic else [None]:
            wanted = run.named[(v if t is None else v.at(Instant("", t))).adjoint]
            if e is not None:
                np.testing.assert_allclose(run.value(e, {} if t is None else {"t": t}), wanted, rtol=1e-10, atol=1e-12)


# -- facts --------------------------------------------------------------------------------------------------------


def test_the_recurrence_is_one_formula_for_every_T():
    sol = solve("linear_rnn")
    assert str(sol.adjoints["h"]) == str(sol.adjoint("h").formula)
    generic, (end,) = sol.adjoint("h"), sol.boundary("h").items()
    assert {str(v.time) for v in generic.formula.atoms() if v.bar} == {"t", "t+1"}
    assert end[0] == "T" and {str(v.time) for v in end[1].atoms() if v.bar} == {"T"}


def test_a_longer_lag_has_more_ends():
    assert set(solve("lag two").boundary("h")) == {"T", "T-1"}
    assert set(solve("lag three, last state").boundary("h")) == {"T", "T-1", "T-2"}


def test_formulas_at_an_instant():
    adjoint = solve("rnn_tanh").adjoint("h")
    assert adjoint.at(Instant("T")) is dict(adjoint.boundary)[Instant("T")].formula
    assert adjoint.at(Instant("", 2)).atoms() >= {var("h", adjoint.node.shape, Instant("", 3), True)}


def test_what_the_loss_does_not_use_has_a_zero_gradient():
    sol = solve("nodes that the loss doesn't need")
    assert not sol.evaluate(values_at(sol.system, 3, 0))["v"]
    for name in ("q", "o"):
        assert is_zero(sol.adjoints[name])
        (step,) = sol.adjoint(name).line.steps
        assert step.rule == "unused" and "L" in step.because


@pytest.mark.parametrize("name", GALLERY)
def test_the_seed_is_one(name):
    (step,) = solve(name).adjoint(solve(name).sweep.loss.name).line.steps
    assert step.rule == "seed" and is_ones(step.after)


def test_terms_know_their_users():
    terms = solve("rnn_tanh").adjoint("h").terms
    assert [str(t.used_by.time) for t in terms] == ["t", "t+1"]
    assert [t.lag for t in terms] == [0, -1]
    assert solve("lstm").adjoint("h").terms[0].used_by.name == "L"


def test_a_loss_is_needed():
    with pytest.raises(derive.NetworkError, match="layer has no loss"):
        derive.load("layer").solve()
    with pytest.raises(derive.NetworkError, match="must be a scalar"):
        network("def net(x: Vector[n]):\n    y = exp(x)\n    return y").solve()
    with pytest.raises(derive.NetworkError, match="a sequence"):
        network("def net(t: Time, x: Sequence[Scalar]):\n    y[t] = exp(x[t])\n    return y").solve()


def test_solving_twice_gives_the_same_formulas():
    for name in GALLERY:
        again = differentiate(solve(name).system)
        assert {k: a.formula for k, a in again.adjoints.items()} == solve(name).adjoints
        assert [s for a in again.adjoints.values() for line in a.lines for s in line.steps] == list(solve(name).steps)


# -- right sides recognised inside other formulas -----------------------------------------------------------------


def equations(text):
    system = network(textwrap.dedent(text)).system
    return system, Equations(system)


def test_a_right_side_is_named_at_any_instant():
    system, known = equations("""
        def net(t: Time, x: Sequence[Scalar], w: Scalar):
            h[0]: Scalar
            h[t] = tanh(w * h[t - 1] + x[t])
            L = sum(h[t] for t in Time)
            return L""")
    h, right = system.quantities["h"], system.by_name["h"].right
    for instant in (Instant("t"), Instant("t", 2), Instant("T"), Instant("T", -1), Instant("", 3), Instant("k")):
        moved = at_time(right, "t", instant)
        assert known.name_of(moved) is h.at(instant)


def test_a_mixture_of_instants_is_not_named():
    """tanh(h[0] x[t]) is q[t] = tanh(h[t] x[t]) at no instant."""
    system, known = equations("""
        def net(t: Time, x: Sequence[Scalar]):
            h[0]: Scalar
            q[0]: Scalar
            h[t] = h[t - 1] + x[t]
            q[t] = tanh(h[t] * x[t])
            u[t] = exp(h[0] * x[t]) + q[t - 1]
            L = sum(u[t] for t in Time)
            return L""")
    h, x = system.quantities["h"], system.quantities["x"]
    for a, b in (
        (Instant("", 0), Instant("t")),
        (Instant("T"), Instant("t")),
        (Instant("t"), Instant("T")),
        (Instant("", 0), Instant("", 1)),
    ):
        assert known.name_of(derive.tanh(h.at(a) * x.at(b))) is None


def test_a_right_side_before_the_first_instant_is_not_named():
    """h[0] is given: nothing says that it is what the equation would make of x[0]."""
    system, known = equations("""
        def net(t: Time, x: Sequence[Scalar], w: Scalar):
            x[0]: Scalar
            h[0]: Scalar
            h[t] = tanh(w * x[t])
            L = sum(h[t] * h[t - 1] * x[t - 1] for t in Time)
            return L""")
    x, w = system.quantities["x"], system.quantities["w"]
    assert known.name_of(derive.tanh(w * x.at(Instant("", 1)))) is system.quantities["h"].at(Instant("", 1))
    assert known.name_of(derive.tanh(w * x.at(Instant("", 0)))) is None
