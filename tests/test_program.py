"""Straight-line programs: the same numbers as the formulas, with as few operations as others need."""

from __future__ import annotations

import numpy as np
import pytest

import derive
from derive.expr import MissingRule
from derive.program import straight_line

SIZES = {"d": 3, "n": 2, "m": 4, "k": 2, "N": 3}
NAMES = [n for n in derive.gallery() if derive.load(n).system.loss is not None and not derive.load(n).system.functions]


def values_for(program, seed=0):
    rng = np.random.default_rng(seed)
    return {k: rng.uniform(0.2, 1, np.shape(wires)) for k, wires in program.inputs.items()}


@pytest.mark.parametrize("T", [1, 2, 5])
@pytest.mark.parametrize("name", NAMES)
def test_programs_give_the_gradients(name, T):
    sol = derive.load(name).solve()
    program = sol.program(SIZES, T)
    values = values_for(program)
    out, wanted = program.run(values), sol.evaluate(values)
    assert set(out) == {*wanted, sol.sweep.loss.name}
    for key, value in wanted.items():
        np.testing.assert_allclose(out[key], value, rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("name", NAMES)
def test_sharing_changes_no_value_and_costs_nothing(name):
    net = derive.load(name)
    program = straight_line(net.system, SIZES, 3, net.solve().sweep)
    again = program.shared()
    assert again.operations <= program.operations
    values = values_for(program, 1)
    for key, value in program.run(values).items():
        np.testing.assert_allclose(again.run(values)[key], value, rtol=1e-12, atol=1e-14)


WEIGHTS = {"mlp": ["W1", "b1", "W2", "b2", "W3", "b3"], "lstm_scalar": [f"w_{g}{s}" for g in "ifog" for s in "xh"]}


@pytest.mark.parametrize(
    ("name", "sizes", "T", "value", "both"),
    [("mlp", {"d": 8, "n": 16, "m": 16, "k": 4}, 1, 951, 2130), ("lstm_scalar", {}, 16, 435, 1090)],
)
def test_no_more_operations_than_casadi(name, sizes, T, value, both):
    """The counts are CasADi 3.8's for the same networks (benchmarks/peers.py), every operation one."""
    net = derive.load(name)
    assert straight_line(net.system, sizes, T).operations == value
    assert net.solve(WEIGHTS[name]).program(sizes, T).operations <= both


def test_lines_are_the_program():
    program = derive.load("log_regression").solve(["w2"]).program()
    lines = list(program.lines())
    assert len(lines) == program.operations and all(" = " in line for line in lines)


def test_open_functions_have_no_program():
    with pytest.raises(MissingRule, match="formula"):
        derive.load("rnn").solve().program({"n": 2}, 2)
