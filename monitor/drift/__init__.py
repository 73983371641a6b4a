"""Are the inputs and outputs still themselves? Watches compare the last hour with a pinned reference."""
