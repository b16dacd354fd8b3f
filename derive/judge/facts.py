"""What is known of instants: differences that don't exceed a number, and what follows from them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

Bound = tuple[int, int, int]  # (a, b, w): a is at most b + w


class Facts:
    """A set of bounds between named instants; `implied` and the others also see those of the scopes that are open."""

    def __init__(self, bounds: Iterable[Bound] = ()):
        self.bounds: tuple[Bound, ...] = tuple(bounds)
        self.known: dict[tuple[Bound, ...], dict[tuple[int, int], int]] = {}

    @contextmanager
    def within(self, bounds: Iterable[Bound]) -> Iterator[None]:
        """These hold, too, inside the block: the range of a sum, in its summand."""
        before = self.bounds
        self.bounds = (*before, *bounds)
        try:
            yield
        finally:
            self.bounds = before

    def implied(self, a: int, b: int, width: int) -> bool:
        """Whether a is at most b + width."""
        if a == b:
            return width >= 0
        least = self._closure(self.bounds).get((a, b))
        return least is not None and least <= width

    @property
    def consistent(self) -> bool:
        """Whether there are such instants."""
        return all(least >= 0 for (a, b), least in self._closure(self.bounds).items() if a == b)

    def reduced(self, bounds: list[Bound]) -> set[Bound] | None:
        """The bounds that don't follow from the others; None where they contradict each other."""
        kept = sorted(set(bounds))
        if any(self._closure((*self.bounds, *kept)).get((k, k), 0) < 0 for a, b, _ in kept for k in (a, b)):
            return None
        for bound in list(kept):
            others = tuple(b for b in kept if b != bound)
            least = self._closure((*self.bounds, *others)).get((bound[0], bound[1]))
            if least is not None and least <= bound[2]:
                kept = list(others)
        return set(kept)

    def fixed(self, bounds: list[Bound], labels: frozenset[int]) -> tuple[int, tuple[int, int]] | None:
        """One of the labels, and the instant (of another label) that it must be."""
        closure = self._closure((*self.bounds, *bounds))
        for (a, b), width in sorted(closure.items()):
            if a in labels and a != b and closure.get((b, a)) == -width:
                return a, (b, width)
        return None

    def _closure(self, bounds: tuple[Bound, ...]) -> dict[tuple[int, int], int]:
        """The least bound between every two labels (shortest paths)."""
        found = self.known.get(bounds)
        if found is not None:
            return found
        least: dict[tuple[int, int], int] = {}
        labels = sorted({k for a, b, _ in bounds for k in (a, b)})
        for a, b, w in bounds:
            least[a, b] = min(w, least.get((a, b), w))
        for via in labels:
            for a in labels:
                if (first := least.get((a, via))) is None:
                    continue
                for b in labels:
                    if (second := least.get((via, b))) is not None and first + second < least.get((a, b), first + second + 1):
                        least[a, b] = first + second
        if len(self.known) > 2000:
            self.known.clear()
        self.known[bounds] = least
        return least
