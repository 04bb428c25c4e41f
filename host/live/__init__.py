"""Pictures that follow a hand on a node: a brush, sliders, a drag that turns a head."""
