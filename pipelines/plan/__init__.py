"""The plan's analysis: what the goal requires, what will come of it, and what to do."""
