"""How good it is: methods on scenes, tables and pages."""
