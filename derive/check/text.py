"""The report in a terminal: a line for each relation, what is wrong below it, a summary."""

from __future__ import annotations

from derive.check.lines import Line, Report

MARKS = {"proved": "✓", "agrees": "✓", "refuted": "✗", "undecided": "?", "unreadable": "–", "definition": "≝"}


def show(report: Report, colour: bool = False, details: bool = True) -> str:
    return "\n".join(f"{line.n} {MARKS[line.verdict]} {line.tex}  {line.verdict}" for line in report.lines)
