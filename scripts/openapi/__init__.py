"""OpenAPI contracts: reading, resolving and walking, generation of code, lint and diff."""
