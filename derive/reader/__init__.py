"""Reading LaTeX derivations: text to tokens, tokens to syntax, syntax with a scope to expressions. Nothing is ever evaluated as code."""
