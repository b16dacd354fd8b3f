"""Hand derivations: a verdict on every relation, the first wrong one, the slip, a counterexample."""

from derive.check.checker import Checker, check_text
from derive.check.lines import Line, Report, Slip

__all__ = ["Checker", "Line", "Report", "Slip", "check_text"]
