"""The REST face of a shop: what each path answers, accepts and refuses."""
