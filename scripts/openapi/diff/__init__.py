"""Comparison of two contracts: breaking changes, compatible changes and wording."""
