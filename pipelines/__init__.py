"""Dagster, and the only place with settings, secrets and the warehouse."""
