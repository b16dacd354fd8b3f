"""What arithmetics have in common: their interface, contractions of their arrays, and what a claim may cost."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple, Protocol

import numpy as np
import sympy

from derive.expr import Letters
from derive.judge.nodes import Budget, Leaf

Array = np.ndarray
COST = 20_000_000  # scalar operations of one claim in all its models
LARGEST = 400_000  # scalars of one array


class Arithmetic(Protocol):
    """Arrays of scalars with `lanes` of them side by side along the first axis."""

    lanes: int

    def number(self, c: sympy.Expr) -> Array: ...
    def leaf(self, leaf: Leaf, shape: tuple[int, ...], positive: bool, seed: int) -> Array: ...
    def given(self, values: Array) -> Array: ...
    def add(self, a: Array, b: Array) -> Array: ...
    def subtract(self, a: Array, b: Array) -> Array: ...
    def multiply(self, a: Array, b: Array) -> Array: ...
    def total(self, a: Array, axes: tuple[int, ...]) -> Array: ...
    def function(self, name: str, x: Array, n: int) -> Array: ...
    def filled(self, shape: tuple[int, ...], value: int) -> Array: ...
    def square(self, fn: str, a: Array) -> Array: ...


class Guard:
    """What one claim may cost. Raises Budget where it is exceeded."""

    def __init__(self, seconds: float = 5.0, cost: int = COST):
        self.reset(seconds, cost)

    def reset(self, seconds: float, cost: int = COST) -> None:
        self.deadline, self.left = time.monotonic() + seconds, cost

    @property
    def over(self) -> bool:
        return self.left < 0 or time.monotonic() > self.deadline

    def spend(self, operations: int) -> None:
        self.left -= operations
        if self.left < 0:
            raise Budget("more scalar operations than the budget allows")
        if time.monotonic() > self.deadline:
            raise Budget("out of time")


# -- contractions -------------------------------------------------------------------------------------------------


class Operand(NamedTuple):
    """How an operand enters: diagonals to take, axes to sum, the order of the rest, its place among all, sums afterwards."""

    diagonals: tuple[tuple[int, int], ...]
    sums: tuple[int, ...]
    order: tuple[int, ...]
    place: tuple[Any, ...]
    so_far: tuple[Any, ...]
    after: tuple[int, ...]


class Plan(NamedTuple):
    turns: tuple[int, ...]  # the operands in the order in which they enter
    operands: tuple[Operand, ...]
    order: tuple[int, ...]
    place: tuple[Any, ...]


@lru_cache(maxsize=20_000)
def plan(letters: tuple[Letters, ...], out: Letters) -> Plan:
    """A contraction factor by factor, each letter summed as soon as no later factor has it."""
    operands: list[Operand] = []
    current: list[int] = []
    turns = _turns(letters, out)
    for k, own in enumerate(letters[n] for n in turns):
        later = {i for n in turns[k + 1 :] for i in letters[n]} | set(out)
        kept, diagonals = _unrepeated(own)
        sums = tuple(axis for axis, i in enumerate(kept) if i not in later and i not in current)
        kept = [i for i in kept if i in later or i in current]
        union = current + [i for i in kept if i not in current]
        order = tuple(sorted(range(len(kept)), key=lambda axis, kept=kept, union=union: union.index(kept[axis])))  # type: ignore[misc]
        place = tuple(slice(None) if i in kept else None for i in union)
        so_far = tuple(slice(None) if i in current else None for i in union)
        after = tuple(axis for axis, i in enumerate(union) if i not in later)
        operands.append(Operand(diagonals, sums, order, place, so_far, after))
        current = [i for i in union if i in later]
    once = list(dict.fromkeys(out))
    order = tuple(sorted(range(len(current)), key=lambda axis: once.index(current[axis])))
    return Plan(turns, tuple(operands), order, tuple(slice(None) if i in current else None for i in once))


def _turns(letters: tuple[Letters, ...], out: Letters) -> tuple[int, ...]:
    """The factors in an order that keeps the arrays small: next the one with which the fewest letters stand side by side."""
    if len(letters) < 3:
        return tuple(range(len(letters)))
    left, taken = list(range(len(letters))), list[int]()
    current: set[int] = set()
    while left:
        best = min(left, key=lambda n: _weight(letters, left, out, current, n))
        left.remove(best)
        taken.append(best)
        current = (current | set(letters[best])) & _later(letters, left, out)
    return tuple(taken)


def _later(letters: tuple[Letters, ...], left: list[int], out: Letters) -> set[int]:
    return {i for k in left for i in letters[k]} | set(out)


def _weight(letters: tuple[Letters, ...], left: list[int], out: Letters, current: set[int], n: int) -> tuple[int, int, int]:
    """(letters side by side with factor n, those of them that stay, n)."""
    both = current | set(letters[n])
    return len(both), len(both & _later(letters, [k for k in left if k != n], out)), n


def _unrepeated(letters: Letters) -> tuple[list[int], tuple[tuple[int, int], ...]]:
    kept, diagonals = list(letters), []
    while len(set(kept)) < len(kept):
        a, b = next((a, b) for a in range(len(kept)) for b in range(a + 1, len(kept)) if kept[a] == kept[b])
        diagonals.append((a, b))
        letter = kept.pop(b)
        kept.pop(a)
        kept.append(letter)  # NumPy puts the diagonal last
    return kept, tuple(diagonals)


def fitting(shape: Sequence[int]) -> int:
    """The number of scalars of an array. Raises Budget where it is too large to be made."""
    count = math.prod(shape)
    if count > LARGEST:
        raise Budget("an array that is too large")
    return count


def contract(
    by: Arithmetic,
    arrays: Sequence[Array],
    letters: tuple[Letters, ...],
    out: Letters,
    size: Sequence[int],
    lead: int,
    guard: Guard,
) -> Array:
    """Σ over the letters that `out` lacks of the products of the entries; `lead` axes in front belong to every array."""
    steps = plan(letters, out)
    front = (slice(None),) * lead
    result: Array | None = None
    for array, step in zip((arrays[n] for n in steps.turns), steps.operands, strict=True):
        for a, b in step.diagonals:
            array = array.diagonal(0, a + lead, b + lead)
        if step.sums:
            array = by.total(array, tuple(axis + lead for axis in step.sums))
        array = array.transpose(*range(lead), *(axis + lead for axis in step.order))[(*front, *step.place)]
        if result is None:
            result = array
        else:
            result = result[(*front, *step.so_far)]
            result = _multiplied(by, result, array, tuple(axis + lead for axis in step.after), guard)
    if result is None:
        result = by.filled((1,) * (lead - 1), 1)
    result = result.transpose(*range(lead), *(axis + lead for axis in steps.order))[(*front, *steps.place)]
    return _spread(by, result, out, size, lead)


def _multiplied(by: Arithmetic, a: Array, b: Array, sums: tuple[int, ...], guard: Guard) -> Array:
    """The product, summed over these axes: slice by slice along one of them where all at once would be too large."""
    shape = np.broadcast_shapes(a.shape, b.shape)
    guard.spend(math.prod(shape))
    if not sums or math.prod(shape) <= LARGEST:
        fitting(shape)
        product = by.multiply(a, b)
        return by.total(product, sums) if sums else product
    axis = max(sums, key=lambda s: shape[s])
    fitting([n for s, n in enumerate(shape) if s != axis])
    total: Array | None = None
    for k in range(shape[axis]):
        here = [np.take(x, [k if x.shape[axis] > 1 else 0], axis) for x in (a, b)]
        part = by.total(by.multiply(*here), sums)
        total = part if total is None else by.add(total, part)
    assert total is not None
    return total


def _spread(by: Arithmetic, array: Array, out: Letters, size: Sequence[int], lead: int) -> Array:
    """Broadcast to the sizes of `out`; a letter that stands twice is a diagonal."""
    once = list(dict.fromkeys(out))
    fitting((*array.shape[:lead], *(size[i] for i in out)))
    array = np.broadcast_to(array, (*array.shape[:lead], *(size[i] for i in once)))
    if len(once) == len(out):
        return array
    full = np.broadcast_to(by.filled((1,) * (lead - 1 + len(out)), 0), (*array.shape[:lead], *(size[i] for i in out))).copy()
    grids = np.ogrid[tuple(slice(size[i]) for i in once)]
    places: tuple[Any, ...] = (*(slice(None),) * lead, *(grids[once.index(i)] for i in out))
    full[places] = array
    return full
