"""Remembers: jobs, results, people. The only code that imports aiosqlite. Empty until something is kept (README.md)."""
