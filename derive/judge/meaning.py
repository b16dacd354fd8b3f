"""What names mean in a network, as forms: equations, adjoints, Jacobians; and the instants at which a claim is made.

An adjoint is derived here from the equations: v̄ is the sum over the equations that use v, at every instant at which they do, of their
own adjoint times the derivative of their right side. Every use carries the range of its instants, so that nothing holds by assumption
but what `Instants` says: that a claim in t is judged where all that it mentions exists.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from derive.expr import Expr, Instant, Jac, MissingRule, Opaque, Over, Var, at_time, postorder, var
from derive.judge.calculus import Calculus, Moment, at, kept, leaf
from derive.judge.facts import Bound
from derive.judge.forms import ONE, ZERO, Poly, accumulate, leaves_of, single
from derive.judge.labelling import END, ORIGIN, Atom, Budget, Factor, Index, atom, moment
from derive.system import INDEX, LAST, Equation, System

NOW, USED = moment(INDEX), moment("#used")  # the instant of an equation; that of what it uses
AXES, SUMMED = 1000, 2000  # labels of the axes of what an equation uses; of its own, where they are summed
LONG = 3  # T is at least first + LONG


class Network:
    """The equations of a system as forms, and what they send back; shared by all claims about it."""

    def __init__(self, system: System, written: bool):
        self.system, self.written = system, written
        self.base: tuple[Bound, ...] = ((ORIGIN, END, -(system.first + LONG)),)
        self.equations: dict[Atom, Equation] = {leaf(e.left): e for e in system.equations}
        self.independent = {leaf(v) for v in (*system.declared, *system.initial)} - self.equations.keys()
        self.loss = leaf(system.loss) if system.loss is not None else None
        self.rights: dict[Atom, Poly] = {}
        self.partials: dict[tuple[Atom, Atom], Poly] = {}
        self.pulls: dict[tuple[Atom, bool], Poly] = {}
        self.free: set[Atom] | None = None
        self.below: dict[Atom, set[Atom]] = {}
        stage = {e.name: k for k, stage in enumerate(system.stages) for e in stage}
        position = {e.name: k for k, e in enumerate(system.ordered)}
        self.order: dict[str, tuple[int, int]] = {name: (stage[name], position[name]) for name in stage}

    def known(self, v: Atom) -> bool:
        return v in self.equations or v in self.independent

    def ring(self, budget: Budget) -> Calculus:
        ring = Calculus(budget, self.written)
        ring.facts.bounds = self.base
        return ring

    def right(self, u: Atom, budget: Budget) -> Poly:
        """The right side of u's equation at t."""
        if u not in self.rights:
            self.rights[u] = self.ring(budget).form(self.equations[u].right)
        return self.rights[u]

    def partial(self, u: Atom, v: Atom, budget: Budget) -> Poly:
        """∂u/∂v in u's equation alone; v's axes are AXES, …, its instant USED."""
        if (u, v) not in self.partials:
            axes = tuple(AXES + k for k in range(len(v.space)))
            self.partials[u, v] = self.ring(budget).diff(self.right(u, budget), v, axes, (USED, 0) if v.times else None)
        return self.partials[u, v]

    @property
    def causal(self) -> bool:
        """Whether sequences use what is of their own instant or earlier, and no sums."""
        return all(
            isinstance(n, Var) and (n.time is None or (n.time.base == INDEX and n.time.offset <= 0))
            for e in self.system.equations
            if e.sequential
            for n in postorder(e.right)
            if isinstance(n, Var | Over | Jac)
        )

    def reaches(self, v: Atom, u: Atom, budget: Budget) -> bool:
        """Whether u depends on v, at whatever instants."""
        if u not in self.below:
            found, todo = {u}, [u]
            while todo:
                if (x := todo.pop()) in self.equations:
                    new = leaves_of(self.right(x, budget)) - found
                    found |= new
                    todo += new
            self.below[u] = found
        return v in self.below[u]

    def outputs(self, budget: Budget) -> set[Atom]:
        """Without a loss: the nodes that no equation uses, whose adjoints are free."""
        if self.free is None:
            used = {v for u in self.equations for v in leaves_of(self.right(u, budget))}
            self.free = self.equations.keys() - used if self.loss is None else set()
        return self.free

    def pull(self, v: Atom, budget: Budget, timed: bool = False) -> Poly:
        """The adjoint of v (at USED, its axes AXES, …) in the adjoints of what uses it. timed: what a parameter collects at USED."""
        if (v, timed) not in self.pulls:
            total: Poly = {}
            for u, equation in self.equations.items():
                if v in leaves_of(self.right(u, budget)):
                    accumulate(total, self._pulled(u, equation, v, budget, timed))
            self.pulls[v, timed] = total
        return self.pulls[v, timed]

    def _pulled(self, u: Atom, equation: Equation, v: Atom, budget: Budget, timed: bool) -> Poly:
        ring = self.ring(budget)
        if timed and not equation.sequential:
            raise MissingRule(f"{v} acts outside the recurrence: its share of one instant is ambiguous")
        bound = {SUMMED + k: size for k, size in enumerate(u.space)}
        own = (*bound, *(((NOW, 0),) if u.times else ()))
        adjoint = ONE if u is self.loss else single((leaf(equation.left.adjoint), own))
        part = ring.relabelled(self.partial(u, v, budget), dict(zip(kept(equation.left.shape), bound, strict=True)))
        product = ring.contract(ring.mul(adjoint, part), bound)
        if timed:
            return ring.relabelled(product, {}, {NOW: (USED, 0)})
        if not equation.sequential:
            return product
        summed = ring.summed_over(product, NOW, (ORIGIN, self.system.first), (END, 0))
        return self._without_end(summed)

    def _without_end(self, terms: Poly) -> Poly:
        """ū at t, where it is known that t is not after T: the adjoints after T are zero, so that goes without saying."""
        total: Poly = {}
        for mono, c in terms.items():
            bars = {i[-1] for (a, i), _ in mono if a.kind == "var" and a.data[2] and a.times}
            gone = [p for p in mono if p[0][0].kind == "le" and p[0][1][1][0] == END and (p[0][1][0][0], -p[0][1][1][1]) in bars]
            accumulate(total, {mono.difference(gone): c})
        return total


@lru_cache(maxsize=16)
def network_of(system: System, written: bool) -> Network:
    return Network(system, written)


@dataclass(frozen=True)
class Instants:
    """Where a claim is made: bounds on its free instants, and whether these leave out some at the ends."""

    bounds: tuple[Bound, ...]
    ends: str = ""
    lows: dict[int, int] = field(default_factory=dict)
    highs: dict[int, int] = field(default_factory=dict)


def instants(system: System | None, *sides: Expr) -> Instants:
    """A claim holds wherever what it mentions exists: at every t with first <= t-1 and t+1 <= T where it mentions t-1 and t+1."""
    times, limits, jacobians, starts = _mentions(sides)
    bounds: list[Bound] = []
    bounds += [(lo[0], hi[0], hi[1] - lo[1] + 1) for lo, hi in limits if lo[0] != hi[0]]
    if system is None:
        return Instants(tuple(bounds))
    first, ends = system.first, []
    bounds.append((ORIGIN, END, -(first + LONG)))
    for base, found in _by_base(times).items():
        label = moment(base)
        low, high = min(o for o, _ in found), max(o for o, _ in found)
        if base == "T":
            bounds.append((ORIGIN, END, low - first))
        elif base == "":
            bounds.append((ORIGIN, END, -high))
        elif base == INDEX:
            bounds += [(ORIGIN, label, min(low, 0) - first), (label, END, -max(high, 0))]
            ends += [f"{first - low} <= {base}"] * (low < 0) + [f"{base} <= T-{high}"] * (high > 0)
        else:
            forward = [(o, v) for o, v in found if not v.bar]
            bounds += [(ORIGIN, label, o - _earliest(system, v)) for o, v in forward]
            bounds += [(label, END, -o) for o, _ in forward]
    for lo, v in starts:
        assert v.time is not None
        bounds.append((ORIGIN, moment(lo.base), lo.offset + v.time.offset - _earliest(system, v)))
    for top, below in jacobians:
        if top.time and below.time and top.time.base != below.time.base:
            bounds.append((moment(below.time.base), moment(top.time.base), top.time.offset - below.time.offset))
    offsets = {moment(base): [o for o, _ in found] for base, found in _by_base(times).items()}
    lows, highs = ({base: f(found) for base, found in offsets.items()} for f in (min, max))
    return Instants(tuple(dict.fromkeys(bounds)), " and ".join(ends), lows, highs)


def _factors(terms: Poly) -> list[Factor]:
    return [factor for mono in terms for factor, _ in mono]


def _earliest(system: System, v: Var) -> int:
    """The first instant at which a quantity exists."""
    return min((i.time.offset for i in system.initial if i.name == v.name and i.time), default=system.first)


def _by_base(times: list[tuple[Instant, Var]]) -> dict[str, list[tuple[int, Var]]]:
    found: dict[str, list[tuple[int, Var]]] = {}
    for instant, v in times:
        found.setdefault(instant.base, []).append((instant.offset, v))
    return found


Pairs = list[tuple[Moment, Moment]]


def _mentions(
    roots: tuple[Expr, ...],
) -> tuple[list[tuple[Instant, Var]], Pairs, list[tuple[Var, Var]], list[tuple[Instant, Var]]]:
    """What is at free instants: named quantities; limits of sums; the two ends of Jacobians; what sums begin with."""
    times: list[tuple[Instant, Var]] = []
    limits: Pairs = []
    jacobians: list[tuple[Var, Var]] = []
    stack: list[tuple[Expr, frozenset[str]]] = [(r, frozenset()) for r in roots]
    starts: list[tuple[Instant, Var]] = []
    seen = set()
    while stack:
        node, bound = stack.pop()
        if (node, bound) in seen:
            continue
        seen.add((node, bound))
        if isinstance(node, Var | Opaque) and node.time is not None and node.time.base not in bound:
            times.append((node.time, node if isinstance(node, Var) else var(node.name, (), None, True)))
        if isinstance(node, Over):
            limits += [(at(node.lo), at(node.hi))] * (not {node.lo.base, node.hi.base} & bound)
            times += [(Instant(INDEX), var("limit", (), None, True))] * (INDEX in {node.lo.base, node.hi.base} - bound)
            stack.append((node.body, bound | {node.index}))
            if node.hi.base in (INDEX, LAST) and node.lo.base not in {"", INDEX, LAST} | bound:
                starts += [(node.lo, v) for v in _indexed(node.body, node.index)]
        elif isinstance(node, Jac):
            stack += [(node.top, bound), (node.below, bound)]
            if isinstance(node.top, Var) and isinstance(node.below, Var):
                bases = {v.time.base for v in (node.top, node.below) if v.time is not None}
                jacobians += [(node.top, node.below)] * (not bases & bound)
        else:
            stack += [(c, bound) for c in node.children()]
    return times, limits, jacobians, starts


def _indexed(body: Expr, index: str) -> list[Var]:
    """The named quantities at instants of an index."""
    found, stack = [], [body]
    while stack:
        for n in postorder(stack.pop()):
            if isinstance(n, Jac):
                stack += [n.top, n.below]
            elif isinstance(n, Var) and not n.bar and n.time is not None and n.time.base == index:
                found.append(n)
    return found


class Claim(Calculus):
    """Forms of the expressions of one claim in a network, and the meaning of the names in them."""

    def __init__(self, network: Network, where: Instants, budget: Budget):
        super().__init__(budget, network.written)
        self.network = network
        self.first = network.system.first
        self.facts.bounds, self.lows = where.bounds, where.lows
        self.highs = where.highs

    # -- meanings ----------------------------------------------------------------------------------------------

    def meaning(self, a: Atom, index: Index) -> Poly | None:
        """What the name stands for at this index; None where it stands for itself, or where that isn't known."""
        if a.kind == "jac":
            return self._jacobian_meaning(a, index)
        name, shape, bar, timed = a.data
        v = atom("var", (name, shape, False, timed), a.space, a.times)
        if bar:
            return self._adjoint_meaning(v, index)
        if v not in self.network.equations or (timed and not (self._exists(index[-1]) and self._near(index[-1]))):
            return None
        return self._at(self.network.right(v, self.budget), shape, index)

    def has_meaning(self, a: Atom, when: Index) -> bool:
        """Whether the name at these instants (labels from zero on: summed over) may stand for something."""
        if a.kind == "jac":
            top, below, _ = a.data
            near = not top.times or when[0][0] >= 0 or (self._exists(when[0]) and self._near(when[0]))
            return near and top in self.network.equations and self.network.known(below)
        if a.data[2]:
            return not when or when[-1][0] >= 0 or self._within(a, when[-1])
        if a not in self.network.equations:
            return False
        return not when or when[-1][0] >= 0 or (self._exists(when[-1]) and self._near(when[-1]))

    def _within(self, bar: Atom, instant: Moment) -> bool:
        """Whether the adjoint's formula stays within the instants of the claim: h̄[t] brings in t+1, so the claim must have that."""
        label, offset = instant
        v = atom("var", (*bar.data[:2], False, True), bar.space, 1)
        if not self.network.known(v) or label == END:  # after T there is nothing
            return True
        reach = [o for a, i in _factors(self.network.pull(v, self.budget)) for k, o in i[len(a.space) :] if k == USED]
        return offset + max(reach, default=0) <= self.highs.get(label, 0)

    def _near(self, instant: Moment) -> bool:
        """Whether a recurrence is followed as far as there: a step before the first instant of its kind in the claim."""
        return instant[1] >= self.lows.get(instant[0], self.first if instant[0] == ORIGIN else 0) or instant[0] >= 0

    def _exists(self, instant: Moment) -> bool:
        """Whether an instant is certainly in the range of t."""
        return self.facts.implied(ORIGIN, instant[0], instant[1] - self.first) and self.facts.implied(
            instant[0], END, -instant[1]
        )

    def _at(self, terms: Poly, shape: tuple[Any, ...], index: Index, used: Index = ()) -> Poly:
        """A form of the network (axes 0, …, at t; used: AXES, …, at USED) at these indices."""
        axes = kept(shape)
        space = dict(zip(axes, index, strict=False))
        times: dict[int, Moment] = {NOW: index[-1]} if len(index) > len(axes) else {}
        own = [k for k in used if isinstance(k, int)]
        space.update({AXES + k: label for k, label in enumerate(own)})
        for k in used:
            if not isinstance(k, int):
                times[USED] = k
        return self.relabelled(terms, space, times)

    def _adjoint_meaning(self, v: Atom, index: Index) -> Poly | None:
        network, timed = self.network, bool(v.times)
        if v is network.loss:
            return ONE
        share = False
        if timed and not network.known(v):
            name, shape, _, _ = v.data
            v, share = atom("var", (name, shape, False, False), v.space, 0), True
        if not network.known(v) or v in network.outputs(self.budget):
            return None
        if timed and self.facts.implied(END, index[-1][0], index[-1][1] - 1):
            return ZERO
        if timed and not (self.facts.implied(index[-1][0], END, -index[-1][1]) and (not share or self._exists(index[-1]))):
            return None
        return self._at(network.pull(v, self.budget, share), (), (), index)

    def forward(self, a: Atom, index: Index) -> Poly | None:
        """The adjoint of a quantity as the derivative of the loss: in its own equation, by the Jacobians of what that uses."""
        loss, (name, shape, bar, timed) = self.network.loss, a.data
        v = atom("var", (name, shape, False, timed), a.space, a.times)
        if loss is None or not bar or v is loss or not self.network.known(v):
            return None
        return self._jacobian_meaning(atom("jac", (loss, v, False), v.space, v.times), index)

    def _jacobian_meaning(self, a: Atom, index: Index) -> Poly | None:
        x, w, direct = a.data
        if direct or x not in self.network.equations or not self.network.known(w):
            return None
        own, below = self._parts(a, index)
        if x.times and not self._exists(own[-1]):
            return None
        total: Poly = {}
        if x is w:  # at one instant it is the identity, and what x is computed from doesn't depend on it
            if not self.network.causal:
                return None
            total = dict(self.mul(self._unit(x, own, below), self.same_instant(own[-1], below[-1])))
        start = self._beyond(index)
        for y in sorted(leaves_of(self.network.right(x, self.budget)), key=lambda y: y.serial):
            if y.kind != "var" or y.data[2]:
                return None
            axes = tuple(range(start, start + len(y.space)))
            used = (*axes, *(((start, 0),) if y.times else ()))
            outer = self._at(self.network.partial(x, y, self.budget), x.data[1], own, used)
            inner = atom("jac", (y, w, False), (*y.space, *w.space), y.times + w.times)
            spaces = (*axes, *below[: len(w.space)])
            product = self.mul(outer, self.resolved(inner, (*spaces, *used[len(axes) :], *below[len(w.space) :])))
            summed = frozenset((start,)) if y.times else frozenset()
            accumulate(total, self.contract(product, dict(zip(axes, y.space, strict=True)), summed))
        return total

    @staticmethod
    def _parts(a: Atom, index: Index) -> tuple[Index, Index]:
        """The index of the top and that of what is below."""
        x, _, _ = a.data
        wide, all_ = len(x.space), len(a.space)
        times = index[all_:]
        return (*index[:wide], *times[: x.times]), (*index[wide:all_], *times[x.times :])

    # -- Jacobians ---------------------------------------------------------------------------------------------

    def resolved(self, a: Atom, index: Index) -> Poly:
        """The identity, zero, an adjoint or the derivative in one equation, where that is known; else the atom."""
        x, w, direct = a.data
        own, below = self._parts(a, index)
        network = self.network
        if x is w and (not x.times or own[-1] == below[-1]):
            return self._unit(x, own, below)
        given = x not in network.equations  # declared, or unknown to the network: free
        if given or (x.times and self.facts.implied(own[-1][0], ORIGIN, self.first - 1 - own[-1][1])):
            return self.mul(self._unit(x, own, below), self.same_instant(own[-1], below[-1])) if x is w else ZERO
        if not network.known(w):
            return ZERO
        if direct:
            if x.times and not self._exists(own[-1]):
                return single((a, index))
            part = dict(self._at(network.partial(x, w, self.budget), x.data[1], own, below))
            return (
                accumulate(part, self.mul(self._unit(x, own, below), self.same_instant(own[-1], below[-1]))) if x is w else part
            )
        if not network.reaches(w, x, self.budget):
            return ZERO
        if x is network.loss:
            return single((atom("var", (w.data[0], w.data[1], True, w.data[3]), w.space, w.times), below))
        if x.times and w.times and network.causal:
            (top, offset), (base, other) = own[-1], below[-1]
            if self.facts.implied(top, base, other - offset - 1) or (top == base and offset < other):
                return ZERO
        return single((a, index))

    def _unit(self, x: Atom, own: Index, below: Index) -> Poly:
        return self.product(self.delta(own[k], below[k], size) for k, size in enumerate(x.space))

    def right_side(self, top: Expr) -> Expr:
        equation = self.network.equations.get(leaf(top)) if isinstance(top, Var) else None
        if equation is None or not isinstance(top, Var):
            return top
        if top.time is None:
            return equation.right
        if not self._exists(at(top.time)):
            raise MissingRule(f"{top} need not exist")
        return at_time(equation.right, INDEX, top.time)
