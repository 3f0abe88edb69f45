"""How blocks are worked on: plans, budgets, workers, and what is remembered of them."""
