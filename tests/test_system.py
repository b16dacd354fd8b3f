"""Systems: names, the order of computation, cycles, the range of time, the loss; and walks over expressions in time."""

import pytest

import derive
from derive import NetworkError, dims, network
from derive.expr import Instant, Var, at_time, jac, opaque, over, var
from derive.ops import sqnorm, tanh
from derive.system import (
    INDEX,
    LAST,
    Equation,
    System,
    align,
    free_times,
    instant_order,
    occurrences,
    open_functions,
)

n = dims("n")
t, T, ONE = Instant("t"), Instant("T"), Instant("", 1)
x, h, c = (var(name, (), t) for name in "xhc")
w, y = var("w"), var("y")


def ago(v, steps=1):
    return v.at(Instant("t", -steps))


def at(v, k):
    return v.at(Instant("", k))


def system(equations, declared=(w,), initial=(), first=1, loss=None):
    """A system of (left, right) pairs, as written."""
    page = tuple(Equation(left, right, f"{left} = {right}") for left, right in equations)
    return System("net", "Net", tuple(declared), tuple(initial), (), page, first, loss, loss)


RNN = network(
    """
    def rnn(t: Time, x: Sequence[Vector[n]], W: Matrix[n, n], target: Vector[n]):
        h[0]: Vector[n]
        z[t] = W @ h[t - 1] + x[t]
        h[t] = tanh(z[t])
        L = sqnorm(h[T] - target)
        return L
    """
).system
STATIC = derive.load("residual").system

# -- names --------------------------------------------------------------------------------------------------------


def test_what_a_system_holds():
    assert list(RNN.by_name) == ["z", "h", "L"]
    assert list(RNN.quantities) == ["x", "W", "target", "z", "h", "L"]
    assert list(RNN.independent) == ["x", "W", "target", "h[0]"]
    assert list(RNN.nodes) == ["x", "W", "target", "h[0]", "z", "h", "L"]
    assert RNN.quantities["h"] is var("h", (n,), t)
    assert RNN.independent["h[0]"] is var("h", (n,), Instant("", 0))
    assert RNN.range == (ONE, T)
    assert RNN.sequential
    assert not STATIC.sequential
    assert RNN.name == "rnn"
    assert (INDEX, LAST) == ("t", "T")


def test_equations_know_where_they_stand():
    e = RNN.by_name["h"]
    assert (e.name, e.sequential, e.source, e.line) == ("h", True, "h[t] = tanh(z[t])", 5)
    assert not RNN.by_name["L"].sequential


@pytest.mark.parametrize(
    ("name", "expected"),
    [("h", var("h", (n,), t)), ("h[t]", var("h", (n,), t)), ("h[ t ]", var("h", (n,), t)),
        ("h[0]", var("h", (n,), Instant("", 0))), (" W ", var("W", (n, n))), ("L", var("L"))],
)  # fmt: skip
def test_nodes_are_found_by_name_and_key(name, expected):
    assert RNN.find(name) is expected


@pytest.mark.parametrize("name", ["q", "h[1]", "h[T]", "", "h[", "[t]", "W.T", "h[0", "Z"])
def test_other_names_are_listed(name):
    with pytest.raises(NetworkError) as error:
        RNN.find(name)
    assert "rnn has no quantity" in str(error.value)
    assert "x, W, target, h[0], z, h, L" in str(error.value)


@pytest.mark.parametrize("name", ["W[t]", "L[t]", "target[t]"])
def test_what_is_no_sequence_has_no_entry_at_t(name):
    with pytest.raises(NetworkError):
        RNN.find(name)


def test_initial_values_are_no_equations():
    assert RNN.is_initial(var("h", (n,), Instant("", 0)))
    assert not RNN.is_initial(var("h", (n,), t))
    assert not RNN.is_initial(var("W", (n, n)))
    assert RNN.owner(var("h", (n,), Instant("", 0))) is None
    assert RNN.owner(var("h", (n,), Instant("t", -1))) is RNN.by_name["h"]
    assert RNN.owner(var("h", (n,), T)) is RNN.by_name["h"]
    assert RNN.owner(var("x", (n,), t)) is None
    assert RNN.owner(var("q")) is None


def test_what_other_equations_define():
    assert RNN.defined_in(RNN.by_name["z"]) == [var("h", (n,), Instant("t", -1))]
    assert RNN.defined_in(RNN.by_name["h"]) == [var("z", (n,), t)]
    found = system([(h, ago(h) + at(h, 0) + w)], initial=(at(h, 0),))
    assert found.defined_in(found.by_name["h"]) == [ago(h)]


# -- order --------------------------------------------------------------------------------------------------------


def names(equations):
    return [e.name for e in equations]


def test_static_equations_in_the_order_of_need():
    a, b, z = var("a"), var("b"), var("z")
    found = system([(z, a * b), (a, b + w), (b, w * w)])
    assert names(found.equations) == ["z", "a", "b"]
    assert names(found.ordered) == ["b", "a", "z"]
    assert [names(stage) for stage in found.stages] == [["b", "a", "z"]]


def test_equations_that_need_nothing_stay_as_they_stand():
    found = system([(var(name), w * w) for name in "dacb"])
    assert names(found.ordered) == ["d", "a", "c", "b"]


def test_the_past_is_no_need():
    found = system([(h, ago(c) + x), (c, h * w)], [w, x], [at(c, 0)])
    assert names(found.ordered) == ["h", "c"]
    assert [names(stage) for stage in found.stages] == [["h", "c"]]


def test_the_order_at_one_instant():
    found = system([(c, h * w + ago(c)), (h, x + ago(h) * ago(c))], [w, x], [at(h, 0), at(c, 0)])
    assert names(found.ordered) == ["h", "c"]


def test_what_waits_for_all_of_time_is_a_later_stage():
    m, v, loss = var("m"), var("v", (), t), var("L")
    found = system([(loss, over("sum", v * v, "t", ONE, T)), (v, h - m), (m, over("sum", h, "t", ONE, T)), (h, x * w)], [w, x])
    assert [names(stage) for stage in found.stages] == [["h"], ["m", "v"], ["L"]]
    assert names(found.ordered) == ["h", "m", "v", "L"]


def test_the_last_entry_is_a_later_stage():
    found = system([(h, ago(h) + x), (y, h.at(T) * w), (c, h + y)], [w, x], [at(h, 0)])
    assert [names(stage) for stage in found.stages] == [["h"], ["y", "c"]]


def test_static_equations_come_first_in_their_stage():
    z = var("z")
    found = system([(h, x * z), (z, w * w)], [w, x])
    assert [names(stage) for stage in found.stages] == [["z", "h"]]


@pytest.mark.parametrize("name", [name for name in derive.gallery() if name != "layer"])
def test_stages_hold_every_equation_once_after_what_it_needs(name):
    found = derive.load(name).system
    order = [e.name for stage in found.stages for e in stage]
    assert sorted(order) == sorted(found.by_name)
    assert sorted(names(found.ordered)) == sorted(order)
    place = {q: i for i, q in enumerate(order)}
    for e in found.equations:
        for v in found.defined_in(e):
            past = v.time is not None and v.time.base == INDEX and v.time.offset < 0
            assert past or place[v.name] < place[e.name]


CYCLES = {
    "two": ([(y, w * var("z")), (var("z"), y * y)], ["y needs z needs y", "y = "]),
    "one": ([(y, y * w)], ["y needs y"]),
    "three": ([(var("a"), var("b") * w), (var("b"), var("c") * w), (var("c"), var("a") * w)], ["a needs b needs c needs a"]),
    "at one instant": ([(h, c * w), (c, h + x)], ["h needs c needs h", "t-1"]),
    "one at one instant": ([(h, h * x)], ["h needs h", "h[t-1]"]),
    "behind others": ([(var("p"), w * w), (var("q"), var("p") * var("r")), (var("r"), var("q") * w)], ["q needs r needs q"]),
    "through all of time": ([(h, x - y), (y, over("sum", h, "t", ONE, T))], ["cycle"]),
    "through the last instant": ([(h, ago(h) + h.at(T))], ["h needs h"]),
}


@pytest.mark.parametrize(("equations", "texts"), CYCLES.values(), ids=CYCLES)
def test_cycles_are_named(equations, texts):
    found = system(equations, [w, x], [at(h, 0)] if "last" in str(texts) or equations[0][0] is h else [])
    for ask in (lambda: found.stages, lambda: found.ordered and found.stages):
        with pytest.raises(NetworkError) as error:
            ask()
        for text in ["a cycle", *texts]:
            assert text in str(error.value)


def test_instant_order():
    assert instant_order({}, {}) == []
    assert instant_order({"a": {"b", "c"}, "b": set(), "c": {"b"}}, {}) == ["b", "c", "a"]
    assert instant_order({"a": {"given"}}, {}) == ["a"]
    with pytest.raises(NetworkError, match=r"a cycle: b needs c needs b \(b = c; c = b\)"):
        instant_order({"a": {"b"}, "b": {"c"}, "c": {"b"}}, {"a": "a = b", "b": "b = c", "c": "c = b"})


def test_instant_order_of_thousands_does_not_recurse():
    chain = {f"v{k}": {f"v{k + 1}"} for k in range(5000)} | {"v5000": set()}
    assert instant_order(chain, {}) == [f"v{k}" for k in range(5000, -1, -1)]


# -- the loss -----------------------------------------------------------------------------------------------------


def test_the_loss_is_a_scalar_or_says_why_not():
    assert RNN.require_loss() is var("L")
    with pytest.raises(NetworkError, match=r"net has no loss: it defines y and returns none of them.*net.jacobian"):
        system([(y, w * w)]).require_loss()
    v = var("v", (n,))
    shaped = System("net", "Net", (v,), (), (), (Equation(var("u", (n,)), 2 * v, "u = 2 * v"),), 1, None, var("u", (n,)))
    with pytest.raises(NetworkError, match=r"net: the loss must be a scalar, but u = 2 \* v is in R\^n: .* sqnorm\(u\)"):
        shaped.require_loss()
    timed = System("net", "Net", (x,), (), (), (Equation(h, 2 * x, "h[t] = 2 * x[t]"),), 1, None, h)
    with pytest.raises(NetworkError, match=r"but h\[t\] = 2 \* x\[t\] is a sequence: .*a sum over time"):
        timed.require_loss()


# -- walks --------------------------------------------------------------------------------------------------------

SUM = over("sum", x * ago(h), "t", ONE, T)


def test_occurrences_each_once_in_order():
    assert occurrences(tanh(h * x) + ago(h) * h + w) == [h, x, ago(h), w]
    assert occurrences(SUM) == [x, ago(h)]
    assert occurrences(w * w) == [w]


def test_open_functions():
    e = opaque("ell", t, h)
    assert open_functions(e * w + opaque("f", None, w)) == [e, opaque("f", None, w)]
    assert open_functions(h) == []


def test_free_times_are_not_those_under_a_sum():
    assert free_times(SUM) == []
    assert set(free_times(SUM * ago(c) + x)) == {ago(c), x}
    assert free_times(over("sum", c * x.at(Instant("s")), "s", ONE, T)) == [c]
    assert set(free_times(jac(h, ago(h)))) == {h, ago(h)}
    assert free_times(h.at(T) * at(h, 0)) == []


@pytest.mark.parametrize(
    ("e", "aligned", "lead"),
    [
        (h * ago(x), h * ago(x), 0), (h.at(Instant("t", 1)) * x, h * ago(x), 1), (w, w, 0), (SUM, SUM, 0),
        (h.at(Instant("t", 2)) + SUM, h + SUM, 2),
        (ago(h), h, -1), (ago(h) * ago(x, 2), h * ago(x), -1), (h.at(T), h.at(T), 0),
    ],
)  # fmt: skip
def test_align_moves_the_latest_index_to_t(e, aligned, lead):
    moved, steps = align(e)
    assert moved is aligned
    assert steps == lead
    assert at_time(moved, "t", Instant("t", steps)) is e


def test_every_gallery_system_is_consistent():
    for name in derive.gallery():
        found = derive.load(name).system
        for e in found.equations:
            assert e.right.shape == e.left.shape
            assert e.source
            assert e.line > 0
            for v in e.right.atoms(Var):
                known = found.quantities[v.name]
                assert known.shape == v.shape
                assert (known.time is None) == (v.time is None)
        if found.loss is not None:
            assert found.loss.shape == ()
            assert found.by_name[found.loss.name].left is found.loss


def test_time_that_starts_elsewhere():
    found = network(
        "def a(t: Time[0], x: Sequence[Scalar]):\n    h[-1]: Scalar\n    h[t] = h[t - 1] + x[t]\n    L = h[T]\n    return L"
    ).system
    assert found.range == (Instant("", 0), T)
    assert list(found.independent) == ["x", "h[-1]"]
    assert found.is_initial(h.at(Instant("", -1)))
    assert sqnorm(h) is not None
