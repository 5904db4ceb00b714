"""Statements on PostgreSQL: connection strings, pool, limiter, retries."""
