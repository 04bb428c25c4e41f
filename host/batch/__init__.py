"""Rows of a batch through the host's models."""
