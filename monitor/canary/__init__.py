"""May this version go on? Canary against stable, with evidence that stays valid however often one looks."""
