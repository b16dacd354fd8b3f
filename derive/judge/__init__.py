"""The judge: whether two expressions are equal, in a network or for free quantities, with a proof, a bound or a counterexample."""

from derive.judge.verdict import Counterexample, Court, Verdict, judge

__all__ = ["Counterexample", "Court", "Verdict", "judge"]
