"""Projects and the people in them: who may open what, sign-on, and who changed what."""
