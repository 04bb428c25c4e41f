"""Training: stages that resume exactly, losses, and the recipe of the demo models."""
