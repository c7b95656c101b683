"""Remembers: requests, jobs, pictures, people. The only code that speaks SQL; see README.md."""
