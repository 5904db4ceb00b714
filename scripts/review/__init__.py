"""Comparing two versions of the contract: what breaks whom, what is new, what is wording."""
