"""How fast the tables are, beside a bare Streamlit page: ``python -m tests.bench``. Nothing here is a test."""
