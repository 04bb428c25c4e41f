"""Scores of the demo models, made by the host's own sampler."""
