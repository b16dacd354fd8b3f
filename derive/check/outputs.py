"""The loss of a network without one: any loss of all that it computes, or of its last quantity alone."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from derive.expr import DeriveError, Var, opaque, var
from derive.reader import names
from derive.reader.meaning import Meaning, Reading
from derive.reader.statements import Link
from derive.reader.syntax import Symbol, walk
from derive.system import Equation, OpenFunction, System

if TYPE_CHECKING:
    from derive.check.checker import Checker
    from derive.check.claims import Claim
    from derive.check.lines import Line

NAME = "own_loss"


def judged(checker: Checker, link: Link, claims: list[Claim], line: Line) -> Line | None:
    """A line on ∂L/∂v that holds where L depends on the last quantity alone, beside others that nothing uses: s = √(v + ε)."""
    scope = checker.part.scope
    if scope.system is None or not _speaks(checker, link):
        return None
    key = (id(scope.system), NAME)
    if key not in checker.special:
        checker.special[key] = _with_loss(scope.system)
    if checker.special[key] is scope.system:
        return None
    others = {e.name for e in _beside(scope.system)}
    if any(v.bar and v.name in others for c in claims for side in (c.left, c.right) for v in side.atoms(Var)):
        return None  # the line speaks of how the loss depends on what it is said not to depend on
    saved, checker.part = checker.part, replace(checker.part, scope=replace(scope.copy(), system=checker.special[key]))
    try:
        held = next(
            (v for c in checker.claims(link)[0] if not c.strangers and (v := checker.decide(c)) is not None and v.holds and checker.says(c)),
            None,
        )
    except DeriveError:
        return None
    finally:
        checker.part = saved
    if held is None or scope.system.returned is None:
        return None
    reason = f"{held.reason}; with a loss of {scope.system.returned.name} alone"
    return replace(line, verdict=held.verdict, reason=reason, bound=held.bound)


def _speaks(checker: Checker, link: Link) -> bool:
    """Whether a line speaks of the loss that the network doesn't have."""
    m = Meaning(checker.part.scope, Reading(), link.source)
    return any(isinstance(n, Symbol) and names.open_loss(m, n) is not None for side in (link.left, link.right) for n in walk(side))


def _beside(system: System) -> list[Equation]:
    """Numbers that nothing uses, and that are made of what an equation of what is used is made of: names for a part of it."""
    used = {v.name for e in system.equations for v in e.right.atoms(Var)}
    ends = [e for e in system.equations if e.name not in used and e.left is not system.returned]
    made = [{v.name for v in e.right.atoms(Var)} for e in system.equations if e not in ends]
    numbers = [e for e in ends if not any(v.shape for v in (e.left, *e.right.atoms(Var)))]
    named = [e for e in numbers if any({v.name for v in e.right.atoms(Var)} <= names_ for names_ in made)]
    return named if len(named) == len(ends) else []


def _with_loss(system: System) -> System:
    """The network with an open loss of its last quantity; as it is where that is all that nothing uses."""
    last = system.returned
    if last is None or last.time is not None or not _beside(system):
        return system
    loss = var(NAME, ())
    equation = Equation(loss, opaque(NAME, None, last), NAME)
    return replace(
        system, equations=(*system.equations, equation), functions=(*system.functions, OpenFunction(NAME)), loss=loss, returned=loss
    )


__all__ = ["judged"]
