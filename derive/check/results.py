"""Relations of which a side is numbers: an input that is given one, and results in the precision in which they are written."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from derive.check import assumptions, numbers
from derive.check.claims import Claim, dummies
from derive.check.kinds import in_numbers
from derive.check.lines import Line, Slip
from derive.expr import DeriveError, Var
from derive.reader import names
from derive.reader.meaning import Meaning, Reading
from derive.reader.statements import Link
from derive.reader.syntax import Fraction, Node, Number, Scripted, Symbol, walk

if TYPE_CHECKING:
    from derive.check.checker import Checker


GIVEN = "a number that is given"
_BESIDE = re.compile(r"=\s*-?[0-9.]+\s*(\$|\\\))?\s*(,|/|or|and|and/or|ou|et|o|y|oder|und)\s*(\$|\\\()?\s*$")


def given(checker: Checker, link: Link, line: Line) -> Line | None:
    """A relation that gives numbers to what has none."""
    if takes_number(checker, link):
        return replace(line, verdict="definition", reason=GIVEN)
    if link.op == "=" and in_numbers(checker, link):
        return replace(line, verdict="definition", reason="numbers of an example, for which nothing is given")
    return None


def takes_number(checker: Checker, link: Link) -> bool:
    """x = -2 for an input without a number: it is given one."""
    scope = checker.part.scope
    if not numbers.is_numeric(link.right) or not isinstance(link.left, Symbol | Scripted) or assumptions.denied(checker):
        return False
    found = names.find(Meaning(scope, Reading(), link.source), link.left)
    if found is None or found.bar or found.places or found.exponent is not None or not isinstance(found.expr, Var):
        return False
    v = found.expr
    if (scope.system is not None and v.name in scope.system.by_name and v.key not in scope.system.independent) or (
        v.time is not None and v.time.base
    ):
        return False
    if (v.key in checker.part.values or v.name in checker.part.values) and v.key not in checker.part.said:
        return False
    value = _value(checker, link, link.right, Reading())
    if (
        value is None
        or value.shape != tuple(int(d) if d.is_Integer else n for d, n in zip(v.shape, value.shape, strict=False))
        or len(value.shape) != len(v.shape)
    ):
        return False
    if np.array_equal(value, checker.part.values.get(v.key, ())):
        return False  # said again; another number is another case: "when y = 0"
    checker.part.values[v.key] = value.tolist()
    checker.part.said[v.key] = len(checker.lines)
    if _BESIDE.search(checker.said.before):
        assumptions.over(checker.part)  # "y = 0 or y = 1" is no case
    return True


def judged(checker: Checker, link: Link, line: Line) -> Line | None:
    """A verdict where one side is nothing but numbers: compared in the precision in which they are written."""
    a, b = numbers.is_numeric(link.left), numbers.is_numeric(link.right)
    if not (a or b):
        return None
    reading = Reading(layout="gradient" if checker.part.scope.layout == "auto" else checker.part.scope.layout)
    left, right = (_value(checker, link, node, reading) for node in (link.left, link.right))
    if left is None or right is None:
        return None
    if left.shape != right.shape:
        if right.size == 1 and left.ndim == 2 and left.shape[0] == left.shape[1] and isinstance(link.left, Fraction):
            return None  # ∂z/∂μ = 1, entry by entry
        if (right.size == 1 and float(right.ravel()[0]) == 0.0) or left.size == 1:
            left, right = left + 0 * right, right + 0 * left
        else:
            return replace(line, verdict="refuted", reason="the two sides have different shapes", slip=Slip("shape", line.tex))
    slack = max(
        (numbers.units(n, left.shape) for n in (link.left, link.right) if numbers.is_result(n)),
        key=lambda u: float(u.max(initial=0.0)),
        default=0.0,
    )
    for node in (link.left, link.right):
        if numbers.is_numeric(node) and not numbers.is_result(node):
            carried = numbers.carried(node, lambda n: _value(checker, link, n, reading), checker.results)
            slack = (slack + carried) * (1 - 1e-6 * (carried > 0))  # 1 - 0.562 is 0.438, and never 0.439
    same = numbers.agree(left, right, slack)
    if same.all():
        how = "the same number" if not _slack_of(slack) else "the same in the precision in which it is written"
        for node in (link.left, link.right):
            if numbers.is_result(node) and not numbers.agree(left, right, 0.0).all():
                checker.results |= numbers.rounded_texts(node)
        return replace(line, verdict="agrees", reason=how)
    return _wrong_number(checker, link, line, left, right, same)


def rounded(checker: Checker, link: Link, line: Line) -> Line | None:
    """δ_2 = (1 - h_2^2)(-4.754): names and rounded numbers side by side, equal in the precision that these have."""
    reading = Reading(layout="gradient" if checker.part.scope.layout == "auto" else checker.part.scope.layout)
    try:
        left, right = (_value(checker, link, n, reading) for n in (link.left, link.right))
        slack = sum(numbers.carried(n, lambda n: _value(checker, link, n, reading), checker.results) for n in (link.left, link.right))
    except DeriveError:
        return None
    if left is None or right is None or left.shape != right.shape or not slack:
        return None
    if not numbers.agree(left, right, slack).all():
        return None
    return replace(line, verdict="agrees", reason="the same in the precision in which it is written")


def without_numbers(checker: Checker, link: Link, claim: Claim, line: Line) -> bool:
    """z = 0.25, y_i = 0, of what the network has no numbers for: a condition, or the numbers of an example."""
    system, sides = checker.part.scope.system, (link.left, link.right)
    if system is None or checker.part.values or not any(numbers.is_numeric(n) for n in sides):
        return False
    decimal = any(isinstance(n, Number) and "." in n.text for side in sides for n in walk(side))
    known = any(v.bar or v.name in system.quantities for e in (claim.left, claim.right) for v in e.atoms(Var))
    return (decimal and known) or _set(checker, link, line)


def _set(checker: Checker, link: Link, line: Line) -> bool:
    """y_i = 0 in the words: a number that a quantity has in some case. A display claims it."""
    if line.display is not None or not numbers.is_numeric(link.right) or not isinstance(link.left, Symbol | Scripted):
        return False
    found = names.find(Meaning(checker.part.scope, Reading(), link.source), link.left)
    return found is not None and not found.bar


def _value(checker: Checker, link: Link, node: Node, reading: Reading) -> Any:
    """The number, or the array, that a side is; None where the given numbers don't say it."""
    m = Meaning(checker.part.scope, reading, link.source, apart=checker.apart(link))
    m.learn(link.left)
    m.learn(link.right)
    dummies(m, link)
    v = m.value(node)
    value = numbers.evaluate(checker.court(), v.expr, checker.part.point) if not v.labels else None
    return value.reshape([n for n in value.shape if n != 1]) if value is not None and value.ndim else value


def _wrong_number(checker: Checker, link: Link, line: Line, left: Any, right: Any, same: Any) -> Line:
    shown = numbers.is_numeric(link.right)
    truth = left if shown else right
    off = ", ".join(
        f"entry {tuple(int(i) + 1 for i in at)}: {written:.6g} where it is {true:.6g}"
        for at, written, true in _off(right if shown else left, truth, same)
    )
    reason = f"it is {float(truth):.6g}" if truth.ndim == 0 else off
    sides = [" ".join(link.source[n.start : n.end].split()) for n in (link.left, link.right)]
    sides[1 if shown else 0] = _written(truth, link.right if shown else link.left)
    corrected = " = ".join(sides)
    return replace(
        line,
        verdict="refuted",
        reason=reason,
        expected=_written(truth, link.right if shown else link.left),
        slip=Slip("value", corrected, reason),
    )


def _slack_of(slack: Any) -> float:
    return float(np.max(slack)) if np.size(slack) else 0.0


def _off(written: Any, truth: Any, same: Any) -> Iterator[tuple[tuple[int, ...], float, float]]:
    for at in np.ndindex(truth.shape):
        if not same[at]:
            yield at, float(written[at]), float(truth[at])


def _written(truth: Any, node: Node) -> str:
    """The number as it would be written, with as many digits as the person gave."""
    digits = max((len(n.text.partition(".")[2]) for n in walk(node) if isinstance(n, Number)), default=0)

    def one(x: float) -> str:
        return f"{x:.{digits}f}" if digits else f"{x:.4f}".rstrip("0").rstrip(".")

    if truth.ndim == 0:
        return one(float(truth))
    rows = truth.reshape(-1, truth.shape[-1]) if truth.ndim > 1 else truth.reshape(-1, 1)
    return r"\begin{bmatrix} " + r" \\ ".join(" & ".join(one(float(x)) for x in row) for row in rows) + r" \end{bmatrix}"
