"""The pages people open. They ask the engine; they never dig in it."""
