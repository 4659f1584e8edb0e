"""The faces: what a person types and reads."""
