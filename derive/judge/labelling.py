"""Atoms, the names that canonical forms are made of, and the canonical labelling that names them.

An atom is an entry of something, with slots for indices: x (one slot), σ(Σ_k W_ik x_k) (one), Σ_k A_ik B_kj (two). What it is made of
has its own labels: its slots are 0, 1, …, its summed indices come after them. Two atoms are one object exactly when what they
are made of has the same canonical labelling, so that equality of forms is equality of keys.

Indices of space are integers, those below zero fixed places (`place`). An instant is a pair (label, offset); labels below zero are
named (`moment`: "", "T", "t", …), others slots or summed.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from itertools import count, pairwise
from typing import Any, NamedTuple
from weakref import WeakValueDictionary

from derive.expr import DeriveError

Coef = Any  # int or Fraction
Index = tuple[Any, ...]  # a label for each slot of space, then an instant for each slot of time
Factor = tuple["Atom", Index]
Powers = tuple[tuple[Factor, Coef], ...]
Terms = tuple[tuple[Coef, Powers], ...]


class Exceeded(DeriveError):
    """The budget of terms, of factors or of time is spent."""


class Undefined(DeriveError):
    """A form that has no value: a division by zero."""


class Budget:
    """Limits of one proof: terms of a sum, factors of a term, seconds."""

    def __init__(self, seconds: float = 1.0, terms: int = 3000, factors: int = 60):
        self.terms, self.factors = terms, factors
        self.deadline = time.monotonic() + seconds

    def check(self, terms: int = 0, factors: int = 0) -> None:
        if terms > self.terms:
            raise Exceeded(f"more than {self.terms} terms")
        if factors > self.factors:
            raise Exceeded(f"more than {self.factors} factors in a term")
        if time.monotonic() > self.deadline:
            raise Exceeded("out of time")


class Atom:
    """kind and data say what it is; `space` the sizes of its slots of space, `times` how many slots of time it has.

    terms: what it is made of, for all but the simplest. group: permutations of the slots that leave it as it is.
    leaves: the named quantities in it. positive: nowhere negative. deltas: made of deltas, among others.
    special: products with it need more than adding powers.
    """

    __slots__ = (
        "__weakref__", "bound", "data", "deltas", "group", "kind", "lead", "leaves", "orbits", "positive", "serial", "space",
        "special", "terms", "times",
    )  # fmt: skip
    kind: str
    data: Any
    space: tuple[Any, ...]
    times: int
    terms: Terms
    bound: tuple[tuple[Any, ...], int]
    group: tuple[tuple[int, ...], ...]
    orbits: tuple[int, ...]
    leaves: frozenset[Atom]
    positive: bool
    deltas: bool
    special: bool
    lead: Any
    serial: int

    def least(self, index: Index) -> Index:
        """Of the indices that mean the same the first one."""
        return min(tuple(index[k] for k in p) for p in self.group) if self.group else index

    def __repr__(self) -> str:
        return f"<{self.kind} {self.data if not self.terms else ''} {self.serial}>"


_atoms: WeakValueDictionary[tuple, Atom] = WeakValueDictionary()
_serials = count()
LEAVES = ("var", "jac")
SPECIAL = ("delta", "le", "block", "upto", "number", "sum", "sign", "jac")


def atom(
    kind: str, data: Any, space: tuple[Any, ...] = (), times: int = 0, terms: Terms = (), bound: Any = ((), 0),
    group: tuple[tuple[int, ...], ...] = (), positive: bool = False,
) -> Atom:  # fmt: skip
    """The one atom of that kind with these data."""
    key = (kind, data, terms, space, times, bound)
    found = _atoms.get(key)
    if found is None:
        found = Atom()
        found.kind, found.data, found.space, found.times, found.terms, found.bound = kind, data, space, times, terms, bound
        found.group, found.positive, found.special, found.lead = group, positive, kind in SPECIAL, None
        found.orbits = tuple(min(p[k] for p in group) for k in range(len(space) + times)) if group else ()
        inner = frozenset(leaf for _, powers in terms for (a, _), _ in powers for leaf in a.leaves)
        found.leaves = frozenset((found,)) if kind in LEAVES else inner
        found.deltas = any(a.kind in ("delta", "block", "upto") or a.deltas for _, powers in terms for (a, _), _ in powers)
        found.serial = next(_serials)
        _atoms[key] = found
    return found


_moments: dict[str, int] = {"": -1, "T": -2}
_places: dict[Any, int] = {}
_sizes: dict[Any, int] = {}


def moment(base: str) -> int:
    """The label of a named base of instants."""
    return _moments.setdefault(base, -1 - len(_moments))


ORIGIN, END = moment(""), moment("T")


def base_of(label: int) -> str:
    return next(name for name, k in _moments.items() if k == label)


def place(value: Any) -> int:
    """The label of a fixed place."""
    return _places.setdefault(value, -1 - len(_places))


def place_of(label: int) -> Any:
    return next(value for value, k in _places.items() if k == label)


class Labelled(NamedTuple):
    """Canonical terms; which of the labels (and instants) given are its slots 0, 1, …; sizes and number of what is summed."""

    terms: Terms
    space: tuple[int, ...]
    sizes: tuple[Any, ...]
    times: tuple[tuple[int, int], ...]
    bound: tuple[tuple[Any, ...], int]
    group: tuple[tuple[int, ...], ...]

    @property
    def slots(self) -> Index:
        return (*self.space, *self.times)


_known: dict[Any, Labelled] = {}
LEAVES_TRIED = 200


def labelled(
    terms: Iterable[tuple[Coef, Iterable[tuple[Factor, Coef]]]], bound: Mapping[int, Any] = {}, times: frozenset[int] = frozenset(),
    axes: tuple[int, ...] = (),
) -> Labelled:  # fmt: skip
    """The canonical labelling of a sum of products whose labels `bound` and `times` are summed, the others free.

    axes: free labels that keep their places, as the axes of a matrix do. Raises Exceeded where the symmetry is too large.
    """
    listed = tuple((c, tuple(powers)) for c, powers in terms)
    key = (frozenset((c, frozenset(powers)) for c, powers in listed), frozenset(bound.items()), times, axes)
    found = _known.get(key)
    if found is None:
        if len(_known) > 5000:
            _known.clear()
        found = _known[key] = _Search(listed, bound, times, axes).result()
    return found


class _Search:
    """Colour refinement, then a search over what it leaves alike; the least list of terms wins."""

    def __init__(self, terms: Terms, bound: Mapping[int, Any], times: frozenset[int], axes: tuple[int, ...]):
        self.numbers: dict[Any, int] = {}
        self.start: list[tuple] = []
        self.names: list[tuple[bool, int]] = []  # (whether an instant, label)
        self.lowest: dict[int, int] = {}
        self.sizes: list[Any] = []
        self.bound, self.times, self.axes = bound, times, axes
        listed = [(c, [self._factor(a, index, e) for (a, index), e in powers]) for c, powers in terms]
        self._anchor([factor for _, factors in listed for factor in factors])
        self.terms = [(c, [(a, e, vs, self._offsets(a, vs, off)) for a, e, vs, off in factors]) for c, factors in listed]
        self.best: tuple | None = None
        self.order: list[int] = []
        self.same: list[list[int]] = []
        self.tried = 0

    def _factor(self, a: Atom, index: Index, e: Coef) -> tuple:
        wide = len(a.space)
        vertices = [self._vertex(False, label, size) for label, size in zip(index[:wide], a.space, strict=True)]
        offsets = []
        for label, offset in index[wide:]:
            v = self._vertex(True, label, None)
            if a.kind != "le":
                self.lowest[v] = min(self.lowest.get(v, offset), offset)
            vertices.append(v)
            offsets.append(offset)
        return a, e, tuple(vertices), tuple(offsets)

    def _anchor(self, factors: list[tuple]) -> None:
        """Where instants count from: their earliest use; those that only ranges use, from what these compare them with."""
        ranges = [(*vs, off[1] - off[0]) for a, _, vs, off in factors if a.kind == "le"]
        self._anchor_by(ranges)
        for v in {v for a, b, _ in ranges for v in (a, b)}:  # nothing but ranges: from the free ones
            if not self.start[v][1]:
                self.lowest.setdefault(v, 0)
        self._anchor_by(ranges)
        for a, b, _ in ranges:
            self.lowest.setdefault(a, 0)
            self.lowest.setdefault(b, 0)

    def _anchor_by(self, ranges: list[tuple[int, int, int]]) -> None:
        while True:
            found: dict[int, int] = {}
            for a, b, width in ranges:
                for v, other, offset in ((a, b, -width), (b, a, width)):
                    if v not in self.lowest and other in self.lowest:
                        found[v] = min(found.get(v, self.lowest[other] + offset), self.lowest[other] + offset)
            if not found:
                return
            self.lowest.update(found)

    def _offsets(self, a: Atom, vs: tuple[int, ...], off: tuple[int, ...]) -> tuple[int, ...]:
        own = tuple(o - self.lowest[v] for v, o in zip(vs[len(a.space) :], off, strict=True))
        return (0, own[1] - own[0]) if a.kind == "le" else own

    def _vertex(self, instant: bool, label: int, size: Any) -> int:
        v = self.numbers.get((instant, label))
        if v is None:
            v = self.numbers[instant, label] = len(self.numbers)
            summed = label in (self.times if instant else self.bound)
            fixed = self.axes.index(label) if not instant and label in self.axes else -1
            self.start.append((instant, summed, fixed, _sizes.setdefault(size, len(_sizes))))
            self.names.append((instant, label))
            self.sizes.append(size)
        return v

    def result(self) -> Labelled:
        self.slots = [
            [
                ((a.serial, e), [(a.orbits[k] if a.orbits else k, v, w) for k, (v, w) in enumerate(self._weighed(a, vs, off))])
                for a, e, vs, off in fs
            ]
            for _, fs in self.terms
        ]
        self._search(self._refined(_ranks(self.start)))
        numbering = self._numbering(self.order)
        free = [v for v in self.order if not self.start[v][1]]
        space, instants = [v for v in free if not self.names[v][0]], [v for v in free if self.names[v][0]]
        summed = [v for v in self.order if self.start[v][1]]
        assert self.best is not None
        return Labelled(
            self._written(numbering),
            tuple(self.names[v][1] for v in space),
            tuple(self.sizes[v] for v in space),
            tuple((self.names[v][1], self.lowest[v]) for v in instants),
            (tuple(self.sizes[v] for v in summed if not self.names[v][0]), sum(self.names[v][0] for v in summed)),
            self._group([*space, *instants]),
        )

    @staticmethod
    def _weighed(a: Atom, vs: tuple[int, ...], off: tuple[int, ...]) -> list[tuple[int, int]]:
        return list(zip(vs, (*(0 for _ in a.space), *off), strict=True))

    def _refined(self, colour: list[int]) -> list[int]:
        classes = len(set(colour))
        while classes < len(colour):
            marks: list[list] = [[] for _ in colour]
            for (c, _), factors in zip(self.terms, self.slots, strict=True):
                signs = [(head, sorted((o, colour[v], w) for o, v, w in slots)) for head, slots in factors]
                whole = (c, sorted(signs)) if len(self.terms) > 1 else 0
                for sign, (_, slots) in zip(signs, factors, strict=True):
                    for o, v, w in slots:
                        marks[v].append((whole, sign, o, w))
            new = _ranks([(colour[v], sorted(m)) for v, m in enumerate(marks)])
            count = len(set(new))
            if count == classes:
                break
            colour, classes = new, count
        return colour

    def _search(self, colour: list[int]) -> None:
        cells: dict[int, list[int]] = {}
        for v, c in enumerate(colour):
            cells.setdefault(c, []).append(v)
        tie = next((cells[c] for c in sorted(cells) if len(cells[c]) > 1), None)
        if tie is None:
            self._leaf(sorted(range(len(colour)), key=colour.__getitem__))
            return
        taken: list[int] = []
        for v in tie:
            if any(self._twins(v, u) for u in taken):
                continue
            taken.append(v)
            self._search(self._refined([2 * c + (c == colour[v] and u != v) for u, c in enumerate(colour)]))

    def _leaf(self, order: list[int]) -> None:
        self.tried += 1
        if self.tried > LEAVES_TRIED:
            raise Exceeded("a product too symmetric to be put in order")
        key = self._key(self._numbering(order))
        if self.best is None or key < self.best:
            self.best, self.order = key, order
        elif key == self.best:
            found = [0] * len(order)
            for u, v in zip(self.order, order, strict=True):
                found[u] = v
            self.same.append(found)

    def _numbering(self, order: list[int]) -> list[int]:
        numbers, next_ = [0] * len(order), [0, 0]
        for v in order:
            instant = self.names[v][0]
            numbers[v] = next_[instant]
            next_[instant] += 1
        return numbers

    def _index(self, numbering: list[int], a: Atom, vs: tuple[int, ...], off: tuple[int, ...]) -> Index:
        wide = len(a.space)
        index = (*(numbering[v] for v in vs[:wide]), *((numbering[v], o) for v, o in zip(vs[wide:], off, strict=True)))
        return a.least(index)

    def _key(self, numbering: list[int]) -> tuple:
        return tuple(
            sorted(
                (c, tuple(sorted((a.serial, self._index(numbering, a, vs, off), e) for a, e, vs, off in fs)))
                for c, fs in self.terms
            )
        )

    def _written(self, numbering: list[int]) -> Terms:
        rows = [
            (c, tuple(sorted((((a, self._index(numbering, a, vs, off)), e) for a, e, vs, off in fs), key=_written_order)))
            for c, fs in self.terms
        ]
        return tuple(sorted(rows, key=lambda row: (row[0], tuple(map(_written_order, row[1])))))

    def _twins(self, u: int, v: int) -> bool:
        """Whether exchanging two labels changes nothing."""
        plain = list(range(len(self.start)))
        swapped = plain.copy()
        swapped[u], swapped[v] = v, u
        if self._key(plain) != self._key(swapped):
            return False
        self.same.append(swapped)
        return True

    def _group(self, slots: list[int]) -> tuple[tuple[int, ...], ...]:
        """The permutations of the slots that leave everything as it is, generated by those that were met."""
        where = {v: k for k, v in enumerate(slots)}
        steps = {tuple(where[p[v]] for v in slots) for p in self.same}
        unit = tuple(range(len(slots)))
        steps.discard(unit)
        if not steps:
            return ()
        group, new = {unit}, [unit]
        while new:
            p = new.pop()
            for s in steps:
                q = tuple(p[k] for k in s)
                if q not in group:
                    group.add(q)
                    new.append(q)
            if len(group) > 720:
                raise Exceeded("a product too symmetric to be put in order")
        return tuple(sorted(group))


def _written_order(entry: tuple[Factor, Coef]) -> tuple:
    return (entry[0][0].serial, entry[0][1], entry[1])


def _ranks(keys: list[Any]) -> list[int]:
    order = sorted(range(len(keys)), key=keys.__getitem__)
    ranks, rank = [0] * len(keys), 0
    for before, v in pairwise(order):
        rank += keys[before] != keys[v]
        ranks[v] = rank
    return ranks
