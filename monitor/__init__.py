"""The engine of Vigil: takes what services push, answers PromQL, and tells people. Knows nothing of pages."""
