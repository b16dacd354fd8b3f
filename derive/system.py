"""A system of named equations: what a network is, whatever it was written in.

A system knows its declared quantities, its equations in the order of the page, the range of its time index and the
order in which the nodes can be computed. It derives nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import sympy

from derive.expr import ROW, DeriveError, Expr, Instant, Jac, Opaque, Over, Var, at_time, postorder, show_shape

INDEX = "t"
LAST = "T"


class NetworkError(DeriveError):
    """A network that can't be used; the message names the equation and what would be right."""


@dataclass(frozen=True)
class Equation:
    """left = right; a sequence's equation has the left side h[t] and holds for every t of the time range."""

    left: Var
    right: Expr
    source: str = ""
    line: int = 0

    @property
    def name(self) -> str:
        return self.left.name

    @property
    def sequential(self) -> bool:
        return self.left.time is not None


@dataclass(frozen=True)
class OpenFunction:
    """A declared function without a formula."""

    name: str


@dataclass(frozen=True)
class System:
    """Declared quantities (sequences as v[t]), initial values (h[0]), equations, the range of t, the loss."""

    name: str
    title: str
    declared: tuple[Var, ...]
    initial: tuple[Var, ...]
    functions: tuple[OpenFunction, ...]
    equations: tuple[Equation, ...]
    first: int
    loss: Var | None
    returned: Var | None = None
    text: str = ""

    @cached_property
    def by_name(self) -> dict[str, Equation]:
        return {e.name: e for e in self.equations}

    @cached_property
    def quantities(self) -> dict[str, Var]:
        """Every name with its shape: declared ones, then the left sides; sequences as v[t]."""
        return {v.name: v for v in (*self.declared, *(e.left for e in self.equations))}

    @cached_property
    def independent(self) -> dict[str, Var]:
        """What gradients are taken of: parameters, inputs, initial values, by key."""
        return {v.key: v for v in (*self.declared, *self.initial)}

    @property
    def nodes(self) -> dict[str, Var]:
        return {**self.independent, **{e.name: e.left for e in self.equations}}

    @property
    def sequential(self) -> bool:
        return any(v.time is not None for v in self.quantities.values())

    @property
    def range(self) -> tuple[Instant, Instant]:
        return Instant("", self.first), Instant(LAST)

    def find(self, name: str) -> Var:
        """The node of that name or key. Raises NetworkError with the names there are."""
        name = name.replace(" ", "")
        if name in self.nodes:
            return self.nodes[name]
        plain = self.nodes.get(name.removesuffix(f"[{INDEX}]"))
        if plain is not None and plain.time is not None:
            return plain
        raise NetworkError(f"{self.name} has no quantity {name!r}; it has {', '.join(self.nodes)}")

    def is_initial(self, v: Var) -> bool:
        return v.time is not None and v.at(v.time) in self.initial

    @cached_property
    def ordered(self) -> tuple[Equation, ...]:
        """Equations with those of the same instant before those that use them. Raises NetworkError on a cycle."""
        needs = {e.name: {v.name for v in self.defined_in(e) if not _earlier(e, v)} for e in self.equations}
        return tuple(self.by_name[name] for name in instant_order(needs, {e.name: e.source for e in self.equations}))

    @cached_property
    def stages(self) -> tuple[tuple[Equation, ...], ...]:
        """The order of computation: each stage first its static equations, then one run through time of its sequences."""
        level = dict.fromkeys(self.by_name, 0)
        for _ in range(len(level) + 2):
            before = dict(level)
            for e in self.ordered:
                level[e.name] = max((level[v.name] + _waits(e, v) for v in self.defined_in(e)), default=0)
            if level == before:
                break
        else:
            raise NetworkError(f"{self.name}: a cycle through all of time: {', '.join(e.source for e in self.equations)}")
        count = 1 + max(level.values(), default=0)
        staged = [[e for e in self.ordered if level[e.name] == k] for k in range(count)]
        return tuple(tuple(sorted(stage, key=lambda e: e.sequential)) for stage in staged)

    def defined_in(self, e: Equation) -> list[Var]:
        """The quantities in the right side of an equation that other equations define."""
        return [v for v in occurrences(e.right) if v.name in self.by_name and v not in self.initial]

    def owner(self, v: Var) -> Equation | None:
        """The equation that gives this occurrence its value, or None for what is given."""
        equation = self.by_name.get(v.name)
        if equation is None or v in self.initial:
            return None
        return equation

    def require_loss(self) -> Var:
        """The loss. Raises NetworkError where the network has none, or one that isn't a scalar."""
        if self.loss is not None:
            return self.loss
        if self.returned is None:
            raise NetworkError(
                f"{self.name} has no loss: it defines {', '.join(e.name for e in self.equations)} and returns none of them "
                f"as a scalar. Ask for a Jacobian (net.jacobian), or end it with `return` and a scalar"
            )
        source = self.by_name[self.returned.name].source
        kind = "a sequence" if self.returned.time is not None else f"in {show_shape(self.returned.shape)}"
        raise NetworkError(
            f"{self.name}: the loss must be a scalar, but {source} is {kind}: ask for a Jacobian (net.jacobian), or return a "
            f"scalar, such as sqnorm({self.returned.name}) or a sum over time"
        )


def occurrences(e: Expr) -> list[Var]:
    """The named quantities in an expression, in order of appearance, each once."""
    return [node for node in postorder(e) if isinstance(node, Var)]


def open_functions(e: Expr) -> list[Opaque]:
    return [node for node in postorder(e) if isinstance(node, Opaque)]


def align(e: Expr) -> tuple[Expr, int]:
    """The expression moved in time so that its latest free index is t; and the steps back to where it was."""
    offsets = [v.time.offset for v in free_times(e)]
    lead = max(offsets, default=0)
    return (at_time(e, INDEX, Instant(INDEX, -lead)), lead) if lead else (e, 0)


def free_times(e: Expr) -> list[Any]:
    """Nodes whose instant is relative to the free index t (those under a sum over t are not)."""
    found: list[Any] = []
    stack, seen = [e], set()
    while stack:
        node = stack.pop()
        if node in seen:
            continue
        seen.add(node)
        if isinstance(node, Var | Opaque) and node.time is not None and node.time.base == INDEX:
            found.append(node)
        if isinstance(node, Jac):
            stack += [node.top, node.below]
        if not (isinstance(node, Over) and node.index == INDEX):
            stack.extend(node.children())
    return found


def _earlier(e: Equation, v: Var) -> bool:
    """Whether a recurrence takes v from before: h[t-1] in the equation of c[t]."""
    return e.sequential and v.time is not None and v.time.base == INDEX and v.time.offset < 0


def _waits(e: Equation, v: Var) -> int:
    """1 where e needs v at every instant, or at a later one, before its own first."""
    if v.time is None:
        return 0
    return 0 if e.sequential and v.time.base == INDEX and v.time.offset <= 0 else 1


def instant_order(needs: dict[str, set[str]], describe: dict[str, str]) -> list[str]:
    """Names sorted, otherwise as they stand, so that each comes after what it needs. Raises NetworkError on a cycle."""
    order: dict[str, None] = {}
    path: dict[str, None] = {}
    for start in needs:
        stack = [(start, False)]
        while stack:
            name, leave = stack.pop()
            if leave:
                del path[name]
                order[name] = None
            elif name in path:
                names = list(path)
                cycle = [*names[names.index(name) :], name]
                raise NetworkError(
                    f"a cycle: {' needs '.join(cycle)} ({'; '.join(describe[c] for c in cycle[:-1])}). A quantity must not "
                    f"depend on itself at the same instant; a recurrence takes it at t-1, as in h[t-1]"
                )
            elif name not in order:
                path[name] = None
                stack.append((name, True))
                stack.extend((need, False) for need in sorted(needs[name] & needs.keys(), reverse=True))
    return list(order)


# -- sizes in numbers ---------------------------------------------------------------------------------------------


def solved_sizes(formulas: Iterable[tuple[sympy.Expr, int]], known: Mapping[sympy.Symbol, int]) -> dict[sympy.Symbol, int]:
    """The known sizes with those that follow: n = 3 from n + d = 5 and d = 2. Formulas that no size fits say nothing."""
    sizes = dict(known)
    waiting = [(d, n) for d, n in formulas if d is not ROW and not d.is_number]
    while waiting:
        left = []
        for d, n in waiting:
            unknown = sorted(d.free_symbols - sizes.keys(), key=str)
            if len(unknown) > 1:
                left.append((d, n))
            elif unknown:
                found = sympy.solve(d.xreplace(sizes) - n, unknown[0])
                if len(found) == 1 and found[0].is_Integer and found[0] > 0:
                    sizes[unknown[0]] = int(found[0])
        if len(left) == len(waiting):
            break
        waiting = left
    return sizes
