"""The web page on which a team sees where it stands. It reads the published marts and nothing else."""
