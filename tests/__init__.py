"""The tests, by what they need: see STYLE in ``docs/``; ``make test`` runs them all."""
