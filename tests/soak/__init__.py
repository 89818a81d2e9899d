"""Hours of use in minutes: nothing may grow, and nothing may be lost."""
