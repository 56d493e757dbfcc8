"""`hatch run bench`: CPU time per operation, ours beside the rivals', round by round in turn.

A case (`tools.bench.cases`) has variants: the first is ours, the second is what the ratios are to.
The harness calls each variant in turn, round after round, so that what disturbs the machine
disturbs all of them alike, and compares within a round. Servers run in other processes, so that
their time is not counted.
"""
