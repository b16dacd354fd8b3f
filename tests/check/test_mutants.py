"""The lines of our own sheets read back from LaTeX, their one-edit mutants, their sound rewrites.

What is true is said by numbers that neither the reader nor the judge made (page_values). The suite takes a few of each kind; with
DERIVE_MUTANTS=100 it takes so many of each kind in each network, and `python tests/check/page_mutants.py` prints the counts.
"""

from __future__ import annotations

import os
from collections import Counter
from functools import cache

import pytest
from page_mutants import Bench, Outcome, naming, sampled, survey

import derive

FULL = "DERIVE_MUTANTS" in os.environ
EACH = int(os.environ.get("DERIVE_MUTANTS") or 3)
LARGE = ("lstm", "lstm_scalar", "mlp_batch")  # whose slips take time; test_slips has some of them
UNDECIDED = 0.02  # the share that may stay open

every_network = pytest.mark.parametrize("name", derive.gallery())
asked: Counter = Counter()
named: Counter = Counter()


@cache
def bench(name: str) -> Bench:
    return Bench(name, EACH)


def judged(name: str, what: str) -> Outcome:
    b = bench(name)
    outcome = survey(b, b.cases(sampled(getattr(b, what)(), EACH)))
    asked[what] += sum(outcome.counts.values())
    asked[what, "open"] += len(outcome.open)
    return outcome


@every_network
def test_the_lines_of_our_sheets_are_read_back(name):
    """Adjoints with their boundary lines, closed forms, steps, Jacobians, sums over paths, in four notations."""
    b = bench(name)
    failed = []
    for made in b.correct():
        tex = made.tex
        line = b.check(tex)
        if line is None or line.verdict not in ("proved", "agrees"):
            failed.append(f"{made.style}, {made.line.kind}: {line and line.verdict}, {line and line.reason}: {tex}")
    assert not failed, "\n".join(failed)


@every_network
def test_no_mutant_is_accepted(name):
    outcome = judged(name, "mutants")
    assert not outcome.wrong, outcome
    assert len(outcome.open) <= max(1, UNDECIDED * sum(outcome.counts.values())), outcome


@every_network
def test_no_sound_rewrite_is_refuted(name):
    outcome = judged(name, "rewrites")
    assert not outcome.wrong, outcome
    assert len(outcome.open) <= max(1, UNDECIDED * sum(outcome.counts.values())), outcome


@pytest.mark.parametrize("name", [n for n in derive.gallery() if FULL or n not in LARGE])
def test_slips_are_told_as_what_was_done(name):
    """One of each kind, ten in the full runs; a correction that doesn't hold counts as none."""
    each = max(1, EACH // 10)
    b = Bench(name, each, bench(name).courts)
    counts, _ = naming(b, b.cases(sampled(b.mutants(), each)))
    named.update(counts)


def test_nine_of_ten_slips_are_named():
    right = sum(n for (_, right), n in named.items() if right)
    assert right >= 0.9 * named.total(), named


SINGLE = [  # what the full runs found
    ("residual", r"\frac{\partial R}{\partial x} = \frac{\partial h}{\partial z} \frac{\partial R}{\partial h} \frac{\partial z}{\partial x}", "refuted"),  # in the order of no layout
    ("residual", r"\frac{\partial S}{\partial x} = \frac{\partial^+ y}{\partial x} \frac{\partial S}{\partial y} + \frac{\partial S}{\partial y} \frac{\partial y}{\partial h} \frac{\partial h}{\partial z} \frac{\partial z}{\partial x}", "refuted"),  # in two orders
    ("mlp", r"\Bigl(\frac{\partial p}{\partial z_3}\Bigr)^{\top} \bar{p} = p \odot \bigl(\bar{p} - (\tfrac12 (p^{\top} \bar{p}) \mathbf{1} + \tfrac12 (p^{\top} \bar{p}) \mathbf{1})\bigr)", "proved"),
]


@pytest.mark.parametrize(("name", "tex", "verdict"), SINGLE)
def test_single_lines(name, tex, verdict):
    line = bench(name).check(tex)
    assert line is not None and line.verdict == verdict, line


def test_few_of_them_stay_open():
    least = {"mutants": 2000, "rewrites": 1000} if EACH >= 100 else {"mutants": 0, "rewrites": 0}  # twenty of each kind are 1,824
    for what, n in least.items():
        assert asked[what] >= n
        assert asked[what, "open"] <= UNDECIDED * asked[what], asked
