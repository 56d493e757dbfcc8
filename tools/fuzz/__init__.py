"""`hatch run fuzz`: arbitrary bytes against the parsers, guided by coverage (atheris).

A target is a function in `tools.fuzz.targets` that takes bytes and raises AssertionError, or
whatever the code under it should not have raised, when its invariant does not hold. Each has seeds
in `tools.fuzz.seeds`. Targets need no atheris: the everyday tests run them on their seeds.
"""
