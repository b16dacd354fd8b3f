"""Shared products: fewer multiplications in a straight-line program, by computing a product of two factors once.

Chains of products and quotients whose links nothing else uses are opened into factors; then the pair of factors that
most of them share is computed once, again and again. (c̄ i)(i g) e^-a takes two operations where c̄ i and i g are
known; as c̄ · g · (i · (1 − i)) it would take four.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import combinations
from typing import Any

Slot = int
Factor = tuple[Any, int]  # an operand as the program names it ("w", slot), ("n", number) or ("t", temporary); exponent 1 or -1
Pair = tuple[Factor, Factor]
Step = tuple[str, tuple[Any, ...]]

PRODUCTS = ("mul", "div", "recip")


@dataclass
class Products:
    """The products of a program as lists of factors, and the temporaries made of pairs."""

    factors: dict[Slot, list[Factor]]
    temporaries: list[Pair] = field(default_factory=list)

    def share(self) -> Products:
        """Replace the most frequent pair by a temporary until no pair stands in two products."""
        places: dict[Pair, Counter] = {}
        queue: list[tuple[int, int, Pair]] = []  # most frequent first; entries may be out of date
        for slot in self.factors:
            self._count(slot, places, 1, queue)
        while queue:
            count, _, pair = heappop(queue)
            if -count != _total(places, pair):
                continue
            new: Factor = (("t", len(self.temporaries)), 1)
            self.temporaries.append(pair)
            for slot in list(places[pair]):
                self._count(slot, places, -1, queue)
                self._replace(self.factors[slot], pair, new)
                self._count(slot, places, 1, queue)
        return self

    def _count(self, slot: Slot, places: dict[Pair, Counter], sign: int, queue: list[tuple[int, int, Pair]]) -> None:
        for pair in _pairs(self.factors[slot]):
            counter = places.setdefault(pair, Counter())
            counter[slot] += sign
            if counter[slot] <= 0:
                del counter[slot]
            total = _total(places, pair)
            if total > 1:
                heappush(queue, (-total, _age(pair), pair))

    def _replace(self, factors: list[Factor], pair: Pair, new: Factor) -> None:
        a, b = pair
        while a in factors and b in factors and (a != b or factors.count(a) > 1):
            factors.remove(a)
            factors.remove(b)
            factors.append(new)


def _total(places: dict[Pair, Counter], pair: Pair) -> int:
    return sum(places[pair].values())


def _pairs(factors: list[Factor]) -> Iterator[Pair]:
    """Every pair of factors of one product, once; two denominators are no pair."""
    seen: set[Pair] = set()
    for a, b in combinations(sorted(factors, key=_place), 2):
        if (a[1] > 0 or b[1] > 0) and (a, b) not in seen:
            seen.add((a, b))
            yield a, b


def _place(f: Factor) -> tuple:
    (kind, value), exponent = f
    return kind, value, exponent


def _age(pair: Pair) -> int:
    """Earlier operands first, so that the choice does not depend on the order of a dictionary."""
    return max((f[0][1] if f[0][0] == "w" else 10**9) for f in pair)


def opened_products(steps: list[Step], needed: list[Slot], kept: set[Slot]) -> dict[Slot, list[Factor]]:
    """The factors of every product that something else than one other product uses, or that is kept as an output."""
    users: Counter = Counter()
    by_product: Counter = Counter()
    for slot in needed:
        name, operands = steps[slot]
        for position, o in enumerate(operands):
            if o[0] == "w":
                users[o[1]] += 1
                by_product[o[1]] += name in PRODUCTS and not (name != "mul" and position == len(operands) - 1)
    inner = {s for s in needed if steps[s][0] in PRODUCTS and users[s] == by_product[s] == 1 and s not in kept}

    def factors(slot: Slot) -> list[Factor]:
        found: list[Factor] = []
        stack: list[Factor] = _own(steps[slot])[::-1]
        while stack:
            (kind, value), exponent = stack.pop()
            if kind == "w" and value in inner and exponent > 0:
                stack.extend(_own(steps[value])[::-1])
            else:
                found.append(((kind, value), exponent))
        return found

    return {s: factors(s) for s in needed if steps[s][0] in PRODUCTS and s not in inner}


def _own(step: Step) -> list[Factor]:
    name, operands = step
    if name == "mul":
        return [(operands[0], 1), (operands[1], 1)]
    if name == "div":
        return [(operands[0], 1), (operands[1], -1)]
    return [(operands[0], -1)]
