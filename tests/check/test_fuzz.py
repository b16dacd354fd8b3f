"""Strings that nobody should have written end in a verdict or in a message, in time, without an exception: strings, problem files, scope files.

DERIVE_FUZZ=50000 tries so many strings; the suite tries 2,000.
"""

from __future__ import annotations

import json
import os
import time

import pytest
import wild

from derive.check import Checker, Report
from derive.check.lines import VERDICTS
from derive.check.pages import page
from derive.check.settings import parts
from derive.expr import DeriveError
from derive.reader.problem import read_problem
from derive.spelling import spellings

COUNT = int(os.environ.get("DERIVE_FUZZ", "2000"))
CHUNK = 500
SECONDS = 2.0  # of the processor, for one string; a wall clock would measure the other processes


def spent(started: tuple[float, float]) -> float:
    """The seconds since then: by the wall, or by the processor where that says less (other processes had it)."""
    return min(time.monotonic() - started[0], time.process_time() - started[1])


def clocks() -> tuple[float, float]:
    return time.monotonic(), time.process_time()


def judged(w: wild.Wild) -> tuple[Report | None, Checker]:
    checker = wild.checker(w.where, w.explain)
    try:
        return checker.text(w.text), checker
    except DeriveError as error:  # the document as a whole can't be used
        message(error)
        return None, checker


def message(error: DeriveError) -> None:
    """Nothing ends without a word."""
    assert str(error)


def sound(report: Report) -> None:
    """Every line has its verdict, its number and its reason."""
    assert all(line.verdict in VERDICTS and line.reason for line in report.lines)
    assert [line.n for line in report.lines] == list(range(1, len(report.lines) + 1))


@pytest.mark.parametrize("start", range(0, COUNT, CHUNK))
def test_any_string_ends_in_a_verdict_in_time(start):
    for n in range(start, min(start + CHUNK, COUNT)):
        w = wild.one(n)
        started = clocks()
        report, checker = judged(w)
        took = spent(started)
        assert not checker.faults, (w, checker.faults)
        assert took <= SECONDS, (w, took)
        if report is None:
            continue
        sound(report)
        assert str(report)
        if n % 5 == 0:
            assert json.loads(json.dumps(report.to_json()))["summary"] == report.summary
        if n % 20 == 0:
            assert page(report, "tex")
            assert page(report, "html")


@pytest.mark.parametrize("where", ["lstm", "residual", "rnn", "mlp", "attention"])
def test_a_network_checks_any_string(where):
    """net.check is the same checker."""
    network = wild.network(where)
    assert network is not None
    for n in range(0, 300, 7):
        w = wild.one(n, seed=1)
        try:
            sound(network.check(w.text))
        except DeriveError as error:
            message(error)


def test_the_strings_reach_every_verdict():
    """The strings are no mere noise: among the first thousand every verdict occurs."""
    missing = set(VERDICTS)
    for w in wild.wild(1000):
        missing -= {line.verdict for line in (judged(w)[0] or Report()).lines}
        if not missing:
            break
    assert not missing


def test_the_strings_of_a_seed_are_the_same():
    assert list(wild.wild(50)) == list(wild.wild(50))
    assert wild.one(7) != wild.one(7, seed=1)


# -- problem files and scope files --------------------------------------------------------------------------------


@pytest.mark.parametrize("start", range(0, 600, 100))
def test_any_problem_is_a_network_or_a_message(start):
    read = 0
    for n in range(start, start + 100):
        text = wild.problem(n)
        started = clocks()
        try:
            spellings(text, read_problem(text))
            read += 1
        except DeriveError as error:
            message(error)
        assert spent(started) <= 10, text
    assert 0 < read < 100


TEXT = r"""
Problem 1 $$x = y$$ $h_t = W h_{t-1}$ $$\bar{h}_t = \frac{\partial L}{\partial h_t} = 0.5$$ $$x = 2$$
$$W = \begin{bmatrix} 1 & 2 \\ 3 & 4 \end{bmatrix}$$ $$\delta_t = W^T \delta_{t+1}$$
"""


@pytest.mark.parametrize("start", range(0, 600, 100))
def test_any_scope_is_used_or_refused_with_a_message(start):
    for n in range(start, start + 100):
        settings = wild.scope(n)
        try:
            pieces = parts(settings, "scope", wild.CORPUS, wild.network("rnn") if n % 3 == 0 else None)
        except DeriveError as error:
            message(error)
            continue
        pieces[0].start = ""
        checker = Checker(pieces[:1])
        try:
            sound(checker.text(TEXT))
        except DeriveError as error:  # a name in the scope that neither the problem nor the document has
            message(error)
        assert not checker.faults, (settings, checker.faults)
