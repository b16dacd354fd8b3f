"""The seeds and the corpus, relation by relation, against verdicts that were worked out by hand.

`NAME.lines.toml` holds the relations of a document in reading order with what the mathematics says of each; `NAME.toml` is its scope
file. Each relation stands in a display of its own here, after the few words that a part of the scope begins with.
"""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path

import pytest

from derive.check import Checker
from derive.check.lines import HOLDS, VERDICTS
from derive.check.settings import parts, read_settings

CORPUS = Path(__file__).parents[1] / "corpus"
NAMES = sorted(p.name.removesuffix(".lines.toml") for p in CORPUS.glob("*.lines.toml"))
SEEDS = [name for name in NAMES if name.startswith("seed_")]
TRUTHS = ("right", "wrong", "definition", "noise")
SLIPS = ("sign", "factor", "transpose", "order", "time", "symbol", "bar", "term", "argument", "inverse", "shape", "value")
DECIDED = (*HOLDS, "refuted")
ACCEPTED = ("proved", "agrees")
BREAKDOWNS = ("AttributeError", "NameError", "TypeError", "KeyError", "IndexError", "AssertionError", "ValueError", "RecursionError")

# (document, number of the line): why its verdict is not the one that it should get, for now
KNOWN: dict[tuple[str, int], str] = {}

# document: (lines that are no noise and decided, right lines and definitions that hold: at least; such lines that are refuted: at most)
FLOORS = {
    "chainrules_bar_arrays": (72, 62, 10),
    "d2l_bptt": (30, 30, 0),
    "forti_cs231n_batchnorm": (57, 50, 0),
    "jonariguez_cs224n_a1": (58, 51, 0),
    "kyleclo_logreg_softmax_mlp": (61, 57, 3),
    "layernorm_wrongsign": (22, 17, 0),
    "mayank_rmsnorm": (12, 8, 0),
    "saik_lstm": (21, 15, 0),
    "seed_000": (65, 48, 0),
    "seed_001": (104, 57, 0),
    "seed_002": (51, 49, 0),
    "seed_003": (29, 20, 0),
    "seed_004": (39, 21, 0),
    "talwar_softmax": (24, 20, 1),
}  # fmt: skip


@cache
def truths(name):
    return tomllib.loads((CORPUS / f"{name}.lines.toml").read_text(encoding="utf-8"))["line"]


def document(lines):
    """The relations as a document: a display for each."""
    return "\n\n".join(f"{line['before']}\n\n$${line['tex']}$$" if line.get("before") else f"$${line['tex']}$$" for line in lines)


@cache
def verdicts(name):
    """The verdict of each relation: that of its worst link where it holds several."""
    path = CORPUS / f"{name}.toml"
    checker = Checker(parts(read_settings(path), path.name, path.parent), explain=False)
    found = {}
    for line in checker.text(document(truths(name)), latex=False).lines:
        found.setdefault(line.display, []).append(line.verdict)
        assert not any(error in line.reason for error in BREAKDOWNS), (line.tex, line.reason)
    return [worst(found.get(k, [])) for k in range(len(truths(name)))]


def worst(found):
    return next((v for v in ("refuted", "unreadable", "undecided") if v in found), found[0] if found else "nothing")


def marked(name, *wanted):
    """(number, truth, verdict, LaTeX) of the lines of these truths."""
    return [(k, t["truth"], v, t["tex"]) for k, (t, v) in enumerate(zip(truths(name), verdicts(name), strict=True)) if t["truth"] in wanted]


every = pytest.mark.parametrize("name", NAMES)


@every
def test_the_truth_is_well_formed(name):
    lines = truths(name)
    assert len(lines) >= 10
    for line in lines:
        assert line["truth"] in TRUTHS and line["tex"].strip(), line
        assert line["truth"] != "wrong" or line["why"].strip(), line
        assert isinstance(line["display"], int) and line["display"] >= -1, line
        assert (line.get("slip") in SLIPS) if line["truth"] == "wrong" else "slip" not in line, line
    numbers = [line["display"] for line in lines if line["display"] >= 0]
    assert numbers == sorted(numbers), "in reading order"


@every
def test_no_wrong_line_holds(name):
    assert [row for row in marked(name, "wrong") if row[2] in ACCEPTED and (name, row[0]) not in KNOWN] == []


@pytest.mark.parametrize("name", SEEDS)
def test_no_right_line_of_a_seed_is_refuted(name):
    assert [row for row in marked(name, "right", "definition") if row[2] == "refuted" and (name, row[0]) not in KNOWN] == []


@pytest.mark.parametrize("name", SEEDS)
def test_the_lines_of_a_seed_are_decided(name):
    rows = marked(name, "right", "wrong", "definition")
    assert sum(v in DECIDED for _, _, v, _ in rows) >= 0.95 * len(rows), [row for row in rows if row[2] not in DECIDED]


@every
def test_nothing_gets_worse(name):
    rows = marked(name, "right", "wrong", "definition")
    decided = sum(v in DECIDED for _, _, v, _ in rows)
    right = [row for row in rows if row[1] != "wrong"]
    holding, refuted = [row for row in right if row[2] in HOLDS], [row for row in right if row[2] == "refuted"]
    least_decided, least_holding, most_refuted = FLOORS[name]
    assert decided >= least_decided, [row for row in rows if row[2] not in DECIDED]
    assert len(holding) >= least_holding, [row for row in right if row[2] not in HOLDS]
    assert len(refuted) <= most_refuted, refuted


@every
def test_every_line_has_a_verdict(name):
    assert set(verdicts(name)) <= {*VERDICTS, "nothing"}


def test_the_tables_speak_of_what_there_is():
    assert set(FLOORS) == set(NAMES)
    assert len(SEEDS) == 5 and len(NAMES) >= 14
    for (name, k), reason in KNOWN.items():
        line = truths(name)[k]
        bad = verdicts(name)[k] in ACCEPTED if line["truth"] == "wrong" else verdicts(name)[k] == "refuted"
        assert bad and reason, f"{name} {k} is no longer known to be off: take it out"
