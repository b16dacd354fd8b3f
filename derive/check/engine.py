"""What the engine has for the left side of a relation, written as the person writes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from derive.check.page import Name, Page, page_of
from derive.expr import DeriveError, Expr, Instant, Jac, Var, at_time, postorder, transpose, written_size
from derive.jacobian import jacobian
from derive.printing import LONGEST, Style
from derive.printing.express import Speller
from derive.printing.latex import latex
from derive.printing.names import instant, letter, split, symbol
from derive.printing.notation import GREEK, Fence, Listed, Node, Num, Partial, Prod, Sym, with_accent
from derive.reader.meaning import Meaning, Reading
from derive.reader.scope import LOSSES, Named, Scope, plain_tag
from derive.reader.statements import Link
from derive.reader.syntax import Differential, Fraction, Nabla, Scripted, Symbol, walk
from derive.reader.values import Value
from derive.solution import Solution
from derive.system import System

if TYPE_CHECKING:
    from derive.check.checker import Checker

Key = tuple[str, tuple[str, ...]]


@lru_cache(maxsize=32)
def _solved(system: System) -> Solution | None:
    try:
        return Solution(system)
    except (DeriveError, RecursionError):
        return None


# -- formulas -----------------------------------------------------------------------------------------------------


def formulas(checker: Checker, link: Link, reading: Reading | None = None) -> list[Expr]:
    """The engine's right sides for the left side of a relation, the main one first; none where it has none."""
    scope = checker.part.scope
    if scope.system is None:
        return []
    m = Meaning(scope, reading or _usual(scope), link.source)
    try:
        m.learn(link.left)
        m.learn(link.right)
        left = m.value(link.left)
    except (DeriveError, RecursionError):
        return []
    return list(dict.fromkeys(_formulas(scope.system, left)))


def _usual(scope: Scope) -> Reading:
    return Reading(layout="gradient" if scope.layout == "auto" else scope.layout)


def _formulas(system: System, left: Value) -> Iterator[Expr]:
    e = left.expr
    if left.labels:
        return
    try:
        if isinstance(e, Var):
            yield from _of_var(system, e)
        elif isinstance(e, Jac) and isinstance(e.top, Var) and isinstance(e.below, Var):
            j = jacobian(system, e.top, e.below, e.direct)
            yield from (f for f in (j.expr, j.short, j.along) if f is not None and f.shape == e.shape)
        elif len(e.shape) == 2 and isinstance(flipped := transpose(e), Var):
            yield from (transpose(f) for f in _of_var(system, flipped))
    except DeriveError:
        return


def _of_var(system: System, v: Var) -> Iterator[Expr]:
    if not v.bar:
        equation = system.owner(v)
        if equation is not None:
            yield _moved(equation.right, v.time)
        return
    solution = _solved(system) if system.loss is not None else None
    if solution is None:
        return
    known = solution.sweep.adjoints
    key = v.key if v.key in known else v.name
    if key not in known:
        return
    record = known[key]
    if v.time is None or not record.node.time or record.node.time.base != "t":
        yield from (record.formula, record.short)
        return
    for when, line in record.boundary:
        if when == v.time:
            yield from (line.formula, line.short)
            return
    yield from (_moved(record.formula, v.time), _moved(record.short, v.time))


def _moved(e: Expr, when: Instant | None) -> Expr:
    return at_time(e, "t", when) if when is not None else e


# -- notation -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Hand:
    """How a person writes: the style, whether gradients are \\nabla, and the names of this relation."""

    style: Style
    nabla: bool
    written: frozenset[Key]
    scope: Scope

    def tex(self, e: Expr) -> str:
        """An expression as this person would write it. Raises DeriveError where there is no notation."""
        known = {v: self.symbol(v) for v in postorder(e) if isinstance(v, Var)}
        if written_size(e) > LONGEST:
            raise DeriveError("too long to be written")
        return latex(Speller(self.style, known).spell(e))

    def symbol(self, v: Var) -> Node:
        alias = self._alias(v)
        plain = self._named(v, *alias) if alias is not None else None
        if plain is None:
            if not v.bar or self.style.adjoint != "partial":
                return symbol(v, self.style)
            plain = symbol(_plain(v), self.style)
        if not v.bar:
            return plain
        if self.style.adjoint == "bar" and isinstance(plain, Sym):
            return with_accent(plain, "bar")
        loss = letter(self.style.loss)
        return Prod((Sym("nabla", sub=plain), loss)) if self.nabla else Partial(loss, plain)

    def _alias(self, v: Var) -> tuple[Key, Named] | None:
        """The name of a quantity in this document, where it is not the network's own."""
        base, accents, number, tail = split(v.name)
        own = ((base, accents), plain_tag(number + tail))
        found = []
        for key, options in self.scope.names.items():
            for named in options:
                e = named.expr
                if (
                    isinstance(e, Var)
                    and e.name == v.name
                    and not e.bar
                    and named.axis is None
                    and (v.time is None) == (e.time is None)
                ):
                    found.append((key in self.written, key[0].lower() == base.lower(), (key, named.tag) != own, key, named))
        if not found or all((f[3], f[4].tag) == own for f in found):
            return None
        best = max(found, key=lambda f: f[:3])
        return None if (best[3], best[4].tag) == own else (best[3], best[4])

    def _named(self, v: Var, key: Key, named: Named) -> Node | None:
        e = named.expr
        assert isinstance(e, Var)
        when = v.time
        if when is not None and e.time is not None:
            if named.sequential:
                when = when.shifted(-e.time.offset)
            elif e.time != when:
                return None
            else:
                when = None
        head, accents = key
        below: list[Node] = []
        above: Node | None = None
        if named.tag:
            raised = self.style.layers == "superscript" and named.tag.isdigit() and v.shape and v.time is None
            tag: Node = Num(named.tag) if named.tag.isdigit() else Sym(named.tag)
            above, below = (Fence("paren", tag), below) if raised else (None, [tag])
        if when is not None:
            if self.style.time == "superscript":
                above = Fence("paren", instant(when))
            else:
                below.append(instant(when))
        sub = below[0] if len(below) == 1 else Listed(tuple(below)) if below else None
        return Sym(head, accents, sub, above, font="italic" if len(head) == 1 or head in GREEK else "roman")


def _plain(v: Var) -> Var:
    from derive.expr import var

    return var(v.name, v.shape, v.time)


def hand(page: Page) -> Hand:
    """The notation of a relation."""
    names = [n for n in page.all_names if n.found is not None]
    bars = any(n.found is not None and n.found.bar for n in names)
    nodes = [n for part in page.parts for n in walk(part)]
    nabla = any(isinstance(n, Nabla) and n.below is not None for n in nodes)
    fraction = any(isinstance(n, Fraction) and isinstance(n.top, Differential) for n in nodes)
    adjoint = "bar" if bars or not (nabla or fraction) else "partial"
    timed = [n for n in names if n.time is not None]
    raised = [n for n in timed if _is_raised(n, n.time)]
    layered = [n for n in names if n.tag and page.of(n.tag[0]).strip("()").isdigit() and n.time is None]
    low = [n for n in layered if not _is_raised(n, n.tag[0])]
    style = Style(
        time="superscript" if raised or not timed else "subscript",
        layers="subscript" if low and len(low) == len(layered) else "superscript",
        adjoint=adjoint,
        loss=_loss(page),
    )
    written = frozenset((n.letter.head, tuple(a for a in n.letter.accents if a != "bar")) for n in names)
    return Hand(style, nabla and not fraction, written, page.scope)


def _is_raised(name: Name, script: object) -> bool:
    sup = name.node.sup if isinstance(name.node, Scripted) else None
    return (
        sup is not None
        and script is not None
        and any(n is script or (n == script and n.start == script.start) for n in walk(sup))
    )  # type: ignore[attr-defined]


def _loss(page: Page) -> str:
    """The letter of the loss in derivatives of this relation, or the network's."""
    loss = page.scope.loss
    for part in page.parts:
        for n in walk(part):
            if isinstance(n, Fraction) and isinstance(n.top, Differential) and isinstance(n.top.body, Symbol):
                name = page.name(n.top.body)
                if n.top.body.head in LOSSES or (name is not None and name.found is not None and name.found.expr is loss):
                    return n.top.body.head
    return loss.name if loss is not None else "L"


# -- what is said -------------------------------------------------------------------------------------------------


def texts(checker: Checker, link: Link, page: Page | None, reading: Reading | None = None) -> list[str]:
    """The engine's right sides, in the person's notation."""
    page = page or page_of(checker, link)
    if page is None:
        return []
    writer = hand(page)
    return list(dict.fromkeys(_written(writer, formulas(checker, link, reading))))


def further(checker: Checker, link: Link, page: Page, most: int = 12) -> list[str]:
    """The formulas of adjoints that the engine's formula holds and the person has put in."""
    system = page.scope.system
    known = formulas(checker, link)
    if system is None or not known:
        return []
    own = {n.found.expr for n in page.all_names if n.found is not None and n.found.bar is False}
    own |= {n.found.expr.adjoint for n in page.all_names if n.found is not None and n.found.bar and isinstance(n.found.expr, Var)}
    own |= {v for v in own if isinstance(v, Var)}
    writer, queue = hand(page), list(known[:1])
    found: list[str] = []
    seen: set[Expr] = set()
    while queue and len(found) < most:
        e = queue.pop(0)
        for v in postorder(e):
            if isinstance(v, Var) and v.bar and v not in own and v not in seen:
                seen.add(v)
                more = list(_formulas(system, Value(v)))[:2]
                found += _written(writer, more)
                queue += more[:1]
    return list(dict.fromkeys(found))


def _written(writer: Hand, some: list[Expr]) -> list[str]:
    texts = []
    for e in some:
        try:
            texts.append(writer.tex(e))
        except (DeriveError, RecursionError):
            continue
    return texts


def expected(checker: Checker, link: Link) -> str | None:
    """The engine's right side for the left side; None where it has none."""
    return next(iter(texts(checker, link, None)), None)


def truth(checker: Checker, link: Link) -> str | None:
    """The whole relation as the engine has it."""
    right = expected(checker, link)
    left = " ".join(link.source[link.left.start : link.left.end].split())
    return f"{left} = {right}" if right is not None else None
