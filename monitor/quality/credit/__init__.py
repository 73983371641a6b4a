"""What each retrieved document gave to one answer: the answer is scored again without it, by the model itself.

Asked for by a person, one call at a time, with the cost shown before. Needs an engine that offers prompt
log-probabilities. It says what made the words likelier for the model, not what is true.
"""
