"""The page: label, train and look at one camera's video."""
