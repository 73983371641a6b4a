"""Admin pages as every subject builds them: the look, people kept in their projects, forms from declared fields."""
