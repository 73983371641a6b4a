"""Table of contents: what ops people edit, by subject."""
