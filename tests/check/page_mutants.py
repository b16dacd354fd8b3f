"""Every correct line of a network as LaTeX, its one-edit mutants and its sound rewrites, each with what numbers say of it.

PYTHONPATH=. python tests/check/page_mutants.py [number] [network …] measures them, at most so many of each kind, and prints the counts;
with `slips` before the number, how often the slip is told as what was done.
"""

from __future__ import annotations

import sys
import time
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import islice
from typing import Any

from page_values import Derived, Misfit, Named, Page, Place, Reading, Unknown, holding, named, notation, places, put

from derive.check.checker import Checker
from derive.check.lines import HOLDS, Line
from derive.check.settings import parts
from derive.expr import DeriveError, Expr, Jac, Var, is_zero
from derive.jacobian import jacobian
from derive.network import Network, gallery, load
from derive.printing.latex import latex
from derive.printing.names import Style
from derive.printing.notation import Big, Call, Fence, Node, Num, Power, Prod, Ratio, Sum, Sym, Transposed, product

STYLES = {
    "bar, h^{(t)}": Style(),
    "bar, h_t": Style(time="subscript", layers="subscript"),
    "∂, h^{(t)}": Style(adjoint="partial", marked=True),
    "∂, h_t": Style(adjoint="partial", time="subscript", layers="subscript", marked=True),
}


# -- correct lines ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Known:
    """A correct relation. kind: adjoint (gradients and boundary lines too), closed, step, jacobian, paths."""

    kind: str
    left: Expr
    right: Expr


def correct_lines(net: Network) -> list[Known]:
    """The lines of a network's sheet: every adjoint, its steps, closed forms, every Jacobian between nodes up to one step apart."""
    system = net.system
    found: dict[tuple[Expr, Expr], Known] = {}

    def add(kind: str, left: Expr, right: Expr | None) -> None:
        if right is not None and left is not right:
            found.setdefault((left, right), Known(kind, left, right))

    if system.loss is not None:
        solution = net.solve()
        for adjoint in solution.sweep.adjoints.values():
            for line in adjoint.lines:
                add("adjoint", line.node.adjoint, line.formula)
                add("adjoint", line.node.adjoint, line.short)
        for step in solution.steps:
            add("step", step.before, step.after)
        for key, e in solution.closed_forms.items():
            add("closed", system.nodes[key].adjoint, e)
    for equation in system.equations:
        for below in instants(system.nodes.values()):
            for direct in (True, False):
                try:
                    j = jacobian(system, equation.left, below, direct)
                except DeriveError:
                    continue
                if below is not equation.left and j.symbol.shape == j.expr.shape and not is_zero(j.expr):
                    add("jacobian", j.symbol, j.expr)
                    add("jacobian", j.symbol, j.short)
                    add("paths", j.symbol, j.along)
    return [k for k in found.values() if not isinstance(k.right, Jac) and not (k.kind in ("jacobian", "paths") and _tensor(k))]


def _tensor(k: Known) -> bool:
    """∂Z/∂b of a matrix by a vector as a whole: notation without indices can't say which axis is which."""
    return any(len(j.shape) > 2 for e in (k.left, k.right) for j in e.atoms(Jac))


def instants(nodes: Iterable[Var]) -> Iterator[Var]:
    for v in nodes:
        yield v
        if v.time is not None and v.time.base:
            yield v.at(v.time.shifted(-1))


# -- one-edit mutants ---------------------------------------------------------------------------------------------

SLIP = {"tiny": "factor", "prime": "argument", "one minus": "argument"}  # what derive.check calls them


def mutants(net: Network, page: Page, style: Style) -> Iterator[tuple[str, Page]]:
    """(kind of slip, the relation with it)."""
    for path, node in places(page.right):
        for kind, new in edits(net, node, path, style):
            yield kind, Page(page.left, put(page.right, path, new))


def edits(net: Network, node: Node, path: tuple, style: Style) -> Iterator[tuple[str, Node]]:
    term = not path or (len(path) > 2 and path[-1] == 1 and path[-3] == "terms")
    if term and not isinstance(node, Num | Ratio):
        for kind, n in (("factor", Num("2")), ("factor", Ratio(1, 2)), ("tiny", Num("1.000000001"))):
            yield kind, product([n, node])
    if not path:
        yield "sign", Sum(((-1, node),))
    match node:
        case Sum():
            for k, (sign, t) in enumerate(node.terms):
                yield "sign", Sum((*node.terms[:k], (-sign, t), *node.terms[k + 1 :]))
                rest = node.terms[:k] + node.terms[k + 1 :]
                if rest:
                    yield "term", rest[0][1] if len(rest) == 1 and rest[0][0] > 0 else Sum(rest)
            if len(node.terms) == 2 and node.terms[0] == (1, Num("1")) and node.terms[1][0] < 0:
                yield "one minus", node.terms[1][1]
        case Prod(op=""):
            f = node.factors
            for k in range(len(f) - 1):
                yield "order", replace(node, factors=(*f[:k], f[k + 1], f[k], *f[k + 2 :]))
        case Transposed():
            yield "transpose", node.base
        case Call(fn=Sym()) if node.fn.primes:
            yield "prime", replace(node, fn=replace(node.fn, primes=node.fn.primes - 1))
    if isinstance(node, Named | Derived) and isinstance(node.meant, Var):
        yield from names(net, node.meant, style)
        if len(node.meant.shape) == 2 and not (path and path[-1] == "base"):
            yield "transpose", Transposed(node)
    if isinstance(node, Derived) and isinstance(node.meant, Jac) and len(node.meant.shape) == 2 and path[-1:] != ("base",):
        yield "transpose", Transposed(node)


def names(net: Network, v: Var, style: Style) -> Iterator[tuple[str, Node]]:
    if v.time is not None and v.time.base:
        yield "time", named(v.at(v.time.shifted(1)), style)
        yield "time", named(v.at(v.time.shifted(-1)), style)
    for other in net.system.quantities.values():
        if other.name != v.name and other.shape == v.shape and (other.time is None) == (v.time is None):
            sibling = other.at(v.time)
            yield "symbol", named(sibling.adjoint if v.bar else sibling, style)
    if v.bar:
        yield "bar", named(net.system.quantities[v.name].at(v.time), style)


# -- sound rewrites -----------------------------------------------------------------------------------------------


@dataclass
class Rewriter:
    """What a careful person may write for the same thing."""

    place: Place

    def all(self, page: Page) -> Iterator[tuple[str, Page]]:
        for path, node in places(page.right):
            for kind, new in self.of(node, path):
                yield kind, Page(page.left, put(page.right, path, new))

    def shaped(self, node: Node) -> bool | None:
        """Whether it is a vector or a matrix; None where that can't be said."""
        first = self.place.network.system.first
        try:
            return self.place.value(node, dict.fromkeys("tiksr", first + 2)).ndim == 2
        except (Misfit, Unknown):
            return None

    def of(self, node: Node, path: tuple) -> Iterator[tuple[str, Node]]:
        match node:
            case Sum():
                yield from self.sums(node)
            case Prod():
                yield from self.products(node)
            case Call(fn=Sym(base="σ", primes=1), args=(z,)):
                s = replace(node, fn=replace(node.fn, primes=0))
                yield "σ′", Prod((s, _one_minus(s)), "odot" if self.shaped(z) else "")
            case Call(fn=Sym(base="tanh", primes=1), args=(z,)):
                s = replace(node, fn=replace(node.fn, primes=0))
                yield "tanh′", _one_minus(replace(s, power=Num("2")))
                yield "tanh′", _one_minus(Prod((s, s), "odot") if self.shaped(z) else Power(s, Num("2")))
            case Call(power=Num(text="2")):
                plain = replace(node, power=None)
                yield "square", Prod((plain, plain), "odot" if self.shaped(node) else "")
            case Power(exponent=Num(text="2")):
                yield "square", Prod((node.base, node.base), "odot" if node.entrywise else "")
            case Big(op="sum", body=Sum()):
                yield "sum split", Sum(tuple((s, replace(node, body=t)) for s, t in node.body.terms))
        term = not path or (len(path) > 2 and path[-1] == 1 and path[-3] == "terms")
        if term and not isinstance(node, Num | Ratio):
            half = product([Ratio(1, 2), node])
            yield "½ + ½", Fence("paren", Sum(((1, half), (1, half)))) if path else Sum(((1, half), (1, half)))
            yield "½ · 2", product([Ratio(1, 2), Num("2"), node])
            yield "- -", Sum(((-1, Fence("paren", Sum(((-1, node),)))),)) if not path else product([Num("3"), Ratio(1, 3), node])
        if isinstance(node, Named | Derived | Prod | Call) and self.shaped(node):
            yield "double transpose", Transposed(Fence("paren", Transposed(node)))

    def sums(self, node: Sum) -> Iterator[tuple[str, Node]]:
        yield "terms reordered", Sum(node.terms[::-1])
        if len(node.terms) > 2:
            yield "terms reordered", Sum((*node.terms[1:], node.terms[0]))
        t = next((t for _, t in node.terms if isinstance(t, Named)), None)
        if t is not None:
            yield "a term and its negative", Sum((*node.terms, (1, t), (-1, t)))

    def products(self, node: Prod) -> Iterator[tuple[str, Node]]:
        f = node.factors
        shaped = [self.shaped(x) for x in f]
        for k, x in enumerate(f):
            inside = x.body if isinstance(x, Fence) and x.kind == "paren" else x
            if isinstance(inside, Sum) and node.op in ("", "odot") and len(inside.terms) > 1:
                yield "distribution", Sum(tuple((s, self.put_in(node, k, t)) for s, t in inside.terms))
        if node.op == "odot":
            yield "Hadamard factors", replace(node, factors=f[::-1])
            if len(f) > 2:
                yield "Hadamard factors", replace(node, factors=(*f[1:], f[0]))
            if self.column(node):
                yield "diag", Prod((Call(Sym("diag", font="function"), (f[0],)), product(list(f[1:]), "odot")))
        if node.op == "":
            for k in range(len(f) - 1):
                a, b = f[k], f[k + 1]
                if shaped[k] is False or shaped[k + 1] is False:
                    yield "scalars commuted", replace(node, factors=(*f[:k], b, a, *f[k + 2 :]))
                elif shaped[k] and shaped[k + 1]:
                    turned = Transposed(Fence("paren", Prod((_turned(b), _turned(a)))))
                    yield "(AB)ᵀ", replace(node, factors=(*f[:k], turned, *f[k + 2 :])) if len(f) > 2 else turned

    def put_in(self, node: Prod, k: int, t: Node) -> Node:
        """The product with one of the terms of its k-th factor; a number there is that number times the rest."""
        rest = [*node.factors[:k], *node.factors[k + 1 :]]
        if isinstance(t, Num) and node.op == "odot":
            whole = product(rest, "odot")
            return whole if t.text == "1" else product([t, whole])
        factors = [*node.factors[:k], t, *node.factors[k + 1 :]]
        return replace(node, factors=tuple(x for x in factors if x != Num("1")) or (Num("1"),))

    def column(self, node: Node) -> bool:
        try:
            return self.place.value(node, dict.fromkeys("tiksr", self.place.network.system.first + 2)).shape[1:] == (1,)
        except (Misfit, Unknown):
            return False


def _one_minus(node: Node) -> Node:
    return Sum(((1, Num("1")), (-1, node)))


def _turned(node: Node) -> Node:
    return node.base if isinstance(node, Transposed) else Transposed(node)


# -- the bench ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    """A relation to be judged, with what numbers say of it: true None where it depends on the reading, or on an assumption."""

    network: str
    style: str
    line: str  # the kind of line that it was made of
    kind: str  # what was done to it
    tex: str
    true: bool | None


@dataclass(frozen=True)
class Made:
    """A relation made of a correct one."""

    style: str
    line: Known
    kind: str
    base: Page
    page: Page

    @property
    def tex(self) -> str:
        return written(self.page)


TARGETS = {"mlp": "t", "mlp_batch": "Y"}


@dataclass
class Bench:
    """A network with its lines, in every notation."""

    name: str
    most: int = 10**9  # lines of each kind in each style
    courts: dict[int, Any] = field(default_factory=dict)
    doubtful: Counter = field(default_factory=Counter)
    known: dict[Page, Any] = field(default_factory=dict)

    @cached_property
    def network(self) -> Network:
        return load(self.name)

    @cached_property
    def points(self) -> list[Place]:
        """Two random points; 64 with signs of both kinds where there are kinks: relu of what relu made zero is on one."""
        if self.name != "relu_sparsity":
            return [Place.random(self.network, seed) for seed in (0, 1)]
        tried = (Place.random(self.network, seed, clear=False) for seed in range(1000))
        return list(islice((p for p in tried if any((a < 0).any() for a in p.at.given.values())), 64))

    @cached_property
    def normalised(self) -> list[Place]:
        """Where the targets of a cross-entropy sum to one, which the checker may assume and say."""
        return [Place.random(self.network, 7, TARGETS[self.name])] if self.name in TARGETS else []

    def usual(self, page: Page) -> frozenset[Reading] | None:
        """The readings in which a correct line holds. Raises Unknown."""
        if page not in self.known:
            try:
                self.known[page] = holding(page, self.points)
            except Unknown as problem:
                self.known[page] = problem
        found = self.known[page]
        if isinstance(found, Unknown):
            raise found
        return found

    def truth(self, page: Page, usual: frozenset[Reading]) -> bool | None:
        """True where it holds in a reading in which the line holds that it was made of; False where it holds in none. Raises Unknown."""
        found = holding(page, self.points)
        if found is None:
            self.doubtful["between equal and different"] += 1
            return None
        if found & usual:
            return True
        return None if found or (self.normalised and holding(page, self.normalised)) else False

    @cached_property
    def lines(self) -> list[Known]:
        return correct_lines(self.network)

    @cached_property
    def pages(self) -> list[tuple[str, Known, Style, Page]]:
        """The lines in every style that writes them differently."""
        groups: dict[tuple[str, str], list[Any]] = defaultdict(list)
        for found in self._pages():
            groups[found[0], found[1].kind].append(found)
        return [f for group in groups.values() for f in sorted(group, key=lambda f: _draw(written(f[3])))[: self.most]]

    def _pages(self) -> Iterator[tuple[str, Known, Style, Page]]:
        """Every one. Bars and ∂ mix in paths, so there ∂⁺ is told from ∂."""
        loss = self.network.system.loss
        seen: set[str] = set()
        for name in STYLES:
            style = replace(STYLES[name], loss=loss.name if loss is not None else "L")
            for k in self.lines:
                here = replace(style, marked=True) if k.kind == "paths" else style
                try:
                    page = Page(notation(k.left, here), notation(k.right, here))
                except DeriveError:
                    continue  # a tensor: there is no notation for it
                if (text := written(page)) not in seen:
                    seen.add(text)
                    yield name, k, here, page

    def check(self, tex: str, explain: bool = False) -> Line | None:
        """The line by itself, in a court that is kept; None where it makes more than one."""
        checker = Checker(parts({}, problem=self.network), explain)
        checker.courts = self.courts
        lines = checker.text(f"$${tex}$$").lines
        return lines[0] if len(lines) == 1 else None

    def correct(self) -> list[Made]:
        return [Made(style, k, "as it is", page, page) for style, k, _, page in self.pages]

    def mutants(self) -> list[Made]:
        return [
            Made(style, k, kind, page, new)
            for style, k, here, page in self.pages
            for kind, new in mutants(self.network, page, here)
        ]

    def rewrites(self) -> list[Made]:
        rewriter = Rewriter(self.points[0])
        return [Made(style, k, kind, page, new) for style, k, _, page in self.pages for kind, new in rewriter.all(page)]

    def cases(self, made: Iterable[Made]) -> Iterator[Case]:
        """What was made, with what numbers say of it; without what this oracle can't read."""
        for m in made:
            try:
                usual = self.usual(m.base)
                assert usual, f"a correct line that is false: {written(m.base)}"
                yield Case(self.name, m.style, m.line.kind, m.kind, m.tex, self.truth(m.page, usual))
            except Unknown as problem:
                self.doubtful[str(problem)] += 1


def _draw(text: str) -> int:
    """A number for a text, the same every time."""
    return zlib.crc32(text.encode())


def written(page: Page) -> str:
    return f"{latex(page.left)} = {latex(page.right)}"


def sampled(made: Iterable[Made], each: int) -> Iterator[Made]:
    """At most so many of each kind, the same ones every time, each text once."""
    groups: dict[str, list[tuple[int, int, Made]]] = defaultdict(list)
    for k, m in enumerate(made):
        groups[m.kind].append((_draw(str(k)), k, m))
    seen: set[str] = set()
    for group in groups.values():
        kept = 0
        for *_, m in sorted(group):
            if kept < each and m.tex not in seen and m.tex != written(m.base):
                seen.add(m.tex)
                kept += 1
                yield m


@dataclass
class Outcome:
    """Counts, and the cases that came out wrong or open."""

    counts: Counter = field(default_factory=Counter)
    wrong: list[tuple[Case, str]] = field(default_factory=list)
    open: list[tuple[Case, str]] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def add(self, bench: Bench, case: Case) -> None:
        start = time.perf_counter()
        line = bench.check(case.tex)
        self.seconds.append(time.perf_counter() - start)
        verdict = line.verdict if line is not None else "no line"
        said = f"{verdict}: {line.reason}" if line is not None else verdict
        self.counts[{True: "true", False: "false", None: "either"}[case.true], verdict] += 1
        if (case.true is False and verdict in HOLDS) or (case.true and verdict == "refuted"):
            self.wrong.append((case, said))
        elif verdict not in (*HOLDS, "refuted") or verdict == "definition":
            self.open.append((case, said))

    @property
    def open_share(self) -> float:
        return len(self.open) / max(1, sum(self.counts.values()))

    def __str__(self) -> str:
        return "\n".join([*(f"  {k}: {n}" for k, n in sorted(self.counts.items())), *(f"  WRONG {c} {s}" for c, s in self.wrong)])


def survey(bench: Bench, cases: Iterable[Case]) -> Outcome:
    outcome = Outcome()
    for case in cases:
        outcome.add(bench, case)
    return outcome


def naming(bench: Bench, cases: Iterable[Case]) -> tuple[Counter, list[tuple[Case, Any]]]:
    """How often the slip of a refuted mutant is told as what was done to it: counts by (kind, whether), and those that aren't.

    A correction that doesn't hold counts as none.
    """
    counts: Counter = Counter()
    others = []
    for case in cases:
        line = bench.check(case.tex, True) if case.true is False else None
        if line is None or line.verdict != "refuted":
            continue
        slip, want = line.slip, SLIP.get(case.kind, case.kind)
        right = slip is not None and slip.kind == want
        if slip is not None and slip.kind not in ("value", "shape"):
            again = bench.check(slip.corrected)
            right = right and again is not None and again.verdict in HOLDS
        counts[want, right] += 1
        if not right:
            others.append((case, slip))
    return counts, others


def name_slips(each: int, names: list[str]) -> None:
    total: Counter = Counter()
    for name in names or gallery():
        bench = Bench(name, each)
        counts, others = naming(bench, bench.cases(sampled(bench.mutants(), each)))
        for case, slip in others:
            print(f"    {case.line} | {case.kind} | {slip and slip.kind} | {case.tex} | {slip and slip.corrected}")
        print(f"{name}: {sum(n for (_, right), n in counts.items() if right)} of {counts.total()} slips named", flush=True)
        total += counts
    kinds = {k: f"{total[k, True]}/{total[k, True] + total[k, False]}" for k in sorted({k for k, _ in total})}
    print(f"{sum(n for (_, right), n in total.items() if right)} of {total.total()} slips named, {kinds}")


def main() -> None:
    """Every case of these networks, or at most so many of each kind: page_mutants.py [slips] [number] [network …]."""
    words = sys.argv[1:]
    slips = bool(words) and words[0] == "slips" and bool(words.pop(0))
    each = int(words.pop(0)) if words and words[0].isdigit() else 10**9
    if slips:
        name_slips(each, words)
        return
    total: dict[str, Outcome] = defaultdict(Outcome)
    for name in words or gallery():
        bench = Bench(name, each)
        for what in ("mutants", "rewrites"):
            start = time.perf_counter()
            got = survey(bench, bench.cases(sampled(getattr(bench, what)(), each)))
            n = sum(got.counts.values())
            print(f"{name}, {what}: {n} in {time.perf_counter() - start:.0f} s, {dict(got.counts)}", flush=True)
            for case, said in [*got.wrong, *got.open]:
                print(f"    {case.style} | {case.line} | {case.kind} | {case.true} | {said[:150]} | {case.tex}")
            both = total[what]
            both.counts.update(got.counts)
            both.wrong += got.wrong
            both.open += got.open
            both.seconds += got.seconds
        print("    not asked:", dict(bench.doubtful), flush=True)
    for what, got in total.items():
        n, middle = sum(got.counts.values()), sorted(got.seconds)[len(got.seconds) // 2]
        share = 100 * got.open_share
        print(
            f"{what}: {n}, wrong {len(got.wrong)}, open {len(got.open)} ({share:.2f} %), median {1e3 * middle:.1f} ms, {dict(got.counts)}"
        )


if __name__ == "__main__":
    main()
