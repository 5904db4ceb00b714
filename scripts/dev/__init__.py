"""The environment, PostgreSQL, Node and tokens of development, shared by commands and tests."""
