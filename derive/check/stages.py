"""The stages of a document, num = e^f, den = Σ num, p = num / den, as quantities of the network: then there is a ∂L/∂num."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from derive.check.lines import Line
from derive.check.readings import readings
from derive.expr import DeriveError, Var, var
from derive.reader import names
from derive.reader.fillers import Filler
from derive.reader.meaning import Meaning, Reading
from derive.reader.scope import Key, Named, Scope, identifier
from derive.reader.statements import Link
from derive.reader.syntax import Symbol, unscripted, walk
from derive.reader.values import unlabelled
from derive.system import Equation, System

if TYPE_CHECKING:
    from derive.check.checker import Checker
    from derive.check.settings import Part

LOSS = (("", ()), "")  # the key of the line that says what the loss is in terms of the stages


def lost(reason: str) -> bool:
    """Whether a line was left open because something that the document computes is no quantity of the problem."""
    return "does not occur as it stands" in reason


def says_more(scope: Scope, link: Link) -> None:
    """Remember a line that holds and says a stage, or the loss, by other stages: p_k = num_k / den."""
    base = unscripted(link.left)
    heads = _heads(link) & {key[0] for key, _ in scope.stages}
    if not heads or not isinstance(base, Symbol):
        return
    found = names.find(Meaning(scope, Reading(), link.source), link.left)
    if found is not None and found.expr is scope.loss:
        scope.stages.pop(LOSS, None)
        scope.stages[LOSS] = (link, ())
        return
    for key, (earlier, labels) in scope.stages.items():
        if earlier.left == link.left and base.head not in _below(scope, heads):
            scope.stages[key] = (link, labels)
            return


def _heads(link: Link) -> set[str]:
    return {n.head for n in walk(link.right) if isinstance(n, Symbol)}


def _below(scope: Scope, heads: set[str]) -> set[str]:
    """The stages that these are made of, with themselves."""
    known = {key[0]: _heads(link) for (key, _), (link, _) in scope.stages.items() if key[0]}
    found: set[str] = set()
    waiting = list(heads)
    while waiting:
        head = waiting.pop()
        if head in known and head not in found:
            found.add(head)
            waiting += known[head]
    return found


def judged(checker: Checker, link: Link, line: Line) -> Line | None:
    """The verdict where the names that the document gives formulas are quantities of the network."""
    staged = part(checker)
    if staged is None:
        return None
    saved, checker.part = checker.part, staged
    try:
        found = checker.judged(link, line)
        says = any(checker.says(claim) for claim in checker.claims(link)[0])
    except DeriveError:
        return None
    finally:
        checker.part = saved
    return found if found.verdict in ("proved", "agrees", "refuted") and says else None


def part(checker: Checker) -> Part | None:
    """The part with a network that goes through the document's stages; None where the document doesn't say what its loss is."""
    here = checker.part
    system, stages = here.scope.system, here.scope.stages
    if system is None or LOSS not in stages:
        return None
    key = (id(system), tuple(link.tex for link, _ in stages.values()))
    if key not in checker.staged:
        checker.staged[key] = _scope(here.scope, system)
    scope = checker.staged[key]
    return replace(here, scope=scope) if scope is not None else None


def _scope(old: Scope, system: System) -> Scope | None:
    scope = old.copy()
    equations: dict[str, Equation] = {}
    loss: Var | None = None
    made: dict[tuple[Key, str], Var] = {}
    for (key, tag), (link, labels) in old.stages.items():  # every stage is a quantity before any formula is read by stages
        with suppress(DeriveError):
            name = identifier(key, tag) if (key, tag) != LOSS else "own_loss"
            v = var(name if name not in system.quantities else f"own_{name}", _read(old, link, labels).shape)
            made[key, tag] = v
            kept = [n for n in scope.names.get(key, []) if n.tag != tag]
            scope.names[key] = [Named(tag, v, introduced=True, letters=labels), *kept]
    for (key, tag), v in made.items():
        link, labels = old.stages[key, tag]
        with suppress(DeriveError):
            expr = _read(scope, link, labels)
            equations[v.name] = Equation(v, expr, link.tex)
            if (key, tag) == LOSS and not expr.shape:
                loss = v
    if loss is None:
        return None
    for key, found in scope.names.items():  # the loss of the problem goes by way of the stages, too
        scope.names[key] = [replace(n, expr=loss) if n.expr is system.loss else n for n in found]
    known = {*system.quantities, *equations}
    new = {v.name: v for e in equations.values() for v in e.right.atoms(Var) if v.name not in known and not v.bar}
    scope.names.pop(LOSS[0], None)
    scope.objective = None
    scope.system = replace(
        system,
        declared=(*system.declared, *new.values()),
        equations=(*system.equations, *equations.values()),
        loss=loss,
        returned=loss,
    )
    return scope


def _read(scope: Scope, link: Link, labels: tuple[str, ...]):
    for reading in readings(scope, link):
        m = Meaning(scope, reading, link.source, free_scalars=True)
        m.learn(link.left)
        m.learn(link.right)
        value = m.value(link.right)
        if isinstance(value, Filler) or set(value.labels) != set(labels):
            break
        return unlabelled(value, labels) if labels else value.expr
    raise DeriveError("a stage that is no array by itself")


__all__ = ["judged", "lost", "part", "says_more"]
