"""The host's models as what a bridge is trained with."""
