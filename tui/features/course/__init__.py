"""The course: lessons with questions, and the screens that they are about."""
