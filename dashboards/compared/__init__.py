"""Compare, part by part: which sides, their calls, their charts, like prompts, and the files that leave the page."""
