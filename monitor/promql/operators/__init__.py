"""Operators: aggregation, arithmetic and comparison, negation, subqueries."""
