"""Networks as a person meets them: the decorator, the gallery, values against plain loops, and what a REPL shows."""

import inspect
from pathlib import Path

import numpy as np
import pytest

import derive
from derive import DeriveError, Matrix, Network, NetworkError, Scalar, Sequence, Time, Vector, dims, gallery, load, network
from derive.expr import Expr, Instant, var
from derive.ops import CALLABLES, softmax, sqnorm, tanh

GALLERY = [
    "layer", "linear_rnn", "log_regression", "lstm", "lstm_scalar", "mlp", "mlp_batch", "relu_sparsity", "residual", "rnn",
    "rnn_tanh",
]  # fmt: skip
n, m = dims("n m")
every_network = pytest.mark.parametrize("name", GALLERY)


# -- where networks come from -------------------------------------------------------------------------------------


def test_the_gallery():
    assert gallery() == GALLERY


@every_network
def test_every_gallery_network_loads(name):
    net = load(name)
    assert isinstance(net, Network)
    assert net.name == name
    assert load(name) is net
    assert net.title[0].isupper()
    assert not net.title.endswith(".")


@every_network
def test_a_gallery_file_reads_the_same_from_its_path(name):
    path = Path(inspect.getfile(derive)).parent / "networks" / f"{name}.py"
    assert str(load(path)) == str(load(name))
    assert [e.line for e in load(path).system.equations] == [e.line for e in load(name).system.equations]


@pytest.mark.parametrize(
    "problem",
    ["residul", "", " ", "Residual", "__init__", "os", "../residual", "networks.residual", "residual ", "None", "residual.p"],
)
def test_unknown_names_list_the_gallery(problem):
    with pytest.raises(DeriveError) as error:
        load(problem)
    assert "no network" in str(error.value)
    assert ", ".join(GALLERY) in str(error.value)


@pytest.mark.parametrize("problem", ["nowhere.py", "/nowhere/net.py", ".py", "a/b/c.py"])
def test_missing_files(problem):
    with pytest.raises(DeriveError, match=r"\.py: No such file"):
        load(problem)


@pytest.mark.parametrize(
    "problem", [None, 5, b"residual", load, object, "a\0.py", "x" * 5000 + ".py", Path("residual"), "\ud800.py"]
)
def test_what_names_no_problem_is_refused(problem):
    if isinstance(problem, Path):
        assert load(problem) is load("residual")
        return
    with pytest.raises(DeriveError):
        load(problem)


@pytest.mark.parametrize("problem", ["net.tex", "dir/net.tex", Path("net.tex")])
def test_latex_files_are_refused_clearly(problem):
    with pytest.raises(DeriveError, match=r"net\.tex"):
        load(problem)


def test_the_decorator_reads_and_never_calls():
    """Nothing in the body exists at run time; the decorator leaves a network, not a function."""

    @network
    def f(x: Vector[n]):
        y = sin(x) * cos(x)
        L = logsumexp(y)
        return L

    assert isinstance(f, Network)
    assert not callable(f)
    assert [e.name for e in f.system.equations] == ["y", "L"]


def test_a_function_and_its_text_are_one_network():
    def f(x: Vector[n], W: Matrix[m, n], s: Scalar):
        """A small network."""
        y = tanh(W @ x)
        L = s * sqnorm(y)
        return L

    from_text = network(inspect.getsource(f))
    assert str(network(f)) == str(from_text)
    assert network(f)["y"] is from_text["y"]
    assert network(f).title == "A small network"


def test_every_function_of_the_table_is_exported():
    """`from derive import …` gives every name that a network may call, but for Python's own abs."""
    missing = [name for name in CALLABLES if name != "abs" and getattr(derive, name, None) is not CALLABLES[name]]
    assert not missing


def test_the_words_of_a_declaration_are_exported():
    for name in (
        "Scalar",
        "Vector",
        "Matrix",
        "Sequence",
        "Time",
        "Function",
        "dims",
        "network",
        "load",
        "gallery",
        "DeriveError",
        "NetworkError",
        "ShapeError",
    ):
        assert hasattr(derive, name)
        assert name in derive.__all__
    assert Vector[n] is Vector
    assert Sequence[Vector[n]] is Sequence
    assert Time[0:5] is Time
    assert issubclass(NetworkError, DeriveError)
    assert issubclass(DeriveError, ValueError)


# -- values -------------------------------------------------------------------------------------------------------


def sigma(z):
    return 1 / (1 + np.exp(-z))


def numbers(**shapes):
    rng = np.random.default_rng(7)
    return {name: rng.uniform(0.2, 1.2, shape) for name, shape in shapes.items()}


def test_values_of_the_residual_network():
    v = numbers(x=3, W1=(2, 3), b1=2, W2=(3, 2), b2=3, r=2, s=3)
    z = v["W1"] @ v["x"] + v["b1"]
    y = v["x"] + v["W2"] @ sigma(z) + v["b2"]
    expected = {"z": z, "h": sigma(z), "y": y, "R": v["r"] @ sigma(z), "S": ((y - v["s"]) ** 2).sum() / 2}
    got = load("residual").forward(v)
    for name, value in expected.items():
        np.testing.assert_allclose(got[name], value)
    np.testing.assert_allclose(got["E"], expected["R"] + expected["S"])
    assert set(got) == {*v, *expected, "E"}


def test_values_of_the_lstm_by_loops():
    shapes = {"x": (4, 3), "y": (4, 2), "h[0]": 2, "c[0]": 2}
    for gate in "fioc":
        shapes |= {f"W_{gate}": (2, 3), f"U_{gate}": (2, 2), f"b_{gate}": 2}
    v = numbers(**shapes)
    h, c, loss, hs = v["h[0]"], v["c[0]"], 0.0, []
    for k in range(4):
        f, i, o, g = (v[f"W_{q}"] @ v["x"][k] + v[f"U_{q}"] @ h + v[f"b_{q}"] for q in "fioc")
        c = sigma(f) * c + sigma(i) * np.tanh(g)
        h = sigma(o) * np.tanh(c)
        hs.append(h)
        loss += ((h - v["y"][k]) ** 2).sum() / 2
    got = load("lstm").forward(v)
    np.testing.assert_allclose(got["h"], hs)
    np.testing.assert_allclose(got["L"], loss)
    assert got["h"].shape == (4, 2)


def test_values_of_a_batch_are_those_of_its_examples():
    v = numbers(X=(5, 3), W1=(4, 3), b1=4, W2=(2, 4), b2=2, W3=(3, 2), b3=3, Y=(5, 3))
    got = load("mlp_batch").forward(v)
    rest = {name: v[name] for name in ("W1", "b1", "W2", "b2", "W3", "b3")}
    singles = [load("mlp").forward({"x": x, "t": y, **rest}) for x, y in zip(v["X"], v["Y"], strict=True)]
    np.testing.assert_allclose(got["P"], [one["p"] for one in singles])
    np.testing.assert_allclose(got["L"], np.mean([one["L"] for one in singles]))


def test_values_of_a_net_that_starts_at_zero():
    v = {**numbers(x=(3, 2), W=(2, 2)), "h[-1]": np.zeros(2), "ell": lambda t, h: (t + 1) * h.sum()}
    got = load("rnn").forward(v)
    h = sigma(v["x"][0])
    np.testing.assert_allclose(got["h"][0], h)
    np.testing.assert_allclose(got["L"], sum((k + 1) * got["h"][k].sum() for k in range(3)))


def test_rows_as_they_are_written():
    net = network("def a(x: Vector[n], A: Matrix[n, n], y: Vector[n]):\n    L = x.T @ A.T @ y + (A @ x).T @ A @ y\n    return L")
    v = numbers(x=3, A=(3, 3), y=3)
    expected = v["x"] @ v["A"].T @ v["y"] + (v["A"] @ v["x"]) @ v["A"] @ v["y"]
    np.testing.assert_allclose(net.forward(v)["L"], expected)


@pytest.mark.parametrize(
    "text",
    [
        "x.T @ A @ A @ x",
        "x.T @ A @ A @ A @ x",
        "(x.T * x.T) @ A @ x",
        "(x.T @ A + x.T) @ A @ x",
        "exp(x.T) @ A @ x",
        "softmax(x.T) @ x",
    ],
)
def test_a_row_times_matrices_times_a_vector_is_a_loss(text):
    net = network(f"def a(x: Vector[n], A: Matrix[n, n]):\n    L = {text}\n    return L")
    assert net.system.loss is var("L")
    v = numbers(x=3, A=(3, 3))
    row = {"T": None, "x": v["x"], "A": v["A"]}
    expected = {
        "x.T @ A @ A @ x": lambda x, A: x @ A @ A @ x, "x.T @ A @ A @ A @ x": lambda x, A: x @ A @ A @ A @ x,
        "(x.T * x.T) @ A @ x": lambda x, A: (x * x) @ A @ x,
        "(x.T @ A + x.T) @ A @ x": lambda x, A: (x @ A + x) @ A @ x, "exp(x.T) @ A @ x": lambda x, A: np.exp(x) @ A @ x,
        "softmax(x.T) @ x": lambda x, A: np.exp(x) / np.exp(x).sum() @ x,
    }[text](row["x"], row["A"])  # fmt: skip
    np.testing.assert_allclose(net.forward(v)["L"], expected)


# -- what can be asked --------------------------------------------------------------------------------------------


def test_right_sides_by_name():
    net = load("residual")
    assert net["h"] is derive.sigmoid(var("z", (n,)))
    assert isinstance(net["E"], Expr)
    with pytest.raises(NetworkError, match="residual has no equation for 'x'; it defines z, h, y, R, S, E"):
        net["x"]


@every_network
def test_a_repl_shows_every_quantity(name):
    net = load(name)
    shown = str(net)
    assert shown == repr(net)
    lines = shown.splitlines()
    assert lines[0].startswith(f"{net.title} ({name}, ")
    assert lines[1].startswith("  given ")
    assert len(lines) == 2 + len(net.system.equations)
    assert lines[1].count("∈") == len(net.system.independent)
    assert len({line.index(" = ") for line in lines[2:]}) == 1 or any(
        "\u0304" in line or "\u0303" in line or "\u0302" in line for line in lines
    )


@every_network
def test_a_notebook_shows_the_equations(name):
    latex = load(name)._repr_latex_()
    assert latex.startswith("$$\\begin{aligned}")
    assert latex.endswith("\\end{aligned}$$")
    assert latex.count("&=") == len(load(name).system.equations)
    assert latex.count("{") == latex.count("}")


def test_solutions_by_name():
    net = load("residual")
    assert list(net.solve(["W1", "x"]).gradients) == ["W1", "x"]
    assert list(net.solve().gradients) == ["x", "W1", "b1", "W2", "b2", "r", "s"]
    assert list(net.solve([]).gradients) == []
    for wrong in ("q", "W3", ""):
        with pytest.raises(NetworkError, match="residual has no quantity"):
            net.solve([wrong])


def test_a_network_without_a_loss_points_to_the_jacobian():
    with pytest.raises(NetworkError, match=r"layer has no loss: it defines y, z .*net\.jacobian"):
        load("layer").solve()
    assert load("layer").jacobian("y", "x") is not None


def test_sequences_are_indexed_by_t():
    net = load("linear_rnn")
    h = var("h", (), Instant("t"))
    assert net["h"] is var("w_h") * h.at(Instant("t", -1)) + var("w_x") * var("x", (), Instant("t"))
    assert net.system.find("h[0]") is h.at(Instant("", 0))
    assert softmax is derive.softmax


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"x": [1.0], "y": [1.0], "w_x": 1, "w_h": 1, "w_y": 1}, "no value for h[0]"),
        ({"q": 1}, "has no input q; it takes x, y, w_x, w_h, w_y, h[0]"),
        ({"x": [1.0, 2.0], "y": [1.0], "w_x": 1, "w_h": 1, "w_y": 1, "h[0]": 0}, "different lengths"),
        ({"x": [], "y": [], "w_x": 1, "w_h": 1, "w_y": 1, "h[0]": 0}, "at least one"),
        ({"x": [1.0], "y": [1.0], "w_x": "one", "w_h": 1, "w_y": 1, "h[0]": 0}, "w_x"),
        ({"x": [1.0], "y": [1.0], "w_x": [1.0], "w_h": 1, "w_y": 1, "h[0]": 0}, "w_x: expected a number"),
    ],
)  # fmt: skip
def test_values_that_do_not_fit(values, text):
    with pytest.raises(DeriveError) as error:
        load("linear_rnn").forward(values)
    assert text in str(error.value)
