"""Worked numbers: the value of a side at given numbers, and whether two values agree in the precision in which they are written."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from derive.expr import DeriveError, Expr, Var
from derive.judge import Court
from derive.judge.case import Case
from derive.judge.floats import Doubles
from derive.judge.given import read
from derive.judge.model import Model
from derive.reader.syntax import Fence, Fraction, Node, Number, Product, Rows, Scripted, Sum, Symbol, walk

MOST = 10_000  # entries of a value


def evaluate(court: Court, e: Expr, values: Mapping[str, Any]) -> np.ndarray | None:
    """e at these numbers; None where they don't say its value."""
    court.bench.guard.reset(2.0)
    try:
        system = court.system
        given = read(
            system,
            Case(court.bench, e, e).survey.names,
            {k: v for k, v in values.items() if system is None or k in system.independent or k not in system.by_name},
        )
        case = Case(court.bench, e, e, None, given)
        if case.bases:
            return None
        node = court.bench.graph(case.lasts[0]).node(e, {})
        with np.errstate(all="ignore"):
            seeds = [
                court.bench.model(("numbers",), case.lasts[0], case.sizes, given, seed, lambda: Doubles(range(4)))
                for seed in (1, 2)
            ]
            both = np.concatenate(
                [np.broadcast_to(a, (4, *a.shape[1:])) for m in seeds for a in [np.asarray(m.at(node), dtype=float)]]
            )
    except (DeriveError, ArithmeticError, RecursionError):
        return None
    if both.size > MOST or not np.isfinite(both).all():
        return None
    if not np.allclose(both, both[:1], rtol=1e-12, atol=1e-14):
        return None  # it depends on something that has no number
    return both[0]


def at_conditions(court: Court, left: Expr, right: Expr, forced: Mapping[Var, Any], zero: bool = True) -> bool | None:
    """Whether the sides agree where quantities have these values (computed ones by a shift of their equation: derivatives stay).

    zero: it is said that they vanish; otherwise two sides that both vanish there say nothing.
    """
    court.bench.guard.reset(2.0)
    largest = 0.0
    try:
        case = Case(court.bench, left, right)
        last = case.lasts[0]
        spots = [s for s in case.spots(last) if s.generic]
        graph = court.bench.graph(last)
        model = Model(court.system, Doubles(range(8)), case.sizes, last, 3, graph=graph, guard=court.bench.guard)
        for v, value in forced.items():
            instants = range(court.bench.first - 1, last + 1) if v.time is not None and v.time.base else [None]
            for t in instants:
                node = graph.node(v, {} if t is None else {"t": t})
                model.values[node] = np.broadcast_to(np.asarray(value, dtype=float), (8, *model.shape(v.shape))).copy()
        for spot in spots:
            with np.errstate(all="ignore"):
                x, y = (
                    np.broadcast_to(np.asarray(model.at(i), dtype=float), (8, *model.shape(left.shape)))
                    for i in (spot.left, spot.right)
                )
            if not (np.isfinite(x).all() and np.isfinite(y).all()):
                return None
            if not np.allclose(x, y, rtol=1e-9, atol=1e-11):
                return False
            largest = max(largest, float(np.abs(x).max(initial=0.0)))
    except (DeriveError, ArithmeticError, RecursionError, ValueError):
        return None
    return bool(spots) and (largest > 1e-9 or zero)


def is_numeric(node: Node) -> bool:
    """Whether a side holds numbers and no names: 0.1 × 10 + 1, a matrix of numbers."""
    symbols = [n for n in walk(node) if isinstance(n, Symbol)]
    return any(isinstance(n, Number) for n in walk(node)) and all(s.head in FREE for s in symbols)


FREE = frozenset("e pi exp log ln sqrt tanh sigma sigmoid sin cos relu ReLU softmax max top T".split())


def is_result(node: Node) -> bool:
    """Whether a side is a number written as a result, or a matrix of them: it is rounded as it is written."""
    match node:
        case Number():
            return True
        case Sum() if len(node.terms) == 1:
            return is_result(node.terms[0][1])
        case Fence() if node.kind in ("paren", "bracket"):
            return is_result(node.body)
        case Rows():
            return all(cell is not None and is_result(cell) for row in node.rows for cell in row)
        case Product():
            return _tens(node) is not None
    return False


def _tens(node: Node) -> int | None:
    """The k of 1.5 × 10^k; None for what isn't written so."""
    if not isinstance(node, Product) or len(node.factors) != 2 or not isinstance(node.factors[0][1], Number):
        return None
    (_, _), (op, power) = node.factors
    if op not in ("×", "·", "*") or not isinstance(power, Scripted) or power.base != Number("10") or power.sub is not None:
        return None
    sign, digits = 1, power.sup
    if isinstance(digits, Sum) and len(digits.terms) == 1:
        sign, digits = digits.terms[0]
    return sign * int(digits.text) if isinstance(digits, Number) and digits.text.isdigit() and len(digits.text) < 3 else None


def is_plain(node: Node) -> bool:
    """Whether a side is a number that nobody worked out: 0.1, -1/2."""
    if isinstance(node, Fraction):
        return is_result(node.top) and is_result(node.bottom)
    return is_result(node)


def half_unit(node: Node) -> float:
    """Half a unit of the last digit written, of the coarsest number in a result; 0 for whole numbers."""
    if (tens := _tens(node)) is not None and isinstance(node, Product):
        return half_unit(node.factors[0][1]) * 10.0**tens
    places = [len(n.text.partition(".")[2]) for n in walk(node) if isinstance(n, Number)]
    if not places or not any(places):
        return 0.0
    return 0.5 * 10.0 ** -min(p for p in places if p) if all(places) else 0.5 * 10.0 ** -max(places)


def units(node: Node, shape: tuple[int, ...]) -> np.ndarray:
    """Half a unit of the last digit for each entry of a result."""
    if isinstance(node, Fence):
        return units(node.body, shape)
    if isinstance(node, Rows):
        each = np.array([[_half(cell) for cell in row] for row in node.rows])
        return each.reshape(shape) if each.size == int(np.prod(shape)) else np.full(shape, half_unit(node))
    return np.full(shape, _half(node))


def _half(node: Node | None) -> float:
    if node is None:
        return 0.0
    if (tens := _tens(node)) is not None and isinstance(node, Product):
        return _half(node.factors[0][1]) * 10.0**tens
    digits = [len(n.text.partition(".")[2]) for n in walk(node) if isinstance(n, Number)]
    return 0.5 * 10.0 ** -digits[0] if digits and digits[0] else 0.0


def carried(node: Node, value: Callable[[Node], np.ndarray | None], results: Collection[str] = ()) -> float:
    """How far the rounding of the numbers inside a formula may carry: the sum of what half a unit of each of them moves.

    Numbers of one or two decimals are data (a weight 0.15, a rate 0.1), and so are those of one digit (0.001), where no line before has
    given them as results; others are results, rounded.
    """
    base = value(node)
    rounded = [n for n in walk(node) if isinstance(n, Number) and (_rounded(n.text) or n.text in results)]
    if base is None or len(rounded) > 12:
        return 0.0
    total = 0.0
    for text in dict.fromkeys(n.text for n in rounded):  # the same number moves everywhere at once
        other: Node = node
        for n in rounded:
            other = _replaced(other, n, Number(f"{text}5")) if n.text == text else other
        moved = value(other)
        if moved is not None and moved.shape == base.shape:
            total += float(np.abs(moved - base).max(initial=0.0))
    return total


def rounded_texts(node: Node) -> set[str]:
    """The numbers with decimals that a result is made of."""
    return {n.text for n in walk(node) if isinstance(n, Number) and "." in n.text}


def _rounded(text: str) -> bool:
    """Whether a number may be a result that was rounded: three decimals and two digits that count, 0.025."""
    return len(text.partition(".")[2]) >= 3 and len(text.replace(".", "").lstrip("0")) >= 2


def _replaced(node: Any, old: Node, new: Node) -> Any:
    """The tree with one of its nodes (this very one) replaced."""
    if node is old:
        return new
    if isinstance(node, Node):
        changed = {f: _replaced(getattr(node, f), old, new) for f in node.__dataclass_fields__ if f not in ("start", "end")}
        return replace(node, **changed) if any(changed[f] is not getattr(node, f) for f in changed) else node
    if isinstance(node, tuple):
        parts = tuple(_replaced(n, old, new) for n in node)
        return parts if any(a is not b for a, b in zip(parts, node, strict=True)) else node
    return node


def agree(left: np.ndarray, right: np.ndarray, slack: np.ndarray | float) -> np.ndarray:
    """For each entry, whether the two are the same number but for rounding."""
    return np.abs(left - right) <= np.asarray(slack) * (1 + 1e-9) + 1e-9 * np.maximum(np.abs(left), np.abs(right)) + 1e-12
