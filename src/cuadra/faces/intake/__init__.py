"""Where platforms send their notices: each is judged, stored, and only then acknowledged."""
