"""Are the answers any good? Judges mark a sample of the calls; a failed judgement is never a mark."""
