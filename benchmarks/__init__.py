"""Speed and memory: ``make bench`` prints every figure of docs/benchmarks.md, each with the command to repeat it."""
