"""The recipe that trains the demo models on the head world, stage by stage."""
