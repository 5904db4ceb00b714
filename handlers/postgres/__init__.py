"""Statements on PostgreSQL: connections, fairness, retries."""
