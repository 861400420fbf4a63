"""The ledger: claims.toml says what is printed; each test_*.py holds the checks of one group of claims."""
