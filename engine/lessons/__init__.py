"""Lessons: courses as text files, answers and their checks, and the page that is handed in."""
