"""The computational graph as a picture: one layout, drawn as TikZ and as SVG.

Nodes stand in columns by their distance from the inputs. Parameters are left out: every equation shows its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from derive.expr import Instant, Var
from derive.printing import Style, write
from derive.system import INDEX, System, occurrences

LIMIT = 30  # nodes; a larger graph is not a picture
PARAMETERS = frozenset("wWuUvVbBA")


@dataclass
class Spot:
    """One node of the picture; column and row in units of the grid."""

    node: Var
    column: int
    row: float = 0.0
    given: bool = False


@dataclass
class Picture:
    spots: dict[Var, Spot]
    edges: list[tuple[Var, Var]]
    adjoints: bool
    values: dict[Var, str] = field(default_factory=dict)

    @property
    def columns(self) -> int:
        return 1 + max(s.column for s in self.spots.values())


def picture(system: System, adjoints: bool = True) -> Picture | None:
    """The graph of the equations, for a sequence at one instant; None where it is too large to be read."""
    edges = _edges(system)
    nodes = list(dict.fromkeys([v for edge in edges for v in edge] + [e.left for e in system.equations]))
    if len(nodes) > LIMIT:
        return None
    columns = _columns(nodes, edges)
    spots = {v: Spot(v, columns[v], given=v.name not in system.by_name or _earlier(v)) for v in nodes}
    _rows(spots, edges)
    return Picture(spots, edges, adjoints)


def _earlier(v: Var) -> bool:
    return v.time is not None and (v.time.offset < 0 if v.time.base == INDEX else False)


def _edges(system: System) -> list[tuple[Var, Var]]:
    found: dict[tuple[Var, Var], None] = {}
    for e in system.equations:
        for v in occurrences(e.right):
            shown = v if v.time is None or v.time.base == INDEX else v.at(Instant(INDEX))
            if shown.name in system.by_name or not _is_parameter(shown):
                found[shown, e.left] = None
    return list(found)


def _is_parameter(v: Var) -> bool:
    return (len(v.shape) == 2 and v.name[0] not in "XY") or (v.name[0] in PARAMETERS and v.time is None)


def _columns(nodes: list[Var], edges: list[tuple[Var, Var]]) -> dict[Var, int]:
    """The longest path to each node; what is given stands just before its first use."""
    column = dict.fromkeys(nodes, 0)
    for _ in nodes:
        changed = False
        for a, b in edges:
            if column[b] < column[a] + 1:
                column[b] = column[a] + 1
                changed = True
        if not changed:
            break
    sources = {v for v in nodes if all(b is not v for _, b in edges)}
    for v in sources:
        uses = [column[b] for a, b in edges if a is v]
        if uses:
            column[v] = max(min(uses) - 1, 0)
    return column


def _rows(spots: dict[Var, Spot], edges: list[tuple[Var, Var]]) -> None:
    """Rows by the mean of the neighbours' rows, columns from left to right and back; ties keep their order."""
    by_column: dict[int, list[Spot]] = {}
    for s in spots.values():
        by_column.setdefault(s.column, []).append(s)
    for column in by_column.values():
        _spread(column)
    for sweep in (1, -1, 1):
        for c in sorted(by_column, reverse=sweep < 0):
            for s in by_column[c]:
                near = [
                    spots[a if b is s.node else b].row
                    for a, b in edges
                    if s.node in (a, b) and (spots[a if b is s.node else b].column - c) * sweep < 0
                ]
                s.row = sum(near) / len(near) if near else s.row
            by_column[c].sort(key=lambda s: s.row)
            _spread(by_column[c])


def _spread(column: list[Spot]) -> None:
    for k, s in enumerate(column):
        s.row = k - (len(column) - 1) / 2


# -- drawing ------------------------------------------------------------------------------------------------------


def _bend(p: Picture, a: Var, b: Var) -> float:
    """Long edges are bent, so that they pass between the nodes: degrees, to the left as seen along the edge."""
    first, last = p.spots[a], p.spots[b]
    between = [s for s in p.spots.values() if first.column < s.column < last.column]
    if not between:
        return 0
    slope = (last.row - first.row) / (last.column - first.column)
    near = [s for s in between if abs(s.row - first.row - slope * (s.column - first.column)) < 0.45]
    if not near:
        return 0
    return 24 if first.row + last.row > 0 or (first.row + last.row == 0 and last.column - first.column > 2) else -24


def tikz(p: Picture, style: Style) -> str:
    """TikZ code; needs the library arrows.meta."""
    wide = min(1.75, 14.5 / max(p.columns - 1, 1))
    high = 1.4
    names = {v: f"n{k}" for k, v in enumerate(p.spots)}
    lines = []
    for v, s in p.spots.items():
        kind = "given" if s.given else "node"
        lines.append(
            rf"\node[{kind}] ({names[v]}) at ({s.column * wide:.2f},{-s.row * high:.2f}) {{${write(v, 'latex', style)}$}};"
        )
        notes = []
        if p.adjoints and not _earlier(v):
            notes.append(rf"\textcolor{{adjoint}}{{${write(v.adjoint, 'latex', style)}$}}")
        if v in p.values:
            notes.append(rf"\textcolor{{value}}{{{p.values[v]}}}")
        if notes:
            lines.append(rf"\node[label] at ({s.column * wide:.2f},{-s.row * high - 0.6:.2f}) {{{'~'.join(notes)}}};")
    for a, b in p.edges:
        bend = _bend(p, a, b)
        turn = f"[bend {'left' if bend < 0 else 'right'}={abs(bend):.0f}]" if bend else ""
        lines.append(rf"\draw[->] ({names[a]}) to{turn} ({names[b]});")
    return "\n".join(lines)


def svg(p: Picture, style: Style) -> str:
    """A self-contained SVG element; labels are MathML."""
    wide, high, radius = min(92.0, 760 / max(p.columns - 1, 1)), 68.0, 20.0
    top = min(s.row for s in p.spots.values())
    bottom = max(s.row for s in p.spots.values())
    size = ((p.columns - 1) * wide + 80, (bottom - top) * high + 100)

    def place(v: Var) -> tuple[float, float]:
        s = p.spots[v]
        return 40 + s.column * wide, 38 + (s.row - top) * high

    parts = [_edge(place(a), place(b), radius, _bend(p, a, b)) for a, b in p.edges]
    for v, s in p.spots.items():
        x, y = place(v)
        dash = ' stroke-dasharray="3 3"' if s.given else ""
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.0f}" class="node"{dash}/>')
        parts.append(_math_label(x, y, write(v, "mathml", style), "symbol lag" if _earlier(v) else "symbol"))
        if p.adjoints and not _earlier(v):
            parts.append(_math_label(x, y + 32, write(v.adjoint, "mathml", style), "adjoint"))
        if v in p.values:
            parts.append(f'<text x="{x:.1f}" y="{y - 25:.1f}" class="value">{p.values[v]}</text>')
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size[0]:.0f} {size[1]:.0f}" width="{size[0]:.0f}" role="img" '
        f'aria-label="computational graph"><defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
        f'markerHeight="7" orient="auto"><path d="M0,1 L7,4 L0,7 z"/></marker></defs>'
    )
    return head + "".join(parts) + "</svg>"


def _math_label(x: float, y: float, mathml: str, kind: str) -> str:
    box = f'x="{x - 30:.1f}" y="{y - 13:.1f}" width="60" height="26"'
    label = f'<div xmlns="http://www.w3.org/1999/xhtml" class="{kind}">{mathml}</div>'
    return f"<foreignObject {box}>{label}</foreignObject>"


def _edge(a: tuple[float, float], b: tuple[float, float], radius: float, bend: float) -> str:
    (x1, y1), (x2, y2) = a, b
    length = ((x2 - x1) ** 2 + (y2 - y1) ** 2) ** 0.5 or 1.0
    ux, uy = (x2 - x1) / length, (y2 - y1) / length
    lift = length * 0.22 * (1 if bend > 0 else -1) if bend else 0.0
    mx, my = (x1 + x2) / 2 - uy * lift, (y1 + y2) / 2 + ux * lift
    sx, sy = _towards((x1, y1), (mx, my), radius)
    ex, ey = _towards((x2, y2), (mx, my), radius)
    return f'<path d="M{sx:.1f},{sy:.1f} Q{mx:.1f},{my:.1f} {ex:.1f},{ey:.1f}" class="edge" marker-end="url(#tip)"/>'


def _towards(a: tuple[float, float], b: tuple[float, float], by: float) -> tuple[float, float]:
    length = ((b[0] - a[0]) ** 2 + (b[1] - a[1]) ** 2) ** 0.5 or 1.0
    return a[0] + (b[0] - a[0]) * by / length, a[1] + (b[1] - a[1]) * by / length
