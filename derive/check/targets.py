"""What people assume of targets without saying so: a one-hot row, or rows that sum to one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from derive.expr import Ein, Expr, Lin, Map, Var, postorder
from derive.ops import log
from derive.reader.scope import Named, Scope

ROWS, CLASSES = 4, 5  # sizes of the targets that are tried
MOST = 12  # one-hot targets that are tried: with as many classes, each is the right one once
_CHOICES = (0, 2, 0, 3)  # the classes of the rows, beside that of the first: two of them are one


def assumptions(scope: Scope) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """(what is assumed, targets to try): one-hot where the scope says so, sums of one where a target weighs logarithms."""
    system = scope.system
    if system is None:
        return
    hot = list(dict.fromkeys(n.expr for n in scope.onehot.values() if isinstance(n.expr, Var)))
    upright = {n.expr for found in scope.names.values() for n in found if n.axis == 1}  # y_i is column i of Y
    for v in hot:
        if v.key in system.independent:
            said = f"for one-hot columns of {v.name}" if v in upright else f"for one-hot {v.name}"
            yield said, [{v.key: value} for value in _each(v, _one_hot, v in upright)]
    weighed = weights([e.right for e in system.equations] + ([scope.objective] if scope.objective is not None else []))
    for v in weighed:
        if v not in hot and ((v.name in system.quantities and system.owner(v) is None) or v.name not in system.by_name):
            said = f"for columns of {v.name} that sum to one" if v in upright else f"for {v.name} that sums to one"
            yield said, [{v.key: value} for value in _each(v, _summing, v in upright)]


@contextmanager
def hot(scope: Scope, letter: str) -> Iterator[None]:
    """While a formula is judged: a letter that the words after it say to be the index of the right class, of the one target there is."""
    system = scope.system
    found = weights([e.right for e in system.equations]) if system is not None and letter else []
    said = len(found) == 1 and len(found[0].shape) == 1 and letter not in {*scope.onehot, *scope.times}
    if said:
        scope.onehot[letter] = Named("", found[0])
    try:
        yield
    finally:
        if said:
            scope.onehot.pop(letter, None)


def _each(v: Var, row: Any, columns: bool = False) -> list[Any]:
    """Targets to try: one for each example, which is a row, or a column."""
    if columns and len(v.shape) == 2 and (v.time is None or not v.time.base):
        n, many = (int(d) if d.is_Integer else usual for d, usual in zip(v.shape, (CLASSES, ROWS), strict=True))
        kinds = range(min(n, MOST) if row is _one_hot else 2)
        return [[list(line) for line in zip(*(row(k, i, n) for i in range(many)), strict=True)] for k in kinds]
    sequence = v.time is not None and bool(v.time.base)
    found = []
    n = int(v.shape[-1]) if v.shape[-1].is_Integer else CLASSES
    for k in range(min(n, MOST) if row is _one_hot else 2):
        value: Any = row(k, 0, n) if len(v.shape) == 1 else [row(k, i, n) for i in range(_rows(v))]
        found.append(
            [row(k + j, 0, n) if len(v.shape) == 1 else [row(k + j, i, n) for i in range(_rows(v))] for j in range(5)] if sequence else value
        )
    return found


def _rows(v: Var) -> int:
    return int(v.shape[0]) if v.shape[0].is_Integer else ROWS


def _one_hot(k: int, i: int, n: int) -> list[int]:
    return [int(j == (k + _CHOICES[i % 4]) % n) for j in range(n)]


def _summing(k: int, i: int, n: int) -> list[str]:
    parts = [(3 * i + 5 * j + 2 * k) % 7 + 1 for j in range(n)]
    return [f"{p}/{sum(parts)}" for p in parts]


def weights(formulas: list[Expr]) -> list[Var]:
    """What multiplies logarithms in a formula: the targets of a cross-entropy."""
    found: dict[Var, None] = {}
    either: set[Var] = set()  # t beside 1 - t: each for itself, these needn't sum to one
    for formula in formulas:
        for node in postorder(formula):
            if isinstance(node, Ein) and any(_logarithm(e) for e, _ in node.factors):
                for e, _ in node.factors:
                    while isinstance(e, Ein) and len(e.factors) == 1:
                        e = e.factors[0][0]
                    if isinstance(e, Lin) and not _logarithm(e):
                        either |= e.atoms(Var)
                    if isinstance(e, Var) and e.shape and not e.bar:
                        found.setdefault(e)
    return [v for v in found if len(v.shape) in (1, 2) and v not in either]


def _logarithm(e: Expr) -> bool:
    if isinstance(e, Lin):
        return any(_logarithm(x) for _, x in e.terms)
    if isinstance(e, Ein):
        return any(_logarithm(x) for x, _ in e.factors)
    return (isinstance(e, Map) and e.fn is log) or (getattr(getattr(e, "record", None), "name", "") == "logsumexp")
