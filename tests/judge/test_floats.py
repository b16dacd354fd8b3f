"""float64 and balls: the points, the enclosures, what counts as different and as equal."""

from __future__ import annotations

from fractions import Fraction

import flint
import mpmath
import numpy as np
import pytest
import sympy

from derive.expr import MissingRule, det, inverse, var
from derive.judge.floats import POINTS, POSITIVE, Balls, Doubles, agree, ball, differ, drawn, finite, precision
from derive.judge.model import Model
from derive.judge.nodes import Leaf
from derive.ops import POINTWISE, exp, log, power, sign, sqrt

n = sympy.Symbol("n", positive=True, integer=True)
A, x = var("A", (n, n)), var("x", (n,))
LEAF = Leaf("x", None, False, (n,))


@pytest.fixture(autouse=True)
def _precise():
    with precision(240):
        yield


def arb(text):
    return flint.arb(text)


def column(*values):
    result = np.empty((1, len(values)), dtype=object)
    result[0] = values
    return result


# -- points -------------------------------------------------------------------------------------------------------


def test_points_have_both_signs_and_then_one():
    numbers = drawn(LEAF, (3,), False, 0)
    assert numbers.shape == (POINTS, 3)
    assert (numbers[: POINTS - POSITIVE] < 0).any(axis=0).all()
    assert (numbers[POINTS - POSITIVE :] > 0).all()
    assert (drawn(LEAF, (3,), True, 0) > 0).all()
    assert np.abs(numbers).min() >= 13 and np.abs(numbers).max() <= 77


def test_points_depend_on_seed_name_and_instant_and_are_the_same_again():
    first = drawn(LEAF, (3,), False, 0)
    for other in (
        drawn(LEAF, (3,), False, 1),
        drawn(LEAF._replace(name="y"), (3,), False, 0),
        drawn(LEAF._replace(instant=2), (3,), False, 0),
    ):
        assert not np.array_equal(first, other)
    drawn.cache_clear()
    np.testing.assert_array_equal(first, drawn(LEAF, (3,), False, 0))


def test_both_arithmetics_stand_at_the_same_point():
    lanes = (3, 17, 39)
    doubles, balls = Doubles(lanes).leaf(LEAF, (3,), False, 0), Balls(lanes).leaf(LEAF, (3,), False, 0)
    np.testing.assert_array_equal(doubles, np.vectorize(float)(balls))
    assert all(v.is_exact() for v in balls.ravel())


# -- enclosures ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["exp", "log", "sqrt", "recip", "sign", "sin", "cos", "erf"])
def test_balls_enclose_the_value_and_doubles_are_near_it(name):
    balls, doubles = Balls(range(POINTS)), Doubles(range(POINTS))
    arguments = drawn(LEAF, (3,), name in ("log", "sqrt"), 0)
    given = np.frompyfunc(lambda k: Fraction(int(k), 64), 1, 1)(arguments)
    inside, near = balls.function(name, balls.given(given), 0), doubles.function(name, doubles.given(given), 0)
    with mpmath.workdps(100):
        for value, number, k in zip(inside.ravel(), near.ravel(), arguments.ravel(), strict=True):
            wanted = POINTWISE[name].oracle(mpmath.mpf(int(k)) / 64)
            exact = flint.arb(mpmath.nstr(wanted, 95))
            assert abs(value - exact).lower() <= flint.arb("1e-90") and value.rad() < flint.arb("1e-60")
            assert number == pytest.approx(float(wanted), rel=1e-14)


def test_powers_take_every_whole_exponent():
    balls, doubles = Balls([0, 1]), Doubles([0, 1])
    b, d = balls.leaf(LEAF, (3,), False, 0), doubles.leaf(LEAF, (3,), False, 0)
    for exponent in (2, 3, -1, -4, 1000, 10**30):
        found = np.vectorize(float)(balls.function("power", b, exponent))
        with np.errstate(all="ignore"):
            np.testing.assert_allclose(doubles.function("power", d, exponent), found, rtol=1e-11)


def test_a_ball_around_zero_has_no_sign_but_zero_itself_has():
    balls = Balls([0])
    around = arb(0) + flint.arb(0, 1e-30)
    signs = balls.function("sign", column(arb(0), arb(2), arb(-3), around), 0)[0]
    assert [float(v) for v in signs[:3]] == [0, 1, -1] and signs[3].contains(1) and signs[3].contains(-1)
    assert [float(v) for v in balls.function("left", column(arb(0), arb(2), arb(-3)), 0)[0]] == [-1, 1, -1]
    assert list(Doubles([0]).function("left", np.array([[0.0, 2.0, -3.0]]), 0)[0]) == [-1, 1, -1]


def test_numbers_are_enclosed():
    for c in (
        sympy.Rational(1, 3),
        sympy.pi,
        sympy.E,
        sympy.sqrt(2) / 3,
        2 ** sympy.Rational(1, 3) + sympy.log(5),
        sympy.exp(-2),
    ):
        assert ball(c).contains(flint.arb(str(c.evalf(90)))) or abs(ball(c) - flint.arb(str(c.evalf(90)))).upper() < flint.arb(
            "1e-70"
        )
        assert float(Doubles([0]).number(c)[0]) == pytest.approx(float(ball(c)))
    with pytest.raises(MissingRule, match="no rule for the number"):
        ball(sympy.gamma(sympy.Rational(1, 3)))


def test_huge_numbers_are_infinite_doubles_and_exact_balls():
    c = sympy.Integer(10) ** 400
    assert Doubles([0]).number(c)[0] == np.inf
    assert Balls([0]).number(c)[0].overlaps(flint.arb(10) ** 400)
    assert np.isinf(Doubles([0]).given(column(Fraction(10) ** 400))).all()


def test_singular_matrices_have_no_inverse():
    zero = {("A", None): np.full((1, 2, 2), Fraction(1), dtype=object)}
    for by in (Doubles([0]), Balls([0])):
        model = Model(None, by, {n: 2}, 1, values=zero)
        found = model.value(inverse(A))
        assert not finite(found) if isinstance(by, Balls) else not np.isfinite(found).all()
        assert float(model.value(det(A))[0]) == 0


def test_undefined_values_are_not_finite():
    model = Model(None, Balls([0]), {n: 1}, 1, values={("x", None): np.array([[Fraction(-1)]], dtype=object)})
    for e in (log(x), sqrt(x), power(x, "1/3"), exp(log(x)), sign(log(x))):
        assert not finite(model.value(e))
    zero = Model(None, Balls([0]), {n: 1}, 1, values={("x", None): np.array([[Fraction(0)]], dtype=object)})
    assert not finite(zero.value(1 / x)) and not finite(zero.value(log(x)))
    assert finite(zero.value(sqrt(x)))


# -- different, equal ---------------------------------------------------------------------------------------------


def test_only_disjoint_balls_differ():
    assert differ(column(arb(1), arb(2)), column(arb(1), arb(3)))
    assert not differ(column(arb(1) / 3), column(arb(1) / 3))
    assert not differ(column(flint.arb(1, 0.1)), column(flint.arb(1.05, 0.1)))
    assert not differ(column(arb("nan")), column(arb(1))), "a value that is not there differs from nothing"


def test_agreement_is_relative_to_the_largest_entry_of_a_point():
    tiny = flint.arb(2) ** -130
    assert agree(column(arb(1)), column(1 + tiny))
    assert not agree(column(arb(1)), column(1 + tiny * 2**20))
    assert agree(column(arb(1), arb(0)), column(arb(1), tiny))
    assert not agree(column(flint.arb(1, 1e-6)), column(flint.arb(1, 1e-6))), "balls that overlap, but too wide to tell"
    assert not agree(column(arb("nan")), column(arb("nan")))


def test_agreement_looks_at_every_point_for_itself():
    big = np.array([[arb(1000) ** 20], [arb(1)]], dtype=object)
    off = np.array([[arb(1000) ** 20], [1 + flint.arb(2) ** -100]], dtype=object)
    assert not agree(big, off)


def test_precision_is_put_back():
    before = flint.ctx.prec
    with pytest.raises(ZeroDivisionError), precision(77):
        assert flint.ctx.prec == 77 and 1 / 0
    assert flint.ctx.prec == before
