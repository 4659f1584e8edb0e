"""The Admin API in GraphQL: its fields, its lists and searches, what it costs and who may see what."""
